"""`portal company add`, `portal project add`: so that an administrator can begin from nothing."""

from typing import Annotated, Any

import typer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import wall
from portal.access import Viewer
from portal.cli.frame import As, command, load, opened, say, viewer_for
from portal.people import commands as people
from portal.people.models import Company
from portal.projects import commands as plan
from portal.projects import queries

company_app = typer.Typer(help="Client companies.", no_args_is_help=True)
project_app = typer.Typer(help="Projects.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    command(company_app, "add")(add_company)
    command(project_app, "add")(add_project)
    command(project_app, "list")(list_projects)
    app.add_typer(company_app, name="company")
    app.add_typer(project_app, name="project")


async def add_company(
    name: Annotated[str, typer.Argument(help="The client's name.")],
    as_: As = None,
) -> None:
    """Add a client company."""
    async with opened(load()) as database, database.write() as db:
        company = await people.create_company(db, await viewer_for(db, as_), name)
    say(f"{company.name} is a client now.")


async def add_project(
    key: Annotated[str, typer.Argument(help="2 to 16 capital letters and digits, such as BRIDGE.")],
    name: Annotated[str, typer.Option(help="What people call it.")],
    client: Annotated[str, typer.Option(help="The client company; added if it is new.")],
    zone: Annotated[str, typer.Option(help="The time zone of its days.")] = "UTC",
    currency: Annotated[str, typer.Option(help="An ISO 4217 code.")] = "EUR",
    unit: Annotated[str, typer.Option(help="What burndowns count: points, hours or count.")] = "points",
    language: Annotated[list[str] | None, typer.Option(help="en, zh_CN or ru; several times for several.")] = None,
    holidays: Annotated[str | None, typer.Option(help="Public holidays: a country such as DE, or DE-BY.")] = None,
    as_: As = None,
) -> None:
    """Open a project for a client."""
    chosen = load()
    async with opened(chosen) as database, database.write() as db:
        viewer = await viewer_for(db, as_)
        company = await client_named(db, viewer, client)
        fields: dict[str, Any] = {
            "time_zone": zone,
            "currency": currency,
            "unit": unit,
            "languages": language or ["en"],
        }
        await plan.open_project(
            db, viewer, key=key, company_id=company.id, name=name, holidays=holidays, **fields
        )  # fmt: skip
    say(f"{key} is open: {chosen.base_url}/projects/{key}")


async def client_named(db: AsyncSession, viewer: Viewer, name: str) -> Company:
    """The client company of this name, added if there is none. Raises as `create_company` does."""
    found = await db.scalar(select(Company).where(Company.name == name.strip()))
    return found or await people.create_company(db, viewer, name)


async def list_projects(as_: As = None) -> None:
    """All projects: key, client, name, and whether it is active or archived."""
    async with opened(load()) as database, database.read() as db:
        viewer = await viewer_for(db, as_)
        for key in await every_key(db, viewer):
            await wall.leave(db)
            scope = await queries.scope_for(db, viewer, key)
            say(f"{key}\t{scope.project.company_name}\t{scope.project.name}\t{scope.project.status}")


async def every_key(db: AsyncSession, viewer: Viewer) -> list[str]:
    """The keys of all projects that somebody may open, archived ones too."""
    found: list[str] = []
    while page := await queries.mine(db, viewer, archived=True, after=found[-1] if found else "", limit=500):
        found += [line.facts.key for line in page]
    return found
