"""What was asked stays as it was asked; a change makes the next version; the client hears what is theirs."""

import asyncio

import pytest

from portal.decisions import commands as decisions
from portal.decisions import queries as asked
from portal.decisions.models import DecisionState, Verdict
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.ledger import queries as ledger
from portal.ledger.models import Audience
from portal.requirements import asking, commands, queries
from portal.requirements.models import Priority, State
from portal.requirements.queries import Filter
from tests.support.requirements import COMPLETE, add, answer, ask, change


async def read(database, cast, number=1, who="ada", version=None):
    async with database.read() as db:
        scope = await cast.scope(db, who)
        if version is None:
            return await queries.requirement(db, scope, number)
        every = await queries.versions(db, scope, number, version)
        return next(one for one in every if one.version == version)


async def events(database, cast, who="ada"):
    async with database.read() as db:
        scope = await cast.scope(db, who)
        found = await ledger.since(db, scope.project_id, scope.audiences, 1)
    return [
        (one.kind, one.audience.value) for one in found if one.kind.partition(".")[0] in ("requirement", "decision")
    ]


async def test_a_draft_that_was_never_asked_about_is_changed_in_place(database, cast):
    await add(database, cast)
    await change(database, cast, 1, title="Search by company", criteria=["One."])
    found = await read(database, cast)
    assert (found.version, found.title, found.criteria, found.state) == (1, "Search by company", ["One."], State.DRAFT)


async def test_a_question_carries_all_that_is_confirmed(database, cast):
    await add(
        database, cast, kind="non_functional", measure={"metric": "Time", "target": "1 s", "how_measured": "Test"}
    )
    (decision,) = await ask(database, cast, 1, holds_up="The search page")
    assert asked.content_of(decision) == {
        "number": 1,
        "version": 1,
        "title": COMPLETE["title"],
        "description": COMPLETE["description"],
        "criteria": COMPLETE["criteria"],
        "facts": [
            ["Kind", "Non-functional: how well"],
            ["Priority", "Must have"],
            ["What is measured", "Time"],
            ["Target", "1 s"],
            ["How it is measured", "Test"],
        ],
    }
    assert (decision.title, decision.subject_version) == ("Search by product", 1)
    assert (await read(database, cast)).state is State.OFFERED


@pytest.mark.parametrize(
    ("verdict", "state", "confirmed"),
    [
        (Verdict.APPROVED, State.CONFIRMED, 1),
        (Verdict.APPROVED_WITH_REMARKS, State.CONFIRMED, 1),
        (Verdict.CHANGES_WANTED, State.CHANGES_WANTED, None),
        (Verdict.DECLINED, State.DECLINED, None),
    ],
)
async def test_an_answer_settles_the_version_and_the_next_change_makes_another(
    database, cast, keys, verdict, state, confirmed
):
    await add(database, cast)
    (decision,) = await ask(database, cast, 1)
    await answer(database, cast, keys, decision, verdict)
    found = await read(database, cast)
    assert (found.state, found.confirmed_version, found.decision) == (state, confirmed, decision.number)
    await change(database, cast, 1, title="Search by company")
    now, before = await read(database, cast), await read(database, cast, version=1)
    assert (now.version, now.title, now.state, now.confirmed_version) == (
        2,
        "Search by company",
        State.DRAFT,
        confirmed,
    )
    assert (before.title, before.state, before.decision) == (COMPLETE["title"], state, decision.number)


async def test_a_change_of_what_is_offered_withdraws_the_question_and_says_so(database, cast, keys):
    await add(database, cast)
    (decision,) = await ask(database, cast, 1)
    await change(database, cast, 1, "The law changed.", priority="should")
    async with database.read() as db:
        found = await asked.decision(db, await cast.scope(db, "ada"), decision.number)
    assert found.state is DecisionState.WITHDRAWN
    assert found.reason == f"{commands.BEING_CHANGED} The law changed."
    assert (await read(database, cast, version=1)).state is State.WITHDRAWN
    assert (await read(database, cast)).priority is Priority.SHOULD
    with pytest.raises(decisions.Closed):
        await answer(database, cast, keys, decision)
    assert await events(database, cast) == [
        ("requirement.added", "client"),
        ("decision.asked", "client"),
        ("decision.withdrawn", "client"),
        ("requirement.revised", "client"),
    ]


