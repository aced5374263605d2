"""The contract and change requests over HTTP: money as text, ETags, and what staff without the right do not read."""

import pytest

from tests.api.conftest import Api

B = "/v1/projects/BRIDGE"
LINE = {"text": "Work", "quantity": "2.5", "unit": "HUR", "unit_price": "96.125", "tax_category": "S",
        "tax_rate": "19"}  # fmt: skip
CONTRACT = {"kind": "fixed_price", "bought": "It", "lines": [LINE], "signed_on": "2026-11-02", "currency": "EUR"}
WAY = {"title": "Now", "lines": [LINE], "days": "1.5", "items_added": [{"title": "More", "points": "2.5"}],
       "milestones": [{"number": 1, "on": "2027-03-01"}]}  # fmt: skip


@pytest.fixture
async def signed(api: Api) -> Api:
    await api.post(f"{B}/milestones", {"name": "Beta"})
    await api.post(f"{B}/contract", CONTRACT)
    return api


async def offered(api: Api) -> dict:
    await api.post(f"{B}/changes", {"title": "More", "wanted": "More of it."})
    await api.post(f"{B}/changes/1/pricing", {"alternatives": [WAY]}, expect=200)
    return await api.post(f"{B}/changes/1/offer", {"valid_until": "2099-01-01"}, expect=200)


async def test_amounts_are_text_and_right_to_the_cent(signed: Api) -> None:
    contract = await signed.get(f"{B}/contract")
    assert contract["total"] == contract["original"] == {"amount": "240.31", "currency": "EUR"}
    assert contract["sums"]["gross"] == {"amount": "285.97", "currency": "EUR"}
    assert contract["lines"][0]["quantity"] == "2.5"
    assert contract["lines"][0]["net"] == {"amount": "240.31", "currency": "EUR"}


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"lines": [LINE | {"quantity": 2.5}]}, "/lines/0/quantity"),
        ({"lines": [LINE | {"quantity": "NaN"}]}, "/lines/0/quantity"),
        ({"lines": [LINE | {"quantity": "1e3"}]}, "/lines/0/quantity"),
        ({"lines": [LINE | {"unit": "hour"}]}, "/lines/0/unit"),
        ({"lines": []}, "/lines"),
        ({"currency": "euro"}, "/currency"),
        ({"signed_on": "yesterday"}, "/signed_on"),
        ({"total": "1.00"}, "/total"),
    ],
)
async def test_what_is_wrong_is_named(api: Api, wrong: dict, pointer: str) -> None:
    answer = await api.call("POST", f"{B}/contract", json=CONTRACT | wrong, expect=422)
    assert pointer in [one["field"] for one in answer.json()["errors"]]


@pytest.mark.parametrize("wrong", [{"currency": "XXX"}, {"ceiling": "1.00"}, {"lines": [LINE | {"tax_rate": "0"}]}])
async def test_what_the_rules_refuse_is_named_as_well(api: Api, wrong: dict) -> None:
    answer = await api.call("POST", f"{B}/contract", json=CONTRACT | wrong, expect=422)
    assert answer.json()["errors"][0]["field"]


async def test_beside_an_items_milestone_stands_its_name(signed: Api) -> None:
    await signed.post(f"{B}/changes", {"title": "More", "wanted": "More of it."})
    way = WAY | {"items_added": [{"title": "More", "milestone": 1}]}
    priced = await signed.post(f"{B}/changes/1/pricing", {"alternatives": [way]}, expect=200)
    added = priced["alternatives"][0]["items_added"]
    assert added == [{"title": "More", "milestone": 1, "milestone_name": "Beta"}]


async def test_a_correction_needs_the_etag_that_was_read(signed: Api) -> None:
    etag = (await signed.call("GET", f"{B}/contract")).headers["etag"]
    assert (await signed.patch(f"{B}/contract", {"bought": "That"}, match=etag))["bought"] == "That"
    await signed.patch(f"{B}/contract", {"bought": "This"}, match=etag, expect=412)
    await signed.post(f"{B}/contract", CONTRACT, expect=409)


async def test_a_change_request_from_the_wish_to_the_offer(signed: Api) -> None:
    change = await offered(signed)
    assert (change["state"], change["offers"], change["valid_until"]) == ("offered", 1, "2099-01-01")
    (way,) = change["alternatives"]
    assert (way["key"], way["days"], way["price"]["sums"]["net"]["amount"]) == ("A", "1.5", "240.31")
    assert way["items_added"] == [{"title": "More", "points": "2.5"}]
    assert way["milestones"] == [{"number": 1, "name": "Beta", "on": "2027-03-01"}]
    asked = await signed.get(f"{B}/decisions/{change['decision']}")
    assert asked["content"]["alternatives"][0]["milestones"] == way["milestones"]
    assert (asked["kind"], asked["state"]) == ("change_request", "asked")
    assert [one["state"] for one in (await signed.get(f"{B}/changes?state=offered"))["items"]] == ["offered"]
    assert (await signed.get(f"{B}/changes?state=raised"))["items"] == []
    gone = await signed.post(f"{B}/changes/1/withdrawal", {"reason": "No"}, expect=200)
    assert (gone["state"], gone["closing"]) == ("withdrawn", "No")


