"""The keys that sign this test's receipts."""

from pathlib import Path

import pytest

from portal.ledger.keys import SigningKeys
from tests.support.decisions import keys_in


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    """The portal's signing keys."""
    return keys_in(tmp_path)
