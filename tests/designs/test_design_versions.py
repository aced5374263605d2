"""Designs and versions: drafts stay inside, what was published is asked about, and approvals stand where they were."""

import asyncio
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import update

from portal import clock
from portal.access import Role
from portal.access.models import Membership
from portal.decisions import commands as decisions
from portal.decisions import queries as asked
from portal.decisions.commands import Answer
from portal.decisions.models import DecisionKind, DecisionState, Verdict
from portal.designs import commands, decided, queries
from portal.designs.rules import Asking, Link
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.files.queries import files_by_numbers
from portal.ledger import queries as ledger
from portal.ledger.models import Audience
from tests.support.decisions import answer, grant
from tests.support.designs import ask, draw, publish, version_of

PROTOTYPE = "https://proto.example/checkout"


async def of_design(database, cast, name="wei", number=1):
    async with database.read() as db:
        return await asked.of_subject(db, await cast.scope(db, name), DecisionKind.DESIGN, number)


async def drafted(database, cast, number=1, **more):
    async with database.write() as db:
        return await version_of(db, await cast.scope(db, "wei"), number, **more)


async def events(database, cast, name="wei"):
    async with database.read() as db:
        scope = await cast.scope(db, name)
        return await ledger.since(db, scope.project_id, scope.audiences, 0)


async def test_designs_and_versions_are_numbered_from_one(database, cast):
    async with database.write() as db:
        scope = await cast.scope(db, "dan")
        first, second = [await commands.add_design(db, scope, title=title) for title in ("Home", "Cart")]
        made = [await version_of(db, scope, second.number) for _ in range(2)]
    assert (first.number, second.number, [one.version for one in made]) == (1, 2, [1, 2])
    assert second.last_version == 2


async def test_every_row_says_by_which_event_it_changed_last(database, cast, design):
    told = {event.seq: event.kind for event in await events(database, cast)}
    async with database.read() as db:
        found = await queries.with_versions(db, await cast.scope(db, "wei"), 1)
    assert told[found.design.seq] == told[found.versions[0].version.seq] == "design.published"
    assert told[found.versions[0].parts[0].file.seq] == "file.opened"


async def test_a_draft_is_nothing_to_the_client(database, cast):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await commands.add_design(db, scope, title="Secret")
        await version_of(db, scope, 1)
    async with database.read() as db:
        for name in ("ada", "eve", "finn"):
            scope = await cast.scope(db, name)
            assert await queries.designs(db, scope) == []
            for read in (queries.design(db, scope, 1), queries.with_versions(db, scope, 1),
                         queries.version(db, scope, 1, 1)):  # fmt: skip
                with pytest.raises(NotFound):
                    await read
            assert await files_by_numbers(db, scope, [1]) == {}
    assert not [event for event in await events(database, cast, "ada") if event.subject_kind in ("design", "file")]


async def test_publishing_opens_the_design_the_version_and_its_files_and_no_other(database, cast):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await commands.add_design(db, scope, title="Checkout")
        await version_of(db, scope, 1, ("a.png", "b.png"))
        await draw(db, scope, "other.png")
        await version_of(db, scope, 1, ("c.png",))
    await publish(database, cast, 1, 1)
    async with database.read() as db:
        scope = await cast.scope(db, "eve")
        found = await queries.with_versions(db, scope, 1)
        assert [one.version.version for one in found.versions] == [1]
        assert [one.file.name for one in found.versions[0].parts] == ["a.png", "b.png"]
        assert set(await files_by_numbers(db, scope, range(1, 9))) == {1, 2}
    kinds = [event.kind for event in await events(database, cast, "eve") if event.subject_kind in ("design", "file")]
    assert kinds == ["file.opened", "file.opened", "design.published"]


async def test_publishing_twice_is_publishing_once(database, cast, design):
    before = len(await events(database, cast))
    assert await publish(database, cast, 1, 1) is None
    assert len(await events(database, cast)) == before


async def test_a_version_older_than_what_the_client_sees_is_not_published(database, cast, design):
    await drafted(database, cast)
    await drafted(database, cast)
    await publish(database, cast, 1, 3)
    with pytest.raises(Conflict):
        await publish(database, cast, 1, 2)


