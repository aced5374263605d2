"""Links are read from both ends, and only by those who may know both; what lacks links to a viewer is an orphan."""

import pytest
from sqlalchemy import select

from portal import traceability
from portal.backlog import commands as backlog
from portal.backlog import statuses
from portal.backlog.models import Category
from portal.designs import commands as designs
from portal.errors import Invalid, NotAllowed, NotFound
from portal.ledger import queries as ledger
from portal.ledger.models import Audience
from portal.requirements import commands as requirements
from portal.trace import rules
from portal.trace.models import TraceKind
from portal.trace.rules import End
from tests.support.cast import add_item
from tests.support.designs import shown, version_of
from tests.support.requirements import add
from tests.support.statements import counting
from web import render, words

REQUIREMENT, DESIGN, ITEM = (End(kind, 1) for kind in (TraceKind.REQUIREMENT, TraceKind.DESIGN, TraceKind.ITEM))


async def link(database, cast, one, other, who="dan"):
    async with database.write() as db:
        return await traceability.link(db, await cast.scope(db, who), one, other)


async def links(database, cast, end, who="ada"):
    async with database.read() as db:
        found = await traceability.links_of(db, await cast.scope(db, who), end.kind, end.number)
    return [(one.kind.value, one.number, one.title) for one in found]


async def orphans(database, cast, who="ada"):
    async with database.read() as db:
        found = await traceability.orphans(db, await cast.scope(db, who))
    return [[one.number for one in part] for part in (found.requirements, found.designs, found.items)]


async def heard(database, cast, who="ada"):
    async with database.read() as db:
        scope = await cast.scope(db, who)
        found = await ledger.since(db, scope.project_id, scope.audiences, 1)
    return [event.kind for event in found if event.kind.startswith("trace.")]


@pytest.fixture
async def things(database, cast):
    """One of each kind, all for the client."""
    await add(database, cast)
    await add_item(database, cast, title="Build the search")
    await shown(database, cast)


@pytest.mark.parametrize(("one", "other"), [(REQUIREMENT, ITEM), (ITEM, REQUIREMENT)])
async def test_a_link_is_one_click_each_way_whoever_was_named_first(database, cast, things, one, other):
    assert await link(database, cast, one, other) is True
    assert await link(database, cast, other, one) is False
    assert await links(database, cast, REQUIREMENT) == [("item", 1, "Build the search")]
    assert await links(database, cast, ITEM) == [("requirement", 1, "Search by product")]
    assert await heard(database, cast) == ["trace.linked"]


async def test_every_kind_is_linked_with_every_other(database, cast, things):
    for one, other in ((REQUIREMENT, DESIGN), (DESIGN, ITEM), (ITEM, REQUIREMENT)):
        await link(database, cast, one, other)
    assert [kind for kind, _, _ in await links(database, cast, REQUIREMENT)] == ["design", "item"]
    assert [kind for kind, _, _ in await links(database, cast, DESIGN)] == ["requirement", "item"]
    assert [kind for kind, _, _ in await links(database, cast, ITEM)] == ["requirement", "design"]


async def versions(database, cast, end, who="ada"):
    async with database.read() as db:
        found = await traceability.links_of(db, await cast.scope(db, who), end.kind, end.number)
    return [(one.kind.value, one.state, one.version) for one in found]


async def test_a_link_names_the_version_of_a_design_that_was_meant(database, cast, things):
    async with database.write() as db:
        scope = await cast.scope(db, "dan")
        await version_of(db, scope, 1)
        await designs.publish(db, scope, 1, 2)
    first, second = (End(TraceKind.DESIGN, 1, version) for version in (1, 2))
    assert await link(database, cast, REQUIREMENT, first) is True
    assert await versions(database, cast, REQUIREMENT) == [("design", "", 1)]
    assert await link(database, cast, DESIGN, REQUIREMENT) is False  # who names none changes none
    assert await versions(database, cast, REQUIREMENT) == [("design", "", 1)]
    assert await link(database, cast, second, REQUIREMENT) is False
    assert await link(database, cast, second, REQUIREMENT) is False
    assert await versions(database, cast, REQUIREMENT) == [("design", "", 2)]
    assert await versions(database, cast, DESIGN) == [("requirement", "draft", None)]
    assert await heard(database, cast) == ["trace.linked"] * 2


@pytest.mark.parametrize(
    "end",
    [End(TraceKind.DESIGN, 1, 2), End(TraceKind.DESIGN, 1, 3), End(TraceKind.DESIGN, 1, 2**40),
     End(TraceKind.ITEM, 1, 1)],
)  # fmt: skip
async def test_only_a_published_version_of_a_design_is_named(database, cast, things, end):
    async with database.write() as db:
        await version_of(db, await cast.scope(db, "dan"), 1)
    with pytest.raises(Invalid):
        await link(database, cast, REQUIREMENT, end)
    assert await versions(database, cast, REQUIREMENT, "dan") == []


