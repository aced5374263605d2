"""The command line `portal`. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 broken evidence (`verify`)."""

import typer

from portal.cli import check, demo, evidence, imports, members, projects, running
from portal.cli.frame import guarded

app = typer.Typer(
    name="portal",
    help=__doc__,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for group in (running, imports, evidence, members, projects, check, demo):
    group.add_to(app)


def main() -> None:
    """The entry point of the installed command."""
    guarded(app)()
