"""From a mail in the outbox to the message that is sent: text and HTML in the recipient's language."""

from collections.abc import Callable, Mapping
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from gettext import NullTranslations
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from babel.dates import format_date
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from portal.notify.outbox import Due, Undeliverable
from portal.settings import Settings

TEMPLATES = Path(__file__).parent / "templates"
LANGUAGE_TAGS = {"en": "en", "zh_CN": "zh-Hans", "ru": "ru"}

Catalogue = Callable[[str], NullTranslations]


def composer(settings: Settings, catalogue: Catalogue) -> Callable[[Due], EmailMessage]:
    """A function that makes the message of a mail; `catalogue` gives the translations of a language.

    The function raises Undeliverable for a mail that no message can be made of.
    """

    @lru_cache(8)
    def environment(locale: str) -> Environment:
        env = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=lambda name: name is not None and name.endswith(".html"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        env.install_gettext_translations(catalogue(locale), newstyle=True)  # type: ignore[attr-defined]
        env.filters["day"] = lambda text: _day(text, locale)
        return env

    def compose(due: Due) -> EmailMessage:
        context = {**due.context, "agency": settings.agency_name, "base_url": settings.base_url}
        return message(settings, due, environment(due.locale), context)

    return compose


def message(settings: Settings, due: Due, env: Environment, context: Mapping[str, Any]) -> EmailMessage:
    """The message itself, with a Message-ID that is the same at every try."""
    host = urlsplit(settings.base_url).hostname or "localhost"
    made = EmailMessage(policy=SMTP)
    parts = {kind: env.get_template(f"{due.template}.{kind}") for kind in ("subject.txt", "txt", "html")}
    try:
        made["To"] = Address(addr_spec=due.recipient)
        made["From"] = Address(one_line(settings.agency_name), addr_spec=settings.mail_from)
        made["Subject"] = one_line(parts["subject.txt"].render(context))
    except (ValueError, IndexError, MessageError) as error:
        raise Undeliverable(f"a header cannot be made: {type(error).__name__}") from None
    made["Date"] = format_datetime(due.created_at)
    made["Message-ID"] = f"<{due.id}@{host}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(parts["txt"].render(context))
    made.add_alternative(parts["html"].render(context, tag=LANGUAGE_TAGS[due.locale]), subtype="html")
    made["Content-Language"] = LANGUAGE_TAGS[due.locale]  # last: setting the content takes such headers away
    return made


def one_line(text: str) -> str:
    """Text for a header: names that people wrote must not begin a header of their own."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _day(text: str, locale: str) -> str:
    return format_date(datetime.fromisoformat(text).date(), "long", locale=locale)