@pytest.mark.parametrize("who", ["ada", "eve", "finn"])
async def test_no_client_writes_a_design(database, cast, design, who):
    async with database.write() as db:
        scope = await cast.scope(db, who)
        for write in (
            commands.add_design(db, scope, title="Mine"),
            commands.change_design(db, scope, 1, {"title": "Mine"}),
            commands.add_version(db, scope, 1, files=[1]),
            commands.publish(db, scope, 1, 1),
            commands.ask(db, scope, 1, Asking()),
        ):
            with pytest.raises(NotAllowed):
                await write


@pytest.mark.parametrize(
    ("files", "links", "field"),
    [
        ([], [], "files"),
        ([1, 1], [], "files"),
        ([1], [Link(PROTOTYPE, 1)], "files"),
        ([99], [], "files[0]"),
        ([1], [Link(PROTOTYPE), Link(PROTOTYPE)], "links"),
        ([1], [Link("http://proto.example/")], "links[0].url"),
        ([1], [Link("https://")], "links[0].url"),
        ([1], [Link("https://user:word@proto.example/")], "links[0].url"),
        ([1], [Link("javascript:alert(1)")], "links[0].url"),
        ([1], [Link("https://proto.example/a b")], "links[0].url"),
        ([1], [Link("https://[proto/")], "links[0].url"),
        ([1], [Link(PROTOTYPE, 98)], "links[0].snapshot"),
        (list(range(1, 22)), [], "files"),
    ],
)
async def test_a_version_is_made_of_pictures_and_prototypes_each_once(database, cast, design, files, links, field):
    async with database.write() as db:
        with pytest.raises(Invalid) as refused:
            await commands.add_version(db, await cast.scope(db, "wei"), 1, files=files, links=links)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "wrong", [{"audience": Audience.BILLING}, {"media_type": "application/zip"}, {"preview": None, "width": None}]
)
async def test_a_design_shows_nothing_that_cannot_be_looked_at_or_shows_money(database, cast, design, wrong):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        file = await draw(db, scope, "wrong", **wrong)
        with pytest.raises(Invalid) as refused:
            await commands.add_version(db, scope, 1, files=[file.number])
    assert (refused.value.field, refused.value.value) == ("files[0]", file.number)


async def test_a_file_of_another_project_is_no_file_here(database, cast, design):
    async with database.write() as db:
        foreign = [await draw(db, await cast.scope(db, "wei", "HARBOUR")) for _ in range(2)][-1]
        with pytest.raises(Invalid):
            await commands.add_version(db, await cast.scope(db, "wei"), 1, files=[foreign.number])


