"""The command line `portal`. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 broken evidence (`verify`)."""

import typer

from portal.cli.check import add_to as add_check
from portal.cli.demo import add_to as add_demo
from portal.cli.evidence import add_to as add_evidence
from portal.cli.frame import guarded
from portal.cli.imports import add_to as add_imports
from portal.cli.mail import add_to as add_mail
from portal.cli.members import add_to as add_members
from portal.cli.projects import add_to as add_projects
from portal.cli.running import add_to as add_running
from portal.cli.verifying import add_to as add_verifying

app = typer.Typer(
    name="portal",
    help=__doc__,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for add in (
    add_running,
    add_imports,
    add_evidence,
    add_verifying,
    add_members,
    add_mail,
    add_projects,
    add_check,
    add_demo,
):
    add(app)


def main() -> None:
    """The entry point of the installed command."""
    guarded(app)()
