"""A store for the files of invoices, and the keys of receipts."""

from pathlib import Path

import pytest

from portal.files.store import Store
from portal.ledger.keys import SigningKeys
from tests.support.billing import store_in
from tests.support.decisions import keys_in


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Where the files of this test lie."""
    return store_in(tmp_path)


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    """The portal's signing keys."""
    return keys_in(tmp_path)
