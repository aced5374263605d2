"""Messages that came back: believed for a mail of ours and its own address alone."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from portal.db import Database
from portal.notify import bounces, outbox, refused
from portal.notify.models import MailRefused

HOST = "portal.example"
OURS = UUID("5b7d3c7a-6f0e-4a57-9a3f-0f6a52c1d2e3")


def report(
    mail: UUID | str = OURS, *, address: str = "ada@client.example", action: str = "failed", status: str = "5.1.1",
    host: str = HOST, returned: str = "text/rfc822-headers", field: str = "Final-Recipient",
) -> bytes:  # fmt: skip
    """A delivery report as Postfix writes it."""
    return f"""Return-Path: <>
From: MAILER-DAEMON@mx.example (Mail Delivery System)
To: portal@agency.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Thu, 26 Nov 2026 21:00:00 +0000 (UTC)

{field}: rfc822; {address}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} no such user

--B
Content-Type: {returned}

From: Bright Harbour <portal@agency.example>
To: {address}
Subject: something
Message-ID: <{mail}@{host}>

--B--
""".encode()


async def put(database: Database, recipient: str = "ada@client.example") -> UUID:
    async with database.write() as db:
        return await outbox.enqueue(db, recipient=recipient, locale="en", template="invitation", context={})


@pytest.mark.parametrize("returned", ["text/rfc822-headers", "message/rfc822"])
@pytest.mark.parametrize("field", ["Final-Recipient", "Original-Recipient", "FINAL-RECIPIENT"])
def test_a_report_names_the_mail_the_address_and_why(returned, field):
    found = bounces.read(report(returned=returned, field=field), HOST)
    assert found == bounces.Bounce(OURS, (bounces.Failed("ada@client.example", "5.1.1"),))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff\xfe\x00", b"Subject: hello\n\nI am away.", report(action="delayed"), report(action="delivered"),
        report(host="evil.example"), report(mail="not-an-id"), report(status="sorry"), report(address="nobody"),
        report().replace(b"message/delivery-status", b"text/plain"), report()[:600],
        b"Content-Type: multipart/mixed; boundary=A\n\n" + b"--A\nContent-Type: multipart/mixed; boundary=A\n\n" * 300,
    ],
)  # fmt: skip
def test_anything_else_is_no_bounce(content):
    assert bounces.read(content, HOST) is None


def test_a_report_without_its_last_line_is_one():
    assert bounces.read(report().replace(b"--B--", b""), HOST) == bounces.read(report(), HOST)


async def test_the_address_of_a_mail_that_came_back_is_written_down_each_time(database):
    mail = await put(database)
    for _ in range(2):
        async with database.write() as db:
            assert await bounces.record(db, bounces.read(report(mail), HOST)) == ["ada@client.example"]
    async with database.read() as db:
        row = (await db.scalars(select(MailRefused))).one()
    assert (row.address, row.source, row.status, row.times) == ("ada@client.example", "bounce", "5.1.1", 2)


@pytest.mark.parametrize("mail", ["ours", "unknown"])
async def test_nobody_can_have_another_address_marked(database, mail):
    known = await put(database, "eve@client.example")
    async with database.write() as db:
        assert await bounces.record(db, bounces.read(report(known if mail == "ours" else uuid4()), HOST)) == []
    async with database.read() as db:
        assert await db.scalar(select(MailRefused.address)) is None


async def test_what_came_back_is_not_forgotten_because_our_server_takes_the_next_mail(database):
    async with database.write() as db:
        await refused.record(db, "ada@client.example", "bounce", "5.1.1")
        await refused.accepted(db, "ada@client.example")
        assert await refused.is_left_alone(db, "Ada@client.example")
        await refused.record(db, "ada@client.example", "smtp", "550")
        await refused.accepted(db, "ada@client.example")
        assert not await refused.is_left_alone(db, "ada@client.example")


async def test_the_list_of_refused_addresses_is_paged(database):
    async with database.write() as db:
        for n in range(5):
            await refused.record(db, f"n{n}@client.example", "smtp", "550")
    async with database.read() as db:
        first = await refused.refused(db, limit=3)
        rest = await refused.refused(db, after=first[-1].address, limit=3)
    assert [row.address for row in (*first, *rest)] == [f"n{n}@client.example" for n in range(5)]
