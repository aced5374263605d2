"""What a contract says of itself, checked: kind, lines, ceiling, period, dates. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from portal import money
from portal.changes import pricing
from portal.changes.kept import line_told
from portal.changes.models import ContractKind, Period
from portal.changes.pricing import Line
from portal.errors import Invalid
from portal.money import Money

TEXTS = ("bought", "payment_terms", "quality_terms")
FIELDS = frozenset({
    "kind", "currency", "lines", "ceiling", "period", "documents", "milestones", "signed_on", "deemed_after_days",
    *TEXTS,
})  # fmt: skip
AMOUNTS = frozenset({"kind", "currency", "lines", "ceiling", "period"})
MOST_DEEMED_DAYS = 365
MOST_REFERENCES = 100
MISSING: dict[str, Any] = {
    "ceiling": None, "period": None, "documents": (), "milestones": (), "payment_terms": "", "quality_terms": "",
    "deemed_after_days": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terms:
    """A contract as it was signed."""

    kind: ContractKind
    currency: str
    lines: tuple[Line, ...]
    total: Money
    ceiling: Money | None
    period: Period | None
    texts: Mapping[str, str]
    signed_on: date
    documents: tuple[int, ...]
    milestones: Mapping[int, date]
    deemed_after_days: int | None


def terms(given: Mapping[str, Any]) -> Terms:
    """The contract that somebody wrote: amounts as text, days as dates. Raises Invalid naming the field."""
    for field in given.keys() - FIELDS:
        raise Invalid(f"A contract has no field {field}.", field=field, value=given[field])
    whole = MISSING | dict(given)
    for field in sorted(FIELDS - whole.keys()):
        raise Invalid(f"A contract needs its {field}.", field=field)
    kind, currency = _kind(whole["kind"]), money.check_currency(whole["currency"])
    lines = pricing.lines(whole["lines"], currency)
    total = pricing.sums(lines, currency).net
    if not lines or total.minor < 0:
        raise Invalid("A contract has at least one line, and comes to nothing less than 0.", field="lines", value=None)
    return Terms(
        kind=kind,
        currency=currency,
        lines=lines,
        total=total,
        ceiling=_ceiling(kind, whole["ceiling"], total),
        period=_period(kind, whole["period"]),
        texts={field: pricing.words(whole[field], field) for field in TEXTS},
        signed_on=whole["signed_on"],
        documents=_once(tuple(whole["documents"]), "documents"),
        milestones=dates(whole["milestones"], "milestones"),
        deemed_after_days=_deemed(whole["deemed_after_days"]),
    )


def amounts(signed: Terms) -> dict[str, str | int]:
    """All that a bill can rest on, by the field that says it: how many lines there are, and what each comes to."""
    found: dict[str, str | int] = {
        "kind": signed.kind.value, "currency": signed.currency, "lines": len(signed.lines),
        "ceiling": signed.ceiling.amount if signed.ceiling else "",
        "period": signed.period.value if signed.period else "",
    }  # fmt: skip
    for at, line in enumerate(signed.lines):
        told = line_told(line)
        found |= {f"lines[{at}].{field}": told[field] for field in told if field != "text"}
    return found


def _deemed(days: Any) -> int | None:
    """After how many days without an answer something counts as accepted; None: never, whatever time passes."""
    if days is not None and (isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= MOST_DEEMED_DAYS):
        raise Invalid(f"Between 1 and {MOST_DEEMED_DAYS} days, or null.", field="deemed_after_days", value=days)
    return days


def _kind(value: Any) -> ContractKind:
    try:
        return ContractKind(value)
    except ValueError:
        right = ", ".join(ContractKind)
        raise Invalid(f"kind must be one of {right}.", field="kind", value=value) from None


def _ceiling(kind: ContractKind, text: Any, total: Money) -> Money | None:
    if (text is None) == (kind is ContractKind.TIME_AND_MATERIALS):
        right = "Time and materials have a ceiling; other contracts have none."
        raise Invalid(right, field="ceiling", value=text)
    if text is None:
        return None
    ceiling = money.parse(text, total.currency, "ceiling")
    if ceiling.minor < total.minor:
        raise Invalid(f"The ceiling is below the estimate of {total.amount}.", field="ceiling", value=text)
    return ceiling


def _period(kind: ContractKind, value: Any) -> Period | None:
    if (value is None) == (kind is ContractKind.RETAINER):
        raise Invalid("A retainer has a period; other contracts have none.", field="period", value=value)
    try:
        return None if value is None else Period(value)
    except ValueError:
        right = ", ".join(Period)
        raise Invalid(f"period must be one of {right}.", field="period", value=value) from None


def dates(given: Sequence[Mapping[str, Any]], field: str) -> dict[int, date]:
    """Milestones' dates as {number: day}, each milestone once. Raises Invalid."""
    numbers = _once(tuple(one["number"] for one in given), field)
    return dict(zip(numbers, (one["on"] for one in given), strict=True))


def _once(numbers: tuple[int, ...], field: str) -> tuple[int, ...]:
    if len(set(numbers)) != len(numbers) or len(numbers) > MOST_REFERENCES:
        raise Invalid(f"Each once, and at most {MOST_REFERENCES}.", field=field, value=len(numbers))
    return numbers
