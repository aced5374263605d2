"""What the portal keeps so that a copy of the database alone tells nothing of it: sealed by a key made of its own."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.settings import Settings

NONCE_BYTES = 12


class Cipher:
    """Closes and opens bytes (AES-256-GCM) for one purpose, such as `b"portal webhook secrets"`."""

    def __init__(self, settings: Settings, purpose: bytes) -> None:
        key = settings.secret_key.get_secret_value().encode()
        self._cipher = AESGCM(HKDF(SHA256(), length=32, salt=None, info=purpose).derive(key))

    def close(self, content: bytes, owner: bytes) -> bytes:
        """The content as it is kept; `owner` names the row that it is kept in."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, owner)

    def open(self, kept: bytes, owner: bytes) -> bytes | None:
        """The content; None when it was closed with another key, for another owner, or is broken."""
        try:
            return self._cipher.decrypt(kept[:NONCE_BYTES], kept[NONCE_BYTES:], owner)
        except (InvalidTag, ValueError):
            return None
