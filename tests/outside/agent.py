"""The real program, run as a user runs it: a configuration file, and nothing but its outside."""

import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import yaml

from repositories import Repository
from stores import ROOT, Recorder
from waiting import PATIENCE, until

BINARY = Path(os.environ.get("DRIFTLESS_BIN", ROOT / "target" / "debug" / "driftless"))
TOKEN = "another-long-random-word"
# A date that no test lives to see: sweeps come only from revisions and from `sync`.
NEVER = "0 0 29 2 *"


class Agent:
    """`driftless run`."""

    def __init__(
        self, folder: Path, recorder: Recorder, source: dict, keys: tuple[str, str] = ("test", "test"), **changes: object
    ) -> None:
        assert BINARY.exists(), f"{BINARY} is missing: `make build` makes it, DRIFTLESS_BIN names another"
        self.folder = folder
        self.log = folder / "driftless.log"
        self.log.touch()
        token = folder / "sync-token"
        token.write_text(TOKEN)
        self.config = {
            "source": {"git": source, "interval": "500ms", "timeout": "30s"},
            "accounts": [{"endpoint": recorder.url, "pathStyle": True, "region": "us-east-1"}],
            "schedule": {"cron": NEVER, "jitter": "0s"},
            "http": {"listen": "127.0.0.1:0", "syncTokenFile": str(token)},
            "dataDir": str(folder / "data"),
            **changes,
        }
        self.keys = keys
        self.process: subprocess.Popen | None = None
        self.address = ""

    def start(self) -> None:
        config = self.folder / "driftless.yaml"
        config.write_text(yaml.safe_dump(self.config))
        before = self.log.stat().st_size
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "RUST_BACKTRACE": "1",
            **self.credentials(),
        }
        with self.log.open("ab") as log:
            command = [BINARY, "--config", config, "run"]
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

        def address() -> str:
            assert self.process is not None and self.process.poll() is None, f"it ended:\n{self.said()}"
            found = re.search(r"page, API and health at (http://\S+?)/?\s", self.log.read_text()[before:])
            return found.group(1) if found else ""

        self.address = until("the program says where its page is", address, said=self.said)

    def credentials(self) -> dict[str, str]:
        key, secret = self.keys
        return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_EC2_METADATA_DISABLED": "true"}

    def endpoints(self, *arguments: str) -> tuple[int, str]:
        """The exit code and the text of `driftless endpoints`."""
        command = [BINARY, "endpoints", *arguments]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.credentials()}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60,
        )
        return done.returncode, done.stdout + done.stderr

    def stop(self) -> int:
        """Sends SIGTERM and returns the exit code."""
        self.terminate()
        return self.ended()

    def terminate(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        assert self.process is not None
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"it did not end on SIGTERM:\n{self.said()}") from None
        self.process = None
        return code

    def said(self) -> str:
        return self.log.read_text()

    def history(self, *arguments: str) -> tuple[int, str]:
        """The exit code and the text of `driftless history` over what it has written down."""
        command = [BINARY, "history", "--data-dir", self.config["dataDir"], *arguments]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        """The status and the body of an answer of its HTTP server."""
        request = urllib.request.Request(self.address + path, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode()

    def json(self, path: str) -> dict:
        status, body = self.ask(path)
        assert status == 200, f"{path}: {status} {body}"
        return json.loads(body)

    def status(self) -> dict:
        return self.json("/api/v1/status")

    def bucket(self, name: str) -> dict:
        return self.json(f"/api/v1/buckets/default/{name}")

    def setting(self, bucket: str, setting: str) -> dict:
        """How a bucket stands to what its spec says of a setting."""
        return next(it for it in self.bucket(bucket)["settings"] if it["setting"] == setting)

    def policy(self, bucket: str, policy: str) -> dict:
        return next(it for it in self.bucket(bucket)["policies"] if it["policy"] == policy)

    def repaired(self, bucket: str) -> dict[str, dict]:
        """The proved repairs of a bucket by setting, the newest of each."""
        repairs = [it for it in self.bucket(bucket).get("repairs", []) if it["result"] == "applied"]
        return {it["setting"]: it for it in reversed(repairs)}

    def held(self, bucket: str) -> list[dict]:
        return self.bucket(bucket).get("held", [])

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels; a label's value may be a pattern."""
        status, text = self.ask("/metrics")
        assert status == 200, text
        total = 0.0
        for line in text.splitlines():
            sample = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if sample and sample.group(1) == name:
                have = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample.group(2) or ""))
                if all(re.fullmatch(wanted, have.get(label, "")) for label, wanted in labels.items()):
                    total += float(sample.group(3))
        return total

    def writes(self) -> float:
        """Requests so far that write, as the program itself counts them."""
        return self.metric("driftless_aws_requests_total", operation="(Put|Delete|Create).*")

    def sweep(self) -> dict:
        """Asks for a sweep, and returns its report when it has ended."""
        asked = self.status()["now"]
        self.wake()
        return self.swept_since(asked)

    def wake(self) -> None:
        """Asks for a sweep."""
        status, body = self.ask("/api/v1/sync", "POST", authorization=f"Bearer {TOKEN}")
        assert status == 202, body

    def ask_endpoints(self) -> dict:
        """Has it ask the endpoints again what they can do, and returns the report of that sweep."""
        asked = self.status()["now"]
        status, body = self.ask("/api/v1/endpoints", "POST", authorization=f"Bearer {TOKEN}")
        assert status == 202, body
        return self.swept_since(asked)

    def first_sweep(self) -> dict:
        """The report of the first sweep of this life."""
        return self.swept_since("")

    def fails_to_fetch(self) -> dict:
        """How the source stands once a fetch has failed."""

        def failed() -> dict | None:
            source = self.status()["source"]
            return source if source.get("detail") else None

        return until("a fetch has failed", failed, said=self.said)

    def swept_since(self, moment: str) -> dict:
        def ended() -> dict | None:
            sweep = self.status()["sweep"]
            last = sweep.get("last")
            return last if last and last["startedAt"] >= moment and "running" not in sweep else None

        last = until(f"a sweep that began after {moment} has ended", ended, said=self.said)
        # The page knows it a moment before the log has all of it.
        begun = last["startedAt"][:19]
        told = lambda: re.search(r"sweep of |the sweep was ended", self.since(begun))
        until("the log tells its end", told, said=self.said)
        return last

    def since(self, moment: str) -> str:
        """What the log says from a second on, `2026-11-22T12:00:00`."""
        return "".join(line for line in self.said().splitlines(keepends=True) if line[:19] >= moment)

    def follows(self, revision: str) -> dict:
        """Waits until the revision is in force and the sweep for it has ended."""

        def in_force() -> bool:
            status = self.status()
            return status["source"].get("revision") == revision

        until(f"revision {revision[:12]} is in force", in_force, said=self.said)
        begun = f"revision {revision[:12]} is in force"
        swept = lambda: " sweep of " in self.said().partition(begun)[2]
        until("its sweep has ended", swept, said=self.said)
        return self.status()["sweep"]["last"]


def push(agent: Agent, repository: Repository, message: str, files: dict[str, str | None]) -> dict:
    """Commits and pushes files, and waits until they are in force and swept."""
    return agent.follows(repository.commit(message, files))
