"""Signing secrets at rest: a copy of the database has none, and what an older release kept is sealed."""

from uuid import uuid4

from sqlalchemy import update

from portal.notify.webhooks import commands, rules, sealing
from portal.notify.webhooks.models import WebhookEndpoint
from portal.notify.webhooks.sealing import Seal
from tests.support.cast import add_item
from tests.support.sign_in import settings_for
from tests.webhooks.conftest import verified


def another(tmp_path, database_url):
    """The seal of a portal with another secret key."""
    return Seal(settings_for(tmp_path, database_url, secret_key="another-0123456789abcdefghijklmnopq"))


def test_what_is_closed_opens_for_its_endpoint_and_key_alone(seal, tmp_path, database_url):
    endpoint, secret = uuid4(), rules.new_secret()
    kept = seal.close(endpoint, secret)
    assert secret.removeprefix("whsec_") not in kept
    assert kept != seal.close(endpoint, secret)
    assert seal.open(endpoint, kept) == secret
    assert seal.open(uuid4(), kept) is None
    assert another(tmp_path, database_url).open(endpoint, kept) is None
    for broken in ("", "sealed:", "sealed:AAAA", kept[:-4], kept + "AAAA", "sealed:é"):
        assert seal.open(endpoint, broken) is None


async def test_no_secret_lies_in_the_database(hooks, database, cast, receiver):
    endpoint = await hooks.add(receiver.url)
    async with database.write() as db:
        await commands.rotate(db, cast.viewer("root"), endpoint.id, seal=hooks.seal)
    now = await hooks.endpoint(endpoint)
    assert not [one for one in (now.secret, now.old_secret) if not one.startswith("sealed:")]


async def test_what_was_kept_in_the_clear_still_signs_and_is_sealed(hooks, database, cast, receiver):
    endpoint, other = await hooks.add(receiver.url), await hooks.add(receiver.url, kinds=["invoice.*"])
    secret, old = rules.new_secret(), rules.new_secret()
    async with database.write() as db:
        mine = WebhookEndpoint.id == endpoint.id
        await db.execute(update(WebhookEndpoint).where(mine).values(secret=secret, old_secret=old))
    await add_item(database, cast)
    await hooks.run()
    assert await sealing.seal_all(database, hooks.seal) == 1
    assert await sealing.seal_all(database, hooks.seal) == 0
    now = await hooks.endpoint(endpoint)
    assert (hooks.secret_of(now), hooks.seal.open(endpoint.id, now.old_secret)) == (secret, old)
    assert (await hooks.endpoint(other)).secret == other.secret
    await add_item(database, cast)
    await hooks.run()
    for got in receiver.got:
        assert verified(got, secret)


async def test_with_another_key_nothing_is_sent_until_the_secret_is_made_anew(
    hooks, database, cast, receiver, tmp_path, database_url
):
    endpoint = await hooks.add(receiver.url)
    hooks.seal = another(tmp_path, database_url)
    await add_item(database, cast)
    await hooks.run()
    assert receiver.got == []
    assert [line.error for line in await hooks.log(endpoint)] == [sealing.UNREADABLE]
    async with database.write() as db:
        made = await commands.rotate(db, cast.viewer("root"), endpoint.id, seal=hooks.seal)
    await hooks.make_due()
    await hooks.run()
    assert verified(receiver.got[0], made.secret)
