"""Certificates to sign with, made for a test: an authority's, and a signer's below it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from portal import clock

PASSWORD = "open sesame"
SIGNER = "Bright Harbour Studio GmbH"


@dataclass(frozen=True)
class Files:
    """Where a signer's files lie, and the authority's certificate by which the signature is believed."""

    pkcs12: Path
    key: Path
    locked_key: Path
    certificates: Path
    root: bytes

    def setting(self, form: str = "pkcs12") -> dict[str, Any]:
        """What a setting says of them: `pkcs12`, `pem` or `locked pem`."""
        if form == "pkcs12":
            return {"pkcs12": self.pkcs12, "password": PASSWORD}
        if form == "pem":
            return {"key": self.key, "certificates": self.certificates}
        return {"key": self.locked_key, "certificates": self.certificates, "password": PASSWORD}


def make(folder: Path, kind: str = "ec", *, ends: timedelta = timedelta(days=30), may_sign: bool = True) -> Files:
    """A signer's key of a kind (`ec`, `rsa`, `weak rsa`, `ed25519`) and its certificates, as files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    above, own = ec.generate_private_key(ec.SECP256R1()), _key(kind)
    until = clock.now() + ends
    root = _certificate("Root", above.public_key(), "Root", above, until, is_authority=True, may_sign=True)
    leaf = _certificate(SIGNER, own.public_key(), "Root", above, until, is_authority=False, may_sign=may_sign)
    return _written(folder, own, (leaf, root))


def _key(kind: str) -> Any:
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, 1024 if kind == "weak rsa" else 2048)


def _certificate(
    name: str, public: Any, issuer: str, by: Any, until: datetime, *, is_authority: bool, may_sign: bool
) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=may_sign, content_commitment=may_sign and not is_authority, key_encipherment=not may_sign,
        data_encipherment=False, key_agreement=False, key_cert_sign=is_authority, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = x509.CertificateBuilder(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), public, x509.random_serial_number(),
        until - timedelta(days=400), until,
    )  # fmt: skip
    constraints = x509.BasicConstraints(ca=is_authority, path_length=None)
    made = builder.add_extension(constraints, critical=True).add_extension(usage, critical=True)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
    return made.add_extension(above, critical=False).sign(by, hashes.SHA256())


def _written(folder: Path, key: Any, chain: Sequence[x509.Certificate]) -> Files:
    locked = BestAvailableEncryption(PASSWORD.encode())
    files = Files(
        folder / "seal.p12", folder / "key.pem", folder / "locked.pem", folder / "chain.pem",
        chain[-1].public_bytes(Encoding.DER),
    )  # fmt: skip
    files.pkcs12.write_bytes(pkcs12.serialize_key_and_certificates(b"seal", key, chain[0], chain[1:], locked))
    files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files.locked_key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    # The authority's first: whose the key is, decides which certificate is the signer's.
    files.certificates.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in reversed(chain)))
    return files
