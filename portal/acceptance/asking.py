"""Which cases a round asks, and why. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from portal.acceptance.models import Outcome, Why
from portal.acceptance.verdicts import SETTLED


@dataclass(frozen=True, slots=True)
class Stood:
    """How a case stood when a round is opened. `is_same`: it reads as it did when it was run; `at` is when that was.

    `covers_changed`: what it covers was changed or finished since.
    """

    verdict: Outcome | None
    is_same: bool
    at: datetime | None
    covers_changed: bool


@dataclass(frozen=True, slots=True)
class Mended:
    """A defect of a case: whether it is still to be done, and when it was, if it is."""

    is_open: bool
    done_at: datetime | None


def why(stood: Stood, defects: Iterable[Mended]) -> Why | None:
    """Why a round asks this case; None when it does not.

    What passed (or does not apply) is not asked again, unless its words, what it covers or its defects changed since.
    What failed waits while a defect of it is open: asking again would only fail again.
    """
    if stood.verdict is None or stood.at is None or not stood.is_same:
        return Why.NEW
    known = list(defects)
    if stood.verdict not in SETTLED and any(one.is_open for one in known):
        return None
    if any(one.done_at is not None and one.done_at > stood.at for one in known):
        return Why.DEFECT_DONE
    if stood.verdict not in SETTLED:
        return Why.NOT_PASSED
    return Why.COVERS_CHANGED if stood.covers_changed else None
