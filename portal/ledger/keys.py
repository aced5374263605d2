"""The Ed25519 keys that sign heads: private ones in a folder, never in the database; public ones published.

The folder holds `signing.pem` (the private key in use, PKCS #8, readable by its owner alone) and a `retired-<kid>.json`
(public JWK) for every key that signed before, so that old heads stay verifiable.
"""

import fcntl
import json
import os
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from joserfc import jws
from joserfc.jwk import OKPKey

from portal.errors import Invalid

SIGNING_FILE = "signing.pem"
ED25519_NOTE = b"\x01"
"""The signature type of Ed25519 in a C2SP signed note."""
MAX_KEYS = 100
MOST_TOKEN_CHARACTERS = 4_000_000
"""The longest token that is signed or read."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key: its 32 bytes."""

    raw: bytes

    @property
    def kid(self) -> str:
        """The JWK thumbprint (RFC 7638, RFC 8037)."""
        members = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": _base64url(self.raw)}, separators=(",", ":"))
        return _base64url(sha256(members.encode()).digest())

    def note_id(self, name: str) -> bytes:
        """The four bytes that name this key in a C2SP signed note under a key name."""
        return sha256(name.encode() + b"\n" + ED25519_NOTE + self.raw).digest()[:4]

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made that signature over that message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def jwk(self) -> dict[str, str]:
        """The key as RFC 8037 JWK."""
        x = _base64url(self.raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.kid, "use": "sig", "alg": "Ed25519"}


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The key in use and the public halves of those before it. `host` begins the name of every log we sign."""

    host: str
    current: PublicKey
    retired: tuple[PublicKey, ...]
    _private: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> tuple[PublicKey, ...]:
        """All keys whose signatures are ours, the one in use first."""
        return (self.current, *self.retired)

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature (64 bytes) by the key in use."""
        return self._private.sign(message)

    def sign_token(self, payload: bytes) -> str:
        """A payload as JWS in compact form (RFC 7515), signed by the key in use."""
        header = {"alg": "Ed25519", "kid": self.current.kid, "typ": "portal-receipt+jws"}
        key = OKPKey.import_key(self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return jws.serialize_compact(header, payload, key, registry=token_registry())

    def origin(self, project_id: UUID) -> str:
        """The name of a project's log in its checkpoints."""
        return f"{self.host}/{project_id}"

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JWK set, for `/.well-known/portal-keys.json`."""
        return jwks_of(self.public)


def token_registry() -> jws.JWSRegistry:
    """What our tokens may be: signed by Ed25519 (RFC 9864) alone, and as long as we allow: the library's own limit,

    about a hundred thousand characters, is less than the content of a large decision.
    """
    registry = jws.JWSRegistry(algorithms=["Ed25519"])
    registry.max_payload_length = MOST_TOKEN_CHARACTERS
    return registry


def jwks_of(keys: tuple[PublicKey, ...]) -> dict[str, list[dict[str, str]]]:
    """A JWK set of public keys."""
    return {"keys": [key.jwk() for key in keys]}


def open_keys(folder: Path, host: str) -> SigningKeys:
    """The signing keys of a folder; makes folder and first key when there are none, also when several start at once.

    `host` is the portal's host (and port) as people reach it. Raises Invalid for a key that others may read, a file
    that is no Ed25519 key, or a host that cannot name a log.
    """
    _check_host(host)
    with _locked(folder):
        if not (folder / SIGNING_FILE).exists():
            _write(folder / SIGNING_FILE, _new_private_key())
        return _load(folder, host)


def rotate(folder: Path, host: str) -> SigningKeys:
    """Replaces the key in use by a new one and keeps the old public half. Raises as `open_keys` does."""
    _check_host(host)
    with _locked(folder):
        old = _load(folder, host).current
        # The old public half first: stopped in between, it is listed twice instead of lost.
        _write(folder / f"retired-{old.kid}.json", json.dumps(old.jwk()).encode())
        _write(folder / SIGNING_FILE, _new_private_key())
        return _load(folder, host)


def read_jwks(document: Any) -> tuple[PublicKey, ...]:
    """The keys of a JWK set from outside. Raises Invalid for anything but a few Ed25519 public keys."""
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not 0 < len(keys) <= MAX_KEYS:
        raise Invalid(f'A key set is {{"keys": [...]}} with 1 to {MAX_KEYS} keys.', field="keys")
    return tuple(_read_jwk(key) for key in keys)


def _read_jwk(jwk: Any) -> PublicKey:
    if not isinstance(jwk, dict) or jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519" or "d" in jwk:
        raise Invalid('Only Ed25519 public keys are known: kty "OKP", crv "Ed25519", no "d".', field="keys")
    text = jwk.get("x")
    try:
        raw = b64decode(str(text) + "=", altchars=b"-_", validate=True)
    except ValueError:
        raw = b""
    if len(raw) != 32 or _base64url(raw) != text:
        raise Invalid("An Ed25519 key is 32 bytes in base64url without padding.", field="keys.x", value=str(text)[:80])
    return PublicKey(raw)


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _check_host(host: str) -> None:
    if not host or not host.isascii() or not host.isprintable() or set(host) & set(" +/"):
        raise Invalid("A host is needed, such as portal.example.com.", field="host", value=host)


def _load(folder: Path, host: str) -> SigningKeys:
    private = _read_private_key(folder / SIGNING_FILE)
    current = PublicKey(private.public_key().public_bytes_raw())
    retired = (_read_retired(path) for path in sorted(folder.glob("retired-*.json")))
    return SigningKeys(host, current, tuple(key for key in retired if key != current), private)


def _read_retired(path: Path) -> PublicKey:
    try:
        return _read_jwk(json.loads(path.read_text("utf-8")))
    except (ValueError, RecursionError, Invalid) as error:
        raise Invalid(f"{path} is not the public half of an Ed25519 key: restore it from the backup.") from error


def _read_private_key(path: Path) -> Ed25519PrivateKey:
    if path.stat().st_mode & 0o077:
        raise Invalid(f"{path} can be read by others: chmod 600 it, and rotate the key if it may have been copied.")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise Invalid(f"{path} is not an Ed25519 private key in PEM form: restore it from the backup.")
    return key


def _new_private_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps other processes out of the folder, so that two first starts agree on one key."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all, for its owner alone."""
    draft = path.with_suffix(".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
