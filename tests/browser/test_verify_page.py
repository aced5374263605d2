"""The page that verifies receipts, in the real browser: dropped or chosen, with and without scripts, for everybody."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.async_api import Page

from portal.ledger.models import Receipt
from portal.ledger.receipt_files import receipt_json
from tests.browser.conftest import LONG_WORD, Visit
from tests.browser.test_every_page import access_faults, form_faults
from tests.support.receipts import CONTENT, EVIDENCE, seal

DROP = """text => {
  const carried = new DataTransfer();
  carried.items.add(new File([text], "receipt.json"));
  for (const kind of ["dragenter", "dragover", "drop"])
    document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def receipt(portal: FastAPI) -> bytes:
    """A receipt of this portal with long words in it."""
    content = CONTENT | {"description": LONG_WORD * 3, "criteria": [LONG_WORD], "facts": [[LONG_WORD, LONG_WORD]]}
    evidence = EVIDENCE | {"name": LONG_WORD, "email": f"{LONG_WORD}@example.com"}
    token = seal(portal.state.keys, 9, content, evidence, portal.state.settings.base_url, comment=LONG_WORD)
    return receipt_json(Receipt(seq=9, token=token, timestamp=None), portal.state.settings.base_url)


def forged(receipt: bytes) -> bytes:
    document = json.loads(receipt)
    return json.dumps(document | {"receipt": document["receipt"][:-87] + "A" * 87}).encode()


async def sent(page: Page, folder: Path, content: bytes) -> None:
    (folder / "receipt.json").write_bytes(content)
    await page.set_input_files("input[type=file]", str(folder / "receipt.json"))
    await page.locator("form button.primary").click()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "scheme", "locale"), [(1280, "light", "en"), (360, "dark", "ru"), (360, "light", "zh_CN")]
)
async def test_its_answers_are_for_everybody(
    visit: Visit, receipt: bytes, tmp_path: Path, width: int, scheme: Any, locale: str
) -> None:
    visitor = await visit(width=width, color_scheme=scheme, locale=locale)
    for content, answer in ((receipt, ".holds"), (forged(receipt), ".fails")):
        await visitor.open("/verify")
        await sent(visitor.page, tmp_path, content)
        await visitor.page.wait_for_selector(answer)
        assert await form_faults(visitor.page) + await access_faults(visitor.page) == []


async def test_a_dropped_file_is_verified_at_once(visit: Visit, receipt: bytes) -> None:
    visitor = await visit()
    await visitor.open("/verify")
    await visitor.page.evaluate(DROP, receipt.decode())
    await visitor.page.wait_for_selector(".holds")
    assert await visitor.page.locator(".what").inner_text() == "Screen: checkout, version 2"


async def test_it_works_without_scripts(visit: Visit, receipt: bytes, tmp_path: Path) -> None:
    visitor = await visit(java_script_enabled=False)
    await visitor.open("/verify")
    assert not await visitor.page.locator(".hint").is_visible()
    await sent(visitor.page, tmp_path, receipt)
    await visitor.page.wait_for_selector(".holds")
