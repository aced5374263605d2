"""`portal verify`: archives, receipts and databases, checked offline with public keys alone, told in plain words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from unicodedata import category

import typer

from portal.cli.frame import BROKEN, FAILED, command, keys_of, load, opened, say, sentences
from portal.cli.progress import progress
from portal.errors import Invalid, PortalError
from portal.ledger import keys as signing
from portal.ledger.archive_reader import head_in, is_zip
from portal.ledger.faults import Report
from portal.ledger.keys import PublicKey
from portal.ledger.receipt_files import MOST_BYTES, PROTOCOL, has_signed_protocol, read_receipt
from portal.ledger.verify import verify_database
from portal.ledger.verify_archive import verify_archive
from portal.settings import Settings, SettingsError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from portal.decisions.readable import Readable
    from portal.ledger.receipts import Proved

Files = Annotated[
    list[Path] | None,
    typer.Argument(help="receipt.json, the PDF of a receipt, or an archive written by `portal export`; any number."),
]


@dataclass
class Trust:
    """What signatures are held against: the keys of `--keys`, else those of this machine's portal, read when needed."""

    keys_file: Path | None
    certificates: Path | None
    _keys: tuple[PublicKey, ...] | None = field(default=None, repr=False)

    def known(self) -> tuple[PublicKey, ...] | None:
        """The keys, if there are any. Raises Invalid for a file that holds none."""
        if self._keys is None:
            self._keys = read_keys(self.keys_file) if self.keys_file else _own_keys()
        return self._keys

    def keys(self) -> tuple[PublicKey, ...]:
        """The keys that receipts are checked by. Raises SettingsError where there are none."""
        if (keys := self.known()) is None:
            raise SettingsError(
                "A receipt is checked by the portal's published keys: fetch <portal>/.well-known/portal-keys.json "
                "once, keep it, and give it by --keys."
            )
        return keys

    def roots(self) -> "Sequence[Certificate]":
        """The certificates that time stamps are checked by; none where none are known. Raises Invalid, OSError."""
        from portal.ledger import timestamps

        path = self.certificates or _own_certificates()
        return timestamps.read_roots(path) if path else ()


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    command(app)(verify)


async def verify(
    files: Files = None,
    whole: Annotated[bool, typer.Option("--database", help="Recompute every ledger in the database instead.")] = False,
    older: Annotated[
        list[Path] | None, typer.Option(help="A head or archive kept from before: shows that history only grew.")
    ] = None,
    trusted: Annotated[
        Path | None,
        typer.Option(
            "--keys", help="The portal's published key set; on the portal's machine its own keys, if not given."
        ),
    ] = None,
    certificates: Annotated[
        Path | None, typer.Option("--timestamp-certificates", help="A PEM file of the roots that time stamps end in.")
    ] = None,
) -> None:
    """Check receipts, archives or the database; exit code 3 when something does not hold, with what and where."""
    if bool(files) is whole:
        raise typer.BadParameter("Give one or more FILES, or --database.")
    if files and older and (len(files) > 1 or len(older) > 1):
        raise typer.BadParameter("One archive is compared with one older head or archive.")
    if whole:
        _end(BROKEN if not _told(await _verify_database(older or [])) else 0)
    trust = Trust(trusted, certificates)
    trust.known()  # a wrong key set is said once, before anything else
    codes = [_verify_file(file, older[0] if older else None, trust) for file in files or ()]
    _end(max(codes, default=0))


def _end(code: int) -> None:
    if code:
        raise typer.Exit(code)


async def _verify_database(older: list[Path]) -> Report:
    chosen = load()
    notes = [head_in(path) for path in older]
    async with opened(chosen) as database, database.read() as db:
        with progress("events checked") as shown:
            return await verify_database(db, keys_of(chosen).public, notes, shown.advance)


