"""Waiting on conditions, where every wait has a deadline and says what it waited for; and servers."""

import socket
import sys
import threading
import time
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from typing import TypeVar

T = TypeVar("T")

# Generous: a busy machine is no reason for a red test.
PATIENCE = 60.0


def until(what: str, condition: Callable[[], T], seconds: float = PATIENCE, said: Callable[[], str] = str) -> T:
    """Returns the first true value of `condition`; fails with what `said` tells after `seconds`."""
    deadline = time.monotonic() + seconds
    between = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}\n{said()}"
        between.wait(0.03)


def answers(port: int) -> bool:
    """Whether somebody listens on the port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


class QuietServer(ThreadingHTTPServer):
    """A web server that takes it as given that a client ends its connections as it likes."""

    daemon_threads = True

    def handle_error(self, request, client_address) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)
