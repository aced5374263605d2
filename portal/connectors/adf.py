"""Atlassian Document Format (the JSON of Jira Cloud's descriptions) as Markdown. Pure."""

from collections.abc import Callable
from typing import Any

MOST_DEPTH = 60


class Unknown(set[str]):
    """The node types that were met and are shown by their text alone."""


def to_markdown(document: Any, unknown: Unknown) -> str:
    """Markdown for a document; node types that are not known are collected, and their text is kept."""
    return _blocks(document.get("content") if isinstance(document, dict) else None, unknown, 0).strip()


def _blocks(nodes: Any, unknown: Unknown, depth: int) -> str:
    if not isinstance(nodes, list) or depth > MOST_DEPTH:
        return ""
    return "\n\n".join(text for node in nodes if isinstance(node, dict) if (text := _block(node, unknown, depth)))


def _block(node: dict[str, Any], unknown: Unknown, depth: int) -> str:
    kind, inside = node.get("type"), node.get("content")
    match kind:
        case "paragraph":
            return _inline(inside, unknown, depth)
        case "heading":
            return f"{'#' * _number(node, 'level', 1, 6)} {_inline(inside, unknown, depth)}"
        case "bulletList" | "taskList" | "decisionList":
            return _items(inside, lambda _: "- ", unknown, depth)
        case "orderedList":
            return _items(inside, lambda place: f"{place}. ", unknown, depth)
        case "codeBlock":
            return f"```\n{_inline(inside, unknown, depth)}\n```"
        case "blockquote" | "panel":
            return _prefixed(_blocks(inside, unknown, depth + 1), "> ")
        case "rule":
            return "---"
        case "table":
            return _table(inside, unknown, depth)
    return _other(node, unknown, depth)


def _other(node: dict[str, Any], unknown: Unknown, depth: int) -> str:
    if node.get("type") in _INLINE:
        return _inline([node], unknown, depth)
    if node.get("type") not in ("expand", "nestedExpand", "layoutSection", "layoutColumn"):
        unknown.add(str(node.get("type"))[:40])
    return _blocks(node.get("content"), unknown, depth + 1)


def _items(nodes: Any, mark: Callable[[int], str], unknown: Unknown, depth: int) -> str:
    lines = []
    for place, node in enumerate(nodes if isinstance(nodes, list) else [], 1):
        text = _blocks(node.get("content"), unknown, depth + 1) if isinstance(node, dict) else ""
        lines.append(mark(place) + _prefixed(text, "   ")[3:])
    return "\n".join(lines)


def _table(rows: Any, unknown: Unknown, depth: int) -> str:
    lines = []
    for row in rows if isinstance(rows, list) else []:
        cells = row.get("content") if isinstance(row, dict) else None
        texts = [_blocks(cell.get("content"), unknown, depth + 1) for cell in cells or [] if isinstance(cell, dict)]
        lines.append("| " + " | ".join(text.replace("\n", " ") for text in texts) + " |")
        if len(lines) == 1:
            lines.append("|" + " --- |" * len(texts))
    return "\n".join(lines)


_INLINE = {"text", "hardBreak", "mention", "emoji", "inlineCard", "date", "status"}


def _inline(nodes: Any, unknown: Unknown, depth: int) -> str:
    if not isinstance(nodes, list) or depth > MOST_DEPTH:
        return ""
    return "".join(_span(node, unknown, depth) for node in nodes if isinstance(node, dict))


def _span(node: dict[str, Any], unknown: Unknown, depth: int) -> str:
    attributes = node.get("attrs") if isinstance(node.get("attrs"), dict) else {}
    assert isinstance(attributes, dict)
    match node.get("type"):
        case "text":
            return _marked(str(node.get("text", "")), node.get("marks"))
        case "hardBreak":
            return "\n"
        case "mention" | "emoji" | "status":
            return str(attributes.get("text") or attributes.get("shortName") or "")
        case "inlineCard":
            return f"<{attributes.get('url', '')}>"
        case "date":
            return str(attributes.get("timestamp", ""))
    unknown.add(str(node.get("type"))[:40])
    return _inline(node.get("content"), unknown, depth + 1)


_MARKS = {"strong": "**", "em": "*", "strike": "~~", "code": "`"}


def _marked(text: str, marks: Any) -> str:
    for mark in marks if isinstance(marks, list) else []:
        kind = mark.get("type") if isinstance(mark, dict) else None
        if kind in _MARKS and text.strip():
            text = f"{_MARKS[kind]}{text}{_MARKS[kind]}"
        elif kind == "link" and isinstance(mark.get("attrs"), dict):
            text = f"[{text}]({mark['attrs'].get('href', '')})"
    return text


def _prefixed(text: str, prefix: str) -> str:
    return "\n".join(prefix + line for line in text.split("\n"))


def _number(node: dict[str, Any], name: str, low: int, high: int) -> int:
    attributes = node.get("attrs")
    value = attributes.get(name) if isinstance(attributes, dict) else None
    return min(max(value, low), high) if isinstance(value, int) else low
