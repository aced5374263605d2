"""A project with a contract, a milestone and an item; and the keys that sign receipts."""

from pathlib import Path

import pytest

from portal.changes.models import Contract
from portal.db import Database
from portal.ledger.keys import SigningKeys
from tests.support.cast import Cast
from tests.support.changes import set_stage
from tests.support.decisions import keys_in


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    """The portal's signing keys."""
    return keys_in(tmp_path)


@pytest.fixture
async def contract(database: Database, cast: Cast) -> Contract:
    """The contract of BRIDGE, for 10,000.00."""
    return await set_stage(database, cast)
