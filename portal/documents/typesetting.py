"""Sets pages as PDF/A-3b: one compiler, made once and kept, since its fonts take longer to read than a page to set.

What people wrote reaches a page as data alone, never as the typesetter's own language. The same data give the same
bytes: the document's date is the moment that the caller names.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from portal.documents import fonts

FOLDER = Path(__file__).parent / "pages"
STANDARD = "a-3b"
ACCESSIBLE = "ua-1"
"""PDF/UA-1 (ISO 14289-1) beside it, for pages that keep its rules: the typesetter refuses others."""
_LONG_WORD = re.compile(r"[^\s\u2e80-\uffef]{41,}")
_DIGEST = re.compile(r"[0-9a-f]{64}|[0-9A-Za-z_-]{43}")
_BREAK = "\u200b"
"""A place where a line may break, which is no sign."""
EACH = 20
EXACT = "-exact"
"""How a key ends whose text keeps its long words whole, so that it can be copied: our own addresses and commands."""
_SETTER = ThreadPoolExecutor(1, thread_name_prefix="typesetter")
"""A thread of its own, which sets one page at a time: those that wait for it wait in no other's place."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file inside a PDF, and what it is to the page (`source` or `data`, as PDF/A-3 names it)."""

    name: str
    content: bytes
    media_type: str
    description: str
    relationship: str = "source"


async def typeset(
    page: str,
    data: Mapping[str, Any],
    attached: Attached | Sequence[Attached],
    at: datetime,
    standards: tuple[str, ...] = (STANDARD,),
) -> bytes:
    """A PDF made of `pages/<page>.typ` and data; texts in `data` that the fonts lack are shown as boxes.

    `attached` is one file, or as many as the page asks for. `standards` are those that the typesetter holds the page
    to. Runs beside the loop: the typesetter lets go of the interpreter while it works.
    """
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_SETTER, _typeset, page, data, attached, at, standards)


def _typeset(
    page: str,
    data: Mapping[str, Any],
    attached: Attached | Sequence[Attached],
    at: datetime,
    standards: tuple[str, ...],
) -> bytes:
    files = _file(attached) if isinstance(attached, Attached) else [_file(one) for one in attached]
    given = {
        "data": json.dumps(_shown(data), ensure_ascii=False), "attached": json.dumps(files, ensure_ascii=False)
    }  # fmt: skip
    made = _compiler().compile(
        input=str(FOLDER / f"{page}.typ"),
        format="pdf",
        sys_inputs=given,
        pdf_standards=list(standards),
        timestamp=at.replace(microsecond=0),
    )
    assert isinstance(made, bytes)  # one page or many, a PDF is one file
    return made


def _file(one: Attached) -> dict[str, str]:
    return {
        "name": one.name, "media_type": one.media_type, "description": _shown(one.description),
        "relationship": one.relationship, "content": one.content.decode(),
    }  # fmt: skip


@lru_cache(1)
def _compiler() -> Any:
    import typst

    folders: list[Any] = [str(folder) for folder in fonts.folders()]
    return typst.Compiler(
        root=str(FOLDER),
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=folders),
        ignore_system_fonts=True,
    )


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return _LONG_WORD.sub(_breakable, fonts.shown(value))
    if isinstance(value, Mapping):
        return {key: fonts.shown(one) if key.endswith(EXACT) else _shown(one) for key, one in value.items()}
    return [_shown(one) for one in value] if isinstance(value, (list, tuple)) else value


def _breakable(found: re.Match[str]) -> str:
    """An endless word with places to break; digests and key ids fit into a line and stay as they are."""
    word = found[0]
    if _DIGEST.fullmatch(word):
        return word
    return _BREAK.join(word[at : at + EACH] for at in range(0, len(word), EACH))