async def test_staff_without_the_right_read_all_but_the_money(signed: Api) -> None:
    await offered(signed)
    for path in ("/contract", "/contract/amendments"):
        await signed.call("GET", f"{B}{path}", by="dan", expect=404)
    change = (await signed.call("GET", f"{B}/changes/1", by="dan")).json()
    assert (change["decision"], change["amendment"], change["refusal"]) == (None, None, None)
    assert [one["price"] for one in change["alternatives"]] == [None]
    assert "240.31" not in (await signed.call("GET", f"{B}/events", by="dan")).text


async def test_pricing_and_offering_need_the_right(signed: Api) -> None:
    await signed.post(f"{B}/changes", {"title": "A", "wanted": "B"}, by="dan")
    for act, body in (("pricing", {"alternatives": [WAY]}), ("offer", {"valid_until": "2099-01-01"}),
                      ("withdrawal", {"reason": "No"})):  # fmt: skip
        await signed.post(f"{B}/changes/1/{act}", body, by="dan", expect=403)
        await signed.post(f"{B}/changes/1/{act}", body, expect=200)


async def test_an_unpriced_one_is_not_offered(signed: Api) -> None:
    await signed.post(f"{B}/changes", {"title": "More", "wanted": "More of it."})
    for alternatives in (None, [], [{"title": "No price"}]):
        if alternatives is not None:
            await signed.post(f"{B}/changes/1/pricing", {"alternatives": alternatives}, expect=200)
        await signed.post(f"{B}/changes/1/offer", {"valid_until": "2099-01-01"}, expect=409)


async def test_the_same_request_sent_twice_raises_one(signed: Api) -> None:
    body = {"title": "More", "wanted": "More of it."}
    first, second = [await signed.post(f"{B}/changes", body, key="once-and-no-more") for _ in range(2)]
    assert first == second
    assert len((await signed.get(f"{B}/changes"))["items"]) == 1


async def test_lists_are_paged(signed: Api) -> None:
    for number in range(3):
        await signed.post(f"{B}/changes", {"title": f"More {number}", "wanted": "More of it."})
    first = await signed.get(f"{B}/changes?limit=2")
    second = await signed.get(f"{B}/changes?limit=2&cursor={first['next']}")
    assert [one["number"] for one in first["items"] + second["items"]] == [3, 2, 1]
    assert second["next"] is None


async def test_what_the_contract_says_of_a_milestone_is_not_changed_by_hand(api: Api) -> None:
    for name in ("Beta", "Free"):
        await api.post(f"{B}/milestones", {"name": name})
    await api.post(f"{B}/contract", CONTRACT | {"milestones": [{"number": 1, "on": "2027-03-01"}]})
    for field in ("agreed_on", "promised_on"):
        await api.patch(f"{B}/milestones/1", {field: "2027-04-01", "reason": "Later"}, expect=409)
        await api.patch(f"{B}/milestones/2", {field: "2027-04-01"})
    assert (await api.patch(f"{B}/milestones/1", {"expected_on": "2027-04-01"}))["promised_on"] == "2027-03-01"


async def test_the_question_of_an_offer_is_taken_back_with_the_offer_alone(signed: Api) -> None:
    decision = (await offered(signed))["decision"]
    path = f"{B}/decisions/{decision}"
    await signed.call("POST", f"{path}/withdrawal", json={"reason": "No"}, expect=409)
    assert (await signed.get(path))["state"] == "asked"
    await signed.post(f"{B}/changes/1/withdrawal", {"reason": "No"}, expect=200)
    assert (await signed.get(path))["state"] == "withdrawn"


async def test_a_milestone_that_the_contract_names_is_not_moved_by_hand(signed: Api) -> None:
    await signed.patch(f"{B}/contract", {"milestones": [{"number": 1, "on": "2027-03-01"}]})
    for field in ("promised_on", "agreed_on"):
        moved = {field: "2027-04-01", "reason": "Later."}
        told = await signed.call("PATCH", f"{B}/milestones/1", json=moved, match="*", expect=409)
        assert "The contract names this milestone" in told.json()["detail"]
    assert (await signed.patch(f"{B}/milestones/1", {"expected_on": "2027-04-01"}))["expected_on"] == "2027-04-01"


async def test_nor_is_the_agreed_day_of_one_that_an_open_offer_moves(signed: Api) -> None:
    await offered(signed)
    moved = {"agreed_on": "2027-04-01"}
    told = await signed.call("PATCH", f"{B}/milestones/1", json=moved, match="*", expect=409)
    assert "An open offer moves the agreed date of this milestone (change request 1)" in told.json()["detail"]
    assert (await signed.patch(f"{B}/milestones/1", {"promised_on": "2027-02-01"}))["promised_on"] == "2027-02-01"
    await signed.post(f"{B}/changes/1/withdrawal", {"reason": "No"}, expect=200)
    assert (await signed.patch(f"{B}/milestones/1", moved))["agreed_on"] == "2027-04-01"
