"""Signs a PDF (PAdES baseline, ETSI EN 319 142-1): what was there stays as it was, the signature is added behind it.

The signature covers the whole file but itself. It is of level B-T where a time stamping authority stamps it, else B-B.
Its field lies outside the page and is tagged by nothing, as PDF/A-3 and PDF/UA-1 both allow; the metadata stay the same
to the byte, Factur-X's among them. The moment of signing is inside, so that two signatures of one page differ.
"""

import asyncio
import io
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal import clock
from portal.documents.seal import Seal
from portal.errors import Invalid, Unavailable

Stamp = Callable[[bytes, bytes, int], Awaitable[bytes]]
"""Sends a request (RFC 3161, in DER) over a digest with a nonce, and returns the authority's answer, checked.

Raises Unavailable or Invalid."""
FIELD, FIELD_NAME = "Issuer", "Signature of the issuer"
BASELINE, WITH_TIME = "B-B", "B-T"
_SIGNATURE_BYTES = 4096
_STAMP_BYTES = 12_288
"""Room for an authority's answer with its certificates; a longer one is left out."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed PDF and the level that it reached."""

    pdf: bytes
    level: str


async def signed(pdf: bytes, seal: Seal, stamp: Stamp | None = None) -> Signed:
    """The PDF with a signature, made beside the loop. Raises Conflict when the certificate does not stand now.

    An authority that does not answer, or wrongly, leaves the signature without its stamp.
    """
    now = clock.now()
    seal.require_valid(now)
    if stamp is not None:
        try:
            return Signed(await asyncio.to_thread(_sign, pdf, seal, now, stamp), WITH_TIME)
        except (Unavailable, Invalid) as error:
            _log.warning("A signature was not stamped by the authority.", extra={"why": error.message})
    return Signed(await asyncio.to_thread(_sign, pdf, seal, now, None), BASELINE)


def _sign(pdf: bytes, seal: Seal, at: datetime, stamp: Stamp | None) -> bytes:
    from pyhanko.sign import fields, signers

    about = signers.PdfSignatureMetadata(
        field_name=FIELD, md_algorithm=_digest_of(seal), subfilter=fields.SigSeedSubFilter.PADES
    )  # fmt: skip
    outside = fields.InvisSigSettings(box_out_of_bounds=True)
    place = fields.SigFieldSpec(FIELD, invis_sig_settings=outside, readable_field_name=FIELD_NAME)
    signer = _signing_at(at)(
        about, _signer(seal), new_field_spec=place, timestamper=_stamper(stamp) if stamp else None
    )  # fmt: skip
    room = _SIGNATURE_BYTES + sum(map(len, seal.certificates)) + (_STAMP_BYTES if stamp else 0)
    # Twice: the signature stands in the file as hexadecimal digits.
    made: io.BytesIO = signer.sign_pdf(_appended(pdf), bytes_reserved=2 * room)
    return made.getvalue()


def _digest_of(seal: Seal) -> str:
    """SHA-256, which every authority stamps; Ed25519 brings its own."""
    from asn1crypto.keys import PrivateKeyInfo  # type: ignore[import-untyped]  # it has no types

    return "sha512" if PrivateKeyInfo.load(seal.key).algorithm == "ed25519" else "sha256"


def _signer(seal: Seal) -> Any:
    from asn1crypto import keys, x509  # type: ignore[import-untyped]  # it has no types
    from pyhanko.sign.signers import SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    own, *others = (x509.Certificate.load(one) for one in seal.certificates)
    registry = SimpleCertificateStore()  # type: ignore[no-untyped-call]  # it is half typed
    registry.register_multiple(others)
    return SimpleSigner(signing_cert=own, signing_key=keys.PrivateKeyInfo.load(seal.key), cert_registry=registry)


def _appended(pdf: bytes) -> Any:
    """A writer that adds to a PDF, and leaves its metadata alone: by itself the library would write them anew, with
    other prefixes than those that PDF/A-3 and Factur-X declare."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    class Appending(IncrementalPdfFileWriter):
        def _update_meta(self) -> None:
            """Nothing of it changes."""

    return Appending(io.BytesIO(pdf))


def _signing_at(at: datetime) -> Any:
    """The library's signer, by our clock, and without the note that a curve is one of PDF 2.0: PDF/A-3 is PDF 1.7."""
    from pyhanko.sign.signers import PdfSigner
    from pyhanko.sign.signers.constants import ESIC_EXTENSION_1

    class Signing(PdfSigner):
        def init_signing_session(self, *given: Any, **more: Any) -> Any:
            session = super().init_signing_session(*given, **more)
            session.system_time = at
            return session

        def register_extensions(self, pdf_out: Any, *, md_algorithm: str) -> None:
            pdf_out.register_extension(ESIC_EXTENSION_1)

    return Signing


def _stamper(stamp: Stamp) -> Any:
    """The library's view of an authority."""
    from asn1crypto import tsp
    from pyhanko.sign.timestamps import TimeStamper

    class Stamping(TimeStamper):
        async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> Any:
            nonce, request = self.request_cms(message_digest, md_algorithm)  # type: ignore[no-untyped-call]
            answer = await stamp(request.dump(), message_digest, int(nonce))
            if len(answer) > _STAMP_BYTES:
                raise Invalid("The authority's answer is too long to stand in a PDF.")
            try:
                return tsp.TimeStampResp.load(answer)["time_stamp_token"].untag()
            except ValueError as error:
                raise Invalid(f"The authority's answer cannot stand in a PDF: {error}") from None

    return Stamping()  # type: ignore[no-untyped-call]