async def test_what_is_asked_is_bound_to_words_and_digests(database, cast):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await commands.add_design(db, scope, title="Checkout", description="*How* to pay.")
        picture, snapshot = await draw(db, scope, "a.png"), await draw(db, scope, "snapshot.png")
        await commands.add_version(
            db, scope, 1, note="First.", files=[picture.number], links=[Link(PROTOTYPE, snapshot.number)]
        )
        await commands.publish(db, scope, 1, 1)
        decision = await commands.ask(db, scope, 1, Asking(holds_up="The build."))
    assert (decision.title, decision.subject_version, decision.holds_up) == ("Checkout", 1, "The build.")
    assert asked.content_of(decision) == {
        "title": "Checkout", "description": "*How* to pay.", "version": 1, "note": "First.",
        "files": [{"number": 1, "name": "a.png", "sha256": picture.sha256.hex(), "size": picture.size,
                   "media_type": "image/png"}],
        "links": [{"url": PROTOTYPE, "snapshot": {"number": 2, "name": "snapshot.png", "size": snapshot.size,
                                                  "sha256": snapshot.sha256.hex(), "media_type": "image/png"}}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sizes", "told"),
    [((5, 5, 5), {"pages": 3, "shown": 3}), ((5, 0, 5), {"pages": 3, "shown": 3, "broken": [2]}),
     ((5, 5), {"pages": 3, "shown": 2})],
)  # fmt: skip
async def test_what_is_asked_says_how_many_pages_were_shown(database, cast, sizes, told):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await commands.add_design(db, scope, title="Checkout")
        pages = [[800, 600, size] for size in sizes]
        file = await draw(db, scope, "a.pdf", media_type="application/pdf", page_count=3, pages=pages)
        await commands.add_version(db, scope, 1, files=[file.number])
        await commands.publish(db, scope, 1, 1)
        decision = await commands.ask(db, scope, 1, Asking())
    named = {"number", "name", "sha256", "size", "media_type"}
    assert {name: value for name, value in asked.content_of(decision)["files"][0].items() if name not in named} == told


async def test_a_draft_is_not_asked_about(database, cast):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await commands.add_design(db, scope, title="Checkout")
        await version_of(db, scope, 1)
        with pytest.raises(Conflict):
            await commands.ask(db, scope, 1, Asking())


async def test_a_link_without_its_snapshot_is_shown_but_not_asked_about(database, cast, design):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await commands.add_version(db, scope, 1, files=[1], links=[Link(PROTOTYPE)])
        await commands.publish(db, scope, 1, 2)
        with pytest.raises(Invalid) as refused:
            await commands.ask(db, scope, 1, Asking())
    assert (refused.value.field, refused.value.value) == ("links", PROTOTYPE)


async def test_an_approval_stands_on_its_version_and_the_next_one_asks_anew(database, cast, design, keys):
    first = await ask(database, cast, due_on=None, holds_up="The build.")
    await answer(database, cast, keys, first)
    await drafted(database, cast)
    assert [one.number for one in await of_design(database, cast)] == [1]
    second = await publish(database, cast, 1, 2)
    assert second is not None
    new, old = await of_design(database, cast, "ada")
    assert (old.state, old.outcome, old.subject_version) == (DecisionState.DECIDED, Verdict.APPROVED, 1)
    assert (new.state, new.subject_version, new.holds_up) == (DecisionState.ASKED, 2, "The build.")
    assert new.digest != old.digest


async def test_a_new_version_supersedes_the_open_question_and_asks_the_same_people(database, cast, design):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
        due_on = (await cast.scope(db, "wei")).today + timedelta(days=3)
    people = (cast.people["ada"], cast.people["eve"])
    await ask(database, cast, people=people, needed=1, due_on=due_on)
    await drafted(database, cast)
    assert (await of_design(database, cast))[0].state is DecisionState.ASKED
    await publish(database, cast, 1, 2)
    new, old = await of_design(database, cast)
    assert (old.state, new.state, new.needed, new.is_named, new.due_on) == ("superseded", "asked", 1, True, due_on)
    async with database.read() as db:
        named, _ = await asked.people_and_answers(db, await cast.scope(db, "wei"), new.number)
    assert named == set(people)


async def test_a_due_day_that_has_passed_is_not_asked_for_again(database, cast, design):
    async with database.read() as db:
        today = (await cast.scope(db, "wei")).today
    await ask(database, cast, due_on=today)
    await drafted(database, cast)
    with time_machine.travel(clock.now() + timedelta(days=2)):
        again = await publish(database, cast, 1, 2)
    assert again is not None
    assert again.due_on is None


async def test_publishing_can_say_who_is_asked_now(database, cast, design):
    await ask(database, cast)
    await drafted(database, cast)
    again = await publish(database, cast, 1, 2, Asking(people=(cast.people["ada"],), holds_up="The launch."))
    assert again is not None
    assert (again.is_named, again.holds_up) == (True, "The launch.")


async def test_who_cannot_answer_any_more_is_not_asked_in_silence_and_nothing_is_published(database, cast, design):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    await ask(database, cast, people=(cast.people["ada"], cast.people["eve"]))
    await drafted(database, cast)
    async with database.write() as db:
        mine = (Membership.project_id == design.project_id, Membership.person_id == cast.people["eve"])
        await db.execute(update(Membership).where(*mine).values(approver=False))
    with pytest.raises(Invalid) as refused:
        await publish(database, cast, 1, 2)
    assert refused.value.value == str(cast.people["eve"])
    async with database.read() as db:
        assert (await queries.design(db, await cast.scope(db, "ada"), 1)).shown_version == 1


async def test_a_question_that_the_team_took_back_is_not_asked_anew(database, cast, design):
    await ask(database, cast)
    async with database.write() as db:
        await decisions.withdraw(db, await cast.scope(db, "wei"), 1, "Too early.")
    await drafted(database, cast)
    assert await publish(database, cast, 1, 2) is None
    assert [one.number for one in await of_design(database, cast)] == [1]


async def test_a_design_that_was_never_asked_about_is_published_without_a_question(database, cast, design):
    await drafted(database, cast)
    assert await publish(database, cast, 1, 2) is None
    assert await of_design(database, cast) == []


async def test_what_was_approved_is_not_asked_about_again(database, cast, design, keys):
    await answer(database, cast, keys, await ask(database, cast))
    with pytest.raises(Conflict):
        await ask(database, cast)


async def test_wanted_changes_can_be_answered_by_asking_again(database, cast, design, keys):
    first = await ask(database, cast)
    await answer(database, cast, keys, first, verdict=Verdict.CHANGES_WANTED, comment="Larger.")
    assert (await ask(database, cast)).number == 2


async def test_what_is_being_decided_keeps_its_words(database, cast, design, keys):
    question = await ask(database, cast)
    async with database.write() as db:
        with pytest.raises(Conflict):
            await commands.change_design(db, await cast.scope(db, "wei"), 1, {"title": "Something else"})
    await answer(database, cast, keys, question)
    async with database.write() as db:
        await commands.change_design(db, await cast.scope(db, "wei"), 1, {"title": "Something else"})
    decided = (await of_design(database, cast))[0]
    assert asked.content_of(decided)["title"] == "Checkout"


async def test_a_change_is_told_to_those_who_know_the_design(database, cast, design):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await commands.add_design(db, scope, title="Secret")
        for number in (1, 2):
            await commands.change_design(db, scope, number, {"title": f"Renamed {number}"})
    seen = [event.subject_number for event in await events(database, cast, "ada") if event.kind == "design.changed"]
    assert seen == [1]


@pytest.mark.parametrize("wrong", [{"title": ""}, {"title": "a\nb"}, {"description": "x" * 20_001}, {"number": 7}])
async def test_a_wrong_field_of_a_design_is_named(database, cast, design, wrong):
    async with database.write() as db:
        with pytest.raises(Invalid) as refused:
            await commands.change_design(db, await cast.scope(db, "wei"), 1, wrong)
    assert refused.value.field in wrong


async def test_of_two_projects_each_sees_its_own_designs(database, cast, design):
    async with database.read() as db:
        for name, key, found in (("mallory", "HARBOUR", 0), ("ada", "BRIDGE", 1), ("wei", "HARBOUR", 0)):
            assert len(await queries.designs(db, await cast.scope(db, name, key))) == found


async def test_who_answers_what_was_overtaken_decides_nothing(database, cast, design, keys):
    old = await ask(database, cast)
    await drafted(database, cast)
    await publish(database, cast, 1, 2)
    with pytest.raises(decisions.Closed):
        await answer(database, cast, keys, old)
    async with database.read() as db:
        with pytest.raises(Conflict):
            await decided.before(db, await cast.scope(db, "ada"), old, Answer(Verdict.APPROVED, old.digest.hex()))
    assert [one.state for one in await of_design(database, cast)] == ["asked", "superseded"]


async def test_an_approval_and_a_new_version_at_once_have_one_outcome(database, cast, design, keys):
    old = await ask(database, cast)
    await drafted(database, cast)
    answered, _ = await asyncio.gather(
        answer(database, cast, keys, old), publish(database, cast, 1, 2), return_exceptions=True
    )
    new, before = await of_design(database, cast)
    assert (new.state, new.subject_version) == ("asked", 2)
    assert before.state == ("superseded" if isinstance(answered, decisions.Closed) else "decided")
