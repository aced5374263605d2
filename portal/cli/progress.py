"""Progress of what takes more than two seconds: a bar for a terminal, a line now and then for a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import typer

from portal.cli.frame import is_terminal

PATIENCE_SECONDS = 2.0
LINE_EVERY_SECONDS = 10.0

Advance = Callable[[int], None]


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Advance]:
    """A function that is told how many further steps were done; shows nothing within the first two seconds."""
    with ExitStack() as stack:
        yield _Bar(what, total, stack).advance if is_terminal() else _Lines(what, total).advance


class _Bar:
    """A rich bar on standard error, which appears once it is worth it."""

    def __init__(self, what: str, total: int | None, stack: ExitStack) -> None:
        self._what, self._total, self._stack = what, total, stack
        self._started = time.monotonic()
        self._done = 0
        self._bar: Any = None

    def advance(self, steps: int) -> None:
        """So many further steps were done."""
        self._done += steps
        if self._bar is None and time.monotonic() - self._started > PATIENCE_SECONDS:
            self._show()
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done)

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = self._stack.enter_context(Progress(*columns, console=Console(stderr=True), transient=True))
        self._task = self._bar.add_task(self._what, total=self._total)


class _Lines:
    """A plain line on standard error every ten seconds."""

    def __init__(self, what: str, total: int | None) -> None:
        self._what, self._of = what, f" of {total}" if total is not None else ""
        self._next = time.monotonic() + PATIENCE_SECONDS
        self._done = 0

    def advance(self, steps: int) -> None:
        """So many further steps were done."""
        self._done += steps
        if time.monotonic() > self._next:
            self._next = time.monotonic() + LINE_EVERY_SECONDS
            typer.echo(f"{self._what}: {self._done}{self._of}", err=True)
