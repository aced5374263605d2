"""The keys that sign this test's receipts, and a design that the client sees."""

from pathlib import Path

import pytest

from portal.db import Database
from portal.designs.models import Design
from portal.ledger.keys import SigningKeys
from tests.support import designs
from tests.support.cast import Cast
from tests.support.decisions import keys_in


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    """The portal's signing keys."""
    return keys_in(tmp_path)


@pytest.fixture
async def design(database: Database, cast: Cast) -> Design:
    """BRIDGE's design 1 with version 1 of one picture, which the client sees."""
    return await designs.shown(database, cast)
