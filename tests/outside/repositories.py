"""A real git repository with specs, served by real servers on the loopback address."""

import base64
import getpass
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from waiting import QuietServer, answers, free_port, until

SSHD = Path("/usr/sbin/sshd")
AUTHOR = {
    "GIT_AUTHOR_NAME": "Ada Lovelace",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada Lovelace",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}
# Nobody's own configuration of git takes part.
QUIET = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **QUIET, **AUTHOR, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


class Repository:
    """A bare repository, and the clone of somebody who commits to it and pushes."""

    def __init__(self, folder: Path) -> None:
        self.bare = folder / "specs.git"
        self.clone = folder / "clone"
        run("git", "init", "--quiet", "--bare", "--initial-branch=main", self.bare)
        run("git", "config", "http.receivepack", "true", cwd=self.bare)
        run("git", "init", "--quiet", "--initial-branch=main", self.clone)

    def commit(self, message: str, files: dict[str, str | None]) -> str:
        """Commits files, removes those that are `None`, pushes, and returns the commit."""
        for name, text in files.items():
            path = self.clone / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        run("git", "add", "--all", cwd=self.clone)
        run("git", "commit", "--quiet", "--message", message, cwd=self.clone)
        self.push()
        return self.head()

    def head(self) -> str:
        return run("git", "rev-parse", "HEAD", cwd=self.clone)

    def push(self) -> None:
        raise NotImplementedError

    def source(self) -> dict:
        """What the agent's configuration says of it."""
        raise NotImplementedError

    def spoil(self) -> str:
        """Gives the agent a wrong secret, and returns what it must then say."""
        raise NotImplementedError

    def down(self) -> None:
        """Ends the server."""
        raise NotImplementedError

    def up(self) -> None:
        """Starts the server, where it was before."""
        raise NotImplementedError


class OverHttp(Repository):
    """`git http-backend` behind a small web server that asks for a token."""

    TOKEN = "a-long-random-word"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.token_file = folder / "token"
        self.token_file.write_text(self.TOKEN + "\n")
        self.refused = 0
        self.port = 0
        self.up()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/specs.git"

    def up(self) -> None:
        repository = self
        login = base64.b64encode(f"x-access-token:{self.TOKEN}".encode()).decode()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def log_message(self, *_) -> None:
                pass

            def cgi(self) -> None:
                body = self.body()
                if self.headers.get("authorization") != f"Basic {login}":
                    repository.refused += 1
                    self.send_response(401)
                    self.send_header("www-authenticate", 'Basic realm="specs"')
                    self.send_header("content-length", "0")
                    self.end_headers()
                    return
                asked = urlsplit(self.path)
                environment = {
                    **os.environ,
                    **QUIET,
                    "GIT_PROJECT_ROOT": str(repository.bare.parent),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "REMOTE_USER": "x-access-token",
                    "REQUEST_METHOD": self.command,
                    "PATH_INFO": asked.path,
                    "QUERY_STRING": asked.query,
                    "CONTENT_TYPE": self.headers.get("content-type", ""),
                    "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
                    "CONTENT_LENGTH": str(len(body)),
                    "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
                }
                done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True)
                head, _, answer = done.stdout.partition(b"\r\n\r\n")
                fields = [line.split(": ", 1) for line in head.decode().splitlines()]
                status = next((value for name, value in fields if name == "Status"), "200")
                self.send_response(int(status.split()[0]))
                for name, value in fields:
                    if name != "Status":
                        self.send_header(name, value)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def body(self) -> bytes:
                if self.headers.get("transfer-encoding", "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("content-length", 0)))
                whole = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    whole += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return whole

            do_GET = do_POST = cgi

        self.server = QuietServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def down(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def spoil(self) -> str:
        self.token_file.write_text("wrong")
        return "the server refused the token"

    def push(self) -> None:
        login = base64.b64encode(f"x-access-token:{self.TOKEN}".encode()).decode()
        header = f"http.extraHeader=Authorization: Basic {login}"
        run("git", "-c", header, "push", "--quiet", self.url, "main", cwd=self.clone)

    def source(self) -> dict:
        return {"url": self.url, "branch": "main", "tokenFile": str(self.token_file)}


class OverSsh(Repository):
    """OpenSSH's own server, with keys and configuration of its own."""

    def __init__(self, folder: Path) -> None:
        if not SSHD.exists():
            if os.environ.get("DRIFTLESS_WITHOUT_SSHD") == "1":
                pytest.skip(f"{SSHD} is missing, and DRIFTLESS_WITHOUT_SSHD=1 says that this is known")
            pytest.fail(f"{SSHD} is missing: install openssh-server, or set DRIFTLESS_WITHOUT_SSHD=1")
        super().__init__(folder)
        self.folder = folder
        for name in ("host", "client", "stranger"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name)
        (folder / "authorized_keys").write_text(self.public("client"))
        # When root, sshd wants this folder even though it separates nothing.
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        self.port = 0
        self.up()
        self.known_hosts = folder / "known_hosts"
        self.trust("host")

    def public(self, name: str) -> str:
        return (self.folder / f"{name}.pub").read_text()

    def trust(self, name: str) -> None:
        """Has `known_hosts` say that this is the server's key."""
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {self.public(name)}")

    @property
    def url(self) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{self.bare}"

    def up(self) -> None:
        log = self.folder / "sshd.log"
        for _ in range(10):
            # The port is free now; should somebody else take it first, the next one is tried.
            port = self.port or free_port()
            lines = [
                "ListenAddress 127.0.0.1",
                f"Port {port}",
                "PidFile none",
                "UsePAM no",
                "StrictModes no",
                f"HostKey {self.folder / 'host'}",
                f"AuthorizedKeysFile {self.folder / 'authorized_keys'}",
                "PermitRootLogin yes",
                "PasswordAuthentication no",
                "KbdInteractiveAuthentication no",
                "MaxStartups 100",
                "SetEnv GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1",
            ]
            config = self.folder / "sshd_config"
            config.write_text("\n".join(lines) + "\n")
            with log.open("ab") as out:
                command = [SSHD, "-D", "-e", "-f", config]
                self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=out)
            started = lambda: self.process.poll() is not None or answers(port)
            until("sshd is ready", started, 30, log.read_text)
            if self.process.poll() is None:
                self.port = port
                return
        pytest.fail(f"sshd does not start:\n{log.read_text()}")

    def down(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    def spoil(self) -> str:
        self.trust("stranger")
        return f"the host key of `[127.0.0.1]:{self.port}` is another one"

    def push(self) -> None:
        ssh = (
            f"ssh -F /dev/null -i {self.folder / 'client'} -o IdentitiesOnly=yes "
            f"-o StrictHostKeyChecking=yes -o UserKnownHostsFile={self.folder / 'true_known_hosts'}"
        )
        (self.folder / "true_known_hosts").write_text(f"[127.0.0.1]:{self.port} {self.public('host')}")
        run("git", "push", "--quiet", self.url, "main", cwd=self.clone, GIT_SSH_COMMAND=ssh)

    def source(self) -> dict:
        return {
            "url": self.url,
            "branch": "main",
            "sshKeyFile": str(self.folder / "client"),
            "knownHostsFile": str(self.known_hosts),
        }


TRANSPORTS = {"http": OverHttp, "ssh": OverSsh}
