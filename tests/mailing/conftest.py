"""A portal whose people are told things: the cast, of whom the agency's stand as staff, and what lies in the outbox."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from portal import clock
from portal.db import Database
from portal.decisions import commands as decisions
from portal.decisions.commands import Answer
from portal.decisions.models import Decision, Verdict
from portal.ledger.keys import SigningKeys
from portal.mailing import digests, telling
from portal.notify import preferences
from portal.notify.models import Mail
from portal.people import commands as people
from portal.settings import Settings
from tests.support.cast import STAFF, Cast
from tests.support.decisions import PORTAL, keys_in, proof_of
from tests.support.sign_in import settings_for

PLAIN = {"asked": "now", "news": "daily", "quiet_from": None, "quiet_until": None, "time_zone": None}


@dataclass(frozen=True)
class Post:
    """The mail room of a test."""

    database: Database
    cast: Cast
    settings: Settings

    async def tell(self) -> int:
        """Does what the background job does."""
        return await telling.tell_people(self.database, self.settings)

    async def digest(self) -> int:
        """Does what the other background job does."""
        return await digests.send_digests(self.database)

    async def mails(self) -> Sequence[Mail]:
        """All mails, in the order of their making."""
        async with self.database.read() as db:
            return (await db.scalars(select(Mail).order_by(Mail.created_at, Mail.recipient))).all()

    async def told(self) -> list[tuple[str, str]]:
        """Who was told what: name and kind of each mail, sorted."""
        found = await self.mails()
        return sorted((mail.recipient.partition("@")[0], str(mail.context.get("kind", "digest"))) for mail in found)

    async def wish(self, name: str, **wishes: Any) -> None:
        """What somebody chooses to be told."""
        async with self.database.write() as db:
            await preferences.choose(db, self.cast.people[name], **(PLAIN | wishes))

    async def answer(
        self, decision: Decision, keys: SigningKeys, name: str = "ada", verdict: Verdict = Verdict.APPROVED, **more: Any
    ) -> None:
        """What somebody of the client answers; no room follows it up."""
        given = Answer(verdict=verdict, digest=decision.digest.hex(), **more)
        async with self.database.write() as db:
            scope = await self.cast.scope(db, name)
            await decisions.answer(db, scope, keys, PORTAL, decision.number, given, proof_of(name))

    async def stand(self, name: str, until: timedelta = timedelta(days=14)) -> None:
        """Lets somebody of the agency count as staff while they are away."""
        async with self.database.write() as db:
            await people.note_standing(db, self.cast.people[name], frozenset({STAFF[name]}), clock.now() + until)


@pytest.fixture
def evening() -> Iterator[time_machine.Traveller]:
    """The clock stands on a Monday evening."""
    with time_machine.travel("2026-11-23T18:00:00Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings of a portal that takes replies."""
    return settings_for(
        tmp_path, database_url, agency_name="Bright Harbour", mail_from="portal@agency.example",
        mail_reply_to="portal@reply.agency.example",
    )  # fmt: skip


@pytest.fixture
async def post(database: Database, cast: Cast, settings: Settings) -> Post:
    """The mail room; Wei, Maria, Dan and Root have signed in lately, and all that happened so far is told."""
    room = Post(database, cast, settings)
    for name in STAFF:
        await room.stand(name)
    await room.tell()
    return room


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    """The portal's signing keys."""
    return keys_in(tmp_path)
