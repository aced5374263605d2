"""What PDFs are signed with: a private key and its certificates, read from files that lie outside the database.

Reading them needs nothing but the library of keys; the one that signs is imported where it signs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.errors import Conflict
from portal.settings import SealSettings, SettingsError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

LEAST_RSA_BITS = 2048
_KEYS = "RSA of at least 2048 bits, an elliptic curve of NIST, or Ed25519"
_CURVES = ("secp256r1", "secp384r1", "secp521r1")


@dataclass(frozen=True, slots=True)
class Seal:
    """A key that may sign, as PKCS#8 in DER, and its certificates: the signer's first."""

    name: str
    key: bytes = field(repr=False)
    certificates: tuple[bytes, ...] = field(repr=False)
    starts_at: datetime
    ends_at: datetime

    def require_valid(self, at: datetime) -> None:
        """Raises Conflict at a moment at which the certificate does not stand."""
        if at < self.starts_at:
            raise Conflict(f"The certificate of {self.name} is valid from {self.starts_at:%Y-%m-%d} only.")
        if at > self.ends_at:
            ended = f"The certificate of {self.name} ended on {self.ends_at:%Y-%m-%d}"
            raise Conflict(f"{ended}: nothing can be signed until an administrator names a new one.")


def open_seal(settings: SealSettings, what: str) -> Seal:
    """The seal in the files of a setting. Raises SettingsError, naming `what` it is for, when it could not sign."""
    try:
        key, certificates = _read(settings)
    except OSError as error:
        raise SettingsError(f"{what}: {error.filename} cannot be read ({type(error).__name__}).") from None
    except (ValueError, TypeError) as error:
        # A wrong password, no password where one is needed, or files that are something else.
        raise SettingsError(f"{what}: the files cannot be opened ({error}). Is the password right?") from None
    own = [one for one in certificates if _spki(one) == _spki(key)]
    if not own:
        raise SettingsError(f"{what}: none of the certificates belongs to the key.")
    if fault := _fault(key, own[0]):
        raise SettingsError(f"{what}: {fault}")
    return _seal(key, own[0], [one for one in certificates if one != own[0]])


def _read(settings: SealSettings) -> tuple[Any, list["Certificate"]]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

    password = settings.password.get_secret_value().encode() if settings.password else None
    if settings.pkcs12:
        key, own, others = load_key_and_certificates(settings.pkcs12.read_bytes(), password)
        if key is None:
            raise ValueError("there is no key in the PKCS#12")
        return key, [*([own] if own else []), *others]
    assert settings.key is not None  # the settings refuse anything else
    assert settings.certificates is not None
    content = settings.key.read_bytes()
    return load_pem_private_key(content, password), x509.load_pem_x509_certificates(_bytes(settings.certificates))


def _bytes(path: Path) -> bytes:
    return path.read_bytes()


def _spki(holder: Any) -> bytes:
    """The public key in a private one or in a certificate, as bytes that can be compared."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public: Callable[[], Any] = holder.public_key
    return bytes(public().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _fault(key: Any, own: "Certificate") -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    is_known = (
        isinstance(key, ed25519.Ed25519PrivateKey)
        or (isinstance(key, rsa.RSAPrivateKey) and key.key_size >= LEAST_RSA_BITS)
        or (isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES)
    )
    if not is_known:
        return f"the key must be {_KEYS}."
    try:
        usage = own.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return ""
    may_sign = usage.digital_signature or usage.content_commitment
    return "" if may_sign else "the certificate's key usage does not allow signatures."


def _seal(key: Any, own: "Certificate", others: list["Certificate"]) -> Seal:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return Seal(
        own.subject.rfc4514_string(),
        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        tuple(one.public_bytes(Encoding.DER) for one in (own, *others)),
        own.not_valid_before_utc.astimezone(UTC),
        own.not_valid_after_utc.astimezone(UTC),
    )
