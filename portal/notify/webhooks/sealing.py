"""The signing secrets at rest: sealed by a key made of the portal's own, so that a copy of the database signs nothing.

What was kept in the clear before is read as it is until the background has sealed it.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import or_, select, update

from portal.db import Database
from portal.notify.webhooks.models import WebhookEndpoint
from portal.notify.webhooks.rules import SECRET
from portal.sealing import Cipher
from portal.settings import Settings

SEALED = "sealed:"
UNREADABLE = "its secret cannot be read, as PORTAL_SECRET_KEY has changed: give it a new one (POST …/rotation)"
_PURPOSE = b"portal webhook secrets"


class Seal:
    """Closes and opens secrets; each only for the endpoint that it was closed for."""

    def __init__(self, settings: Settings) -> None:
        self._cipher = Cipher(settings, _PURPOSE)

    def close(self, endpoint_id: UUID, secret: str) -> str:
        """A secret as it is kept."""
        return SEALED + b64encode(self._cipher.close(secret.encode(), endpoint_id.bytes)).decode()

    def open(self, endpoint_id: UUID, kept: str) -> str | None:
        """The secret; None when it was closed with another key, or for another endpoint."""
        if kept.startswith(SECRET):
            return kept
        try:
            raw = b64decode(kept.removeprefix(SEALED), validate=True)
        except ValueError:
            return None
        secret = self._cipher.open(raw, endpoint_id.bytes)
        return secret.decode() if secret is not None else None

    def opened(self, endpoint_id: UUID, kept: Sequence[str]) -> list[str]:
        """Those of an endpoint's secrets that can be read."""
        return [secret for one in kept if (secret := self.open(endpoint_id, one)) is not None]


async def seal_all(database: Database, seal: Seal) -> int:
    """Seals what is still kept in the clear; returns of how many endpoints. One that is rotated meanwhile stays."""
    row = WebhookEndpoint
    clear = select(row.id, row.secret, row.old_secret).where(
        or_(row.secret.startswith(SECRET, autoescape=True), row.old_secret.startswith(SECRET, autoescape=True))
    )
    async with database.read() as db:
        found = (await db.execute(clear)).all()
    for endpoint_id, secret, old_secret in found:
        async with database.write() as db:
            for column, kept in ((row.secret, secret), (row.old_secret, old_secret)):
                if kept and kept.startswith(SECRET):
                    same = (row.id == endpoint_id, column == kept)
                    await db.execute(update(row).where(*same).values({column: seal.close(endpoint_id, kept)}))
    return len(found)
