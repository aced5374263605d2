"""The pages of a project, through the whole application."""

import csv
import re
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO

import pytest

from portal.backlog import commands as backlog
from portal.db import Database
from portal.projects import commands as plan
from tests.support.cast import Cast, add_item
from tests.support.statements import counting
from tests.web.conftest import Browser

SVG = "{http://www.w3.org/2000/svg}"
PAGES = (
    "/projects/BRIDGE",
    "/projects/BRIDGE/backlog",
    "/projects/BRIDGE/board",
    "/projects/BRIDGE/items/1",
    "/projects/BRIDGE/burndown",
    "/projects/BRIDGE/burndown?series=iteration-1&unit=count",
    "/projects/BRIDGE/milestones",
    "/projects/BRIDGE/milestones/1",
    "/projects/BRIDGE/activity",
)


@pytest.fixture
async def planned(database: Database, cast: Cast) -> Cast:
    """BRIDGE with an iteration, a milestone whose date moved, and two items: one for the client, one internal."""
    today = date.today()  # noqa: DTZ011  the plan only needs to run about now
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await plan.add_iteration(
            db, scope, name="Sprint 1", starts_on=today - timedelta(days=3), ends_on=today + timedelta(days=9)
        )
        await plan.add_milestone(db, scope, name="Launch", agreed_on=today, expected_on=today)
        await plan.change_milestone(
            db, scope, 1, {"expected_on": today + timedelta(days=7)}, reason="The client asked for a week."
        )
    await add_item(database, cast, title="Draw the map", points=Decimal(3), iteration=1, milestone=1, labels=["map"])
    await add_item(database, cast, title="Talk about the rate", audience="internal", points=Decimal(5), iteration=1)
    return cast


@pytest.mark.parametrize("path", PAGES)
async def test_a_client_opens_every_page_and_each_says_as_of_when(browser: Browser, planned: Cast, path: str) -> None:
    page = await browser.open(path, "eve")
    assert "As of " in page.text
    assert "The bridge" in page.text
    assert "Talk about the rate" not in page.text
    assert page.response.headers["cache-control"] == "private, no-cache"
    assert page.response.headers["vary"] == "Cookie, Accept-Language"


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("locale", ["zh_CN", "ru"])
async def test_every_page_speaks_the_other_languages(browser: Browser, planned: Cast, path: str, locale: str) -> None:
    cookies = browser.cast.cookie("ada")["Cookie"] + f"; portal_locale={locale}"
    page = await browser.open(path, None, headers={"Cookie": cookies})
    for english in ("As of", "Backlog", "Milestones", "Sign out", "Overview", "Remaining"):
        assert english not in page.text


@pytest.mark.parametrize("path", [*PAGES, "/projects/BRIDGE/visibility", "/projects/BRIDGE/backlog.csv"])
@pytest.mark.parametrize("who", ["mallory", "nemo"])
async def test_an_outsider_gets_what_an_unknown_key_gets(browser: Browser, planned: Cast, path: str, who: str) -> None:
    foreign, unknown = await browser.get(path, who), await browser.get(path.replace("BRIDGE", "NOPE99"), who)
    assert foreign.status_code == unknown.status_code == 404
    assert without_minute(foreign.text).replace("BRIDGE", "NOPE99") == without_minute(unknown.text)


def without_minute(text: str) -> str:
    """A page without the moment that it names."""
    return re.sub(r"<time.*?</time>", "", text)


@pytest.mark.parametrize("path", [*PAGES, "/projects", "/"])
async def test_whoever_is_not_signed_in_is_sent_to_sign_in(browser: Browser, path: str) -> None:
    response = await browser.get(path, None)
    assert response.status_code == 303
    assert response.headers["location"].startswith("/auth/login")


MOST_STATEMENTS = {"/projects/BRIDGE": 6}
"""The overview answers six questions, and asks two statements more than the others: what waits, and what it costs."""


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_costs_at_most_four_statements_and_unchanged_one(
    browser: Browser, database: Database, planned: Cast, path: str
) -> None:
    await browser.check_cost(database, path, most=MOST_STATEMENTS.get(path, 4))


async def test_the_number_of_statements_does_not_grow_with_the_rows(
    browser: Browser, database: Database, planned: Cast
) -> None:
    counts: list[list[int]] = []
    for _ in range(2):
        await add_item(database, planned, title="One more", iteration=1, milestone=1)
        counts.append([])
        for path in PAGES:
            with counting(database) as statements:
                await browser.open(path)
            counts[-1].append(len(statements))
    assert counts[0] == counts[1]


async def test_another_viewers_etag_is_not_ours(browser: Browser, planned: Cast) -> None:
    page = await browser.open("/projects/BRIDGE", "ada")
    seen = {"If-None-Match": page.response.headers["etag"]}
    assert (await browser.get("/projects/BRIDGE", "eve", seen)).status_code == 200
    assert (await browser.get("/projects/BRIDGE", "mallory", seen)).status_code == 404
    assert (await browser.get("/projects/BRIDGE/board", "ada", seen)).status_code == 200


