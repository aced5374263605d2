"""One request to an address that somebody typed in, against a real server and a resolver that lies."""

import asyncio
import datetime
import ssl
import threading
from pathlib import Path
from typing import Any

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from portal import clock
from portal.notify.webhooks import sending
from portal.notify.webhooks.sending import Sender
from tests.webhooks.conftest import Receiver, answer, receiving


def resolver(*answers: list[str]) -> Any:
    """A resolver that gives these answers, one after the other."""
    left = list(answers)

    async def resolve(host: str, port: int) -> list[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


class Dialled(httpcore2.AsyncNetworkBackend):
    """Connects to nothing, and remembers where it was to."""

    def __init__(self) -> None:
        self.to: list[str] = []

    async def connect_tcp(self, host: str, *_: Any, **__: Any) -> Any:
        """No connection."""
        self.to.append(host)
        raise httpcore2.ConnectError("no route")


async def tried(*answers: list[str], times: int = 1) -> tuple[list[str], list[str | None]]:
    """Where a guarded sender connected to, and what it says of each try."""
    sender, dialled = Sender(resolve=resolver(*answers)), Dialled()
    sender.network.inner = dialled
    outcomes = [await sender.send("https://hooks.example/", {}, "{}") for _ in range(times)]
    await sender.close()
    return dialled.to, [one.error for one in outcomes]


async def test_a_request_arrives_as_it_was_signed(receiver: Receiver, sender: Sender) -> None:
    outcome = await sender.send(receiver.url, {"webhook-id": "evt_1"}, '{"a":"ü"}')
    assert (outcome.status, outcome.error, outcome.is_delivered) == (204, None, True)
    (got,) = receiver.got
    assert got.target == "POST /hooks HTTP/1.1"
    assert got.body == '{"a":"ü"}'.encode()
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"] == "evt_1"
    assert "cookie" not in got.headers


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "100.64.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::a00:1"]
)
async def test_a_name_that_leads_into_a_private_network_is_never_connected_to(address: str) -> None:
    assert await tried([address]) == ([], ["refused: hooks.example does not lead to the public internet"])


async def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    assert (await tried(["1.1.1.1", "127.0.0.1"]))[0] == []


async def test_the_connection_goes_to_the_address_that_was_checked_not_to_the_name() -> None:
    to, errors = await tried(["1.1.1.1", "2606:4700:4700::1111"], ["127.0.0.1"])
    assert to == ["1.1.1.1", "2606:4700:4700::1111"]
    assert errors == ["ConnectError: none of 2 addresses answers"]


async def test_a_name_that_changes_its_mind_is_checked_again_for_each_connection() -> None:
    to, errors = await tried(["1.1.1.1"], ["127.0.0.1"], times=2)
    assert to == ["1.1.1.1"]
    assert errors[1] == "refused: hooks.example does not lead to the public internet"


async def test_loopback_by_its_own_address_is_refused_by_the_real_resolver_too(receiver: Receiver) -> None:
    sender = Sender()
    for host in ("127.0.0.1", "localhost"):
        outcome = await sender.send(f"https://{host}:{receiver.port}/", {}, "{}")
        assert outcome.error == f"refused: {host} does not lead to the public internet"
    assert receiver.connections == 0
    await sender.close()


