"""Raising, correcting, pricing, offering and withdrawing: who may, when, and what is told to whom."""

from datetime import timedelta

import pytest
import time_machine

from portal import clock
from portal.apart import SomeFailed
from portal.backlog import commands as backlog
from portal.changes import commands, expiry, offers, queries
from portal.changes.models import ChangeState as State
from portal.decisions import queries as decisions
from portal.decisions.models import DecisionState
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.ledger import queries as ledger
from portal.ledger.models import Audience
from portal.projects import commands as projects
from tests.support.cast import add_item
from tests.support.changes import LATER, NOW, a_file, an_offer, fill, offered, priced, raised, terms, withdrawn
from tests.support.statements import counting


async def view(database, cast, number, who="ada"):
    async with database.read() as db:
        return await queries.change_view(db, await cast.scope(db, who), number)


async def told(database, cast, number, who="eve"):
    """The kinds of events of a change request that somebody may read, oldest first."""
    async with database.read() as db:
        scope = await cast.scope(db, who)
        events = await ledger.of_subject(db, scope.project_id, scope.audiences, "change_request", number)
    return [event.kind.partition(".")[2] for event in reversed(events)]


@pytest.mark.parametrize("who", ["ada", "dan", "wei", "maria"])
async def test_an_approver_and_all_of_staff_raise_one(database, cast, who):
    request = await raised(database, cast, who)
    assert (request.number, request.state, request.by_client) == (1, State.RAISED, who == "ada")
    assert await told(database, cast, 1) == ["raised"]


@pytest.mark.parametrize("who", ["eve", "finn"])
async def test_a_viewer_and_who_only_pays_read_it(database, cast, who):
    with pytest.raises(NotAllowed):
        await raised(database, cast, who)
    await raised(database, cast)
    assert (await view(database, cast, 1, who)).request.wanted == "A railing on both sides."


async def test_numbers_count_up_within_the_project(database, cast):
    assert [(await raised(database, cast)).number for _ in range(3)] == [1, 2, 3]
    with pytest.raises(NotFound):
        await view(database, cast, 4)
    async with database.read() as db:
        with pytest.raises(NotFound):
            await queries.change(db, await cast.scope(db, "mallory", "HARBOUR"), 1)


@pytest.mark.parametrize("wrong", [{"title": " "}, {"title": "x" * 201}, {"wanted": ""}, {"wanted": "\x00"},
                                   {"files": [9]}])  # fmt: skip
async def test_a_wrong_one_is_refused(database, cast, wrong):
    with pytest.raises(Invalid):
        await raised(database, cast, **wrong)


async def test_it_carries_files_that_everybody_in_the_project_may_open(database, cast):
    shown = await a_file(database, cast, Audience.CLIENT)
    request = await raised(database, cast, "wei", files=[shown.number])
    named = {"number": shown.number, "name": shown.name, "sha256": shown.sha256.hex(), "preview": False}
    assert request.files == [named]
    for audience in (Audience.INTERNAL, Audience.BILLING):
        closed = await a_file(database, cast, audience)
        with pytest.raises(Invalid):
            await raised(database, cast, "wei", files=[closed.number])


async def edit(database, cast, number, who="wei", **wanted):
    async with database.write() as db:
        return await commands.change_change(db, await cast.scope(db, who), number, wanted)


async def test_staff_correct_their_own_words_and_never_the_clients(database, cast, contract):
    ours, theirs = await raised(database, cast, "dan"), await raised(database, cast, "ada")
    assert (await edit(database, cast, ours.number, "dan", title="A rail")).title == "A rail"
    with pytest.raises(Conflict):
        await edit(database, cast, theirs.number, title="A rail")
    with pytest.raises(NotAllowed):
        await edit(database, cast, ours.number, "ada", title="A rail")
    with pytest.raises(Invalid):
        await edit(database, cast, ours.number, state="accepted")
    await offered(database, cast, ours.number)
    with pytest.raises(Conflict):
        await edit(database, cast, ours.number, title="A rail")


