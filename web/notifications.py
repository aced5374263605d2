"""What a person wishes to be told: their own page, and the two ways that lead in from a mail.

A link in a mail signs nobody in. The one that leaves a list is signed and needs no session (RFC 8058); the one that
leads to a page works once, for the person whom the mail was for, after they have signed in.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from portal.access import Viewer
from portal.errors import Invalid, NotFound
from portal.notify import links, preferences
from portal.notify.models import NotifyPreference
from portal.notify.rules import Topic
from portal.people import commands as people
from web.deps import ReadSession, SignedIn, UnitOfWork, database_of
from web.locale_choice import keep_choice
from web.render import respond

LONGEST = 100

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class NotificationsPage:
    """The context of notify/notifications.html. `fault` is what is wrong with what was sent."""

    viewer: Viewer
    chosen: dict[str, str]
    zones: tuple[str, ...]
    fault: Invalid | None


@dataclass(frozen=True, slots=True)
class LeavePage:
    """The context of notify/leave.html: which list, None for a link that is none, and whether it is left."""

    topic: Topic | None
    is_left: bool


@dataclass(frozen=True, slots=True)
class LinkPage:
    """The context of notify/link.html."""

    is_spent: bool


@lru_cache(1)
def zones() -> tuple[str, ...]:
    """The time zones that are offered: those named after places."""
    return tuple(
        sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/")))
    )


@router.get("/me/notifications", name="notifications")
async def notifications(request: Request, arrival: SignedIn, db: ReadSession) -> Response:
    """What the person is told, and when."""
    assert arrival.viewer.person_id is not None  # whoever has a session is a person
    chosen = _shown(arrival.viewer, await preferences.of_person(db, arrival.viewer.person_id))
    return _page(request, arrival.viewer, chosen)


def _page(request: Request, viewer: Viewer, chosen: dict[str, str], fault: Invalid | None = None) -> Response:
    page = NotificationsPage(viewer, chosen, zones(), fault)
    return respond(request, "notify/notifications.html", page, viewer=viewer, status=422 if fault else 200)


def _shown(viewer: Viewer, row: NotifyPreference | None) -> dict[str, str]:
    wishes = preferences.wishes_of(row, "UTC")
    begin, end = wishes.quiet or (None, None)
    return {
        "locale": viewer.locale,
        "asked": wishes.asked.value,
        "news": wishes.news.value,
        "quiet_from": begin.strftime("%H:%M") if begin else "",
        "quiet_until": end.strftime("%H:%M") if end else "",
        "time_zone": row.time_zone or "" if row else "",
    }


async def sent(
    locale: Text = "", asked: Text = "", news: Text = "", quiet_from: Text = "", quiet_until: Text = "",
    time_zone: Text = "",
) -> dict[str, str]:  # fmt: skip
    """What the form sends, read before a transaction begins: nobody waits for a sender who stops."""
    given = {"locale": locale, "asked": asked, "news": news, "quiet_from": quiet_from, "quiet_until": quiet_until,
             "time_zone": time_zone}  # fmt: skip
    return {name: value[:LONGEST] for name, value in given.items()}


@router.post("/me/notifications", name="choose_notifications")
async def choose(
    request: Request, arrival: SignedIn, form: Annotated[dict[str, str], Depends(sent)], db: UnitOfWork
) -> Response:
    """Keeps what the person chose; what is not sent yet goes by it too."""
    assert arrival.viewer.person_id is not None
    try:
        chosen = preferences.clean(form)
        await people.choose_language(db, arrival.viewer.person_id, form["locale"])
    except Invalid as fault:
        return _page(request, arrival.viewer, form, fault)
    await preferences.choose(db, arrival.viewer.person_id, **chosen)
    response = RedirectResponse("/me/notifications?notice=saved", 303, {"Cache-Control": "no-store"})
    keep_choice(response, request.app.state.settings, form["locale"])
    return response


@router.get("/unsubscribe/{token}", name="leave_page")
async def leave_page(request: Request, token: str) -> Response:
    """Asks whether to leave a list: programs that follow every link in a mail must change nothing."""
    return _leave_page(request, _topic(request, token), is_left=False)


@router.post("/unsubscribe/{token}", name="leave")
async def leave(request: Request, token: str) -> Response:
    """Takes the person of a signed link off its list: by the button, or by their mail program (RFC 8058)."""
    found = links.read_leave_token(request.app.state.settings, token)
    if found is not None:
        async with database_of(request).write() as db:
            await preferences.leave(db, *found)
    return _leave_page(request, found[1] if found else None, is_left=True)


def _topic(request: Request, token: str) -> Topic | None:
    found = links.read_leave_token(request.app.state.settings, token)
    return found[1] if found else None


def _leave_page(request: Request, topic: Topic | None, *, is_left: bool) -> Response:
    page = LeavePage(topic, is_left)
    response = respond(request, "notify/leave.html", page, status=200 if topic else 404)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@router.get("/go/{token}", name="open_link")
async def open_link(request: Request, token: str, arrival: SignedIn) -> Response:
    """Leads the person whom a mail was for to its page, once; everybody else, and later, to the normal way in."""
    if "sec-purpose" in request.headers or "purpose" in request.headers:
        raise NotFound("Nobody looks yet: the browser only asks ahead.")
    async with database_of(request).write() as db:
        opened = await links.open_link(db, arrival.viewer.person_id, token)
    if opened.path is not None:
        return RedirectResponse(opened.path, 303, {"Cache-Control": "no-store"})
    page = LinkPage(opened.is_spent)
    return respond(request, "notify/link.html", page, viewer=arrival.viewer, status=410 if opened.is_spent else 404)
