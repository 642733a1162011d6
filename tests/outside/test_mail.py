"""Mail over TLS, taken by an SMTP server of others: the certificate and the password count."""

import datetime
import email
import email.policy
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from agent import BINARY
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from terminal import Terminal
from waiting import free_port

PASSWORD = "a-long-random-word"


def certificate(folder: Path, host: str) -> Path:
    """A certificate for a host that vouches for itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{host}.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


class Server:
    """An SMTP server with TLS that wants a password, and keeps what it took."""

    def __init__(self, certificate: Path, wrapped: bool) -> None:
        self.taken: list[tuple[list[str], email.message.EmailMessage]] = []
        self.secured: list[bool] = []
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        kept = self

        class Handler:
            async def handle_DATA(self, _server, session, envelope) -> str:
                message = email.message_from_bytes(envelope.content, policy=email.policy.default)
                kept.taken.append((envelope.rcpt_tos, message))
                kept.secured.append(wrapped or session.ssl is not None)
                return "250 taken"

        def check(_server, _session, _envelope, _mechanism, login: LoginPassword) -> AuthResult:
            right = (login.login, login.password) == (b"driftless", PASSWORD.encode())
            return AuthResult(success=right, handled=False)

        manner: dict = {"authenticator": check, "auth_required": True}
        if wrapped:
            # The connection is secure from its first byte, which the protocol itself cannot see.
            manner |= {"auth_require_tls": False, "auth_required": False}
            self.controller = Controller(
                Handler(), hostname="127.0.0.1", port=free_port(), ssl_context=context, **manner
            )
        else:
            self.controller = Starttls(Handler(), context, manner, hostname="127.0.0.1", port=free_port())
        self.controller.start()

    @property
    def port(self) -> int:
        return self.controller.port


class Starttls(Controller):
    """Speaks plainly until STARTTLS, and takes nothing before it."""

    def __init__(self, handler, context: ssl.SSLContext, manner: dict, **place) -> None:
        self.made = lambda: SMTP(handler, tls_context=context, require_starttls=True, **manner)
        super().__init__(handler, **place)

    def factory(self) -> SMTP:
        return self.made()


@pytest.fixture(params=["starttls", "tls"])
def security(request) -> str:
    return request.param


@pytest.fixture
def serve(security) -> Iterator:
    started: list[Server] = []

    def start(certificate: Path) -> Server:
        it = Server(certificate, wrapped=security == "tls")
        started.append(it)
        return it

    yield start
    for it in started:
        it.controller.stop()


def send(folder: Path, port: int, security: str, authorities: Path, password: str = PASSWORD) -> tuple[int, str]:
    """What `driftless notify --test` says of a mail."""
    secret = folder / "password"
    secret.write_text(password + "\n")
    secret.chmod(0o600)
    mail = {
        "host": "localhost",
        "port": port,
        "security": security,
        "username": "driftless",
        "passwordFile": str(secret),
        "from": "driftless <driftless@example.com>",
        "to": ["platform@example.com"],
    }
    config = folder / "driftless.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "source": {"dir": str(folder)},
                "accounts": [{"region": "us-east-1"}],
                "notifications": [{"name": "mail", "email": mail}],
            }
        )
    )
    done = subprocess.run(
        [BINARY, "notify", "--config", config, "--test"],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "SSL_CERT_FILE": str(authorities)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_mail_is_taken_over_tls_with_the_right_password(serve, security, tmp_path):
    own = certificate(tmp_path, "localhost")
    server = serve(own)
    code, said = send(tmp_path, server.port, security, own)
    assert (code, said.strip()) == (0, "mail (email): the test message was taken")
    [(to, message)] = server.taken
    assert server.secured == [True]
    assert to == ["platform@example.com"]
    assert message["Subject"] == "[driftless info] Test: messages of driftless arrive here"
    assert message.is_multipart() and "driftless notify --test" in message.get_body(("plain",)).get_content()


def test_a_certificate_for_another_host_is_refused_and_no_password_is_sent(serve, security, tmp_path):
    other = certificate(tmp_path, "mail.example.com")
    server = serve(other)
    code, said = send(tmp_path, server.port, security, other)
    assert code == 1 and server.taken == []
    assert "mail (email): the mail server did not take it: " in said and "ertificate" in said, said
    assert "hint: look at `security`, and whether the certificate is for `host`" in said
    assert PASSWORD not in said


def test_an_authority_that_nobody_vouches_for_is_refused(serve, security, tmp_path):
    server = serve(certificate(tmp_path, "localhost"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    code, said = send(tmp_path, server.port, security, certificate(elsewhere, "localhost"))
    assert code == 1 and server.taken == []
    assert "hint: look at `security`, and whether the certificate is for `host`" in said, said


def test_a_wrong_password_says_where_to_look(serve, security, tmp_path):
    own = certificate(tmp_path, "localhost")
    server = serve(own)
    code, said = send(tmp_path, server.port, security, own, password="wrong")
    assert code == 1 and server.taken == []
    assert "hint: look at sender, recipients, user name and password" in said, said


def test_a_server_that_says_nothing_is_waited_for_in_sight(tmp_path):
    """For up to two minutes a terminal showed nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mail = {
            "host": "127.0.0.1",
            "port": silent.getsockname()[1],
            "security": "none",
            "from": "driftless@example.com",
            "to": ["platform@example.com"],
        }
        config = tmp_path / "driftless.yaml"
        sink = {"name": "mail", "email": mail, "timeout": "3s"}
        config.write_text(yaml.safe_dump({"source": {"dir": str(tmp_path)}, "notifications": [sink]}))
        it = Terminal(
            [BINARY, "notify", "--config", config, "--test"],
            {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TERM": "xterm-256color"},
        )
        try:
            it.shows("waiting for mail (email) [")
            assert it.ends() == 1
            assert "waiting for" not in it.said(), it.said()
            assert it.said().startswith("mail (email): the receiver did not answer within 3s"), it.said()
        finally:
            it.stop()
