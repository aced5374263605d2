"""Reads the file that is attached to a PDF, in a process of its own: `python -I -m portal.documents.attachment NAME`.

PDFs come from strangers; so they are taken apart where there is neither a database nor a key nor a secret, within
limits of memory and time, and all that leaves is the attached file, which is then checked as if it had come alone.
"""

import io
import os
import subprocess
import sys
import warnings
from itertools import islice

from portal.confined import confine

MARK = b"%PDF-"
MOST_BYTES = 5 * 1024 * 1024
"""Of the PDF, and of what is attached to it."""
MOST_ATTACHMENTS = 40
"""More than a protocol has that everybody signed who may be asked: itself, and a receipt of each."""
MEMORY_BYTES = 512 * 1024 * 1024
CPU_SECONDS = 10
PATIENCE_SECONDS = 20


def attached(pdf: bytes, name: str) -> bytes | None:
    """The attachment of that name; None when there is none, or when the PDF cannot be read within the limits."""
    if len(pdf) > MOST_BYTES or not pdf.startswith(MARK):
        return None
    try:
        ended = subprocess.run(
            [sys.executable, "-I", "-m", "portal.documents.attachment", name],
            input=pdf, capture_output=True, timeout=PATIENCE_SECONDS, env={"PATH": os.defpath}, check=False,
            start_new_session=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None
    return ended.stdout if ended.returncode == 0 else None


def main() -> int:
    """Reads a PDF from standard input and writes its attachment; the exit code is 1 when there is none."""
    confine(memory_bytes=MEMORY_BYTES, cpu_seconds=CPU_SECONDS)
    content = find(sys.stdin.buffer.read(), sys.argv[1])
    if content is None:
        return 1
    sys.stdout.buffer.write(content)
    return 0


def find(pdf: bytes, name: str) -> bytes | None:
    """The attachment of that name among the first few, if it is the only one and not too large."""
    import pypdf

    warnings.simplefilter("ignore")
    try:  # the library's own limits of depth and unpacked size are below those of the process
        listed = pypdf.PdfReader(io.BytesIO(pdf), root_object_recovery_limit=100).attachment_list
        (found,) = (one for one in islice(listed, MOST_ATTACHMENTS) if one.name == name)
        content = bytes(found.content)
    except Exception:  # whatever a parser does about hostile bytes, the answer is the same
        return None
    return content if len(content) <= MOST_BYTES else None


if __name__ == "__main__":
    sys.exit(main())
