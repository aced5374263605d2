"""One hub a process for everybody who listens for changes: it wakes a stream when its project's ledger has moved.

Somebody else (moves.py) says that something was written at all; one statement for all projects that have listeners
then says which of them moved. While nothing is written no statement runs, however many listen. The hub knows nothing
of who may see what: a stream that was woken asks for itself.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from sqlalchemy import Table, bindparam, select

from portal.db import Database
from portal.ledger.models import ProjectLedger
from portal.notify import moves

MOST_FOR_A_SESSION = 10
"""Streams that one sign-in may have open in a process: a browser has one for each tab in front."""
SETTLE_SECONDS = 0.2
"""Pause between two looks: a burst of changes wakes each stream once."""
RETRY_SECONDS = 5.0

LEDGER = cast(Table, ProjectLedger.__table__)
_VERSIONS = (
    select(LEDGER.c.id, LEDGER.c.version)
    .where(LEDGER.c.id.in_(bindparam("projects", expanding=True)))
    .execution_options(cross_project="one look for all projects that somebody listens to")
)
_log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Ear:
    """One open stream."""

    project_id: UUID
    session_id: UUID
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, seconds: float) -> None:
        """Waits until the stream has a reason to look again, or so long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.moved.wait(), seconds)
        self.moved.clear()


class Live:
    """The hub. It works while somebody listens and rests when the last one has gone; `stopping` ends all streams."""

    def __init__(self, database: Callable[[], Database], stopping: asyncio.Event) -> None:
        self.stopping = stopping
        self._database = database
        self._ears: dict[UUID, set[Ear]] = {}
        self._sessions: Counter[UUID] = Counter()
        self._versions: dict[UUID, int] = {}
        self._due = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        """How many streams are open in this process."""
        return self._sessions.total()

    def has_room(self, session_id: UUID) -> bool:
        """Whether this sign-in may open one more stream."""
        return self._sessions[session_id] < MOST_FOR_A_SESSION

    @contextmanager
    def listening(self, project_id: UUID, session_id: UUID, version: int) -> Iterator[Ear]:
        """A stream's place among the listeners; `version` is the whole ledger's as the stream last read it."""
        ear = Ear(project_id, session_id)
        self._ears.setdefault(project_id, set()).add(ear)
        self._sessions[session_id] += 1
        # The lower of two: what moved between a stream's reading and its coming here is found by the next look.
        self._versions[project_id] = min(version, self._versions.get(project_id, version))
        self._look_soon()
        try:
            yield ear
        finally:
            self._leave(ear)

    def wake_session(self, session_id: UUID) -> None:
        """Makes the streams of a sign-in ask again whether they may listen: it has just ended, or changed."""
        for ears in self._ears.values():
            for ear in ears:
                if ear.session_id == session_id:
                    ear.moved.set()

    def _leave(self, ear: Ear) -> None:
        self._sessions -= Counter({ear.session_id: 1})
        ears = self._ears[ear.project_id]
        ears.discard(ear)
        if not ears:
            del self._ears[ear.project_id], self._versions[ear.project_id]
        if not self._ears and self._work:
            self._work.cancel()
            self._work = None

    def _look_soon(self) -> None:
        self._due.set()
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = (group.create_task(moves.watch(self._database(), self._heard)), group.create_task(self._look()))
            await self.stopping.wait()
            for task in tasks:
                task.cancel()
        self._wake(self._ears)

    def _heard(self, project_id: UUID | None) -> None:
        """Something was written: in this project, or nobody knows where (None)."""
        if project_id is None or project_id in self._ears:
            self._due.set()

    async def _look(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                await self._find_moved()
            except Exception as error:  # a database that is away for a while ends no stream
                _log.warning("live updates cannot look", extra={"error": type(error).__name__})
                self._due.set()
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(SETTLE_SECONDS)

    async def _find_moved(self) -> None:
        async with self._database().read() as db:
            rows = (await db.execute(_VERSIONS, {"projects": list(self._ears)})).all()
        known = self._versions
        moved = {row.id: row.version for row in rows if row.id in known and row.version != known[row.id]}
        known.update(moved)
        self._wake(moved)

    def _wake(self, projects: "dict[UUID, int] | dict[UUID, set[Ear]]") -> None:
        for project_id in projects:
            for ear in self._ears.get(project_id, ()):
                ear.moved.set()