async def test_a_change_that_changes_nothing_leaves_the_question_open(database, cast):
    await add(database, cast)
    await ask(database, cast, 1)
    await change(database, cast, 1, **COMPLETE)
    found = await read(database, cast)
    assert (found.version, found.state) == (1, State.OFFERED)


async def test_a_version_that_was_confirmed_once_can_be_confirmed_again_as_the_next(database, cast, keys):
    await add(database, cast)
    for version in (1, 2):
        (decision,) = await ask(database, cast, 1)
        await answer(database, cast, keys, decision)
        assert (await read(database, cast)).confirmed_version == version
        await change(database, cast, 1, title=f"Wording {version}")
    content = asked.content_of((await ask(database, cast, 1))[0])
    assert content["facts"][-1] == ["Last confirmed version", "2"]


async def test_a_question_that_staff_withdrew_can_be_asked_again_in_the_same_words(database, cast):
    await add(database, cast)
    (decision,) = await ask(database, cast, 1)
    async with database.write() as db:
        await decisions.withdraw(db, await cast.scope(db, "dan"), decision.number, "Too early.")
    assert (await read(database, cast)).state is State.WITHDRAWN
    await ask(database, cast, 1)
    found = await read(database, cast)
    assert (found.version, found.state) == (1, State.OFFERED)


async def test_a_change_after_changes_were_wanted_keeps_the_agencys_turn_until_it_asks_anew(database, cast, keys):
    await add(database, cast)
    (decision,) = await ask(database, cast, 1)
    await answer(database, cast, keys, decision, Verdict.CHANGES_WANTED)
    await change(database, cast, 1, title="Another")

    async def turn():
        async with database.read() as db:
            return (await asked.decision(db, await cast.scope(db, "wei"), decision.number)).turn

    assert await turn() == "agency"
    await ask(database, cast, 1)
    assert await turn() is None


@pytest.mark.parametrize("first", ["answer", "change"])
async def test_an_answer_and_a_change_at_once_end_in_one_of_two_ways(database, cast, keys, first):
    await add(database, cast)
    (decision,) = await ask(database, cast, 1)
    acts = [answer(database, cast, keys, decision), change(database, cast, 1, title="Search by company")]
    done = await asyncio.gather(*(acts if first == "answer" else acts[::-1]), return_exceptions=True)
    refused = [one for one in done if isinstance(one, BaseException)]
    now, before = await read(database, cast), await read(database, cast, version=1)
    assert (now.version, now.title, now.state) == (2, "Search by company", State.DRAFT)
    if refused:
        assert [type(one) for one in refused] == [decisions.Closed]
        assert (before.state, now.confirmed_version) == (State.WITHDRAWN, None)
    else:
        assert (before.state, now.confirmed_version) == (State.CONFIRMED, 1)


async def test_what_is_missing_is_told_whole_and_nobody_is_asked(database, cast):
    await add(database, cast)
    await add(database, cast, description="", priority=None, criteria=[], kind="non_functional", audience="internal")
    with pytest.raises(Invalid) as refused:
        await ask(database, cast, 1, 2)
    assert [(field, message) for field, message, _ in refused.value.problems] == [
        ("numbers[1]", "Requirement 2 lacks a description."),
        ("numbers[1]", "Requirement 2 lacks a priority (must, should, could or wont)."),
        ("numbers[1]", "Requirement 2 lacks at least one acceptance criterion."),
        ("numbers[1]", "Requirement 2 lacks what is measured (measure.metric)."),
        ("numbers[1]", "Requirement 2 lacks the target of the measure (measure.target)."),
        ("numbers[1]", "Requirement 2 lacks how it is measured (measure.how_measured)."),
        ("numbers[1]", "Requirement 2 is internal: publish it first."),
    ]
    assert (await read(database, cast)).state is State.DRAFT


