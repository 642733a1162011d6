"""A terminal: a pty with a program in it, and the screen that a person would see."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path

from waiting import until

# What a program may send beside text: colours, movements, and clearing.
STEER = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")


class Screen:
    """The part of a VT100 that programs here use. Whatever else comes is a fault of the test."""

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.lines: list[list[str]] = [[]]
        self.row = self.column = 0

    def feed(self, text: str) -> None:
        at = 0
        while at < len(text):
            steer = STEER.match(text, at)
            if steer:
                self.steer(steer.group(1), steer.group(2))
                at = steer.end()
                continue
            self.put(text[at])
            at += 1

    def put(self, char: str) -> None:
        if char == "\n":
            self.row += 1
            while len(self.lines) <= self.row:
                self.lines.append([])
        elif char == "\r":
            self.column = 0
        elif char >= " ":
            if self.column == self.columns:
                self.put("\n")
                self.column = 0
            line = self.lines[self.row]
            line.extend(" " * (self.column + 1 - len(line)))
            line[self.column] = char
            self.column += 1

    def steer(self, said: str, what: str) -> None:
        count = int(said) if said.isdigit() else 0
        if what == "A":
            # No further than to the first line that is on the screen.
            self.row = max(self.row - max(count, 1), len(self.lines) - self.rows, 0)
        elif what == "B":
            self.row = min(self.row + max(count, 1), len(self.lines) - 1)
        elif what == "G":
            self.column = max(count, 1) - 1
        elif what == "K":
            line = self.lines[self.row]
            self.lines[self.row] = [] if count == 2 else line[: self.column]
        elif what == "J" and count == 0:
            self.lines[self.row] = self.lines[self.row][: self.column]
            del self.lines[self.row + 1 :]
        elif what not in "mhl":
            raise AssertionError(f"an escape sequence that nobody expects: {said}{what}")

    def text(self) -> str:
        """What stands there, without blank ends of lines and of the screen."""
        return "\n".join("".join(line).rstrip() for line in self.lines).rstrip()


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, command: list[str | Path], environment: dict[str, str], rows: int = 30, columns: int = 100) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

        def settle() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True, preexec_fn=settle
        )
        os.close(theirs)
        self.ours = ours
        self.raw = ""
        # Each piece with the moment at which it came.
        self.pieces: list[tuple[float, str]] = []
        self.screen = Screen(rows, columns)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        while True:
            try:
                piece = os.read(self.ours, 65536).decode(errors="replace")
            except OSError:
                return
            if not piece:
                return
            self.pieces.append((time.monotonic() - self.begun, piece))
            self.raw += piece
            # A sequence may be cut in two: the screen gets it when it is whole.
            whole = self.raw[: self.raw.rfind("\x1b")] if re.search(r"\x1b(\[[0-9;?]*)?$", self.raw) else self.raw
            screen = Screen(self.screen.rows, self.screen.columns)
            screen.feed(whole)
            self.screen = screen

    def shows(self, text: str) -> str:
        """Waits until it stands on the screen."""
        return until(f"the screen shows {text!r}", lambda: self.said() if text in self.said() else "", said=self.said)

    def said(self) -> str:
        return self.screen.text()

    def press(self, key: str) -> None:
        os.write(self.ours, key.encode())

    def ends(self) -> int:
        """Waits for the end, and returns the exit code."""
        code = until("the program ends", lambda: (self.process.poll(),) if self.process.poll() is not None else None)
        self.reader.join(timeout=10)
        return code[0]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)
