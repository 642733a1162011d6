"""Prometheus and Alertmanager as Debian has them, and a receiver of what they page."""

import json
import os
import shutil
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import yaml

from stores import ROOT, Recorder, Store
from waiting import QuietServer, answers, free_port, until

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
DASHBOARDS = ROOT / "deploy" / "grafana" / "dashboards"


def program(name: str, package: str, variable: str) -> str:
    """Where a program is; skips only where its absence is known."""
    found = shutil.which(name)
    if not found:
        if os.environ.get(variable) == "1":
            pytest.skip(f"{name} is not installed, and {variable}=1 says that this is known")
        pytest.fail(f"{name} is missing (Debian: apt-get install {package}); {variable}=1 goes without")
    return found


class Server:
    """A program that listens on a port that was free a moment ago."""

    name: str

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.log = folder / f"{self.name}.log"
        for _ in range(5):
            self.port = free_port()
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(
                    self.command(folder), cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            settled = lambda: self.process.poll() is not None or self.ready()
            until(f"{self.name} is ready", settled, said=self.said)
            if self.process.poll() is None:
                return
        pytest.fail(f"{self.name} does not start:\n{self.said()}")

    def command(self, folder: Path) -> list[str]:
        raise NotImplementedError

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def said(self) -> str:
        return self.log.read_text()[-3000:]

    def get(self, path: str, **fields: str) -> dict:
        address = f"{self.url}{path}?{urllib.parse.urlencode(fields)}"
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{fields}: {error.read().decode()}") from None

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Alertmanager(Server):
    name = "alertmanager"

    def __init__(self, folder: Path, receiver: str) -> None:
        self.binary = program(
            "prometheus-alertmanager", "prometheus-alertmanager", "DRIFTLESS_WITHOUT_ALERTMANAGER"
        )
        self.receiver = receiver
        super().__init__(folder)

    def command(self, folder: Path) -> list[str]:
        config = folder / "alertmanager.yml"
        route = {"receiver": "people", "group_by": ["alertname", "bucket"]}
        waits = {"group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h"}
        hook = {"url": self.receiver, "send_resolved": True}
        config.write_text(
            yaml.safe_dump({"route": {**route, **waits}, "receivers": [{"name": "people", "webhook_configs": [hook]}]})
        )
        place = f"--web.listen-address=127.0.0.1:{self.port}"
        data = f"--storage.path={folder / 'alertmanager'}"
        return [self.binary, f"--config.file={config}", data, place, "--cluster.listen-address="]


class Prometheus(Server):
    """Scrapes every second. Its rules are those that are delivered, with every `for` a second."""

    name = "prometheus"

    def __init__(self, folder: Path, targets: list[str], alertmanager: Alertmanager | None = None) -> None:
        self.binary = program("prometheus", "prometheus", "DRIFTLESS_WITHOUT_PROMTOOL")
        self.targets = [urllib.parse.urlsplit(target).netloc for target in targets]
        self.alertmanager = alertmanager
        super().__init__(folder)

    def command(self, folder: Path) -> list[str]:
        rules = yaml.safe_load(RULES.read_text())
        for rule in every_rule(rules):
            if "for" in rule:
                rule["for"] = "1s"
        (folder / "rules.yml").write_text(yaml.safe_dump(rules))
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [{"job_name": "driftless", "static_configs": [{"targets": self.targets}]}],
        }
        if self.alertmanager:
            place = f"127.0.0.1:{self.alertmanager.port}"
            config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [place]}]}]}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        place = f"--web.listen-address=127.0.0.1:{self.port}"
        data = f"--storage.tsdb.path={folder / 'data'}"
        return [self.binary, f"--config.file={folder / 'prometheus.yml'}", data, place, "--log.level=warn"]

    def ask(self, query: str) -> list[dict]:
        """The samples of a query now."""
        return self.get("/api/v1/query", query=query)["data"]["result"]

    def ask_range(self, query: str, start: float, end: float) -> list[dict]:
        """The series of a query, a sample a second."""
        fields = {"query": query, "start": str(start), "end": str(end), "step": "1"}
        return self.get("/api/v1/query_range", **fields)["data"]["result"]

    def value(self, query: str) -> float | None:
        """The sum of what a query says now; `None` when it says nothing."""
        found = self.ask(query)
        return sum(float(it["value"][1]) for it in found) if found else None


def every_rule(rules: dict) -> list[dict]:
    return [rule for group in rules["groups"] for rule in group["rules"]]


class Receiver:
    """Takes down what Alertmanager sends to people."""

    def __init__(self) -> None:
        self.seen: list[dict] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.seen.extend(json.loads(body)["alerts"])
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"

    def got(self, status: str, **labels: str) -> list[dict]:
        """The alerts of that status and with these labels that have come."""
        fits = lambda alert: alert["status"] == status and labels.items() <= alert["labels"].items()
        return [alert for alert in list(self.seen) if fits(alert)]

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Embedded(Store):
    """driftless's own S3 server."""

    name = "embedded"

    def start(self, folder: Path, log) -> subprocess.Popen:
        from agent import BINARY

        command = [BINARY, "sandbox", "--listen", f"127.0.0.1:{self.port}"]
        return subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def ready(self) -> bool:
        return answers(self.port)


REFUSAL = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{}</Code><Message>As the test has it.</Message></Error>'


class Trouble(Recorder):
    """Refuses some requests, by method, bucket and sub-resource; an empty bucket stands for any.
    The number says how often; the code is S3's."""

    def __init__(self, store: Store) -> None:
        self.refusals: dict[tuple[str, str, str], tuple[int, str, int]] = {}
        super().__init__(store)

    def ask(self, method: str, target: str, headers, body: bytes):
        split = urllib.parse.urlsplit(target)
        bucket = split.path.lstrip("/").split("/")[0]
        words = [name for name, value in urllib.parse.parse_qsl(split.query, keep_blank_values=True) if value == ""]
        for part in words:
            for who in (bucket, ""):
                with self.lock:
                    status, code, times = self.refusals.get((method, who, part), (0, "", 0))
                    if times > 0:
                        self.refusals[(method, who, part)] = (status, code, times - 1)
                if times > 0:
                    return status, [("content-type", "application/xml")], REFUSAL.format(code).encode()
        return super().ask(method, target, headers, body)
