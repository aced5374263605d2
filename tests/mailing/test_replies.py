"""Answers to mails: kept as the person's remark, never as a decision; of nobody else, and without what they quoted."""

import asyncio
import logging
from email.message import EmailMessage

import pytest
from sqlalchemy import delete, func, select, update

from portal import clock
from portal.access.models import Membership
from portal.decisions import queries
from portal.decisions.models import Decision, DecisionAnswer, DecisionRemark, DecisionState
from portal.ledger import Audience
from portal.ledger import commands as ledger
from portal.mailing import replies
from portal.mailing.replies import NotKept
from portal.notify import links
from portal.people.models import Person
from tests.support.decisions import ask

HTML = """<html><head><style>p {}</style></head><body><p>The blue one &amp; not the red.</p><div>Ada</div>
<blockquote>This waits for your decision.</blockquote></body></html>"""


@pytest.fixture
async def token(database, cast, post):
    """The token of the mail that Ada got about a question."""
    await ask(database, cast)
    await post.tell()
    return links.reply_token(post.settings, (await post.mails())[0].id)


def reply(token, text="The blue one, please.", sender="Ada <Ada@Example.com>", **headers):
    message = EmailMessage()
    message["From"] = sender
    message["To"] = f"Bright Harbour <reply+{token}@reply.agency.example>"
    message["Subject"] = "Re: waits for your decision"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return bytes(message)


async def take(database, content, **more):
    found = replies.read(content, **more)
    assert found is not None
    async with database.write() as db:
        return await replies.take(db, found)


async def remarks(database):
    statement = select(DecisionRemark).order_by(DecisionRemark.seq).execution_options(cross_project="the test looks")
    async with database.read() as db:
        return (await db.scalars(statement)).all()


async def test_a_reply_becomes_a_remark_of_its_person(database, cast, token):
    await take(database, reply(token))
    (row,) = await remarks(database)
    assert (row.text, row.person_id, row.by_mail, row.is_question, row.by_staff) == (
        "The blue one, please.", cast.people["ada"], True, False, False,
    )  # fmt: skip


@pytest.mark.parametrize("text", ["Approved!", "Yes, I approve.", "approved_with_remarks"])
async def test_it_never_decides_anything(database, cast, token, text):
    await take(database, reply(token, text))
    async with database.read() as db:
        assert (await queries.decision(db, await cast.scope(db, "ada"), 1)).state is DecisionState.ASKED
        count = select(func.count()).select_from(DecisionAnswer)
        assert await db.scalar(count.execution_options(cross_project="the test counts")) == 0


async def test_the_same_message_twice_is_one_remark(database, token):
    assert await take(database, reply(token)) is not None
    assert await take(database, reply(token)) is None
    assert len(await remarks(database)) == 1


async def waiting_for(database, cast, content, times, change=None):
    """What becomes of a message that has to wait until another change of the project is through."""
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await ledger.lock(db, scope.project_id)
        taking = [asyncio.create_task(take(database, content)) for _ in range(times)]
        await asyncio.sleep(0.5)
        if change:
            await change(db, cast, scope)
    return await asyncio.gather(*taking)


async def test_the_same_message_twice_at_once_is_one_remark(database, cast, token):
    await waiting_for(database, cast, reply(token), 2)
    assert len(await remarks(database)) == 1


async def test_a_right_that_ends_while_the_message_waits_is_asked_for_then(database, cast, token):
    with pytest.raises(NotKept):
        await waiting_for(database, cast, reply(token), 1, leave)
    assert await remarks(database) == []


async def test_the_servers_own_word_for_the_recipient_counts(database, token):
    content = reply("0" * 40)
    await take(database, content, recipient=f"reply+{token.upper()}@reply.agency.example")
    assert len(await remarks(database)) == 1


@pytest.mark.parametrize(
    "content",
    [
        lambda t: reply("0" * 40), lambda t: reply(t, sender="Mallory <mallory@example.com>"),
        lambda t: reply(t, sender="Eve <eve@example.com>"), lambda t: reply(t, text="> only quoted\n"),
        lambda t: reply(t, sender="ada@example.com, eve@example.com"), lambda t: reply(t[:-1]), lambda t: b"",
        lambda t: reply(t).replace(b"From: ", b"X-From: "), lambda t: reply(t) .replace(b"reply+", b"answer+"),
        lambda t: reply(t, Cc=f"reply+{'1' * 40}@reply.agency.example"),
    ],
)  # fmt: skip
async def test_what_is_not_its_persons_answer_is_refused_without_a_word_of_why(database, cast, token, content, caplog):
    with caplog.at_level(logging.INFO), pytest.raises(NotKept) as refusal:
        await take(database, content(token))
    assert str(refusal.value) == replies.REFUSED
    assert await remarks(database) == []
    for record in caplog.records:
        assert "blue" not in str(vars(record))
        assert "example.com" not in str(vars(record))