async def test_many_are_asked_at_once_each_by_a_decision_of_its_own(database, cast):
    for _ in range(3):
        await add(database, cast)
    found = await ask(database, cast, 3, 1, 2, people=(cast.people["ada"],))
    assert [(one.number, one.subject_number) for one in found] == [(1, 3), (2, 1), (3, 2)]


@pytest.mark.parametrize("numbers", [(), (1, 1), tuple(range(1, 52))])
async def test_who_asks_names_each_once_and_not_too_many(database, cast, numbers):
    with pytest.raises(Invalid):
        await ask(database, cast, *numbers)


async def test_the_same_version_is_not_asked_twice(database, cast, keys):
    await add(database, cast)
    (decision,) = await ask(database, cast, 1)
    with pytest.raises(Invalid, match="being asked about this version already"):
        await ask(database, cast, 1)
    await answer(database, cast, keys, decision, Verdict.DECLINED)
    with pytest.raises(Invalid, match="change it first"):
        await ask(database, cast, 1)


async def test_an_internal_requirement_is_nothing_to_the_client_until_it_is_published(database, cast):
    await add(database, cast, audience="internal", title="Secret wording")
    await change(database, cast, 1, title="Public wording")
    with pytest.raises(NotFound):
        await read(database, cast)
    assert await events(database, cast) == []
    async with database.write() as db:
        await commands.publish(db, await cast.scope(db, "dan"), 1)
        await commands.publish(db, await cast.scope(db, "dan"), 1)
    assert (await read(database, cast)).title == "Public wording"
    assert await events(database, cast) == [("requirement.published", "client")]


async def test_what_it_said_before_it_was_published_stays_inside(database, cast):
    await add(database, cast, audience="internal", title="Secret wording")
    await change(database, cast, 1, title="Public wording", audience="client")
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        told = await ledger.since(db, scope.project_id, scope.audiences, 1)
    assert "Secret" not in repr(told)
    assert [event.kind for event in told if event.subject_kind == "requirement"] == ["requirement.published"]


async def test_what_the_client_has_seen_cannot_become_internal(database, cast):
    await add(database, cast)
    with pytest.raises(Conflict):
        await change(database, cast, 1, audience="internal")


async def test_clients_write_nothing(database, cast):
    await add(database, cast)
    for who in ("ada", "eve"):
        async with database.write() as db:
            scope = await cast.scope(db, who)
            for act in (
                commands.add(db, scope, COMPLETE),
                commands.change(db, scope, 1, {"title": "Mine"}),
                commands.publish(db, scope, 1),
                commands.upsert(db, scope, [{"external_ref": "x:1", "title": "Mine"}]),
                asking.ask(db, scope, [1]),
            ):
                with pytest.raises(NotAllowed):
                    await act


async def test_another_project_has_its_own_numbers_and_sees_none_of_ours(database, cast):
    await add(database, cast, title="Ours")
    await add(database, cast, "HARBOUR", title="Theirs")
    async with database.read() as db:
        scope = await cast.scope(db, "mallory", "HARBOUR")
        assert [(one.number, one.title) for one in await queries.requirements(db, scope)] == [(1, "Theirs")]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Filter(), [1, 2, 3, 4]),
        (Filter(state=State.DRAFT), [1, 3]),
        (Filter(state=State.OFFERED), [2]),
        (Filter(state=State.CONFIRMED), [4]),
        (Filter(priority=Priority.COULD), [3]),
        (Filter(kind="non_functional"), [3]),
        (Filter(text="BÜHNE"), [1]),
        (Filter(text="100%"), [3]),
        (Filter(text="product name"), [2, 4]),
        (Filter(text="nothing like it"), []),
        (Filter(state=State.DRAFT, priority=Priority.MUST), [1]),
    ],
)
async def test_a_list_is_narrowed(database, cast, keys, wanted, numbers):
    await add(database, cast, title="Die Bühne", description="Licht")
    await add(database, cast)
    await add(database, cast, title="Never down", description="100% of the time", priority="could",
              kind="non_functional")  # fmt: skip
    await add(database, cast)
    await add(database, cast, audience="internal")
    _, fourth = await ask(database, cast, 2, 4)
    await answer(database, cast, keys, fourth)
    async with database.read() as db:
        found = await queries.requirements(db, await cast.scope(db, "ada"), wanted)
    assert [one.number for one in found] == numbers