def test_a_link_opens_the_version_that_was_meant():
    line = render.environment("en").get_template("parts/trace.html").module.line
    shown = str(line("BRIDGE", traceability.Link(TraceKind.DESIGN, 7, "A title", "", 2)))
    assert 'href="/projects/BRIDGE/designs/7/versions/2"' in shown
    assert "A title, version 2" in shown


async def test_links_come_in_one_statement(database, cast, things):
    await link(database, cast, REQUIREMENT, ITEM)
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        with counting(database) as statements:
            await traceability.links_of_all(db, scope, TraceKind.REQUIREMENT, [1, 2, 3])
            await traceability.orphans(db, scope)
    assert len(statements) == 2


async def test_two_things_of_one_kind_are_not_linked(database, cast, things):
    with pytest.raises(Invalid):
        await link(database, cast, ITEM, ITEM)


@pytest.mark.parametrize(
    "missing", [End(TraceKind.ITEM, 99), End(TraceKind.ITEM, 0), End(TraceKind.ITEM, 2**40), End(TraceKind.DESIGN, 7)]
)
async def test_only_what_is_there_can_be_linked(database, cast, things, missing):
    with pytest.raises(Invalid, match="There is no"):
        await link(database, cast, REQUIREMENT, missing)


async def test_a_number_of_another_project_links_nothing(database, cast, things):
    await add_item(database, cast, "HARBOUR", title="Theirs")
    await add_item(database, cast, "HARBOUR", title="Theirs too")
    with pytest.raises(Invalid):
        await link(database, cast, REQUIREMENT, End(TraceKind.ITEM, 2))


async def test_clients_link_nothing(database, cast, things):
    for act in (traceability.link, traceability.unlink):
        async with database.write() as db:
            with pytest.raises(NotAllowed):
                await act(db, await cast.scope(db, "ada"), REQUIREMENT, ITEM)


async def test_a_link_can_be_taken_away_once(database, cast, things):
    await link(database, cast, REQUIREMENT, ITEM)
    async with database.write() as db:
        scope = await cast.scope(db, "dan")
        await traceability.unlink(db, scope, ITEM, REQUIREMENT)
        with pytest.raises(NotFound):
            await traceability.unlink(db, scope, ITEM, REQUIREMENT)
    assert await links(database, cast, REQUIREMENT) == []
    assert await heard(database, cast) == ["trace.linked", "trace.unlinked"]


async def test_a_link_to_what_is_internal_is_no_link_for_the_client(database, cast, things):
    await add_item(database, cast, title="Secret item", audience="internal")
    await add(database, cast, title="Secret requirement", audience="internal")
    async with database.write() as db:
        await designs.add_design(db, await cast.scope(db, "dan"), title="Secret design")
    secret = [End(TraceKind.ITEM, 2), End(TraceKind.DESIGN, 2)]
    for end in secret:
        await link(database, cast, REQUIREMENT, end)
    await link(database, cast, End(TraceKind.REQUIREMENT, 2), ITEM)
    await link(database, cast, End(TraceKind.REQUIREMENT, 2), DESIGN)
    for end in (REQUIREMENT, ITEM, DESIGN):
        assert await links(database, cast, end, "ada") == []
        assert len(await links(database, cast, end, "dan")) in (1, 2)
    assert await heard(database, cast, "ada") == []
    assert await heard(database, cast, "dan") == ["trace.linked"] * 4


async def test_a_link_appears_and_goes_with_what_the_client_may_see(database, cast, things):
    await link(database, cast, REQUIREMENT, ITEM)
    for audience, seen in (("internal", 0), ("client", 1)):
        async with database.write() as db:
            await backlog.change_item(db, await cast.scope(db, "dan"), 1, {"audience": audience})
        assert len(await links(database, cast, REQUIREMENT)) == seen


async def test_a_removed_item_is_no_longer_linked_and_its_link_can_still_be_taken_away(database, cast, things):
    await link(database, cast, REQUIREMENT, ITEM)
    async with database.write() as db:
        scope = await cast.scope(db, "dan")
        await backlog.remove_item(db, scope, 1)
        assert await traceability.links_of(db, scope, TraceKind.REQUIREMENT, 1) == []
        await traceability.unlink(db, scope, REQUIREMENT, ITEM)


async def test_one_thing_has_a_bounded_number_of_links(database, cast, things, monkeypatch):
    monkeypatch.setattr(rules, "MOST_LINKS", 1)
    await link(database, cast, REQUIREMENT, ITEM)
    with pytest.raises(Invalid, match="at most 1"):
        await link(database, cast, REQUIREMENT, DESIGN)


