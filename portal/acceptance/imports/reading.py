"""A file of test cases or results, taken for what its content says, never for what its name says."""

from portal.acceptance.imports.columns import read_table
from portal.acceptance.imports.model import Read
from portal.acceptance.imports.xml_files import read_xml
from portal.errors import TooLarge
from portal.tables.sheets import MOST_BYTES


def read(content: bytes) -> Read:
    """The cases or results of a file: XLSX, CSV (ours, TestRail's, Xray's, Zephyr's), TestRail XML or JUnit XML.

    Raises TooLarge, and Invalid for an empty file or one that is nothing of these.
    """
    if len(content) > MOST_BYTES:
        raise TooLarge(f"A file may have {MOST_BYTES // 1024 // 1024} MB.", field="file", value=len(content))
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return read_xml(content)
    return read_table(content)
