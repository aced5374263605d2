"""The API of tests: the agency's side of a plan's life, and nothing that is the client's to say."""

import json

import pytest

from portal.acceptance.models import Outcome
from tests.api.conftest import api, portal  # fixtures
from tests.support.acceptance import CASES, add_milestone, begun, close_round, say, say_all

B = "/v1/projects/BRIDGE"
T = f"{B}/tests"
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
__all__ = ["api", "portal"]


async def test_a_plan_lives_through_the_api(api):
    await add_milestone(api.database, api.cast)
    await api.post(f"{B}/items", {"title": "Pay", "audience": "client", "acceptance_criteria": "- By card",
                                  "milestone": 1})  # fmt: skip
    await api.post(T, {"title": "Beta", "milestone_number": 1, "criteria": {"all_run": True}})
    await api.post(f"{T}/1/cases", {"cases": CASES})
    assert (await api.post(f"{T}/1/drafts"))["cases"] == [4]
    offered = await api.post(f"{T}/1/offer")
    assert (offered["state"], offered["offered_version"]) == ("offered", 1)
    testers = [str(api.cast.people["ada"])]
    row = await api.post(f"{T}/1/rounds", {"testers": testers, "build_hash": "9f2c1e7"})
    assert (row["cases"], [one["name"] for one in row["testers"]]) == (4, ["Ada"])
    await say_all(api.database, api.cast, dict.fromkeys((1, 2, 4), Outcome.PASSED))
    await say(api.database, api.cast, "ada", 3, Outcome.FAILED, remark="No.")
    full = await api.get(f"{T}/1/rounds/1/cases/3")
    assert (full["verdict"], full["results"][0]["remark"]) == ("failed", "No.")
    defect = await api.post(f"{T}/1/rounds/1/cases/3/defects", {"title": "It stays", "severity": "minor"})
    assert defect["item_number"] == 2
    await api.post(f"{T}/1/rounds/1/closing")
    criteria = await api.get(f"{T}/1/criteria")
    assert (criteria["is_met"], criteria["failed"]) == (True, 1)
    asked = await api.post(f"{T}/1/acceptances", {"holds_up": "Go live"}, by="wei")
    protocol = (await api.call("GET", f"{T}/1/acceptances/1/protocol")).content
    assert json.loads(protocol)["rounds"][0]["build_hash"] == asked["build_hash"] == "9f2c1e7"


@SQLITE
async def test_a_draft_is_edited_by_the_version_that_was_read(api):
    await api.post(T, {"title": "Beta"})
    await api.post(f"{T}/1/cases", {"cases": CASES[:1]})
    read = await api.call("GET", f"{T}/1/cases/1")
    changed = await api.patch(f"{T}/1/cases/1", {"priority": 2}, match=read.headers["etag"])
    assert changed["priority"] == 2
    await api.patch(f"{T}/1/cases/1", {"priority": 3}, match=read.headers["etag"], expect=412)
    await api.patch(f"{T}/1", {"rule": "latest"}, match='"nothing"', expect=412)


@SQLITE
async def test_there_is_no_way_to_enter_a_result_or_a_signature(api):
    await begun(api.database, api.cast)
    for path in ("results", "cases/1/results"):
        await api.call("POST", f"{T}/1/rounds/1/{path}", json={}, expect=404)
    await close_round(api.database, api.cast)
    await api.post(f"{T}/1/acceptances", {}, by="wei")
    await api.call("POST", f"{B}/decisions/1/answer", json={}, expect=404)


@SQLITE
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": "x", "criteria": {"most_failed": {"7": 1}}}, "most_failed"),
        ({"title": "x", "rule": "best"}, "rule"),
        ({"title": "x", "nonsense": 1}, "nonsense"),
    ],
)
async def test_a_wrong_plan_is_refused_where_it_is_wrong(api, body, field):
    answer = await api.call("POST", T, json=body, expect=422)
    assert field in answer.text


@SQLITE
async def test_a_plan_is_for_a_milestone_that_there_is(api):
    await api.post(T, {"title": "x", "milestone_number": 9}, expect=404)
