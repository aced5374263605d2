"""Templates, texts and static files as a whole."""

import re
import sys
from pathlib import Path

import pytest
from jinja2 import StrictUndefined

from web import catalogues, render, static_files, words
from web.locale_choice import LANGUAGES

sys.path.insert(0, str(render.HOUSE / "scripts"))
import messages  # type: ignore[import-not-found]

NAMES = sorted(str(path.relative_to(render.TEMPLATES)) for path in render.TEMPLATES.rglob("*.html"))
SOURCES = {name: (render.TEMPLATES / name).read_text() for name in NAMES}


def test_there_are_templates() -> None:
    assert {"base.html", "projects/overview.html", "backlog/list.html", "errors/error.html"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("locale", LANGUAGES)
def test_each_template_compiles_in_each_language(name: str, locale: str) -> None:
    env = render.environment(locale)
    assert env.undefined is StrictUndefined
    assert env.autoescape is True
    assert env.get_template(name).name == name


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_a_template_is_inline_or_unescaped(name: str) -> None:
    source = SOURCES[name]
    assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:|\|\s*safe", source)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", source))


def test_every_page_stands_in_the_common_frame() -> None:
    pages = [name for name in NAMES if not is_part(name)]
    assert [name for name in pages if not SOURCES[name].startswith('{% extends "base.html" %}')] == []


PARTS = {"base.html", "projects/milestone_state.html", "decisions/content.html", "changes/option.html"}
"""Templates that others take in."""


def is_part(name: str) -> bool:
    """Whether others take it in: what is decided of each kind, and each room's own parts."""
    base = name.rpartition("/")[2]
    return name in PARTS or name.startswith("parts/") or base == "parts.html" or base.startswith("of_")


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    template = messages.extracted()
    assert len(template) > 250
    assert list(messages.check(language, template)) == []


def test_the_languages_offered_are_the_languages_there_are() -> None:
    assert set(LANGUAGES) == {"en", *messages.LANGUAGES} == set(render.LANGUAGE_TAGS)


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "1 задача"), (3, "3 задачи"), (5, "5 задач"), (11, "11 задач"), (21, "21 задача"), (112, "112 задач")],
)
def test_russian_counts_as_russian_does(count: int, words: str) -> None:
    one, many = "%(count)s item, the most important first.", "%(count)s items, the most important first."
    text = catalogues.catalogue("ru").ngettext(one, many, count) % {"count": count}
    assert text.startswith(f"{words}, ")


@pytest.mark.parametrize("locale", ["zh_CN", "ru"])
def test_the_closed_lists_are_translated_too(locale: str) -> None:
    english = words.words("en")
    same = [value for group, texts in words.words(locale).items() for value, text in texts.items()
            if text == english[group][value]]  # fmt: skip
    assert same == []


def test_a_files_address_changes_with_its_content_and_old_ones_are_gone() -> None:
    address = static_files.static_url("portal.css")
    assert re.fullmatch(r"/static/portal\.[0-9a-f]{16}\.css", address)
    with pytest.raises(KeyError):
        static_files.static_url("../routes.py")


def test_what_browsers_load_is_small() -> None:
    sizes = {path.name: path.stat().st_size for path in Path(static_files.FOLDER).iterdir() if path.is_file()}
    assert sizes["portal.css"] < 26_000
    assert sizes["portal.js"] < 4_000


def test_colours_have_enough_contrast_in_both_themes() -> None:
    css = (static_files.FOLDER / "portal.css").read_text()
    themes = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", block)) for block in re.findall(r":root \{[^}]*\}", css)
    ]
    light, dark = themes[0], themes[0] | themes[1]
    pairs = [
        ("ink", "surface"), ("soft", "surface"), ("faint", "surface"), ("soft", "ground"), ("faint", "ground"),
        ("faint", "raised"), ("accent", "surface"), ("accent", "ground"), ("accent-ink", "accent"),
        ("ink", "doing-soft"),
        *((kind, f"{kind}-soft") for kind in ("todo", "doing", "done", "dropped", "alert")),
    ]  # fmt: skip
    weak = [(fore, back) for theme in (light, dark) for fore, back in pairs if contrast(theme[fore], theme[back]) < 4.5]
    assert weak == []
    lines = ("c-remaining", "c-ideal", "c-done", "c-scope", "line-strong")
    assert [line for theme in (light, dark) for line in lines if contrast(theme[line], theme["surface"]) < 3] == []


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (WCAG 2.2, 1.4.3)."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of `#rgb` or `#rrggbb`."""
    digits = colour[1:] if len(colour) == 7 else "".join(sign * 2 for sign in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
