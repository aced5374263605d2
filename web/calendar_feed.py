"""A person's days as an iCalendar feed (RFC 5545), at an address that they can make, make anew and end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from portal.calendar_feed import commands, queries
from portal.calendar_feed.queries import Day, Entry
from portal.settings import Settings
from web.auth import settings_of
from web.catalogues import catalogue
from web.deps import SignedIn, UnitOfWork, database_of
from web.etag import matches
from web.locale_choice import DEFAULT, catalogue_for
from web.render import respond

if TYPE_CHECKING:
    from icalendar import Calendar, Event

LONGEST_TITLE = 300
AGAIN = timedelta(hours=1)
"""How often a calendar should ask; most do as they like."""
NOT_KEPT = {"Cache-Control": "no-store"}
KEPT = {"Cache-Control": "private, no-cache", "X-Robots-Tag": "noindex"}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class CalendarPage:
    """The context of auth/calendar.html: the address, as a link for browsers and one for calendar programs."""

    address: str
    webcal: str


@router.post("/me/calendar", name="make_calendar")
async def make_calendar(request: Request, arrival: SignedIn, db: UnitOfWork) -> Response:
    """Makes the person's calendar address and shows it, this once; one that they had ends."""
    token = await commands.make(db, arrival.viewer)
    address = f"{settings_of(request).base_url}/calendar/{token}.ics"
    page = CalendarPage(address, f"webcal:{address.partition(':')[2]}")
    response = respond(request, "auth/calendar.html", page, viewer=arrival.viewer)
    response.headers.update(NOT_KEPT)
    return response


@router.post("/me/calendar/end", name="end_calendar")
async def end_calendar(arrival: SignedIn, db: UnitOfWork) -> Response:
    """Ends the person's calendar address: whoever has it reads nothing any more."""
    await commands.end(db, arrival.viewer)
    return RedirectResponse("/me", 303, NOT_KEPT)


@router.get("/calendar/{token}.ics", name="calendar")
async def calendar(request: Request, token: str) -> Response:
    """The calendar of whose address this is. It knows no cookie: the address alone says whose it is."""
    async with database_of(request).read() as db:
        viewer = await queries.reader(db, token)
        found = await queries.entries(db, viewer)
    text = written(found, settings_of(request), catalogue_for(viewer.locale) or DEFAULT)
    etag = f'"{sha256(text).hexdigest()[:32]}"'
    if matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=KEPT | {"ETag": etag})
    headers = KEPT | {"ETag": etag, "Content-Disposition": 'inline; filename="portal.ics"'}
    return Response(text, media_type="text/calendar; charset=utf-8", headers=headers)


def written(entries: Sequence[Entry], settings: Settings, locale: str) -> bytes:
    """The calendar's text. The same days make the same text, byte for byte."""
    from icalendar import Calendar

    gettext = catalogue(locale).gettext
    made = Calendar()
    made.add("prodid", "-//portal//calendar//EN")
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    made.add("method", "PUBLISH")
    name = _plain(settings.agency_name)
    made.add("name", name)
    made.add("x-wr-calname", name)
    made.add("refresh-interval", AGAIN, parameters={"VALUE": "DURATION"})
    for entry in entries:
        made.add_component(_event(entry, settings, gettext))
    return _text(made)


def _text(made: "Calendar") -> bytes:
    return bytes(made.to_ical())


def _event(entry: Entry, settings: Settings, gettext: Callable[[str], str]) -> "Event":
    from icalendar import Event

    host = urlsplit(settings.base_url).netloc
    event = Event()
    event.add("uid", f"{entry.uid}@{host}")
    event.add("dtstamp", entry.at)
    event.add("last-modified", entry.at)
    event.add("sequence", entry.seq)
    event.add("dtstart", entry.day)
    if entry.day < date.max:  # "valid for ever" has no day after; without an end it lasts one day (RFC 5545, 3.6.1)
        event.add("dtend", entry.day + timedelta(days=1))
    event.add("summary", _summary(entry, gettext))
    event.add("description", _plain(entry.project))
    event.add("url", settings.base_url + entry.path)
    event.add("transp", "TRANSPARENT")  # a day to remember, not one on which somebody is busy
    event.add("class", "PRIVATE")
    return event


def _summary(entry: Entry, gettext: Callable[[str], str]) -> str:
    says = {
        Day.EXPECTED: gettext("Milestone: %(title)s"),
        Day.AGREED: gettext("Milestone as agreed: %(title)s"),
        Day.DONE: gettext("Milestone reached: %(title)s"),
        Day.DECISION: gettext("Please decide by today: %(title)s"),
    }[entry.kind]
    return f"{says % {'title': _plain(entry.title)}} ({_plain(entry.project)})"


def _plain(text: str) -> str:
    """One line without what a calendar program could stumble over; the library escapes the rest."""
    return "".join(sign if sign.isprintable() else " " for sign in text)[:LONGEST_TITLE].strip()
