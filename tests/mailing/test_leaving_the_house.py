"""The last question before a mail leaves: rights, wishes and the state of things may have changed since."""

import io
from datetime import date, time, timedelta
from email.message import EmailMessage

import pytest
import time_machine
from PIL import Image
from sqlalchemy import delete, select, update

from portal import clock
from portal.access import Role
from portal.access.models import Membership
from portal.backlog import commands as backlog
from portal.decisions import commands, reminders
from portal.decisions.models import DecisionKind
from portal.files import commands as files
from portal.files import intake
from portal.files.intake import Received
from portal.files.opening import show_to_client
from portal.files.store import open_store
from portal.ledger import Audience
from portal.mailing import payments
from portal.mailing.sending import drawn, numbers_of, preparer
from portal.notify import links, outbox, preferences, refused
from portal.notify.compose import composer
from portal.notify.deliver import by_smtp
from portal.notify.models import Mail, MailRefused
from portal.notify.rules import Topic
from portal.people import invitations
from portal.people.models import Person
from portal.projects import commands as projects
from tests.support import acceptance, billing
from tests.support.cast import add_item
from tests.support.decisions import ask, grant
from tests.support.files import GREEN, RED, add_paper, paper, picture
from web.catalogues import catalogue


class Sender:
    """Sends all that is due, to a mail server that is real."""

    def __init__(self, post, smtp):
        self.database, self.smtp = post.database, smtp
        self.compose = composer(post.settings, catalogue)
        self.store = open_store(post.settings)
        self.prepare = preparer(post.database, self.store)

    async def __call__(self) -> list[EmailMessage]:
        while await outbox.send_one(self.database, self.compose, by_smtp(self.smtp.url), self.prepare):
            pass
        return self.smtp.messages


@pytest.fixture
def send(post, smtp):
    """Sends all that is due; returns all that has arrived."""
    return Sender(post, smtp)


async def asked(database, cast, post, **more):
    decision = await ask(database, cast, **more)
    await post.tell()
    return decision


async def errors(database):
    async with database.read() as db:
        return list(await db.scalars(select(Mail.last_error)))


async def test_a_decision_is_mailed_to_who_can_decide_with_a_link_and_a_way_out(database, cast, post, send):
    await asked(database, cast, post, due_on=clock.now().date() + timedelta(days=9), holds_up="The whole start page")
    (message,) = await send()
    mail = (await post.mails())[0]
    plain = message.get_body(("plain",)).get_content()
    assert str(message["To"]) == "ada@example.com"
    assert str(message["From"]) == "Bright Harbour <portal@agency.example>"
    assert "Requirement 1: sign in" in str(message["Subject"])
    assert "The whole start page" in plain
    assert "From: Wei" in plain
    async with database.write() as db:
        opened = await links.open_link(db, cast.people["ada"], links.open_token(post.settings, mail.id))
    assert opened.path == "/projects/BRIDGE/decisions/1"
    assert f"/go/{links.open_token(post.settings, mail.id)}" in plain


async def test_a_name_that_the_project_hides_is_in_no_mail(database, cast, post, send):
    async with database.write() as db:
        await projects.change_project(db, await cast.scope(db, "wei"), {"show_staff": "role"})
    await asked(database, cast, post)
    (message,) = await send()
    texts = [message.get_body((kind,)).get_content() for kind in ("plain", "html")]
    assert ["Requirement 1: sign in" in text for text in texts] == [True, True]
    assert "Wei" not in "".join([*map(str, message.values()), *texts])


async def test_a_second_try_is_recognised_as_the_same_mail(database, cast, post, send, smtp):
    await asked(database, cast, post)
    await send()
    async with database.write() as db:
        await db.execute(update(Mail).values(ended=False, sent_at=None, due_at=clock.now()))
    first, second = await send()
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_body(("plain",)).get_content() == second.get_body(("plain",)).get_content()


async def end_membership(db, cast):
    scope = await cast.scope(db, "wei")
    mine = (Membership.project_id == scope.project_id, Membership.person_id == cast.people["ada"])
    await db.execute(delete(Membership).where(*mine))


async def drop_role(db, cast):
    scope = await cast.scope(db, "wei")
    mine = (Membership.project_id == scope.project_id, Membership.person_id == cast.people["ada"])
    await db.execute(update(Membership).where(*mine).values(approver=False))


async def disable(db, cast):
    await db.execute(update(Person).where(Person.id == cast.people["ada"]).values(disabled_at=clock.now()))


async def leave(db, cast):
    await preferences.leave(db, cast.people["ada"], Topic.ASKED)


async def withdraw(db, cast):
    await commands.withdraw(db, await cast.scope(db, "wei"), 1, "We looked again.")


async def refuse(db, cast):
    await refused.record(db, "Ada@example.com", "bounce", "5.1.1")


