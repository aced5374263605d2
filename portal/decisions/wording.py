"""What receipts and protocols are worded with: the words of a language, and moments."""

from collections.abc import Callable
from datetime import datetime

from babel.dates import format_datetime

Gettext = Callable[[str], str]
"""A language's translation of a text."""
PATTERNS = {"zh_CN": "y年M月d日 HH:mm:ss 'UTC'"}
PATTERN = "d MMMM y, HH:mm:ss 'UTC'"


def moment(at: datetime, locale: str) -> str:
    """A moment to the second, in UTC: a receipt is read in every zone."""
    return format_datetime(at, PATTERNS.get(locale, PATTERN), locale=locale)


def moment_of(text: str, locale: str) -> str:
    """The same of a moment in ISO 8601; what is none stays as it is."""
    try:
        return moment(datetime.fromisoformat(text), locale)
    except ValueError:
        return text
