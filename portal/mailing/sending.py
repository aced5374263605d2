"""The last question before a mail leaves: may this person still have it, do they still wish it, does it still hold?"""

import asyncio
import io
import logging
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock, wall
from portal.access import Scope, Viewer
from portal.billing import reminders
from portal.db import Database
from portal.decisions import queries
from portal.errors import NotFound, PortalError
from portal.files import queries as files
from portal.files.pages import Page, pages_of
from portal.files.store import Store
from portal.ledger.models import Audience
from portal.mailing import digests, endpoints, kinds, parts, payments, readers, rounds, telling
from portal.notify import preferences, refused
from portal.notify.outbox import Due, NotNow, Picture, Prepare
from portal.notify.rules import Wishes
from portal.people import queries as people

MOST_PREVIEW = 32 * 1024 * 1024
PICTURE_WIDTH, PICTURE_HEIGHT = 1068, 1400
"""Points: twice the width at which mails show it, and so much of a long page that it can be recognised."""

_log = logging.getLogger(__name__)


def preparer(database: Database, store: Store) -> Prepare:
    """Asks about each mail when it is about to leave: of one to a mere address, whether its invitation still stands."""

    async def prepare(due: Due) -> Due | None:
        async with database.read() as db:
            if due.person_id is None:
                return due if await _still_invites(db, due) else None
            ready = await _still_wanted(db, due)
            pictured = await _pictured(db, ready) if ready else None
        if ready is None or pictured is None:
            return ready
        return replace(ready, picture=await _picture(store, *pictured))

    return prepare


async def _still_invites(db: AsyncSession, due: Due) -> bool:
    """What else goes to an address, or was put into the outbox by an older release, leaves as it is."""
    invitation = due.context.get("invitation")
    return invitation is None or await people.is_open(db, UUID(invitation))


async def _still_wanted(db: AsyncSession, due: Due) -> Due | None:
    assert due.person_id is not None  # the caller looked
    viewer = await readers.person(db, due.person_id)
    if viewer is None or await refused.is_left_alone(db, viewer.email):
        return None
    chosen = await preferences.of_person(db, due.person_id)
    if due.topic is not None and not preferences.wishes_of(chosen, "UTC").wants(due.topic):
        return None
    checks = {"digest": _digest_holds, payments.TEMPLATE: _reminder_holds, rounds.TEMPLATE: _round_holds,
              endpoints.TEMPLATE: endpoints.holds}  # fmt: skip
    check = checks.get(due.template, _letter_holds)
    context = await check(db, viewer, due.context)
    if not context:
        return None
    if chosen is not None and chosen.quiet_from is not None:
        _check_loud(preferences.wishes_of(chosen, chosen.time_zone or await _zone(db, viewer, context)))
    return replace(due, recipient=viewer.email, locale=viewer.locale, context=context)


def _check_loud(wishes: Wishes) -> None:
    """A mail that could not leave when it was meant to does not leave in the quiet hours instead. Raises NotNow."""
    now = clock.now()
    if (until := wishes.first_loud(now)) > now:
        raise NotNow(until)


async def _zone(db: AsyncSession, viewer: Viewer, context: dict[str, Any]) -> str:
    """By whose clock a reader has quiet hours who chose no zone: the mail's project's, else that of their first."""
    if "key" in context:
        return (await readers.scope_of(db, viewer, context["key"], of_tests=True)).project.time_zone
    assert viewer.person_id is not None  # readers are people
    await wall.leave(db)
    return await digests.zone_of(db, viewer.person_id)


async def _letter_holds(db: AsyncSession, viewer: Viewer, context: dict[str, Any]) -> dict[str, Any] | None:
    """The context while the reader may see the event, and can still do what they are asked for; else None."""
    try:
        scope = await readers.scope_of(db, viewer, context["key"])
        if Audience(context["audience"]) not in scope.audiences or scope.is_staff != context["is_staff"]:
            return None
        if context["number"] is None or f"decision.{context['kind']}" not in kinds.FOR_CLIENT:
            return context
        decision = await queries.decision(db, scope, context["number"])
    except NotFound:
        return None
    if not await telling.can_answer(db, scope, decision):
        return None
    return context | {"is_due": context["due_on"] == scope.today.isoformat()}


