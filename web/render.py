"""From a page's context to its HTML: one compiled environment a language, and the frame that every page shares."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from types import CodeType
from urllib.parse import quote_plus

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.bccache import Bucket
from jinja2.runtime import Context

from portal import clock, reasons
from portal.access import Scope, Viewer
from web import formats
from web.areas import areas
from web.browsers import browser_name
from web.catalogues import catalogue
from web.etag import PRIVATE, address_of, page_etag
from web.locale_choice import LANGUAGES, locale_of
from web.markdown import to_html
from web.static_files import static_url
from web.words import words

TEMPLATES = Path(__file__).parent / "templates"
HOUSE = Path(__file__).parent.parent
LANGUAGE_TAGS = {"en": "en", "zh_CN": "zh-Hans", "ru": "ru"}


class _SharedCode(BytecodeCache):
    """Compiles each template once for all languages: the code is the same, only the words it looks up differ.

    The code object itself is handed on, not a copy of it: three languages take the memory of one.
    """

    def __init__(self) -> None:
        self._code: dict[str, CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._code.get(bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._code[bucket.key] = bucket.code


_SHARED = _SharedCode()


@dataclass(frozen=True, slots=True)
class Frame:
    """What is around every page: who looks, at which project, in which language, and when."""

    product: str
    locale: str
    path: str
    viewer: Viewer | None
    scope: Scope | None
    tab: str
    now: datetime
    notice: str


@pass_context
def _datetime(context: Context, value: datetime | None, zone: str = "") -> str:
    """A moment on the clock of a zone, else of the page's project, else of UTC."""
    scope: Scope | None = context["frame"].scope
    return formats.moment(value, zone or (scope.project.time_zone if scope else "UTC"), context["frame"].locale)


@lru_cache(8)
def environment(locale: str) -> Environment:
    """The templates of one language, compiled on first use and kept."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False, cache_size=-1, bytecode_cache=_SHARED, extensions=["jinja2.ext.i18n"],
    )  # fmt: skip
    env.install_gettext_translations(catalogue(locale), newstyle=True)  # type: ignore[attr-defined]
    env.globals.update(static_url=static_url, words=words(locale), languages=LANGUAGES, tags=LANGUAGE_TAGS, areas=areas)
    env.filters.update(
        date=lambda value, style="day": formats.day(value, locale, style),
        datetime=_datetime,
        number=lambda value: formats.number(value, locale),
        exact=lambda value: formats.exact(Decimal(value), locale),
        price=lambda value, currency: formats.price(value, currency, locale),
        written=lambda text, currency: formats.price(Decimal(text), currency, locale),
        day_text=lambda text: formats.day(date.fromisoformat(text), locale),
        money=lambda minor, currency: formats.money(minor, currency, locale),
        waited=lambda minutes: formats.working_time(minutes, locale),
        zone=lambda name: formats.zone_name(name, locale),
        markdown=to_html,
        reason=lambda said: reasons.translated(said, catalogue(locale).gettext),
        browser=browser_name,
        day_in=lambda moment, zone: formats.day(clock.day_of(moment, zone), locale),
        asked=lru_cache(1024)(quote_plus),
        capfirst=lambda text: text[:1].upper() + text[1:],
        options=lambda lines, by="number": [(getattr(line, by), line.name) for line in lines],
    )
    return env


@lru_cache(1)
def release() -> str:
    """A name for this version of the portal's code, templates and words, for ETags: a new release is a new page."""
    digest = sha256()
    for folder in ("portal", "web"):
        for path in sorted((HOUSE / folder).rglob("*")):
            if path.suffix in (".py", ".html", ".css", ".js", ".svg", ".po"):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def warm() -> None:
    """Compiles every template, reads the translations and the static files: at start-up, not at the first visit."""
    release()
    for locale in LANGUAGES:
        env = environment(locale)
        for name in env.list_templates(extensions=["html"]):
            env.get_template(name)


def frame_of(request: Request, *, scope: Scope | None = None, viewer: Viewer | None = None, tab: str = "") -> Frame:
    """The frame of a page for this request."""
    who = scope.viewer if scope else viewer
    path = request.url.path + (f"?{request.url.query}" if request.url.query and request.method == "GET" else "")
    return Frame(
        product=request.app.state.settings.agency_name,
        locale=locale_of(request, who.locale if who else None),
        path=path,
        viewer=who,
        scope=scope,
        tab=tab,
        now=clock.now(),
        notice=request.query_params.get("notice", ""),
    )


def html(template: str, page: object, frame: Frame) -> str:
    """One page as text. `page` is its context, a frozen dataclass."""
    return environment(frame.locale).get_template(template).render(page=page, frame=frame)


def etag_for(request: Request, scope: Scope, *also: str) -> str:
    """The ETag of this address for this scope; `also` is what else the page depends on.

    The address is part of it: nobody holds the ETag of a page that they were never shown, so asking for a 304 first,
    before anything is read, tells nothing about what exists.
    """
    locale = locale_of(request, scope.viewer.locale)
    return page_etag(scope, locale, release(), request.url.path, request.url.query, *also)


def minute() -> str:
    """The present minute, for the ETag of a page with running clocks: they and the page's own time count minutes."""
    return f"{clock.now():%Y-%m-%d %H:%M}"


def respond(
    request: Request,
    template: str,
    page: object = None,
    *,
    scope: Scope | None = None,
    viewer: Viewer | None = None,
    tab: str = "",
    status: int = 200,
    etag: str | None = None,
) -> HTMLResponse:
    """One page as an answer. With an `etag` the browser keeps it and asks again; without, it is not kept at all."""
    headers = {**PRIVATE, "ETag": etag} if etag else {"Cache-Control": "no-store", "Vary": PRIVATE["Vary"]}
    frame = frame_of(request, scope=scope, viewer=viewer, tab=tab)
    response = HTMLResponse(html(template, page, frame), status, headers)
    if etag and not frame.notice:  # a notice is read once, by whom it is for
        request.app.state.kept.keep(address_of(request, etag), bytes(response.body))
    return response