@pytest.mark.parametrize("change", [end_membership, drop_role, disable, leave, withdraw, refuse])
async def test_a_mail_stays_when_it_does_not_hold_any_more(database, cast, post, send, change):
    await asked(database, cast, post)
    async with database.write() as db:
        await change(db, cast)
    assert await send() == []
    assert await errors(database) == ["its person may not, or does not wish to, have it any more"]


async def test_mail_that_came_back_for_our_own_fault_is_no_reason_to_send_none(database, cast, post, send):
    """A signature that broke (5.7.26): once it is mended, the next mail arrives. Staff see that it did not."""
    await asked(database, cast, post)
    async with database.write() as db:
        await refused.record(db, "ada@example.com", "bounce", "5.7.26")
    assert len(await send()) == 1


async def test_the_price_of_a_question_stays_when_its_reader_may_not_see_it_any_more(database, cast, post, send, keys):
    await asked(database, cast, post, audience=Audience.BILLING)
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        mine = (Membership.project_id == scope.project_id, Membership.person_id == cast.people["ada"])
        await db.execute(update(Membership).where(*mine).values(billing=False))
    assert await send() == []


async def test_it_goes_to_the_address_and_in_the_language_that_the_person_has_by_then(database, cast, post, send):
    await asked(database, cast, post)
    async with database.write() as db:
        mine = Person.id == cast.people["ada"]
        await db.execute(update(Person).where(mine).values(email="ada@new.example", locale="ru"))
    (message,) = await send()
    assert (str(message["To"]), message["Content-Language"]) == ("ada@new.example", "ru")
    assert (await post.mails())[0].recipient == "ada@new.example"


async def test_quiet_hours_hold_a_mail_back_and_what_is_settled_by_then_is_not_sent(database, cast, post, send):
    with time_machine.travel("2026-11-24T21:30:00Z", tick=False) as traveller:
        await post.wish("ada", quiet_from=time(22), quiet_until=time(7))
        await asked(database, cast, post)
        await asked(database, cast, post, subject_number=2, title="Requirement 2: search")
        assert await send() == []
        async with database.write() as db:
            await withdraw(db, cast)
        traveller.move_to("2026-11-25T05:59:00Z")
        assert await send() == []
        traveller.move_to("2026-11-25T06:00:00Z")  # 07:00 in Berlin
        assert [str(one["Subject"]) for one in await send()] == [
            "The bridge: “Requirement 2: search” waits for your decision"
        ]


async def fail(_message):
    raise OSError


async def test_a_second_try_waits_for_the_end_of_the_night_and_loses_nothing(database, cast, post, send):
    with time_machine.travel("2026-11-24T20:59:50Z", tick=False) as traveller:
        await post.wish("ada", quiet_from=time(22), quiet_until=time(7))
        await asked(database, cast, post)
        assert await outbox.send_one(database, send.compose, fail, send.prepare)
        traveller.shift(30)
        assert await send() == []
        (mail,) = await post.mails()
        assert (clock.rfc3339(mail.due_at)[:16], mail.attempts, mail.ended) == ("2026-11-25T06:00", 1, False)
        traveller.move_to("2026-11-25T06:00:00Z")  # 07:00 in Berlin
        assert len(await send()) == 1


async def test_quiet_hours_hold_back_a_digest_that_is_sent_late(evening, database, cast, post, send):
    await add_item(database, cast)
    await post.tell()
    evening.move_to("2026-11-24T07:00:00Z")
    await post.digest()
    await post.wish("ada", quiet_from=time(12), quiet_until=time(14))
    evening.move_to("2026-11-24T12:59:00Z")
    assert sorted(str(one["To"]) for one in await send()) == ["eve@example.com", "finn@example.com"]
    evening.move_to("2026-11-24T13:00:00Z")  # 14:00 in Berlin
    assert len(await send()) == 3


async def test_a_digest_leaves_out_a_project_that_its_reader_left(evening, database, cast, post, send):
    await add_item(database, cast)
    await post.tell()
    evening.move_to("2026-11-24T07:00:00Z")
    await post.digest()
    async with database.write() as db:
        await end_membership(db, cast)
    assert sorted(str(one["To"]) for one in await send()) == ["eve@example.com", "finn@example.com"]


async def test_a_digest_that_leaves_late_says_what_its_reader_may_read_by_then(evening, database, cast, post, send):
    hidden = await add_item(database, cast, title="Zanzibar")
    await add_item(database, cast, title="Search")
    await post.tell()
    evening.move_to("2026-11-24T07:00:00Z")
    await post.digest()
    async with database.write() as db:
        await backlog.change_item(db, await cast.scope(db, "wei"), hidden.number, {"audience": "internal"})
    texts = [one.get_body((kind,)).get_content() for one in await send() for kind in ("plain", "html")]
    assert [("Search" in text, "Zanzibar" in text) for text in texts] == [(True, False)] * 6


