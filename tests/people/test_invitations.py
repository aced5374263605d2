"""Who is let in: by an invitation to an address that a provider verified, once, and by (issuer, sub) ever after."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access.models import Membership
from portal.db import Database
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.ledger import Audience
from portal.ledger import commands as ledger
from portal.ledger.models import Event
from portal.notify.models import Mail
from portal.people import commands, invitations, queries, recognition
from portal.people.models import Identity, Invitation, Person
from portal.people.recognition import AddressTaken, Arriving, NotInvited
from portal.projects import commands as projects
from portal.settings import Settings
from tests.support.cast import Cast, enter
from tests.support.hostile_provider import HostileProvider
from tests.support.sign_in import settings_for

ADDRESS = "new@client.example"
NEW = Arriving("https://login.example", "sub-new", "main", ADDRESS, "Nele Neu", "ru-RU", is_staff=False)


@pytest.fixture
async def cast(database: Database) -> Cast:
    """Everybody."""
    return await enter(database)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with two providers."""
    return settings_for(tmp_path, "", HostileProvider(), HostileProvider(issuer="https://other.example"))


async def invite(
    database: Database, cast: Cast, settings: Settings, key: str = "BRIDGE", who: str = "wei", **more: Any
) -> Invitation:
    """Invites the new address, as a viewer unless said otherwise."""
    async with database.write() as db:
        scope = await cast.scope(db, who, key)
        wanted = {"email": ADDRESS, "roles": ["viewer"]} | more
        return await invitations.invite(db, scope, settings, **wanted)


async def arrive(database: Database, arriving: Arriving = NEW) -> Person:
    """Somebody signs in."""
    async with database.write() as db:
        return await recognition.recognise(db, arriving)


async def memberships(database: Database, person: Person) -> list[tuple[Any, bool, bool]]:
    """The company and rights of each of a person's memberships."""
    async with database.read() as db:
        rows = await db.scalars(
            select(Membership)
            .where(Membership.person_id == person.id)
            .order_by(Membership.company_id)
            .execution_options(cross_project="a test looks at one person's memberships")
        )
        return [(row.company_id, row.approver, row.billing) for row in rows]


async def kinds(db: AsyncSession, cast: Cast, key: str = "BRIDGE") -> Sequence[tuple[str, Audience, str]]:
    """The project's events about people: kind, audience, actor."""
    scope = await cast.scope(db, "wei", key)
    statement = (
        select(Event.kind, Event.audience, Event.actor)
        .where(Event.project_id == scope.project_id, Event.subject_kind.in_(["member", "invitation"]))
        .order_by(Event.seq)
    )
    return [tuple(row) for row in (await db.execute(statement)).all()]


async def test_the_invited_become_members_with_their_roles_and_the_ledger_says_so(
    database: Database, cast: Cast, settings: Settings
) -> None:
    await invite(database, cast, settings, roles=["approver", "billing"])
    person = await arrive(database)
    assert (person.name, person.email, person.locale) == ("Nele Neu", ADDRESS, "ru")
    assert await memberships(database, person) == [(cast.companies["Acme"], True, True)]
    async with database.read() as db:
        assert await kinds(db, cast) == [
            ("invitation.sent", Audience.INTERNAL, cast.viewer("wei").actor),
            ("member.joined", Audience.CLIENT, f"person:{person.id}"),
        ]


async def test_no_address_enters_the_ledger(database: Database, cast: Cast, settings: Settings) -> None:
    await invite(database, cast, settings)
    await arrive(database)
    async with database.read() as db:
        scope = await cast.scope(db, "wei")
        said = "".join(await db.scalars(select(Event.body).where(Event.project_id == scope.project_id)))
    assert '"invitation":' in said
    assert "@" not in said


async def test_the_mail_leaves_with_the_invitation_or_not_at_all(
    database: Database, cast: Cast, settings: Settings
) -> None:
    await invite(database, cast, settings)
    async with database.write() as db:
        await invitations.invite(db, await cast.scope(db, "wei"), settings, email="x@y.example", roles=["viewer"])
        await db.rollback()
    async with database.read() as db:
        assert (await db.scalars(select(Mail.recipient))).all() == [ADDRESS]


@pytest.mark.parametrize(("setting", "by"), [("name", "Wei"), ("role", "Portal"), ("hidden", "Portal")])
async def test_the_mail_names_who_invites_as_far_as_the_project_names_the_agencys_people(
    database: Database, cast: Cast, settings: Settings, setting: str, by: str
) -> None:
    async with database.write() as db:
        await projects.change_project(db, await cast.scope(db, "wei"), {"show_staff": setting})
    invitation = await invite(database, cast, settings)
    with time_machine.travel(clock.now() + timedelta(minutes=2)):
        async with database.write() as db:
            await invitations.resend(db, await cast.scope(db, "wei"), settings, invitation.id)
    async with database.read() as db:
        assert [context["invited_by"] for context in await db.scalars(select(Mail.context))] == [by, by]


