"""From a mail in the outbox to the message that is sent: text and HTML in the recipient's language."""

from collections.abc import Callable, Mapping
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from gettext import NullTranslations
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from babel.dates import format_date
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from portal import reasons
from portal.notify import links
from portal.notify.outbox import Due, Undeliverable
from portal.settings import Settings

TEMPLATES = Path(__file__).parent / "templates"
LANGUAGE_TAGS = {"en": "en", "zh_CN": "zh-Hans", "ru": "ru"}
PICTURE = "picture"

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
        env.filters["reason"] = lambda said: reasons.translated(said, catalogue(locale).gettext)
        env.filters["number"] = lambda value: format_decimal(value, locale=locale)
        return env

    def compose(due: Due) -> EmailMessage:
        return message(settings, due, environment(due.locale), {**due.context, **frame(settings, due)})

    return compose


def frame(settings: Settings, due: Due) -> dict[str, Any]:
    """What every template may use besides its own context: the agency, and what the mail leads to."""
    base = settings.base_url
    leave = None
    if due.person_id is not None and due.topic is not None:
        leave = f"{base}/unsubscribe/{links.leave_token(settings, due.person_id, due.topic)}"
    return {
        "agency": settings.agency_name,
        "colour": settings.agency_colour,
        "base_url": base,
        "tag": LANGUAGE_TAGS[due.locale],
        "topic": due.topic,
        "leave_url": leave,
        "open_url": f"{base}/go/{links.open_token(settings, due.id)}",
        "picture": f"cid:{PICTURE}@{_host(settings)}" if due.picture else None,
        "takes_reply": _takes_reply(settings, due),
    }


def message(settings: Settings, due: Due, env: Environment, context: Mapping[str, Any]) -> EmailMessage:
    """The message itself, with a Message-ID that is the same at every try."""
    made = EmailMessage(policy=SMTP)
    parts = {kind: env.get_template(f"{due.template}.{kind}") for kind in ("subject.txt", "txt", "html")}
    try:
        made["To"] = Address(addr_spec=due.recipient)
        made["From"] = Address(one_line(settings.agency_name), addr_spec=settings.mail_from)
        made["Subject"] = one_line(parts["subject.txt"].render(context))
    except (ValueError, IndexError, MessageError) as error:
        raise Undeliverable(f"a header cannot be made: {type(error).__name__}") from None
    made["Date"] = format_datetime(due.created_at)
    made["Message-ID"] = f"<{due.id}@{_host(settings)}>"
    made["Auto-Submitted"] = "auto-generated"
    _say_how_to_answer(made, settings, due, context)
    made.set_content(parts["txt"].render(context))
    made.add_alternative(parts["html"].render(context), subtype="html")
    if due.picture:
        html = cast(list[MIMEPart], made.get_payload())[1]
        html.add_related(
            due.picture.content, "image", due.picture.subtype, cid=f"<{PICTURE}@{_host(settings)}>",
            filename=due.picture.name, disposition="inline",
        )  # fmt: skip
    made["Content-Language"] = LANGUAGE_TAGS[due.locale]  # last: setting the content takes such headers away
    return made


def _say_how_to_answer(made: EmailMessage, settings: Settings, due: Due, context: Mapping[str, Any]) -> None:
    if context["leave_url"]:
        made["List-Unsubscribe"] = f"<{context['leave_url']}>"
        made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    if context["takes_reply"]:
        host = settings.mail_reply_to.rpartition("@")[2]
        token = links.reply_token(settings, due.id)
        made["Reply-To"] = Address(one_line(settings.agency_name), username=f"reply+{token}", domain=host)


def _takes_reply(settings: Settings, due: Due) -> bool:
    return bool(settings.mail_reply_to and due.context.get("takes_reply"))


def _host(settings: Settings) -> str:
    return urlsplit(settings.base_url).hostname or "localhost"


def one_line(text: str) -> str:
    """Text for a header: names that people wrote must not begin a header of their own."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _day(text: str, locale: str) -> str:
    pattern = "long" if locale == "zh_CN" else "d MMMM y"  # as on the pages: the day before the month, no “г.”
    return format_date(datetime.fromisoformat(text).date(), pattern, locale=locale)
