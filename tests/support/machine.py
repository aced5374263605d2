"""What the state machines of hypothesis share: each example has a portal of its own, in one thread, on SQLite."""

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine, initialize

from portal.db import Database
from tests.support import databases
from tests.support.cast import Cast, enter
from tests.support.decisions import keys_in


class Machine(RuleBasedStateMachine):
    """Rules over a portal that begins with the cast, and with what `furnish` puts there."""

    database: Database
    cast: Cast

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.keys = keys_in(Path(self.folder.name))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Does it now, while the rule waits."""
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        """The first rule of every example."""
        self.run(self._begin(databases.sqlite_copy(Path(self.folder.name) / "portal.sqlite")))

    async def _begin(self, url: str) -> None:
        self.database = Database(url)
        self.cast = await enter(self.database)
        await self.furnish()

    async def furnish(self) -> None:
        """What the rules find there."""

    def teardown(self) -> None:
        """Ends what an example opened, also one that never began."""
        if hasattr(self, "database"):
            self.run(self.database.dispose())
        self.runner.close()
        self.folder.cleanup()
