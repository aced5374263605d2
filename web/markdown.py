"""Text that people write, as HTML that cannot do harm."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_block import StateBlock, table
from markdown_it.rules_block.table import escapedSplit, getLine
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup

LONGEST_KEPT = 20_000
"""Characters; longer texts are rendered each time, so that the cache stays small."""

TAGS = {
    "p", "br", "hr", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong", "s",
    "a", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}
MOST_CELLS = 5_000
"""Of a text's tables: short rows are filled up, and the library makes 65,536 cells of a remark of 4,000 signs."""
LANGUAGE = re.compile(r"[\w+#.-]{0,20}")
HEADINGS_BELOW = 2
"""A text's own first heading becomes an h3: the page has its h1 and the section its h2."""
AFTER: Mapping[str, str] = {
    "paragraph_close": "\n\n", "heading_close": "\n\n", "blockquote_close": "\n", "bullet_list_close": "\n",
    "ordered_list_close": "\n", "hr": "———\n\n", "td_close": " | ", "th_close": " | ", "tr_close": "\n",
    "table_close": "\n", "softbreak": "\n", "hardbreak": "\n", "s_open": "~~", "s_close": "~~",
}  # fmt: skip
"""What stands in a plain text for boxes and lines. Struck-out words keep their signs: they say the opposite."""


def _image_as_link(
    renderer: RendererProtocol, tokens: Sequence[Token], place: int, options: OptionsDict, env: Any
) -> str:
    # A picture from elsewhere tells its server who reads this page and when; a link is followed on purpose.
    token = tokens[place]
    source = str(token.attrGet("src") or "")
    return f'<a href="{escape(source)}">{escape(token.content or source)}</a>'


def _lower_headings(tokens: Sequence[Token]) -> None:
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + HEADINGS_BELOW)}"


def _table(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """The library's table, of so many rows as there is room for; what comes after them stays as it is written."""
    columns = state.src.count("|", state.bMarks[first + 1], state.eMarks[first + 1]) + 1
    made = len(state.tokens)
    rows = (MOST_CELLS - made // 3) // columns
    is_table = rows > 0 and table(state, first, min(last, first + 2 + rows), silent)
    _say_what_is_beyond(state, state.tokens[made:])
    return is_table


def _say_what_is_beyond(state: StateBlock, made: Sequence[Token]) -> None:
    """Puts the cells that a row has beyond its table's width into its last one: the library leaves them out."""
    width = sum(token.type == "th_open" for token in made)
    for at, token in enumerate(made):
        if token.type == "tr_open" and token.map:
            cells = [cell.strip() for cell in escapedSplit(getLine(state, token.map[0]).strip())]
            beyond = cells[width + (cells[0] == "") :]
            last = made[at + 3 * width - 1]  # a cell is three tokens, its words in the middle
            last.content = " | ".join([last.content, *filter(None, beyond)])


@lru_cache(1)
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    # An address that is written once would be shown for each place that names it, and a comment ([//]: #) never.
    reader.disable("reference")
    reader.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    reader.add_render_rule("image", _image_as_link)
    return reader


def _parsed(text: str) -> list[Token]:
    """The pieces of a text, with what would stay unseen: links' titles, and words behind the fence of a code."""
    tokens = _reader().parse(text)
    for token in tokens:
        token.children = list(_titled(token.children)) if token.children else token.children
        if token.type == "fence" and not LANGUAGE.fullmatch(token.info.strip()):
            token.content = f"{token.info.strip()}\n{token.content}"
    return tokens


def _titled(tokens: Sequence[Token]) -> Iterator[Token]:
    title = ""
    for token in tokens:
        yield token
        if token.type == "link_open":
            title = str(token.attrGet("title") or "")
        said = {"link_close": title, "image": str(token.attrGet("title") or "")}.get(token.type)
        if said:
            yield Token("text", "", 0, content=f" ({said})")


def _render(text: str) -> Markup:
    reader, tokens = _reader(), _parsed(text)
    _lower_headings(tokens)
    html = reader.renderer.render(tokens, reader.options, {})
    return Markup(
        nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel="noopener noreferrer nofollow")
    )


_kept = lru_cache(256)(_render)


def to_html(text: str) -> Markup:
    """Markdown as sanitised HTML: no raw HTML, no pictures, links only to http, https and mail."""
    return _kept(text) if len(text) <= LONGEST_KEPT else _render(text)


def to_text(text: str) -> str:
    """Markdown as it is read aloud: its words and lines without the signs, and each address beside its link's words.

    No HTML, and not safe to be put into a page as such.
    """
    plain = "".join(_plain(_parsed(text)))
    return re.sub(r"\n{3,}", "\n\n", plain).strip()


def _plain(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type == "list_item_open":
            yield "  " * (token.level // 2) + (f"{token.info}. " if token.info else "• ")
        elif token.type == "paragraph_close" and token.hidden:
            yield "\n"
        elif token.type == "inline":
            yield "".join(_words(token.children or ()))
        elif token.type in ("fence", "code_block"):
            yield f"{token.content}\n"
        else:
            yield AFTER.get(token.type, "")


def _words(tokens: Sequence[Token]) -> Iterator[str]:
    address = words = ""
    for token in tokens:
        text = token.content or AFTER.get(token.type, "")
        if token.type == "link_open":
            address, words = str(token.attrGet("href") or ""), ""
        elif token.type == "link_close":
            text = "" if address.removeprefix("mailto:") == words else f" ({address})"
        elif token.type == "image":
            text += f" ({token.attrGet('src')})"
        words += text
        yield text
