"""An item that an open offer would change stays before the client's eyes, whichever way somebody would hide it."""

import asyncio
from datetime import timedelta

import pytest
import time_machine

from portal import clock
from portal.errors import Conflict
from tests.api.conftest import Api
from tests.support.cast import add_item
from tests.support.changes import LATER, NOW, an_offer, everything, offered, priced, raised, set_stage, withdrawn

ITEMS = "/v1/projects/BRIDGE/items"
HIDDEN = {"audience": "internal"}
HELD = (
    "The client would no longer see what an open offer changes: item 1 (change request 1). Withdraw the change "
    "request, or price and offer it anew without that, and the item can go."
)
REMOVES = {"title": "Without foundations", "free": True, "items_changed": [{"number": 1, "removed": True}]}
KEPT_ANSWERS = "idempotency_key"
"""Where the API keeps what it answered to a POST."""


@pytest.fixture
async def stage(api: Api) -> Api:
    """A contract and item 1, which is known as F-1 elsewhere."""
    await set_stage(api.database, api.cast)
    await api.patch(f"{ITEMS}/1", {"external_ref": "F-1"})
    return api


async def hide(api: Api, way: str, *, expect: int) -> str:
    """Takes item 1 out of the client's sight; returns what is said to it."""
    calls = {
        "change": ("PATCH", f"{ITEMS}/1", {"json": HIDDEN, "match": "*"}),
        "removal": ("DELETE", f"{ITEMS}/1", {"match": "*"}),
        "upsert": ("POST", f"{ITEMS}/upsert", {"json": {"items": [{"external_ref": "F-1"} | HIDDEN]}}),
    }
    method, path, content = calls[way]
    answer = await api.call(
        method, path, expect=expect if expect > 400 else 204 if way == "removal" else 200, **content
    )
    return answer.json()["detail"] if expect > 400 else ""


@pytest.mark.parametrize("way", ["change", "removal", "upsert"])
async def test_it_is_refused_while_the_offer_stands_and_done_once_that_is_withdrawn(stage: Api, way: str) -> None:
    await an_offer(stage.database, stage.cast)
    before = await everything(stage.database, KEPT_ANSWERS)
    assert await hide(stage, way, expect=409) == HELD
    assert await everything(stage.database, KEPT_ANSWERS) == before
    await withdrawn(stage.database, stage.cast, 1)
    await hide(stage, way, expect=200)


async def test_so_is_what_any_alternative_would_remove(stage: Api) -> None:
    await an_offer(stage.database, stage.cast, LATER, REMOVES)
    assert await hide(stage, "change", expect=409) == HELD


async def test_it_can_go_once_it_is_offered_anew_without_it(stage: Api) -> None:
    await an_offer(stage.database, stage.cast)
    await offered(stage.database, stage.cast, 1, [LATER])
    await hide(stage, "change", expect=200)


async def test_a_draft_holds_nothing(stage: Api) -> None:
    await raised(stage.database, stage.cast)
    await priced(stage.database, stage.cast, 1, [NOW])
    await hide(stage, "change", expect=200)


async def test_an_offer_whose_last_day_has_passed_holds_nothing(stage: Api) -> None:
    await an_offer(stage.database, stage.cast)
    with time_machine.travel(clock.now() + timedelta(days=32)):
        await hide(stage, "change", expect=200)


async def test_all_that_would_be_missing_is_named_by_its_change_request(stage: Api) -> None:
    for title in ("Piers", "Rails"):
        await add_item(stage.database, stage.cast, title=title, external_ref=title)
    both = [{"number": number, "points": "1"} for number in (1, 3)]
    await an_offer(stage.database, stage.cast, LATER | {"items_changed": both})
    await an_offer(stage.database, stage.cast, LATER | {"items_changed": both[1:]})
    rows = [{"external_ref": one} | HIDDEN for one in ("F-1", "Piers", "Rails")]
    told = await stage.call("POST", f"{ITEMS}/upsert", json={"items": rows}, expect=409)
    assert "changes: items 1, 3 (change request 1); item 3 (change request 2)." in told.json()["detail"]


async def test_what_no_offer_names_can_be_hidden_and_what_one_names_be_edited(stage: Api) -> None:
    await add_item(stage.database, stage.cast, title="Lamps")
    await an_offer(stage.database, stage.cast)
    await stage.patch(f"{ITEMS}/2", HIDDEN)
    assert (await stage.patch(f"{ITEMS}/1", {"title": "Deeper foundations"}))["title"] == "Deeper foundations"


async def test_of_an_offer_and_a_hiding_at_once_one_is_refused(stage: Api) -> None:
    await raised(stage.database, stage.cast)
    await priced(stage.database, stage.cast, 1, [NOW])
    by_wei = {"If-Match": "*", "Authorization": "Bearer wei staff:write"}
    offer, answer = await asyncio.gather(
        offered(stage.database, stage.cast, 1, None),
        stage.client.patch(f"/api{ITEMS}/1", json=HIDDEN, headers=by_wei),
        return_exceptions=True,
    )
    assert (isinstance(offer, Conflict), answer.status_code) in ((True, 200), (False, 409))
