"""C2SP signed notes (c2sp.org/signed-note): a text, an empty line, and signature lines. Reading is strict."""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence

from portal.errors import Invalid
from portal.ledger.keys import PublicKey, SigningKeys

MAX_NOTE_CHARACTERS = 64 * 1024
MAX_SIGNATURES = 32
_NAME = re.compile(r"[^\s+]{1,500}")
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
_DASH = "\N{EM DASH} "


def sign_note(text: str, name: str, keys: SigningKeys) -> str:
    """The note that signs `text` (which ends in a newline) under a key name."""
    signature = keys.current.note_id(name) + keys.sign(text.encode())
    return f"{text}\n{_DASH}{name} {b64encode(signature).decode()}\n"


def open_note(note: str, name: str, keys: Sequence[PublicKey]) -> str:
    """The text of a note that one of `keys` signed under that key name.

    Signatures of others are passed over, as the specification demands. Raises Invalid when the form is wrong, when no
    known key signed, or when a signature in a known key's name is false.
    """
    text, signatures = split_note(note)
    by_id = {key.note_id(name): key for key in keys}
    known = [(by_id[raw[:4]], raw[4:]) for signer, raw in signatures if signer == name and raw[:4] in by_id]
    if not known:
        raise Invalid("It is not signed by a known key.", field="signature", value=name)
    if not all(key.verifies(signature, text.encode()) for key, signature in known):
        raise Invalid("The signature is false.", field="signature", value=name)
    return text


def split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The text of a note, **not verified**, and its signatures as (key name, key id and signature). Raises Invalid."""
    if len(note) > MAX_NOTE_CHARACTERS or _CONTROL.search(note) or not _is_utf8(note):
        raise Invalid("A signed note is a short text without control characters.", field="note", value=note[:40])
    text, gap, lines = note.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise Invalid("A signed note ends in an empty line and signature lines.", field="note", value=note[-40:])
    signatures = [_signature(line) for line in lines[:-1].split("\n")]
    if len(signatures) > MAX_SIGNATURES:
        raise Invalid(f"A note may have {MAX_SIGNATURES} signatures.", field="note", value=len(signatures))
    return text + "\n", signatures


def _signature(line: str) -> tuple[str, bytes]:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    raw = from_base64(encoded)
    if not line.startswith(_DASH) or not _NAME.fullmatch(name) or len(raw) < 5:
        raise Invalid("A signature line is an em dash, a key name and a signature.", field="note", value=line[:80])
    return name, raw


def from_base64(text: str) -> bytes:
    """Standard base64 in its only spelling. Raises Invalid."""
    try:
        raw = b64decode(text)
    except (Base64Error, ValueError):
        raw = b""
    if not raw or b64encode(raw).decode() != text:
        raise Invalid("This is not base64.", field="note", value=text[:80])
    return raw


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
