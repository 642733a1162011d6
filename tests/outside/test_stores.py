"""Every setting on every server: the crate's own tests, run against servers made by others.

What the tests are is told in `tests/it/stores/`; here the servers are started for them.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from stores import ROOT, Store


def binary() -> Path:
    """The crate's test binary, as `cargo test` built it."""
    if named := os.environ.get("DRIFTLESS_TESTS_BIN"):
        return ROOT / named
    built = [path for path in (ROOT / "target/debug/deps").glob("it-*") if path.suffix == ""]
    assert built, "the test binary is missing: `cargo test --no-run` makes it, DRIFTLESS_TESTS_BIN names another"
    return max(built, key=lambda path: path.stat().st_mtime)


def keep_their_word(store: Store) -> None:
    environment = {**os.environ, "DRIFTLESS_STORE": f"{store.name} http://127.0.0.1:{store.port} test test"}
    environment["RUST_BACKTRACE"] = "0"
    done = subprocess.run(
        [binary(), "stores::round_trip::", "stores::repairs::"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # It ran, and did not only find nothing to run.
    assert re.search(r"test result: ok\. 2 passed; 0 failed", done.stdout), done.stdout
    if ran := os.environ.get("DRIFTLESS_RAN"):
        with open(ran, "a") as file:
            file.write(f"{store.name}\n")


def test_every_setting_keeps_its_word_or_is_known_not_to(store):
    keep_their_word(store)


def test_every_setting_keeps_its_word_or_is_known_not_to_on_ceph(rgw):
    keep_their_word(rgw)
