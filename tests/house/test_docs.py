"""The documents say what the code says."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.core import TyperGroup
from typer.main import get_command

from portal.app import create_app
from portal.cli import app
from portal.settings import ProviderSettings, Settings, load

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
SETTINGS = (ROOT / "docs" / "settings.md").read_text("utf-8")


def test_every_setting_is_documented_and_none_that_is_not_one():
    documented = set(re.findall(r"^\| `PORTAL_([A-Z_]+)`", SETTINGS, re.MULTILINE))
    assert documented == {name.upper() for name in Settings.model_fields}


def test_every_key_of_a_provider_is_documented():
    rows = re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \|", SETTINGS.partition("## A provider")[2], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)} == set(ProviderSettings.model_fields)


def test_every_document_that_is_linked_exists():
    missing = [
        f"{page.name}: {link}"
        for page in PAGES
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))
        if not (page.parent / link).exists()
    ]
    assert missing == []


def commands(text: str) -> Iterator[list[str]]:
    """The words of each `portal …` in a text's code, up to what joins it with the next one."""
    blocks = re.findall(r"^ *```[a-z]*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    for code in lines + re.findall(r"`([^`\n]+)`", text):
        for part in re.split(r"&&|\||#", code):
            if re.match(r"portal [a-z]", part.strip()):
                yield part.split()[1:]


def unknown(words: list[str], command: Any) -> str | None:
    """The first word that is no command where one must stand, or an option that its command does not have."""
    rest = iter(words)
    while isinstance(command, TyperGroup) and (word := next(rest, None)) is not None and word.isalpha():
        if word not in command.commands:
            return word
        command = command.commands[word]
    options = {option for parameter in command.params for option in parameter.opts}
    return next((word for word in rest if word.startswith("-") and word not in options), None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_the_documents_exists(page: Path):
    known = get_command(app)
    found = {" ".join(words): unknown(words, known) for words in commands(page.read_text("utf-8"))}
    assert {line: word for line, word in found.items() if word} == {}


async def test_every_call_in_the_documents_is_one_of_the_api(tmp_path: Path):
    chosen = load({}, environment="test", base_url="https://portal.example", secret_key="0123456789abcdef" * 3,
                  data_dir=tmp_path)  # fmt: skip
    asgi = httpx2.ASGITransport(app=create_app(chosen))
    async with httpx2.AsyncClient(transport=asgi, base_url=chosen.base_url) as client:
        described = (await client.get("/api/openapi.json")).json()
    known = [f"{verb.upper()} /api{path}" for path, verbs in described["paths"].items() for verb in verbs]
    told = {
        (page.name, call)
        for page in PAGES
        for call in re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) [^`\s?]+)", page.read_text("utf-8"))
    }
    assert len(told) > 30
    assert [one for one in sorted(told) if not any(form(one[1]).fullmatch(call) for call in known)] == []


def form(call: str) -> re.Pattern[str]:
    """What a call in a document stands for: `POST …/rotation`, `GET time/{day}` and whole addresses."""
    verb, _, path = call.partition(" ")
    parts = [r"\{[^/]+\}" if "{" in part else re.escape(part) for part in path.removeprefix("…/").strip("/").split("/")]
    return re.compile(f"{verb} (/.+)?/{'/'.join(parts)}")
