"""What a setting's text may be: addresses of the portal and of what stands beside it, and a colour.

Each refuses by a ValueError that says what would be right, and never shows a password.
"""

import re
from email.errors import MessageError
from email.headerregistry import Address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

LEAST_CONTRAST = 4.5
"""Between letters and what they stand on (WCAG 2.2, 1.4.3)."""
DATABASES = ("postgresql", "postgres", "sqlite")


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("must be an address such as https://portal.example.com, without path or query")
    if parts.path not in ("", "/"):
        raise ValueError("must be the root of a host: a path is not supported")
    return value.rstrip("/")


def _issuer(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be the provider's issuer address, exactly as its discovery document says it")
    return value


def _colour(value: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise ValueError("must be a colour such as #3451b2")
    if (contrast := white_on(value)) < LEAST_CONTRAST:
        raise ValueError(f"is too light: white letters on it have a contrast of {contrast:.1f}, not {LEAST_CONTRAST}")
    return value.lower()


def white_on(colour: str) -> float:
    """The contrast of white letters on a colour `#rrggbb`, from 1 to 21 (WCAG 2.2, relative luminance)."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _mail_address(value: str) -> str:
    try:
        is_one = re.fullmatch(r"[\x21-\x3f\x41-\x7e]+@[A-Za-z0-9.-]+", value) and Address(addr_spec=value)
    except (ValueError, IndexError, MessageError):  # what the mails' From would fail by
        is_one = None
    if not is_one:
        raise ValueError("must be an address such as portal@agency.example, without a name")
    return value


def _reply_address(value: str) -> str:
    return value and _mail_address(value)


def _mail_server(value: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(value.get_secret_value())
        is_whole = parts.scheme in ("smtp", "smtps") and parts.hostname and parts.port != 0
    except ValueError:  # the text would show what was taken for a port: a piece of the password
        is_whole = False
    if not is_whole or parts.path.strip("/") or parts.query or parts.fragment:
        form = "must be an address such as smtp://user:password@mail.agency.example:587 or smtps://…"
        raise ValueError(f"{form}, a / # ? or [ in the password written as %2F %23 %3F %5B")
    return value


def _database_address(value: str) -> str:
    try:
        url = make_url(value) if value else None
        is_known = url is None or url.drivername.partition("+")[0] in DATABASES
    except (ArgumentError, ValueError):  # the text would show what was taken for a port: a piece of the password
        url, is_known = None, False
    if not is_known or (url and "@" in (url.host or "")):
        form = "must be an address such as postgresql://user:password@host/name"
        raise ValueError(f"{form}, an @ in the password written as %40")
    return value


def _files_address(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("s3", "gs", "az", "file") or not (parts.netloc or parts.path.strip("/"))):
        raise ValueError("must be an address such as s3://bucket/prefix, gs://bucket, az://container or file:///folder")
    return value


def _scanner_address(value: str) -> str:
    parts = urlsplit(value)
    is_tcp = parts.scheme == "tcp" and parts.hostname and parts.port and not parts.path.strip("/")
    if value and not is_tcp and not (parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/")):
        raise ValueError("must be an address such as tcp://localhost:3310 or unix:///run/clamav/clamd.ctl")
    return value


def _authority(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
        raise ValueError("must be the http or https address of a time stamping authority, such as https://tsa.example")
    return value


Colour = Annotated[str, AfterValidator(_colour)]
Origin = Annotated[str, AfterValidator(_origin)]
Authority = Annotated[str, AfterValidator(_authority)]
DatabaseAddress = Annotated[str, AfterValidator(_database_address)]
FilesAddress = Annotated[str, AfterValidator(_files_address)]
ScannerAddress = Annotated[str, AfterValidator(_scanner_address)]
Issuer = Annotated[str, AfterValidator(_issuer)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
ReplyAddress = Annotated[str, AfterValidator(_reply_address)]
MailServer = Annotated[SecretStr, AfterValidator(_mail_server)]
