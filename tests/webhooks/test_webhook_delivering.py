"""Events on their way to the agency's systems: in order, at least once, with pauses, until it makes no sense."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import update

from portal import clock
from portal.apart import SomeFailed
from portal.db import Database
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.notify.webhooks import commands, delivering, leases, queries, rules
from portal.notify.webhooks.models import WebhookCursor
from portal.projects import commands as projects
from tests.support.cast import SYSTEM, Cast, add_item
from tests.support.statements import counting
from tests.webhooks.conftest import Hooks, Receiver, answer, receiving, verified


async def test_an_event_arrives_signed_and_once(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast
) -> None:
    endpoint = await hooks.add(receiver.url)
    assert await hooks.run() == 0
    await add_item(database, cast, title="Girders")
    assert await hooks.run() == 1
    assert await hooks.run() == 0
    (got,) = receiver.got
    told = verified(got, hooks.secret_of(endpoint))
    assert (told["type"], told["data"]["project"]) == ("item.added", "BRIDGE")
    assert told["data"]["body"]["title"] == "Girders"
    (line,) = await hooks.log(endpoint)
    assert (line.status, line.attempt, line.error, line.webhook_id) == (204, 1, None, got.headers["webhook-id"])
    assert line.kind == "item.added"


async def test_what_happened_before_the_endpoint_is_not_told(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast
) -> None:
    await add_item(database, cast)
    await hooks.add(receiver.url)
    assert await hooks.run() == 0


async def test_a_project_that_is_younger_than_the_endpoint_is_told_from_its_beginning(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast
) -> None:
    await hooks.add(receiver.url)
    async with database.write() as db:
        await projects.open_project(
            db, SYSTEM, key="TUNNEL", company_id=cast.companies["Acme"], name="The tunnel", time_zone="Europe/Berlin"
        )
    assert await hooks.run() == 1
    await add_item(database, cast, "TUNNEL")
    assert await hooks.run() == 1
    assert receiver.seqs() == [1, 2]


async def test_a_young_project_does_not_wait_behind_all_those_that_go_on(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "PROJECTS_AT_ONCE", 1)
    endpoint = await hooks.add(receiver.url)
    async with database.write() as db:
        await projects.open_project(
            db, SYSTEM, key="TUNNEL", company_id=cast.companies["Acme"], name="The tunnel", time_zone="Europe/Berlin"
        )
    await add_item(database, cast)
    taken = await leases.take(database, endpoint.id)
    assert taken is not None
    assert [place.key for place in await leases.due_places(database, taken)] == ["TUNNEL"]


async def test_only_what_is_wanted_is_told_and_the_rest_costs_no_second_look(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast
) -> None:
    await hooks.add(receiver.url, kinds=["milestone.*"], audiences=["client"], project="HARBOUR")
    await add_item(database, cast, "HARBOUR")
    await add_item(database, cast, "BRIDGE")
    async with database.write() as db:
        await projects.add_milestone(db, await cast.scope(db, "wei", "BRIDGE"), name="Not here")
        await projects.add_milestone(db, await cast.scope(db, "wei", "HARBOUR"), name="Here")
    await add_item(database, cast, "HARBOUR", audience="internal")
    assert await hooks.run() == 1
    assert b"Here" in receiver.got[0].body
    assert await leases.due(database) == []


async def test_internal_events_and_money_go_only_where_they_were_asked_for(
    hooks: Hooks, database: Database, cast: Cast
) -> None:
    async with receiving() as clients, receiving() as default:
        await hooks.add(clients.url, audiences=["client"])
        chosen = await hooks.add(default.url)
        assert "billing" not in chosen.audiences
        await add_item(database, cast, audience="internal", title="Quicksilver")
        await hooks.run()
        assert (len(clients.got), len(default.got)) == (0, 1)


async def test_the_order_of_a_project_holds_whatever_fails(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast
) -> None:
    endpoint = await hooks.add(receiver.url)
    for _ in range(4):
        await add_item(database, cast)
    ok, bad = answer(204), answer(400, "no such project")
    receiver.answers = [ok, bad, bad, ok]
    assert await hooks.run() == 2
    assert await hooks.run() == 0  # the second waits for its pause, and the others behind it
    for _ in range(2):
        await hooks.make_due()
        await hooks.run()
    first = receiver.seqs()[0]
    assert receiver.seqs() == [first, first + 1, first + 1, first + 1, first + 2, first + 3]
    assert len(set(receiver.ids)) == 4
    assert [line.attempt for line in await hooks.log(endpoint)] == [1, 1, 2, 3, 1, 1]
    assert (await hooks.log(endpoint))[1].response == "no such project"


async def test_one_project_that_fails_holds_up_no_other(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast
) -> None:
    endpoint = await hooks.add(receiver.url)
    await add_item(database, cast, "BRIDGE")
    await add_item(database, cast, "HARBOUR")
    receiver.answers = [answer(400), answer(204)]
    assert await hooks.run() == 2
    places = [await hooks.cursor(endpoint, key) for key in ("BRIDGE", "HARBOUR")]
    assert sorted(place.attempts for place in places if place) == [0, 1]


async def test_one_project_whose_events_cannot_even_be_sent_holds_up_no_other(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hooks.add(receiver.url)
    await add_item(database, cast, "BRIDGE")
    await add_item(database, cast, "HARBOUR")
    works = rules.payload

    def fails(key: str, event: Any) -> str:
        if key == "BRIDGE":
            raise ValueError
        return works(key, event)

    monkeypatch.setattr(rules, "payload", fails)
    with pytest.raises(SomeFailed) as some:
        await hooks.run()
    assert (some.value.failed, some.value.done, len(receiver.got)) == (1, 1, 1)
    assert await leases.due(database) == []
    monkeypatch.setattr(rules, "payload", works)
    await hooks.make_due()
    assert await hooks.run() == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_receiver_in_trouble_is_not_asked_for_the_other_projects_too(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast, status: int
) -> None:
    await hooks.add(receiver.url)
    await add_item(database, cast, "BRIDGE")
    await add_item(database, cast, "HARBOUR")
    receiver.answers = [answer(status)]
    assert await hooks.run() == 1


async def test_pauses_grow_with_each_failure_and_end_with_a_success(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast
) -> None:
    endpoint = await hooks.add(receiver.url)
    await add_item(database, cast)
    receiver.answers = [answer(500), answer(500), answer(500, "", "Retry-After: 7200"), answer(200)]
    for least in (5, 300, 7200):
        before = clock.now()
        await hooks.run()
        place = await hooks.cursor(endpoint)
        assert place is not None
        assert place.failing_since is not None
        assert least <= (place.due_at - before).total_seconds() <= least * 1.1 + 5
        await hooks.make_due()
    await hooks.run()
    place = await hooks.cursor(endpoint)
    assert place is not None
    assert (place.attempts, place.failing_since) == (0, None)


async def test_a_crash_between_sending_and_writing_sends_the_same_webhook_again(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = await hooks.add(receiver.url)
    await add_item(database, cast)
    write_down = delivering._write_down

    async def die(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(delivering, "_write_down", die)
    with pytest.raises(KeyboardInterrupt):
        await hooks.run()
    monkeypatch.setattr(delivering, "_write_down", write_down)
    assert await hooks.run() == 0  # the lease of the dead one
    await hooks.make_due()
    assert await hooks.run() == 1
    assert len(receiver.got) == 2
    assert len(set(receiver.ids)) == 1
    assert receiver.got[0].body == receiver.got[1].body
    assert verified(receiver.got[1], hooks.secret_of(endpoint))


async def test_two_senders_never_have_one_endpoint_at_once(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast
) -> None:
    endpoint = await hooks.add(receiver.url)
    for _ in range(5):
        await add_item(database, cast)
    tries = await asyncio.gather(*(delivering.work(database, hooks.sender, hooks.seal, endpoint.id) for _ in range(3)))
    assert sorted(tries) == [0, 0, 5]
    assert receiver.seqs() == sorted(set(receiver.seqs()))


async def test_a_sender_whose_lease_was_taken_over_writes_nothing(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast, during_a_try: Any
) -> None:
    endpoint = await hooks.add(receiver.url)
    await add_item(database, cast)

    async def another_takes_over() -> None:
        await hooks.make_due()
        assert await hooks.run() == 1

    during_a_try(another_takes_over)
    await hooks.run()
    assert len(receiver.got) == 2
    assert len(await hooks.log(endpoint)) == 1


async def test_gone_means_no_more(hooks: Hooks, receiver: Receiver, database: Database, cast: Cast) -> None:
    endpoint = await hooks.add(receiver.url)
    receiver.answers = [answer(410)]
    for _ in range(2):
        await add_item(database, cast)
    assert await hooks.run() == 1
    now = await hooks.endpoint(endpoint)
    assert now.disabled_at is not None
    assert "410" in (now.disabled_reason or "")
    await hooks.make_due()
    assert await hooks.run() == 0


async def test_five_days_of_failures_switch_it_off_and_switching_it_on_goes_on_where_it_stopped(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast
) -> None:
    endpoint = await hooks.add(receiver.url)
    await add_item(database, cast)
    receiver.answers = [answer(500)]
    began, tries = clock.now(), 0
    with time_machine.travel(began, tick=False) as time:
        while (await hooks.endpoint(endpoint)).disabled_at is None:
            tries += await hooks.run()
            place = await hooks.cursor(endpoint)
            assert place is not None
            time.move_to(max(place.due_at, clock.now() + timedelta(minutes=2)))
        now = await hooks.endpoint(endpoint)
        assert now.disabled_at is not None
        assert rules.LASTING <= now.disabled_at - began < rules.LASTING + timedelta(days=2)
        assert "BRIDGE" in (now.disabled_reason or "")
        assert 9 <= tries <= 14
        receiver.answers = [answer(200)]
        async with database.write() as db:
            await commands.change(db, cast.viewer("root"), endpoint.id, {"disabled": False}, allow_private=True)
        assert await hooks.run() == 1
    assert len(set(receiver.ids)) == 1
    assert (await hooks.endpoint(endpoint)).disabled_reason is None


async def test_one_event_that_is_never_taken_switches_nothing_off_while_others_are(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast
) -> None:
    endpoint = await hooks.add(receiver.url)
    await add_item(database, cast, "BRIDGE")
    with time_machine.travel(clock.now(), tick=False) as time:
        for day in range(14):
            receiver.answers = [answer(400)]
            await hooks.run()
            if day < 7:
                receiver.answers = [answer(204)]
                await add_item(database, cast, "HARBOUR")
                assert await hooks.run() == 1
            assert ((await hooks.endpoint(endpoint)).disabled_at is not None) == (day >= 6 + rules.LASTING.days)
            time.shift(timedelta(days=1, hours=3))  # longer than any pause, with the chance in it
    assert receiver.seqs().count(receiver.seqs()[0]) > 7


async def test_a_replay_that_leaves_out_what_failed_for_days_is_not_answered_by_switching_off(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast, during_a_try: Any
) -> None:
    endpoint = await hooks.add(receiver.url)
    await add_item(database, cast)
    receiver.answers = [answer(400)]
    with time_machine.travel(clock.now(), tick=False) as time:
        await hooks.run()
        stuck = receiver.seqs()[0]
        time.shift(rules.LASTING)

        async def leave_out() -> None:
            async with database.write() as db:
                await commands.replay(db, cast.viewer("root"), endpoint.id, "BRIDGE", stuck + 1)

        during_a_try(leave_out)
        assert await hooks.run() == 1
    assert (await hooks.endpoint(endpoint)).disabled_at is None


async def test_both_secrets_sign_for_a_day_after_a_rotation(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast
) -> None:
    old = await hooks.add(receiver.url)
    began = clock.now()
    async with database.write() as db:
        new = await commands.rotate(db, cast.viewer("root"), old.id, seal=hooks.seal)
    old_secret = hooks.secret_of(old)
    assert new.secret != old_secret
    with time_machine.travel(began + timedelta(hours=23, minutes=59), tick=False):
        await add_item(database, cast)
        await hooks.run()
        assert verified(receiver.got[0], old_secret) == verified(receiver.got[0], new.secret)
    with time_machine.travel(began + timedelta(hours=24, minutes=1), tick=False):
        await add_item(database, cast)
        await hooks.run()
        assert verified(receiver.got[1], new.secret)
        assert len(receiver.got[1].headers["webhook-signature"].split()) == 1


async def test_a_replay_sends_what_was_sent_under_the_ids_that_it_had(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast
) -> None:
    endpoint = await hooks.add(receiver.url)
    for _ in range(3):
        await add_item(database, cast)
    await hooks.run()
    before = list(zip(receiver.seqs(), receiver.ids, strict=True))
    async with database.write() as db:
        await commands.replay(db, cast.viewer("root"), endpoint.id, "BRIDGE", before[1][0])
    await hooks.run()
    assert list(zip(receiver.seqs(), receiver.ids, strict=True)) == before + before[1:]


async def test_a_replay_asked_for_during_a_try_is_not_lost(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast, during_a_try: Any
) -> None:
    endpoint = await hooks.add(receiver.url)
    await add_item(database, cast)

    async def replay() -> None:
        async with database.write() as db:
            await commands.replay(db, cast.viewer("root"), endpoint.id, "BRIDGE", 1)

    during_a_try(replay)
    await hooks.run()
    await hooks.run()
    assert receiver.seqs()[1:] == list(range(1, receiver.seqs()[0] + 1))


async def test_a_replay_from_later_on_leaves_out_what_no_receiver_can_digest(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast
) -> None:
    endpoint = await hooks.add(receiver.url)
    receiver.answers = [answer(400)]
    await add_item(database, cast)
    await hooks.run()
    stuck = receiver.seqs()[-1]
    async with database.write() as db:
        await commands.replay(db, cast.viewer("root"), endpoint.id, "BRIDGE", stuck + 1)
    receiver.answers = [answer(200)]
    await add_item(database, cast)
    await hooks.run()
    assert receiver.seqs() == [stuck, stuck + 1]


async def test_a_replay_must_make_sense(hooks: Hooks, receiver: Receiver, database: Database, cast: Cast) -> None:
    endpoint = await hooks.add(receiver.url, project="BRIDGE")
    root = cast.viewer("root")
    for key, seq, error in (("BRIDGE", 10**6, Invalid), ("NOSUCH", 1, NotFound), ("HARBOUR", 1, Conflict)):
        async with database.write() as db:
            with pytest.raises(error):
                await commands.replay(db, root, endpoint.id, key, seq)


async def test_a_trial_goes_to_an_endpoint_that_is_switched_off_too(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast
) -> None:
    endpoint = await hooks.add(receiver.url)
    root = cast.viewer("root")
    async with database.write() as db:
        await commands.change(db, root, endpoint.id, {"disabled": True}, allow_private=True)
        trial = await commands.ask_for_trial(db, root, endpoint.id)
    await add_item(database, cast)
    assert await hooks.run() == 1
    assert await hooks.run() == 0
    assert receiver.ids == [trial]
    assert verified(receiver.got[0], hooks.secret_of(endpoint))["type"] == "portal.test"
    assert [line.webhook_id for line in await hooks.log(endpoint)] == [trial]


async def test_an_endpoint_that_was_removed_during_a_try_is_gone(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast, during_a_try: Any
) -> None:
    endpoint = await hooks.add(receiver.url)
    await add_item(database, cast)

    async def remove() -> None:
        async with database.write() as db:
            await commands.remove(db, cast.viewer("root"), endpoint.id)

    during_a_try(remove)
    await hooks.run()
    assert await hooks.log(endpoint) == []
    async with database.read() as db:
        assert await queries.endpoints(db, cast.viewer("root")) == []


@pytest.mark.parametrize("who", ["wei", "maria", "dan", "ada", "nemo"])
async def test_only_administrators_have_anything_to_do_with_it(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast, who: str
) -> None:
    endpoint = await hooks.add(receiver.url)
    viewer = cast.viewer(who)
    async with database.write() as db:
        for attempt in (
            commands.add(db, viewer, {"name": "Mine", "url": receiver.url}, seal=hooks.seal, allow_private=True),
            commands.change(db, viewer, endpoint.id, {"disabled": True}, allow_private=True),
            commands.remove(db, viewer, endpoint.id),
            commands.rotate(db, viewer, endpoint.id, seal=hooks.seal),
            commands.ask_for_trial(db, viewer, endpoint.id),
            commands.replay(db, viewer, endpoint.id, "BRIDGE", 1),
            queries.endpoints(db, viewer),
            queries.deliveries(db, viewer, endpoint.id),
            queries.behind(db, viewer, endpoint.id),
        ):
            with pytest.raises(NotAllowed):
                await attempt


async def test_nothing_to_tell_costs_one_statement(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast
) -> None:
    await hooks.add(receiver.url)
    with counting(database) as statements:
        assert await hooks.run() == 0
    assert len(statements) == 1


async def test_a_slow_endpoint_holds_up_no_other_and_an_unreachable_database_ends_nothing(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "IDLE_SECONDS", 0.02)
    released, due, failures = asyncio.Event(), leases.due, iter([OSError("away"), ValueError("odd")])

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.close()

    async def sometimes_away(found: Database) -> Any:
        for error in failures:
            raise error
        return await due(found)

    monkeypatch.setattr(leases, "due", sometimes_away)
    slow = await asyncio.start_server(hold, "127.0.0.1", 0)
    await hooks.add(f"http://127.0.0.1:{slow.sockets[0].getsockname()[1]}/")
    await hooks.add(receiver.url)
    await add_item(database, cast)
    task = asyncio.create_task(delivering.send_forever(database, hooks.sender, hooks.seal))
    for _ in range(6000):
        if receiver.got:
            break
        await asyncio.sleep(0.01)
    released.set()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    slow.close()
    assert len(receiver.got) == 1


async def test_how_far_each_project_is_behind_can_be_seen(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast
) -> None:
    endpoint = await hooks.add(receiver.url)
    receiver.answers = [answer(500)]
    await add_item(database, cast)
    await hooks.run()
    async with database.read() as db:
        (found,) = await queries.behind(db, cast.viewer("root"), endpoint.id)
    assert (found.project, found.attempts, found.last - found.delivered) == ("BRIDGE", 1, 1)
    assert found.failing_since is not None


async def test_the_cursor_of_one_endpoint_is_no_other_s(
    hooks: Hooks, receiver: Receiver, database: Database, cast: Cast
) -> None:
    await hooks.add(receiver.url)
    await add_item(database, cast)
    await hooks.run()
    async with receiving() as second:
        other = await hooks.add(second.url)
        async with database.write() as db:
            scope = await cast.scope(db, "root")
            mine = (WebhookCursor.endpoint_id == other.id, WebhookCursor.project_id == scope.project_id)
            await db.execute(update(WebhookCursor).where(*mine).values(seq=0))
        await hooks.run()
        assert second.seqs() == list(range(1, scope.project.version + 1))
        assert len(receiver.got) == 1
        assert not set(second.ids) & set(receiver.ids)
