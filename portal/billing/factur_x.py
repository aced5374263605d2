"""Declares a PDF/A-3 to be a Factur-X invoice: a few properties in its metadata, and the schema that explains them.

The typesetter writes the attachment and its relation to the page, but no metadata of ours. Its metadata are one plain
stream; that is replaced, and the table of where things lie is put right. Nothing else in the file changes, so the bytes
stay the same for the same document, which they would not with a library that stamps the time of its own run.
"""

import re

FILE = "factur-x.xml"
URN = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
PROPERTIES = {
    "DocumentFileName": (FILE, "The name of the embedded XML document"),
    "DocumentType": ("INVOICE", "The type of the hybrid document in capital letters, e.g. INVOICE or ORDER"),
    "Version": ("1.0", "The actual version of the standard applying to the embedded XML document"),
    "ConformanceLevel": ("EN 16931", "The conformance level of the embedded XML document"),
}
"""Factur-X 1.0, 6.2: property → its value and what it means."""

_STREAM = re.compile(rb"\n\d+ 0 obj\n<</Length (\d+)/Type/Metadata/Subtype/XML>>\nstream\n")
_TABLE = re.compile(rb"xref\n0 (\d+)\n((?:\d{10} \d{5} [nf]\r\n)+)trailer\n(.*?)startxref\n(\d+)\n%%EOF\s*\Z", re.S)
_BAG_END = b"</rdf:Bag></pdfaExtension:schemas>"
_ROW = 20


def declared(pdf: bytes) -> bytes:
    """The PDF as a Factur-X invoice of profile EN 16931. Raises ValueError for one that is not our typesetter's."""
    stream, table = _STREAM.search(pdf), _TABLE.search(pdf)
    if stream is None or table is None:
        raise ValueError("the PDF is not laid out as expected")
    start, length = stream.end(), int(stream[1])
    metadata = _with_properties(pdf[start : start + length])
    opening = stream[0].replace(b"/Length " + stream[1], b"/Length %d" % len(metadata))
    body = pdf[: stream.start()] + opening + metadata + pdf[start + length : table.start()]
    moved = len(body) - table.start()
    return body + _table(table, stream.start() + 1, moved)


def _with_properties(metadata: bytes) -> bytes:
    if metadata.count(_BAG_END) != 1 or metadata.count(b"</rdf:RDF>") != 1:
        raise ValueError("the PDF's metadata are not laid out as expected")
    described = "".join(
        f'<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>'
        f"<pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{meaning}</pdfaProperty:description></rdf:li>"
        for name, (_value, meaning) in PROPERTIES.items()
    )
    schema = (
        '<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>'
        f"<pdfaSchema:namespaceURI>{URN}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{described}</rdf:Seq></pdfaSchema:property></rdf:li>"
    )
    values = "".join(f"<fx:{name}>{value}</fx:{name}>" for name, (value, _meaning) in PROPERTIES.items())
    stated = f'<rdf:Description rdf:about="" xmlns:fx="{URN}">{values}</rdf:Description>'
    explained = metadata.replace(_BAG_END, schema.encode() + _BAG_END)
    return explained.replace(b"</rdf:RDF>", stated.encode() + b"</rdf:RDF>")


def _table(table: re.Match[bytes], replaced_at: int, moved: int) -> bytes:
    """The cross-reference table, with all that lies behind the replaced object moved."""
    rows = [table[2][at : at + _ROW] for at in range(0, len(table[2]), _ROW)]
    right = b"".join(_row(row, replaced_at, moved) for row in rows)
    start = int(table[4]) + moved
    return b"xref\n0 %s\n%strailer\n%sstartxref\n%d\n%%%%EOF" % (table[1], right, table[3], start)


def _row(row: bytes, replaced_at: int, moved: int) -> bytes:
    offset = int(row[:10])
    return b"%010d" % (offset + moved) + row[10:] if row[17:18] == b"n" and offset > replaced_at else row
