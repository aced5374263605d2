"""What travels in bodies: strict models, and the few types that all of them share.

Each model's validator is built when it is first used: 250 of them at the start took 3 MB and a seventh of a second.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Path
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

DECIMAL = re.compile(r"\d{1,6}(\.\d{1,3})?")
PLAIN_NUMBER = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")


class Incoming(BaseModel):
    """What a caller sends: nothing is converted, and a field that is not known is refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)

    def given(self) -> dict[str, Any]:
        """The fields that were sent: one that is null was sent, one that is absent was not."""
        return {field: getattr(self, field) for field in self.model_fields_set}


class Outgoing(BaseModel):
    """What a caller receives."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True, defer_build=True)

    def shown(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return self.model_dump(mode="json")


def absent() -> Any:
    """The default of a field that may be left out but, when sent, may not be null."""
    return Field(default_factory=_nothing)


def _nothing() -> Any:
    return None


def _decimal_text(value: Any) -> Any:
    if not isinstance(value, str) or not DECIMAL.fullmatch(value):
        raise ValueError('must be a decimal as text, such as "2.5": up to 6 digits, and 3 after the point')
    return Decimal(value)


def _moment_text(value: Any) -> Any:
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        raise ValueError("must be a time of RFC 3339 with its zone, such as 2026-11-24T09:30:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is no real time") from None


def _plain_number(value: Any) -> Any:
    if isinstance(value, str) and not PLAIN_NUMBER.fullmatch(value):
        raise ValueError("must be a number from 1 on, in plain digits")
    return value


def plain_decimal(value: Decimal) -> str:
    """A decimal without exponent or needless zeros: "2.5", "100"."""
    return format(value.normalize(), "f")


DecimalIn = Annotated[
    Decimal,
    BeforeValidator(_decimal_text),
    WithJsonSchema({"type": "string", "pattern": f"^{DECIMAL.pattern}$", "examples": ["2.5"]}),
]
DecimalOut = Annotated[
    Decimal, PlainSerializer(plain_decimal, return_type=str), WithJsonSchema({"type": "string", "examples": ["2.5"]})
]
MomentIn = Annotated[
    datetime,
    BeforeValidator(_moment_text),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-24T09:30:00Z"]}),
]
Moment = AwareDatetime
Day = date
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\r\n]*\S[^\r\n]*$")]
"""One line of text that says something."""
LongText = Annotated[str, StringConstraints(max_length=100_000)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^\S+$")]
"""Another system's own identifier, such as `jira:10234`."""
PathNumber = Annotated[int, BeforeValidator(_plain_number), Path(ge=1, lt=2**31, examples=[1])]
"""The number in an address: one spelling for each thing."""
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""What people call a thing within its project; never reused."""
