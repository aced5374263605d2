"""What is sent, how it is signed and when again, without a database."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from portal import clock
from portal.ledger.models import Audience
from portal.ledger.queries import EventRow
from portal.notify.webhooks import rules

ONE, TWO = UUID(int=1), UUID(int=2)


def event(kind: str = "item.moved", audience: Audience = Audience.CLIENT, **body: object) -> EventRow:
    """An event."""
    at = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
    return EventRow(7, at, at + timedelta(seconds=1), "system", kind, kind.split(".")[0], 3, audience, {**body})


@pytest.mark.parametrize(
    ("kinds", "audiences", "kind", "audience", "wanted"),
    [
        ([], ["client"], "item.moved", "client", True),
        ([], ["client"], "item.moved", "internal", False),
        ([], ["client", "internal"], "item.moved", "internal", True),
        ([], ["client", "internal"], "invoice.sent", "billing", False),
        (["item.moved"], ["client"], "item.moved", "client", True),
        (["item.added"], ["client"], "item.moved", "client", False),
        (["item.*"], ["client"], "item.moved", "client", True),
        (["item.*"], ["client"], "itemised.moved", "client", False),
        (["item.*"], ["client"], "item.moved", "internal", False),
    ],
)
def test_an_endpoint_is_told_of_what_it_wants_and_may_hear(kinds, audiences, kind, audience, wanted) -> None:
    assert rules.wants(kinds, audiences, event(kind, Audience(audience))) is wanted


@pytest.mark.parametrize("kind", ["invoice.changed", "time_entry.changed", "decision.judged"])
def test_what_staff_keep_of_money_is_told_to_endpoints_of_billing_alone(kind: str) -> None:
    subject = kind.partition(".")[0]
    draft = replace(event(kind, Audience.INTERNAL), subject_kind=subject)
    assert not rules.wants([], ["client", "internal"], draft)
    assert not rules.wants([f"{subject}.*"], ["internal"], draft)
    assert rules.wants([], ["billing", "client", "internal"], draft)


def test_the_payload_says_what_happened_and_when() -> None:
    told = json.loads(rules.payload("BRIDGE", event(title="Träger \u2028 梁", points="2.5")))
    assert told == {
        "type": "item.moved",
        "timestamp": "2026-11-26T09:30:00.000000Z",
        "data": {
            "project": "BRIDGE", "seq": 7, "recorded_at": "2026-11-26T09:30:01.000000Z", "actor": "system",
            "subject_kind": "item", "subject_number": 3, "audience": "client",
            "body": {"title": "Träger \u2028 梁", "points": "2.5"},
        },
    }  # fmt: skip


def test_a_large_event_is_told_without_its_body() -> None:
    text = rules.payload("BRIDGE", event(description="й" * rules.MOST_BYTES))
    assert len(text.encode()) < 1000
    assert json.loads(text)["data"]["body"] is None


def test_each_valid_secret_signs_and_nothing_can_be_changed() -> None:
    old, new, at = rules.new_secret(), rules.new_secret(), clock.now()
    headers = rules.headers("evt_1", at, '{"a":"ü"}', [new, old])
    for secret in (old, new):
        assert Webhook(secret).verify('{"a":"ü"}', headers) == {"a": "ü"}
    for wrong in ({"webhook-id": "evt_2"}, {"webhook-timestamp": str(int(at.timestamp()) + 1)}):
        with pytest.raises(WebhookVerificationError):
            Webhook(new).verify('{"a":"ü"}', headers | wrong)
    for secret, text in ((new, '{"a":"u"}'), (rules.new_secret(), '{"a":"ü"}')):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(text, headers)


def test_the_specification_s_own_example_comes_out() -> None:
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = rules.headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}', ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    )
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_secrets_are_long_and_never_the_same() -> None:
    from base64 import b64decode

    made = {rules.new_secret() for _ in range(50)}
    assert len(made) == 50
    assert all(len(b64decode(one.removeprefix("whsec_"))) == 32 for one in made)


def test_an_id_belongs_to_one_event_at_one_endpoint() -> None:
    ids = {
        rules.webhook_id(endpoint, project, seq) for endpoint in (ONE, TWO) for project in (ONE, TWO) for seq in (1, 2)
    }
    assert len(ids) == 8
    assert rules.webhook_id(ONE, TWO, 1) == rules.webhook_id(ONE, TWO, 1)
    assert all("." not in one for one in ids)


def test_pauses_grow_by_the_specification_s_schedule_and_then_stay() -> None:
    for failed, planned in [*enumerate(rules.DELAYS_SECONDS, start=1), (50, 24 * 3600)]:
        waited = rules.pause(failed, None).total_seconds()
        assert planned <= waited <= planned * 1.1


@pytest.mark.parametrize(("asked", "least", "most"), [(600, 600, 600), (1, 5, 5.5), (10**7, 86400, 86400)])
def test_a_receiver_may_ask_for_longer_but_not_for_ever(asked: int, least: float, most: float) -> None:
    assert least <= rules.pause(1, asked).total_seconds() <= most