async def test_afterwards_the_account_counts_and_never_the_address(
    database: Database, cast: Cast, settings: Settings
) -> None:
    await invite(database, cast, settings)
    person = await arrive(database)
    moved = await arrive(database, replace(NEW, email="elsewhere@client.example", name="Nele Alt"))
    assert (moved.id, moved.email, moved.name) == (person.id, "elsewhere@client.example", "Nele Alt")
    unverified = await arrive(database, replace(NEW, email=None))
    assert (unverified.id, unverified.email) == (person.id, "elsewhere@client.example")
    with pytest.raises(NotInvited):
        await arrive(database, replace(NEW, sub="sub-other"))


@pytest.mark.parametrize(
    "change",
    [
        {"sub": "SUB-NEW"}, {"sub": "sub-new "}, {"issuer": "https://login.example/"},
        {"issuer": "https://LOGIN.example"}, {"sub": "sub-neẇ"},
    ],
    ids=["case of sub", "space", "slash", "case of issuer", "accent"],
)  # fmt: skip
async def test_accounts_are_compared_byte_for_byte(
    change: dict[str, str], database: Database, cast: Cast, settings: Settings
) -> None:
    await invite(database, cast, settings)
    await arrive(database)
    with pytest.raises(NotInvited):
        await arrive(database, replace(NEW, **change))


async def test_nobody_gets_an_account_uninvited(database: Database, cast: Cast, settings: Settings) -> None:
    await invite(database, cast, settings)
    for stranger in (replace(NEW, email="other@client.example"), replace(NEW, email=None)):
        with pytest.raises(NotInvited):
            await arrive(database, stranger)
    async with database.read() as db:
        assert await db.scalar(select(Identity).where(Identity.sub == "sub-new")) is None
        assert await db.scalar(select(Person).where(Person.name == "Nele Neu")) is None


async def test_an_address_of_somebody_who_has_an_account_binds_no_second_one(
    database: Database, cast: Cast, settings: Settings
) -> None:
    """Otherwise whichever provider verifies an address carelessly could take the account over."""
    await invite(database, cast, settings)
    first = await arrive(database)
    await invite(database, cast, settings, "HARBOUR")
    with pytest.raises(AddressTaken):
        await arrive(database, replace(NEW, issuer="https://other.example", provider="second"))
    assert (await arrive(database)).id == first.id
    assert len(await memberships(database, first)) == 2


async def test_an_invitation_may_name_the_provider_that_must_vouch(
    database: Database, cast: Cast, settings: Settings
) -> None:
    await invite(database, cast, settings, provider="second")
    with pytest.raises(NotInvited):
        await arrive(database)
    person = await arrive(database, replace(NEW, issuer="https://other.example", provider="second"))
    assert await memberships(database, person) == [(cast.companies["Acme"], False, False)]


async def test_a_person_in_two_companies_lands_in_the_inviting_one_of_each_project(
    database: Database, cast: Cast, settings: Settings
) -> None:
    await invite(database, cast, settings)
    await invite(database, cast, settings, "HARBOUR", roles=["approver"])
    person = await arrive(database)
    assert set(await memberships(database, person)) == {
        (cast.companies["Acme"], False, False),
        (cast.companies["Other & Co"], True, False),
    }


async def test_an_expired_invitation_lets_nobody_in_and_gives_way_to_a_new_one(
    database: Database, cast: Cast, settings: Settings
) -> None:
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        await invite(database, cast, settings)
        traveller.shift(timedelta(days=settings.invitation_days))
        with pytest.raises(NotInvited):
            await arrive(database)
        await invite(database, cast, settings)
        assert await arrive(database)


async def test_a_revoked_invitation_lets_nobody_in(database: Database, cast: Cast, settings: Settings) -> None:
    invitation = await invite(database, cast, settings)
    async with database.write() as db:
        await invitations.revoke(db, await cast.scope(db, "wei"), invitation.id)
    with pytest.raises(NotInvited):
        await arrive(database)
    async with database.write() as db:
        with pytest.raises(Conflict, match="revoked already"):
            await invitations.revoke(db, await cast.scope(db, "wei"), invitation.id)


async def test_an_invitation_to_an_archived_project_can_be_taken_back(
    database: Database, cast: Cast, settings: Settings
) -> None:
    invitation = await invite(database, cast, settings)
    async with database.write() as db:
        await projects.change_project(db, await cast.scope(db, "wei"), {"status": "archived"})
        with pytest.raises(Conflict):
            await invitations.resend(db, await cast.scope(db, "wei"), settings, invitation.id)
        await invitations.revoke(db, await cast.scope(db, "wei"), invitation.id)
    with pytest.raises(NotInvited):
        await arrive(database)


async def test_who_signs_in_while_their_invitation_is_taken_back_waits_and_is_not_let_in(
    database: Database, cast: Cast, settings: Settings
) -> None:
    invitation = await invite(database, cast, settings)
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await ledger.lock(db, scope.project_id)
        arriving = asyncio.create_task(arrive(database))
        await asyncio.sleep(0.5)
        await invitations.revoke(db, scope, invitation.id)
    with pytest.raises(NotInvited):
        await arriving


