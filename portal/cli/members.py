"""`portal invite`, `portal robots`: who may come in."""

from typing import Annotated

import typer

from portal.access import Role
from portal.cli.frame import As, Key, command, load, opened, say, viewer_for
from portal.identity import commands as identity
from portal.identity import queries
from portal.people import invitations
from portal.projects import queries as projects

robots_app = typer.Typer(help="Programs that may use the staff API.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    command(app)(invite)
    command(robots_app, "add")(add_robot)
    command(robots_app, "list")(list_robots)
    command(robots_app, "revoke")(revoke_robot)
    app.add_typer(robots_app, name="robots")


async def invite(
    email: Annotated[str, typer.Argument(help="The address that the person's provider vouches for.")],
    project: Key,
    roles: Annotated[
        str, typer.Option(help="viewer, approver, billing, tester, joined by commas.")
    ] = Role.VIEWER.value,
    provider: Annotated[str | None, typer.Option(help="The provider that must vouch; any, if not given.")] = None,
    locale: Annotated[str | None, typer.Option(help="The mail's language: en, zh_CN or ru.")] = None,
    as_: As = None,
) -> None:
    """Invite somebody of the client to a project: queues the mail and prints the link that is in it."""
    chosen = load()
    wanted = [role.strip() for role in roles.split(",") if role.strip()]
    async with opened(chosen) as database, database.write() as db:
        scope = await projects.scope_for(db, await viewer_for(db, as_), project)
        made = await invitations.invite(
            db, scope, chosen, email=email, roles=wanted, provider=provider, locale=locale
        )  # fmt: skip
    say(f"{made.email} is invited to {project} as {', '.join(made.roles)}, until {made.expires_at:%Y-%m-%d}.")
    say(f"{chosen.base_url}/sign-in?next=/projects/{project}")


async def add_robot(
    client_id: Annotated[str, typer.Argument(help="The client id in its access tokens.")],
    name: Annotated[str, typer.Option(help="What the ledger's readers call it.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="staff:read, staff:write, staff:admin; several times.")
    ] = None,
    as_: As = None,
) -> None:
    """Let a program use the staff API."""
    async with opened(load()) as database, database.write() as db:
        viewer = await viewer_for(db, as_)
        robot = await identity.register_robot(db, viewer, client_id, name, scope or ["staff:read"])
    say(f"{robot.client_id} may use the API: {' '.join(robot.scopes)}")


async def list_robots() -> None:
    """All robots: client id, name, scopes, and since when or until when."""
    chosen = load()
    async with opened(chosen) as database, database.read() as db:
        for robot in await queries.robots(db):
            state = f"revoked {robot.revoked_at:%Y-%m-%d}" if robot.revoked_at else f"since {robot.created_at:%Y-%m-%d}"
            say(f"{robot.client_id}\t{robot.name}\t{' '.join(robot.scopes)}\t{state}")
    for one in chosen.robots:
        say(f"{one.client_id}\t{one.name}\t{' '.join(one.scopes)}\tby the settings")


async def revoke_robot(client_id: str, as_: As = None) -> None:
    """End a robot's access with its next call."""
    async with opened(load()) as database, database.write() as db:
        await identity.revoke_robot(db, await viewer_for(db, as_), client_id)
    say(f"{client_id} may do nothing any more.")
