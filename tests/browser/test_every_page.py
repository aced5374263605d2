"""Every page, as people meet it: small and large, light and dark, in each language, by keyboard and without scripts."""

import re
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from playwright.async_api import Page, expect

from portal.demo import acceptance
from tests.browser.conftest import QUESTION, Visit, Visitor

PAGES: dict[str, tuple[str, ...]] = {
    "/projects": ("/projects", "/projects?archived=1"),
    "/projects/{key}": ("/projects/RECALLS", "/projects/NOWHERE"),
    "/projects/{key}/backlog": ("/projects/RECALLS/backlog", "/projects/RECALLS/backlog?q=nothing+like+it",
                                "/projects/RECALLS/backlog?waiting_on=client", "/projects/RECALLS/backlog?iteration=x"),
    "/projects/{key}/board": ("/projects/RECALLS/board",),
    "/projects/{key}/items/{number}": ("/projects/RECALLS/items/1", "/projects/RECALLS/items/{asked}"),
    "/projects/{key}/burndown": ("/projects/RECALLS/burndown", "/projects/RECALLS/burndown?as_of=2014-09-01"),
    "/projects/{key}/designs": ("/projects/RECALLS/designs",),
    "/projects/{key}/designs/{number}": ("/projects/RECALLS/designs/1", "/projects/RECALLS/designs/99"),
    "/projects/{key}/designs/{number}/versions/{version}": (
        "/projects/RECALLS/designs/1/versions/1", "/projects/RECALLS/designs/1/versions/2?with=1",
        "/projects/RECALLS/designs/1/versions/2?with=1&how=slider",
        "/projects/RECALLS/designs/1/versions/2?with=1&how=difference"),
    "/projects/{key}/requirements": ("/projects/RECALLS/requirements", "/projects/RECALLS/requirements?q=nothing"),
    "/projects/{key}/requirements/orphans": ("/projects/RECALLS/requirements/orphans",),
    "/projects/{key}/requirements/trace": ("/projects/RECALLS/requirements/trace",),
    "/projects/{key}/requirements/{number}": ("/projects/RECALLS/requirements/1", "/projects/RECALLS/requirements/3"),
    "/projects/{key}/requirements/{number}/versions/{version}": ("/projects/RECALLS/requirements/1/versions/1",),
    "/projects/{key}/changes": ("/projects/RECALLS/changes",),
    "/projects/{key}/changes/new": ("/projects/RECALLS/changes/new",),
    "/projects/{key}/changes/{number}": ("/projects/RECALLS/changes/1",),
    "/waiting": ("/waiting",),
    "/projects/{key}/decisions": ("/projects/RECALLS/decisions",),
    "/projects/{key}/decisions/{number}": ("/projects/RECALLS/decisions/1", "/projects/RECALLS/decisions/99"),
    "/projects/{key}/delegations": ("/projects/RECALLS/delegations",),
    "/projects/{key}/tests": ("/projects/RECALLS/tests",),
    "/projects/{key}/tests/{number}": ("/projects/RECALLS/tests/1", "/projects/RECALLS/tests/1?only=failed"),
    "/projects/{key}/tests/{number}/rounds/{round_number}": ("/projects/RECALLS/tests/1/rounds/1",),
    "/projects/{key}/tests/{number}/rounds/{round_number}/cases/{case}": (
        "/projects/RECALLS/tests/1/rounds/1/cases/1", "/projects/RECALLS/tests/1/rounds/1/cases/5"),
    "/projects/{key}/milestones": ("/projects/RECALLS/milestones",),
    "/projects/{key}/milestones/{number}": ("/projects/RECALLS/milestones/1",),
    "/projects/{key}/activity": ("/projects/RECALLS/activity",),
    "/account": ("/account",),
    "/me/notifications": ("/me/notifications", "/me/notifications?notice=saved"),
    "/go/{token}": ("/go/nothing",),
    "/unsubscribe/{token}": ("/unsubscribe/nothing",),
    "/auth/logged-out": ("/auth/logged-out",),
    "/auth/callback/{provider}": ("/auth/callback/demo?state=x&code=y",),
    "/sign-in": ("/sign-in",),
    "/verify": ("/verify",),
}  # fmt: skip
"""Each page → addresses at which a client sees it in its different states."""
STAFF_PAGES: dict[str, tuple[str, ...]] = {
    "/projects/{key}/contract": ("/projects/DAEMON/contract", "/projects/RECALLS/contract"),
    "/projects/{key}/invoices": ("/projects/DAEMON/invoices", "/projects/RECALLS/invoices"),
    "/projects/{key}/invoices/{number}": ("/projects/DAEMON/invoices/1", "/projects/DAEMON/invoices/2"),
    "/projects/{key}/visibility": ("/projects/RECALLS/visibility", "/projects/DAEMON/visibility"),
}
NO_PAGES = {
    "/", "/me", "/me/sessions", "/auth/login", "/auth/login/{provider}", "/auth/step-up", "/healthz", "/readyz",
    "/calendar/{token}.ics", "/projects/{key}/files/{number}", "/projects/{key}/files/{number}/preview",
    "/projects/{key}/tests/{number}/acceptances/{acceptance}/protocol.pdf",
    "/projects/{key}/tests/{number}/files/{tested}", "/projects/{key}/tests/{number}/sheet.pdf",
    "/projects/{key}/decisions/{decision}/receipts/{seq}.json",
    "/projects/{key}/decisions/{decision}/receipts/{seq}.pdf",
    "/projects/{key}/requirements.csv", "/projects/{key}/statement.csv", "/projects/{key}/statement.pdf",
    "/projects/{key}/statement.xlsx",
    "/projects/{key}/backlog.csv", "/projects/{key}/live", "/robots.txt", "/favicon.ico",
}  # fmt: skip
"""Addresses that lead on, answer programs, or show a page that is listed under its other address."""
DAEMON = ("/projects/DAEMON", "/projects/DAEMON/backlog", "/projects/DAEMON/board?iteration=1",
          "/projects/DAEMON/burndown", "/projects/DAEMON/burndown?series=iteration-1",
          "/projects/DAEMON/activity", "/projects/DAEMON/requirements", "/projects/DAEMON/changes",
          "/projects/DAEMON/changes/1", "/projects/DAEMON/decisions/1",
          "/projects/DAEMON/requirements/trace")  # fmt: skip
