"""What is sent, whether it is wanted, how it is signed and when it is tried again (Standard Webhooks 1.0.0). Pure."""

import hashlib
import json
import secrets
from base64 import b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform
from re import compile as pattern
from typing import Any
from uuid import UUID

from portal import clock
from portal.ledger.models import Audience
from portal.ledger.queries import EventRow, may_speak_of_money

DELAYS_SECONDS = (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
"""The specification's schedule: pauses after the first, second, … failed try; the last one again from then on."""
JITTER = 0.1
LASTING = timedelta(days=5)
"""After so long without one success the endpoint is switched off."""
BOTH_SECRETS = timedelta(hours=24)
"""How long the secret before a rotation signs too."""
MOST_BYTES = 20_000
"""The specification's advice on size: the body of a larger event is left out, for the receiver to fetch."""
SECRET = "whsec_"
"""How a signing secret begins, as the specification writes one."""
BY_HAND = "switched off"
"""The reason of an endpoint that an administrator switched off: nobody is told of that."""
TOLD_WITHIN = timedelta(days=7)
"""Who begins to administer so long after an endpoint was switched off is told of it too."""
GONE = 410
NO_MORE = f"the receiver answered {GONE}: it wants no more"
BUSY = (429, 502, 503, 504)
"""Answers of a receiver that wants less, not of one that dislikes this event."""
TRIAL = "portal.test"

KIND = pattern(r"[a-z][a-z0-9_]{0,39}\.([a-z][a-z0-9_]{0,39}|\*)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try."""

    status: int | None
    milliseconds: int
    error: str | None = None
    response: str = ""
    retry_after: int | None = None
    """Seconds that the receiver asked to be left alone for."""

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver took it: any 2xx, and nothing else."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_trouble(self) -> bool:
        """Whether the receiver as a whole has trouble, so that other events would fare no better."""
        return self.status is None or self.status in BUSY


def new_secret() -> str:
    """A signing secret of 256 bits, as the specification writes one."""
    return SECRET + b64encode(secrets.token_bytes(32)).decode()


def webhook_id(endpoint_id: UUID, project_id: UUID, seq: int) -> str:
    """The same for every try of one event at one endpoint, after a crash or a replay too: receivers tell by it."""
    digest = hashlib.sha256(f"{endpoint_id} {project_id} {seq}".encode()).hexdigest()
    return f"evt_{digest[:40]}"


def wants(kinds: Sequence[str], audiences: Collection[str], event: EventRow) -> bool:
    """Whether an endpoint with these filters is to hear of an event. No kinds: all of them.

    What staff keep of money among themselves is for endpoints of `billing`, as it is for staff who may see money.
    """
    if event.audience not in audiences or (may_speak_of_money(event) and Audience.BILLING not in audiences):
        return False
    return not kinds or event.kind in kinds or f"{event.kind.partition('.')[0]}.*" in kinds


def payload(key: str, event: EventRow) -> str:
    """The JSON text that is sent for an event: the same fields as GET /projects/{key}/events shows."""
    data: dict[str, Any] = {
        "project": key,
        "seq": event.seq,
        "recorded_at": clock.rfc3339(event.recorded_at),
        "actor": event.actor,
        "subject_kind": event.subject_kind,
        "subject_number": event.subject_number,
        "audience": str(event.audience),
        "body": event.body,
    }
    text = _text(event.kind, event.at, data)
    return text if len(text.encode()) <= MOST_BYTES else _text(event.kind, event.at, data | {"body": None})


def trial_payload(at: datetime) -> str:
    """The JSON text of a trial."""
    return _text(TRIAL, at, {})


def _text(kind: str, at: datetime, data: dict[str, Any]) -> str:
    told = {"type": kind, "timestamp": clock.rfc3339(at), "data": data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def headers(webhook: str, at: datetime, text: str, secrets_now: Sequence[str]) -> dict[str, str]:
    """The specification's three headers; a signature for each secret that is valid."""
    from standardwebhooks import Webhook

    return {
        "webhook-id": webhook,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(webhook, at, text) for secret in secrets_now),
    }


def pause(failed: int, retry_after: int | None) -> timedelta:
    """How long to wait after the `failed`-th failure in a row, with a little chance in it."""
    planned = DELAYS_SECONDS[min(failed, len(DELAYS_SECONDS)) - 1] * uniform(1, 1 + JITTER)
    return timedelta(seconds=max(planned, min(retry_after or 0, DELAYS_SECONDS[-1])))
