"""Jira's wiki markup as Markdown."""

import pytest

from portal.connectors import adf, wiki


@pytest.mark.parametrize(
    ("markup", "markdown"),
    [
        ("h2. Steps", "## Steps"),
        ("*bold* and _this_", "**bold** and _this_"),
        ("a * b * c", "a * b * c"),
        ("-gone- but well-known-thing", "~~gone~~ but well-known-thing"),
        ("{{code}}", "`code`"),
        ("* one\n** two\n# first", "- one\n   - two\n1. first"),
        ("[site|https://a.example/x]", "[site](https://a.example/x)"),
        ("[https://a.example/x]", "<https://a.example/x>"),
        ("[~bo] and [~accountid:5f]", "@bo and @5f"),
        ("!shot.png|width=10!", "(image: shot.png)"),
        ("Wow! Nice. Really!", "Wow! Nice. Really!"),
        ("{color:red}*FAIL*{color}", "**FAIL**"),
        ("||A||B||\n|1|2|", "| A | B |\n| --- | --- |\n|1|2|"),
        ("{quote}\nhe said\n{quote}", "> he said"),
        ("bq. he said", "> he said"),
        ("{code:java}\nint *a* = 1;\n{code}\n*b*", "```java\nint *a* = 1;\n```\n\n**b**"),
        ("{noformat}```{noformat}", "````\n```\n````"),
        ("{code}never closed *a*", "{code}never closed **a**"),
        ("----", "----"),
    ],
)
def test_markup_becomes_markdown(markup, markdown):
    assert wiki.to_markdown(markup) == markdown


@pytest.mark.parametrize("sign", ["[", "{", "!", "*", "-", "{{", "||", "{quote}", "{code}", "[a|", "[~"])
@pytest.mark.timeout(60)  # each takes a fraction of a second; squared, it would take minutes
def test_no_text_takes_long(sign):
    assert "the end" in wiki.to_markdown(sign * (100_000 // len(sign)) + " the end")


def test_a_document_that_is_nested_too_deep_ends():
    document: dict[str, object] = {"type": "doc", "content": []}
    inner = document
    for _ in range(500):
        deeper: dict[str, object] = {"type": "blockquote", "content": []}
        inner["content"] = [deeper]
        inner = deeper
    assert adf.to_markdown(document, adf.Unknown()).strip("> ") == ""
