"""Calls made up from our own description, right and wrong ones: all answer as described, and none fails on our side."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from portal.acceptance.models import Outcome
from portal.db import Database
from tests.api.conftest import portal_for, settings_for
from tests.support import acceptance, databases, designs, requirements
from tests.support.cast import add_item, enter
from tests.support.files import add_file

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
          negative_data_rejection]  # fmt: skip


@pytest.fixture(scope="module")
def hostile_portal(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A portal with the cast and an item, whose API calls no outside process."""
    folder: Path = tmp_path_factory.mktemp("hostile")
    database = Database(databases.sqlite_copy(folder / "portal.sqlite"))

    async def prepare() -> FastAPI:
        cast = await enter(database)
        await add_item(database, cast)
        portal = portal_for(settings_for(folder, api_rate_per_minute=10**9), database, cast)
        await add_file(database, cast, portal.state.files, "A file")
        await designs.shown(database, cast)
        await requirements.add(database, cast)
        await acceptance.begun(database, cast)
        await acceptance.say(database, cast, "ada", 1, Outcome.FAILED)
        return portal

    yield asyncio.run(prepare())
    asyncio.run(database.dispose())


BUDGET = settings(
    max_examples=5,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
)


@pytest.mark.slow
def test_no_made_up_call_fails_on_our_side(hostile_portal: FastAPI) -> None:
    described = schemathesis.openapi.from_asgi("/api/openapi.json", hostile_portal).exclude(path_regex="/imports")
    tried = [attack(found.ok()) for found in described.get_all_operations()]
    assert len(tried) > 40


def attack(operation: Any) -> str:
    """Makes up calls of one operation, right and wrong ones, and checks each answer."""
    rights = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    wrongs = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @BUDGET
    @given(case=rights | wrongs)
    def call(case: Any) -> None:
        if "key" in case.path_parameters:
            case.path_parameters["key"] = "BRIDGE"
        case.headers.update(
            {"Authorization": "Bearer root staff:admin", "Idempotency-Key": uuid4().hex, "If-Match": "*"}
        )
        answer = case.call()
        # A body over the limit is refused as too large before its fields are looked at, which the check does not know.
        checks = [one for one in CHECKS if one is not negative_data_rejection or answer.status_code != 413]
        case.validate_response(answer, checks=checks)

    call()
    return str(operation.label)
