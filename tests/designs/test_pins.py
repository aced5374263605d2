"""Pins: who may say something, who hears it, and how long a remark stays."""

import asyncio

import pytest

from portal.access import Role, open_scope
from portal.decisions.models import DecisionState
from portal.designs import commands, pins, queries, rules
from portal.designs.carrying import Place
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.ledger import queries as ledger
from portal.ledger.models import Audience
from portal.projects import commands as plan
from tests.support.cast import Cast
from tests.support.decisions import answer
from tests.support.designs import ask, draw, publish, version_of

HERE = Place(1, 2500, 7500)


async def pin(database, cast, who="ada", version=1, place=HERE, text="Larger, please."):
    async with database.write() as db:
        return await pins.pin(db, await cast.scope(db, who), 1, version, place, text)


async def act(database, cast, who, command, *given):
    async with database.write() as db:
        return await command(db, await cast.scope(db, who), 1, *given)


async def seen(database, cast: Cast, who="ada", version=1):
    """What a version shows of the pins: number → place."""
    async with database.read() as db:
        scope = await cast.scope(db, who)
        return queries.places(await queries.with_versions(db, scope, 1), await queries.pins(db, scope, 1), version)


async def told(database, cast, who="ada"):
    async with database.read() as db:
        scope = await cast.scope(db, who)
        return [one for one in await ledger.since(db, scope.project_id, scope.audiences, 0) if "pin" in one.kind]


async def next_version(database, cast, files=("next.png",), shown=True):
    async with database.write() as db:
        version = await version_of(db, await cast.scope(db, "wei"), 1, files)
    if shown:
        await publish(database, cast, 1, version.version)
    return version.version


@pytest.mark.parametrize("who", ["ada", "eve", "finn", "dan", "wei"])
async def test_every_member_and_all_staff_may_pin(database, cast, design, who):
    made = await pin(database, cast, who)
    assert (made.number, made.by_staff, made.audience) == (1, who in ("dan", "wei"), Audience.CLIENT)
    assert await seen(database, cast, "eve") == {1: HERE}
    assert [event.kind for event in await told(database, cast, "eve")] == ["design.pinned"]


async def test_who_looks_as_the_client_says_nothing(database, cast, design):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        preview = open_scope(cast.viewer("wei"), scope.project, (), view_as=("BRIDGE", frozenset({Role.APPROVER})))
        for write in (pins.pin(db, preview, 1, 1, HERE, "x"), pins.reply(db, preview, 1, 1, "x"),
                      pins.resolve(db, preview, 1, 1), pins.reopen(db, preview, 1, 1)):  # fmt: skip
            with pytest.raises(NotAllowed):
                await write


async def test_nothing_is_said_in_an_archived_project(database, cast, design):
    async with database.write() as db:
        await plan.change_project(db, await cast.scope(db, "wei"), {"status": "archived"})
    with pytest.raises(Conflict):
        await pin(database, cast)


