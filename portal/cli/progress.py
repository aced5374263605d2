"""Progress of what takes more than two seconds: a bar for a terminal, a line now and then for a log."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import typer

from portal.cli.frame import is_terminal

PATIENCE_SECONDS = 2.0
LINE_EVERY_SECONDS = 10.0


class Shown(Protocol):
    """How far something came, for whoever does it to say."""

    def advance(self, steps: int) -> None:
        """So many further steps were done."""

    def reach(self, done: int, total: int) -> None:
        """So many steps of so many are done."""


@contextmanager
def progress(what: str) -> Iterator[Shown]:
    """What is to be told how far the block came; shows nothing within the first two seconds."""
    with ExitStack() as stack:
        yield _Bar(what, stack) if is_terminal() else _Lines(what)


class _Bar:
    """A rich bar on standard error, which appears once it is worth it."""

    def __init__(self, what: str, stack: ExitStack) -> None:
        self._what, self._stack = what, stack
        self._started = time.monotonic()
        self._done = 0
        self._bar: Any = None

    def advance(self, steps: int) -> None:
        """So many further steps were done."""
        self.reach(self._done + steps, None)

    def reach(self, done: int, total: int | None) -> None:
        """So many steps of so many are done."""
        self._done = done
        if self._bar is None and time.monotonic() - self._started > PATIENCE_SECONDS:
            self._show()
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total)

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = self._stack.enter_context(Progress(*columns, console=Console(stderr=True), transient=True))
        self._task = self._bar.add_task(self._what, total=None)


class _Lines:
    """A plain line on standard error every ten seconds."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._next = time.monotonic() + PATIENCE_SECONDS
        self._done = 0

    def advance(self, steps: int) -> None:
        """So many further steps were done."""
        self.reach(self._done + steps, None)

    def reach(self, done: int, total: int | None) -> None:
        """So many steps of so many are done."""
        self._done = done
        if time.monotonic() > self._next:
            self._next = time.monotonic() + LINE_EVERY_SECONDS
            typer.echo(f"{self._what}: {done}{'' if total is None else f' of {total}'}", err=True)
