"""Whether the portal can do its work: asked by load balancers and by `portal check`."""

import asyncio
import logging
from dataclasses import dataclass

from sqlalchemy import select

from portal import migrate
from portal.db import Database

PATIENCE_SECONDS = 3.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Readiness:
    """What the portal stands on. `migrations` is None while the database does not answer."""

    database: bool
    migrations: bool | None

    @property
    def is_ready(self) -> bool:
        """Whether requests should be sent here."""
        return self.database and bool(self.migrations)


async def readiness(database: Database) -> Readiness:
    """Whether the database answers and is at this release's tables. Never raises; takes three seconds at most."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), database.read() as db:
            await db.scalar(select(1))
            return Readiness(database=True, migrations=await migrate.current(db) == migrate.head())
    except Exception as error:
        _log.warning("The database does not answer.", exc_info=error)
        return Readiness(database=False, migrations=None)
