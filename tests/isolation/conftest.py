"""The whole portal on one stage: both projects hold things whose words must never cross over."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI

from portal import app as portal
from portal.db import Database
from portal.decisions import commands as decisions
from portal.decisions import remarks
from portal.decisions.models import Verdict
from portal.designs import commands as drafts
from portal.designs import pins
from portal.designs.carrying import Place
from portal.files.store import Store
from portal.identity.providers import Providers
from portal.ledger.models import Audience
from portal.projects import commands as projects
from portal.projects.models import MONDAY_TO_FRIDAY
from tests.conftest import BOTH
from tests.isolation import kept, table
from tests.support import billing, changes, databases, designs, requirements, testers
from tests.support.cast import Cast, add_item
from tests.support.decisions import ask, proof_of
from tests.support.files import add_file
from tests.support.hostile_provider import HostileProvider
from tests.support.sign_in import Router, settings_for
from web.gate import session_cookie

SECRETS = {"HARBOUR": "Zanzibar", "internal": "Quicksilver"}
"""Words that only the other client's project, or only internal rows, contain."""
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


class Stage:
    """The portal, and everybody who may knock at it."""

    def __init__(self, app: FastAPI, cast: Cast, provider: HostileProvider) -> None:
        self.app, self.cast, self.provider = app, cast, provider
        self.base = app.state.settings.base_url

    async def page(self, who: str | None, method: str, path: str, **options: Any) -> httpx2.Response:
        """A browser's request by somebody's session; None for a browser that is not signed in."""
        headers = {} if method in ("GET", "HEAD") else dict(SAME_ORIGIN)
        if who is not None:
            headers |= self.cast.cookie(who, session_cookie(self.app.state.settings))
        return await self._ask(method, path, headers | options.pop("headers", {}), **options)

    async def api(self, token: str | None, method: str, path: str, **options: Any) -> httpx2.Response:
        """A call of the API with a token of `tokens`; None for a call without one."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if method == "POST":
            headers["Idempotency-Key"] = uuid4().hex
        return await self._ask(method, path, headers | options.pop("headers", {}), **options)

    async def _ask(self, method: str, path: str, headers: dict[str, str], **options: Any) -> httpx2.Response:
        transport = httpx2.ASGITransport(self.app)
        async with httpx2.AsyncClient(transport=transport, base_url=self.base) as client:
            return await client.request(method, path, headers=headers, **options)

    def token(self, name: str, scope: str) -> str:
        """An access token of a robot, of somebody of the agency, or of a client's person who got a staff scope."""
        if name == "robot":
            return self.provider.access_token(sub="robot-1", client_id="robot-1", scope=scope)
        groups = {"wei": ["leads"], "dan": ["devs"], "root": ["admins"]}.get(name, ["clients"])
        return self.provider.access_token(sub=name, client_id="console", scope=scope, groups=groups)


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The filled stage, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield kept.sqlite(fill, tmp_path)
        return
    server: databases.PostgresServer = request.getfixturevalue("postgres")
    url = kept.postgresql(fill, tmp_path, server)
    yield url
    server.drop(url)


@pytest.fixture
async def cast(database: Database, tmp_path: Path) -> Cast:
    """Everybody, on the filled stage."""
    found, examples = kept.scene(tmp_path)
    table.EXAMPLES |= examples
    return found


@pytest.fixture
async def stage(database: Database, cast: Cast, tmp_path: Path) -> AsyncIterator[Stage]:
    """Both projects filled, the second and the internal rows with words of their own."""
    provider = HostileProvider()
    settings = settings_for(tmp_path, database.url, provider)
    app = portal.create_app(settings)
    await app.state.database.dispose()
    await app.state.providers.close()
    app.state.database, app.state.providers = database, Providers(settings, Router(provider))
    yield Stage(app, cast, provider)
    await app.state.providers.close()


async def fill(database: Database, cast: Cast, folder: Path) -> dict[str, str]:
    """Fills both projects; returns the numbers that the table's addresses need."""
    app = portal.create_app(settings_for(folder, database.url, HostileProvider()))
    await app.state.database.dispose()
    await _fill(database, cast, app.state.files)
    examples = await _answer(database, cast, app)
    await app.state.providers.close()
    return examples


async def _fill(database: Database, cast: Cast, store: Store) -> None:
    for key, word in (("BRIDGE", "Riveting"), ("HARBOUR", SECRETS["HARBOUR"])):
        async with database.write() as db:
            scope = await cast.scope(db, "wei", key)
            await projects.add_iteration(db, scope, name=f"{word} sprint", goal=f"{word} goal")
            await projects.add_milestone(db, scope, name=f"{word} milestone")
            await projects.change_project(db, scope, {"summary": f"{word} summary", "working_days": MONDAY_TO_FRIDAY})
        await add_item(database, cast, key, title=f"{word} item", labels=[word], iteration=1, milestone=1)
        content = {"title": f"{word} question", "description": f"{word} text"}
        await ask(database, cast, key, title=f"{word} question", content=content, holds_up=f"{word} work")
        await add_file(database, cast, store, f"{word} file", key, audience=Audience.CLIENT)
        await designs.shown(database, cast, f"{word} design", key, description=f"{word} lines")
        await changes.fill(database, cast, word, key)
        await billing.fill(database, cast, word, key)
        await requirements.linked(database, cast, word, key)
        async with database.write() as db:
            place = Place(1, 5000, 5000)
            await pins.pin(db, await cast.scope(db, "wei", key), 1, 1, place, f"{word} remark")
    word = SECRETS["internal"]
    await add_item(database, cast, title=f"{word} item", labels=[word], audience="internal", description=word)
    await requirements.inside(database, cast, word)
    await billing.inside(database, cast, word)
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await remarks.judge(db, scope, 1, f"{word} judgement")
        await designs.version_of(db, scope, 1, (f"{word}.png",), note=f"{word} note")
        await pins.pin(db, scope, 1, 2, place, f"{word} remark")
        await drafts.add_design(db, scope, title=f"{word} design")
    await add_file(database, cast, store, f"{word} file")
    await testers.enter(database, cast)
    second = await changes.raised(database, cast, title="A second change")
    await changes.priced(database, cast, second.number, [changes.LATER | {"title": f"{word} way"}])


async def _answer(database: Database, cast: Cast, app: FastAPI) -> dict[str, str]:
    """A second decision in each project, answered: the receipt of the first project's is what the table asks for. And
    what was tested, accepted."""
    for key, name in (("HARBOUR", "mallory"), ("BRIDGE", "ada")):
        word, is_harbour = SECRETS.get(key, "Riveting"), key == "HARBOUR"
        wanted, photo = await testers.fill(database, cast, app.state.files, word, name, key, with_items=is_harbour)
        await testers.sign(database, cast, app.state.keys, wanted, name, key, f"- {word} wish" if is_harbour else "")
        content = {"title": f"{word} question", "description": f"{word} text"}
        asked = await ask(database, cast, key, title=f"{word} second", content=content, subject_number=9)
        given = decisions.Answer(verdict=Verdict.APPROVED, digest=asked.digest.hex(), comment=f"{word} comment")
        async with database.write() as db:
            scope, proof = await cast.scope(db, name, key), proof_of(name)
            answered = await decisions.answer(
                db, scope, app.state.keys, app.state.settings.base_url, asked.number, given, proof
            )
    await testers.draft(database, cast, SECRETS["internal"])
    return {"decision": str(asked.number), "seq": str(answered.receipt.seq), "tested": str(photo)}
