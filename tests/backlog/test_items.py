"""Items: what each command does to the item, the ledger, the spans, the burndown, the counters and the search."""

from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.backlog import commands, queries, rebuild
from portal.backlog.models import BurnDay, Category, ItemSpan, Status
from portal.backlog.planlines import plan_lines
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.ledger import queries as ledger
from portal.ledger.models import Audience
from portal.projects import commands as projects
from tests.support.cast import add_item


async def events_of(db, scope, number):
    return [
        (e.kind, str(e.audience))
        for e in await ledger.of_subject(db, scope.project_id, tuple(Audience), "item", number)
    ][::-1]


async def test_adding_an_item_numbers_it_and_tells_one_event(database, cast):
    item = await add_item(database, cast, title="Pay by card", points=Decimal(3))
    async with database.read() as db:
        scope = await cast.scope(db, "wei")
        assert (item.number, await events_of(db, scope, 1)) == (1, [("item.added", "client")])


async def test_an_item_is_internal_unless_said_otherwise(database, cast):
    async with database.write() as db:
        item = await commands.add_item(db, await cast.scope(db, "dan"), {"title": "Secret refactoring"})
    assert item.audience is Audience.INTERNAL


@pytest.mark.parametrize("who", ["ada", "eve", "finn"])
async def test_no_client_writes_the_backlog(database, cast, who):
    await add_item(database, cast)
    with pytest.raises(NotAllowed):
        async with database.write() as db:
            await commands.change_item(db, await cast.scope(db, who), 1, {"title": "Mine now"})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x\x00"}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"title": "x", "points": Decimal(-1)}, "points"),
        ({"title": "x", "points": Decimal("1e9")}, "points"),
        ({"title": "x", "points": Decimal("NaN")}, "points"),
        ({"title": "x", "points": Decimal("0.0001")}, "points"),
        ({"title": "x", "status": "Nowhere"}, "status"),
        ({"title": "x", "iteration": 7}, "iteration"),
        ({"title": "x", "milestone": 7}, "milestone"),
        ({"title": "x", "audience": "billing"}, "audience"),
        ({"title": "x", "blocked_on": "client"}, "blocked_reason"),
        ({"title": "x", "rights": "all"}, "rights"),
        ({"points": Decimal(1)}, "title"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_written(database, cast, fields, field):
    with pytest.raises(Invalid) as refused:
        async with database.write() as db:
            await commands.add_item(db, await cast.scope(db, "wei"), fields)
    async with database.read() as db:
        scope = await cast.scope(db, "wei")
        assert (refused.value.field, scope.project.version) == (field, 1)


async def test_a_change_tells_what_was_and_what_is(database, cast):
    await add_item(database, cast, points=Decimal(3))
    async with database.write() as db:
        await commands.change_item(
            db, await cast.scope(db, "wei"), 1, {"points": Decimal(5), "status": "Done"}, reason="grew"
        )
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        (last, _) = await ledger.of_subject(db, scope.project_id, scope.audiences, "item", 1)
    assert last.body == {
        "changes": {"points": ["3", "5"], "status": ["To do", "Done"], "category": ["todo", "done"]},
        "reason": "grew",
    }


async def test_changing_to_what_it_is_tells_nothing(database, cast):
    await add_item(database, cast, points=Decimal(3))
    async with database.write() as db:
        await commands.change_item(db, await cast.scope(db, "wei"), 1, {"points": Decimal("3.0"), "status": "To do"})
    async with database.read() as db:
        assert await events_of(db, await cast.scope(db, "wei"), 1) == [("item.added", "client")]


async def test_opening_an_item_to_the_client_does_not_tell_what_it_was_called_before(database, cast):
    await add_item(database, cast, title="Client X never pays", audience="internal")
    async with database.write() as db:
        await commands.change_item(db, await cast.scope(db, "wei"), 1, {"title": "Invoicing", "audience": "client"})
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        seen = await ledger.of_subject(db, scope.project_id, scope.audiences, "item", 1)
    assert [event.kind for event in seen] == ["item.opened"]
    assert "never pays" not in str(seen)


async def test_closing_an_item_to_the_client_tells_them_nothing_of_it(database, cast):
    await add_item(database, cast)
    async with database.write() as db:
        await commands.change_item(db, await cast.scope(db, "wei"), 1, {"title": "Secret", "audience": "internal"})
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        newest = (await ledger.latest(db, scope.project_id, scope.audiences, limit=1))[0]
        assert (newest.kind, newest.body) == ("item.closed", {})
        with pytest.raises(NotFound):
            await queries.item(db, scope, 1)


async def test_an_internal_item_answers_a_client_like_an_unused_number(database, cast):
    await add_item(database, cast, audience="internal")
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        words = []
        for number in (1, 2):
            with pytest.raises(NotFound) as refused:
                await queries.item(db, scope, number)
            words.append(refused.value.message.replace(str(number), "N"))
    assert words[0] == words[1]


async def test_spans_burndown_and_counters_follow_in_the_same_transaction(database, cast):
    await add_item(database, cast, points=Decimal(3))
    async with database.write() as db:
        await commands.change_item(db, await cast.scope(db, "wei"), 1, {"status": "Done"})
    async with database.read() as db:
        scope = await cast.scope(db, "wei")
        mine = ItemSpan.project_id == scope.project_id
        spans = (await db.scalars(select(ItemSpan).where(mine).order_by(ItemSpan.valid_from))).all()
        day = (await db.scalars(select(BurnDay).where(BurnDay.project_id == scope.project_id))).one()
        counts = {line.name: line.items for line in (await plan_lines(db, scope)).statuses}
    assert [(span.category, span.valid_to is None) for span in spans] == [(Category.TODO, False), (Category.DONE, True)]
    assert (day.points_added, day.points_done, day.items_done) == (Decimal(3), Decimal(3), 1)
    assert counts == {"To do": 0, "In progress": 0, "Done": 1}


async def test_a_client_s_counts_leave_internal_items_out(database, cast):
    await add_item(database, cast)
    await add_item(database, cast, audience="internal")
    async with database.read() as db:
        by_viewer = {who: (await plan_lines(db, await cast.scope(db, who))).statuses[0].items for who in ("wei", "ada")}
    assert by_viewer == {"wei": 2, "ada": 1}


async def test_a_removed_item_is_gone_for_everybody_and_can_come_back(database, cast):
    await add_item(database, cast, points=Decimal(3))
    async with database.write() as db:
        await commands.remove_item(db, await cast.scope(db, "wei"), 1, reason="twice")
    async with database.read() as db:
        with pytest.raises(NotFound):
            await queries.item(db, await cast.scope(db, "wei"), 1)
    async with database.write() as db:
        await commands.restore_item(db, await cast.scope(db, "wei"), 1)
    async with database.read() as db:
        scope = await cast.scope(db, "wei")
        assert (await queries.item(db, scope, 1)).points == Decimal(3)
        assert [kind for kind, _ in await events_of(db, scope, 1)] == ["item.added", "item.removed", "item.restored"]


async def test_removing_twice_is_refused(database, cast):
    await add_item(database, cast)
    async with database.write() as db:
        await commands.remove_item(db, await cast.scope(db, "wei"), 1)
    with pytest.raises(Conflict):
        async with database.write() as db:
            await commands.remove_item(db, await cast.scope(db, "wei"), 1)


async def test_an_upsert_adds_changes_and_leaves_alone(database, cast):
    rows = [{"external_ref": f"x:{n}", "title": f"Item {n}"} for n in range(3)]
    async with database.write() as db:
        await commands.upsert_items(db, await cast.scope(db, "wei"), rows)
    rows[1]["title"] = "Renamed"
    rows.append({"external_ref": "x:9", "title": "New"})
    async with database.write() as db:
        outcomes = await commands.upsert_items(db, await cast.scope(db, "wei"), rows)
    assert [outcome.did for outcome in outcomes] == ["unchanged", "changed", "unchanged", "created"]


async def test_an_upsert_with_one_wrong_row_changes_nothing_and_names_it(database, cast):
    rows = [{"external_ref": "x:1", "title": "Fine"}, {"external_ref": "x:2", "title": "Bad", "points": Decimal(-1)}]
    with pytest.raises(Invalid) as refused:
        async with database.write() as db:
            await commands.upsert_items(db, await cast.scope(db, "wei"), rows)
    assert [problem[0] for problem in refused.value.problems] == ["items[1].points"]
    async with database.read() as db:
        scope = await cast.scope(db, "wei")
        assert (scope.project.version, await queries.items(db, scope, queries.Filter())) == (1, [])


@pytest.mark.parametrize("ref", [None, "x:1"])
async def test_an_upsert_needs_a_reference_of_its_own_for_every_row(database, cast, ref):
    rows = [{"external_ref": "x:1", "title": "One"}, {"external_ref": ref, "title": "Two"}]
    with pytest.raises(Invalid) as refused:
        async with database.write() as db:
            await commands.upsert_items(db, await cast.scope(db, "wei"), rows)
    assert refused.value.problems[0][0] == "items[1].external_ref"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("pay", [1]),
        ("PAYING", [1]),
        ("задача", [2]),
        ("задачи", [2]),
        ("进度", [3]),
        ("项目", [3]),
        ("度项", []),
        ("nothing", []),
    ],
)
async def test_search_finds_words_in_three_scripts(database, cast, query, found):
    for title in ("Pay by card", "Первая задача", "项目进度"):
        await add_item(database, cast, title=title)
    async with database.read() as db:
        items = await queries.items(db, await cast.scope(db, "ada"), queries.Filter(text=query))
    assert [item.number for item in items] == found


