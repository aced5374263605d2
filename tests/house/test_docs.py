"""The documents say what the code says."""

import re
from pathlib import Path

from portal.settings import ProviderSettings, Settings

ROOT = Path(__file__).parents[2]
SETTINGS = (ROOT / "docs" / "settings.md").read_text("utf-8")


def test_every_setting_is_documented_and_none_that_is_not_one():
    documented = set(re.findall(r"^\| `PORTAL_([A-Z_]+)`", SETTINGS, re.MULTILINE))
    assert documented == {name.upper() for name in Settings.model_fields}


def test_every_key_of_a_provider_is_documented():
    rows = re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \|", SETTINGS.partition("## A provider")[2], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)} == set(ProviderSettings.model_fields)


def test_every_document_that_is_linked_exists():
    pages = [ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md")]
    missing = [
        f"{page.name}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))
        if not (page.parent / link).exists()
    ]
    assert missing == []
