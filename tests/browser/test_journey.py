"""The main job whole: import a real export, invite the client, who signs in at a certified provider and follows it.

The portal runs as it would anywhere, as a process of its own; only what people and programs can do is used.
"""

import re
from typing import Any

from playwright.async_api import Page, expect

from tests.support.house import ADDRESS, ANNA, BORIS, House, in_english, sign_in


async def test_a_client_follows_a_project_from_the_mail_to_the_way_out(house: House, open_page: Any) -> None:
    said = house.command("invite", ADDRESS, "--project", "RECALLS", "--roles", "approver")
    assert f"{ADDRESS} is invited to RECALLS" in said
    letter = await house.mail_to(ADDRESS)
    assert "the project Food recalls for Client A" in letter
    (link,) = re.findall(r"http://\S+", letter)

    page = await open_page()
    await sign_in(page, link, ANNA)
    await expect(page.locator("h1")).to_have_text("Проекты")  # her provider says that she reads Russian
    await in_english(page)
    await expect(page.locator("h1")).to_have_text("Projects")
    await page.get_by_role("link", name="Food recalls").click()
    await look_around(page)
    await sign_out(page)


async def look_around(page: Page) -> None:
    """All pages of the project, by its own links."""
    await expect(page.locator("h1")).to_have_text("Overview")
    for question in ("What do you need from me?", "When will it be finished?", "What was done?"):
        await expect(page.get_by_role("heading", name=question)).to_be_visible()
    await search_and_filter(page)
    await page.get_by_role("link", name="Board", exact=True).click()
    columns = await page.locator(".board h2").all_inner_texts()
    assert len(columns) >= 4
    await page.get_by_role("link", name="Burndown", exact=True).click()
    await expect(page.get_by_role("img", name="Burndown of the whole project")).to_be_visible()
    await page.get_by_text("The same figures as a table").first.click()
    assert await page.locator("details[open] tbody tr").count() > 10
    await page.get_by_role("link", name="Overview", exact=True).click()
    await page.get_by_role("link", name="Activity", exact=True).click()
    await expect(page.locator("h1")).to_have_text("Activity")
    assert await page.locator(".story > li").count() > 10


async def search_and_filter(page: Page) -> None:
    """The backlog narrowed to a word and to a status, and one of its items."""
    await page.get_by_role("link", name="Work", exact=True).click()
    rows = page.locator("tbody tr")
    everything = await page.locator(".lede").inner_text()
    await page.get_by_label("Search").fill("recall")
    await page.get_by_role("button", name="Filter").click()
    await page.wait_for_url(re.compile("q=recall"))
    found = await rows.count()
    assert found > 0
    assert any("recall" in title.lower() for title in await rows.locator(".title > a").all_inner_texts())
    await page.get_by_role("link", name="Show everything").click()
    status = (await rows.locator(".badge").first.inner_text()).strip()
    await page.get_by_label("Status").select_option(status)
    await page.wait_for_url(re.compile("status="))
    await expect(page.locator(".lede")).not_to_have_text(everything)
    badges = await rows.locator("td:nth-child(3)").all_inner_texts()
    assert {badge.strip() for badge in badges} == {status}
    title = (await rows.locator(".title > a").first.inner_text()).strip()
    await rows.locator(".title > a").first.click()
    await expect(page.locator("h1")).to_have_text(title)
    assert await page.locator("#history .story > li").count() >= 1


async def sign_out(page: Page) -> None:
    """Here and at the provider; afterwards both ask who one is."""
    base = page.url.partition("/projects")[0]
    await page.locator("details.who > summary").click()
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("button", name="Log out").click()
    await expect(page.locator("main")).to_contain_text("You are signed out here and at your identity provider.")
    await page.goto(f"{base}/projects/RECALLS/backlog")
    await expect(page.locator("h1")).to_have_text("Sign in")
    await page.get_by_role("link", name="Continue with Client A").click()
    await expect(page.get_by_label("Password")).to_be_visible()


async def test_whoever_was_not_invited_is_told_so_and_sees_nothing(house: House, open_page: Any) -> None:
    page = await open_page()
    await sign_in(page, f"{house.base}/sign-in", BORIS)
    await expect(page.locator("h1")).to_have_text("You have not been invited yet")
    await page.goto(f"{house.base}/projects/RECALLS")
    await expect(page.locator("h1")).to_have_text("Sign in")
    people = (await house.api("GET", "/people")).json()["items"]
    assert people == []


async def test_a_client_of_one_project_finds_nothing_at_anothers_address(house: House, open_page: Any) -> None:
    house.command("project", "add", "OTHER", "--name", "Another one", "--client", "Client B")
    house.command("invite", "boris@client-b.example", "--project", "OTHER")
    page = await open_page()
    await sign_in(page, f"{house.base}/sign-in?next=/projects/OTHER", BORIS)
    await expect(page.locator("h1")).to_have_text("Overview")
    for path in ("", "/backlog", "/backlog.csv", "/board", "/burndown", "/items/1", "/activity", "/live"):
        foreign = await page.request.get(f"{house.base}/projects/RECALLS{path}")
        unknown = await page.request.get(f"{house.base}/projects/NOWHERE{path}")
        assert (foreign.status, unknown.status) == (404, 404), path
        assert "recall" not in (await foreign.text()).replace("/projects/RECALLS", "").lower()


async def test_a_membership_that_ends_is_over_at_the_next_request(house: House, open_page: Any) -> None:
    house.command("invite", ADDRESS, "--project", "RECALLS", "--locale", "en")
    page = await open_page()
    await sign_in(page, f"{house.base}/sign-in?next=/projects/RECALLS/backlog", ANNA)
    await in_english(page)
    await expect(page.locator("h1")).to_have_text("Backlog")
    (member,) = (await house.api("GET", "/projects/RECALLS/memberships")).json()["items"]
    address = f"/projects/RECALLS/memberships/{member['person_id']}"
    etag = (await house.api("GET", address)).headers["etag"]
    await house.api("DELETE", address, headers={"If-Match": etag})
    answer = await page.reload()
    assert answer is not None
    assert answer.status == 404
    await expect(page.locator("h1")).to_have_text("There is nothing here")
    await page.goto(f"{house.base}/projects")
    await expect(page.locator("main")).to_contain_text("You have no project here yet.")
