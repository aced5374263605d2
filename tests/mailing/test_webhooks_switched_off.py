"""A webhook that is switched off by itself is told to the agency's administrators, once, and without any secret."""

import asyncio
from datetime import timedelta

import pytest

from portal import clock
from portal.files.store import open_store
from portal.mailing import endpoints
from portal.mailing.sending import preparer
from portal.notify import outbox
from portal.notify.compose import composer
from portal.notify.webhooks import commands, leases, rules
from portal.notify.webhooks.sealing import Seal
from tests.mailing.conftest import Post
from web.catalogues import catalogue

FAILED = "nothing got through for 5 days: BRIDGE 120, answered 500"


@pytest.fixture
async def endpoint(post: Post):
    """An endpoint whose address and signing secret nobody is to read in a mail; Root administers."""
    await post.stand("root")
    async with post.database.write() as db:
        wanted = {"name": "Time <keeping>", "url": "https://time.agency.example/hooks/s3cret?token=t0ken"}
        root = post.cast.viewer("root")
        return (await commands.add(db, root, wanted, seal=Seal(post.settings), allow_private=False)).endpoint


async def switch_off(post, endpoint, reason=FAILED, ago=timedelta()):
    async with post.database.write() as db:
        await leases.disable(db, endpoint.id, reason, clock.now() - ago)


async def switch(post, endpoint, *, disabled):
    async with post.database.write() as db:
        root = post.cast.viewer("root")
        await commands.change(db, root, endpoint.id, {"disabled": disabled}, allow_private=False)


async def sent(post):
    """The messages that leave, as text."""
    prepare = preparer(post.database, open_store(post.settings))
    compose = composer(post.settings, catalogue)
    found = []
    while True:
        async with post.database.write() as db:
            due = await outbox.take_due(db)
        if due is None:
            return found
        ready = await prepare(due)
        if ready is not None:
            found.append(compose(ready))


async def test_administrators_are_told_once(post, endpoint):
    assert await endpoints.tell_administrators(post.database) == 0
    await switch_off(post, endpoint)
    assert await endpoints.tell_administrators(post.database) == 1
    assert await endpoints.tell_administrators(post.database) == 0
    assert await post.told() == [("root", "switched_off")]


async def test_two_processes_tell_once(post, endpoint):
    await switch_off(post, endpoint)
    both = await asyncio.gather(*(endpoints.tell_administrators(post.database) for _ in range(2)))
    assert sum(both) == 1


async def test_it_says_what_why_since_when_and_what_to_do_and_no_secret(post, endpoint):
    await switch_off(post, endpoint)
    await endpoints.tell_administrators(post.database)
    (message,) = await sent(post)
    assert message["Subject"] == "The webhook “Time <keeping>” was switched off"
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for said in ("time.agency.example", "BRIDGE 120, answered 500", "five days", f"/api/v1/webhooks/{endpoint.id}"):
        assert said in text
        assert said in html
    assert "Time &lt;keeping&gt;" in html
    signing = Seal(post.settings).open(endpoint.id, endpoint.secret) or ""
    for secret in (endpoint.secret, signing.removeprefix("whsec_"), "whsec_", "s3cret", "t0ken"):
        assert secret not in text + html + str(message)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (rules.NO_MORE, "it wants no more"),
        ("nothing got through for 5 days: BRIDGE 1, ConnectError: certificate has expired", "renew it"),
    ],
)
async def test_it_says_what_helps(post, endpoint, reason, said):
    await switch_off(post, endpoint, reason)
    await endpoints.tell_administrators(post.database)
    (message,) = await sent(post)
    assert said in message.get_body(("plain",)).get_content()


async def test_nobody_is_told_of_what_an_administrator_did(post, endpoint):
    await switch(post, endpoint, disabled=True)
    assert await endpoints.tell_administrators(post.database) == 0


async def test_what_was_switched_on_again_is_not_told_and_the_next_time_is(post, endpoint):
    await switch_off(post, endpoint)
    await endpoints.tell_administrators(post.database)
    await switch(post, endpoint, disabled=False)
    assert await sent(post) == []
    await switch_off(post, endpoint, ago=timedelta(seconds=-1))
    assert await endpoints.tell_administrators(post.database) == 1


async def test_it_is_told_for_a_week_and_to_administrators_alone(post, endpoint):
    await switch_off(post, endpoint, ago=timedelta(days=8))
    assert await endpoints.tell_administrators(post.database) == 0
    await switch_off(post, endpoint)
    for name in ("wei", "dan", "maria"):
        await post.stand(name)
    assert await endpoints.tell_administrators(post.database) == 1
    assert await post.told() == [("root", "switched_off")]
