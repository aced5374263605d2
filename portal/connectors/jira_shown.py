"""What the fields of a Jira issue show as here: Jira's terms of one moment as ours. Pure."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from portal.connectors import adf, wiki
from portal.connectors.jira_history import Raw
from portal.connectors.jira_project import Known
from portal.connectors.losses import Losses
from portal.connectors.model import Field, State, Value
from portal.connectors.reading import clean, estimate, labels, one_line

SECONDS_PER_HOUR = Decimal(3600)
RANK_DIGITS = 6
FLAGGED = "Flagged in Jira"


class Shower:
    """Turns Jira's terms of one issue into ours."""

    def __init__(self, known: Known, key: str, losses: Losses) -> None:
        self.known = known
        self.key = key
        self.losses = losses
        self._shown: dict[tuple[Field, Any], Value] = {}

    def __call__(self, raw: Raw, fields: Iterable[Field]) -> State:
        return {field: self._once(raw, field) for field in fields}

    def _once(self, raw: Raw, field: Field) -> Value:
        """Each value is turned, and what it loses counted, once an issue."""
        term = _TERMS.get(field)
        if term is None or isinstance(raw[term], dict):
            return self._value(raw, field)
        known = (field, raw[term])
        if known not in self._shown:
            self._shown[known] = self._value(raw, field)
        return self._shown[known]

    def _value(self, raw: Raw, field: Field) -> Value:
        known, key, losses = self.known, self.key, self.losses
        match field:
            case Field.TITLE:
                return one_line(str(raw["summary"]), key, losses, otherwise=key)
            case Field.DESCRIPTION:
                return self._text(raw["description"])
            case Field.STATUS:
                return known.status(raw["status"])
            case Field.TYPE:
                return known.named("issuetype", *raw["type"])
            case Field.PRIORITY:
                return one_line(known.named("priority", *raw["priority"]), key, losses, length=60)
            case Field.ASSIGNEE:
                return known.assignee(raw["assignee"])
            case Field.LABELS:
                return labels(list(raw["labels"]), key, losses)
            case Field.POINTS:
                return estimate(raw["points"], "points", key, losses)
            case Field.HOURS:
                return self._hours(raw["seconds"])
            case Field.ITERATION:
                return known.iteration(raw, key)
            case Field.MILESTONE:
                return known.milestone(raw, key)
            case Field.RESTRICTED:
                return self._restricted(raw["security"])
            case Field.BLOCKED:
                return FLAGGED if raw["flagged"] else None
            case Field.DELETED:
                return bool(raw["project"] != known.key)
            case Field.CRITERIA:
                return ""

    def _text(self, value: Any) -> str:
        if isinstance(value, dict):
            unknown = adf.Unknown()
            text = clean(adf.to_markdown(value, unknown), self.key, self.losses)
            for kind in unknown:
                self.losses.changed(f"description node {kind}", self.key, "shown by its text alone")
            return text
        return wiki.to_markdown(clean(str(value), self.key, self.losses))

    def _hours(self, seconds: Any) -> Decimal | None:
        text = str(seconds or "").strip()
        if text and not (text.isascii() and text.isdecimal()):
            self.losses.not_understood("original estimate", self.key, "no number of seconds: left out")
            return None
        return estimate(str(Decimal(text) / SECONDS_PER_HOUR), "hours", self.key, self.losses) if text else None

    def _restricted(self, level: Any) -> bool:
        if level:
            told = f"security level {str(level)[:60]!r} is not understood: the item is internal while it has it"
            self.losses.changed("restriction", self.key, told)
        return bool(level)


_TERMS = {
    Field.TITLE: "summary", Field.DESCRIPTION: "description", Field.POINTS: "points", Field.HOURS: "seconds",
    Field.MILESTONE: "versions", Field.RESTRICTED: "security", Field.LABELS: "labels",
}  # fmt: skip
"""The one term of Jira that each of these fields comes from."""


def position(rank: str, key: str) -> int:
    """An order that depends on the source alone: LexoRank as a number, or the key's number where there is no rank."""
    head, _, tail = rank.partition("|")[2].partition(":")
    if head.isalnum() and head.isascii() and (not tail or (tail.isalnum() and tail.isascii())):
        return int((head + "000000")[:RANK_DIGITS] + (tail + "0000")[:4], 36)
    number = key.rpartition("-")[2]
    return int(number) * 1024 if number.isdigit() and len(number) < 12 else 0
