"""The keys that sign this test's receipts, and the API."""

from pathlib import Path

import pytest

from portal.ledger.keys import SigningKeys
from tests.api.conftest import api, cast, portal
from tests.support.decisions import keys_in

__all__ = ["api", "cast", "portal"]


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    """The portal's signing keys."""
    return keys_in(tmp_path)
