"""Which letters the documents' fonts have: read from the fonts themselves, so that a page never lacks a sign unseen."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from struct import Struct, unpack_from
from unicodedata import category

PACKAGES = (("fontpkg_noto_sans", "files"), ("manimgx_fonts_cjk", ""))
"""Packages that are fonts and little else, and the folder within. They are not imported."""
LATIN, CHINESE, DIGITS = "Noto Sans", "Noto Sans CJK SC", "DejaVu Sans Mono"
"""The families on our pages; the last one is inside the typesetter."""
MISSING = "□"
_TABLE = Struct(">4sLLL")  # OpenType 1.9, table record
_GROUP = Struct(">LLL")  # the same, cmap format 12


def folders() -> list[Path]:
    """Where the fonts lie. Raises FileNotFoundError when a font package is not installed."""
    found = []
    for package, folder in PACKAGES:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise FileNotFoundError(f"The font package {package} is not installed: install the portal's dependencies.")
        found.append(Path(spec.origin).parent / folder)
    return found


def shown(text: str) -> str:
    """The text as a page can show it: what no font has becomes a box, and signs that steer others become their names.

    So nobody's name can turn the direction of the line that it stands in, or hide a part of it.
    """
    return "".join(_shown(sign) for sign in text)


@lru_cache(8192)
def _shown(sign: str) -> str:
    if sign == "\n" or sign == " ":
        return sign
    if sign == "\t":
        return " "
    if category(sign)[0] == "C":
        return f"[U+{ord(sign):04X}]"
    return sign if ord(sign) in covered() else MISSING


@lru_cache(1)
def covered() -> frozenset[int]:
    """Every code point that one of the fonts has a glyph for."""
    points: set[int] = set()
    for folder in folders():
        for path in sorted([*folder.glob("*.ttf"), *folder.glob("*.ttc"), *folder.glob("*.otf")]):
            points.update(_points(path.read_bytes()))
    return frozenset(points)


def _points(font: bytes) -> set[int]:
    """The code points of a font's first face: all faces of a collection have the same."""
    start = unpack_from(">L", font, 12)[0] if font[:4] == b"ttcf" else 0
    for at in range(unpack_from(">H", font, start + 4)[0]):
        tag, _sum, offset, _length = _TABLE.unpack_from(font, start + 12 + at * _TABLE.size)
        if tag == b"cmap":
            return _mapped(font, offset)
    return set()


def _mapped(font: bytes, table: int) -> set[int]:
    points: set[int] = set()
    for at in range(unpack_from(">H", font, table + 2)[0]):
        subtable = table + int(unpack_from(">HHL", font, table + 4 + at * 8)[2])
        if unpack_from(">H", font, subtable)[0] == 12:
            for group in range(unpack_from(">L", font, subtable + 12)[0]):
                first, last, _glyph = _GROUP.unpack_from(font, subtable + 16 + group * _GROUP.size)
                points.update(range(first, last + 1))
    return points
