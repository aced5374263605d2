"""The keys that sign this test's receipts, the API, and a browser."""

from pathlib import Path

import pytest

from portal.ledger.keys import SigningKeys
from tests.api.conftest import api
from tests.support.decisions import keys_in
from tests.web.conftest import browser, portal

__all__ = ["api", "browser", "portal"]


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    """The portal's signing keys."""
    return keys_in(tmp_path)
