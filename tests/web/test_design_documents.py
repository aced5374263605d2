"""Designs that are documents: each page is shown, remarked on, compared, and seen before it is approved."""

import io
import re

import pytest
from fastapi import FastAPI
from PIL import Image

from portal.db import Database
from portal.designs import commands, pins
from portal.designs.carrying import Place
from portal.files.models import File
from tests.support.cast import Cast
from tests.support.decisions import answer, keys_in
from tests.support.designs import ask, draw, publish, version_of
from tests.support.files import BLUE, GREEN, RED, add_paper, paper
from tests.support.statements import counting
from tests.web.conftest import Browser, Page

ONE = "/projects/BRIDGE/designs/1"
PAPER = {"media_type": "application/pdf", "width": 800, "height": 600}


async def add(database: Database, cast: Cast, file: File) -> None:
    """The next version of design 1, of one file; the client sees it."""
    async with database.write() as db:
        version = await commands.add_version(db, await cast.scope(db, "wei"), 1, files=[file.number])
    await publish(database, cast, 1, version.version)


async def document(database: Database, cast: Cast, sizes: tuple[int, ...], count: int, versions: int = 1) -> None:
    """A design whose versions are PDFs with pictures of so many bytes, without bytes in any store."""
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await commands.add_design(db, scope, title="Checkout")
        pages = [[800, 600, size] for size in sizes]
        files = [await draw(db, scope, "a.pdf", page_count=count, pages=pages, **PAPER) for _ in range(versions)]
    for file in files:
        await add(database, cast, file)


def sources(page: Page) -> list[str]:
    """The pictures that a page shows, by file and page."""
    found = [re.search(r"/files/(\d+)/preview(?:\?page=(\d+))?$", one.get("src", "")) for one in page.all("img")]
    return [f"{one[1]}:{one[2] or 1}" for one in found if one]


def leaves(page: Page) -> dict[str, str]:
    """Where the links among a document's pages lead, by what they are called."""
    nav = next(one for one in page.all("nav") if one.get("id") == "leaves")
    return {link.get("aria-label"): link.get("href") for link in nav.iter("a")}


async def test_a_document_goes_page_by_page_from_the_upload_to_the_approval(
    browser: Browser, database: Database, cast: Cast, portal: FastAPI, tmp_path
) -> None:
    store = portal.state.files
    first = await add_paper(database, cast, store, paper(RED, GREEN, BLUE))
    async with database.write() as db:
        await commands.add_design(db, await cast.scope(db, "wei"), title="Checkout")
    await add(database, cast, first)
    second_page = await browser.open(leaves(await browser.open(ONE))["Next page"].partition("#")[0])
    assert sources(second_page)[0] == "1:2"
    shown = await browser.get("/projects/BRIDGE/files/1/preview?page=2")
    with Image.open(io.BytesIO(shown.content)) as picture:
        red, green, blue = picture.convert("RGB").getpixel((200, 100))
    assert green > 200 > 60 > max(red, blue)

    here = {"version": "1", "file": "1", "page": "2", "x": "2500", "y": "7500", "text": "Larger?"}
    made = await browser.post(f"{ONE}/pins", "eve", **here)
    assert made.headers["location"] == f"{ONE}/versions/1?page=2#pin-1"

    await add(database, cast, await add_paper(database, cast, store, paper(RED, BLUE, BLUE)))
    page = await browser.open(f"{ONE}/versions/2?page=2&with=1")
    assert sources(page) == ["1:2", "2:2"]
    remark = next(one for one in page.all("li") if one.get("id") == "pin-1")
    assert "From version 1 Page 2" in page.words(remark)

    decision = await ask(database, cast)
    content = await browser.open(f"/projects/BRIDGE/decisions/{decision.number}")
    assert sources(content) == ["2:1", "2:2", "2:3"]
    assert "Not all of this document" not in content.text
    await answer(database, cast, keys_in(tmp_path), decision)
    assert "Version 2 approved" in (await browser.open(ONE)).text