async def leave(db, cast, scope):
    mine = (Membership.project_id == scope.project_id, Membership.person_id == cast.people["ada"])
    await db.execute(delete(Membership).where(*mine))


async def new_address(db, cast, scope):
    await db.execute(update(Person).where(Person.id == cast.people["ada"]).values(email="ada@new.example"))


async def disabled(db, cast, scope):
    await db.execute(update(Person).where(Person.id == cast.people["ada"]).values(disabled_at=clock.now()))


async def no_billing(db, cast, scope):
    """The question is about a price, and Ada may see none any more."""
    mine = (Membership.project_id == scope.project_id, Membership.person_id == cast.people["ada"])
    await db.execute(update(Membership).where(*mine).values(billing=False))
    await db.execute(update(Decision).where(Decision.project_id == scope.project_id).values(audience=Audience.BILLING))


@pytest.mark.parametrize("change", [leave, new_address, disabled, no_billing])
async def test_a_token_gives_no_right_that_its_person_has_lost(database, cast, token, change):
    async with database.write() as db:
        await change(db, cast, await cast.scope(db, "wei"))
    with pytest.raises(NotKept):
        await take(database, reply(token))
    assert await remarks(database) == []


async def test_one_person_cannot_fill_a_decision_with_remarks(database, token):
    for n in range(replies.MOST_A_DAY):
        await take(database, reply(token, f"Number {n}"))
    with pytest.raises(NotKept):
        await take(database, reply(token, "And one more"))


@pytest.mark.parametrize(
    "headers",
    [{"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"X_Autoreply": "yes"}, {"List_Id": "<x.example>"}],
)
def test_what_a_machine_sends_by_itself_is_no_answer(headers):
    assert replies.read(reply("0" * 40, "I am on holiday.", **headers)) is None


def test_html_alone_is_read_as_text_without_its_quotes():
    message = EmailMessage()
    message["From"], message["To"] = "ada@example.com", f"reply+{'0' * 40}@r.example"
    message.set_content(HTML, subtype="html")
    assert replies.read(bytes(message)).text == "The blue one & not the red.\nAda"


@pytest.mark.parametrize(
    ("sent", "own"),
    [
        ("Yes.\n\nOn Thu, 26 Nov 2026 at 21:00, Bright Harbour wrote:\n> This waits\n", "Yes."),
        ("Yes.\n\nOn Thu, 26 Nov 2026 at 21:00, Bright Harbour <reply+0@r.example>\nwrote:\n\n> This waits\n", "Yes."),
        ("Ja.\n\nAm 26.11.26 um 21:00 schrieb Bright Harbour:\n> This", "Ja."),
        ("Да.\n\n26.11.2026 21:00, Bright Harbour пишет:\n> This", "Да."),
        ("好的。\n\nBright Harbour 于2026年11月26日 写道：\n> This", "好的。"),
        ("Fine.\n-- \nAda\nAcme", "Fine."),
        ("Fine.\n\n-----Original Message-----\nFrom: x", "Fine."),
        ("Fine.\n________________________________\nFrom: Bright Harbour", "Fine."),
        ("Fine.\n\nFrom: Bright Harbour <reply@r.example>\nSent: Thursday", "Fine."),
        (
            "> Which one?\nThe blue one.\n> And when?\nOn Monday we could\nbegin.",
            "The blue one.\nOn Monday we could\nbegin.",
        ),
        ("From what I see: fine.", "From what I see: fine."),
        ("a\x00b\x1b[31mc\r\n\r\n\r\n\r\nd", "ab[31mc\n\nd"),
        ("At most 3\u00a01/2 hours,\u202fnot\u00a0so many.\u3000Yes.", "At most 3 1/2 hours, not so many. Yes."),
        ("", ""),
    ],
)
def test_only_what_somebody_wrote_themselves_is_kept(sent, own):
    assert replies.own_words(sent) == own


def test_words_are_cut_at_the_length_of_a_remark():
    assert len(replies.own_words("x " * 10_000)) <= replies.LONGEST_COMMENT


def test_hostile_text_is_read_in_a_moment():
    for text in ("On " * 50_000, "x" * 200_000, ("On " + "a" * 200 + "\n") * 2_000, "пишет" * 30_000, "\n" * 200_000):
        replies.own_words(text)


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_so_much_of_a_message_is_read_as_somebody_may_have_written_and_no_more(kind):
    padded = "\n" * (replies.MOST_READ + 1) + "Far below."
    head = f"From: ada@example.com\r\nTo: reply+{'a' * 40}@reply.agency.example\r\nContent-Type: text/{kind}\r\n\r\n"
    assert replies.read((head + padded).encode()).text == ""
    assert replies.read((head + "The blue one." + padded).encode()).text == "The blue one."
