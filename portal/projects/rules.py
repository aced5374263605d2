"""What a project, a milestone and an iteration may look like. Pure."""

import re
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from portal import money
from portal.errors import Invalid
from portal.ledger.models import Audience
from portal.projects.models import ProjectStatus, StaffNames, Unit

KEY = re.compile(r"[A-Z][A-Z0-9]{1,15}")
LANGUAGES = ("en", "zh_CN", "ru")
NAME_LENGTH = 200
TEXT_LENGTH = 100_000
Word = TypeVar("Word", bound=StrEnum)


def check_key(key: str) -> str:
    """A project's key: two to sixteen capital letters and digits, the first a letter. Raises Invalid."""
    if not KEY.fullmatch(key):
        raise Invalid("A key is 2 to 16 capital letters and digits, such as BRIDGE.", field="key", value=key)
    return key


def check_name(value: str, field: str = "name", *, length: int = NAME_LENGTH) -> str:
    """A one-line text that says something. Raises Invalid."""
    text = check_text(value, field, length=length).strip()
    if not text or "\n" in text:
        raise Invalid(f"{field} must be one line with at least one character.", field=field, value=value)
    return text


def check_text(value: str, field: str, *, length: int = TEXT_LENGTH) -> str:
    """A text that both databases can keep: bounded, without NUL or lone surrogates. Raises Invalid."""
    if len(value) > length:
        raise Invalid(f"{field} is longer than {length} characters.", field=field, value=value[:40] + "…")
    if "\x00" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise Invalid(f"{field} has characters that are no text (NUL or half a surrogate pair).", field=field)
    return value


def check_among(words: type[Word], value: str, field: str) -> Word:
    """A word of a closed list. Raises Invalid with the words there are."""
    try:
        return words(value)
    except ValueError:
        raise Invalid(f"{field} must be one of: {', '.join(words)}.", field=field, value=value) from None


def check_audience(value: str, what: str) -> Audience:
    """The audience of something that shows no money; `what` begins the sentence that refuses it. Raises Invalid."""
    audience = check_among(Audience, value, "audience")
    if audience is Audience.BILLING:
        raise Invalid(f"{what} is for the client or internal.", field="audience", value=value)
    return audience


def check_project_field(field: str, value: Any) -> Any:
    """A project's field, checked. Raises Invalid with what would be right."""
    match field:
        case "name" | "contact_name" | "deputy_name" | "contact_email" | "deputy_email":
            return check_name(value, field) if value or field == "name" else ""
        case "summary":
            return check_text(value, field, length=4000)
        case "time_zone":
            return _one_of(value, field, available_timezones(), "an IANA time zone such as Europe/Berlin") and str(
                ZoneInfo(value)
            )
        case "currency":
            return money.check_currency(value)
        case "languages":
            return [_one_of(one, field, LANGUAGES, "a list of en, zh_CN, ru") for one in value]
        case "status":
            return ProjectStatus(_one_of(value, field, tuple(ProjectStatus), "active, paused, done or archived"))
        case "show_staff":
            return StaffNames(_one_of(value, field, tuple(StaffNames), "name, role or hidden"))
        case "unit":
            return Unit(_one_of(value, field, tuple(Unit), "points, hours or count"))
        case "working_days":
            return _mask(value)
        case "work_starts" | "work_ends":
            return _minutes_of_day(value, field)
        case "days_off":
            return sorted({_iso_day(one, field) for one in value})
        case "holidays":
            return value
    raise Invalid(f"A project has no field {field}.", field=field, value=value)


def _one_of(value: str, field: str, allowed: Any, right: str) -> str:
    if value not in allowed:
        raise Invalid(f"{field} must be {right}.", field=field, value=value)
    return value


def _mask(value: int) -> int:
    if not 1 <= value <= 127:
        raise Invalid("At least one day of the week must be a working day.", field="working_days", value=value)
    return value


def _minutes_of_day(value: int, field: str) -> int:
    if not 0 <= value <= 24 * 60:
        raise Invalid(f"{field} must be minutes after midnight, 0 to 1440.", field=field, value=value)
    return value


def check_working_hours(starts: int, ends: int) -> None:
    """A working day has at least an hour. Raises Invalid."""
    if ends - starts < 60:
        raise Invalid("The working day must end at least an hour after it begins.", field="work_ends", value=ends)


def _iso_day(value: Any, field: str) -> str:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise Invalid(f"{field} must be ISO dates such as 2026-12-24.", field=field, value=value) from None


def check_iteration_dates(starts_on: date | None, ends_on: date | None) -> None:
    """An iteration ends on or after its first day. Raises Invalid."""
    if starts_on and ends_on and ends_on < starts_on:
        raise Invalid("An iteration cannot end before it starts.", field="ends_on", value=ends_on.isoformat())
