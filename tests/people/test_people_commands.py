"""Companies, members' roles and shutting people out: who may, and what stays as it was when they may not."""

from uuid import uuid4

import pytest
from sqlalchemy import select

from portal.access import Role
from portal.db import Database
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.export import as_client
from portal.ledger import Audience
from portal.ledger.models import Event
from portal.people import commands, queries
from portal.people.rules import clean_email, clean_name, clean_roles, locale_for
from portal.projects import commands as projects
from tests.support.cast import Cast, enter


@pytest.fixture
async def cast(database: Database) -> Cast:
    """Everybody."""
    return await enter(database)


async def test_a_manager_makes_and_renames_a_company(database: Database, cast: Cast) -> None:
    async with database.write() as db:
        company = await commands.create_company(db, cast.viewer("wei"), "  New   Client ", external_ref="crm-7")
        assert (company.name, company.external_ref) == ("New Client", "crm-7")
        await commands.rename_company(db, cast.viewer("wei"), company.id, "Newer Client")
    async with database.read() as db:
        names = [one.name for one in await queries.companies(db, cast.viewer("dan"))]
        assert names == ["Acme", "Newer Client", "Other & Co"]


async def test_a_companys_name_is_taken_once(database: Database, cast: Cast) -> None:
    async with database.write() as db:
        with pytest.raises(Conflict) as refused:
            await commands.create_company(db, cast.viewer("wei"), "Acme")
        assert (refused.value.field, refused.value.value) == ("name", "Acme")
        with pytest.raises(Conflict):
            await commands.rename_company(db, cast.viewer("wei"), cast.companies["Other & Co"], "Acme")
        assert (await commands.rename_company(db, cast.viewer("wei"), cast.companies["Acme"], "Acme")).name == "Acme"


@pytest.mark.parametrize("who", ["ada", "dan", "maria", "nemo"])
async def test_nobody_else_makes_companies(who: str, database: Database, cast: Cast) -> None:
    async with database.write() as db:
        with pytest.raises(NotAllowed):
            await commands.create_company(db, cast.viewer(who), "Mine")
    async with database.read() as db:
        assert len(await queries.companies(db, cast.viewer("wei"))) == 2


@pytest.mark.parametrize("who", ["ada", "mallory", "nemo"])
async def test_clients_list_neither_companies_nor_persons(who: str, database: Database, cast: Cast) -> None:
    async with database.read() as db:
        for reading in (
            queries.companies(db, cast.viewer(who)),
            queries.company(db, cast.viewer(who), cast.companies["Acme"]),
            queries.persons(db, cast.viewer(who)),
            queries.person(db, cast.viewer(who), cast.people["ada"]),
        ):
            with pytest.raises(NotAllowed):
                await reading


async def test_roles_change_at_once_and_the_ledger_says_so_to_the_client(database: Database, cast: Cast) -> None:
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await commands.change_roles(db, scope, cast.people["eve"], ["billing"])
        await commands.change_roles(db, scope, cast.people["eve"], ["billing", "viewer"])
    async with database.read() as db:
        assert (await cast.scope(db, "eve")).roles == {Role.VIEWER, Role.BILLING}
        events = await db.execute(
            select(Event.kind, Event.audience)
            .where(Event.project_id == scope.project_id, Event.subject_kind == "member")
        )  # fmt: skip
        assert [tuple(row) for row in events] == [("member.roles_changed", Audience.CLIENT)]


async def test_a_removed_member_is_an_outsider(database: Database, cast: Cast) -> None:
    async with database.write() as db:
        await commands.remove_member(db, await cast.scope(db, "wei"), cast.people["eve"])
    async with database.read() as db:
        with pytest.raises(NotFound, match="There is no such project"):
            await cast.scope(db, "eve")


async def test_a_member_can_be_sent_away_from_an_archived_project_which_they_could_read_for_ever(
    database: Database, cast: Cast
) -> None:
    async with database.write() as db:
        await projects.change_project(db, await cast.scope(db, "wei"), {"status": "archived"})
        for nobody in ("ada", "dan", "maria"):
            with pytest.raises(NotAllowed):
                await commands.remove_member(db, await cast.scope(db, nobody), cast.people["eve"])
        await commands.remove_member(db, await cast.scope(db, "wei"), cast.people["eve"])
        with pytest.raises(Conflict):
            await commands.change_roles(db, await cast.scope(db, "wei"), cast.people["ada"], ["billing"])
    async with database.read() as db:
        with pytest.raises(NotFound, match="There is no such project"):
            await cast.scope(db, "eve")


async def test_who_looks_as_the_client_sends_nobody_away(database: Database, cast: Cast) -> None:
    async with database.write() as db:
        scope = as_client(await cast.scope(db, "wei"), frozenset({Role.APPROVER}))
        with pytest.raises(NotAllowed):
            await commands.remove_member(db, scope, cast.people["eve"])


async def test_members_of_other_projects_are_not_found_here(database: Database, cast: Cast) -> None:
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        for person_id in (cast.people["mallory"], uuid4()):
            with pytest.raises(NotFound, match="There is no such member in this project"):
                await commands.remove_member(db, scope, person_id)
            with pytest.raises(NotFound):
                await commands.change_roles(db, scope, person_id, ["viewer"])
    async with database.read() as db:
        assert (await cast.scope(db, "mallory", "HARBOUR")).roles >= {Role.APPROVER}


@pytest.mark.parametrize("who", ["ada", "dan", "maria"])
async def test_only_managers_change_members(who: str, database: Database, cast: Cast) -> None:
    async with database.write() as db:
        scope = await cast.scope(db, who)
        with pytest.raises(NotAllowed):
            await commands.remove_member(db, scope, cast.people["eve"])
        with pytest.raises(NotAllowed):
            await commands.change_roles(db, scope, cast.people["ada"], ["billing"])
    async with database.read() as db:
        assert (await cast.scope(db, "eve")).roles == {Role.VIEWER}


async def test_only_administrators_shut_people_out_and_not_themselves(database: Database, cast: Cast) -> None:
    async with database.write() as db:
        with pytest.raises(NotAllowed):
            await commands.disable(db, cast.viewer("wei"), cast.people["eve"])
        with pytest.raises(Conflict):
            await commands.disable(db, cast.viewer("root"), cast.people["root"])
        assert (await commands.disable(db, cast.viewer("root"), cast.people["eve"])).disabled_at is not None
        assert (await commands.enable(db, cast.viewer("root"), cast.people["eve"])).disabled_at is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [("Ada@Client.Example", "ada@client.example"), (" a.b+c@x-y.example ", "a.b+c@x-y.example")],
)
def test_addresses_are_kept_in_one_form(given: str, kept: str) -> None:
    assert clean_email(given) == kept


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 201, "nul\x00"])
def test_names_are_printable_and_short(name: str) -> None:
    with pytest.raises(Invalid):
        clean_name(name)


def test_every_role_includes_looking() -> None:
    assert clean_roles(["billing"]) == {Role.BILLING, Role.VIEWER}


@pytest.mark.parametrize(
    ("tag", "locale"),
    [
        ("zh-CN", "zh_CN"),
        ("zh-Hant-TW", "zh_CN"),
        ("ru_RU", "ru"),
        ("RU", "ru"),
        ("de", "en"),
        (None, "en"),
        ("", "en"),
    ],
)
def test_a_providers_language_becomes_one_of_ours(tag: str | None, locale: str) -> None:
    assert locale_for(tag) == locale
