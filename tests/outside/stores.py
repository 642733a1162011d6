"""The independent S3 servers, and the recorder that stands between them and driftless.

Neither server is AWS. What follows is where they are known to differ from it in what these tests
touch; a test that stumbles over something new should be explained here, not loosened.

moto 5.1.22
- A fresh bucket has neither a public access block nor default encryption nor ownership controls;
  on AWS it has all three. Specs have to name them to get them, and they are then writes.
- A sub-resource that it does not know is passed over: GET answers 200 with a list of objects,
  PUT creates the bucket, DELETE deletes it. (AWS passes over unknown query words likewise, but
  has all the sub-resources that driftless asks for.)
- Inventories it lists and keeps, and takes the DELETE of one for that of the bucket. Of one that is
  not there it says NoSuchInventoryConfig, where S3 says NoSuchConfiguration: so no DELETE is sent.
- It answers `Years` 0 beside the days of a default retention, and forgets the prefix of a filter
  of replication.
- It judges no access: the public access block stops no public policy, credentials are any.
- Log delivery must be allowed by the target's ACL or bucket policy, as on AWS.
- Of S3 Control it has the account's public access block, and no tags of buckets. It knows S3 Control
  by the path alone, and answers its errors in the form of S3.

LocalStack 4.9.2 (S3 provider)
- A fresh bucket has AES256, the public access block and BucketOwnerEnforced, as on AWS.
- It judges no access either, and accepts a public policy under the block.
- Log delivery needs no leave of the target bucket; AWS and moto demand it.
- Its S3 Control is moto's.

Both
- Do not know ABAC: `?abac` is passed over, and a GET of it lists objects.
- Do not enforce `x-amz-expected-bucket-owner`, and take a bucket that exists for one's own.
- Answer lifecycle without `TransitionDefaultMinimumObjectSize` when nobody set it.
"""

import datetime
import http.client
import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import boto3
from botocore.config import Config
import pytest

from waiting import QuietServer, answers, free_port, until

ROOT = Path(__file__).resolve().parents[2]


def localstack_python() -> Path:
    """The interpreter of LocalStack's own environment; skips only where its absence is known."""
    python = Path(os.environ.get("DRIFTLESS_LOCALSTACK_PYTHON", ROOT / ".venv" / "localstack" / "bin" / "python"))
    if not python.exists():
        if os.environ.get("DRIFTLESS_WITHOUT_LOCALSTACK") == "1":
            pytest.skip("LocalStack is not installed, and DRIFTLESS_WITHOUT_LOCALSTACK=1 says that this is known")
        pytest.fail(f"{python} is missing: `make test` installs it, DRIFTLESS_WITHOUT_LOCALSTACK=1 goes without")
    return python


class Store:
    """A running S3 server."""

    name: str
    # Whose the credentials `test` are.
    account: str
    # Whether signatures are judged: then who passes requests on may not change the host.
    keeps_host = False

    def __init__(self, folder: Path) -> None:
        self.log = folder / f"{self.name}.log"
        self.port = 0
        for _ in range(5):
            # The port is free now; should somebody else take it first, the next one is tried.
            self.port = free_port()
            with self.log.open("ab") as log:
                self.process = self.start(folder, log)
            started = lambda: self.process.poll() is not None or self.ready()
            until(f"{self.name} is ready", started, 120, lambda: self.log.read_text()[-3000:])
            if self.process.poll() is None:
                return
        pytest.fail(f"{self.name} does not start:\n{self.log.read_text()[-3000:]}")

    def start(self, folder: Path, log) -> subprocess.Popen:
        raise NotImplementedError

    def ready(self) -> bool:
        return answers(self.port)

    def stop(self) -> None:
        self.process.terminate()
        try:
            # LocalStack takes its time, and there is nothing in it to save.
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def client(self, service: str = "s3"):
        """S3, or another service, as somebody else uses it, past the recorder."""
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 3}),
        )


    def account_block(self, method: str = "GET", body: str = "") -> tuple[int, str]:
        """The account's public access block in the hands of somebody else. boto3 puts the account
        into the host name, which is no name of this machine; so it is asked without."""
        scope = "Credential=test/20261122/us-east-1/s3/aws4_request"
        headers = {
            "x-amz-account-id": self.account,
            "authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none",
        }
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            link.request(method, "/v20180820/configuration/publicAccessBlock", body=body or None, headers=headers)
            answer = link.getresponse()
            return answer.status, answer.read().decode()
        finally:
            link.close()


class Moto(Store):
    name = "moto"
    account = "123456789012"

    def start(self, folder: Path, log) -> subprocess.Popen:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        return subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