async def test_an_internal_change_moves_nothing_for_the_client(
    browser: Browser, database: Database, planned: Cast
) -> None:
    before = {path: (await browser.get(path)).headers["etag"] for path in PAGES}
    await add_item(database, planned, title="Internal too", audience="internal", iteration=1)
    assert {path: (await browser.get(path)).headers["etag"] for path in PAGES} == before
    await add_item(database, planned, title="For the client")
    assert all([(await browser.get(path)).headers["etag"] != etag for path, etag in before.items()])


@pytest.mark.parametrize("number", ["2", "99", "0", "99999999999999999999"])
async def test_an_internal_items_number_answers_like_an_unused_one(
    browser: Browser, planned: Cast, number: str
) -> None:
    page = await browser.open(f"/projects/BRIDGE/items/{number}", expect=404)
    assert "rate" not in page.text


async def test_staff_see_what_is_internal_and_that_it_is(browser: Browser, planned: Cast) -> None:
    page = await browser.open("/projects/BRIDGE/backlog", "dan")
    rows = [page.words(row) for row in page.all("tbody/tr")]
    assert [("Internal" in row, "rate" in row) for row in rows] == [(False, False), (True, True)]


async def test_the_front_page_answers_from_what_the_client_may_see(browser: Browser, planned: Cast) -> None:
    page = await browser.open("/projects/BRIDGE")
    asked = [page.words(heading) for heading in page.all("h2")]
    assert asked[:4] == [
        "What do you need from me?", "When will it be finished?", "What comes next?", "What was done?"
    ]  # fmt: skip
    assert "0 of 3 points done, 3 remain" in page.words(page.tree)
    assert "Later than agreed" in page.text


async def test_what_waits_for_the_client_stands_first(browser: Browser, database: Database, planned: Cast) -> None:
    async with database.write() as db:
        scope = await planned.scope(db, "wei")
        await backlog.change_item(db, scope, 1, {"blocked_on": "client", "blocked_reason": "Which colour?"})
    page = await browser.open("/projects/BRIDGE")
    asked = page.words(page.all("section")[0])
    assert asked.startswith("What do you need from me?")
    assert "Which colour?" in asked
    waiting = await browser.open("/projects/BRIDGE/backlog?waiting_on=client")
    assert len(waiting.all("tbody/tr")) == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 1),
        ("q=&status=&type=&iteration=&milestone=", 1),
        ("q=map", 1),
        ("q=rate", 0),
        ("type=story", 1),
        ("type=bug", 0),
        ("iteration=1&milestone=1", 1),
        ("iteration=7", 0),
        ("label=map", 1),
        ("label=%3Cscript%3E", 0),
        ("status=To+do", 1),
        ("status=Nonsense", 0),
    ],
)
async def test_the_backlog_is_narrowed(browser: Browser, planned: Cast, query: str, found: int) -> None:
    page = await browser.open(f"/projects/BRIDGE/backlog?{query}")
    assert len(page.all("tbody/tr")) == found
    assert ("Nothing matches." in page.text) is (found == 0)


@pytest.mark.parametrize(
    "path",
    [
        "backlog?type=xx",
        "backlog?iteration=-1",
        "backlog?iteration=1e9",
        "backlog?milestone=99999999999",
        "backlog?after=1",
        "backlog?after=99999999999999999999.1",
        "backlog?waiting_on=me",
        "backlog?q=" + "a" * 201,
        "backlog?q=%00",
        "backlog.csv?type=xx",
        "board?iteration=x",
        "burndown?series=nonsense-1",
        "burndown?series=iteration-",
        "burndown?unit=money",
        "burndown?as_of=yesterday",
        "burndown?as_of=9999-12-31",
        "activity?before=-1",
        "items/x",
        "items/1?before=x",
    ],
)
async def test_an_address_that_cannot_be_right_is_a_page_that_says_what_would_be(
    browser: Browser, planned: Cast, path: str
) -> None:
    page = await browser.open(f"/projects/BRIDGE/{path}", expect=422)
    assert len(page.all("main//li")) == 1


@pytest.mark.parametrize("path", ["burndown?series=iteration-9", "milestones/9", "nonsense"])
async def test_what_is_not_there_is_a_designed_page(browser: Browser, planned: Cast, path: str) -> None:
    page = await browser.open(f"/projects/BRIDGE/{path}", expect=404)
    assert page.words(page.all("h1")[0]) == "There is nothing here"


async def test_broken_utf_8_in_an_address_ends_well(browser: Browser, planned: Cast) -> None:
    assert (await browser.get("/projects/BRIDGE/backlog?q=%ff%fe")).status_code in (200, 422)
    assert (await browser.get("/projects/%ff%fe")).status_code == 404