async def test_pins_are_numbered_per_design_and_no_number_comes_twice(database, cast, design):
    assert [(await pin(database, cast)).number for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("version", [2, 3, 0, 2**40])
async def test_a_draft_and_no_version_are_the_same_to_a_client(database, cast, design, version):
    await next_version(database, cast, shown=False)
    with pytest.raises(NotFound) as refused:
        await pin(database, cast, version=version)
    assert refused.value.message == f"There is no version {version} of this design."


@pytest.mark.parametrize(
    ("place", "field"),
    [(Place(1, -1, 0), "x"), (Place(1, 0, 10_001), "y"), (Place(2, 0, 0), "file"), (Place(0, 0, 0), "file")],
)
async def test_a_place_is_on_a_picture(database, cast, design, place, field):
    with pytest.raises(Invalid) as refused:
        await pin(database, cast, place=place)
    assert refused.value.field == field


async def document(database, cast, pages, count=9):
    """The next version, of one PDF with so many pages shown; it is published."""
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        sizes = [[800, 600, size] for size in pages]
        drawn = await draw(db, scope, "a.pdf", media_type="application/pdf", page_count=count, pages=sizes)
        version = (await commands.add_version(db, scope, 1, files=[drawn.number])).version
        await commands.publish(db, scope, 1, version)


async def test_a_remark_on_a_later_page_says_so_and_one_on_the_first_is_as_it_ever_was(database, cast, design):
    await document(database, cast, (5, 5, 5))
    for page in (1, 3):
        await pin(database, cast, version=2, place=Place(1, 10, 20, page))
    assert [event.body.get("page") for event in await told(database, cast)] == [None, 3]
    assert await seen(database, cast, version=2) == {1: Place(1, 10, 20, 1), 2: Place(1, 10, 20, 3)}


@pytest.mark.parametrize("page", [0, -1, 2, 4])
async def test_a_place_is_on_a_page_that_is_shown_and_not_on_a_broken_one(database, cast, design, page):
    await document(database, cast, (5, 0, 5))
    with pytest.raises(Invalid) as refused:
        await pin(database, cast, version=2, place=Place(1, 10, 20, page))
    assert refused.value.field == "page"


async def test_a_remark_stays_on_its_page_until_a_version_has_fewer(database, cast, design):
    await document(database, cast, (5, 5, 5))
    await pin(database, cast, version=2, place=Place(1, 10, 20, 3))
    for pages in ((7, 7, 7, 7), (5, 5), (5, 5, 5)):
        await document(database, cast, pages)
    assert [(await seen(database, cast, version=version))[1] for version in (2, 3, 4, 5)] == [
        Place(1, 10, 20, 3), Place(1, 10, 20, 3), None, None
    ]  # fmt: skip


async def test_a_link_without_a_snapshot_has_no_place(database, cast, design):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await commands.add_version(db, scope, 1, links=[rules.Link("https://proto.example/")])
        with pytest.raises(Invalid):
            await pins.pin(db, scope, 1, 2, HERE, "x")


@pytest.mark.parametrize("text", ["", "  \n", "x" * 4001, "a\0b"])
async def test_a_remark_says_something_and_not_too_much(database, cast, design, text):
    with pytest.raises(Invalid):
        await pin(database, cast, text=text)


async def test_replies_come_in_their_order_with_names(database, cast, design):
    await pin(database, cast)
    for who, text in (("wei", "How large?"), ("eve", "Twice.")):
        await act(database, cast, who, pins.reply, 1, text)
    async with database.read() as db:
        line = (await queries.pins(db, await cast.scope(db, "ada"), 1))[0]
    assert (line.name, [(one.name, one.reply.text) for one in line.replies]) == (
        "Ada", [("Wei", "How large?"), ("Eve", "Twice.")]
    )  # fmt: skip


@pytest.mark.parametrize("show", ["role", "hidden"])
async def test_staff_are_named_to_the_client_as_the_project_says(database, cast, design, show):
    await pin(database, cast, "wei")
    await act(database, cast, "dan", pins.reply, 1, "Indeed.")
    await act(database, cast, "eve", pins.reply, 1, "Yes.")
    async with database.write() as db:
        await plan.change_project(db, await cast.scope(db, "wei"), {"show_staff": show})
    async with database.read() as db:
        for who, names in (("ada", (None, [None, "Eve"])), ("root", ("Wei", ["Dan", "Eve"]))):
            line = (await queries.pins(db, await cast.scope(db, who), 1))[0]
            assert (line.name, [one.name for one in line.replies]) == names


async def test_an_open_remark_is_carried_and_a_resolved_one_is_not(database, cast, design):
    await pin(database, cast)
    await pin(database, cast, "eve")
    await act(database, cast, "wei", pins.resolve, 2)
    await next_version(database, cast)
    assert await seen(database, cast) == {1: HERE, 2: HERE}
    assert await seen(database, cast, version=2) == {1: HERE}


async def test_what_was_reopened_is_shown_again(database, cast, design):
    await pin(database, cast)
    await act(database, cast, "wei", pins.resolve, 1)
    await next_version(database, cast)
    await act(database, cast, "eve", pins.reopen, 1)
    assert await seen(database, cast, version=2) == {1: HERE}
    kinds = [event.kind for event in await told(database, cast)]
    assert kinds == ["design.pinned", "design.pin_resolved", "design.pin_reopened"]


async def test_resolving_twice_is_resolving_once(database, cast, design):
    await pin(database, cast)
    for command in (pins.resolve, pins.resolve, pins.reopen, pins.reopen):
        await act(database, cast, "ada", command, 1)
    assert len(await told(database, cast)) == 3


async def test_a_remark_whose_picture_is_gone_keeps_its_number_and_has_no_place(database, cast, design):
    await pin(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        other = await draw(db, scope, "other.png")
        await commands.add_version(db, scope, 1, files=[other.number, 1])
        await commands.publish(db, scope, 1, 2)
        await commands.add_version(db, scope, 1, files=[other.number])
        await commands.publish(db, scope, 1, 3)
    assert await seen(database, cast, version=2) == {1: Place(2, HERE.x, HERE.y)}
    assert await seen(database, cast, version=3) == {1: None}


async def test_what_was_pinned_to_a_draft_stays_among_staff_when_it_is_published(database, cast, design):
    await next_version(database, cast, shown=False)
    await pin(database, cast, "dan", version=2, text="Quicksilver")
    await act(database, cast, "wei", pins.reply, 1, "Quicksilver too")
    await publish(database, cast, 1, 2)
    await act(database, cast, "wei", pins.resolve, 1)
    await act(database, cast, "wei", pins.reopen, 1)
    assert await seen(database, cast, "dan", 2) == {1: HERE}
    assert await seen(database, cast, "ada", 2) == {}
    assert await told(database, cast) == []
    for command, given in ((pins.reply, (1, "x")), (pins.resolve, (1,)), (pins.reopen, (1,))):
        with pytest.raises(NotFound):
            await act(database, cast, "ada", command, *given)


async def test_a_remark_decides_nothing_and_is_not_undone_by_a_decision(database, cast, design, keys):
    question = await ask(database, cast)
    await pin(database, cast)
    assert question.state is DecisionState.ASKED
    await answer(database, cast, keys, question)
    assert await seen(database, cast) == {1: HERE}


async def test_mallory_reaches_no_pin_through_her_own_project(database, cast, design):
    await pin(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "mallory", "HARBOUR")
        assert await queries.pins(db, scope, 1) == []
        with pytest.raises(NotFound):
            await pins.reply(db, scope, 1, 1, "x")
        with pytest.raises(NotFound):
            await cast.scope(db, "mallory")


async def test_there_is_an_end_to_remarks_and_replies(database, cast, design, monkeypatch):
    monkeypatch.setattr(rules, "MOST_PINS", 1)
    monkeypatch.setattr(rules, "MOST_REPLIES", 1)
    await pin(database, cast)
    await act(database, cast, "ada", pins.reply, 1, "x")
    for call in (pin(database, cast), act(database, cast, "ada", pins.reply, 1, "x")):
        with pytest.raises(Conflict):
            await call


async def test_of_remarks_at_once_each_has_a_number_of_its_own(database, cast, design):
    made = await asyncio.gather(*(pin(database, cast, who) for who in ("ada", "eve", "finn", "wei")))
    assert sorted(one.number for one in made) == [1, 2, 3, 4]


def test_a_page_can_read_all_that_may_be_said() -> None:
    assert rules.MOST_PINS + rules.MOST_REPLIES <= queries.MOST_ROWS
    assert rules.MOST_VERSIONS * rules.MOST_PARTS <= queries.MOST_ROWS