class LocalStack(Store):
    name = "localstack"
    account = "000000000000"

    def start(self, folder: Path, log) -> subprocess.Popen:
        place = f"127.0.0.1:{self.port}"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            # Its default server listens on every address, whatever it is told.
            "GATEWAY_SERVER": "hypercorn",
            "GATEWAY_LISTEN": place,
            "LOCALSTACK_HOST": place,
            "SERVICES": "s3,s3control,sts",
            "STRICT_SERVICE_LOADING": "1",
            "EAGER_SERVICE_LOADING": "1",
            "DNS_ADDRESS": "0",
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "USE_SSL": "0",
            "FILESYSTEM_ROOT": str(folder / "localstack"),
        }
        command = [localstack_python(), "-m", "localstack.runtime.main"]
        return subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_localstack/health", timeout=5) as answer:
                return json.load(answer)["services"].get("s3") == "running"
        except (OSError, ValueError):
            return False


@dataclass(frozen=True)
class Request:
    """What driftless asked."""

    method: str
    bucket: str
    # The sub-resource, such as `versioning`; empty for the bucket itself.
    part: str
    status: int

    @property
    def writes(self) -> bool:
        return self.method not in ("GET", "HEAD")


@dataclass
class Gate:
    """Holds a request back until it is opened."""

    came: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)


class Recorder:
    """Passes requests on to a store and takes them down.

    It can also take a sub-resource away from the store, as on the many stores that lack one:
    `refused` answers 501, `ignored` drops the word from the query, so that the real server does
    what it does with words it does not know.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.refused: set[str] = set()
        self.ignored: set[str] = set()
        # The clock of who asks goes wrong by so many hours.
        self.hours_off = 0
        self.gates: dict[tuple[str, str], Gate] = {}
        self.seen: list[Request] = []
        self.taken = 0
        self.lock = threading.Lock()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Else head and body go out apart, and the second waits 40 ms for the first's receipt.
            wbufsize = -1
            disable_nagle_algorithm = True

            def log_message(self, *_) -> None:
                pass

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, headers, answer = recorder.answer(self.command, self.path, self.headers, body)
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in ("connection", "transfer-encoding", "content-length", "keep-alive"):
                        self.send_header(name, value)
                if status != 204:
                    self.send_header("content-length", str(len(answer)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer)
                self.wfile.flush()

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        for gate in self.gates.values():
            gate.opened.set()
        self.server.shutdown()
        self.server.server_close()

    def answer(self, method: str, target: str, headers, body: bytes) -> tuple[int, Iterable[tuple[str, str]], bytes]:
        path, query = urlsplit(target).path, parse_qsl(urlsplit(target).query, keep_blank_values=True)
        bucket = path.lstrip("/").split("/")[0]
        part = next((name for name, value in query if value == "" and name != "prefix"), "")
        if gate := self.gates.get((method, part)):
            gate.came.set()
            gate.opened.wait(60)
        if part in self.refused:
            status, heads, answer = 501, [("content-type", "application/xml")], NOT_IMPLEMENTED
        else:
            if part in self.ignored:
                query = [(name, value) for name, value in query if name != part]
                target = path + ("?" + urlencode(query) if query else "")
            status, heads, answer = self.ask(method, target, headers, body)
        with self.lock:
            self.seen.append(Request(method, bucket, part, status))
        return status, heads, answer

    def ask(self, method: str, target: str, headers, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        link = http.client.HTTPConnection("127.0.0.1", self.store.port, timeout=30)
        try:
            hop = {"connection", "content-length"} | (set() if self.store.keeps_host else {"host"})
            kept = {name: value for name, value in headers.items() if name.lower() not in hop}
            if self.store.keeps_host:
                # As a proxy says it that ends TLS.
                kept["X-Forwarded-Proto"] = "https"
            if self.hours_off:
                shift_date(kept, self.hours_off)
            link.request(method, target, body=body or None, headers=kept)
            answer = link.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            link.close()

    def take(self) -> list[Request]:
        """The requests since the last call."""
        with self.lock:
            seen, self.taken = self.seen[self.taken :], len(self.seen)
        return seen

    def every(self) -> list[Request]:
        """All requests so far."""
        with self.lock:
            return list(self.seen)

    def gate(self, method: str, part: str) -> Gate:
        """Holds the requests of this kind back from now on."""
        return self.gates.setdefault((method, part), Gate())


def shift_date(headers: dict[str, str], hours: int) -> None:
    """Dates a request as a clock does that is so many hours off."""
    for name in headers:
        if name.lower() == "x-amz-date":
            moment = datetime.datetime.strptime(headers[name], "%Y%m%dT%H%M%SZ")
            headers[name] = (moment + datetime.timedelta(hours=hours)).strftime("%Y%m%dT%H%M%SZ")


NOT_IMPLEMENTED = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>NotImplemented</Code>'
    b"<Message>A header you provided implies functionality that is not implemented.</Message></Error>"
)