"""The other project has what the first has not: iterations, hundreds of items, a backlog of many pages."""
LOOKS = [(1280, "light", "en"), (360, "dark", "ru"), (1280, "dark", "zh_CN"), (360, "light", "zh_CN")]
"""Each width in both sets of colours, and each language; looked at closely, which takes its time."""
OTHER_LOOKS = [(360, "light", "en"), (1280, "light", "ru")]
"""The languages in the other width, for what does not depend on colours."""
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "resultTypes": ["violations"],
    "iframes": False,
}
WIDER = """() => [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
    .map(e => `${e.tagName}.${e.className}`).slice(0, 5)"""


async def test_no_page_is_forgotten(portal: FastAPI) -> None:
    found = {str(one.path) for one in iter_route_contexts(portal.routes) if "GET" in (one.methods or ())}
    pages = {path for path in found if not path.startswith(("/api", "/static", "/.well-known"))}
    assert pages - NO_PAGES == PAGES.keys() | STAFF_PAGES.keys()


async def faults_of(visit: Visit, portal: FastAPI, width: int, scheme: Any, locale: str, *, closely: bool) -> list[str]:
    """What is wrong with the pages in one look, in a line each."""
    look: dict[str, Any] = {"width": width, "color_scheme": scheme, "locale": locale}
    ada, mei = await visit("ada", **look), await visit("mei", **look)
    await acceptance.begin(portal.state.database, "RECALLS")
    number = await asked_item(ada)
    faults = []
    for visitor, lists in ((ada, PAGES.values()), (mei, (*STAFF_PAGES.values(), DAEMON))):
        for path in (path.replace("{asked}", number) for paths in lists for path in paths):
            await visitor.open(path)
            found = await form_faults(visitor.page) + (await access_faults(visitor.page) if closely else [])
            faults += [f"{path}: {fault}" for fault in found]
    return faults


async def form_faults(page: Page) -> list[str]:
    """One main heading, with which the title begins; nothing beyond the window's edge."""
    headings = [text.strip() for text in await page.locator("h1").all_inner_texts()]
    title = await page.title()
    faults = [] if len(headings) == 1 and title.startswith(headings[0]) else [f"title {title!r}, headings {headings}"]
    if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        faults.append(f"wider than the window: {await page.evaluate(WIDER)}")
    return faults


