"""A design from the first look to the proof: seen, remarked on, drawn anew, approved after a second factor, verified.

The client comes by mail and the certified provider; the agency works through its API; the receipt is checked by the
command line with the published keys alone.
"""

import io
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image, ImageDraw
from playwright.async_api import Page, expect

from tests.support.house import ADDRESS, ANNA, House, in_english, sign_in

PROJECT = "/projects/RECALLS"


def screen(words: str) -> bytes:
    """A picture of a screen."""
    picture = Image.new("RGB", (800, 500), "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((40, 40, 760, 120), fill="#3451b2")
    draw.text((60, 70), words, fill="white")
    kept = io.BytesIO()
    picture.save(kept, "PNG")
    return kept.getvalue()


async def publish(house: House, words: str, note: str, **ask: Any) -> None:
    """The agency uploads a picture, makes it the design's next version and shows it to the client."""
    path = f"{PROJECT}/files?name={words}.png&audience=client"
    bytes_follow = {"Content-Type": "application/octet-stream"}
    file = (await house.api("POST", path, content=screen(words), headers=bytes_follow)).json()["number"]
    version = await house.api("POST", f"{PROJECT}/designs/1/versions", json={"note": note, "files": [file]})
    number = version.json()["version"]
    await house.api("POST", f"{PROJECT}/designs/1/versions/{number}/publication", json={"ask": ask} if ask else {})


async def pin(page: Page, text: str) -> None:
    """A remark on the picture, by mouse."""
    picture = page.locator(".canvas img")
    await picture.evaluate("one => one.decode()")
    await picture.click(position={"x": 120, "y": 60})
    await page.get_by_label("Your remark at this place").fill(text)
    await page.get_by_role("button", name="Pin the remark").click()
    await expect(page.locator(".pin", has_text=text)).to_be_visible()


async def approve(page: Page) -> None:
    """The answer, with the second factor that the provider asks for in between."""
    await page.get_by_role("radio", name=re.compile("I approve as it stands|I approve$")).first.check()
    await page.get_by_label("Remarks or reason").fill("Now it can be built.")
    await page.get_by_role("button", name="Send the answer").click()
    await page.get_by_label("User").fill(ANNA)
    await page.get_by_label("Password").fill(f"pw-{ANNA}")
    await page.get_by_label("Code").fill("000000")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("What you had written was kept.")).to_be_visible()
    assert await page.get_by_label("Remarks or reason").input_value() == "Now it can be built."
    await page.get_by_role("button", name="Send the answer").click()
    await expect(page.get_by_text("Thank you. Your answer is kept")).to_be_visible()


@pytest.mark.slow
async def test_a_design_is_approved_and_the_receipt_holds_without_the_portal(
    house: House, open_page: Any, tmp_path: Path
) -> None:
    house.command("invite", ADDRESS, "--project", "RECALLS", "--roles", "approver")
    (link,) = re.findall(r"http://\S+", await house.mail_to(ADDRESS))
    page = await open_page()
    await sign_in(page, link, ANNA)
    await in_english(page)
    await house.api("POST", f"{PROJECT}/designs", json={"title": "The first screen"})
    await publish(house, "first", "The first draft.", holds_up="The first release")

    letter = await house.mail_to(ADDRESS, "The first screen")
    await page.goto(next(one for one in re.findall(r"http://\S+", letter) if "/go/" in one))
    await page.goto(f"{house.base}{PROJECT}/designs/1")
    await pin(page, "The title is too small.")
    await publish(house, "second", "A larger title.")

    await page.goto(f"{house.base}/waiting")
    await page.get_by_role("link", name=re.compile("The first screen")).first.click()
    await expect(page.locator(".lede")).to_contain_text("Design 1, version 2")
    await approve(page)
    await verify_offline(house, page, tmp_path)


async def verify_offline(house: House, page: Page, folder: Path) -> None:
    """The receipt in both forms, the published keys, and a command that needs nothing else; then a forged one."""
    async with httpx2.AsyncClient(trust_env=False) as http:
        keys = (await http.get(f"{house.base}/.well-known/portal-keys.json")).text
    (folder / "keys.json").write_text(keys)
    for kind in ("JSON", "PDF"):
        address = await page.get_by_role("link", name=kind, exact=True).first.get_attribute("href")
        answer = await page.request.get(f"{house.base}{address}")
        assert answer.ok
        file = folder / f"receipt.{kind.lower()}"
        file.write_bytes(await answer.body())
        said = house.command("verify", str(file), "--keys", str(folder / "keys.json"))
        assert "The first screen" in said
        assert "version 2" in said
    forged = json.loads((folder / "receipt.json").read_text())
    head, payload, signature = forged["receipt"].split(".")
    forged["receipt"] = ".".join((head, payload[:-8] + ("A" * 8), signature))
    (folder / "forged.json").write_text(json.dumps(forged))
    with pytest.raises(AssertionError):
        house.command("verify", str(folder / "forged.json"), "--keys", str(folder / "keys.json"))
