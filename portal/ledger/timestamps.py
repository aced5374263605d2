"""RFC 3161 time stamps over receipts: an authority that is not the portal says when a receipt existed.

The stamp's imprint is the SHA-256 of the receipt's token. What is kept is the bare TimeStampToken (RFC 3161, 2.4.2), so
that `openssl ts -verify -token_in` reads it too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from portal.errors import Invalid

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampRequest, TimeStampResponse

MOST_BYTES = 100_000
"""Of an authority's answer: a signature and its certificates take a few thousand."""
MOST_CERTIFICATES = 500
QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a time stamp claims: when, and over which SHA-256. Not verified."""

    at: datetime
    imprint: bytes


def request_for(token: str) -> "TimeStampRequest":
    """What an authority is asked for a receipt's token; it holds a nonce of its own."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    builder = TimestampRequestBuilder().data(token.encode()).hash_algorithm(HashAlgorithm.SHA256)
    return builder.cert_request(cert_request=True).build()


def stamp_from(answer: bytes, request: "TimeStampRequest", token: str, roots: Sequence["Certificate"]) -> bytes:
    """The time stamp in an authority's answer to that request. Raises Invalid for one that does not hold."""
    response = _decoded(answer)
    _verify(response, token, roots, request.nonce)
    return bytes(response.time_stamp_token())


def check_answer(answer: bytes, digest: bytes, nonce: int, roots: Sequence["Certificate"]) -> None:
    """Whether an authority's answer stamps that digest and was made for that request. Raises Invalid."""
    from rfc3161_client import VerificationError
    from rfc3161_client.verify import VerifierBuilder

    try:
        VerifierBuilder(roots=list(roots), nonce=nonce).build().verify(_decoded(answer), digest)
    except (VerificationError, ValueError) as error:
        raise Invalid(f"The time stamp does not hold: {error}", field="timestamp") from None


def check(stamp: bytes, token: str, roots: Sequence["Certificate"]) -> datetime:
    """When the authority stamped the token; the certificate must have been valid then. Raises Invalid."""
    response = _decoded(_as_response(stamp))
    _verify(response, token, roots, None)
    return response.tst_info.gen_time.astimezone(UTC)


def read(stamp: bytes) -> Stamp:
    """What a stamp claims, **not verified**. Raises Invalid for what is no stamp."""
    info = _decoded(_as_response(stamp)).tst_info
    return Stamp(info.gen_time.astimezone(UTC), bytes(info.message_imprint.message))


def claimed(stamp: bytes, token: str) -> datetime:
    """When a stamp says that the token existed: whose stamp it is, is **not verified**. Raises Invalid for what is no
    stamp, and for one of something else.
    """
    found = read(stamp)
    if found.imprint != sha256(token.encode()).digest():
        raise Invalid("The time stamp is one of something else.", field="timestamp")
    return found.at


@lru_cache(8)
def read_roots(path: Path) -> tuple["Certificate", ...]:
    """The certificates of a PEM file whose time stamps are believed. Raises Invalid, OSError as `open` does."""
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError:
        found = []
    if not 0 < len(found) <= MOST_CERTIFICATES:
        raise Invalid(f"{path} holds no certificates in PEM form.", field="timestamp_certificates", value=str(path))
    return tuple(found)


def _verify(response: "TimeStampResponse", token: str, roots: Sequence["Certificate"], nonce: int | None) -> None:
    from rfc3161_client import VerificationError
    from rfc3161_client.verify import VerifierBuilder

    try:
        VerifierBuilder(roots=list(roots), nonce=nonce).build().verify_message(response, token.encode())
    except (VerificationError, ValueError) as error:
        raise Invalid(f"The time stamp does not hold: {error}", field="timestamp") from None


def _decoded(answer: bytes) -> "TimeStampResponse":
    from rfc3161_client import decode_timestamp_response

    if len(answer) > MOST_BYTES:
        raise Invalid("This is too long to be a time stamp.", field="timestamp")
    try:
        response = decode_timestamp_response(answer)
        _ = response.tst_info.gen_time  # an answer that refuses has none
    except ValueError as error:
        raise Invalid(f"This is no time stamp: {str(error)[:200]}", field="timestamp") from None
    return response


def _as_response(stamp: bytes) -> bytes:
    """A bare token as the answer that it came in: SEQUENCE { SEQUENCE { INTEGER granted }, token } in DER."""
    granted = b"\x30\x03\x02\x01\x00"
    return b"\x30" + _length(len(granted) + len(stamp)) + granted + stamp


def _length(size: int) -> bytes:
    if size < 128:
        return bytes([size])
    raw = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(raw)]) + raw
