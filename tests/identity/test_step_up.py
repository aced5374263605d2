"""A decision asks for a fresh sign-in, and for a second factor where the provider has one."""

from typing import Any

import pytest
from fastapi import FastAPI

from portal import clock
from portal.db import Database
from portal.settings import DecisionLimit, Settings
from tests.support.cast import Cast
from tests.support.hostile_provider import ABSENT, HostileProvider
from tests.support.sign_in import Browser, open_portal, query_of


async def test_a_step_up_asks_the_persons_own_provider_for_more(tab: Browser, invited: Cast) -> None:
    await tab.sign_in()
    asked = query_of(await tab.leave("/auth/step-up", next="/projects/BRIDGE/changes/1"))
    assert (asked["max_age"], asked["acr_values"]) == ("300", "urn:mfa")


async def test_after_a_step_up_the_session_says_how_and_when(
    tab: Browser, provider: HostileProvider, invited: Cast
) -> None:
    await tab.sign_in()
    provider.claims.update(acr="urn:mfa", amr=["pwd", "otp"])
    address = await tab.leave("/auth/step-up", next="/projects/BRIDGE")
    answer = await tab.come_back(provider.authorize(address))
    assert (answer.status_code, answer.headers["location"]) == (303, "/projects/BRIDGE")
    me = await tab.me()
    assert me is not None
    assert (me["session"]["acr"], me["session"]["amr"]) == ("urn:mfa", ["pwd", "otp"])


NOT_ENOUGH: dict[str, dict[str, Any]] = {
    "a password alone": {"acr": "urn:pwd"},
    "no acr": {"acr": ABSENT},
    "acr a list": {"acr": ["urn:mfa"]},
    "proved an hour ago": {"acr": "urn:mfa", "auth_time": int(clock.now().timestamp()) - 3600},
    "proved six minutes ago": {"acr": "urn:mfa", "auth_time": int(clock.now().timestamp()) - 360},
    "no auth_time": {"acr": "urn:mfa", "auth_time": ABSENT},
    "auth_time not finite": {"acr": "urn:mfa", "auth_time": float("nan")},
    "auth_time true": {"acr": "urn:mfa", "auth_time": True},
}


@pytest.mark.parametrize("lies", NOT_ENOUGH.values(), ids=NOT_ENOUGH.keys())
async def test_less_than_was_asked_for_is_refused_and_changes_no_session(
    lies: dict[str, Any], tab: Browser, provider: HostileProvider, invited: Cast
) -> None:
    await tab.sign_in()
    before = await tab.me()
    provider.claims.update(lies)
    refused = await tab.come_back(provider.authorize(await tab.leave("/auth/step-up")))
    assert refused.status_code == 400
    assert await tab.me() == before


async def test_a_step_up_asks_for_what_the_strictest_decision_takes(
    settings: Settings, database: Database, provider: HostileProvider, invited: Cast
) -> None:
    # Asked for less, a provider would send back who proved themselves just too long ago, and they would go in circles.
    limits = {"design": DecisionLimit(fresh_minutes=2), "requirement": DecisionLimit(fresh_minutes=None)}
    strict = settings.model_copy(update={"decision_limits": limits})
    async with open_portal(strict, database, provider) as app:
        tab = Browser(app, provider)
        await tab.sign_in()
        provider.claims.update(acr="urn:mfa", auth_time=int(clock.now().timestamp()) - 180)
        address = await tab.leave("/auth/step-up")
        assert query_of(address)["max_age"] == "120"
        assert (await tab.come_back(provider.authorize(address))).status_code == 400


async def test_who_is_not_signed_in_signs_in_first(app: FastAPI, provider: HostileProvider, cast: Cast) -> None:
    nobody = Browser(app, provider)
    assert await nobody.leave("/auth/step-up", next="/projects/BRIDGE") == "/sign-in?next=%2Fprojects%2FBRIDGE"
