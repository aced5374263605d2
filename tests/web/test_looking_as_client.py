"""Staff with a client's eyes, and the page that says what those can see."""

import pytest

from portal.db import Database
from tests.support.cast import Cast, add_item
from tests.web.conftest import BASE, Browser


@pytest.fixture
async def both(database: Database, cast: Cast) -> Cast:
    """An item for the client and an internal one."""
    await add_item(database, cast, title="Open work")
    await add_item(database, cast, title="Hidden work", audience="internal")
    return cast


async def test_staff_see_the_clients_pages_until_they_stop(browser: Browser, both: Cast) -> None:
    begun = await browser.post("/projects/BRIDGE/view-as", "dan", roles="approver")
    assert (begun.status_code, begun.headers["location"]) == (303, "/projects/BRIDGE")
    page = await browser.open("/projects/BRIDGE/backlog", "dan")
    assert "You are looking as the client." in page.text
    assert "Hidden work" not in page.text
    await browser.open("/projects/BRIDGE/items/2", "dan", expect=404)
    await browser.open("/projects/BRIDGE/visibility", "dan", expect=404)
    ended = await browser.post("/projects/BRIDGE/view-as/end", "dan")
    assert (ended.status_code, ended.headers["location"]) == (303, "/projects/BRIDGE/visibility")
    assert "Hidden work" in (await browser.open("/projects/BRIDGE/backlog", "dan")).text


async def test_the_same_page_is_the_same_text_but_for_who_looks(browser: Browser, both: Cast) -> None:
    client = await browser.open("/projects/BRIDGE/backlog", "eve")
    await browser.post("/projects/BRIDGE/view-as", "dan")
    staff = await browser.open("/projects/BRIDGE/backlog", "dan")
    assert client.words(client.all("main")[0]) == staff.words(staff.all("main")[0])


async def test_looking_is_for_one_project_alone(browser: Browser, both: Cast) -> None:
    await browser.post("/projects/BRIDGE/view-as", "dan")
    assert "You are looking as the client." not in (await browser.open("/projects/HARBOUR", "dan")).text


@pytest.mark.parametrize(("who", "status"), [("ada", 403), ("mallory", 404)])
async def test_only_staff_may_look_as_somebody_else(browser: Browser, both: Cast, who: str, status: int) -> None:
    assert (await browser.post("/projects/BRIDGE/view-as", who, roles="billing")).status_code == status
    assert (await browser.post("/projects/BRIDGE/view-as/end", who)).status_code == status
    await browser.open("/projects/BRIDGE/visibility", who, expect=404)


async def test_an_unknown_role_is_refused(browser: Browser, both: Cast) -> None:
    assert (await browser.post("/projects/BRIDGE/view-as", "dan", roles="king")).status_code == 422


async def test_a_form_from_elsewhere_changes_nothing(browser: Browser, both: Cast) -> None:
    for headers in ({}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        response = await browser.client.post(
            "/projects/BRIDGE/view-as", headers=browser.cast.cookie("dan") | headers, data={"roles": "viewer"}
        )
        assert response.status_code == 403
    assert "You are looking" not in (await browser.open("/projects/BRIDGE", "dan")).text
    assert BASE == "http://portal.example"


async def test_staff_read_what_is_open_and_what_is_not(browser: Browser, both: Cast) -> None:
    page = await browser.open("/projects/BRIDGE/visibility", "wei")
    sections = {page.words(one.find("h2")): page.words(one) for one in page.all("section")}
    assert "opened 1" in sections["Open to the client"]
    assert "Hidden work" in sections["Internal items"]
    assert "Open work" not in sections["Internal items"]
    assert all(name in sections["Who looks Acme"] for name in ("Ada", "Eve", "Finn"))
    assert "Mallory" not in page.text