async def test_an_invitation_is_accepted_once(database: Database, cast: Cast, settings: Settings) -> None:
    invitation = await invite(database, cast, settings)
    person = await arrive(database)
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        with pytest.raises(Conflict, match="accepted already"):
            await invitations.revoke(db, scope, invitation.id)
        await commands.remove_member(db, scope, person.id)
    await arrive(database)
    assert await memberships(database, person) == []


async def test_the_same_account_in_two_tabs_at_once_is_one_person(
    database: Database, cast: Cast, settings: Settings
) -> None:
    await invite(database, cast, settings)
    people = await asyncio.gather(*(arrive(database) for _ in range(4)), return_exceptions=True)
    ids = {person.id for person in people if isinstance(person, Person)}
    assert (len(ids), [one for one in people if not isinstance(one, Person)]) == (1, [])
    async with database.read() as db:
        assert [kind for kind, *_ in await kinds(db, cast)].count("member.joined") == 1


async def test_inviting_an_address_twice_is_refused_and_sending_again_is_not(
    database: Database, cast: Cast, settings: Settings
) -> None:
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        invitation = await invite(database, cast, settings)
        with pytest.raises(Conflict, match="invited already"):
            await invite(database, cast, settings, email=" New@Client.EXAMPLE ")
        async with database.write() as db:
            with pytest.raises(Conflict, match="last minute"):
                await invitations.resend(db, await cast.scope(db, "wei"), settings, invitation.id)
        traveller.shift(timedelta(days=10))
        async with database.write() as db:
            again = await invitations.resend(db, await cast.scope(db, "wei"), settings, invitation.id)
        assert again.expires_at == clock.now() + timedelta(days=settings.invitation_days)
        async with database.read() as db:
            assert len((await db.scalars(select(Mail.id))).all()) == 2


async def test_a_member_is_not_invited_again(database: Database, cast: Cast, settings: Settings) -> None:
    with pytest.raises(Conflict, match="a member"):
        await invite(database, cast, settings, email="ada@example.com")


@pytest.mark.parametrize("who", ["ada", "eve", "dan", "maria"])
async def test_only_managers_invite(who: str, database: Database, cast: Cast, settings: Settings) -> None:
    with pytest.raises(NotAllowed):
        await invite(database, cast, settings, who=who)
    async with database.read() as db:
        assert await kinds(db, cast) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no address"), ("email", "a@b"), ("email", "a@b.example\nBcc: c@d.example"),
        ("email", "a@@b.example"),
        ("email", "ада@client.example"), ("email", "a@\u212aelvin.example"), ("email", "\uff41@client.example"),
        ("email", "a" * 65 + "@client.example"), ("email", ""), ("roles", []), ("roles", ["owner"]),
        ("provider", "nowhere"), ("locale", "de"),
    ],
)  # fmt: skip
async def test_wrong_input_is_named(field: str, value: Any, database: Database, cast: Cast, settings: Settings) -> None:
    with pytest.raises(Invalid) as refused:
        await invite(database, cast, settings, **{field: value})
    assert refused.value.field == field


async def test_another_projects_invitation_answers_like_one_that_never_was(
    database: Database, cast: Cast, settings: Settings
) -> None:
    invitation = await invite(database, cast, settings, "HARBOUR")
    async with database.write() as db:
        scope = await cast.scope(db, "wei", "BRIDGE")
        with pytest.raises(NotFound, match="There is no such invitation in this project"):
            await invitations.revoke(db, scope, invitation.id)


async def test_staff_come_in_by_their_group_and_need_no_invitation(database: Database, cast: Cast) -> None:
    person = await arrive(database, replace(NEW, is_staff=True))
    assert await memberships(database, person) == []
    again = await arrive(database, replace(NEW, is_staff=False))
    assert again.id == person.id


async def test_a_released_account_comes_back_by_its_verified_address(
    database: Database, cast: Cast, settings: Settings
) -> None:
    await invite(database, cast, settings)
    person = await arrive(database)
    async with database.write() as db:
        await commands.release(db, cast.viewer("root"), person.id)
    renewed = replace(NEW, sub="sub-new-2")
    with pytest.raises(NotInvited):
        await arrive(database, renewed)
    await invite(database, cast, settings, "HARBOUR")
    assert (await arrive(database, renewed)).id == person.id


async def test_members_see_each_others_names_and_staff_their_addresses(
    database: Database, cast: Cast, settings: Settings
) -> None:
    async with database.read() as db:
        seen = await queries.members(db, await cast.scope(db, "eve"))
        assert [(one.name, one.email) for one in seen] == [("Ada", None), ("Eve", None), ("Finn", None)]
        known = await queries.members(db, await cast.scope(db, "wei"))
        assert [one.email for one in known] == ["ada@example.com", "eve@example.com", "finn@example.com"]
        with pytest.raises(NotAllowed):
            await queries.invitations(db, await cast.scope(db, "ada"))