async def test_a_digest_that_leaves_late_asks_for_nothing_that_is_settled(evening, database, cast, post, send, keys):
    await post.wish("ada", asked="digest")
    await add_item(database, cast, title="Search")
    decision = await ask(database, cast)
    await post.tell()
    evening.move_to("2026-11-24T07:00:00Z")
    await post.digest()
    await post.answer(decision, keys)
    (message,) = [one for one in await send() if str(one["To"]).startswith("ada")]
    assert str(message["Subject"]) == "The bridge: what happened"
    assert "Waiting for you" not in message.get_body(("plain",)).get_content()


async def test_a_digest_of_an_older_release_leaves_as_it_was_made(evening, database, cast, post, send):
    counts = [{"what": "done", "count": 1, "titles": ["Search"], "more": False}]
    part = {"name": "The bridge", "key": "BRIDGE", "counts": counts, "waiting": [], "of_tests": False, "is_cut": False}
    async with database.write() as db:
        for name, audiences in (("ada", ["client", "billing"]), ("eve", ["client", "billing"]), ("finn", ["client"])):
            await outbox.enqueue(
                db, recipient=f"{name}@example.com", locale="en", template="digest", person_id=cast.people[name],
                context={"waiting": 0, "projects": [part | {"audiences": audiences}]}, topic=Topic.NEWS,
            )  # fmt: skip
    assert sorted(str(one["To"]) for one in await send()) == ["ada@example.com", "finn@example.com"]


async def add_picture(database, cast, store, audience=Audience.CLIENT):
    """A picture with its preview, as the room of files keeps it."""
    content = picture(1600, 900, "WEBP")
    async with database.read() as db:
        scope = await cast.scope(db, "wei")
    stored = await store.put(scope.project_id, intake.once(content), max_bytes=100_000)
    received = Received(store, stored, "start.webp", "image/webp", 1600, 900, preview=stored)
    async with database.write() as db:
        return await files.add_file(db, scope, received, audience=audience)


async def test_the_picture_of_a_design_is_in_the_mail(database, cast, post, send):
    file = await add_picture(database, cast, send.store)
    content = {"title": "Start", "version": 2, "files": [{"number": file.number, "name": "start.webp"}]}
    await asked(database, cast, post, kind=DecisionKind.DESIGN, subject_version=2, content=content)
    (message,) = await send()
    assert "https://portal.example/projects/BRIDGE/designs/1/versions/2" in message.get_body(("plain",)).get_content()
    image = next(part for part in message.walk() if part.get_content_type() == "image/jpeg")
    assert image.get_content()[:2] == b"\xff\xd8"
    assert f"cid:{str(image['Content-ID']).strip('<>')}" in message.get_body(("html",)).get_content()


