"""C2SP checkpoints (c2sp.org/tlog-checkpoint): the signed head of one project's tree."""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from portal.errors import Invalid
from portal.ledger.keys import PublicKey, SigningKeys
from portal.ledger.note import from_base64, open_note, sign_note, split_note
from portal.ledger.tree import HASH_BYTES

_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_ORIGIN = re.compile(r"[^\s+/]{1,255}/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree's head: whose tree (`<host>/<project id>`), how many events, and the root over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    @property
    def project_id(self) -> UUID:
        """The project whose head this is."""
        return UUID(self.origin.rpartition("/")[2])


def sign(project_id: UUID, size: int, root: bytes, keys: SigningKeys) -> str:
    """The signed head of a project's tree."""
    checkpoint = Checkpoint(keys.origin(project_id), size, root)
    return sign_note(checkpoint.text, checkpoint.origin, keys)


def verify(note: str, keys: Sequence[PublicKey]) -> Checkpoint:
    """The head that one of `keys` signed. Raises Invalid for a wrong form, an unknown signer or a false signature."""
    checkpoint = parse(note)
    open_note(note, checkpoint.origin, keys)
    return checkpoint


def parse(note: str) -> Checkpoint:
    """The head that a signed note claims, **not verified**. Raises Invalid for a wrong form.

    Stricter than the specification: extension lines, which we never write, are refused.
    """
    text, _signatures = split_note(note)
    lines = text[:-1].split("\n")
    if len(lines) != 3 or not _ORIGIN.fullmatch(lines[0]) or not _SIZE.fullmatch(lines[1]):
        raise Invalid("A head is three lines: <host>/<project id>, size, root.", field="head", value=text[:80])
    root = from_base64(lines[2])
    if len(root) != HASH_BYTES:
        raise Invalid("A root is 32 bytes.", field="head", value=lines[2][:80])
    return Checkpoint(lines[0], int(lines[1]), root)