async def test_progress_counts_what_the_viewer_may_know(database, cast, keys):
    for audience in ("client", "client", "internal"):
        await add(database, cast, audience=audience)
    (decision,) = await ask(database, cast, 1)
    await answer(database, cast, keys, decision)

    async def progress(who):
        async with database.read() as db:
            found = await queries.progress(db, await cast.scope(db, who))
        return found.confirmed, found.all

    assert (await progress("ada"), await progress("dan")) == ((1, 2), (1, 3))
    await change(database, cast, 1, title="Changed since")
    assert await progress("ada") == (0, 2)


async def test_an_upsert_adds_changes_and_leaves_alone(database, cast):
    await add(database, cast, external_ref="doc:1")
    rows = [
        {"external_ref": "doc:1", "title": "Renamed"},
        {"external_ref": "doc:2", **COMPLETE},
    ]
    async with database.write() as db:
        scope = await cast.scope(db, "dan")
        first = await commands.upsert(db, scope, rows)
        again = await commands.upsert(db, scope, rows)
    assert [(one.number, one.did) for one in first] == [(1, "changed"), (2, "created")]
    assert [(one.number, one.did) for one in again] == [(1, "unchanged"), (2, "unchanged")]
    assert (await read(database, cast)).title == "Renamed"
    assert (await read(database, cast, 2, "dan")).audience is Audience.INTERNAL


async def test_an_upsert_of_what_was_asked_makes_versions_too(database, cast, keys):
    await add(database, cast, external_ref="doc:1")
    (decision,) = await ask(database, cast, 1)
    await answer(database, cast, keys, decision)
    async with database.write() as db:
        await commands.upsert(db, await cast.scope(db, "dan"), [{"external_ref": "doc:1", "title": "Renamed"}])
    assert (await read(database, cast)).version == 2


async def test_an_upsert_tells_every_row_at_fault_and_does_nothing(database, cast):
    rows = [
        {"external_ref": "doc:1", "title": ""},
        {"external_ref": "doc:2", "title": "Fine", "priority": "urgent"},
        {"title": "Nameless"},
        {"external_ref": "doc:2", "title": "Twice"},
    ]
    with pytest.raises(Invalid) as refused:
        async with database.write() as db:
            await commands.upsert(db, await cast.scope(db, "dan"), rows)
    assert [field for field, _, _ in refused.value.problems] == [
        "requirements[0].title", "requirements[1].priority", "requirements[2].external_ref",
    ]  # fmt: skip
    async with database.read() as db:
        assert await queries.requirements(db, await cast.scope(db, "dan")) == []


async def test_a_reference_belongs_to_one_requirement(database, cast):
    await add(database, cast, external_ref="doc:1")
    await add(database, cast)
    with pytest.raises(Conflict):
        await change(database, cast, 2, external_ref="doc:1")
    with pytest.raises(Conflict):
        await add(database, cast, external_ref="doc:1")
    await change(database, cast, 1, external_ref=None)
    await change(database, cast, 2, external_ref="doc:1")


@pytest.mark.parametrize(("number", "version"), [(0, None), (99, None), (2**40, None), (1, 2), (1, 0), (1, 2**40)])
async def test_what_is_not_there_is_not_found(database, cast, number, version):
    await add(database, cast)
    with pytest.raises(NotFound):
        async with database.read() as db:
            await queries.versions(db, await cast.scope(db, "ada"), number, version)


async def test_all_versions_come_in_one_list_with_the_texts_of_two(database, cast, keys):
    await add(database, cast, description="first")
    for text in ("second", "third"):
        (decision,) = await ask(database, cast, 1)
        await answer(database, cast, keys, decision)
        await change(database, cast, 1, description=text)
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        latest = await queries.versions(db, scope, 1)
        second = await queries.versions(db, scope, 1, 2)
    assert [(one.version, one.description) for one in latest] == [(3, "third"), (2, "second"), (1, None)]
    assert [(one.version, one.description) for one in second] == [(3, None), (2, "second"), (1, "first")]