async def test_of_a_document_the_first_page_is_in_the_mail(database, cast, post, send):
    file = await add_paper(database, cast, send.store, paper(RED, GREEN))
    async with database.write() as db:
        await show_to_client(db, await cast.scope(db, "wei"), [file.number])
    await asked(database, cast, post, content={"title": "Start", "files": [{"number": file.number}]})
    (message,) = await send()
    image = next(part for part in message.walk() if part.get_content_type() == "image/jpeg")
    with Image.open(io.BytesIO(image.get_content())) as shown:
        red, green, _ = shown.getpixel((shown.width // 2, shown.height // 2))
    assert red > 200 > 60 > green


async def test_a_picture_that_the_reader_may_not_see_is_not_in_the_mail(database, cast, post, send):
    file = await add_picture(database, cast, send.store, Audience.INTERNAL)
    await asked(database, cast, post, content={"title": "Start", "files": [{"number": file.number}]})
    (message,) = await send()
    assert not [part for part in message.walk() if part.get_content_maintype() == "image"]


async def test_a_store_that_is_away_costs_the_picture_and_not_the_mail(database, cast, post, send):
    file = await add_picture(database, cast, send.store)
    await asked(database, cast, post, content={"title": "Start", "files": [{"number": file.number}]})
    for stored in send.store.folder.rglob("*"):
        if stored.is_file():
            stored.unlink()
    (message,) = await send()
    assert not [part for part in message.walk() if part.get_content_maintype() == "image"]


def test_the_snapshot_of_a_prototype_is_a_picture_too():
    content = {
        "files": [{"number": 3}, "x", {"number": "4"}],
        "links": [{"url": "https://x", "snapshot": {"number": 5}}],
    }
    assert numbers_of(content) == [3, 5]
    assert numbers_of({"files": None}) == []


def test_a_long_page_is_cut_to_what_a_mail_can_show():
    made = drawn(picture(3000, 9000, "WEBP"))
    assert Image.open(io.BytesIO(made.content)).size == (1068, 1400)
    assert (made.subtype, len(made.content) < 200_000) == ("jpeg", True)


async def test_a_refused_address_is_written_down_and_forgotten_when_it_takes_mail_again(
    database, cast, post, send, smtp
):
    smtp.refused = {"ada@example.com"}
    with time_machine.travel(clock.now(), tick=False) as traveller:
        await asked(database, cast, post)
        await send()
        async with database.read() as db:
            row = (await db.scalars(select(MailRefused))).one()
        assert (row.address, row.source, row.status, row.times) == ("ada@example.com", "smtp", "550", 1)
        smtp.refused = set()
        await asked(database, cast, post, subject_number=2)
        assert await send() == []
        traveller.shift(refused.LEFT_ALONE)
        await asked(database, cast, post, subject_number=3)
        assert len(await send()) == 1
    async with database.read() as db:
        assert await db.scalar(select(MailRefused.address)) is None


async def test_an_invitation_goes_out_even_to_an_address_that_was_refused(database, cast, post, send):
    async with database.write() as db:
        await refused.record(db, "new@client.example", "smtp", "550")
        context = {
            "project": "B",
            "company": "A",
            "invited_by": "W",
            "provider": None,
            "expires_at": "2026-12-08T12:00:00Z",
        }
        await outbox.enqueue(db, recipient="new@client.example", locale="en", template="invitation", context=context)
    assert len(await send()) == 1


async def invited(database, cast, post):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        return await invitations.invite(db, scope, post.settings, email="new@client.example", roles=["approver"])


async def test_an_invitation_leaves_while_it_can_be_accepted(database, cast, post, send):
    await invited(database, cast, post)
    (message,) = await send()
    assert str(message["To"]) == "new@client.example"


@pytest.mark.parametrize("ended", ["revoked", "expired"])
async def test_an_invitation_that_has_ended_by_then_names_the_project_to_nobody(database, cast, post, send, ended):
    """It was sent to a wrong address, and taken back before the mail server answered."""
    with time_machine.travel(clock.now(), tick=False) as traveller:
        invitation = await invited(database, cast, post)
        if ended == "revoked":
            async with database.write() as db:
                await invitations.revoke(db, await cast.scope(db, "wei"), invitation.id)
        else:
            traveller.shift(timedelta(days=post.settings.invitation_days))
        assert await send() == []


async def test_a_reminder_that_leaves_a_day_late_does_not_say_that_it_is_due_today(database, cast, post, send):
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        await asked(database, cast, post, due_on=date(2026, 11, 26))
        await send()
        traveller.move_to("2026-11-26T08:00:00Z")
        await reminders.remind(database)
        await post.tell()
        assert await outbox.send_one(database, send.compose, fail, send.prepare)
        traveller.shift(timedelta(days=1))
        text = (await send())[-1].get_body(("plain",)).get_content()
    assert "Due: 26 November 2026" in text
    assert "today" not in text


async def archive(database, cast):
    async with database.write() as db:
        await projects.change_project(db, await cast.scope(db, "wei"), {"status": "archived"})


async def test_what_an_archived_project_asked_for_is_not_told_of_any_more(database, cast, post, send):
    await asked(database, cast, post)
    await archive(database, cast)
    assert await send() == []


async def test_a_round_of_an_archived_project_is_not_told_of_any_more(database, cast, post, send):
    await acceptance.begun(database, cast, "ada")
    await post.tell()
    await archive(database, cast)
    assert await send() == []


async def test_an_archived_project_reminds_nobody_of_what_is_unpaid(database, cast, post, send):
    with time_machine.travel("2026-11-02T12:00:00+01:00", tick=False) as traveller:
        await billing.planned(database, cast)
        await billing.drafted(database, cast)
        await billing.quick(database, cast)
        await post.tell()
        await send()
        traveller.shift(timedelta(days=33))
        assert await payments.remind(database, post.settings) == 1
        await archive(database, cast)
        before = len(send.smtp.messages)
        await send()
        assert [str(one["Subject"]) for one in send.smtp.messages[before:]] == []


async def test_nothing_waits_on_top_of_the_digest_of_an_archived_project(evening, database, cast, post, send):
    await post.wish("ada", asked="digest")
    await ask(database, cast)
    await archive(database, cast)
    await post.tell()
    evening.move_to("2026-11-24T07:00:00Z")
    await post.digest()
    (mail,) = [one for one in await post.mails() if one.recipient.startswith("ada")]
    assert (mail.context["waiting"], mail.context["projects"][0]["waiting"]) == (0, [])


async def test_two_who_can_decide_are_told_of_one_event_once_each(database, cast, post, send):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    await asked(database, cast, post, needed=2)
    assert sorted(str(one["To"]) for one in await send()) == ["ada@example.com", "eve@example.com"]
