"""XML from outside: no document types, no entities, no network, bounded."""

from typing import Any

from portal.errors import Invalid


def root(content: bytes) -> Any:
    """The root element of a hostile document (lxml's). Raises Invalid for what is no XML or has a document type."""
    from lxml import etree  # type: ignore[import-untyped]

    # A comment in the middle of a text would else end it.
    unseen = {"remove_comments": True, "remove_pis": True}
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, **unseen)
    try:
        read = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as fault:
        raise Invalid(f"This is no XML: {str(fault)[:120]}.", field="file") from None
    if read.getroottree().docinfo.doctype:
        raise Invalid("A file with a document type definition is not read.", field="file")
    return read
