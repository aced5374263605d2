"""A portal that runs as it would anywhere, as a process of its own, with its provider and mail server; its visitors."""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from playwright.async_api import Browser, Page

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
            env=self.environment, cwd=HOUSE, text=True, capture_output=True, timeout=180,
        )  # fmt: skip
        assert ended.returncode == 0, (arguments, ended.stdout, ended.stderr)
        return ended.stdout

    async def api(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """A call of the staff API by the registered robot."""
        async with httpx2.AsyncClient(trust_env=False) as http:
            wish = {"grant_type": "client_credentials", "scope": "staff:admin"}
            got = await http.post(f"{self.provider.issuer}/token", data=wish, auth=("staff-tool", "staff-tool-secret"))
            headers = {"Authorization": f"Bearer {got.json()['access_token']}"} | options.pop("headers", {})
            if method == "POST":
                headers |= {"Idempotency-Key": uuid4().hex}
            answer = await http.request(method, f"{self.base}/api/v1{path}", headers=headers, **options)
        assert answer.is_success, answer.text
        return answer

    async def mail_to(self, address: str, subject: str = "") -> str:
        """The text of the first mail for somebody whose subject has these words."""
        async with asyncio.timeout(120):
            while (message := self._mail(address, subject)) is None:  # noqa: ASYNC110 -- another process sends it
                await asyncio.sleep(0.05)
        text = message.get_body(("plain",))
        assert text is not None
        return str(text.get_content())

    def _mail(self, address: str, subject: str) -> EmailMessage | None:
        sent = zip(self.mail.recipients, self.mail.messages, strict=False)
        return next((one for to, one in sent if to == address and subject in str(one["Subject"])), None)


@pytest.fixture
def house(
    tmp_path: Path, smtp: mail.MailServer, certified_provider: Callable[..., certified.Certified]
) -> Iterator[House]:
    """A portal with one project, imported by command from a real export."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    provider = certified_provider(base)
    listed = {"name": "main", "label": "Client A", "issuer": provider.issuer, "client_id": provider.client_id,
              "client_secret": provider.client_secret, "step_up_acr": "urn:portal:acr:mfa"}  # fmt: skip
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
        ends = time.monotonic() + 120
        while not is_ready(house.base):
            assert process.poll() is None and time.monotonic() < ends, "the portal did not start"  # noqa: PT018
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=60)


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
        context.set_default_timeout(30_000)
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