@pytest.mark.parametrize(("who", "may"), [("wei", True), ("maria", True), ("root", True), ("dan", False),
                                          ("ada", False), ("finn", False)])  # fmt: skip
async def test_a_manager_and_finance_price(database, cast, contract, who, may):
    await raised(database, cast)
    if may:
        assert (await priced(database, cast, 1, who=who)).state is State.BEING_PRICED
        return
    with pytest.raises(NotAllowed):
        await priced(database, cast, 1, who=who)
    async with database.write() as db:
        scope = await cast.scope(db, who)
        for refused in (offers.offer(db, scope, 1, terms()), commands.withdraw(db, scope, 2, "No")):
            with pytest.raises((NotAllowed, NotFound)):
                await refused


async def test_a_draft_is_seen_by_staff_alone_and_its_price_by_those_who_see_money(database, cast, contract):
    await raised(database, cast)
    await priced(database, cast, 1)
    for who in ("ada", "eve", "finn"):
        assert (await view(database, cast, 1, who)).options == []
    assert [one.price for one in (await view(database, cast, 1, "dan")).options] == [None, None]
    assert [one.price.sums.net.amount for one in (await view(database, cast, 1, "wei")).options] == [
        "1250.00",
        "400.00",
    ]
    assert await told(database, cast, 1) == ["raised", "pricing_began"]
    assert await told(database, cast, 1, "dan") == ["raised", "priced", "pricing_began"]


async def test_pricing_again_replaces_the_draft_and_tells_the_client_nothing_new(database, cast, contract):
    await raised(database, cast)
    await priced(database, cast, 1)
    await priced(database, cast, 1, [LATER])
    options = (await view(database, cast, 1, "wei")).options
    assert [(one.key, one.title, len(one.price.lines)) for one in options] == [("A", "The least, later", 1)]
    assert await told(database, cast, 1) == ["raised", "pricing_began"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"milestones": [{"number": 9, "on": clock.now().date()}]}, "alternatives[0].milestones"),
        ({"items_added": [{"title": "x", "milestone": 9}]}, "alternatives[0].milestones"),
        ({"items_changed": [{"number": 9, "points": "1"}]}, "alternatives[0].items_changed"),
        ({"items_changed": [{"number": 2, "points": "1"}]}, "alternatives[0].items_changed"),
    ],
)
async def test_what_is_not_in_the_clients_plan_cannot_be_offered(database, cast, contract, wrong, field):
    await add_item(database, cast, title="Internal", audience="internal")
    await raised(database, cast)
    with pytest.raises(Invalid) as refused:
        await priced(database, cast, 1, [LATER | wrong])
    assert refused.value.field == field


@pytest.mark.parametrize("alternatives", [[], [{"title": "No price"}], [LATER, {"title": "No price"}]])
async def test_what_is_not_priced_whole_cannot_be_offered(database, cast, contract, alternatives):
    await raised(database, cast)
    with pytest.raises(Conflict, match="no price"):
        await offered(database, cast, 1, alternatives)
    assert (await view(database, cast, 1, "wei")).request.state is State.BEING_PRICED


async def test_what_is_free_on_purpose_can(database, cast, contract):
    request = await an_offer(database, cast, {"title": "A gift", "free": True})
    assert request.state is State.OFFERED


async def test_without_a_contract_there_is_nothing_to_amend(database, cast):
    with pytest.raises(Conflict, match="no contract"):
        await an_offer(database, cast, LATER)


async def test_an_unpriced_one_cannot_be_offered_at_all(database, cast, contract):
    await raised(database, cast)
    with pytest.raises(Conflict, match="not priced"):
        await offered(database, cast, 1, None)


@pytest.mark.parametrize(("field", "days"), [("valid_until", -3), ("due_on", 90), ("due_on", -3)])
async def test_an_offer_stands_for_days_that_come(database, cast, contract, field, days):
    with pytest.raises(Invalid) as refused:
        await an_offer(database, cast, **{field: clock.now().date() + timedelta(days=days)})
    assert refused.value.field == field


