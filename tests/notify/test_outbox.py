"""Mail: sent at least once, never by two senders at the same time, and never given up too soon."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import select

from portal.db import Database
from portal.errors import Unavailable
from portal.notify import deliver, outbox
from portal.notify.compose import composer
from portal.notify.deliver import by_smtp, delivery, into_folder
from portal.notify.models import Mail
from portal.notify.outbox import DELAYS_SECONDS, LEASE_SECONDS, AddressRefused, Due, Undeliverable
from portal.settings import Settings
from tests.support.mail import MailServer
from tests.support.sign_in import settings_for
from web.catalogues import catalogue

CONTEXT = {
    "project": "The bridge", "company": "Acme", "invited_by": "Wei", "provider": None,
    "expires_at": "2026-12-08T12:00:00.000000Z",
}  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose mail goes to a folder."""
    return settings_for(tmp_path, "", agency_name="Bright Harbour", mail_from="portal@agency.example")


@pytest.fixture
def compose(settings: Settings) -> Callable[[Due], EmailMessage]:
    """Makes messages."""
    return composer(settings, catalogue)


async def enqueue(database: Database, recipient: str = "ada@client.example", **more: Any) -> UUID:
    """Puts an invitation's mail into the outbox."""
    async with database.write() as db:
        wanted = {"locale": "en", "template": "invitation", "context": CONTEXT} | more
        return await outbox.enqueue(db, recipient=recipient, **wanted)


async def mail_of(database: Database, mail_id: UUID) -> Mail:
    """A mail as it stands in the outbox."""
    async with database.read() as db:
        return (await db.scalars(select(Mail).where(Mail.id == mail_id))).one()


