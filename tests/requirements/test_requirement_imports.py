"""Spreadsheets of requirements brought in: once, again, changed, while the client is being asked, and tried dry."""

import pytest

from portal.errors import NotAllowed
from portal.ledger import queries as ledger
from portal.requirements import bringing, queries, sheet
from portal.requirements.models import State
from tests.support.requirements import add, answer, ask, change

HEAD = "ID,Title,Description,Priority,Criteria\n"
FILE = f"{HEAD}R1,Search,Find it.,must,It is found.\nR2,Sort,By date.,,\n"


async def bring(database, cast, content=FILE, *, who="dan", dry_run=False):
    read = sheet.read(content.encode())
    async with database.write() as db:
        return await bringing.bring(db, await cast.scope(db, who), read.rows, dry_run=dry_run)


async def standing(database, cast):
    async with database.read() as db:
        rows = await queries.requirements(db, await cast.scope(db, "dan"))
    return [(one.number, one.external_ref, one.title, one.version, one.state) for one in rows]


async def kinds(database, cast):
    async with database.read() as db:
        scope = await cast.scope(db, "dan")
        return [one.kind for one in await ledger.since(db, scope.project_id, scope.audiences, 0)]


async def test_a_file_becomes_internal_drafts_in_its_order(database, cast):
    found = await bring(database, cast)
    assert [(one.row, one.number, one.did, one.version, one.lacks) for one in found] == [
        (2, 1, "created", 1, []), (3, 2, "created", 1, ["priority", "criteria"]),
    ]  # fmt: skip
    assert await standing(database, cast) == [(1, "R1", "Search", 1, State.DRAFT), (2, "R2", "Sort", 1, State.DRAFT)]


async def test_the_same_file_again_changes_nothing(database, cast):
    await bring(database, cast)
    before = await kinds(database, cast)
    assert [(one.did, one.changes) for one in await bring(database, cast)] == [("unchanged", []), ("unchanged", [])]
    assert await kinds(database, cast) == before


async def test_a_row_that_changed_changes_its_draft_alone(database, cast):
    await bring(database, cast)
    found = await bring(database, cast, FILE.replace("By date.", "By name."))
    assert [(one.did, one.changes, one.version) for one in found] == [
        ("unchanged", [], 1), ("changed", ["description"], 1),
    ]  # fmt: skip


async def test_a_confirmed_version_stays_and_the_changed_row_makes_the_next(database, cast, keys):
    await add(database, cast, external_ref="R1")
    (decision,) = await ask(database, cast, 1)
    await answer(database, cast, keys, decision)
    (one,) = await bring(database, cast, "ID,Title\nR1,Another\n")
    assert (one.did, one.version, one.withdraws_question) == ("changed", 2, False)
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        first = next(each for each in await queries.versions(db, scope, 1, 1) if each.version == 1)
        assert (first.title, first.state, first.latest) == ("Search by product", State.CONFIRMED, 2)
        now = await queries.requirement(db, scope, 1)
        assert (now.title, now.state, now.confirmed_version) == ("Another", State.DRAFT, 1)
    assert [each.did for each in await bring(database, cast, "ID,Title\nR1,Another\n")] == ["unchanged"]


async def test_a_change_of_what_is_being_asked_withdraws_the_question(database, cast):
    await add(database, cast, external_ref="R1")
    await ask(database, cast, 1)
    dry = await bring(database, cast, "ID,Title\nR1,Another\n", dry_run=True)
    done = await bring(database, cast, "ID,Title\nR1,Another\n")
    assert dry == done
    assert [(one.version, one.withdraws_question) for one in done] == [(2, True)]
    assert (await kinds(database, cast))[-2:] == ["decision.withdrawn", "requirement.revised"]


async def test_a_dry_run_says_what_would_be_done_and_does_nothing(database, cast):
    await add(database, cast, external_ref="R1", title="Search")
    before = await kinds(database, cast)
    found = await bring(database, cast, dry_run=True)
    assert [(one.number, one.did, one.changes) for one in found] == [
        (1, "changed", ["description", "criteria"]), (None, "created", ["title", "description"]),
    ]  # fmt: skip
    assert await kinds(database, cast) == before


async def test_columns_that_a_file_does_not_have_leave_what_stands(database, cast):
    measure = {"metric": "Time", "target": "1 s", "how_measured": "A test"}
    await add(database, cast, external_ref="R1", kind="non_functional", measure=measure)
    await bring(database, cast, "ID,Title,Target\nR1,Search by product,2 s\n")
    async with database.read() as db:
        found = await queries.requirement(db, await cast.scope(db, "dan"), 1)
    assert (found.metric, found.target, found.how_measured, len(found.criteria)) == ("Time", "2 s", "A test", 2)


async def test_what_differs_in_blanks_alone_is_the_same(database, cast):
    await add(database, cast, external_ref="R1", title="Search", description="One\n  - two", criteria=["a\nb", "c"])
    assert [one.did for one in await bring(database, cast, 'ID,Title,Criteria\nR1, Search ,"a\nb\nc"\n')] == [
        "unchanged"
    ]


async def test_references_of_other_projects_are_not_found(database, cast):
    await add(database, cast, "HARBOUR", external_ref="R1")
    assert [(one.number, one.did) for one in await bring(database, cast)] == [(1, "created"), (2, "created")]


async def test_a_client_brings_nothing(database, cast):
    for dry_run in (True, False):
        with pytest.raises(NotAllowed):
            await bring(database, cast, who="ada", dry_run=dry_run)
    assert await standing(database, cast) == []


async def test_who_changed_one_meanwhile_is_not_overruled_unseen(database, cast):
    """What stands is read under the lock, not as the dry run saw it."""
    await bring(database, cast)
    await change(database, cast, 1, title="Search everywhere")
    assert [one.changes for one in await bring(database, cast)] == [["title"], []]
