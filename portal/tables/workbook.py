"""Reads a workbook's tables, in a process of its own: `python -I -m portal.tables.workbook < file.xlsx`.

Workbooks come from strangers, are packed, and say themselves how large a table is: two cells far apart ask for more
memory than a machine has, and the reader does not refuse, it ends the process. So they are read where there is neither
a database nor a secret, within limits of memory and time; all that leaves is text.
"""

import io
import json
import os
import subprocess
import sys
from typing import Any

from portal.confined import confine
from portal.errors import Invalid, TooLarge

MOST_TEXT = 64 * 1024 * 1024
MEMORY_BYTES = 1024**3
CPU_SECONDS = 20
PATIENCE_SECONDS = 40
TOO_LARGE = 3
"""The exit code for a table of too many rows, or too much text."""


def tables(content: bytes, most_rows: int) -> list[tuple[str, list[list[str]]]]:
    """The sheets of a workbook, each with its name and its cells as text, of at most `most_rows` rows.

    Raises TooLarge; Invalid for what is no workbook, or cannot be read within the limits.
    """
    try:
        ended = subprocess.run(
            [sys.executable, "-I", "-m", "portal.tables.workbook", str(most_rows)],
            input=content, capture_output=True, timeout=PATIENCE_SECONDS, env={"PATH": os.defpath}, check=False,
            start_new_session=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise TooLarge("This workbook takes too long to read.", field="file") from None
    if ended.returncode == TOO_LARGE:
        raise TooLarge(f"A table may have {most_rows:,} rows, and some millions of characters.", field="file")
    if ended.returncode:
        raise Invalid("This is no workbook that can be read.", field="file")
    return [(name, rows) for name, rows in json.loads(ended.stdout)]


def main() -> int:
    """Reads a workbook from standard input and writes its sheets as JSON."""
    confine(memory_bytes=MEMORY_BYTES, cpu_seconds=CPU_SECONDS)
    try:
        found = _sheets(sys.stdin.buffer.read(), int(sys.argv[1]))
    except TooLarge:
        return TOO_LARGE
    except Exception:  # whatever a reader does about hostile bytes, the answer is the same
        return 1
    sys.stdout.write(json.dumps(found))
    return 0


def _sheets(content: bytes, most_rows: int) -> list[Any]:
    from python_calamine import CalamineWorkbook

    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    found, left = [], MOST_TEXT
    for name in book.sheet_names:
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False, nrows=most_rows + 1)
        told = [[_told(cell) for cell in row] for row in rows]
        left -= sum(len(cell) + 1 for row in told for cell in row)
        if left < 0 or len(told) > most_rows:
            raise TooLarge("more than is read")
        found.append([name, told])
    return found


def _told(cell: object) -> str:
    """A cell as a person sees it: every number is a float to the reader, and `7` must not become `7.0`."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


if __name__ == "__main__":
    sys.exit(main())
