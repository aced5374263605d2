"""`portal verify` on receipts: offline, with the published keys alone, several at once, and never a traceback."""

import asyncio
import hashlib
import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from portal.decisions.receipt_pdf import Agency, receipt_pdf
from portal.ledger import receipts, timestamps
from portal.ledger.keys import SigningKeys, open_keys, rotate
from portal.ledger.models import Receipt
from portal.ledger.receipt_files import receipt_json
from tests.cli.conftest import Shell
from tests.support import authority as authorities
from tests.support.receipts import EVIDENCE, MONDAY, PORTAL, PROJECT, keys_in, pdf_with, seal


@pytest.fixture
def signing(tmp_path: Path) -> SigningKeys:
    """The keys of some portal, whose published set lies in portal-keys.json."""
    keys = keys_in(tmp_path / "signing")
    (tmp_path / "portal-keys.json").write_text(json.dumps(keys.jwks()))
    return keys


@pytest.fixture
def anywhere(empty_shell: Shell) -> Shell:
    """A machine that has the command and no portal."""
    for name in [name for name in empty_shell.environment if name.startswith("PORTAL_")]:
        del empty_shell.environment[name]
    return empty_shell


def kept(token: str, stamp: bytes | None = None) -> Receipt:
    return Receipt(project_id=PROJECT, seq=5, token=token, issued_at=MONDAY, timestamp=stamp)


def written(folder: Path, token: str, name: str = "receipt.json", stamp: bytes | None = None) -> str:
    (folder / name).write_bytes(receipt_json(kept(token, stamp), PORTAL))
    return str(folder / name)


def keys_of(folder: Path) -> tuple[str, str]:
    return "--keys", str(folder / "portal-keys.json")


def test_a_receipt_is_told_in_plain_words(anywhere: Shell, tmp_path: Path, signing: SigningKeys) -> None:
    ended = anywhere("verify", written(tmp_path, seal(signing)), *keys_of(tmp_path))
    assert ended.out.startswith("valid   receipt.json: Approved by Ada Lovelace, 4 May 2026, 08:35:00 UTC\n")
    for words in ("Screen: checkout, version 2", "ada@example.com", "password, second factor", "event 5 of 5",
                  signing.current.kid, "checkout.png, SHA-256 3f0a37", "Comment: Fine."):  # fmt: skip
        assert words in ended.out


def test_the_pdf_is_verified_by_what_is_attached(anywhere: Shell, tmp_path: Path, signing: SigningKeys) -> None:
    token = seal(signing)
    proved = receipts.verify(token, signing.public)
    agency = Agency("Bright Harbour", "#3451b2", PORTAL)
    made = asyncio.run(receipt_pdf(kept(token), proved, agency, str, "en"))
    (tmp_path / "receipt.pdf").write_bytes(made)
    assert anywhere("verify", str(tmp_path / "receipt.pdf"), *keys_of(tmp_path)).out.startswith("valid   receipt.pdf")


@pytest.mark.parametrize(
    ("attached", "code", "says"),
    [
        ({"protocol": b"{}"}, 0, "protocol.json attached to it is the one that was signed"),
        ({"protocol": b"{ }"}, 3, "BROKEN  protocol.pdf: protocol: the one attached is not the one that was signed"),
        ({"other": b"{ }"}, 0, "valid   protocol.pdf"),
    ],
)
def test_the_protocol_in_a_pdf_is_held_against_what_was_signed(
    anywhere: Shell, tmp_path: Path, signing: SigningKeys, attached: dict[str, bytes], code: int, says: str
) -> None:
    token = seal(signing, content={"title": "Paying", "protocol_sha256": hashlib.sha256(b"{}").hexdigest()})
    file = tmp_path / "protocol.pdf"
    file.write_bytes(pdf_with(receipt_json(kept(token), PORTAL), **attached))
    assert says in anywhere("verify", str(file), *keys_of(tmp_path), code=code).out


def test_old_receipts_hold_by_the_keys_published_today(anywhere: Shell, tmp_path: Path, signing: SigningKeys) -> None:
    path = written(tmp_path, seal(signing))
    newest = rotate(tmp_path / "signing" / "keys", "portal.example")
    (tmp_path / "portal-keys.json").write_text(json.dumps(newest.jwks()))
    assert "valid" in anywhere("verify", path, *keys_of(tmp_path)).out


def test_several_at_once_and_the_worst_decides(anywhere: Shell, tmp_path: Path, signing: SigningKeys) -> None:
    good = written(tmp_path, seal(signing), "good.json")
    bad = written(tmp_path, seal(signing)[:-9] + "AAAAAAAAA", "bad.json")
    (tmp_path / "archive.zip").write_bytes(b"PK\x03\x04 not an archive")
    files = (good, bad, str(tmp_path / "archive.zip"), good)
    ended = anywhere("verify", *files, *keys_of(tmp_path), code=3)
    assert [line.split()[0] for line in ended.out.splitlines() if line[0] != " "] == [
        "valid", "BROKEN", "BROKEN", "valid",
    ]  # fmt: skip
    assert "bad.json: form" in ended.out or "bad.json: signature" in ended.out
    assert anywhere("verify", good, good, *keys_of(tmp_path)).out.count("valid") == 2


def test_a_missing_file_does_not_hide_the_others(anywhere: Shell, tmp_path: Path, signing: SigningKeys) -> None:
    good = written(tmp_path, seal(signing))
    ended = anywhere("verify", str(tmp_path / "gone.json"), good, *keys_of(tmp_path), code=1)
    assert "No such file" in ended.err
    assert "valid   receipt.json" in ended.out