async def _reminder_holds(db: AsyncSession, viewer: Viewer, context: dict[str, Any]) -> dict[str, Any] | None:
    """The same context while the invoice is still to be paid, and its reader may see it."""
    try:
        scope = await readers.scope_of(db, viewer, context["key"])
    except NotFound:
        return None
    holds = not scope.is_staff and await reminders.still_holds(db, scope, context["invoice"])
    return context if holds else None


async def _round_holds(db: AsyncSession, viewer: Viewer, context: dict[str, Any]) -> dict[str, Any] | None:
    """The context while its reader tests in the round and has cases left there."""
    try:
        scope = await readers.scope_of(db, viewer, context["key"], of_tests=True)
    except NotFound:
        return None
    return await rounds.holds(db, scope, context)


async def _digest_holds(db: AsyncSession, viewer: Viewer, context: dict[str, Any]) -> dict[str, Any] | None:
    """What a digest says by now: without what its reader may not see any more, or has done since."""
    assert viewer.person_id is not None  # readers are people
    wishes = preferences.wishes_of(await preferences.of_person(db, viewer.person_id), "UTC")
    kept = [shown for one in context["projects"] if (shown := await parts.anew(db, viewer, wishes, one))]
    return {"projects": kept, "waiting": parts.waiting_in(kept)} if kept else None


async def _pictured(db: AsyncSession, due: Due) -> tuple[Scope, Page] | None:
    """The first page of the first file that a letter's decision is about and its reader may see, with their scope."""
    if due.template != telling.TEMPLATE or due.context["number"] is None:
        return None
    viewer = await readers.person(db, due.person_id) if due.person_id else None
    if viewer is None:
        return None
    scope = await readers.scope_of(db, viewer, due.context["key"])
    numbers = numbers_of(queries.content_of(await queries.decision(db, scope, due.context["number"])))
    found = await files.files_by_numbers(db, scope, numbers)
    previews = [pages_of(found[number]) for number in numbers if number in found]
    return next(((scope, pages[0]) for pages in previews if pages), None)


def numbers_of(content: dict[str, Any]) -> list[int]:
    """The numbers of the files that a decision's content names: its own, then the snapshots of what it links to."""
    links = [one.get("snapshot") for one in content.get("links") or () if isinstance(one, dict)]
    named = [one for one in (*(content.get("files") or ()), *links) if isinstance(one, dict)]
    return [one["number"] for one in named if isinstance(one.get("number"), int)]


async def _picture(store: Store, scope: Scope, page: Page) -> Picture | None:
    """The preview as every mail program can show it; without it the mail leaves without a picture."""
    try:
        content = await store.read(scope.project_id, page.preview, MOST_PREVIEW, page.end)
        return await asyncio.to_thread(drawn, content)
    except (PortalError, OSError, ValueError) as error:
        _log.warning("A mail leaves without its picture.", extra={"error": type(error).__name__})
        return None


def drawn(content: bytes) -> Picture:
    """One of our own previews as a JPEG: not every mail program knows WebP."""
    from PIL import Image

    with Image.open(io.BytesIO(content), formats=("WEBP",)) as opened:
        picture = opened.convert("RGBA")
    wide = min(PICTURE_WIDTH, picture.width)
    high = max(1, round(picture.height * wide / picture.width))
    picture = picture.resize((wide, high)).crop((0, 0, wide, min(high, PICTURE_HEIGHT)))
    ground = Image.new("RGB", picture.size, "#ffffff")
    ground.paste(picture, mask=picture.getchannel("A"))
    written = io.BytesIO()
    ground.save(written, "JPEG", quality=80, optimize=True)
    return Picture(written.getvalue(), "jpeg", "preview.jpg")
