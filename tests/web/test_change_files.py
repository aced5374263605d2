"""Photos and documents with a change request: kept with it or not at all, and no word is lost with a refused one."""

import asyncio
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from portal.changes.models import ChangeRequest
from portal.db import Database
from portal.files.models import File
from portal.files.store import Store
from tests.support.cast import Cast
from tests.support.clamd import EICAR, clamd
from tests.support.files import document, picture, png_that_claims
from tests.web.conftest import Browser

CHANGES = "/projects/BRIDGE/changes"
WORDS = {"title": "Lights", "wanted": "Lamps on both sides.", "reason": "It is <dark>."}


@pytest.fixture
def store(portal: FastAPI) -> Store:
    """Where the portal keeps files."""
    kept: Store = portal.state.files
    return kept


def lying(store: Store) -> list[str]:
    assert store.folder
    return sorted(one.name for one in Path(store.folder).rglob("*") if one.is_file())


async def rows(database: Database, cast: Cast) -> tuple[list[str], list[str]]:
    """Titles of change requests and names of files that there are."""
    async with database.read() as db:
        project = (await cast.scope(db, "wei")).project_id
        titles = await db.scalars(select(ChangeRequest.title).where(ChangeRequest.project_id == project))
        return list(titles), list(await db.scalars(select(File.name).where(File.project_id == project)))


async def test_files_come_with_the_request_and_both_sides_see_them(
    browser: Browser, database: Database, cast: Cast
) -> None:
    photo, paper = ("IMG 1.png", picture()), ("plan.txt", b"North is up.")
    answer = await browser.send(CHANGES, "ada", photo, ("sketch.pdf", document(1, 200, 100)), paper, **WORDS)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{CHANGES}/1?notice=raised")
    for who in ("ada", "eve", "dan"):
        page = await browser.open(f"{CHANGES}/1", who)
        sent = page.all("ul[@class='sent']/li")
        assert [page.words(one) for one in sent] == ["IMG 1.png", "sketch.pdf", "plan.txt"]
        shown = [one.get("src") for one in page.all("ul[@class='sent']//img")]
        assert shown == [f"/projects/BRIDGE/files/{number}/preview" for number in (1, 2)]
        for address in (*shown, "/projects/BRIDGE/files/3"):
            assert (await browser.get(address, who)).status_code == 200
    assert (await browser.get("/projects/BRIDGE/files/1", "mallory")).status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("empty.jpg", b"", "The file is empty."),
        ("bomb.png", png_that_claims(65_535, 65_535), "more points than we decode"),
        ("film.mov", b"x" * 5000, "larger than a file may be here"),
    ],
)
async def test_a_refused_file_names_itself_and_no_word_is_lost(
    browser: Browser, database: Database, cast: Cast, store: Store, name: str, content: bytes, why: str
) -> None:
    store.max_bytes = 4000
    refused = await browser.send(CHANGES, "ada", ("good.png", picture()), (name, content), **WORDS)
    assert refused.status_code == 422
    for said in (
        f"<strong>{name}</strong>",
        why,
        "Lamps on both sides.",
        "It is &lt;dark&gt;.",
        "choose the files once",
    ):
        assert said in refused.text
    assert "good.png" not in refused.text
    assert (await rows(database, cast), lying(store)) == (([], []), [])


async def test_a_virus_is_refused_by_name(browser: Browser, database: Database, cast: Cast, store: Store) -> None:
    async with clamd() as scanner:
        store.scanner = scanner.url
        refused = await browser.send(CHANGES, "ada", ("a.txt", b"clean"), ("b.exe", EICAR), **WORDS)
    assert refused.status_code == 422
    assert "<strong>b.exe</strong>: The virus scanner refuses this file." in refused.text
    assert (await rows(database, cast), lying(store)) == (([], []), [])


async def test_each_file_that_is_one_too_many_is_named(browser: Browser, store: Store) -> None:
    many = [(f"{number}.txt", b"%d" % number) for number in range(12)]
    refused = await browser.send(CHANGES, "ada", *many, **WORDS)
    assert refused.status_code == 422
    assert [name for name, _ in many if f"<strong>{name}</strong>" in refused.text] == ["10.txt", "11.txt"]
    assert lying(store) == []


async def test_after_a_refused_file_no_more_is_read_than_a_file_may_have(browser: Browser, store: Store) -> None:
    store.max_bytes = 4000
    film = ("film.mov", b"x" * 3_000_000)
    refused = await browser.send(CHANGES, "ada", film, ("another.mov", film[1]), **WORDS)
    assert refused.status_code == 422
    assert "film.mov" in refused.text
    assert "Lamps on both sides." in refused.text


async def test_words_that_are_wrong_keep_no_file(
    browser: Browser, database: Database, cast: Cast, store: Store
) -> None:
    refused = await browser.send(CHANGES, "ada", ("good.png", picture()), **(WORDS | {"title": ""}))
    assert refused.status_code == 422
    assert "Please choose the files once more." in refused.text
    assert (await rows(database, cast), lying(store)) == (([], []), [])


async def test_who_may_not_ask_sends_no_byte(browser: Browser, store: Store) -> None:
    for who in ("eve", "finn", "dan", "wei"):
        assert (await browser.send(CHANGES, who, ("good.png", picture()), **WORDS)).status_code == 403
    assert lying(store) == []


async def test_of_many_at_once_exactly_those_come_in_for_which_there_is_room(
    browser: Browser, database: Database, cast: Cast, store: Store
) -> None:
    store.project_bytes = 3500
    sent = [browser.send(CHANGES, "ada", (f"{at}.bin", bytes([at]) * 1000), **WORDS) for at in range(1, 9)]
    answers = await asyncio.gather(*sent)
    assert sorted(one.status_code for one in answers) == [303] * 3 + [422] * 5
    for one in answers:
        if one.status_code == 422:
            assert "take all the room that they may" in one.text
            assert "Lamps on both sides." in one.text
    titles, names = await rows(database, cast)
    assert (len(titles), len(names), len(lying(store))) == (3, 3, 3)