async def test_search_never_meets_another_client_s_words(database, cast):
    await add_item(database, cast, key="HARBOUR", title="Zeppelin")
    async with database.read() as db:
        assert await queries.items(db, await cast.scope(db, "ada"), queries.Filter(text="zeppelin")) == []


async def test_a_page_of_the_backlog_goes_on_where_the_last_one_ended(database, cast):
    for _ in range(5):
        await add_item(database, cast)
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        first = await queries.items(db, scope, queries.Filter(), limit=3)
        rest = await queries.items(db, scope, queries.Filter(), after=(first[-1].position, first[-1].number), limit=3)
    assert [item.number for item in first + rest] == [1, 2, 3, 4, 5]


async def test_the_filter_narrows_by_every_part_at_once(database, cast):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await projects.add_iteration(db, scope, name="Sprint 1")
        await projects.add_milestone(db, scope, name="Beta")
    wanted = {"iteration": 1, "milestone": 1, "labels": ["api"], "type": "bug"}
    await add_item(database, cast, **wanted)
    for missing in wanted:
        await add_item(database, cast, **{key: value for key, value in wanted.items() if key != missing})
    narrow = queries.Filter(status="To do", type="bug", iteration=1, milestone=1, label="api", text="work")
    async with database.read() as db:
        assert [item.number for item in await queries.items(db, await cast.scope(db, "ada"), narrow)] == [1]


