"""Text out of cells and elements: HTML to lines, nothing that no reader shows, bounded.

Every expression passes over a text once: `[^<>]*` ends at the next bracket, where `[^>]*` would look to the end from
each. And the cleaner is given no nested elements: what it does about 300,000 `<div>` in each other takes hours.
"""

import html
import re

LONGEST = 10_000
MOST_READ = 200_000
"""Characters of a cell that are looked at: six times what a workbook's cell can hold."""
_SHOWN = (
    "a|abbr|article|b|big|blockquote|body|br|center|cite|code|col|colgroup|dd|del|div|dl|dt|em|font|h[1-6]|head|hr|html|i|"
    "img|ins|kbd|li|link|meta|ol|p|pre|q|s|samp|section|small|span|strike|strong|sub|sup|table|tbody|td|tfoot|th|"
    "thead|title|tr|tt|u|ul"
)
"""What is taken for HTML. `<user name>`, `List<Item>` and `<https://example.org>` are words that somebody wrote."""
_BREAK = re.compile(r"<\s*(?:br|/p|/div|/li|/tr|/h[1-6])\b[^<>]*>", re.IGNORECASE)
_ITEM = re.compile(r"<\s*li\b[^<>]*>", re.IGNORECASE)
_ELEMENT = re.compile(rf"</?(?:{_SHOWN})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_TAG = re.compile(rf"</?(?:{_SHOWN}|script|style)(?:\s[^<>]*)?/?>", re.IGNORECASE)
_NO_TAG = re.compile(r"<(?!/?(?:script|style)[\s/>]|!--)", re.IGNORECASE)
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def text(value: object, longest: int = LONGEST) -> str:
    """A cell's or an element's text: tags become lines and list marks, entities their signs, blanks are tidied."""
    given = _UNSEEN.sub("", "" if value is None else str(value)[:MOST_READ]).replace("\r\n", "\n").replace("\r", "\n")
    if _TAG.search(given):
        given = html.unescape(_without_tags(given))
    lines = [" ".join(one.split()) for one in given.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()[:longest]


def line(value: object, longest: int = 300) -> str:
    """The same on one line, for titles and names."""
    return " ".join(text(value).split())[:longest]


def _without_tags(given: str) -> str:
    import nh3

    marked = _ELEMENT.sub("", _ITEM.sub("\n- ", _BREAK.sub("\n", given)))
    return nh3.clean(_NO_TAG.sub("&lt;", marked), tags=set(), clean_content_tags={"script", "style"})
