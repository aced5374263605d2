"""A POST that is sent again has its effect once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from api.models import IdempotencyKey
from portal import clock
from portal.access import StaffRole
from tests.support.cast import STAFF

ITEMS = "/v1/projects/BRIDGE/items"


async def test_the_same_request_again_gets_the_first_answer_and_no_second_effect(api: Any) -> None:
    first = await api.call("POST", ITEMS, json={"title": "A"}, key="k-1", expect=201)
    again = await api.call("POST", ITEMS, json={"title": "A"}, key="k-1", expect=201)
    assert again.json() == first.json()
    assert [again.headers[name] for name in ("etag", "location")] == [first.headers[n] for n in ("etag", "location")]
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert await api.kinds() == ["item.added"]


@pytest.mark.parametrize(
    ("path", "body"),
    [(ITEMS, {"title": "B"}), (f"{ITEMS}/upsert", {"items": [{"external_ref": "a", "title": "A"}]}),
     ("/v1/projects/HARBOUR/items", {"title": "A"})],
)  # fmt: skip
async def test_a_key_with_another_request_is_refused(api: Any, path: str, body: Any) -> None:
    await api.post(ITEMS, {"title": "A"}, key="k-1")
    refused = await api.call("POST", path, json=body, key="k-1", expect=422)
    assert refused.json()["type"] == "/api/problems/key-reused"
    assert await api.kinds() == ["item.added"]
    assert await api.kinds("HARBOUR") == []


async def test_keys_of_two_callers_do_not_meet(api: Any) -> None:
    await api.post(ITEMS, {"title": "A"}, key="k-1", by="wei")
    await api.post(ITEMS, {"title": "A"}, key="k-1", by="dan")
    assert await api.kinds() == ["item.added", "item.added"]


async def test_a_refused_request_leaves_its_key_free(api: Any) -> None:
    await api.call("POST", ITEMS, json={"title": "A", "status": "Nowhere"}, key="k-1", expect=422)
    await api.post(ITEMS, {"title": "A", "status": "To do"}, key="k-1")


async def test_a_quoted_key_is_the_same_key(api: Any) -> None:
    await api.post(ITEMS, {"title": "A"}, key="k-1")
    await api.post(ITEMS, {"title": "A"}, key='"k-1"')
    assert await api.kinds() == ["item.added"]


@pytest.mark.parametrize("key", [" ", "a b", "x" * 201, '""', 'a"b'])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_key_that_is_none_is_refused(api: Any, key: str) -> None:
    await api.call("POST", ITEMS, json={"title": "A"}, key=key, expect=400)


async def test_two_keys_in_one_request_are_refused(api: Any) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b"), ("Authorization", "Bearer wei staff:write")]
    response = await api.client.post(f"/api{ITEMS}", json={"title": "A"}, headers=headers)
    assert response.status_code == 400


async def test_five_at_once_make_one_item(api: Any) -> None:
    async def send() -> int:
        headers = {"Idempotency-Key": "k-1", "Authorization": "Bearer wei staff:write"}
        return int((await api.client.post(f"/api{ITEMS}", json={"title": "A"}, headers=headers)).status_code)

    statuses = await asyncio.gather(*(send() for _ in range(5)))
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert await api.kinds() == ["item.added"]


async def test_after_a_day_the_key_is_new(api: Any) -> None:
    await api.post(ITEMS, {"title": "A"}, key="k-1")
    with time_machine.travel(clock.now() + timedelta(hours=25), tick=True):
        await api.post(ITEMS, {"title": "B"}, key="k-1")
    assert await api.kinds() == ["item.added", "item.added"]


async def test_the_answer_is_kept_with_its_effect_and_without_what_could_be_abused(api: Any) -> None:
    await api.post(ITEMS, {"title": "A"}, key="k-1")
    async with api.database.read() as db:
        (kept,) = (await db.scalars(select(IdempotencyKey))).all()
    assert (kept.key, kept.status, kept.actor) == ("k-1", 201, api.cast.viewer("wei").actor)
    assert b"wei staff" not in (kept.body or b"")


async def test_what_an_answer_shows_once_does_not_lie_in_the_database(api: Any) -> None:
    wanted = {"name": "Books", "url": "https://hooks.example/portal"}
    made = await api.post("/v1/webhooks", wanted, key="k-1", by="root")
    async with api.database.read() as db:
        (kept,) = (await db.scalars(select(IdempotencyKey))).all()
    assert made["secret"].startswith("whsec_")
    assert b"whsec_" not in (kept.body or b"")
    assert await api.post("/v1/webhooks", wanted, key="k-1", by="root") == made


async def test_an_answer_is_not_given_again_to_who_lost_the_right_to_it(api: Any, monkeypatch: Any) -> None:
    wanted = {"name": "Books", "url": "https://hooks.example/portal"}
    await api.post("/v1/webhooks", wanted, key="k-1", by="root")
    monkeypatch.setitem(STAFF, "root", StaffRole.MEMBER)
    refused = await api.call("POST", "/v1/webhooks", json=wanted, key="k-1", by="root", expect=422)
    assert "whsec_" not in refused.text


async def test_an_answer_is_given_to_its_own_request_alone(api: Any) -> None:
    await api.post(ITEMS, {"title": "A"}, key="k-1")
    await api.post(ITEMS, {"title": "B"}, key="k-2")
    async with api.database.write() as db:
        first, second = (await db.scalars(select(IdempotencyKey).order_by(IdempotencyKey.key))).all()
        first.body = second.body
    refused = await api.call("POST", ITEMS, json={"title": "A"}, key="k-1", expect=409)
    assert "cannot be given again" in refused.json()["detail"]
    assert await api.kinds() == ["item.added", "item.added"]