@pytest.mark.parametrize(
    ("one", "other", "heard_by"),
    [
        ("client", "client", "client"),
        ("client", "internal", "internal"),
        ("internal", "client", "internal"),
        ("billing", "client", "billing"),
        ("billing", "internal", "internal"),
    ],
)
def test_who_hears_of_a_link_may_see_both_ends(one, other, heard_by):
    assert rules.audience_of(Audience(one), Audience(other)) is Audience(heard_by)


async def test_what_has_no_links_is_listed(database, cast, things):
    assert await orphans(database, cast) == [[1], [1], [1]]
    await link(database, cast, REQUIREMENT, ITEM)
    assert await orphans(database, cast) == [[], [1], []]
    await link(database, cast, REQUIREMENT, DESIGN)
    assert await orphans(database, cast) == [[], [], []]


async def test_only_stories_that_are_not_dropped_need_a_requirement(database, cast):
    for kind in ("story", "task", "bug", "other"):
        await add_item(database, cast, type=kind)
    assert await orphans(database, cast) == [[], [], [1]]
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await statuses.add_status(db, scope, name="No", category=Category.DROPPED, position=9)
        await backlog.change_item(db, scope, 1, {"status": "No"})
    assert await orphans(database, cast) == [[], [], []]


async def test_a_thing_whose_links_all_lead_inside_is_an_orphan_to_the_client_alone(database, cast, things):
    await add_item(database, cast, title="Secret item", audience="internal")
    await link(database, cast, REQUIREMENT, End(TraceKind.ITEM, 2))
    assert await orphans(database, cast, "ada") == [[1], [1], [1]]
    assert await orphans(database, cast, "dan") == [[], [1], [1]]


async def test_orphans_of_the_inside_are_shown_to_staff_alone(database, cast):
    await add_item(database, cast, audience="internal")
    await add(database, cast, audience="internal")
    assert await orphans(database, cast, "ada") == [[], [], []]
    assert await orphans(database, cast, "dan") == [[1], [], [1]]


async def test_a_long_list_of_orphans_says_that_there_are_more(database, cast):
    for _ in range(3):
        await add(database, cast)
    async with database.read() as db:
        found = await traceability.orphans(db, await cast.scope(db, "ada"), each=2)
    assert ([one.number for one in found.requirements], found.more) == ([1, 2], {TraceKind.REQUIREMENT})


async def test_each_link_says_how_its_far_end_stands(database, cast, things):
    await link(database, cast, REQUIREMENT, ITEM)
    await link(database, cast, REQUIREMENT, DESIGN)
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        near = await traceability.links_of(db, scope, TraceKind.REQUIREMENT, 1)
        far = await traceability.links_of(db, scope, TraceKind.ITEM, 1)
    assert [(one.kind.value, one.state) for one in near] == [("design", ""), ("item", "todo")]
    assert [(one.kind.value, one.state) for one in far] == [("requirement", "draft")]


async def test_a_requirement_that_is_published_shows_its_links_from_then_on(database, cast):
    await add(database, cast, audience="internal")
    await add_item(database, cast)
    await link(database, cast, REQUIREMENT, ITEM)
    assert await links(database, cast, ITEM) == []
    async with database.write() as db:
        await requirements.publish(db, await cast.scope(db, "dan"), 1)
    assert [kind for kind, _, _ in await links(database, cast, ITEM)] == ["requirement"]


async def test_links_are_a_column_of_any_other_statement_too(database, cast, things):
    await link(database, cast, REQUIREMENT, ITEM)
    await link(database, cast, REQUIREMENT, DESIGN)
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        column = traceability.links_column(scope, TraceKind.REQUIREMENT, 1)
        none = traceability.links_column(scope, TraceKind.CHANGE_REQUEST, 2)
        found, empty = (await db.execute(select(column, none))).one()
        assert traceability.links_from(found) == await traceability.links_of(db, scope, TraceKind.REQUIREMENT, 1)
    assert traceability.links_from(empty) == traceability.links_from(None) == []


@pytest.mark.parametrize("kind", list(traceability.ENDS))
@pytest.mark.parametrize("locale", ["en", "zh_CN", "ru"])
def test_every_kind_has_a_word_and_a_page(kind, locale):
    line = render.environment(locale).get_template("parts/trace.html").module.line
    shown = str(line("BRIDGE", traceability.Link(kind, 7, "A title", "")))
    assert 'href="/projects/BRIDGE/' in shown
    assert f"{words.words(locale)['trace_kind'][kind]} 7" in shown
