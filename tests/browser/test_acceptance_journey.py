"""A project's end: criteria, a round, a defect that is mended, the second round, reservations, the proof, the invoice.

The client comes by mail and the certified provider; the agency works through its API alone.
"""

import io
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pypdf
import pytest
from playwright.async_api import Page, expect

from tests.api.test_api_billing import CONTRACT, PARTY, PAYMENT, PLAN, SELLER
from tests.support.house import ADDRESS, ANNA, House, in_english, sign_in

PROJECT = "/projects/RECALLS"
ROUNDS = f"{PROJECT}/tests/1/rounds"
CASES = [
    {"title": "One signs in", "priority": 1, "steps": [{"action": "Sign in", "expected": "The front page"}]},
    {"title": "One pays", "priority": 1, "expected": "A receipt"},
]


async def prepare(house: House) -> None:
    """What is billed when the milestone is accepted, and what is tested before that."""
    post = house.api
    await post("POST", "/issuers", json={"code": "BH", "party": SELLER, "payment": PAYMENT})
    await post("POST", f"{PROJECT}/milestones", json={"name": "Beta"})
    await post("POST", f"{PROJECT}/contract", json=CONTRACT)
    await post("POST", f"{PROJECT}/billing/account", json={"issuer": "BH", "buyer": PARTY})
    await post("POST", f"{PROJECT}/billing/plan", json=PLAN)
    criteria = {"all_run": True, "most_failed": {"1": 0}}
    await post("POST", f"{PROJECT}/tests", json={"title": "Beta", "milestone_number": 1, "criteria": criteria})
    await post("POST", f"{PROJECT}/tests/1/cases", json={"cases": CASES})
    await post("POST", f"{PROJECT}/tests/1/offer", json={})


async def begin(house: House, build: str) -> None:
    """A round with the client's one member as its tester."""
    members = (await house.api("GET", f"{PROJECT}/memberships")).json()["items"]
    wanted = {"testers": [members[0]["person_id"]], "build": build, "build_hash": "9f2c41d07be1"}
    await house.api("POST", ROUNDS, json=wanted)


async def mark(page: Page, key: str, remark: str = "") -> None:
    """One case by its key, and on to the next."""
    before = page.url
    await page.keyboard.press(key)
    await page.get_by_label("What did you see?").fill(remark)
    await page.get_by_role("button", name="Keep and go on").click()
    await page.wait_for_url(lambda url: url != before)


async def accept(page: Page) -> None:
    """The answer with a reservation, and the second factor that the provider asks for in between."""
    await page.get_by_role("radio", name=re.compile("I accept, with reservations")).check()
    await page.get_by_label("Remarks or reason").fill("- The footer on a phone — 2031-12-10")
    await page.get_by_role("button", name="Send the answer").click()
    await page.get_by_label("User").fill(ANNA)
    await page.get_by_label("Password").fill(f"pw-{ANNA}")
    await page.get_by_label("Code").fill("000000")
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Send the answer").click()
    await expect(page.get_by_text("Thank you. Your answer is kept")).to_be_visible()


@pytest.mark.slow
async def test_from_the_criteria_to_the_signed_protocol_and_the_invoice(
    house: House, open_page: Any, tmp_path: Path
) -> None:
    house.command("invite", ADDRESS, "--project", "RECALLS", "--roles", "approver,tester")
    (link,) = re.findall(r"http://\S+", await house.mail_to(ADDRESS))
    page = await open_page()
    await sign_in(page, link, ANNA)
    await in_english(page)
    await prepare(house)

    await begin(house, "1.0")
    await page.goto(f"{house.base}{ROUNDS}/1/cases/1")
    await mark(page, "1")
    await mark(page, "2", "There is no receipt.")
    await page.goto(f"{house.base}{ROUNDS}/1/cases/2")
    await page.get_by_text("Make a defect of it").click()
    await page.get_by_label("What is wrong?").fill("No receipt after paying")
    await page.get_by_role("button", name="Make the defect").click()
    await expect(page.locator("#defects")).to_contain_text("No receipt after paying")
    await house.api("POST", f"{ROUNDS}/1/closing", json={})
    await page.goto(f"{house.base}{PROJECT}/tests/1")
    await expect(page.locator("#criteria")).to_contain_text("Missing: 1")

    await mend(house, page)
    await begin(house, "1.1")
    await page.goto(f"{house.base}{ROUNDS}/2")
    assert await page.locator("input[name=cases]").count() == 1
    await page.goto(f"{house.base}{ROUNDS}/2/cases/2")
    await mark(page, "1")
    await house.api("POST", f"{ROUNDS}/2/closing", json={})
    asked = (await house.api("POST", f"{PROJECT}/tests/1/acceptances", json={})).json()

    await page.goto(f"{house.base}{PROJECT}/decisions/{asked['decision_number']}")
    await expect(page.locator("main")).not_to_contain_text("Missing")
    await accept(page)
    await page.goto(f"{house.base}{PROJECT}/tests/1")
    await expect(page.locator("#acceptances")).to_contain_text("The footer on a phone")
    await verify(house, page, tmp_path)
    invoices = (await house.api("GET", f"{PROJECT}/invoices")).json()["items"]
    assert [one["state"] for one in invoices] == ["draft"]
    milestone = (await house.api("GET", f"{PROJECT}/milestones/1")).json()
    assert milestone["accepted_on"]


async def mend(house: House, page: Page) -> None:
    """The agency does what the defect asks for."""
    address = await page.request.get(f"{house.base}{ROUNDS}/1/cases/2")
    number = re.search(rf'{PROJECT}/items/(\d+)">No receipt after paying', await address.text())
    assert number is not None
    columns = (await house.api("GET", f"{PROJECT}/statuses")).json()["items"]
    done = next(one["name"] for one in columns if one["category"] == "done")
    path = f"{PROJECT}/items/{number[1]}"
    await house.api("PATCH", path, json={"status": done}, headers={"If-Match": "*"})


async def verify(house: House, page: Page, folder: Path) -> None:
    """The protocol as it is saved: its receipt is good, and the digest on the page is that of what is inside."""
    async with httpx2.AsyncClient(trust_env=False) as http:
        keys = (await http.get(f"{house.base}/.well-known/portal-keys.json")).text
    (folder / "keys.json").write_text(keys)
    address = await page.get_by_role("link", name="Protocol (PDF)").get_attribute("href")
    pdf = await (await page.request.get(f"{house.base}{address}")).body()
    (folder / "protocol.pdf").write_bytes(pdf)
    said = house.command("verify", str(folder / "protocol.pdf"), "--keys", str(folder / "keys.json"))
    assert "Beta" in said
    read = pypdf.PdfReader(io.BytesIO(pdf))
    inside = {one.name: bytes(one.content) for one in read.attachment_list}
    shown = "".join(one.extract_text() for one in read.pages)
    assert sha256(inside["protocol.json"]).hexdigest() in shown
    assert "9f2c41d07be1" in shown
