"""`portal demo`, `portal demo token`: everything on this machine alone, with two real public projects."""

import os
from pathlib import Path
from typing import Annotated

import typer

from portal.cli.frame import command, guarded, say
from portal.settings import PREFIX, Settings

demo_app = typer.Typer(invoke_without_command=True, help="Run the demo, with people to sign in as.")


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    demo_app.callback()(guarded(demo))
    command(demo_app)(token)
    app.add_typer(demo_app, name="demo")


def folder() -> Path:
    """Where the demo keeps its data: under the data directory, the one setting that it obeys."""
    given = os.environ.get(f"{PREFIX}DATA_DIR")
    return (Path(given) if given else Path(Settings.model_fields["data_dir"].default)) / "demo"


def demo(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="The portal's port.", min=1, max=65535)] = 8000,
    provider_port: Annotated[int, typer.Option(help="The sign-in provider's port.", min=1, max=65535)] = 8001,
) -> None:
    """Run the portal with its own sign-in provider and two real projects, on this machine only."""
    if context.invoked_subcommand is None:
        from portal.demo import start

        start.run(folder(), port=port, provider_port=provider_port, say=say)


async def token(
    who: Annotated[str, typer.Argument(help="demo-robot, or a person's short name such as mei.")] = "demo-robot",
    scope: Annotated[str | None, typer.Option(help="Such as staff:read; all of them, if not given.")] = None,
) -> None:
    """Print a token for the API of the demo that is running."""
    from portal.demo import start

    say(await start.token(folder(), who, scope))
