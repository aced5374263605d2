"""Trying out the mail server: reached, encrypted and signed in without a mail; what goes wrong is a sentence."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.errors import Unavailable
from portal.notify import trial
from portal.notify.trial import Greeted
from portal.settings import load
from tests.support.mail import MailServer, certificate_for, smtp_server

LOGIN = "portal:p%25ss%2Fword@"


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mail server's certificate, believed on this machine."""
    file = certificate_for(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return file


@pytest.fixture
def sealed(certificate: Path) -> Iterator[MailServer]:
    """A mail server that offers STARTTLS and takes mail from one user alone."""
    with smtp_server(certificate) as server:
        yield server


def at(server: MailServer, login: str = "", *, scheme: str = "smtp") -> str:
    """The server's address for a user."""
    return f"{scheme}://{login}127.0.0.1:{server.port}"


async def test_a_server_is_encrypted_to_signed_in_at_and_left_without_a_mail(sealed: MailServer) -> None:
    assert await trial.greet(at(sealed, LOGIN)) == Greeted(f"127.0.0.1:{sealed.port}", True, "portal")
    assert sealed.messages == []


async def test_a_server_may_encrypt_from_the_first_byte(certificate: Path) -> None:
    with smtp_server(certificate, is_implicit=True) as server:
        assert (await trial.greet(at(server, scheme="smtps"))).is_encrypted


async def test_a_server_that_does_not_encrypt_says_so(smtp: MailServer) -> None:
    assert (await trial.greet(smtp.url)).manner == "NOT encrypted, without a log-in"


async def test_a_wrong_password_is_told_and_not_shown(sealed: MailServer) -> None:
    with pytest.raises(Unavailable, match="refuses the user name or the password: 535") as told:
        await trial.greet(at(sealed, "portal:open-sesame@"))
    assert "open-sesame" not in told.value.message


async def test_a_password_waits_for_encryption(smtp: MailServer) -> None:
    with pytest.raises(Unavailable, match="STARTTLS extension not supported by server"):
        await trial.greet(at(smtp, LOGIN))


async def test_a_certificate_that_nobody_vouches_for_is_told(
    sealed: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Unavailable, match="a certificate that is not believed: self-signed"):
        await trial.greet(at(sealed, LOGIN))


async def test_smtps_at_a_port_for_starttls_is_told(smtp: MailServer) -> None:
    with pytest.raises(Unavailable, match="smtps:// encrypts from the first byte"):
        await trial.greet(at(smtp, scheme="smtps"))


async def test_a_port_where_nobody_listens_is_told() -> None:
    with pytest.raises(Unavailable, match="cannot be reached: Connection refused"):
        await trial.greet("smtp://127.0.0.1:9")


async def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "PATIENCE_SECONDS", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(Unavailable, match=r"did not answer within 0\.2 s: is it the right port"),
    ):
        await trial.greet(f"smtp://127.0.0.1:{silent.getsockname()[1]}")


async def test_a_recipient_whom_the_server_refuses_is_told(smtp: MailServer) -> None:
    smtp.refused = {"gone@agency.example"}
    chosen = load({}, environment="test", base_url="https://portal.example", secret_key="0123456789abcdefghij" * 2,
                  smtp_url=smtp.url, mail_from="portal@agency.example")  # fmt: skip
    with pytest.raises(Unavailable, match=r"refuses gone@agency\.example for ever \(550\)"):
        await trial.send(chosen, "gone@agency.example")
