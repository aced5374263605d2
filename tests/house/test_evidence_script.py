"""The script in docs/evidence.md, as it stands there, verifies our receipts and refuses what we refuse."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from portal.ledger import timestamps
from portal.ledger.keys import rotate
from portal.ledger.models import Receipt
from portal.ledger.receipt_files import receipt_json
from tests.support import authority as authorities
from tests.support.receipts import CONTENT, EVIDENCE, PORTAL, keys_in, seal

DOCUMENT = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text("utf-8")


def block(language: str, at: int = 0) -> str:
    """A block of code of the document."""
    return DOCUMENT.split(f"```{language}\n")[at + 1].split("```")[0]


@pytest.fixture
def signing(tmp_path):
    return keys_in(tmp_path / "signing")


def run(folder: Path, token: str, keys) -> subprocess.CompletedProcess[str]:
    (folder / "check.py").write_text(block("python"), "utf-8")
    (folder / "receipt.json").write_bytes(receipt_json(Receipt(seq=1, token=token, timestamp=None), PORTAL))
    (folder / "portal-keys.json").write_text(json.dumps(keys.jwks()), "utf-8")
    command = [sys.executable, "-I", "check.py", "receipt.json", "portal-keys.json"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=180)


def test_it_needs_nothing_but_cryptography_and_few_lines():
    script = block("python")
    assert "import portal" not in script
    assert len([line for line in script.splitlines() if line.strip()]) <= 40


@pytest.mark.parametrize("size", [1, 2, 5, 8, 100])
def test_it_verifies_a_receipt_of_any_place(tmp_path, signing, size):
    content, evidence = CONTENT | {"title": "结账 Ж"}, EVIDENCE | {"name": "Екатерина"}
    ended = run(tmp_path, seal(signing, size, content, evidence, comment='"\\ \u2028 é'), signing)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("valid: approved Екатерина 2026-05-04")


def test_it_verifies_by_the_keys_published_after_a_rotation(tmp_path, signing):
    token = seal(signing)
    assert run(tmp_path, token, rotate(tmp_path / "signing" / "keys", "portal.example")).returncode == 0


def test_it_refuses_what_was_changed_and_what_others_signed(tmp_path, signing):
    head, body, signature = seal(signing).split(".")
    changed = f"{head}.{body[:200]}{'A' if body[200] != 'A' else 'B'}{body[201:]}.{signature}"
    for token in (changed, seal(keys_in(tmp_path / "foreign"))):
        assert run(tmp_path, token, signing).returncode != 0


def test_the_commands_for_a_time_stamp_work_as_they_stand(tmp_path, signing):
    authority = authorities.make(tmp_path / "authority")
    token = seal(signing)
    request = timestamps.request_for(token)
    roots = timestamps.read_roots(authority.roots)
    stamp = timestamps.stamp_from(authority.reply(request.as_bytes()), request, token, roots)
    (tmp_path / "receipt.json").write_bytes(receipt_json(Receipt(seq=1, token=token, timestamp=stamp), PORTAL))
    (tmp_path / "roots.pem").write_bytes(authority.roots.read_bytes())
    commands = block("sh", 1).replace("python3", sys.executable)
    ended = subprocess.run(["/bin/sh", "-ec", commands], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Verification: OK" in ended.stdout + ended.stderr


def test_every_option_in_the_document_is_one_of_the_command():
    from typer.testing import CliRunner

    from portal.cli import app

    said = CliRunner().invoke(app, ["verify", "--help"], env={"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}).output
    for option in ("--keys", "--older", "--database", "--timestamp-certificates"):
        assert option in said
