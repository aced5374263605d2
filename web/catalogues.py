"""The translations, read from the .po files that people edit: no compiled file can be older than its source."""

from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FOLDER = Path(__file__).parent / "locale"


def mark(message: str) -> str:
    """Marks a message for the catalogues where it is written down (as `_`); it is translated where it is used."""
    return message


def po_file(locale: str) -> Path:
    """Where a language's translations lie."""
    return FOLDER / locale / "LC_MESSAGES" / "messages.po"


@lru_cache(8)
def catalogue(locale: str) -> NullTranslations:
    """A language's translations; English is the language of the source and has none."""
    path = po_file(locale)
    if not path.exists():
        return NullTranslations()
    with path.open("rb") as source:
        catalog = read_po(source, locale=locale)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return GNUTranslations(compiled)