class Postbox:
    """A way out that keeps what it is given, after failing as often as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.messages: list[EmailMessage] = []

    async def deliver(self, message: EmailMessage) -> None:
        """Takes a message, or fails."""
        if self.failures:
            raise self.failures.pop(0)
        self.messages.append(message)


async def test_a_mail_is_sent_once(database: Database, compose: Callable[[Due], EmailMessage]) -> None:
    mail_id, box = await enqueue(database), Postbox()
    assert await outbox.send_one(database, compose, box.deliver)
    assert not await outbox.send_one(database, compose, box.deliver)
    mail = await mail_of(database, mail_id)
    assert (len(box.messages), mail.attempts, mail.ended, mail.sent_at is not None) == (1, 1, True, True)


async def test_many_senders_send_each_mail_once(database: Database, compose: Callable[[Due], EmailMessage]) -> None:
    for n in range(10):
        await enqueue(database, f"n{n}@client.example")
    box = Postbox()

    async def send_all() -> None:
        while await outbox.send_one(database, compose, box.deliver):
            pass

    await asyncio.gather(*(send_all() for _ in range(3)))
    assert sorted(str(message["To"]) for message in box.messages) == [f"n{n}@client.example" for n in range(10)]


async def test_a_failed_mail_waits_longer_each_time_and_is_given_up_in_the_end(
    database: Database, compose: Callable[[Due], EmailMessage]
) -> None:
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        mail_id = await enqueue(database)
        for pause in DELAYS_SECONDS:
            assert await outbox.send_one(database, compose, Postbox(OSError("with ada@client.example in it")).deliver)
            traveller.shift(pause - 1)
            assert not await outbox.send_one(database, compose, Postbox().deliver)
            traveller.shift(1)
        assert await outbox.send_one(database, compose, Postbox(OSError()).deliver)
        mail = await mail_of(database, mail_id)
        assert (mail.ended, mail.failed_at is not None, mail.last_error) == (True, True, "OSError")
        traveller.shift(timedelta(days=30))
        assert not await outbox.send_one(database, compose, Postbox().deliver)


async def test_each_try_is_recognisably_the_same_mail(
    database: Database, compose: Callable[[Due], EmailMessage]
) -> None:
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        mail_id, seen = await enqueue(database), []

        async def lost(message: EmailMessage) -> None:
            seen.append((message["Message-ID"], message["Date"]))
            raise OSError

        for _ in range(2):
            await outbox.send_one(database, compose, lost)
            traveller.shift(3600)
    assert seen == [(f"<{mail_id}@portal.example>", "Tue, 24 Nov 2026 12:00:00 +0000")] * 2


async def test_an_undeliverable_mail_is_not_tried_again(
    database: Database, compose: Callable[[Due], EmailMessage]
) -> None:
    mail_id = await enqueue(database)
    await outbox.send_one(
        database, compose, Postbox(Undeliverable("the mail server refuses the address for ever")).deliver
    )
    mail = await mail_of(database, mail_id)
    assert (mail.ended, mail.last_error) == (True, "the mail server refuses the address for ever")


async def test_a_mail_that_cannot_be_made_holds_up_no_other(
    database: Database, compose: Callable[[Due], EmailMessage]
) -> None:
    broken, box = await enqueue(database, context={}), Postbox()
    await enqueue(database, "next@client.example")
    while await outbox.send_one(database, compose, box.deliver):
        pass
    assert [str(message["To"]) for message in box.messages] == ["next@client.example"]
    assert (await mail_of(database, broken)).last_error == "UndefinedError"


async def test_a_sender_that_died_is_succeeded_when_its_lease_ends(
    database: Database, compose: Callable[[Due], EmailMessage]
) -> None:
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        mail_id, box = await enqueue(database), Postbox()
        async with database.write() as db:
            dead = await outbox.take_due(db)
        assert dead is not None
        traveller.shift(LEASE_SECONDS - 1)
        assert not await outbox.send_one(database, compose, box.deliver)
        traveller.shift(1)
        assert await outbox.send_one(database, compose, box.deliver)
        async with database.write() as db:
            await outbox.finish(db, dead, "OSError")
        mail = await mail_of(database, mail_id)
        assert (mail.attempts, mail.last_error, mail.sent_at is not None) == (2, None, True)


async def test_a_mail_that_left_is_not_sent_again_because_the_database_was_busy_afterwards(
    database: Database, compose: Callable[[Due], EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "BUSY_PAUSES", (0.0, 0.0))
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        mail_id, box, works, busy = await enqueue(database), Postbox(), outbox.finish, [Unavailable("busy")] * 2

        async def finish(*given: Any, **more: Any) -> None:
            if busy:
                raise busy.pop()
            await works(*given, **more)

        monkeypatch.setattr(outbox, "finish", finish)
        await outbox.send_one(database, compose, box.deliver)
        traveller.shift(LEASE_SECONDS)
        assert not await outbox.send_one(database, compose, box.deliver)
    assert (len(box.messages), (await mail_of(database, mail_id)).ended) == (1, True)


async def test_a_mail_that_no_sender_survives_is_given_up_like_any_other(
    database: Database, compose: Callable[[Due], EmailMessage]
) -> None:
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        mail_id, box = await enqueue(database), Postbox()
        for _ in range(len(DELAYS_SECONDS) + 1):
            async with database.write() as db:
                assert await outbox.take_due(db) is not None  # and the process dies
            traveller.shift(LEASE_SECONDS)
        assert await outbox.send_one(database, compose, box.deliver)
        assert not await outbox.send_one(database, compose, box.deliver)
    mail = await mail_of(database, mail_id)
    assert (mail.ended, mail.failed_at is not None, box.messages) == (True, True, [])
    assert mail.last_error == "no sender that took it came back"


def test_a_mail_server_may_be_away_over_a_long_weekend() -> None:
    assert timedelta(days=4) < timedelta(seconds=sum(DELAYS_SECONDS)) < timedelta(days=5)  # RFC 5321, 4.5.4.1


def due(**more: Any) -> Due:
    """A mail as a sender takes it."""
    from portal import clock

    values = {
        "id": UUID(int=7), "recipient": "ada@client.example", "locale": "en", "template": "invitation",
        "context": CONTEXT, "created_at": clock.now(), "attempts": 1, "lease_ends": clock.now(),
    }  # fmt: skip
    return Due(**(values | more))


def parts(message: EmailMessage) -> tuple[str, str]:
    """The plain and the HTML text."""
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


def test_an_invitation_says_who_invites_whom_to_what_until_when(compose: Callable[[Due], EmailMessage]) -> None:
    message = compose(due())
    assert str(message["From"]) == "Bright Harbour <portal@agency.example>"
    assert str(message["Subject"]) == "Bright Harbour invites you to the project The bridge"
    for text in parts(message):
        for said in ("Wei", "Acme", "The bridge", "https://portal.example/sign-in", "8 December 2026"):
            assert said in text


def test_an_invitation_for_one_provider_leads_to_it(compose: Callable[[Due], EmailMessage]) -> None:
    plain, html = parts(compose(due(context=CONTEXT | {"provider": "main"})))
    assert "https://portal.example/sign-in?provider=main" in plain
    assert 'href="https://portal.example/sign-in?provider=main"' in html


@pytest.mark.parametrize("locale", ["en", "zh_CN", "ru"])
def test_a_mail_is_written_in_the_recipients_language(locale: str, compose: Callable[[Due], EmailMessage]) -> None:
    message = compose(due(locale=locale))
    tag = {"en": "en", "zh_CN": "zh-Hans", "ru": "ru"}[locale]
    assert (message["Content-Language"], f'<html lang="{tag}">' in parts(message)[1]) == (tag, True)
    day = {"en": "8 December 2026", "zh_CN": "2026年12月8日", "ru": "8 декабря 2026"}[locale]
    assert day in parts(message)[0]


def test_names_begin_no_header_and_no_markup(compose: Callable[[Due], EmailMessage]) -> None:
    nasty = "The\r\nBcc: eve@evil.example\r\n <script>alert(1)</script>"
    message = compose(due(context=CONTEXT | {"project": nasty, "invited_by": nasty}))
    sent = message_from_bytes(bytes(message), policy=policy.default)
    assert sent["Bcc"] is None
    assert "\n" not in str(sent["Subject"])
    assert "<script>" not in parts(message)[1]


@pytest.mark.parametrize("recipient", ["a@b.example\r\nBcc: c@d.example", "", "nobody", "a@b@c"])
def test_an_address_that_is_none_is_undeliverable(recipient: str, compose: Callable[[Due], EmailMessage]) -> None:
    with pytest.raises(Undeliverable):
        compose(due(recipient=recipient))


async def test_a_folder_takes_each_mail_as_one_file(
    tmp_path: Path, settings: Settings, compose: Callable[[Due], EmailMessage]
) -> None:
    message = compose(due())
    for _ in range(2):
        await into_folder(tmp_path / "sent")(message)
    await delivery(settings)(message)
    files = [*(tmp_path / "sent").iterdir(), *(tmp_path / "mail").iterdir()]
    assert [file.name for file in files] == [f"{UUID(int=7)}.eml"] * 2
    assert message_from_bytes(files[0].read_bytes(), policy=policy.default)["To"] == "ada@client.example"


async def test_a_mail_server_takes_the_mail(smtp: MailServer, compose: Callable[[Due], EmailMessage]) -> None:
    await by_smtp(smtp.url)(compose(due(locale="ru", context=CONTEXT | {"project": "Мост"})))
    assert smtp.recipients == ["ada@client.example"]
    assert "Мост" in str(smtp.messages[0]["Subject"])
    assert smtp.messages[0]["Message-ID"] == f"<{UUID(int=7)}@portal.example>"


async def test_an_address_the_server_does_not_know_is_undeliverable_and_a_busy_one_is_not(
    smtp: MailServer, compose: Callable[[Due], EmailMessage]
) -> None:
    smtp.refused, smtp.busy = {"gone@client.example"}, {"busy@client.example"}
    with pytest.raises(Undeliverable):
        await by_smtp(smtp.url)(compose(due(recipient="gone@client.example")))
    with pytest.raises(Exception, match="451") as later:
        await by_smtp(smtp.url)(compose(due(recipient="busy@client.example")))
    assert not isinstance(later.value, Undeliverable)


@pytest.mark.parametrize(
    ("answer", "is_the_address"),
    [
        ("550 no such mailbox", True),
        ("550 5.1.1 no such mailbox", True),
        ("552 5.2.2 the mailbox is full", True),
        ("554 5.7.1 relay access denied", False),
        ("530 5.7.0 authenticate first", False),
        ("550 5.4.1 recipient address rejected", True),
    ],
)
async def test_a_server_that_refuses_us_refuses_no_address(
    smtp: MailServer, compose: Callable[[Due], EmailMessage], answer: str, *, is_the_address: bool
) -> None:
    """Else an hour in which we may not relay would leave everybody without mail for a week."""

    async def refuse(*_: Any) -> str:
        return answer

    smtp.handle_RCPT = refuse  # type: ignore[method-assign]
    with pytest.raises(Exception, match=f"for ever|{answer[:3]}") as found:
        await by_smtp(smtp.url)(compose(due()))
    assert isinstance(found.value, AddressRefused) is is_the_address


@asynccontextmanager
async def talking(pause: float) -> AsyncIterator[str]:
    """The address of a mail server that takes so many seconds for each answer."""

    has_hung_up = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 slow\r\n")
        with suppress(ConnectionError):
            while await reader.readline():
                await asyncio.sleep(pause)
                writer.write(b"250 yes\r\n")
        writer.close()
        has_hung_up.set()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await has_hung_up.wait()
    finally:
        server.close()


async def test_a_mail_server_that_answers_each_line_just_in_time_is_not_waited_for_beyond_the_lease(
    compose: Callable[[Due], EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deliver.TALK_SECONDS + deliver.TIMEOUT_SECONDS <= LEASE_SECONDS - 60
    monkeypatch.setattr(deliver, "TALK_SECONDS", 0.5)
    async with talking(0.3) as url:
        with pytest.raises(TimeoutError):
            await by_smtp(url)(compose(due()))


async def test_a_mail_that_was_taken_is_sent_however_the_server_says_goodbye(
    smtp: MailServer, compose: Callable[[Due], EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_late(_server: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr("aiosmtplib.SMTP.quit", too_late)
    await by_smtp(smtp.url)(compose(due()))
    assert len(smtp.messages) == 1


async def test_a_password_never_travels_in_the_clear(smtp: MailServer, compose: Callable[[Due], EmailMessage]) -> None:
    with pytest.raises(Exception, match="STARTTLS"):
        await by_smtp(smtp.url.replace("smtp://", "smtp://user:secret@"))(compose(due()))
    assert smtp.messages == []
