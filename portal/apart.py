"""Many things that one run does apart: what goes wrong with one keeps no other waiting, and the run says so at the end.

For what a job finds to do in all projects: one row that cannot be done would be met first by the next run too, and all
that stand behind it would never have their turn.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)


class SomeFailed(Exception):
    """Of what a run did, `failed` things failed, each told in the log; what the others came to is `done`."""

    def __init__(self, failed: int, done: int) -> None:
        super().__init__(f"{failed} failed, {done} done")
        self.failed = failed
        self.done = done


class Run:
    """One run over many things. Each is done inside `apart`, and what it came to is added to `done`."""

    def __init__(self) -> None:
        self.done = 0
        self.failed = 0

    @contextmanager
    def apart(self, **which: object) -> Iterator[None]:
        """Around one thing: whatever it raises is logged with `which` (ids, keys and numbers alone) and counted."""
        try:
            yield
        except Exception as error:
            self.failed += 1
            _log.error("One thing of a run failed; the others have their turn.", exc_info=error, extra=which)

    def end(self) -> int:
        """What all came to. Raises SomeFailed where anything failed."""
        if self.failed:
            raise SomeFailed(self.failed, self.done)
        return self.done
