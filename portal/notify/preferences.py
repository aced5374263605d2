"""What people chose to be told: read, chosen on their own page, and left by a link in a mail."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import time
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.notify import rules
from portal.notify.models import NotifyPreference
from portal.notify.rules import Asked, News, Topic, Wishes


def wishes_of(row: NotifyPreference | None, zone: str) -> Wishes:
    """A person's wishes; `zone` counts where they chose none."""
    if row is None:
        return rules.wishes(asked=None, news=None, quiet=(None, None), zone=zone)
    return rules.wishes(
        asked=row.asked, news=row.news, quiet=(row.quiet_from, row.quiet_until), zone=row.time_zone or zone
    )


async def of_person(db: AsyncSession, person_id: UUID) -> NotifyPreference | None:
    """What a person chose; None when nothing yet."""
    return await db.get(NotifyPreference, person_id)


async def known(db: AsyncSession, person_id: UUID) -> NotifyPreference:
    """The person's row, made with all defaults when there is none: their first digest comes at its next time."""
    found = await of_person(db, person_id)
    if found is not None:
        return found
    made = NotifyPreference(
        person_id=person_id, asked=None, news=None, quiet_from=None, quiet_until=None, time_zone=None,
        digested_at=clock.now(),
    )  # fmt: skip
    with suppress(IntegrityError):  # they came to be known at this very moment by another project, or chose
        async with db.begin_nested():
            db.add(made)
    return await db.get_one(NotifyPreference, person_id)


def clean(form: Mapping[str, str]) -> dict[str, Any]:
    """The choices of a form as they are kept. Raises Invalid for the first that cannot be."""
    begin, end = rules.clean_quiet(form.get("quiet_from", ""), form.get("quiet_until", ""))
    return {
        "asked": rules.clean_choice(Asked, form.get("asked", ""), "asked"),
        "news": rules.clean_choice(News, form.get("news", ""), "news"),
        "quiet_from": begin,
        "quiet_until": end,
        "time_zone": rules.clean_zone(form.get("time_zone", "")),
    }


async def choose(
    db: AsyncSession,
    person_id: UUID,
    *,
    asked: str,
    news: str,
    quiet_from: time | None,
    quiet_until: time | None,
    time_zone: str | None,
) -> NotifyPreference:
    """Keeps what a person chose, as `clean` gave it; mails that are not sent yet go by it too."""
    row = await known(db, person_id)
    row.asked, row.news, row.time_zone = asked, news, time_zone
    row.quiet_from, row.quiet_until = quiet_from, quiet_until
    await db.flush()
    return row


async def leave(db: AsyncSession, person_id: UUID, topic: Topic) -> None:
    """Takes a person off a list; again, or for somebody who is gone, it changes nothing."""
    row = await known(db, person_id)
    row.asked, row.news = wishes_of(row, "UTC").without(topic)
    await db.flush()