async def test_an_offer_asks_who_may_decide_and_see_the_price(database, cast, contract):
    request = await an_offer(database, cast)
    async with database.read() as db:
        decision = await decisions.decision(db, await cast.scope(db, "ada"), request.decision_number)
        with pytest.raises(NotFound):
            await decisions.decision(db, await cast.scope(db, "eve"), request.decision_number)
    content = decisions.content_of(decision)
    assert decision.audience is Audience.BILLING
    assert [choice["key"] for choice in decision.choices] == ["A", "B"]
    assert [(one["key"], one["net"], one["gross"]) for one in content["alternatives"]] == [
        ("A", "1250.00", "1487.50"), ("B", "400.00", "476.00"),
    ]  # fmt: skip
    assert content["alternatives"][0]["items_changed"][0]["title"] == "Foundations"
    assert content["alternatives"][0]["milestones"] == [{"number": 1, "name": "Opening", "on": "2027-03-20"}]
    assert await told(database, cast, 1) == ["raised", "pricing_began", "offered"]


async def test_one_alternative_is_a_plain_yes_or_no(database, cast, contract):
    request = await an_offer(database, cast, NOW)
    async with database.read() as db:
        decision = await decisions.decision(db, await cast.scope(db, "ada"), request.decision_number)
    assert decision.choices == []


async def test_pricing_an_offer_anew_takes_it_back(database, cast, contract):
    request = await an_offer(database, cast)
    await priced(database, cast, 1, [LATER])
    async with database.read() as db:
        decision = await decisions.decision(db, await cast.scope(db, "ada"), request.decision_number)
    assert decision.state is DecisionState.WITHDRAWN
    again = await offered(database, cast, 1, None)
    assert (again.offers, again.state, again.decision_number) == (2, State.OFFERED, 2)


async def test_an_offer_of_another_currency_than_the_contracts_is_priced_anew(database, cast, contract):
    from portal.changes import contracts

    await raised(database, cast)
    await priced(database, cast, 1, [LATER])
    async with database.write() as db:
        await contracts.change_contract(db, await cast.scope(db, "wei"), {"currency": "USD"})
    with pytest.raises(Conflict, match="price it anew"):
        await offered(database, cast, 1, None)


async def test_an_item_that_went_away_is_priced_anew(database, cast, contract):
    await raised(database, cast)
    await priced(database, cast, 1, [NOW])
    async with database.write() as db:
        await backlog.change_item(db, await cast.scope(db, "wei"), 1, {"audience": "internal"})
    with pytest.raises(Conflict, match="Item 1"):
        await offered(database, cast, 1, None)


async def test_an_item_is_offered_by_the_name_that_it_has_then(database, cast, contract):
    async def call_it(title):
        async with database.write() as db:
            await backlog.change_item(db, await cast.scope(db, "wei"), 1, {"title": title})

    await priced(database, cast, (await raised(database, cast)).number)
    await call_it("Piles")
    await offered(database, cast, 1, None)
    await call_it("Stilts")
    now, _ = (await view(database, cast, 1)).options
    assert [one["title"] for one in now.items_changed] == ["Piles"]


async def test_staff_withdraw_what_is_not_settled_and_the_question_with_it(database, cast, contract):
    request = await an_offer(database, cast)
    gone = await withdrawn(database, cast, 1)
    assert (gone.state, gone.closing) == (State.WITHDRAWN, "Not needed any more.")
    async with database.read() as db:
        decision = await decisions.decision(db, await cast.scope(db, "ada"), request.decision_number)
    assert decision.state is DecisionState.WITHDRAWN
    assert (await view(database, cast, 1)).options == []
    with pytest.raises(Conflict):
        await withdrawn(database, cast, 1)
    with pytest.raises(Conflict):
        await priced(database, cast, 1)


async def test_a_client_takes_back_their_own_as_long_as_it_is_not_offered(database, cast, contract):
    await raised(database, cast)
    await raised(database, cast, "wei")
    with pytest.raises(NotAllowed):
        await withdrawn(database, cast, 1, "eve")
    with pytest.raises(NotAllowed):
        await withdrawn(database, cast, 2, "ada")
    assert (await withdrawn(database, cast, 1, "ada")).state is State.WITHDRAWN
    await offered(database, cast, 2)
    theirs = await an_offer(database, cast)
    with pytest.raises(Conflict):
        await withdrawn(database, cast, theirs.number, "ada")


