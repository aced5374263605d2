"""What a design, a version and a pin may look like, and what is decided about a version. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from portal.designs.carrying import TEN_THOUSAND
from portal.designs.models import Design, DesignPart, DesignVersion
from portal.errors import Invalid
from portal.files.kinds import DRAWN
from portal.files.models import File
from portal.files.pages import pages_of
from portal.ledger.models import Audience
from portal.projects.rules import check_name, check_text

MOST_VERSIONS = 200
MOST_PARTS = 20
MOST_PINS = 500
MOST_REPLIES = 4_000
"""Of one design. With the bounds before it: what one page has to read (queries.MOST_ROWS)."""
LONGEST_DESCRIPTION = 20_000
LONGEST_REMARK = 4_000
LONGEST_URL = 2_000


@dataclass(frozen=True, slots=True)
class Link:
    """A prototype elsewhere, and the number of the file with the picture that was taken of it, if there is one yet."""

    url: str
    snapshot: int | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """Who is asked to approve, how many of them must, until when, and what waits on it; as `decisions.rules` has it."""

    people: tuple[UUID, ...] = ()
    needed: int | None = None
    due_on: date | None = None
    holds_up: str = ""


def check_design(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A design's title and description, as far as they are given. Raises Invalid."""
    for field in fields.keys() - {"title", "description"}:
        raise Invalid(f"A design has no field {field}.", field=field, value=fields[field])
    checked = dict(fields)
    if "title" in fields:
        checked["title"] = check_name(fields["title"], "title")
    if "description" in fields:
        checked["description"] = check_text(fields["description"], "description", length=LONGEST_DESCRIPTION)
    return checked


def check_remark(text: str) -> str:
    """The words of a pin or a reply. Raises Invalid."""
    words = check_text(text.strip(), "text", length=LONGEST_REMARK)
    if not words:
        raise Invalid("Write something first.", field="text", value=text)
    return words


def check_note(text: str) -> str:
    """What changed in a version. Raises Invalid."""
    return check_text(text.strip(), "note", length=LONGEST_REMARK)


def check_place(x: int, y: int) -> None:
    """A point within the picture. Raises Invalid."""
    for field, value in (("x", x), ("y", y)):
        if not 0 <= value <= TEN_THOUSAND:
            raise Invalid(
                f"{field} is in ten-thousandths of the picture: 0 to {TEN_THOUSAND}.", field=field, value=value
            )


def check_parts(files: Sequence[int], links: Sequence[Link]) -> None:
    """What a version is made of: at least one thing, none twice. Raises Invalid."""
    if not 1 <= len(files) + len(links) <= MOST_PARTS:
        raise Invalid(f"A version has 1 to {MOST_PARTS} files and links.", field="files", value=len(files) + len(links))
    _refuse_twice("files", [*files, *(link.snapshot for link in links if link.snapshot)])
    _refuse_twice("links", [link.url for link in links])
    for at, link in enumerate(links):
        _check_url(link.url, f"links[{at}].url")


def _refuse_twice(field: str, values: Sequence[int | str]) -> None:
    for at, value in enumerate(values):
        if value in values[:at]:
            raise Invalid("This is named more than once.", field=field, value=value)


def _check_url(url: str, field: str) -> None:
    """A prototype is at an https address with a host, without a password in it."""
    check_text(url, field, length=LONGEST_URL)
    try:
        parts = urlsplit(url)
        is_right = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        is_right = False
    if not is_right or not url.isprintable() or " " in url or "\\" in url:
        raise Invalid("A prototype's address begins with https:// and has no spaces.", field=field, value=url[:200])


def check_file(field: str, number: int, file: File | None) -> File:
    """A file that can be looked at by the client. Raises Invalid."""
    if file is None:
        raise Invalid("There is no such file in this project: upload it first.", field=field, value=number)
    if file.audience is Audience.BILLING:
        raise Invalid("This file is for those who see money: a design cannot show it.", field=field, value=number)
    if file.media_type not in DRAWN or file.preview is None:
        right = "a picture (PNG, JPEG, GIF, WebP) or a PDF that can be drawn"
        raise Invalid(f"A design shows {right}; this is {file.media_type}.", field=field, value=number)
    return file


def check_askable(parts: Sequence[DesignPart]) -> None:
    """Nobody approves what may be another thing tomorrow. Raises Invalid for a link without its snapshot."""
    for part in parts:
        if part.file_number is None:
            raise Invalid("A link is approved by its snapshot: upload one first.", field="links", value=part.url)


def content_of(
    design: Design, version: DesignVersion, parts: Sequence[DesignPart], files: Mapping[int, File]
) -> dict[str, Any]:
    """Everything that is decided about a version: its words, and each file by its digest."""
    shown = [(part.url, files[part.file_number]) for part in parts if part.file_number is not None]
    return {
        "title": design.title,
        "description": design.description,
        "version": version.version,
        "note": version.note,
        "files": [_file(file) for url, file in shown if url is None],
        "links": [{"url": url, "snapshot": _file(file)} for url, file in shown if url is not None],
    }


def _file(file: File) -> dict[str, Any]:
    told: dict[str, Any] = {
        "number": file.number, "name": file.name, "sha256": file.sha256.hex(), "size": file.size,
        "media_type": file.media_type,
    }  # fmt: skip
    if file.page_count is not None:
        told |= _pages(file, file.page_count)
    return told


def _pages(file: File, count: int) -> dict[str, Any]:
    """How many pages a document has, how many of the first ones the client is shown, and which of those are broken."""
    shown = pages_of(file)
    broken = [page.number for page in shown if not page.is_drawn]
    return {"pages": count, "shown": len(shown)} | ({"broken": broken} if broken else {})
