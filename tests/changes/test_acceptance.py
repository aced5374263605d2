"""What follows from the client's answer: all of it, once, or nothing at all."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy import select

from portal import clock
from portal.access import Role
from portal.backlog import commands as backlog
from portal.backlog import planlines, queries, reports
from portal.backlog.reports import Wanted
from portal.changes import accept, contract_view, decided, expiry
from portal.changes import queries as changes
from portal.changes.models import ChangeState as State
from portal.changes.models import Contract
from portal.decisions.models import Verdict
from portal.errors import Conflict, NotFound, PortalError
from portal.ledger import queries as ledger
from portal.projects import commands as projects
from portal.projects import queries as plan
from portal.trace import commands as trace
from portal.trace.models import Trace
from tests.support import decisions as deciding
from tests.support.cast import add_item
from tests.support.changes import (
    LATER,
    NOW,
    an_offer,
    answer,
    everything,
    line,
    offered,
    priced,
    raised,
    sign,
    withdrawn,
)

DECIDING = {
    "change_request", "decision", "decision_answer", "decision_turn", "decision_draft", "event", "project_ledger",
    "ledger_head", "receipt",
}  # fmt: skip
"""Where an answer itself is kept."""


async def seen(database, cast, number=1, who="ada"):
    async with database.read() as db:
        scope = await cast.scope(db, who)
        return await changes.change_view(db, scope, number), await contract_view.contract_view(db, scope)


async def test_acceptance_moves_contract_dates_and_backlog_by_what_was_agreed(database, cast, contract, keys):
    await answer(database, cast, keys, await an_offer(database, cast))
    view, standing = await seen(database, cast)
    (amended,) = standing.amendments
    assert (view.request.state, view.request.choice, view.request.amendment_number) == (State.ACCEPTED, "A", 1)
    assert (amended.net.amount, amended.total.amount, standing.total.amount) == ("1250.00", "11250.00", "11250.00")
    assert (amended.amendment.number, amended.amendment.change_number, amended.amendment.decision_number) == (1, 1, 1)
    assert [one.text for one in amended.lines] == ["Build it", "Test it"]
    (opening,) = standing.milestones
    assert (opening.original, opening.agreed, opening.moves) == (date(2027, 3, 1), date(2027, 3, 20),
                                                                 [(1, date(2027, 3, 20))])  # fmt: skip
    async with database.read() as db:
        scope = await cast.scope(db, "eve")
        milestone = await plan.milestone(db, scope, 1)
        items = {number: await queries.item(db, scope, number) for number in (1, 2)}
    assert (milestone.promised_on, milestone.agreed_on) == (date(2027, 3, 1), date(2027, 3, 20))
    assert [(one.title, one.points) for one in items.values()] == [
        ("Foundations", Decimal(8)),
        ("A railing", Decimal(5)),
    ]
    assert view.request.items == [2, 1]


async def test_the_other_alternative_does_what_it_says_and_no_more(database, cast, contract, keys):
    request = await an_offer(database, cast)
    await answer(database, cast, keys, request, choice="B")
    view, standing = await seen(database, cast)
    assert (view.request.choice, standing.total.amount, view.request.items) == ("B", "10400.00", [])
    assert standing.milestones[0].agreed == date(2027, 3, 1)


async def test_every_change_of_the_plan_names_the_change_request(database, cast, contract, keys):
    await answer(database, cast, keys, await an_offer(database, cast))
    async with database.read() as db:
        scope = await cast.scope(db, "eve")
        (moved, _, _) = await ledger.of_subject(db, scope.project_id, scope.audiences, "milestone", 1)
        (changed, _) = await ledger.of_subject(db, scope.project_id, scope.audiences, "item", 1)
        (added,) = await ledger.of_subject(db, scope.project_id, scope.audiences, "item", 2)
        linked = list(await db.scalars(select(Trace.from_number).where(Trace.project_id == scope.project_id)))
    for event in (moved, changed, added):
        assert (event.body["change_request"], event.body["change_request_title"]) == (1, "A railing")
    assert sorted(linked) == [1, 2]


@pytest.mark.parametrize("who", ["eve", "ada", "wei"])
async def test_the_step_of_the_burndown_names_it(database, cast, contract, keys, who):
    with time_machine.travel(clock.now() + timedelta(days=2)):
        await answer(database, cast, keys, await an_offer(database, cast))
        await add_item(database, cast, title="Something else", points="1")
        async with database.read() as db:
            scope = await cast.scope(db, who)
            lines = await planlines.plan_lines(db, scope)
            found = await reports.burndown(db, scope, lines, Wanted())
    by_item = {(named.number, named.cause.amount): named.change_request for named in found.causes}
    assert by_item == {(1, Decimal(3)): None, (1, Decimal(5)): 1, (2, Decimal(5)): 1, (3, Decimal(1)): None}
    assert found.now.scope == 14


async def test_what_was_new_before_is_not_new_by_the_change_request(database, cast, contract, keys):
    await answer(database, cast, keys, await an_offer(database, cast))
    async with database.read() as db:
        scope = await cast.scope(db, "eve")
        found = await reports.burndown(db, scope, await planlines.plan_lines(db, scope), Wanted())
    assert {(named.number, named.change_request) for named in found.causes} == {(1, None), (2, 1)}


async def test_an_item_that_is_removed_leaves_by_the_change_request(database, cast, contract, keys):
    request = await an_offer(database, cast, LATER | {"items_changed": [{"number": 1, "removed": True}]})
    with time_machine.travel(clock.now() + timedelta(days=1)):
        await answer(database, cast, keys, request)
        async with database.read() as db:
            scope = await cast.scope(db, "wei")
            found = await reports.burndown(db, scope, await planlines.plan_lines(db, scope), Wanted())
    assert [(one.cause.kind, one.change_request) for one in found.causes] == [("removed", 1), ("added", None)]


@pytest.mark.parametrize("verdict", [Verdict.DECLINED, Verdict.CHANGES_WANTED])
async def test_a_refusal_changes_nothing_at_all(database, cast, contract, keys, verdict):
    request = await an_offer(database, cast)
    before = await everything(database, *DECIDING)
    await answer(database, cast, keys, request, verdict=verdict, comment="Too dear at 1,250.00.")
    assert await everything(database, *DECIDING) == before
    view, _ = await seen(database, cast)
    assert view.request.state is (State.DECLINED if verdict is Verdict.DECLINED else State.BEING_PRICED)
    assert view.request.refusal == "Too dear at 1,250.00."


async def test_what_is_said_of_the_price_reaches_nobody_without_the_right(database, cast, contract, keys):
    await answer(database, cast, keys, await an_offer(database, cast), verdict=Verdict.DECLINED, comment="Too dear")
    for who in ("eve", "dan"):
        async with database.read() as db:
            scope = await cast.scope(db, who)
            events = await ledger.latest(db, scope.project_id, scope.audiences)
        assert "change_request.declined" in [event.kind for event in events]
        assert "Too dear" not in str([event.body for event in events])


async def test_it_can_be_offered_again_after_changes_were_wanted(database, cast, contract, keys):
    await answer(database, cast, keys, await an_offer(database, cast), verdict=Verdict.CHANGES_WANTED, comment="Less")
    again = await offered(database, cast, 1, [LATER])
    await answer(database, cast, keys, again)
    assert (await seen(database, cast))[1].total.amount == "10400.00"


async def test_after_its_last_day_an_offer_cannot_be_accepted(database, cast, contract, keys):
    request = await an_offer(database, cast)
    with time_machine.travel(clock.now() + timedelta(days=32)):
        before = await everything(database)
        with pytest.raises(Conflict, match="last day"):
            await answer(database, cast, keys, request)
        assert await everything(database) == before


async def test_on_its_last_day_it_can(database, cast, contract, keys):
    async with database.read() as db:
        today = (await cast.scope(db, "wei")).today
    request = await an_offer(database, cast, valid_until=today)
    await answer(database, cast, keys, request)
    assert (await seen(database, cast))[0].request.state is State.ACCEPTED


async def test_the_last_day_ends_at_midnight_in_the_project(database, cast, contract, keys):
    day = clock.now().date() + timedelta(days=3)
    request = await an_offer(database, cast, valid_until=day)
    before_midnight = clock.start_of_day(day + timedelta(days=1), ZoneInfo("Europe/Berlin")) - timedelta(minutes=1)
    with time_machine.travel(before_midnight):
        assert await expiry.expire_due(database) == 0
    with time_machine.travel(before_midnight + timedelta(minutes=2)):
        with pytest.raises(Conflict, match="last day"):
            await answer(database, cast, keys, request)
        assert await expiry.expire_due(database) == 1
        with pytest.raises(Conflict):
            await answer(database, cast, keys, request)


async def test_pricing_anew_and_an_acceptance_at_once_leave_one_outcome(database, cast, contract, keys):
    request = await an_offer(database, cast)
    both = await asyncio.gather(
        answer(database, cast, keys, request), priced(database, cast, 1, [LATER]), return_exceptions=True
    )
    assert sorted(isinstance(one, Conflict) for one in both) == [False, True]
    view, standing = await seen(database, cast)
    assert (view.request.state, len(standing.amendments)) in ((State.ACCEPTED, 1), (State.BEING_PRICED, 0))


async def test_two_managers_who_offer_at_once_ask_once(database, cast, contract):
    await priced(database, cast, (await raised(database, cast)).number)
    both = await asyncio.gather(
        offered(database, cast, 1, None), offered(database, cast, 1, None), return_exceptions=True
    )
    assert sorted(isinstance(one, Conflict) for one in both) == [False, True]
    assert (await seen(database, cast))[0].request.offers == 1


async def test_an_offer_that_was_taken_back_cannot_be_accepted(database, cast, contract, keys):
    request = await an_offer(database, cast)
    await priced(database, cast, 1, [LATER])
    before = await everything(database)
    with pytest.raises(Conflict):
        await answer(database, cast, keys, request)
    assert await everything(database) == before


async def test_a_choice_is_needed_where_there_is_one(database, cast, contract, keys):
    request = await an_offer(database, cast)
    before = await everything(database)
    for choice in (None, "C"):
        with pytest.raises(PortalError):
            await answer(database, cast, keys, request, choice=choice)
    assert await everything(database) == before


async def test_a_double_click_amends_once(database, cast, contract, keys):
    request = await an_offer(database, cast)
    clicks = await asyncio.gather(*(answer(database, cast, keys, request) for _ in range(3)))
    assert sorted(one.is_new for one in clicks) == [False, False, True]
    assert len((await seen(database, cast))[1].amendments) == 1


async def test_of_two_approvers_at_once_one_decides(database, cast, contract, keys):
    async with database.write() as db:
        await deciding.grant(db, cast, "eve", Role.APPROVER, Role.BILLING)
    request = await an_offer(database, cast)
    both = await asyncio.gather(
        answer(database, cast, keys, request, choice="A"),
        answer(database, cast, keys, request, "eve", choice="B"),
        return_exceptions=True,
    )
    assert sorted(isinstance(one, Conflict) for one in both) == [False, True]
    _, standing = await seen(database, cast)
    assert len(standing.amendments) == 1
    assert standing.contract.total_minor == standing.total.minor


async def test_a_withdrawal_and_an_acceptance_at_once_leave_one_outcome(database, cast, contract, keys):
    request = await an_offer(database, cast)
    both = await asyncio.gather(
        answer(database, cast, keys, request), withdrawn(database, cast, 1), return_exceptions=True
    )
    assert sorted(isinstance(one, Conflict) for one in both) == [False, True]
    view, standing = await seen(database, cast)
    assert (view.request.state, len(standing.amendments)) in ((State.ACCEPTED, 1), (State.WITHDRAWN, 0))


async def test_two_change_requests_at_once_both_count(database, cast, contract, keys):
    requests = [await an_offer(database, cast, NOW), await an_offer(database, cast, LATER)]
    await asyncio.gather(*(answer(database, cast, keys, one) for one in requests))
    _, standing = await seen(database, cast)
    assert [one.amendment.number for one in standing.amendments] == [1, 2]
    assert [one.total.amount for one in standing.amendments][-1] == standing.total.amount == "11650.00"


@pytest.mark.parametrize("name", ["eve", "finn"])
async def test_somebody_with_one_of_the_two_roles_cannot_decide(database, cast, contract, keys, name):
    async with database.write() as db:
        if name == "eve":
            await deciding.grant(db, cast, "eve", Role.APPROVER)
    request = await an_offer(database, cast)
    before = await everything(database)
    with pytest.raises(PortalError):
        await answer(database, cast, keys, request, name)
    assert await everything(database) == before


async def test_what_changed_since_the_offer_refuses_it_whole(database, cast, contract, keys):
    request = await an_offer(database, cast)
    async with database.write() as db:
        await backlog.remove_item(db, await cast.scope(db, "wei"), 1)
    before = await everything(database)
    with pytest.raises(Conflict, match="plan has changed"):
        await answer(database, cast, keys, request)
    assert await everything(database) == before


@pytest.mark.parametrize("wanted", [{"points": "8"}, {"removed": True}])
async def test_an_item_that_was_made_internal_since_the_offer_reads_as_one_that_is_gone(
    database, cast, contract, keys, wanted
):
    request = await an_offer(database, cast, LATER | {"items_changed": [{"number": 1} | wanted]})
    async with database.write() as db:
        await backlog.change_item(db, await cast.scope(db, "wei"), 1, {"audience": "internal"})
    before = await everything(database)
    gone = "The plan has changed since this was offered: There is no item 1 in this project. It must be offered anew."
    with pytest.raises(Conflict, match=gone):
        await answer(database, cast, keys, request)
    assert await everything(database) == before


async def test_a_contract_never_comes_to_less_than_nothing(database, cast, contract, keys):
    request = await an_offer(database, cast, LATER | {"lines": [line(quantity="-100")]})
    async with database.write() as db:  # no door does that while an offer stands
        (await db.get_one(Contract, contract.project_id)).total_minor -= 1
    before = await everything(database)
    with pytest.raises(Conflict, match="does not fit the contract any more"):
        await answer(database, cast, keys, request)
    assert await everything(database) == before


async def test_less_work_lowers_the_total(database, cast, contract, keys):
    await answer(database, cast, keys, await an_offer(database, cast, LATER | {"lines": [line(quantity="-100")]}))
    assert (await seen(database, cast))[1].total.amount == "0.00"


async def test_a_gift_amends_by_nothing(database, cast, contract, keys):
    await answer(database, cast, keys, await an_offer(database, cast, {"title": "A gift", "free": True, "days": "1"}))
    (amended,) = (await seen(database, cast))[1].amendments
    assert (amended.net.amount, amended.lines, amended.amendment.days) == ("0.00", [], Decimal(1))


async def test_a_ceiling_moves_with_the_total(database, cast, keys):
    await sign(database, cast, milestones=[], kind="time_and_materials", ceiling="12000.00")
    await answer(database, cast, keys, await an_offer(database, cast, LATER))
    _, standing = await seen(database, cast)
    assert (standing.total.amount, standing.ceiling.amount) == ("10400.00", "12400.00")
    assert standing.original_ceiling.amount == "12000.00"


STEPS = [
    (projects, "change_milestone"), (backlog, "add_item"), (backlog, "change_item"), (trace, "link"),
    (accept, "_raise_total"), (accept, "_tell"), (accept, "line_columns"), (accept, "tell"),
    (accept.contract_view, "contract"), (accept.queries, "options"), (decided.accept, "accept"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name"), STEPS, ids=[name for _, name in STEPS])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_error_at_any_step_leaves_nothing(database, cast, contract, keys, monkeypatch, module, name, when):
    request = await an_offer(database, cast)
    before, real = await everything(database), getattr(module, name)

    async def breaks(*args, **options):
        if when == "after":
            await real(*args, **options)
        raise ZeroDivisionError

    def breaks_at_once(*args, **options):
        if when == "after":
            real(*args, **options)
        raise ZeroDivisionError

    monkeypatch.setattr(module, name, breaks if asyncio.iscoroutinefunction(real) else breaks_at_once)
    with pytest.raises(ZeroDivisionError):
        await answer(database, cast, keys, request)
    monkeypatch.undo()
    assert await everything(database) == before
    await answer(database, cast, keys, request)
    assert (await seen(database, cast))[0].request.state is State.ACCEPTED


async def test_amendments_of_one_project_are_none_of_another(database, cast, contract, keys):
    await answer(database, cast, keys, await an_offer(database, cast))
    async with database.read() as db:
        scope = await cast.scope(db, "mallory", "HARBOUR")
        assert await contract_view.contract_view(db, scope) is None
        assert await contract_view.amendments(db, scope) == []
        with pytest.raises(NotFound):
            await changes.change_view(db, scope, 1)