async def test_what_nobody_foresaw_is_an_outcome_too() -> None:
    """Else the try would not be counted, and be made again before all others, for ever."""

    class Odd(httpcore2.AsyncNetworkBackend):
        async def connect_tcp(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("with a secret in it")

    sender = Sender(resolve=resolver(["1.1.1.1"]))
    sender.network.inner = Odd()
    outcome = await sender.send("https://hooks.example/", {}, "{}")
    await sender.close()
    assert (outcome.status, outcome.error, outcome.is_trouble) == (None, "RuntimeError", True)


async def test_names_that_nobody_answers_for_keep_no_other_work_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The threads that everything else is done in are few."""
    answered = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: answered.wait() and [])
    waiting = [asyncio.create_task(sending.look_up(f"n{n}.example", 443)) for n in range(40)]
    await asyncio.sleep(0)  # they have begun
    try:
        assert await asyncio.wait_for(asyncio.to_thread(int), 30) == 0
    finally:
        answered.set()
        await asyncio.gather(*waiting)


async def test_nothing_travels_in_the_clear_once_private_addresses_are_not_allowed_any_more() -> None:
    sender, dialled = Sender(resolve=resolver(["1.1.1.1"])), Dialled()
    sender.network.inner = dialled
    outcome = await sender.send("http://hooks.example/", {}, "{}")
    await sender.close()
    assert (dialled.to, outcome.error) == ([], "refused: an address must be https")


async def test_a_redirect_is_a_failure_and_is_not_followed(receiver: Receiver, sender: Sender) -> None:
    receiver.answers = [answer(302, "", f"Location: {receiver.url}/other")]
    outcome = await sender.send(receiver.url, {}, "{}")
    assert (outcome.status, outcome.is_delivered, outcome.error) == (302, False, "answered 302")
    assert len(receiver.got) == 1


async def test_no_proxy_of_the_environment_is_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        sender = Sender(allow_private=True)
        assert (await sender.send(receiver.url, {}, "{}")).is_delivered
        await sender.close()
        assert proxy.connections == 0


async def test_a_receiver_that_never_answers_costs_a_bounded_time(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "DEADLINE_SECONDS", 0.2)
    heard = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the other side hangs up
        writer.close()
        heard.set()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    outcome = await sender.send(f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/", {}, "{}")
    await asyncio.wait_for(heard.wait(), 30)
    silent.close()
    assert outcome.error == "no answer within 0.2 s"
    assert outcome.is_trouble


async def test_an_answer_without_an_end_is_read_only_at_its_beginning(receiver: Receiver, sender: Sender) -> None:
    receiver.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 100_000]
    outcome = await sender.send(receiver.url, {}, "{}")
    assert outcome.is_delivered
    assert outcome.response == "x" * sending.RESPONSE_BYTES


async def test_what_an_answer_says_is_made_harmless_to_keep(receiver: Receiver, sender: Sender) -> None:
    receiver.answers = [answer(500, "a\x00b\x1b[31m \u202e\n<script>"), b"\xff\xfe\x00nonsense\r\n\r\n", b""]
    first, second, third = [await sender.send(receiver.url, {}, "{}") for _ in range(3)]
    assert first.response == "a�b�[31m �\n<script>"
    assert [one.status for one in (second, third)] == [None, None]
    assert second.error
    assert second.error.startswith("RemoteProtocolError")


@pytest.mark.parametrize(("header", "seconds"), [("120", 120), ("soon", None), ("-5", None), ("9" * 30, None)])
async def test_how_long_a_receiver_wants_to_be_left_alone_is_heard(
    receiver: Receiver, sender: Sender, header: str, seconds: int | None
) -> None:
    receiver.answers = [answer(429, "", f"Retry-After: {header}")]
    assert (await sender.send(receiver.url, {}, "{}")).retry_after == seconds


@pytest.mark.parametrize("url", ["https://" + "a" * 70 + ".example/", "http://127.0.0.1:1/"])
async def test_a_name_or_port_where_nobody_is_becomes_an_outcome(sender: Sender, url: str) -> None:
    outcome = await sender.send(url, {}, "{}")
    assert outcome.status is None
    assert outcome.error


def certificate(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and its client's TLS for a certificate of this name."""
    key, now = ec.generate_private_key(ec.SECP256R1()), clock.now()
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = made.public_bytes(serialization.Encoding.PEM)
    (folder / "tls.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ) + pem
    )  # fmt: skip
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "tls.pem")
    return server, ssl.create_default_context(cadata=pem.decode())


async def test_tls_and_the_host_header_keep_the_name_though_the_connection_goes_to_an_address(tmp_path: Path) -> None:
    server, trust = certificate("hooks.example", tmp_path)
    async with receiving(server) as receiver:
        server.sni_callback = lambda _socket, name, _context: receiver.names.append(name)
        sender = Sender(allow_private=True, resolve=resolver(["127.0.0.1"]), trust=trust)
        outcome = await sender.send(f"https://hooks.example:{receiver.port}/", {}, "{}")
        assert outcome.is_delivered, outcome.error
        assert receiver.names == ["hooks.example"]
        assert receiver.got[0].headers["host"] == f"hooks.example:{receiver.port}"
        other = await sender.send(f"https://other.example:{receiver.port}/", {}, "{}")
        assert other.error is not None
        assert "certificate" in other.error.lower()
        await sender.close()


async def test_a_certificate_that_nobody_trusts_is_a_failure(tmp_path: Path) -> None:
    server, _ = certificate("hooks.example", tmp_path)
    async with receiving(server) as receiver:
        sender = Sender(allow_private=True, resolve=resolver(["127.0.0.1"]))
        outcome = await sender.send(f"https://hooks.example:{receiver.port}/", {}, "{}")
        assert outcome.status is None
        assert receiver.got == []
        await sender.close()
