"""Rounds and results: who may say what, once, until when; each tester keeps their own, and nothing is made up."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from portal import clock
from portal.acceptance import case_pages, editing, machines, pages, queries, results, rounds, standing
from portal.acceptance.machines import Reported
from portal.acceptance.models import Outcome, TestResult, TestStanding, Why
from portal.acceptance.pages import Only
from portal.acceptance.results import Entry, RoundClosed
from portal.access import Role
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.files.models import File
from portal.ledger import queries as ledger
from portal.ledger.models import Audience
from tests.support.acceptance import begun, close_round, join, offer, open_round, say, say_all

P, F, B, N = Outcome.PASSED, Outcome.FAILED, Outcome.BLOCKED, Outcome.NOT_APPLICABLE


async def head_of(database, cast, who="ada", number=1):
    async with database.read() as db:
        return await pages.round_head(db, await cast.scope(db, who), 1, number)


async def lines(database, cast, who="ada", number=1, only=Only.ALL):
    async with database.read() as db:
        scope = await cast.scope(db, who)
        head = await pages.round_head(db, scope, 1, number)
        return await pages.round_cases(db, scope, head.round, only=only)


async def test_several_testers_keep_their_own_and_the_worst_latest_counts(database, cast):
    await begun(database, cast)
    await say(database, cast, "ada", 1, F, remark="It did not ask.")
    await say(database, cast, "eve", 1, P)
    first, *_ = await lines(database, cast, "eve")
    assert (first.verdict, first.mine) == (F, P)
    await say(database, cast, "ada", 1, P)
    head = await head_of(database, cast)
    assert (head.round.passed, head.round.failed, head.round.cases) == (1, 0, 3)
    assert (head.mine.done, rounds.not_run(head.round)) == (1, 2)
    async with database.read() as db:
        page = await case_pages.case_page(db, await cast.scope(db, "eve"), 1, 1, 1)
    assert [(one.name, one.result.outcome, one.result.is_latest, one.is_mine) for one in page.results] == [
        ("Ada", P, True, False), ("Eve", P, True, True), ("Ada", F, False, False),
    ]  # fmt: skip
    assert (page.previous, page.next, page.next_to_do) == (None, 2, 2)


async def test_the_plan_says_how_verdicts_are_made(database, cast):
    await begun(database, cast, rule="latest")
    await say(database, cast, "ada", 1, F)
    await say(database, cast, "eve", 1, P)
    assert (await lines(database, cast))[0].verdict is P


async def test_a_result_sent_twice_is_one_also_after_the_round(database, cast):
    await begun(database, cast)
    entry = {"id": uuid4(), "remark": "Fine."}
    first = await say(database, cast, "ada", 1, P, **entry)
    again = await say(database, cast, "ada", 1, P, **entry)
    assert first.seq == again.seq
    await close_round(database, cast)
    late = await say(database, cast, "ada", 1, P, **entry)
    assert late.seq == first.seq
    with pytest.raises(RoundClosed):
        await say(database, cast, "ada", 1, P)
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        mine = select(func.count()).select_from(TestResult).where(TestResult.project_id == scope.project_id)
        assert await db.scalar(mine) == 1
        kinds = [one.kind for one in await ledger.latest(db, scope.project_id, tuple(Audience)) if "result" in one.kind]
        assert kinds == ["test_result.recorded"]


async def test_a_round_closed_while_results_are_sent_keeps_each_whole_or_not_at_all(database, cast):
    await begun(database, cast, cases=[{"title": f"Case {at}"} for at in range(1, 13)])
    sent = {uuid4(): case for case in range(1, 13)}

    async def tell(one, case):
        await say(database, cast, "ada" if case % 2 else "eve", case, P, id=one)

    done = await asyncio.gather(
        *(tell(one, case) for one, case in list(sent.items())[:6]),
        close_round(database, cast),
        *(tell(one, case) for one, case in list(sent.items())[6:]),
        return_exceptions=True,
    )
    said = [one for one in done if one is None]
    late = [one for one in done if isinstance(one, Exception)]
    assert all(isinstance(one, RoundClosed) for one in late)
    assert len(said) + len(late) == len(sent)
    head = await head_of(database, cast)
    assert (head.round.passed, head.is_open) == (len(said), False)


async def test_the_same_result_sent_by_two_devices_at_once_is_one(database, cast):
    await begun(database, cast)
    one = uuid4()
    kept = await asyncio.gather(*(say(database, cast, "ada", 1, P, id=one) for _ in range(5)))
    assert len({row.seq for row in kept}) == 1
    assert (await head_of(database, cast)).mine.done == 1


async def test_an_id_is_one_results_alone(database, cast):
    await begun(database, cast)
    taken = (await say(database, cast, "ada", 1, P)).id
    for who, case, outcome in (("eve", 1, P), ("ada", 2, P), ("ada", 1, F)):
        with pytest.raises(Conflict):
            await say(database, cast, who, case, outcome, id=taken)


async def test_other_words_under_the_id_of_a_result_are_not_passed_over(database, cast):
    """Who goes back to the form without scripts and writes more would read that it was kept."""
    await begun(database, cast)
    taken = (await say(database, cast, "ada", 1, F, remark="No receipt.")).id
    with pytest.raises(Conflict):
        await say(database, cast, "ada", 1, F, remark="No receipt, and no mail.", id=taken)


@pytest.mark.parametrize("who", ["dan", "wei", "maria", "root"])
async def test_staff_never_enter_a_result(database, cast, who):
    await begun(database, cast)
    with pytest.raises(NotAllowed):
        await say(database, cast, who, 1, P)
    async with database.write() as db:
        with pytest.raises(NotAllowed):
            await results.undo(db, await cast.scope(db, who), 1, 1, [uuid4()])
        with pytest.raises(Invalid):
            await rounds.add_testers(db, await cast.scope(db, "dan"), 1, 1, [cast.people[who]])


async def test_who_is_not_named_tests_nothing(database, cast):
    await begun(database, cast, "ada")
    with pytest.raises(NotAllowed):
        await say(database, cast, "eve", 1, P)
    async with database.write() as db:
        dan = await cast.scope(db, "dan")
        assert await rounds.add_testers(db, dan, 1, 1, [cast.people["eve"], cast.people["ada"]]) == 1
    await say(database, cast, "eve", 1, P)
    with pytest.raises(NotFound):
        await say(database, cast, "mallory", 1, P)


async def test_a_tester_alone_tests(database, cast):
    await join(database, cast, "tess", Role.TESTER)
    await begun(database, cast, "tess")
    await say(database, cast, "tess", 1, P)
    async with database.read() as db:
        scope = await cast.scope(db, "tess")
        assert scope.is_tester_alone
        assert [one.name for one in await queries.testers(db, scope, 1, 1)] == ["Tess"]


async def test_testers_are_people_of_the_project(database, cast):
    await begun(database, cast)
    await close_round(database, cast)
    for who in ("mallory", "dan", "nemo"):
        with pytest.raises(Invalid):
            await open_round(database, cast, "ada", who)
    with pytest.raises(Invalid):
        await open_round(database, cast, "ada", "ada")


async def test_what_was_marked_at_once_is_taken_back_and_what_was_before_counts_again(database, cast):
    await begun(database, cast)
    await say(database, cast, "ada", 1, F)
    ids = await say_all(database, cast, {1: P, 2: P, 3: N})
    head = await head_of(database, cast)
    assert (head.round.passed, head.round.not_applicable, head.round.failed, head.mine.done) == (2, 1, 0, 3)
    async with database.write() as db:
        ada = await cast.scope(db, "ada")
        assert await results.undo(db, ada, 1, 1, ids) == 3
        assert await results.undo(db, ada, 1, 1, ids) == 0
    head = await head_of(database, cast)
    assert (head.round.passed, head.round.not_applicable, head.round.failed, head.mine.done) == (0, 0, 1, 1)
    assert [(one.verdict, one.mine) for one in await lines(database, cast)] == [(F, F), (None, None), (None, None)]
    async with database.read() as db:
        page = await case_pages.case_page(db, await cast.scope(db, "ada"), 1, 1, 2)
        assert [one.result.undone_at is not None for one in page.results] == [True]
        assert page.mine is None


async def test_nobody_takes_back_what_another_said(database, cast):
    await begun(database, cast)
    said = await say(database, cast, "ada", 1, F)
    async with database.write() as db:
        with pytest.raises(NotFound):
            await results.undo(db, await cast.scope(db, "eve"), 1, 1, [said.id])
    await close_round(database, cast)
    async with database.write() as db:
        with pytest.raises(RoundClosed):
            await results.undo(db, await cast.scope(db, "ada"), 1, 1, [said.id])


async def test_a_case_taken_back_stands_as_the_round_before_left_it(database, cast):
    await begun(database, cast)
    await say(database, cast, "ada", 1, F)
    await close_round(database, cast)
    await open_round(database, cast)
    said = await say(database, cast, "ada", 1, P, number=2)

    async def stands():
        async with database.read() as db:
            scope = await cast.scope(db, "ada")
            (row,) = await db.scalars(select(TestStanding).where(TestStanding.project_id == scope.project_id))
            return row.verdict, row.round_number

    assert await stands() == (P, 2)
    async with database.write() as db:
        await results.undo(db, await cast.scope(db, "ada"), 1, 2, [said.id])
    assert await stands() == (F, 1)


async def test_the_time_of_a_device_is_kept_within_the_round(database, cast):
    row = await begun(database, cast)
    future = await say(database, cast, "ada", 1, P, at=clock.now() + timedelta(days=9))
    past = await say(database, cast, "ada", 2, P, at=datetime(2001, 1, 1, tzinfo=UTC))
    assert future.at <= clock.now()
    assert past.at == row.opened_at


async def test_files_are_the_testers_own(database, cast):
    await begun(database, cast)
    async with database.write() as db:
        for number, by in ((1, "ada"), (2, "eve")):
            scope = await cast.scope(db, by)
            db.add(
                File(
                    id=uuid4(), project_id=scope.project_id, number=number, sha256=bytes(32), size=3,
                    media_type="image/png", name="photo.png", audience=Audience.CLIENT, width=1, height=1, preview=None,
                    project_bytes=3, created_at=clock.now(), created_by=scope.viewer.actor, seq=1,
                )
            )  # fmt: skip
    said = await say(database, cast, "ada", 1, F, files=(1,))
    assert [one["name"] for one in said.files] == ["photo.png"]
    await say(database, cast, "ada", 2, F, files=(1,))
    for wrong in ((2,), (9,), (1, 1)):
        with pytest.raises(Invalid):
            await say(database, cast, "ada", 1, F, files=wrong)
    async with database.read() as db:
        scope = await cast.scope(db, "eve")
        assert (await pages.file_of_plan(db, scope, 1, 1)).name == "photo.png"
        for plan, number in ((1, 2), (2, 1), (1, 0), (1, 2**40)):
            with pytest.raises(NotFound):
                await pages.file_of_plan(db, scope, plan, number)
        with pytest.raises(NotFound):
            await pages.file_of_plan(db, await cast.scope(db, "mallory", "HARBOUR"), 1, 1)


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"remark": "x" * 4001}, Invalid),
        ({"remark": "\x00"}, Invalid),
        ({"device": "x" * 301}, Invalid),
        ({"at": datetime(2026, 1, 1)}, Invalid),  # noqa: DTZ001  # the fault that is looked for
        ({"case": 99}, NotFound),
        ({"case": 0}, NotFound),
        ({"case": 2**40}, NotFound),
    ],
)
async def test_a_wrong_result_is_refused_and_the_others_with_it(database, cast, more, kind):
    await begun(database, cast)
    good, wrong = Entry(uuid4(), 1, P), Entry(**({"id": uuid4(), "case": 2, "outcome": P} | more))
    with pytest.raises(kind):
        async with database.write() as db:
            await results.record_all(db, await cast.scope(db, "ada"), 1, 1, [good, wrong])
    assert (await head_of(database, cast)).round.passed == 0


async def test_a_round_needs_an_offer_and_is_alone(database, cast):
    await begun(database, cast)
    with pytest.raises(Conflict):
        await open_round(database, cast)
    await close_round(database, cast)
    with pytest.raises(Conflict):
        await close_round(database, cast)


async def test_the_next_round_asks_what_is_not_passed(database, cast):
    await begun(database, cast)
    await say_all(database, cast, {1: P, 2: F})
    await close_round(database, cast)
    second = await open_round(database, cast)
    assert second.cases == 2
    assert [(one.number, one.why) for one in await lines(database, cast, number=2)] == [
        (2, Why.NOT_PASSED), (3, Why.NEW),
    ]  # fmt: skip
    with pytest.raises(NotFound):
        await say(database, cast, "ada", 1, P, number=2)
    await say_all(database, cast, {2: P, 3: N}, number=2)
    await close_round(database, cast, 2)
    with pytest.raises(Conflict):
        await open_round(database, cast)


async def test_a_changed_case_is_asked_again_and_a_plan_changed_under_a_tester_leaves_the_round_alone(database, cast):
    await begun(database, cast)
    await say(database, cast, "ada", 1, P)
    async with database.write() as db:
        dan = await cast.scope(db, "dan")
        await editing.change_case(db, dan, 1, 1, {"expected": "Something else"})
        await editing.remove_case(db, dan, 1, 3)
    await offer(database, cast)
    await say_all(database, cast, {2: P, 3: P})
    async with database.read() as db:
        page = await case_pages.case_page(db, await cast.scope(db, "ada"), 1, 1, 1)
        assert (page.case.version, page.case.expected) == (1, "The front page")
        view = await standing.criteria_view(db, await cast.scope(db, "ada"), 1)
        assert (view.count(None), view.count(P)) == (1, 1)
    await close_round(database, cast)
    await open_round(database, cast)
    assert [(one.number, one.why) for one in await lines(database, cast, number=2)] == [(1, Why.NEW)]


async def test_the_lists_are_narrowed(database, cast):
    await begun(database, cast)
    await say(database, cast, "ada", 1, P)
    await say(database, cast, "eve", 2, F)
    found = {only: [one.number for one in await lines(database, cast, only=only)] for only in Only}
    assert found == {
        Only.ALL: [1, 2, 3], Only.MINE: [1], Only.TO_DO: [2, 3], Only.NOT_RUN: [3], Only.FAILED: [2], Only.BLOCKED: [],
        Only.PASSED: [1],
    }  # fmt: skip
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        row = (await pages.round_head(db, scope, 1, 1)).round
        first = await pages.round_cases(db, scope, row, limit=2)
        rest = await pages.round_cases(db, scope, row, after=(first[-1].position, first[-1].number))
        assert [one.number for one in (*first, *rest)] == [1, 2, 3]
        failed = await standing.plan_cases(db, scope, 1, 1, only=standing.Only.FAILED)
        assert [(one.number, one.verdict, one.round_number) for one in failed] == [(2, F, 1)]


async def test_machines_speak_beside_people_and_never_for_them(database, cast):
    cases = [{"title": "One signs in", "external_ref": "auth.test_in"}, {"title": "Fast", "is_automatic": True}]
    row = await begun(database, cast, cases=cases)
    assert row.cases == 1
    reported = [Reported("auth.test_in", F, "500"), Reported("Fast", P), Reported("unknown", P)]
    async with database.write() as db:
        dan = await cast.scope(db, "dan")
        first = await machines.record_machine(db, dan, 1, 1, "CI", "run 1", reported)
        again = await machines.record_machine(db, dan, 1, 1, "CI", "run 1", reported)
        assert (first.kept, first.unknown, again.kept) == (2, ["unknown"], 0)
        next_run = await machines.record_machine(db, dan, 1, 1, "CI", "run 2", [Reported("auth.test_in", P)])
        assert next_run.kept == 1
    async with database.read() as db:
        ada = await cast.scope(db, "ada")
        page = await case_pages.case_page(db, ada, 1, 1, 1)
        assert [(one.result.source, one.result.outcome, one.result.is_latest) for one in page.results] == [
            ("CI", P, True), ("CI", F, False),
        ]  # fmt: skip
        assert page.asked.verdict is None
        view = await standing.criteria_view(db, ada, 1)
        assert (view.count(None), view.is_met) == (1, False)
    async with database.write() as db:
        with pytest.raises(NotAllowed):
            await machines.record_machine(db, await cast.scope(db, "ada"), 1, 1, "CI", "run 3", reported)


async def test_a_case_that_a_machine_runs_twice_counts_by_the_worse(database, cast):
    await begun(database, cast, cases=[{"title": "One signs in", "external_ref": "auth.test_in"}])
    async with database.write() as db:
        dan = await cast.scope(db, "dan")
        twice = [Reported("auth.test_in", F, "In one browser"), Reported("auth.test_in", P)]
        await machines.record_machine(db, dan, 1, 1, "CI", "run 1", twice)
    async with database.read() as db:
        page = await case_pages.case_page(db, await cast.scope(db, "ada"), 1, 1, 1)
    assert [(one.result.outcome, one.result.remark) for one in page.results] == [(F, "In one browser")]


async def test_a_title_that_two_cases_have_is_neither_ones(database, cast):
    await begun(database, cast, cases=[{"title": "One pays"}, {"title": "One pays"}, {"title": "One signs in"}])
    async with database.write() as db:
        told = [Reported("One pays", F), Reported("One signs in", P)]
        kept = await machines.record_machine(db, await cast.scope(db, "dan"), 1, 1, "CI", "run 1", told)
    assert (kept.kept, kept.unknown) == (1, ["One pays"])


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"build_hash": "a b"}, "build_hash"),
        ({"build_hash": "x" * 129}, "build_hash"),
        ({"address": "javascript:alert(1)"}, "address"),
        ({"starts_on": datetime(2026, 2, 2).date(), "ends_on": datetime(2026, 2, 1).date()}, "ends_on"),  # noqa: DTZ001
    ],
)
async def test_wrong_terms_of_a_round_are_refused_by_their_field(database, cast, terms, field):
    await begun(database, cast)
    await close_round(database, cast)
    with pytest.raises(Invalid) as refusal:
        await open_round(database, cast, **terms)
    assert refusal.value.field == field


async def test_what_a_round_came_to_is_told_when_it_closes(database, cast):
    await begun(database, cast)
    await say_all(database, cast, {1: P, 2: B})
    await close_round(database, cast)
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        (last, *_) = await ledger.of_subject(db, scope.project_id, scope.audiences, "test_plan", 1)
    assert last.kind == "test_round.closed"
    told = {field: last.body[field] for field in ("cases", "passed", "failed", "blocked", "not_applicable", "not_run")}
    assert told == {"cases": 3, "passed": 1, "failed": 0, "blocked": 1, "not_applicable": 0, "not_run": 1}
