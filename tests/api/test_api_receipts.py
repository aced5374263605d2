"""The receipt of an answer over HTTP: the file that the client has, for those of the staff who may see the decision."""

from pathlib import Path

import pytest

from portal.ledger import receipts
from portal.ledger.models import Audience
from portal.ledger.receipt_files import read_json, receipt_json
from tests.api.conftest import BASE, Api
from tests.support.decisions import answer, ask, keys_in

B = "/v1/projects/BRIDGE/decisions"


async def test_it_is_the_file_that_the_client_gets(api: Api, tmp_path: Path) -> None:
    keys = keys_in(tmp_path)
    kept = await answer(api.database, api.cast, keys, await ask(api.database, api.cast, subject_number=50))
    shown = await api.get(f"{B}/1")
    document = await api.get(f"{B}/1/receipts/{shown['answers'][0]['seq']}")
    assert document == {
        "receipt": kept.receipt.token, "timestamp": None, "keys_url": f"{BASE}/.well-known/portal-keys.json",
    }  # fmt: skip
    assert read_json(receipt_json(kept.receipt, BASE)).token == document["receipt"]
    assert receipts.verify(document["receipt"], keys.public).disclosed["evidence"]["sub"] == "ada"


@pytest.mark.parametrize("address", ["1/receipts/1", "2/receipts/1", "1/receipts/2147483647"])
async def test_what_is_no_receipt_of_that_decision(api: Api, tmp_path: Path, address: str) -> None:
    await answer(api.database, api.cast, keys_in(tmp_path), await ask(api.database, api.cast, subject_number=50))
    await api.get(f"{B}/{address}", expect=404)


async def test_prices_reach_only_those_who_may_see_money(api: Api, tmp_path: Path) -> None:
    asked = await ask(api.database, api.cast, subject_number=51, audience=Audience.BILLING)
    kept = await answer(api.database, api.cast, keys_in(tmp_path), asked)
    await api.get(f"{B}/1/receipts/{kept.receipt.seq}", by="maria")
    await api.get(f"{B}/1/receipts/{kept.receipt.seq}", by="dan", expect=404)