def _verify_file(file: Path, older: Path | None, trust: Trust) -> int:
    """Checks one file and tells of it; the exit code."""
    try:
        if is_zip(file):
            return 0 if _told(verify_archive(file, older, trust.known())) else BROKEN
        return _verify_receipt(file, trust)
    except (OSError, SettingsError) as error:
        for sentence in sentences(error):
            typer.echo(sentence, err=True)
        return FAILED


def _told(report: Report) -> bool:
    for good in report.verified:
        receipts = f", {good.receipts} receipts" if good.receipts else ""
        say(
            f"whole   {plain(good.project)}: {good.events} events, {good.heads} signed heads{receipts}, "
            f"root {good.root.hex()}"
        )
    for fault in report.faults:
        say(f"BROKEN  {plain(str(fault))}")
    for note in report.notes:
        say(f"note    {note}")
    return report.ok


def _verify_receipt(file: Path, trust: Trust) -> int:
    from portal.decisions.readable import readable
    from portal.ledger import receipts

    with file.open("rb") as handle:
        raw = handle.read(MOST_BYTES + 1)
    keys = trust.keys()
    try:
        found = read_receipt(raw)
        proved = receipts.verify(found.token, keys)
        said = readable(proved, str, "en")
        is_signed = has_signed_protocol(raw, proved)
    except PortalError as error:
        say(f"BROKEN  {plain(file.name)}: {error.field or 'file'}: {plain(error.message)}")
        return BROKEN
    if is_signed is False:
        say(f"BROKEN  {plain(file.name)}: protocol: the one attached is not the one that was signed")
        return BROKEN
    _tell(file, proved, said)
    if is_signed:
        say(f"        Protocol: {PROTOCOL} attached to it is the one that was signed")
    return _tell_stamp(found.timestamp, found.token, trust)


def _tell(file: Path, proved: "Proved", said: "Readable") -> None:
    say(f"valid   {plain(file.name)}: {said.verdict} by {plain(said.who)}, {said.when}")
    rows = [
        (said.subject, said.title),
        *((("Comment", said.comment),) if said.comment else ()),
        *said.facts,
        *said.proof,
    ]
    for part in proved.disclosed.get("content", {}).get("files", ()):
        rows.append(("File", f"{part.get('name')}, SHA-256 {part.get('sha256')}"))
    for term, value in rows:
        say(f"        {plain(term)}: {plain(value)}")


def _tell_stamp(stamp: bytes | None, token: str, trust: Trust) -> int:
    from portal.ledger import timestamps

    if stamp is None:
        return 0
    try:
        if roots := trust.roots():
            say(f"        Time stamp: valid, {timestamps.check(stamp, token, roots):%Y-%m-%d %H:%M:%S} UTC")
            return 0
        at = timestamps.claimed(stamp, token)
    except Invalid as error:
        say(f"BROKEN  its time stamp: {plain(error.message)}")
        return BROKEN
    say(f"note    It carries a time stamp of {at:%Y-%m-%d %H:%M:%S} UTC: --timestamp-certificates checks it.")
    return 0


def _own_settings() -> Settings | None:
    try:
        return load()
    except SettingsError:
        return None  # not the portal's machine


def _own_keys() -> tuple[PublicKey, ...] | None:
    """The keys of the portal on this machine; none are made for looking at somebody else's file."""
    chosen = _own_settings()
    if chosen is None or not (chosen.keys_dir / signing.SIGNING_FILE).exists():
        return None
    return keys_of(chosen).public


def _own_certificates() -> Path | None:
    chosen = _own_settings()
    return chosen.timestamp_certificates if chosen else None


def plain(text: str) -> str:
    """Text from outside for a terminal: one line, without signs that steer it."""
    return "".join(" " if sign in "\n\t" else "�" if category(sign)[0] == "C" else sign for sign in text)


def read_keys(path: Path) -> tuple[PublicKey, ...]:
    """The public keys in a file that holds a JWK set. Raises Invalid."""
    import json

    try:
        return signing.read_jwks(json.loads(path.read_bytes()))
    except (ValueError, RecursionError) as error:
        raise Invalid("This is no JWK set.", field="--keys", value=str(path)) from error
