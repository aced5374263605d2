"""Text that people write, as HTML."""

from urllib.parse import urlsplit

import html5lib
import pytest

from web.markdown import LONGEST_KEPT, SCHEMES, TAGS, to_html, to_text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**bold** and `code`", "<p><strong>bold</strong> and <code>code</code></p>"),
        ("# Title", "<h3>Title</h3>"),
        ("###### Deep", "<h6>Deep</h6>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("~~gone~~", "<p><s>gone</s></p>"),
        ("3. three", '<ol start="3">\n<li>three</li>\n</ol>'),
    ],
)
def test_the_usual_marks_are_rendered_below_the_pages_own_headings(text: str, html: str) -> None:
    assert to_html(text).strip() == html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        "![x](https://tracker.example/pixel.png)",
        "![x](javascript:alert(1))",
        '![x" onerror="alert(1)](https://e.example/"onload="x)',
        "<div hx-get='/x' style='position:fixed'>x</div>",
        "<svg><style>*{}</style></svg>",
        "```html\n<script>alert(1)</script>\n```",
        "<!-- --><iframe src=//e.example>",
    ],
)
def test_nothing_that_runs_loads_or_hides_survives(text: str) -> None:
    tree = html5lib.parseFragment(to_html(text), namespaceHTMLElements=False)
    elements = [one for one in tree.iter() if isinstance(one.tag, str) and one is not tree]
    assert {one.tag for one in elements} <= TAGS
    assert {name for one in elements for name in one.attrib} <= {"href", "title", "rel"}
    assert all(urlsplit(one.get("href")).scheme in SCHEMES for one in elements if one.get("href") is not None)


def test_a_picture_becomes_a_link_that_is_followed_on_purpose() -> None:
    html = to_html("![The plan](https://files.example/plan.png)")
    assert 'href="https://files.example/plan.png"' in html
    assert ">The plan</a>" in html


def test_links_tell_the_other_side_nothing() -> None:
    assert 'rel="noopener noreferrer nofollow"' in to_html("[x](https://example.org)")


WIDE = 100
ONE_TABLE = f"|{'a|' * WIDE}\n|{'-|' * WIDE}\n" + "|\n" * 1_800
MANY_TABLES = ("|a" * 22 + "|\n" + "|-" * 22 + "|\n" + "|\n" * 20 + "\n") * 30


@pytest.mark.parametrize("text", [ONE_TABLE, MANY_TABLES], ids=["one table", "many tables"])
def test_a_few_signs_make_no_table_of_tens_of_thousands_of_cells(text: str) -> None:
    assert len(text) < 4_200  # no longer than a remark may be, of which a page shows hundreds
    assert 0 < to_html(text).count("<td") < 5_000


@pytest.mark.parametrize("twice", ["/x" * 1_000, "x '" + "<" * 2_000 + "'"], ids=["address", "title"])
def test_nothing_is_written_once_and_shown_a_thousand_times(twice: str) -> None:
    text = f"[a]: {twice}\n\n" + "[a]" * 600
    assert len(to_html(text)) < 5 * len(text)


@pytest.mark.parametrize(
    "text",
    [
        "[//]: # (and pays double)",
        "[a]: <and pays double>",
        "``` and pays double\ncode\n```",
        "~~~and pays double\n~~~",
        "| a |\n|---|\n| 1 | and pays double |",
        "a | b\n-|-\n1 | 2 | | and pays double |",
        '[x](y "and pays double")',
        '![x](y "and pays double")',
        '[![x](y "a")](z "and pays double")',
    ],
)
def test_no_words_of_a_text_stay_unseen(text: str) -> None:
    """What is decided is shown by this: a comment, as some write one, would be signed and never read."""
    assert "and pays double" in to_html(text)
    assert "and pays double" in to_text(text)


def test_a_table_of_usual_size_is_filled_up_and_whole() -> None:
    html = to_html("|a|b|c|d|\n|-|-|-|-|\n" + "|1|2|\n" * 200)
    assert (html.count("<tr"), html.count("<td")) == (201, 800)


def test_deep_nesting_and_long_texts_end_well() -> None:
    assert to_html(">" * 3000 + "deep")
    assert to_html("a " * LONGEST_KEPT).startswith("<p>")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The **more** _products_ `code`", "The more products code"),
        ("# Title\n\nOne\ntwo", "Title\n\nOne\ntwo"),
        ("- a\n  - b\n- c", "• a\n  • b\n\n• c"),
        ("3. three\n4. four", "3. three\n4. four"),
        ("Not ~~this~~", "Not ~~this~~"),
        (
            "[the **plan**](https://a.example) and <https://b.example>",
            "the plan (https://a.example) and https://b.example",
        ),
        ("![x](https://a.example/x.png)", "x (https://a.example/x.png)"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a | b | \n1 | 2 |"),
        ("```\nx = 1\n```\n\nend", "x = 1\n\nend"),
        ("<b>1 < 2</b>", "<b>1 < 2</b>"),
    ],
)
def test_a_text_is_read_without_its_signs_and_loses_none_of_its_words(text: str, plain: str) -> None:
    assert to_text(text) == plain
