"""How sure it is who decides: what the session knows of the sign-in, held against what this kind of decision asks."""

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from portal.clock import rfc3339
from portal.errors import PortalError
from portal.settings import DecisionLimit


class StepUpNeeded(PortalError):
    """The person must sign in anew (`fresh`), or with a second factor (`factor`), before this decision."""

    def __init__(self, missing: Literal["fresh", "factor"]) -> None:
        words = {
            "fresh": "Please confirm that it is you: the last sign-in is too long ago for this decision.",
            "factor": "This decision needs a sign-in with a second factor: send it again, and you are asked for one.",
        }
        super().__init__(words[missing])
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Proof:
    """Who signed in, where and how: the facts of the session that the decision came with."""

    issuer: str
    sub: str
    name: str
    email: str
    company: str
    acr: str | None
    amr: tuple[str, ...]
    auth_time: datetime | None
    """When the person last proved themselves, as their provider says."""
    second_factor_acr: str | None
    """The `acr` by which their provider would tell of a second factor; None when it offers none."""

    @property
    def has_second_factor(self) -> bool:
        """Whether the provider vouches for one: by the class that was asked for, or by `mfa` (RFC 8176)."""
        return "mfa" in self.amr or (self.second_factor_acr is not None and self.acr == self.second_factor_acr)

    def evidence(self) -> dict[str, Any]:
        """The proof as it is kept and put into the receipt; salted, so that its digest in the ledger tells nobody."""
        kept = asdict(self) | {"amr": list(self.amr), "salt": secrets.token_hex(16)}
        kept["auth_time"] = rfc3339(self.auth_time) if self.auth_time else None
        del kept["second_factor_acr"]
        return kept


def check(proof: Proof, limit: DecisionLimit, now: datetime) -> None:
    """Raises StepUpNeeded when the sign-in is older than the limit allows, or lacks a second factor that it demands."""
    if limit.fresh_minutes is not None:
        oldest = now - timedelta(minutes=limit.fresh_minutes)
        if proof.auth_time is None or proof.auth_time < oldest:
            raise StepUpNeeded("fresh")
    wanted = limit.second_factor == "always" or (limit.second_factor == "offered" and proof.second_factor_acr)
    if wanted and not proof.has_second_factor:
        raise StepUpNeeded("factor")