async def test_an_offer_that_cannot_be_marked_keeps_no_other_from_expiring(database, cast, contract, monkeypatch):
    for _ in range(2):
        await an_offer(database, cast)
    works = expiry._expire

    async def fails(db, scope, number):
        if number == 1:
            raise ValueError
        return await works(db, scope, number)

    monkeypatch.setattr(expiry, "_expire", fails)
    with time_machine.travel(clock.now() + timedelta(days=32)), pytest.raises(SomeFailed) as some:
        await expiry.expire_due(database)
    assert (some.value.failed, some.value.done) == (1, 1)


async def test_an_offer_expires_when_its_last_day_is_over_in_the_project(database, cast, contract):
    request = await an_offer(database, cast)
    assert await expiry.expire_due(database) == 0
    with time_machine.travel(clock.now() + timedelta(days=32)):
        assert [await expiry.expire_due(database) for _ in range(2)] == [1, 0]
        expired = (await view(database, cast, 1)).request
        async with database.read() as db:
            decision = await decisions.decision(db, await cast.scope(db, "ada"), request.decision_number)
        assert (expired.state, decision.state) == (State.EXPIRED, DecisionState.WITHDRAWN)
        assert await told(database, cast, 1) == ["raised", "pricing_began", "offered", "expired"]
        assert (await offered(database, cast, 1)).state is State.OFFERED


async def test_the_pages_cost_at_most_three_statements(database, cast, contract):
    await an_offer(database, cast)
    async with database.read() as db:
        for who in ("ada", "eve", "wei", "dan"):
            scope = await cast.scope(db, who)
            with counting(database) as statements:
                await queries.change_view(db, scope, 1)
            assert len(statements) <= 3
            with counting(database) as statements:
                await queries.changes(db, scope)
            assert len(statements) == 1


async def test_the_list_is_paged_and_filtered(database, cast, contract):
    for _ in range(3):
        await raised(database, cast, "wei")
    await withdrawn(database, cast, 2)
    async with database.read() as db:
        scope = await cast.scope(db, "eve")
        assert [row.request.number for row in await queries.changes(db, scope, limit=2)] == [3, 2]
        assert [row.request.number for row in await queries.changes(db, scope, before=2)] == [1]
        assert [row.request.number for row in await queries.changes(db, scope, state=State.RAISED)] == [3, 1]


async def test_a_name_that_the_project_hides_is_not_told(database, cast, contract):
    from portal.projects import commands as projects

    await raised(database, cast, "wei")
    await raised(database, cast, "ada")
    assert [(await view(database, cast, n, "eve")).by for n in (1, 2)] == ["Wei", "Ada"]
    async with database.write() as db:
        await projects.change_project(db, await cast.scope(db, "wei"), {"show_staff": "role"})
    assert [(await view(database, cast, n, "eve")).by for n in (1, 2)] == [None, "Ada"]


async def test_nobody_is_asked_by_name_who_may_not_see_the_price(database, cast, contract):
    await raised(database, cast)
    await priced(database, cast, 1, [LATER])
    with pytest.raises(Invalid):
        await offered(database, cast, 1, None, people=(cast.people["eve"],))
    assert (await offered(database, cast, 1, None, people=(cast.people["ada"],))).state is State.OFFERED


async def test_what_an_archived_project_left_open_keeps_no_other_offer_from_expiring(
    database, cast, contract, monkeypatch
):
    monkeypatch.setattr(expiry, "AT_ONCE", 1)
    await fill(database, cast, "Elsewhere", "HARBOUR")
    async with database.write() as db:
        await projects.change_project(db, await cast.scope(db, "wei", "HARBOUR"), {"status": "archived"})
    await an_offer(database, cast, valid_until=clock.now().date() + timedelta(days=31))
    with time_machine.travel(clock.now() + timedelta(days=40)):
        assert await expiry.expire_due(database) == 1
