"""The main job whole: import a real export, invite the client, who signs in at a certified provider and follows it.

The portal runs as it would anywhere, as a process of its own; only what people and programs can do is used.
"""

import asyncio
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.async_api import Browser, Page, expect

from portal.demo.load import DATA
from tests.support import certified, databases, mail, run
from tests.support.ports import free_port

EXPORT = DATA / "fda-food-recalls.json"
ANNA, BORIS = "client.anna", "client.boris"
ADDRESS = "anna@client-a.example"
HOUSE = Path(__file__).parents[2]


@dataclass(frozen=True)
class House:
    """A portal that serves, the provider that its people sign in at, and the mail that it has sent."""

    base: str
    provider: certified.Certified
    mail: mail.MailServer
    environment: dict[str, str]

    def command(self, *arguments: str) -> str:
        """Runs a command of the portal; what it printed. A refusal fails the test."""
        ended = subprocess.run(
            [sys.executable, "-m", "portal.cli", *arguments],
            env=self.environment, cwd=HOUSE, text=True, capture_output=True, timeout=60,
        )  # fmt: skip
        assert ended.returncode == 0, (arguments, ended.stdout, ended.stderr)
        return ended.stdout

    async def api(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """A call of the staff API by the registered robot."""
        async with httpx2.AsyncClient(trust_env=False) as http:
            wish = {"grant_type": "client_credentials", "scope": "staff:admin"}
            got = await http.post(f"{self.provider.issuer}/token", data=wish, auth=("staff-tool", "staff-tool-secret"))
            headers = {"Authorization": f"Bearer {got.json()['access_token']}"} | options.pop("headers", {})
            answer = await http.request(method, f"{self.base}/api/v1{path}", headers=headers, **options)
        assert answer.is_success, answer.text
        return answer

    async def mail_to(self, address: str) -> str:
        """The text of the mail that arrives for somebody."""
        async with asyncio.timeout(15):
            while address not in self.mail.recipients:  # noqa: ASYNC110 -- the portal's own process sends it
                await asyncio.sleep(0.05)
        message = self.mail.messages[self.mail.recipients.index(address)]
        text = message.get_body(("plain",))
        assert text is not None
        return str(text.get_content())


@pytest.fixture
def house(
    tmp_path: Path, smtp: mail.MailServer, certified_provider: Callable[..., certified.Certified]
) -> Iterator[House]:
    """A portal with one project, imported by command from a real export."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    provider = certified_provider(base)
    listed = {"name": "main", "label": "Client A", "issuer": provider.issuer, "client_id": provider.client_id,
              "client_secret": provider.client_secret}  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")} | {
        "PORTAL_DATA_DIR": str(tmp_path), "PORTAL_BASE_URL": base, "PORTAL_SMTP_URL": smtp.url,
        "PORTAL_SECRET_KEY": "k2J9-random-enough-7Qw5-Zx81-Lm-4t", "PORTAL_OIDC_PROVIDERS": json.dumps([listed]),
        "PORTAL_API_ISSUER": provider.issuer, "PORTAL_AGENCY_NAME": "Bright Harbour",
    }  # fmt: skip
    one = House(base, provider, smtp, environment)
    imported(one, tmp_path / "portal.sqlite")
    with served(one, port):
        yield one


def imported(house: House, database: Path) -> None:
    """Fills the database by commands; what they made is kept for the run's other tests, which start from a copy."""
    template = run.folder() / "imported.sqlite"
    with run.locked("imported"):
        if not template.exists():
            databases.sqlite_copy(database)
            house.command("project", "add", "RECALLS", "--name", "Food recalls", "--client", "Client A")
            house.command("import", "trello", str(EXPORT), "--project", "RECALLS")
            house.command("robots", "add", "staff-tool", "--name", "Staff tool", "--scope", "staff:admin")
            with closing(sqlite3.connect(database)) as made, closing(sqlite3.connect(template)) as kept:
                made.backup(kept)
    shutil.copyfile(template, database)


@contextmanager
def served(house: House, port: int) -> Iterator[None]:
    """`portal serve`, from when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "portal.cli", "serve", "--port", str(port)],
        env=house.environment, cwd=HOUSE, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        ends = time.monotonic() + 30
        while not is_ready(house.base):
            assert process.poll() is None and time.monotonic() < ends, "the portal did not start"  # noqa: PT018
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=20)


def is_ready(base: str) -> bool:
    """Whether the portal says that it is ready."""
    try:
        return httpx2.get(f"{base}/readyz", trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


@pytest.fixture
async def open_page(browser: Browser) -> AsyncIterator[Callable[..., Any]]:
    """Opens a browser of somebody's own, in English unless they have said otherwise at their provider."""
    contexts = []

    async def open_one() -> Page:
        context = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
        context.set_default_timeout(10_000)
        contexts.append(context)
        return await context.new_page()

    yield open_one
    for context in contexts:
        await context.close()


async def sign_in(page: Page, start: str, who: str) -> None:
    """From an address of the portal to the provider, and back."""
    await page.goto(start)
    await page.get_by_role("link", name="Continue with Client A").click()
    await page.get_by_label("User").fill(who)
    await page.get_by_label("Password").fill(f"pw-{who}")
    await page.get_by_role("button", name="Sign in").click()


async def in_english(page: Page) -> None:
    """Chooses English in the page's menu."""
    await page.locator("details.menu summary").first.click()
    await page.get_by_role("button", name="English").click()


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
    await page.get_by_role("link", name="Activity", exact=True).click()
    assert await page.locator(".story > li").count() > 10


async def search_and_filter(page: Page) -> None:
    """The backlog narrowed to a word and to a status, and one of its items."""
    await page.get_by_role("link", name="Backlog", exact=True).click()
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