async def test_the_links_among_pages_lead_on_and_back_and_to_each(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await document(database, cast, (5, 5, 5), 3)
    for number, ends in ((1, {"Next page"}), (2, {"Previous page", "Next page"}), (3, {"Previous page"})):
        page = await browser.open(f"{ONE}?file=1&page={number}")
        links = leaves(page)
        assert set(links) == {"Page 1", "Page 2", "Page 3"} | ends
        current = [
            one.get("aria-label") for one in page.all("a") if one.get("aria-current") and one.get("class") == "tag"
        ]
        assert current == [f"Page {number}"]
        assert f"Page {number} of 3" in page.text
    assert links["Previous page"] == f"{ONE}/versions/1?file=1&page=2#leaves"


async def test_who_compares_goes_on_comparing_on_the_next_page(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await document(database, cast, (5, 5, 5), 3, versions=2)
    page = await browser.open(f"{ONE}/versions/2?with=1&how=slider")
    onward = await browser.open(leaves(page)["Next page"].partition("#")[0])
    assert sources(onward) == ["1:2", "2:2"]
    assert 'class="over slider"' in onward.text


@pytest.mark.parametrize("how", ["side", "slider", "difference"])
async def test_a_page_that_the_other_version_lacks_is_said_to_be_missing(
    browser: Browser, database: Database, cast: Cast, how: str
) -> None:
    await document(database, cast, (5, 5), 2)
    async with database.write() as db:
        pages = [[800, 600, 5]] * 3
        longer = await draw(db, await cast.scope(db, "wei"), "b.pdf", page_count=3, pages=pages, **PAPER)
    await add(database, cast, longer)
    page = await browser.open(f"{ONE}/versions/2?page=3&with=1&how={how}")
    assert "Version 1 has no such page." in page.text
    assert sources(page) == ["2:3"]


async def test_a_remark_is_on_the_picture_of_its_page_alone_and_says_its_page_everywhere(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await document(database, cast, (5, 5, 5), 3)
    async with database.write() as db:
        await pins.pin(db, await cast.scope(db, "eve"), 1, 1, Place(1, 10, 20, 2), "Here.")
    for number in (1, 2):
        page = await browser.open(f"{ONE}?page={number}")
        remark = next(one for one in page.all("li") if one.get("id") == "pin-1")
        assert "Page 2" in page.words(remark)
        assert ('id="mark-1"' in page.text) == (number == 2)
        link = next(one for one in remark.iter("a") if one.get("class") == "no").get("href")
        assert link == ("#mark-1" if number == 2 else f"{ONE}/versions/1?file=1&page=2#mark-1")


async def test_a_remark_whose_page_is_gone_is_listed_without_a_place(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await document(database, cast, (5, 5), 2)
    async with database.write() as db:
        await pins.pin(db, await cast.scope(db, "eve"), 1, 1, Place(1, 10, 20, 2), "Here.")
        await version_of(db, await cast.scope(db, "wei"), 1)
    await publish(database, cast, 1, 2)
    page = await browser.open(ONE)
    remark = page.words(next(one for one in page.all("li") if one.get("id") == "pin-1"))
    assert "Its place is gone in this version Page 2" in remark


async def test_without_scripts_a_place_is_chosen_on_the_page_that_is_seen(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await document(database, cast, (5, 5), 2)
    page = await browser.open(f"{ONE}/versions/1?page=2")
    button = next(one for one in page.all("input") if one.get("type") == "image")
    assert button.get("src").endswith("preview?page=2")
    chosen = await browser.open(f"{ONE}/versions/1?file=1&page=2&at.x=70&at.y=210")
    fields = {one.get("name"): one.get("value") for one in chosen.all("form[@id='pin-new']/input")}
    assert (fields["page"], fields["x"], fields["y"]) == ("2", "2500", "10000")


@pytest.mark.parametrize("page", ["3", "0", "x"])
async def test_a_form_with_a_wrong_page_pins_nothing(
    browser: Browser, database: Database, cast: Cast, page: str
) -> None:
    await document(database, cast, (5, 5), 2)
    fields = {"version": "1", "file": "1", "page": page, "x": "5", "y": "5", "text": "Here"}
    assert (await browser.post(f"{ONE}/pins", "eve", **fields)).status_code == 422
    assert "Nobody has remarked" in (await browser.open(ONE)).text


async def test_who_answers_a_remark_comes_back_to_the_page_that_they_saw(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await document(database, cast, (5, 5), 2)
    async with database.write() as db:
        await pins.pin(db, await cast.scope(db, "eve"), 1, 1, Place(1, 10, 20, 1), "Here.")
    seen = {"version": "1", "file": "1", "page": "2"}
    told = await browser.post(f"{ONE}/pins/1/replies", "ada", text="Indeed.", **seen)
    assert told.headers["location"] == f"{ONE}/versions/1?page=2#pin-1"
    settled = await browser.post(f"{ONE}/pins/1/state", "ada", state="resolved", **seen)
    assert settled.headers["location"] == f"{ONE}/versions/1?page=2#pin-1"


async def test_a_page_that_could_not_be_drawn_says_so_and_takes_no_remark(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await document(database, cast, (5, 0, 5), 3, versions=2)
    page = await browser.open(f"{ONE}?page=2", "eve")
    assert "This page could not be drawn." in page.text
    assert sources(page) == []
    assert not [one for one in page.all("form") if one.get("action") == f"{ONE}/pins"]
    compared = await browser.open(f"{ONE}/versions/2?page=2&with=1&how=difference")
    assert compared.text.count("This page could not be drawn.") == 2


async def test_that_there_are_more_pages_than_are_shown_is_said_where_one_looks_and_where_one_decides(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await document(database, cast, (5, 0), 10_000)
    decision = await ask(database, cast)
    page = await browser.open(ONE)
    asked = await browser.open(f"/projects/BRIDGE/decisions/{decision.number}")
    for one in (page, asked):
        assert "Not all of this document is shown here: 1 of its 10000 pages." in one.text
        link = next(link for link in one.all("a") if one.words(link) == "Save the file to see the others")
        assert link.get("href") == "/projects/BRIDGE/files/1"


@pytest.mark.parametrize("query", ["page=3", "page=0", "file=1&page=9", "file=2&page=1", "page=3&with=1"])
async def test_a_page_that_there_is_not_is_not_found(
    browser: Browser, database: Database, cast: Cast, query: str
) -> None:
    await document(database, cast, (5, 5), 2, versions=2)
    await browser.open(f"{ONE}/versions/2?{query}", expect=404)


async def test_many_pages_cost_no_more_statements_than_one(browser: Browser, database: Database, cast: Cast) -> None:
    await document(database, cast, (5,) * 50, 50, versions=2)
    for path in (ONE, f"{ONE}/versions/2?page=50", f"{ONE}/versions/2?page=50&with=1&how=slider"):
        with counting(database) as statements:
            await browser.open(path)
        assert len(statements) <= 4, "\n\n".join(statements)
