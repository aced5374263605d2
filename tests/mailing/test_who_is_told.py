"""Who hears of a decision at once: those whom it concerns, who may see it, who wish it, and nobody else."""

import asyncio
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import delete, select, update

from portal import clock
from portal.access import Role
from portal.access.models import Membership
from portal.apart import SomeFailed
from portal.decisions import delegations, remarks, reminders
from portal.errors import NotFound
from portal.ledger import Audience, NewEvent, append
from portal.mailing import readers, telling
from portal.notify import preferences
from portal.notify.models import NotifyCursor
from portal.people.models import Person
from tests.mailing.conftest import Post
from tests.support import testers
from tests.support.cast import add_item
from tests.support.decisions import ask, grant, proof_of


async def remark(database, cast, name, text="Which one?", **more):
    async with database.write() as db:
        await remarks.remark(db, await cast.scope(db, name), 1, text, **more)


async def test_those_who_can_decide_are_told_and_nobody_else(database, cast, post):
    await ask(database, cast)
    assert await post.tell() == 1
    assert await post.told() == [("ada", "asked")]


async def test_a_price_reaches_only_those_who_may_see_it(database, cast, post):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    await ask(database, cast, audience=Audience.BILLING)
    await post.tell()
    assert await post.told() == [("ada", "asked")]


async def test_only_the_named_are_told(database, cast, post):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    await ask(database, cast, people=(cast.people["eve"],))
    await post.tell()
    assert await post.told() == [("eve", "asked")]


async def test_whoever_decides_for_somebody_today_is_told(database, cast, post):
    async with database.write() as db:
        scope = await cast.scope(db, "ada")
        await delegations.delegate(db, scope, cast.people["eve"], scope.today, scope.today, proof_of("ada"))
    await ask(database, cast, people=(cast.people["ada"],))
    await post.tell()
    assert await post.told() == [("ada", "asked"), ("eve", "asked")]


async def test_nothing_is_told_twice_however_often_the_events_are_read(database, cast, post):
    await ask(database, cast)
    for _ in range(3):
        await post.tell()
        async with database.write() as db:
            await db.execute(update(NotifyCursor).values(seq=0).execution_options(cross_project="the test reads anew"))
    assert await post.told() == [("ada", "asked")]


async def test_a_question_that_is_answered_or_withdrawn_by_then_is_not_told(database, cast, post, keys):
    await post.answer(await ask(database, cast), keys)
    await post.tell()
    assert await post.told() == [("wei", "answered")]


async def test_an_answer_reaches_managers_of_the_project_and_who_asked_but_not_the_client(database, cast, post, keys):
    decision = await ask(database, cast)
    await post.tell()
    await post.answer(decision, keys, comment="Good.")
    await post.tell()
    assert [one for one in await post.told() if one[1] == "answered"] == [("wei", "answered")]
    mail = next(mail for mail in await post.mails() if mail.context["kind"] == "answered")
    assert (mail.context["outcome"], mail.context["words"]) == ("approved", "Good.")


def raised(actor):
    body = {"title": "A login by fingerprint", "wanted": "It is quicker."}
    return NewEvent("change_request.raised", "change_request", 1, Audience.CLIENT, body, actor, clock.now())


async def test_what_staff_write_down_for_the_client_waits_for_nobody(database, cast, post):
    async with database.write() as db:
        scope = await cast.scope(db, "dan")
        await append(db, scope.project_id, [raised(scope.viewer.actor)])
    assert await post.tell() == 0


async def test_managers_who_never_took_part_are_told_when_nobody_else_of_the_agency_could(database, cast, post, keys):
    async with database.write() as db:
        scope = await cast.scope(db, "ada")
        await append(db, scope.project_id, [raised(scope.viewer.actor)])
    await post.tell()
    assert await post.told() == [("root", "raised"), ("wei", "raised")]


async def test_a_question_goes_to_the_agency_and_its_answer_to_those_who_decide(database, cast, post):
    await ask(database, cast)
    await post.tell()
    await remark(database, cast, "ada", is_question=True)
    await post.tell()
    await remark(database, cast, "wei", "The blue one.")
    await post.tell()
    assert await post.told() == [("ada", "asked"), ("ada", "question_answered"), ("wei", "question_asked")]


async def test_nobody_is_told_of_their_own_act(database, cast, post, keys):
    await post.stand("dan")
    await ask(database, cast)
    await remark(database, cast, "eve", is_question=True)
    await remark(database, cast, "wei", "Blue.")
    await post.tell()
    assert await post.told() == [("ada", "asked"), ("ada", "question_answered"), ("wei", "question_asked")]


async def test_a_member_who_left_a_disabled_person_and_one_without_address_hear_nothing(database, cast, post):
    async with database.write() as db:
        for name in ("eve", "finn"):
            await grant(db, cast, name, Role.APPROVER)
        scope = await cast.scope(db, "wei")
        mine = (Membership.project_id == scope.project_id, Membership.person_id == cast.people["ada"])
        await db.execute(delete(Membership).where(*mine))
        await db.execute(update(Person).where(Person.id == cast.people["eve"]).values(disabled_at=clock.now()))
        await db.execute(update(Person).where(Person.id == cast.people["finn"]).values(email=""))
    await ask(database, cast)
    assert await post.tell() == 0


async def test_the_other_client_hears_nothing(database, cast, post):
    await ask(database, cast)
    await post.tell()
    assert await post.told() == [("ada", "asked")]


