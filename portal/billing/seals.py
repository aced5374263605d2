"""Which issuer signs its invoices with what, as the administrator's settings say; without them nothing is signed."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from portal import clock
from portal.documents.seal import Seal, open_seal
from portal.documents.signing import Signed, Stamp, signed
from portal.errors import Unavailable
from portal.ledger import timestamps
from portal.settings import Settings, SettingsError

SETTING = "PORTAL_INVOICE_SIGNATURES"
ALL_OTHERS = "*"
STAMP_WITHIN_SECONDS = 3.0
"""Nobody waits for the authority but who issues; where another took the foreseen number meanwhile, and the page is set
anew, all writers of the project do, and on SQLite all of the portal's."""

Ask = Callable[[bytes], Awaitable[bytes]]
"""Sends a request to the time stamping authority and returns its answer. Raises Unavailable."""
Sign = Callable[[bytes], Awaitable[Signed]]
"""Signs a PDF."""


@dataclass(frozen=True, slots=True)
class Seals:
    """The seal of each issuer, by its code or `*`."""

    by_issuer: Mapping[str, Seal] = field(default_factory=dict)
    stamp: Stamp | None = None

    def signer(self, issuer: str) -> Sign | None:
        """How an issuer's PDFs are signed; None where they are not. Raises Conflict while its certificate is not valid,
        so that it is asked before a number is taken."""
        seal = self.by_issuer.get(issuer) or self.by_issuer.get(ALL_OTHERS)
        if seal is None:
            return None
        seal.require_valid(clock.now())
        return partial(signed, seal=seal, stamp=self.stamp)


UNSIGNED = Seals()


def open_seals(settings: Settings, ask: Ask | None = None) -> Seals:
    """The seals that the settings name, stamped by the authority that `ask` asks.

    Raises SettingsError for a file that is missing or wrong, a wrong password, a key that is not the certificate's, and
    where the library that signs is not installed. A certificate that has ended keeps nobody from starting.
    """
    if not settings.invoice_signatures:
        return UNSIGNED
    if find_spec("pyhanko") is None:
        raise SettingsError(f"{SETTING} needs what signs: `pip install 'project-portal[pades]'` brings it.")
    seals = {code: open_seal(one, f"{SETTING}[{code}]") for code, one in settings.invoice_signatures.items()}
    roots = settings.timestamp_certificates
    return Seals(seals, _stamp(ask, roots) if ask and roots else None)


def _stamp(ask: Ask, roots: Path) -> Stamp:
    async def stamp(request: bytes, digest: bytes, nonce: int) -> bytes:
        answer = await ask(request)
        try:
            timestamps.check_answer(answer, digest, nonce, timestamps.read_roots(roots))
        except OSError as error:
            raise Unavailable(f"{error.filename} cannot be read.") from None
        return answer

    return stamp
