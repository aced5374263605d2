"""TestRail's export and JUnit's reports, as XML."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from portal import xml_input
from portal.acceptance.imports.model import ImportedCase, ImportedResult, Read, Step
from portal.acceptance.models import Outcome
from portal.errors import Invalid, TooLarge
from portal.tables.plain import MOST_READ, line, text

MOST_CASES = 20_000
KNOWN = frozenset(
    {"id", "name", "title", "priority", "references", "custom", "preconds", "steps", "steps_separated", "step", "index",
     "content", "expected"}
)  # fmt: skip
"""What of a TestRail export is read, or is but the place of a step."""
PRIORITIES = {
    "blocker": 1, "critical": 1, "high": 1, "major": 2, "medium": 2, "normal": 2, "minor": 3, "trivial": 3, "low": 3,
    "must test": 1, "test if time": 2, "don't test": 3, "kritisch": 1, "hoch": 1, "mittel": 2, "niedrig": 3,
    "gering": 3, "крит": 1, "высок": 1, "сред": 2, "низк": 3, "高": 1, "中": 2, "低": 3,
}  # fmt: skip


def read_xml(content: bytes) -> Read:
    """A TestRail export or a JUnit report. Raises Invalid for anything else, TooLarge for too many cases."""
    root = xml_input.root(content)
    match _name(root):
        case "testsuites" | "testsuite":
            return Read("junit", results=_bounded(_results(root)))
        case "suite":
            left: Counter[str] = Counter()
            cases = _bounded(_cases(root, "", left))
            return Read("testrail", cases=cases, losses=[f"Left out: {one} ({left[one]:,})." for one in left])
    raise Invalid("This XML is neither a TestRail export nor a JUnit report.", field="file", value=_name(root)[:40])


def _bounded(found: Iterator[Any]) -> list[Any]:
    kept: list[Any] = []
    for one in found:
        if len(kept) >= MOST_CASES:
            raise TooLarge(f"A file may have {MOST_CASES:,} cases.", field="file")
        kept.append(one)
    return kept


def _cases(node: Any, section: str, left: Counter[str]) -> Iterator[ImportedCase]:
    for child in node:
        match _name(child):
            case "sections" | "cases":
                yield from _cases(child, section, left)
            case "section":
                name = line(_of(child, "name"))
                yield from _cases(child, f"{section} / {name}" if section and name else name or section, left)
            case "case":
                yield _case(child, section, left)
            case _:
                _leave_out([child], left)


def _case(node: Any, section: str, left: Counter[str]) -> ImportedCase:
    custom = next(iter(node.iterchildren("{*}custom")), node)
    steps = [(_words(one, "content"), _words(one, "expected")) for one in custom.iter("{*}step")]
    plain = _words(custom, "steps")
    _leave_out((one for parent in (node, *custom.iter("{*}custom", "{*}step")) for one in parent), left)
    return ImportedCase(
        title=line(_of(node, "title")) or line(_of(node, "id")), section=section,
        precondition=_words(custom, "preconds"),
        steps=tuple(Step(*one) for one in steps if any(one)) or ((Step(plain),) if plain else ()),
        expected=_words(custom, "expected"), external_ref=line(_of(node, "id"), 200),
        priority=priority_of(_of(node, "priority")), criterion=" ".join(_words(node, "references").split()),
    )  # fmt: skip


def _leave_out(nodes: Iterable[Any], left: Counter[str]) -> None:
    """Counts those that say something which no case has a place for."""
    left.update(_name(one) for one in nodes if _name(one) not in KNOWN and _said(one))


def _said(node: Any) -> bool:
    return isinstance(node.tag, str) and bool("".join(node.itertext()).strip())


def _words(node: Any, tag: str) -> str:
    return text(_of(node, tag), MOST_READ)


def priority_of(value: object) -> int:
    """1 to 3 from a tool's word or number: `Critical`, `2 - Medium`, `P1`."""
    words = line(value).casefold()
    for word, priority in PRIORITIES.items():
        if word in words:
            return priority
    digits = [one for one in words if one.isdecimal()]
    return min(max(int(digits[0]), 1), 3) if digits else 2


def _results(root: Any) -> Iterator[ImportedResult]:
    for node in root.iter("{*}testcase"):
        inside = {_name(child): child for child in node if isinstance(child.tag, str)}
        outcome = next((told for tag, told in _TOLD.items() if tag in inside), Outcome.PASSED)
        said = inside.get("failure", inside.get("error", inside.get("skipped")))
        message = "" if said is None else said.get("message") or said.text
        names = [one for one in (node.get("classname"), node.get("name")) if one]
        yield ImportedResult(line(".".join(names)), outcome, text(message)[:2000], line(node.get("time"), 20))


_TOLD = {"failure": Outcome.FAILED, "error": Outcome.BLOCKED, "skipped": Outcome.NOT_APPLICABLE}


def _name(node: Any) -> str:
    return str(node.tag).rpartition("}")[2]


def _of(node: Any, tag: str) -> str:
    child = next(iter(node.iterchildren(f"{{*}}{tag}")), None)
    return "" if child is None else "".join(child.itertext())