async def access_faults(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA."""
    found: Any = (await Axe().run(page, options=RULES)).response["violations"]
    return [f"{one['id']}: {[node['target'] for node in one['nodes'][:3]]} {one['nodes'][0]['failureSummary']}"
            for one in found]  # fmt: skip


async def asked_item(visitor: Visitor) -> str:
    """The number of the item that waits for the client."""
    await visitor.open("/projects/RECALLS/backlog?waiting_on=client")
    return await visitor.page.locator("td.key").first.inner_text()


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme", "locale"), LOOKS)
async def test_every_page_is_for_everybody(visit: Visit, portal: FastAPI, width: int, scheme: str, locale: str) -> None:
    assert await faults_of(visit, portal, width, scheme, locale, closely=True) == []


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme", "locale"), OTHER_LOOKS)
async def test_every_page_fits_its_window(visit: Visit, portal: FastAPI, width: int, scheme: str, locale: str) -> None:
    assert await faults_of(visit, portal, width, scheme, locale, closely=False) == []


@pytest.mark.parametrize(("locale", "tag"), [("en", "en"), ("zh_CN", "zh-Hans"), ("ru", "ru")])
async def test_a_page_says_its_language_and_speaks_it(visit: Visit, locale: str, tag: str) -> None:
    ada = await visit("ada", locale=locale)
    await ada.open("/projects/RECALLS/board")
    assert await ada.page.locator("html").get_attribute("lang") == tag
    assert await ada.heading() == {"en": "Board", "zh_CN": "看板", "ru": "Доска"}[locale]


async def test_all_of_it_works_without_scripts(visit: Visit) -> None:
    mei = await visit("mei", java_script_enabled=False)
    await mei.open("/projects/DAEMON/backlog")
    first = await mei.page.locator("td.key").all_inner_texts()
    await mei.page.locator("a[rel=next]").click()
    second = await mei.page.locator("td.key").all_inner_texts()
    assert (len(first), len(second), set(first) & set(second)) == (50, 50, set())
    await mei.open("/projects/DAEMON/backlog")
    await mei.page.get_by_label("Type").select_option("bug")
    await mei.page.get_by_role("button", name="Filter").click()
    assert "type=bug" in mei.page.url
    kinds = await mei.page.locator("td.title .sub span:first-child").all_inner_texts()
    assert set(kinds) == {"Bug"}
    await mei.page.locator("summary", has_text="Language").click()
    await mei.page.get_by_role("button", name="Русский").click()
    assert "type=bug" in mei.page.url
    assert await mei.page.locator("html").get_attribute("lang") == "ru"
    await mei.page.locator("details.who summary").click()
    await mei.page.locator("details.who form button").click()
    assert await mei.open("/me") == 401


FOCUSED = """() => {
  const it = document.activeElement, style = getComputedStyle(it), box = it.getBoundingClientRect();
  return {tag: it.tagName, text: it.innerText?.trim() ?? "", href: it.getAttribute("href"),
          ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
          seen: box.width > 0 && box.height > 0 && box.right > 0 && box.bottom > 0
                && box.left < innerWidth && box.top < innerHeight};
}"""


async def walk(page: Page, most: int = 200) -> list[dict[str, Any]]:
    """Where the Tab key leads from the start of a page, until it leaves the page."""
    stops: list[dict[str, Any]] = []
    while len(stops) < most:
        await page.keyboard.press("Tab")
        stop = await page.evaluate(FOCUSED)
        if stop["tag"] == "BODY":
            break
        stops.append(stop)
    return stops


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("path", ["/projects/RECALLS", "/projects/RECALLS/board", "/projects/RECALLS/burndown"])
async def test_the_keyboard_reaches_everything_and_shows_where_it_is(visit: Visit, path: str, width: int) -> None:
    ada = await visit("ada", width=width)
    await ada.open(path)
    stops = await walk(ada.page)
    assert (stops[0]["text"], stops[0]["href"]) == ("Skip to content", "#main")
    assert [stop for stop in stops if not (stop["ring"] and stop["seen"])] == []
    reached = {stop["href"] for stop in stops}
    links = await ada.page.locator("main a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert links
    assert set(links) <= reached or len(stops) == 200


async def test_the_skip_link_leads_past_the_menus(visit: Visit) -> None:
    ada = await visit("ada")
    await ada.open("/projects/RECALLS")
    await ada.page.keyboard.press("Tab")
    await ada.page.keyboard.press("Enter")
    await ada.page.keyboard.press("Tab")
    assert await ada.page.evaluate("document.activeElement.closest('main') !== null")


async def test_a_menu_opens_and_closes_by_keyboard(visit: Visit) -> None:
    ada = await visit("ada")
    summary = ada.page.locator("details.who > summary")
    await summary.focus()
    await ada.page.keyboard.press("Enter")
    assert await ada.page.get_by_role("button", name="Sign out").is_visible()
    await ada.page.keyboard.press("Escape")
    assert not await ada.page.get_by_role("button", name="Sign out").is_visible()
    assert await summary.evaluate("one => one === document.activeElement")


async def test_what_the_client_must_answer_comes_first(visit: Visit) -> None:
    ada = await visit("ada", width=360)
    await ada.open("/projects/RECALLS")
    card = ada.page.locator(".card.ask").first
    await expect(card).to_contain_text(QUESTION)
    first = await card.locator("li a").first.bounding_box()
    assert first is not None
    assert first["y"] < 800


async def test_paper_gets_the_content_and_none_of_the_controls(visit: Visit) -> None:
    ada = await visit("ada")
    await ada.open("/projects/RECALLS/backlog")
    await ada.page.emulate_media(media="print")
    assert await ada.page.locator("td.title a").first.is_visible()
    assert re.search("As of", await ada.page.locator("footer").inner_text())
    for control in ("nav.tabs", "form.form", "nav.pager", ".tools"):
        assert not await ada.page.locator(control).first.is_visible(), control
