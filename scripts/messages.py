"""The catalogues of translations: collects every text of code and templates into them, or checks that none is missing.

`messages.py` brings web/locale/*/LC_MESSAGES/messages.po up to date, new texts without translation.
`messages.py --check` changes nothing and fails for each text that is not translated, no longer used, or whose
placeholders or plural forms differ between the languages.
"""

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
LOCALES = ROOT / "web" / "locale"
LANGUAGES = ("ru", "zh_CN")
"""English is the language of the source and needs no catalogue."""
FOLDERS = ("portal", "api", "web")
METHODS = [("**/templates/**.html", "jinja2"), ("**/templates/**.txt", "jinja2"), ("**.py", "python")]
OPTIONS = {"jinja2": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3)}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|\{(\w*)\}|%[sd]")


def main(arguments: list[str]) -> int:
    """The exit code: 1 when a check found faults."""
    template = extracted()
    if "--check" not in arguments:
        for language in LANGUAGES:
            update(language, template)
        return 0
    faults = [fault for language in LANGUAGES for fault in check(language, template)]
    print("\n".join(faults) or f"{len(template)} texts, translated into {' and '.join(LANGUAGES)}")
    return 1 if faults else 0


def extracted() -> Catalog:
    """All texts of the source, with the files that they are in."""
    catalog = Catalog(fuzzy=False)
    options = {pattern: OPTIONS.get(method, {}) for pattern, method in METHODS}
    for folder in FOLDERS:
        found = extract_from_dir(ROOT / folder, METHODS, options, KEYWORDS, strip_comment_tags=True)
        for name, _line, text, _comments, context in found:
            catalog.add(text, None, [(f"{folder}/{name}", 0)], context=context)
    return catalog


def path_of(language: str) -> Path:
    """Where a language's catalogue lies."""
    return LOCALES / language / "LC_MESSAGES" / "messages.po"


def read(language: str) -> Catalog:
    """A language's catalogue as it lies there; an empty one when there is none."""
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(language: str, template: Catalog) -> None:
    """Adds the new texts, takes out those that are gone, keeps every translation."""
    catalog = read(language)
    catalog.update(template, no_fuzzy_matching=True, update_header_comment=False)
    catalog.obsolete.clear()
    text = io.BytesIO()
    write_po(text, catalog, width=120, sort_output=True, include_lineno=False, omit_header=True)
    header = f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"Plural-Forms: {catalog.plural_forms}\\n"\n'
    header += '"Content-Type: text/plain; charset=utf-8\\n"\n\n'
    path_of(language).parent.mkdir(parents=True, exist_ok=True)
    path_of(language).write_text(header + text.getvalue().decode("utf-8"), "utf-8")
    missing = sum(1 for message in catalog if message.id and not all(strings(message)))
    print(f"{path_of(language).relative_to(ROOT)}: {len(catalog)} texts, {missing} to translate")


def check(language: str, template: Catalog) -> Iterator[str]:
    """One line for each fault of a language's catalogue."""
    catalog = read(language)
    for wanted in template:
        if not wanted.id:
            continue
        message = catalog.get(wanted.id, wanted.context)
        where = f"{language}: {wanted.locations[0][0]}: {ids(wanted)[0]!r}"
        if message is None:
            yield f"{where} is missing: run `make messages`, then translate it"
        elif not all(strings(message)) or message.fuzzy:
            yield f"{where} is not translated"
        elif len(strings(message)) != (catalog.num_plurals if message.pluralizable else 1):
            yield f"{where} needs {catalog.num_plurals} plural forms"
        elif placeholders(ids(wanted)) != placeholders(strings(message)):
            yield f"{where} is translated with other placeholders"
    for message in catalog:
        if message.id and template.get(message.id, message.context) is None:
            yield f"{language}: {ids(message)[0]!r} is no longer used: run `make messages`"


def ids(message: Message) -> tuple[str, ...]:
    """The text in the source: singular and plural, or the one."""
    return tuple(message.id) if isinstance(message.id, tuple | list) else (message.id,)


def strings(message: Message) -> tuple[str, ...]:
    """Its translations, one a plural form."""
    return tuple(message.string) if isinstance(message.string, tuple | list) else (message.string or "",)


def placeholders(texts: tuple[str, ...]) -> set[str]:
    """The names that are filled in. Not every plural form must use the number."""
    return {found.group() for text in texts for found in PLACEHOLDER.finditer(text)} - {"%(num)d", "%(num)s"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