async def test_paging_shows_each_item_once(browser: Browser, database: Database, planned: Cast) -> None:
    async with database.write() as db:
        scope = await planned.scope(db, "wei")
        rows = [{"external_ref": f"x:{n}", "title": f"Item {n}", "audience": "client"} for n in range(103)]
        await backlog.upsert_items(db, scope, rows)
    path, seen = "/projects/BRIDGE/backlog", list[str]()
    sizes = []
    while path:
        page = await browser.open(path)
        numbers = [page.words(cell) for cell in page.all("td") if cell.get("class") == "key"]
        sizes.append(len(numbers))
        seen += numbers
        path = next((link.get("href") for link in page.all("a") if link.get("rel") == "next"), "")
    assert sizes == [50, 50, 4]
    assert len(set(seen)) == len(seen) == 104


async def test_the_csv_has_exactly_what_the_page_has(browser: Browser, database: Database, planned: Cast) -> None:
    await add_item(database, planned, title="=HYPERLINK(1)")
    response = await browser.get("/projects/BRIDGE/backlog.csv", "eve")
    assert response.headers["content-disposition"] == 'attachment; filename="BRIDGE-backlog.csv"'
    assert response.text.startswith("\ufeff")
    rows = list(csv.DictReader(StringIO(response.text.removeprefix("\ufeff"))))
    assert [row["title"] for row in rows] == ["Draw the map", "'=HYPERLINK(1)"]
    assert "audience" not in rows[0]
    staff = (await browser.get("/projects/BRIDGE/backlog.csv?q=rate", "dan")).text
    assert [row["audience"] for row in csv.DictReader(StringIO(staff.removeprefix("\ufeff")))] == ["internal"]


async def test_a_moved_date_is_told_with_its_reason(browser: Browser, planned: Cast) -> None:
    page = await browser.open("/projects/BRIDGE/milestones/1")
    assert "The client asked for a week." in page.text
    assert "7 days later than agreed" in page.text


async def test_the_figures_of_a_chart_stand_in_a_table_beside_it(browser: Browser, planned: Cast) -> None:
    page = await browser.open("/projects/BRIDGE/burndown")
    (picture,) = [one for one in page.tree.iter() if one.get("role") == "img"]
    titles = {one.get("id") for one in picture if one.tag in (f"{SVG}title", f"{SVG}desc")}
    assert set(picture.get("aria-labelledby").split()) == titles
    rows = [page.words(row) for row in page.all("details//tbody/tr")]
    assert any(row.endswith(" 3 0 3") for row in rows)


async def test_a_past_day_shows_what_was_known_then(browser: Browser, planned: Cast) -> None:
    yesterday = (date.today() - timedelta(days=2)).isoformat()  # noqa: DTZ011
    now = await browser.open("/projects/BRIDGE/burndown?series=iteration-1")
    then = await browser.open(f"/projects/BRIDGE/burndown?series=iteration-1&as_of={yesterday}")
    assert ["Draw the map" in page.text for page in (now, then)] == [True, False]


async def test_empty_pages_say_what_will_appear_and_who_puts_it_there(browser: Browser, cast: Cast) -> None:
    for path in ("", "/backlog", "/board", "/burndown", "/milestones"):
        page = await browser.open(f"/projects/HARBOUR{path}", "mallory")
        assert 'class="empty"' in page.text
        assert "BRIDGE" not in page.text
        assert "Acme" not in page.text
    nobody = await browser.open("/projects", "nemo")
    assert "You have no project here yet." in nobody.text


async def test_the_list_has_ones_own_projects_alone(browser: Browser, cast: Cast) -> None:
    async def names(who: str) -> list[str]:
        page = await browser.open("/projects", who)
        return [page.words(heading) for heading in page.all("h2")]

    assert await names("ada") == ["The bridge"]
    assert await names("mallory") == ["The harbour"]
    assert await names("dan") == ["The bridge", "The harbour"]


async def test_text_of_people_cannot_break_out(browser: Browser, database: Database, planned: Cast) -> None:
    evil = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    item = await add_item(
        database, planned, title=evil, description=evil, acceptance_criteria=evil, labels=[evil], priority="<b>",
        external_key="<i>", external_url="https://e.example/\"onmouseover='x'", blocked_on="client",
        blocked_reason=evil,
    )  # fmt: skip
    for path in (*PAGES, f"/projects/BRIDGE/items/{item.number}"):
        page = await browser.open(path)
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example"])
async def test_a_source_link_that_is_no_web_address_is_not_a_link(
    browser: Browser, database: Database, planned: Cast, url: str
) -> None:
    item = await add_item(database, planned, title="From afar", external_key="X-1", external_url=url)
    page = await browser.open(f"/projects/BRIDGE/items/{item.number}")
    assert url not in [link.get("href") for link in page.all("a")]
    assert "X-1" in page.text
