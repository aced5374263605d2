"""The portal as it runs: asked in the portal, and in the client's inbox a few seconds later."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from sqlalchemy import func, select

from portal.app import create_app
from portal.background import clear_expired
from portal.notify import refused
from portal.notify.models import Mail, MailLink, MailRefused, MailReply
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


async def test_old_mails_links_and_refusals_are_cleared_away(database, cast, post, settings):
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as traveller:
        await ask(database, cast)
        await post.tell()
        async with database.write() as db:
            await refused.record(db, "gone@client.example", "smtp", "550")
        state = SimpleNamespace(database=database)
        await clear_expired(state)
        assert await counts(database) == (1, 1, 1, 1)
        traveller.shift(timedelta(days=61))
        await clear_expired(state)
        assert await counts(database) == (1, 0, 0, 1)
        traveller.shift(timedelta(days=120))
        await clear_expired(state)
        assert await counts(database) == (0, 0, 0, 0)


async def counts(database):
    """How many mails, links, places of replies and refused addresses there are."""
    async with database.read() as db:
        return tuple(
            [
                await db.scalar(
                    select(func.count()).select_from(table).execution_options(cross_project="the test counts")
                )
                for table in (Mail, MailLink, MailReply, MailRefused)
            ]
        )
