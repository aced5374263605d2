"""The portal as it runs: asked in the portal, and in the client's inbox a few seconds later."""

import asyncio

import pytest

from portal.app import create_app
from portal.settings import Settings
from tests.support.decisions import ask


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_asked_is_in_the_inbox_without_anybody_doing_anything(database, cast, settings, smtp):
    running = Settings.model_validate(settings.model_dump() | {"smtp_url": smtp.url})
    app = create_app(running, with_background=True)
    async with app.router.lifespan_context(app):
        await ask(database, cast)
        async with asyncio.timeout(60):
            while not smtp.messages:  # noqa: ASYNC110 -- the portal sends when it gets to it
                await asyncio.sleep(0.1)
    assert smtp.recipients == ["ada@example.com"]
    assert smtp.messages[0]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
