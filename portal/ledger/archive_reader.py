"""Reading an archive that anybody may have made: every size, count and name is bounded before it is believed."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import BufferedReader, RawIOBase
from pathlib import Path
from re import compile as pattern
from struct import Struct
from typing import BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from portal.errors import Invalid, TooLarge
from portal.ledger.note import MAX_NOTE_CHARACTERS

MAX_FILES = 20_200
MAX_DIRECTORY_BYTES = 3 * 1024**2
MAX_TOTAL_BYTES = 8 * 1024**3
MAX_LINE_BYTES = 5 * 1024**2
"""An event's body has up to a million characters of four bytes."""
MAX_SMALL_BYTES = 1024**2
MAX_MANIFEST_BYTES = 4 * 1024**2
"""It names every file with its digest."""
MAX_RECEIPTS = 20_000

_NAME = pattern(
    r"manifest\.json|manifest\.note|head\.note|heads\.jsonl|events\.jsonl|keys\.json|state/[a-z0-9_]{1,64}\.jsonl?"
    r"|receipts/[1-9][0-9]{0,15}\.json"
)
_END = Struct("<4s4H2LH")  # APPNOTE 4.3.16, end of central directory record
_END_MARK = b"PK\x05\x06"
_ZIP64_LOCATOR = b"PK\x06\x07"
_DAMAGE = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


class ArchiveReader:
    """The files of an archive. Made by `open_archive`; raises Invalid or TooLarge for what no archive of ours has."""

    def __init__(self, file: ZipFile) -> None:
        self._file = file
        self.digests: dict[str, tuple[int, str]] = {}
        """Size and SHA-256 of every file that was read to its end."""
        self.names = [entry.filename for entry in file.infolist()]
        self._check_directory()

    def _check_directory(self) -> None:
        entries = self._file.infolist()
        if len(entries) > MAX_FILES or len(set(self.names)) != len(entries):
            raise Invalid("It has too many files, or two of one name.", field="archive", value=len(entries))
        for entry in entries:
            if not _NAME.fullmatch(entry.orig_filename):
                raise Invalid(
                    "It has a file that no archive has.", field="archive", value=ascii(entry.orig_filename[:80])
                )
            if entry.flag_bits & 1 or entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
                raise Invalid("It is encrypted, or packed in a way we never use.", field=entry.filename)
        if sum(entry.file_size for entry in entries) > MAX_TOTAL_BYTES:
            raise TooLarge("Unpacked it would be larger than any archive of ours.", field="archive")

    def text(self, name: str, limit: int = MAX_SMALL_BYTES) -> str:
        """A small file, whole. Raises Invalid when it is missing or not UTF-8, TooLarge over the limit."""
        with self._opened(name) as handle:
            raw = handle.read(limit + 1)
        if len(raw) > limit:
            raise TooLarge(f"{name} is larger than {limit} bytes.", field=name)
        self.digests[name] = (len(raw), sha256(raw).hexdigest())
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise Invalid(f"{name} is not UTF-8.", field=name) from None

    def lines(self, name: str) -> Iterator[bytes]:
        """A file's lines without their newlines. Raises Invalid for damage, TooLarge for an endless line."""
        digest, size = sha256(), 0
        with self._opened(name) as handle:
            while line := handle.readline(MAX_LINE_BYTES + 1):
                if not line.endswith(b"\n"):
                    problem = TooLarge if len(line) > MAX_LINE_BYTES else Invalid
                    raise problem(f"{name} has a line that does not end.", field=name)
                digest.update(line)
                size += len(line)
                yield line[:-1]
        self.digests[name] = (size, digest.hexdigest())

    def consume(self, name: str) -> None:
        """Reads a file for its digest alone."""
        digest, size = sha256(), 0
        with self._opened(name) as handle:
            while block := handle.read(1024**2):
                digest.update(block)
                size += len(block)
        self.digests[name] = (size, digest.hexdigest())

    @contextmanager
    def _opened(self, name: str) -> Iterator[BufferedReader]:
        try:
            with self._file.open(name) as handle:
                yield BufferedReader(cast(RawIOBase, handle))  # its own readline is written in Python, and slow
        except KeyError:
            raise Invalid(f"{name} is missing.", field="archive") from None
        except _DAMAGE as error:
            raise Invalid(f"{name} is damaged: {error}", field=name) from error


@contextmanager
def open_archive(path: Path) -> Iterator[ArchiveReader]:
    """Opens an archive. Raises Invalid for a file that is no ZIP, or none as we write them; OSError as `open` does."""
    with path.open("rb") as raw:
        _check_end(raw)
        try:
            file = ZipFile(raw)
        except _DAMAGE as error:
            raise Invalid(f"It is no readable ZIP file: {error}", field="archive") from error
        with file:
            yield ArchiveReader(file)


def is_zip(path: Path) -> bool:
    """Whether a file begins as a ZIP file does."""
    with path.open("rb") as raw:
        return raw.read(4) == b"PK\x03\x04"


def head_in(path: Path) -> str:
    """The signed head in a file, **not verified**: the note itself, or that of an archive. Raises as `open_archive`."""
    if is_zip(path):
        with open_archive(path) as reader:
            return reader.text("head.note", MAX_NOTE_CHARACTERS)
    with path.open("rb") as file:
        return file.read(MAX_NOTE_CHARACTERS).decode(errors="replace")


def _check_end(raw: BinaryIO) -> None:
    """Bounds the directory before the library reads all of it into memory, and refuses its 64-bit form."""
    length = raw.seek(0, 2)
    raw.seek(max(0, length - _END.size - len(_ZIP64_LOCATOR) - 16))
    tail = raw.read()
    if len(tail) < _END.size or tail[-_END.size :][:4] != _END_MARK:
        raise Invalid("It is no ZIP file, or was cut off.", field="archive")
    _mark, _disk, _start, _here, count, directory_bytes, _offset, comment = _END.unpack(tail[-_END.size :])
    if count > MAX_FILES or directory_bytes > MAX_DIRECTORY_BYTES or comment or tail.startswith(_ZIP64_LOCATOR):
        raise Invalid("Its directory is larger than any archive of ours has.", field="archive", value=count)
