"""The gate: which addresses it opens a session for, and what becomes of those that only look like others."""

import pytest

from tests.web.conftest import Browser


@pytest.mark.parametrize(
    "path", ["invoices/foo.pdf", "items/1.pdf", "milestones/live", "designs/files/7", "x.pdf", "live/live"]
)
async def test_an_address_made_up_like_a_files_leads_nowhere(browser: Browser, path: str) -> None:
    for who in ("ada", "maria"):
        assert (await browser.get(f"/projects/BRIDGE/{path}", who)).status_code in (404, 422)
