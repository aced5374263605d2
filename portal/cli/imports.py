"""`portal import`, and the process that the API starts for an upload: `portal import-job`."""

from pathlib import Path
from typing import Annotated
from uuid import UUID
from zoneinfo import available_timezones

import typer

from portal import logs
from portal.cli.frame import FAILED, As, Key, command, load, opened, say, viewer_for
from portal.cli.progress import progress
from portal.connectors import commands, jobs, mapping, sources
from portal.connectors.mapping import Mapping
from portal.connectors.model import SourceProject, System
from portal.connectors.report import Report
from portal.errors import Invalid
from portal.projects import queries as projects


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    command(app, "import")(import_file)
    command(app, "import-job", hidden=True)(import_job)


async def import_file(
    system: Annotated[System, typer.Argument(help="Where the file comes from.")],
    file: Annotated[Path, typer.Argument(help="The export: JSON or CSV.")],
    project: Key,
    dry_run: Annotated[bool, typer.Option(help="Say what would be done and how the file is understood.")] = False,
    mapping_file: Annotated[
        Path | None, typer.Option("--mapping", help="How statuses, types and fields are to be understood (TOML, JSON).")
    ] = None,
    zone: Annotated[str | None, typer.Option(help="For times without a zone; the project's, if not given.")] = None,
    as_: As = None,
) -> None:
    """Import a project's backlog with its history; again, only what is new. All of it or nothing."""
    chosen = load()
    wanted = mapping_of(mapping_file, zone)
    async with opened(chosen) as database:
        async with database.read() as db:
            viewer = await viewer_for(db, as_)
            scope = await projects.scope_for(db, viewer, project)
        source = sources.read_file(system, file, wanted, scope.zone, limit=chosen.import_max_bytes)
        if dry_run:
            _say_guesses(source, wanted)
        async with database.write() as db:
            scope = await projects.scope_for(db, viewer, project)
            if dry_run:
                report = await commands.preview(db, scope, source, wanted)
            else:
                with progress("steps of the import") as shown:
                    report = await commands.write(db, scope, source, wanted, shown.reach)
    _say_report(report, dry_run=dry_run)


async def import_job(job_id: Annotated[UUID, typer.Argument(help="The import that waits to be run.")]) -> None:
    """Run an import that was uploaded through the API; exit code 1 when it failed."""
    chosen = load()
    logs.configure(chosen)
    async with opened(chosen) as database:
        job = await jobs.run(database, job_id, limit=chosen.import_max_bytes)
    say(f"{job.state}{f': {job.error}' if job.error else ''}")
    if job.state != "done":
        raise typer.Exit(FAILED)


def mapping_of(path: Path | None, zone: str | None) -> Mapping:
    """The mapping file, with the zone that was named beside it. Raises Invalid."""
    found = mapping.load(path.read_bytes()) if path else Mapping()
    if zone is None:
        return found
    if found.time_zone not in (None, zone):
        raise Invalid(f"The mapping file says {found.time_zone}.", field="--zone", value=zone)
    if zone not in available_timezones():
        raise Invalid("An IANA time zone is needed, such as Europe/Berlin.", field="--zone", value=zone)
    return found.model_copy(update={"time_zone": zone})


def _say_guesses(source: SourceProject, wanted: Mapping) -> None:
    for guess in sources.guesses(source, wanted):
        say(guess.line())
    say()


def _say_report(report: Report, *, dry_run: bool) -> None:
    for line in report.lines():
        say(line)
    if dry_run:
        say("Nothing was written: this was a dry run.")
