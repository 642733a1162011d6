"""The program in a terminal: colours, progress, and what is drawn in its place."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from agent import BINARY, Agent
from specs import bucket, plain
from terminal import Terminal
from waiting import free_port

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Starts the program in a terminal; an empty value takes a variable away."""
    begun: list[Terminal] = []

    def begin(*arguments: str | Path, **variables: str) -> Terminal:
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TERM": "xterm-256color", **KEYS, **variables}
        it = Terminal([BINARY, *arguments], {name: value for name, value in environment.items() if value})
        begun.append(it)
        return it

    yield begin
    for it in begun:
        it.stop()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """The S3 server that is built in, with bad weather where a test wants it."""
    begun: list[subprocess.Popen] = []

    def begin(*arguments: str) -> str:
        command = [BINARY, "sandbox", "--listen", "127.0.0.1:0", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        begun.append(process)
        line = process.stdout.readline()
        return re.match(r"S3 at (http://\S+)", line).group(1)

    yield begin
    for process in begun:
        process.terminate()
        assert process.wait(30) == 0


def specs(folder: Path) -> Path:
    """A bucket with one difference, from recorded values."""
    folder.mkdir()
    (folder / "a.yaml").write_text(plain("ai-model-data"))
    (folder.parent / "live.yaml").write_text("buckets:\n  ai-model-data: {versioning: {status: Suspended}}\n")
    return folder


def test_a_terminal_has_colours_unless_the_environment_forbids_them(terminal, tmp_path):
    plan = ("plan", specs(tmp_path / "specs"), "--live", tmp_path / "live.yaml")
    inked = terminal(*plan)
    assert inked.ends() == 2
    assert "\x1b[33m~\x1b[0m versioning" in inked.raw, inked.raw
    for variables in [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"CLICOLOR": "0"}]:
        bare = terminal(*plan, **variables)
        assert bare.ends() == 2
        assert "\x1b" not in bare.raw, variables
        assert bare.said() == inked.said(), variables
    never = terminal(*plan, "--color", "never")
    assert never.ends() == 2
    assert "\x1b" not in never.raw
    always = terminal(*plan, "--color", "always", TERM="dumb", NO_COLOR="1")
    always.ends()
    assert always.raw == inked.raw


def test_what_takes_long_shows_how_far_it_is_and_leaves_nothing_behind(terminal, sandbox, tmp_path):
    slow = sandbox("--buckets", "3", "--latency", "700")
    it = terminal("scan", "--endpoint", slow)
    it.shows("looking at buckets [")
    assert it.ends() == 2
    first = min(moment for moment, piece in it.pieces if piece.strip())
    assert first >= 1.0, f"something was shown after {first:.2f} s"
    assert "looking at buckets" not in it.said() and "connecting" not in it.said(), it.said()
    assert it.said().splitlines()[-1] == "6 held", it.said()

    # The same in CI, and on a terminal that cannot draw.
    for variables in [{"CI": "true"}, {"TERM": "dumb"}]:
        quiet = terminal("scan", "--endpoint", slow, **variables)
        assert quiet.ends() == 2
        assert "looking at" not in quiet.raw, variables
        assert quiet.said() == it.said(), variables


def test_what_is_quick_is_never_announced(terminal, sandbox):
    it = terminal("scan", "--endpoint", sandbox("--buckets", "3"))
    assert it.ends() == 2
    assert "looking at" not in it.raw and "connecting" not in it.raw and "\x1b[2K" not in it.raw, it.raw


def test_a_watched_fleet_is_drawn_in_its_place(terminal, sandbox, tmp_path):
    s3 = sandbox("--buckets", "2", "--name", "ai-{n}", "--compliant")
    folder = tmp_path / "specs"
    folder.mkdir()
    for name in ["ai-000000", "ai-000001"]:
        (folder / f"{name}.yaml").write_text(bucket(name, mode="observe"))
    agent = Agent(tmp_path, SimpleNamespace(url=s3), {})
    agent.config["source"] = {"dir": str(folder)}
    agent.config["http"]["listen"] = f"127.0.0.1:{free_port()}"
    agent.start()
    agent.first_sweep()
    try:
        it = terminal("status", "--watch", "--address", agent.address)
        it.shows("2 buckets: 2 in sync")
        assert it.said().count("buckets: ") == 1, it.said()
        client = boto3.client(
            "s3", endpoint_url=s3, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        client.put_bucket_versioning(Bucket="ai-000001", VersioningConfiguration={"Status": "Suspended"})
        agent.sweep()
        it.shows("2 buckets: 1 in sync, 1 drifted")
        shown = it.shows("ai-000001  drifted (versioned) for ")
        assert shown.count("buckets: ") == 1 and "watching; Ctrl-C ends it" in shown, shown
        assert agent.stop() == 0
        it.shows("does not answer: ")
        assert it.said().count("buckets: ") == 1, it.said()
        agent.start()
        it.shows("was restarted and answers again after")
        it.press("\x03")
        assert it.ends() == 0
        assert it.said().count("buckets: ") == 1, it.said()
    finally:
        if agent.process is not None:
            assert agent.stop() == 0