async def test_staff_whose_sign_in_is_too_old_hear_nothing(database, cast, post, keys):
    with time_machine.travel(clock.now() + timedelta(days=15), tick=False):
        await post.answer(await ask(database, cast), keys)
        await post.tell()
        assert await post.told() == []


@pytest.mark.parametrize("asked", ["digest", "off"])
async def test_who_does_not_wish_it_at_once_does_not_get_it_at_once(database, cast, post, asked):
    await post.wish("ada", asked=asked)
    await ask(database, cast)
    assert await post.tell() == 0


async def test_what_is_internal_and_what_can_wait_is_not_told_at_once(database, cast, post):
    await add_item(database, cast)
    await add_item(database, cast, audience="internal")
    decision = await ask(database, cast)
    async with database.write() as db:
        await remarks.judge(db, await cast.scope(db, "wei"), decision.number, "They hesitate.")
    await post.tell()
    assert await post.told() == [("ada", "asked")]


async def test_the_day_it_is_due_reminds_once_those_who_still_can_decide(database, cast, post):
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        await post.stand("wei")
        await ask(database, cast, due_on=clock.now().date() + timedelta(days=2))
        traveller.move_to("2026-11-26T06:59:00Z")  # 07:59 in Berlin
        assert await reminders.remind(database) == 0
        traveller.move_to("2026-11-26T07:00:00Z")
        assert [await reminders.remind(database) for _ in range(2)] == [1, 0]
        await post.tell()
        traveller.shift(timedelta(days=1))
        assert await reminders.remind(database) == 0
    assert await post.told() == [("ada", "asked"), ("ada", "reminded")]


async def test_what_is_asked_on_the_day_it_is_due_is_told_once(database, cast, post):
    with time_machine.travel("2026-11-26T10:00:00Z", tick=False) as traveller:
        await ask(database, cast, due_on=clock.now().date())
        await post.tell()
        traveller.shift(timedelta(minutes=5))
        assert [await reminders.remind(database) for _ in range(2)] == [0, 0]
        traveller.shift(timedelta(days=1))
        assert await reminders.remind(database) == 0
        await post.tell()
    assert await post.told() == [("ada", "asked")]


async def test_nobody_is_reminded_of_what_is_decided_or_waits_for_the_agency(database, cast, post, keys):
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        due_on = clock.now().date()
        await post.answer(await ask(database, cast, due_on=due_on), keys)
        await ask(database, cast, due_on=due_on, subject_number=2)
        async with database.write() as db:
            await remarks.remark(db, await cast.scope(db, "ada"), 2, "Which?", is_question=True)
        traveller.shift(timedelta(days=2))
        assert await reminders.remind(database) == 0


async def test_the_cursor_moves_with_the_mails_or_not_at_all(database, cast, post, monkeypatch):
    await ask(database, cast)

    def crash(*_arguments):
        raise RuntimeError("the process dies here")

    with monkeypatch.context() as patched:
        patched.setattr("portal.notify.links.add_link", crash)
        with pytest.raises(SomeFailed):
            await post.tell()
    assert await post.told() == []
    await post.tell()
    assert await post.told() == [("ada", "asked")]
    async with database.read() as db:
        scope = await cast.scope(db, "wei")
        assert await db.scalar(select(NotifyCursor.seq).where(NotifyCursor.project_id == scope.project_id)) == (
            scope.project.version
        )


async def test_one_projects_trouble_keeps_no_other_from_hearing(database, cast, post, monkeypatch):
    await ask(database, cast)
    await ask(database, cast, key="HARBOUR")
    whole = telling.tell_project

    async def breaks(db, settings, project_id, key):
        if key == "BRIDGE":
            raise RuntimeError
        return await whole(db, settings, project_id, key)

    monkeypatch.setattr(telling, "tell_project", breaks)
    with pytest.raises(SomeFailed) as some:
        await post.tell()
    assert (some.value.failed, some.value.done) == (1, 1)
    assert await post.told() == [("mallory", "asked")]


async def test_two_processes_that_begin_at_once_are_in_nobodys_way(database, cast, settings):
    """Neither finds a cursor, nor what people wish: both write them down."""
    await ask(database, cast)
    room = Post(database, cast, settings)
    assert sum(await asyncio.gather(*(room.tell() for _ in range(3)))) == 1
    assert await room.told() == [("ada", "asked")]


async def test_what_somebody_wishes_is_begun_by_two_at_once(database, cast):
    """Told of two projects that they joined by one sign-in, by two processes."""

    async def know():
        async with database.write() as db:
            return (await preferences.known(db, cast.people["eve"])).person_id

    assert set(await asyncio.gather(*(know() for _ in range(3)))) == {cast.people["eve"]}


async def test_many_events_are_told_to_the_end_at_once(database, cast, post, monkeypatch):
    monkeypatch.setattr(telling, "EVENTS_AT_ONCE", 3)
    for n in range(10):
        await add_item(database, cast, title=f"Item {n}")
    await ask(database, cast)
    assert await post.tell() == 1


async def test_a_tester_alone_is_neither_asked_nor_told_nor_sent_the_news(database, cast, post):
    """They see a project's tests and nothing else of it: no mail tells them of the rest."""
    await testers.enter(database, cast)
    async with database.write() as db:
        viewer = await readers.person(db, cast.people["tess"])
        with pytest.raises(NotFound):
            await readers.scope_of(db, viewer, "BRIDGE")
    await ask(database, cast)
    await post.tell()
    with time_machine.travel(clock.now() + timedelta(days=2), tick=False):
        await post.tell()
        await post.digest()
    told = {who for who, _ in await post.told()}
    assert "ada" in told
    assert "tess" not in told