@pytest.mark.parametrize(("setting", "seen"), [("name", "Grace"), ("role", queries.AGENCY), ("hidden", None)])
async def test_an_assignee_is_shown_to_clients_as_the_project_says(database, cast, setting, seen):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        grace = await commands.add_contributor(db, scope, name="Grace")
        await projects.change_project(db, scope, {"show_staff": setting})
    await add_item(database, cast, assignee=grace.id)
    async with database.read() as db:
        by_viewer = [
            (await queries.items(db, await cast.scope(db, who), queries.Filter()))[0].assignee for who in ("ada", "wei")
        ]
    assert by_viewer == [seen, "Grace"]


async def test_an_assignee_of_another_project_is_refused(database, cast):
    async with database.write() as db:
        foreign = await commands.add_contributor(db, await cast.scope(db, "wei", "HARBOUR"), name="Grace")
    with pytest.raises(Invalid) as refused:
        await add_item(database, cast, assignee=foreign.id)
    assert refused.value.field == "assignee"


async def test_a_rebuild_finds_nothing_to_mend_after_any_commands(database, cast):
    for points in (1, 2):
        await add_item(database, cast, points=Decimal(points))
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await commands.change_item(db, scope, 1, {"status": "Done", "audience": "internal"})
        await commands.remove_item(db, scope, 2)
    async with database.write() as db:
        statuses = (await db.scalars(select(Status).where(Status.project_id == scope.project_id))).all()
        before = {status.name: (status.client_items, status.internal_items) for status in statuses}
        rebuilt = await rebuild.rebuild(db, scope)
    assert (before["Done"], rebuilt.differed) == ((0, 1), 0)


async def test_an_archived_project_is_read_and_not_written(database, cast):
    await add_item(database, cast)
    async with database.write() as db:
        await projects.change_project(db, await cast.scope(db, "wei"), {"status": "archived"})
    with pytest.raises(Conflict):
        await add_item(database, cast)
    async with database.read() as db:
        assert (await queries.item(db, await cast.scope(db, "ada"), 1)).number == 1