def test_without_keys_the_portals_own_are_used_on_its_machine(shell: Shell, tmp_path: Path) -> None:
    keys = open_keys(shell.folder / "keys", "127.0.0.1:8000")
    path = written(tmp_path, seal(keys, portal="http://127.0.0.1:8000"))
    assert "valid" in shell("verify", path).out


def test_without_keys_elsewhere_it_says_where_to_get_them(
    anywhere: Shell, shell: Shell, tmp_path: Path, signing: SigningKeys
) -> None:
    path = written(tmp_path, seal(signing))
    assert "/.well-known/portal-keys.json" in anywhere("verify", path, code=1).err
    assert "--keys" in shell("verify", path, code=1).err
    assert not (shell.folder / "keys").exists()


def test_another_portals_receipt_is_broken_evidence(anywhere: Shell, tmp_path: Path, signing: SigningKeys) -> None:
    path = written(tmp_path, seal(keys_in(tmp_path / "foreign")))
    assert "key: It was not signed by a key" in anywhere("verify", path, *keys_of(tmp_path), code=3).out


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"\x00" * 2000, b"%PDF-1.7\nnothing", b"[" * 200_000, b"eyJ.a.b", b" " * 6_000_000, b"\xff\xfe"]
)
def test_hostile_files_are_broken_evidence(anywhere: Shell, tmp_path: Path, signing: SigningKeys, raw: bytes) -> None:
    (tmp_path / "file").write_bytes(raw)
    ended = anywhere("verify", str(tmp_path / "file"), *keys_of(tmp_path), code=3)
    assert ended.out.startswith("BROKEN  file: ")
    assert len(ended.out) < 300


def test_a_name_cannot_steer_the_terminal(anywhere: Shell, tmp_path: Path, signing: SigningKeys) -> None:
    evidence = EVIDENCE | {"name": "\x1b[2J\x1b]0;owned\x07Ada\u202e\nvalid   forged", "email": "\r\x9b31m"}
    ended = anywhere("verify", written(tmp_path, seal(signing, evidence=evidence)), *keys_of(tmp_path))
    assert not set("\x1b\x07\x9b\u202e\r") & set(ended.out)
    assert [line for line in ended.out.splitlines() if line.startswith("valid")] == [ended.out.splitlines()[0]]


def test_a_folder_or_a_wrong_key_set_is_refused(anywhere: Shell, tmp_path: Path, signing: SigningKeys) -> None:
    path = written(tmp_path, seal(signing))
    assert "directory" in anywhere("verify", str(tmp_path), *keys_of(tmp_path), code=1).err
    for wrong in ("{}", "[" * 100_000, "no json"):
        (tmp_path / "wrong.json").write_text(wrong)
        assert "key" in anywhere("verify", path, "--keys", str(tmp_path / "wrong.json"), code=1).err.lower()
    anywhere("verify", code=2)
    anywhere("verify", path, "--database", code=2)


class TestTheTimeStamp:
    def stamped(self, folder: Path, token: str, over: str = "") -> tuple[str, str]:
        authority = authorities.make(folder / "authority")
        request = timestamps.request_for(over or token)
        answer = authority.reply(request.as_bytes())
        roots = timestamps.read_roots(authority.roots)
        stamp = timestamps.stamp_from(answer, request, over or token, roots)
        return written(folder, token, stamp=stamp), str(authority.roots)

    def test_it_is_checked_by_the_authoritys_certificates(
        self, anywhere: Shell, tmp_path: Path, signing: SigningKeys
    ) -> None:
        path, roots = self.stamped(tmp_path, seal(signing))
        assert "note    It carries a time stamp of 20" in anywhere("verify", path, *keys_of(tmp_path)).out
        ended = anywhere("verify", path, *keys_of(tmp_path), "--timestamp-certificates", roots)
        assert "Time stamp: valid, 20" in ended.out

    def test_one_over_something_else_is_broken_evidence(
        self, anywhere: Shell, tmp_path: Path, signing: SigningKeys
    ) -> None:
        path, roots = self.stamped(tmp_path, seal(signing), over="another")
        ended = anywhere("verify", path, *keys_of(tmp_path), "--timestamp-certificates", roots, code=3)
        assert "BROKEN  its time stamp" in ended.out


class TestThePrivateKey:
    def test_it_is_in_no_archive_and_not_in_the_database(self, bridge: Shell, tmp_path: Path) -> None:
        bridge("export", "BRIDGE", "-o", str(tmp_path / "a.zip"))
        private = (bridge.folder / "keys" / "signing.pem").read_text().split("-----")[2].strip()
        with ZipFile(tmp_path / "a.zip") as archive:
            whole = b"".join(archive.read(name) for name in archive.namelist())
            assert set(json.loads(archive.read("keys.json"))["keys"][0]) == {"kty", "crv", "x", "kid", "use", "alg"}
        assert private.encode() not in whole
        assert b"PRIVATE" not in whole
        for path in bridge.folder.glob("portal.sqlite*"):
            assert private.encode() not in path.read_bytes()

    def test_listing_and_rotating_never_show_it(self, bridge: Shell) -> None:
        for command in ("list", "rotate", "list"):
            said = bridge("keys", command)
            private = (bridge.folder / "keys" / "signing.pem").read_text().split("-----")[2].strip()
            assert private not in said.out + said.err


def test_on_its_own_machine_an_archive_is_held_against_the_portals_keys(bridge: Shell, tmp_path: Path) -> None:
    path = str(tmp_path / "a.zip")
    bridge("export", "BRIDGE", "-o", path)
    assert "note" not in bridge("verify", path).out
    (bridge.folder / "keys").rename(tmp_path / "gone")
    assert "note    The keys come from the archive itself" in bridge("verify", path).out
    open_keys(bridge.folder / "keys", "127.0.0.1:8000")
    assert "signature" in bridge("verify", path, code=3).out
