"""Imports into a project: history at its own times, once and only once, all of it or nothing, and nothing opened."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.access import SYSTEM
from portal.backlog import commands as backlog
from portal.backlog import plan as plans
from portal.backlog import queries, rebuild
from portal.backlog.models import BurnDay, Contributor, Item, ItemSpan, SeriesKind, Status
from portal.connectors import commands, planning
from portal.connectors.mapping import Mapping
from portal.errors import Conflict, Invalid, NotAllowed
from portal.ledger.models import Audience, Event
from portal.projects import queries as projects
from portal.projects.models import Iteration, Milestone
from tests.connectors.conftest import DATA, DEMO, issue, read, search, status

IN_MARCH = "2023-03-10T10:00:00.000+0000"
IN_APRIL = "2023-04-10T10:00:00.000+0000"
CLOSED = status("6", "Closed", "done")
TO_CLOSED = ("status", "1", "Open", "6", "Closed")
POINTS = {"names": {"customfield_1": "Story Points"}}


async def events(database, *, kinds=("item.",)) -> list[Any]:
    async with database.read() as db:
        scope = await projects.scope_for(db, SYSTEM, "BRIDGE")
        rows = await db.scalars(select(Event).where(Event.project_id == scope.project_id).order_by(Event.seq))
        return [row for row in rows if row.kind.startswith(kinds)]


async def rows(database, model) -> list[Any]:
    async with database.read() as db:
        scope = await projects.scope_for(db, SYSTEM, "BRIDGE")
        return list(await db.scalars(select(model).where(model.project_id == scope.project_id)))


async def scope_at(database, remaining_of: SeriesKind, series_id, day: date) -> tuple[int, Decimal, int, Decimal]:
    """Items and points in scope, and items and points remaining, at the end of a day."""
    async with database.read() as db:
        scope = await projects.scope_for(db, SYSTEM, "BRIDGE")
        mine = (BurnDay.project_id == scope.project_id, BurnDay.series_kind == remaining_of)
        days = (
            await db.scalars(select(BurnDay).where(*mine, BurnDay.series_id == series_id, BurnDay.day <= day))
        ).all()
    items = sum(one.items_added - one.items_removed for one in days)
    points = sum(one.points_added - one.points_removed + one.points_reestimated for one in days)
    done_items = sum(one.items_done - one.items_reopened for one in days)
    done_points = sum(one.points_done - one.points_reopened for one in days)
    return items, Decimal(points), items - done_items, Decimal(points - done_points)


async def derived_is_right(database) -> bool:
    async with database.write() as db:
        return (await rebuild.rebuild(db, await projects.scope_for(db, SYSTEM, "BRIDGE"))).differed == 0


async def test_history_becomes_events_and_spans_at_its_own_times(database, bring):
    report = await bring("jira", search(issue(histories=[(IN_APRIL, TO_CLOSED)], status=CLOSED)))
    born, closed = await events(database)
    assert (born.kind, born.at) == ("item.added", datetime(2023, 3, 1, 9, tzinfo=UTC))
    assert (closed.kind, closed.at) == ("item.changed", datetime(2023, 4, 10, 10, tzinfo=UTC))
    assert json.loads(closed.body)["changes"] == {"status": ["Open", "Closed"], "category": ["todo", "done"]}
    assert closed.recorded_at > closed.at
    spans = await rows(database, ItemSpan)
    assert [(span.valid_from, span.category) for span in spans] == [(born.at, "todo"), (closed.at, "done")]
    (item,) = await rows(database, Item)
    assert (item.created_at, item.done_at, item.external_key, item.seq) == (born.at, closed.at, "QP-1", closed.seq)
    assert (report.tallies["items"].created, report.tallies["items"].left_out) == (1, 0)
    assert await derived_is_right(database)


async def test_authors_stay_as_contributors(database, bring):
    await bring("jira", search(issue(histories=[(IN_APRIL, TO_CLOSED)], status=CLOSED)))
    names = {f"contributor:{one.id}": one.name for one in await rows(database, Contributor)}
    assert [names[event.actor] for event in await events(database)] == ["Ana Ruiz", "Bo Lind"]


async def test_events_of_all_items_are_told_in_order_of_time(database, bring):
    await bring(
        "jira",
        search(
            issue("QP-2", histories=[(IN_APRIL, TO_CLOSED)], status=CLOSED),
            issue("QP-1", histories=[(IN_MARCH, TO_CLOSED)], status=CLOSED, created="2023-03-02T09:00:00.000+0000"),
        ),
    )
    told = await events(database)
    assert [event.at for event in told] == sorted(event.at for event in told)
    assert {item.number: item.external_key for item in await rows(database, Item)} == {1: "QP-2", 2: "QP-1"}


async def test_an_imported_item_is_told_with_the_same_words_as_one_made_here(database, cast, bring):
    await bring("jira", search(issue(histories=[], labels=["a"], fixVersions=[{"id": "2", "name": "2.0"}])))
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        plan = await plans.load(db, scope)
        item = await queries.item(db, scope, 1)
        told = plans.told_to(item.audience, plans.snapshot(item, plan))
    (born,) = await events(database)
    assert json.loads(born.body) == json.loads(json.dumps(told))


@pytest.mark.parametrize(
    ("system", "source"),
    [
        ("trello", DEMO / "fda-food-recalls.json"),
        ("trello", DATA / "trello" / "tapmovies.json"),
        ("jira", DEMO / "appcd-daemon-agile-rest.json"),
        ("jira", DATA / "jira" / "cloud-export.csv"),
    ],
)
async def test_the_same_file_again_changes_nothing(database, bring, system, source):
    await bring(system, source)
    before = len(await events(database, kinds=("",)))
    report = await bring(system, source)
    assert (report.events, len(await events(database, kinds=("",)))) == (0, before)
    assert {(tally.created, tally.changed) for tally in report.tallies.values()} == {(0, 0)}
    assert await derived_is_right(database)


async def test_a_newer_file_adds_only_what_is_new(database, bring):
    older = issue(histories=[(IN_MARCH, ("Story Points", None, "", None, "3"))], customfield_1=3)
    await bring("jira", search(older, **POINTS))
    newer = issue(
        histories=[(IN_MARCH, ("Story Points", None, "", None, "3")), (IN_APRIL, TO_CLOSED)],
        customfield_1=3,
        status=CLOSED,
    )
    report = await bring("jira", search(newer, issue("QP-9", histories=[]), **POINTS))
    assert [(event.kind, event.subject_number) for event in (await events(database))[2:]] == [
        ("item.added", 2),
        ("item.changed", 1),
    ]
    assert (report.tallies["items"].created, report.tallies["items"].changed) == (1, 1)
    spans = [span for span in await rows(database, ItemSpan) if span.item_number == 1]
    assert [span.category for span in spans] == ["todo", "todo", "done"]
    assert await derived_is_right(database)


async def test_a_change_that_no_history_tells_is_told_at_the_items_last_update(database, bring):
    await bring("jira", search(issue(summary="Pay", description="old " * 50)))
    await bring(
        "jira", search(issue(summary="Pay by card", description="new " * 50, updated="2023-07-01T09:00:00.000+0000"))
    )
    changed = (await events(database))[-1]
    assert changed.at == datetime(2023, 7, 1, 9, tzinfo=UTC)
    changes = json.loads(changed.body)["changes"]
    assert changes["title"] == ["Pay", "Pay by card"]
    assert changes["description"] == [("old " * 50).strip(), ("new " * 50).strip()]


async def test_what_was_edited_here_stays_until_the_source_changes_it(database, cast, bring):
    await bring("jira", search(issue(histories=[], customfield_1=3), **POINTS))
    async with database.write() as db:
        await backlog.change_item(db, await cast.scope(db, "wei"), 1, {"title": "Ours", "points": Decimal(8)})
    assert (await bring("jira", search(issue(histories=[], customfield_1=3), **POINTS))).events == 0
    newer = issue(histories=[(IN_APRIL, ("Story Points", None, "3", None, "5"))], customfield_1=5)
    await bring("jira", search(newer, **POINTS))
    (item,) = await rows(database, Item)
    assert (item.title, item.points) == ("Ours", Decimal(5))
    assert await derived_is_right(database)


async def test_items_that_the_newer_file_lacks_stay_and_are_counted(database, bring):
    await bring("jira", search(issue("QP-1"), issue("QP-2")))
    report = await bring("jira", search(issue("QP-2")))
    assert len(await rows(database, Item)) == 2
    assert any(note.startswith("1 items of earlier imports") for note in report.notes)


async def test_a_restricted_item_is_internal_in_all_that_is_told_of_it(database, bring):
    hidden = issue("QP-2", histories=[(IN_APRIL, TO_CLOSED)], status=CLOSED, security={"id": "9", "name": "Partners"})
    await bring("jira", search(issue("QP-1"), hidden))
    assert {item.external_key: item.audience for item in await rows(database, Item)} == {
        "QP-1": Audience.CLIENT,
        "QP-2": Audience.INTERNAL,
    }
    internal = [item.number for item in await rows(database, Item) if item.audience is Audience.INTERNAL]
    assert {e.audience for e in await events(database) if e.subject_number in internal} == {Audience.INTERNAL}
    assert {span.audience for span in await rows(database, ItemSpan) if span.item_number in internal} == {
        Audience.INTERNAL
    }
    assert await derived_is_right(database)


async def test_an_item_that_was_opened_is_told_from_then_on(database, bring):
    entries = [
        (IN_MARCH, ("summary", None, "A secret", None, "About QP-1"), ("security", "9", "Sensitive", None, None)),
        (IN_APRIL, TO_CLOSED),
    ]
    await bring("jira", search(issue(histories=entries, status=CLOSED, security=None)))
    told = [(event.kind, event.audience, "A secret" in event.body) for event in await events(database)]
    assert told == [
        ("item.added", Audience.INTERNAL, True),
        ("item.changed", Audience.INTERNAL, True),
        ("item.opened", Audience.CLIENT, False),
        ("item.changed", Audience.CLIENT, False),
    ]
    assert await derived_is_right(database)


async def test_a_mapping_file_may_keep_everything_internal(database, bring):
    await bring("jira", search(issue()), {"audience": "internal"})
    assert {event.audience for event in await events(database)} == {Audience.INTERNAL}


async def test_a_broken_file_changes_nothing(database, bring):
    before = len(await events(database, kinds=("",)))
    with pytest.raises(Invalid):
        await bring("jira", json.dumps(search(issue()))[:-30])
    assert len(await events(database, kinds=("",))) == before


async def test_an_import_that_breaks_off_changes_nothing(database, cast, bring, monkeypatch):
    async def fails(*_: Any) -> None:
        raise OSError("the disk is full")

    before = len(await events(database, kinds=("",)))
    monkeypatch.setattr("portal.backlog.store.write_movements", fails)
    with pytest.raises(OSError, match="full"):
        await bring("trello", DEMO / "fda-food-recalls.json")
    monkeypatch.undo()
    assert (len(await events(database, kinds=("",))), await rows(database, Item), await rows(database, Status)) == (
        before,
        [],
        [],
    )
    assert (await bring("trello", DEMO / "fda-food-recalls.json")).tallies["items"].created == 58


async def test_a_preview_says_what_would_be_done_and_does_nothing(database, cast):
    project = read("trello", DEMO / "fda-food-recalls.json")
    before = len(await events(database, kinds=("",)))
    async with database.write() as db:
        report = await commands.preview(db, await cast.scope(db, "wei"), project, Mapping())
    assert (report.tallies["items"].created, report.tallies["items"].left_out) == (58, 12)
    assert (len(await events(database, kinds=("",))), await rows(database, Item)) == (before, [])


@pytest.mark.parametrize("who", ["dan", "ada"])
async def test_only_managers_import(bring, who):
    with pytest.raises(NotAllowed):
        await bring("jira", search(issue()), who=who)


async def test_sprints_and_versions_become_iterations_and_milestones_once(database, bring):
    sprint = {"id": 3, "name": "Three", "state": "closed", "startDate": "2023-03-05T23:30:00Z",
              "endDate": "2023-03-19T00:00:00Z", "completeDate": "2023-03-21T00:00:00Z"}  # fmt: skip
    version = {"id": "20", "name": "1.0", "released": True, "releaseDate": "2023-04-01", "description": "First"}
    file = search(issue(histories=[], customfield_2=[sprint], fixVersions=[version]))
    await bring("jira", file)
    await bring("jira", file)
    (iteration,) = await rows(database, Iteration)
    assert (iteration.name, iteration.starts_on, iteration.ends_on) == ("Three", date(2023, 3, 6), date(2023, 3, 19))
    assert iteration.closed_at == datetime(2023, 3, 21, tzinfo=UTC)
    (milestone,) = await rows(database, Milestone)
    assert (milestone.name, milestone.expected_on, milestone.done_on) == ("1.0", date(2023, 4, 1), date(2023, 4, 1))


async def test_a_release_that_moved_in_the_source_moves_here_with_a_reason(database, bring):
    await bring("jira", search(issue(fixVersions=[{"id": "20", "name": "1.0", "releaseDate": "2023-04-01"}])))
    await bring("jira", search(issue(fixVersions=[{"id": "20", "name": "1.0", "releaseDate": "2023-05-01"}])))
    (changed,) = await events(database, kinds=("milestone.changed",))
    assert json.loads(changed.body)["reason"] == planning.REASON
    assert [one.expected_on for one in await rows(database, Milestone)] == [date(2023, 5, 1)]


async def test_columns_that_are_here_are_used_again(database, cast, bring):
    async with database.write() as db:
        await backlog.add_item(db, await cast.scope(db, "wei"), {"title": "Ours"})
    await bring("jira", search(issue(status=status("1", "TO DO", "new"))))
    assert sorted(one.name for one in await rows(database, Status)) == ["Done", "In progress", "To do"]
    assert await derived_is_right(database)


async def test_a_mapping_file_cannot_give_a_column_another_meaning(bring):
    await bring("jira", search(issue(status=status("7", "Deploy", "indeterminate"))))
    with pytest.raises(Conflict, match="'Deploy' is doing"):
        await bring(
            "jira", search(issue(status=status("7", "Deploy", "indeterminate"))), {"statuses": {"Deploy": "done"}}
        )


async def test_a_deleted_card_is_out_of_the_backlog_and_in_its_past(database, bring):
    await bring("trello", DEMO / "fda-food-recalls.json")
    (gone,) = [item for item in await rows(database, Item) if item.deleted]
    assert [event.kind for event in await events(database) if event.subject_number == gone.number] == [
        "item.added",
        "item.removed",
    ]


def as_export(facts: list[dict[str, Any]]) -> dict[str, Any]:
    """A Jira export of these facts, in which versions are called in the history what they are called no more."""
    return search(*(_as_issue(one) for one in facts))


def _as_issue(facts: dict[str, Any]) -> dict[str, Any]:
    state, entries = dict(facts["initial"]), []
    for at, field, value in facts["changes"]:
        entries.append((at, *_as_items(field, state[field], value)))
        state[field] = value
    return issue(
        facts["key"],
        histories=entries,
        created=facts["created"],
        status=_as_status(state["status"]),
        customfield_10023=state["points"] and Decimal(state["points"]).__float__(),
        customfield_10290=[_as_sprint(ref) for ref in state["sprints"]],
        fixVersions=[{"id": ref, "name": f"now {ref}"} for ref in state["versions"]],
    )


def _as_items(field: str, before: Any, after: Any) -> list[tuple[str, Any, Any, Any, Any]]:
    if field == "versions":
        gone = [("Fix Version", ref, f"then {ref}", None, None) for ref in before if ref not in after]
        return gone + [("Fix Version", None, None, ref, f"then {ref}") for ref in after if ref not in before]
    if field == "sprints":
        return [("Sprint", ", ".join(before), "", ", ".join(after), "")]
    if field == "points":
        return [("Story Points", None, before, None, after)]
    return [("status", before, before, after, after)]


def _as_status(name: str) -> dict[str, Any]:
    return status(name, name, "done" if name in ("Closed", "Resolved") else "new")


def _as_sprint(ref: str) -> str:
    return (
        f"com.atlassian.greenhopper.service.sprint.Sprint@1[rapidViewId=<null>,state=ACTIVE,name=Sprint {ref},id={ref}]"
    )


FIGURES = [
    (Milestone, "jira-version:10411", date(2011, 4, 30), 28, 78, 28, 78),
    (Milestone, "jira-version:10411", date(2011, 5, 15), 29, 74, 24, 63),
    (Milestone, "jira-version:10411", date(2011, 6, 16), 42, 88, 23, 47),
    (Milestone, "jira-version:10411", date(2011, 7, 16), 56, 122, 23, 45),
    (Milestone, "jira-version:10411", date(2011, 7, 29), 44, 117, 0, 0),
    (Iteration, "jira-sprint:3", date(2013, 6, 16), 14, 24, 14, 24),
    (Iteration, "jira-sprint:3", date(2013, 7, 7), 14, 24, 9, 15),
    (Iteration, "jira-sprint:3", date(2013, 7, 26), 14, 24, 8, 13),
    (Iteration, "jira-sprint:3", date(2013, 8, 4), 14, 24, 4, 7),
    (Iteration, "jira-sprint:3", date(2013, 9, 1), 15, 31, 1, 2),
]


async def test_a_real_projects_burndown_is_that_of_its_tracker_to_the_point(database, bring):
    facts = json.loads((DATA / "duracloud" / "facts.json").read_text())
    await bring("jira", as_export(facts))
    for model, ref, day, *expected in FIGURES:
        (series,) = [row for row in await rows(database, model) if row.external_ref == ref]
        kind = SeriesKind.MILESTONE if model is Milestone else SeriesKind.ITERATION
        assert (day, list(await scope_at(database, kind, series.id, day))) == (day, expected)
    assert await derived_is_right(database)


async def test_a_file_is_read_into_the_project_that_was_named_and_no_other(database, bring):
    await bring("jira", search(issue()))
    async with database.read() as db:
        other = await projects.scope_for(db, SYSTEM, "HARBOUR")
        mine = Item.project_id == other.project_id
        assert await db.scalar(select(func.count()).select_from(Item).where(mine)) == 0
