"""What is signed: the plan, each case's result with who said it and when, the criteria, the build. Pure.

The protocol is canonical JSON (RFC 8785), kept as it was when acceptance was asked for. What is put to the client is
read from it: every field that matters, in short, with the protocol's own digest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.acceptance.models import Outcome, TestPlan, TestPlanVersion, TestRound
from portal.acceptance.verdicts import Criterion
from portal.clock import rfc3339
from portal.ledger import canonical

FORMAT = "portal-acceptance-protocol/1"
MOST_RESULTS = 20_000
"""Single results in a protocol; beyond that, of each case the newest `FEW` and how many there are."""
FEW = 3
MOST_SHOWN = 500
"""Cases that the question itself lists; beyond that those which are not passed, and the digest of the whole."""
OUTCOMES = {
    None: "Not run", Outcome.PASSED: "Passed", Outcome.FAILED: "Failed", Outcome.BLOCKED: "Blocked",
    Outcome.NOT_APPLICABLE: "Not applicable",
}  # fmt: skip
"""The terms of the facts: whoever shows them translates them."""


@dataclass(frozen=True, slots=True)
class Said:
    """One result: of a tester by name, or of a machine by its source."""

    person: str | None
    name: str
    outcome: Outcome
    remark: str
    at: datetime
    files: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Stands:
    """A case with how it stands and who said so."""

    number: int
    title: str
    priority: int
    is_automatic: bool
    digest: bytes
    verdict: Outcome | None
    round_number: int | None
    said: Sequence[Said]
    defects: Sequence[int]


@dataclass(frozen=True, slots=True)
class About:
    """What the protocol is about."""

    project: str
    plan: TestPlan
    version: TestPlanVersion
    milestone: str
    part: str
    is_whole: bool
    at: datetime
    deemed_after_days: int | None


def document(
    about: About, rounds: Sequence[TestRound], cases: Sequence[Stands], criteria: Sequence[Criterion]
) -> dict[str, Any]:
    """The protocol as a JSON document."""
    plan, version = about.plan, about.version
    is_long = sum(len(case.said) for case in cases) > MOST_RESULTS
    return {
        "format": FORMAT,
        "project": about.project,
        "at": rfc3339(about.at),
        "plan": {
            "number": plan.number, "title": plan.title, "version": version.version,
            "digest": version.digest.hex() if version.digest else "", "rule": version.rule.value,
        },
        "milestone": {"number": plan.milestone_number, "name": about.milestone} if plan.milestone_number else None,
        "change_request": plan.change_number,
        "part": about.part,
        "is_whole": about.is_whole,
        "deemed_after_days": about.deemed_after_days,
        "rounds": [_round(row) for row in rounds],
        "criteria": [
            {"what": one.what.value, "priority": one.priority, "limit": one.limit, "actual": one.actual,
             "is_met": one.is_met}
            for one in criteria
        ],
        "cases": [_case(case, is_long) for case in cases],
    }  # fmt: skip


def _round(row: TestRound) -> dict[str, Any]:
    return {
        "number": row.number, "version": row.version, "build": row.build, "address": row.address,
        "build_hash": row.build_hash, "opened_at": rfc3339(row.opened_at),
        "closed_at": rfc3339(row.closed_at) if row.closed_at else None, "cases": row.cases, "passed": row.passed,
        "failed": row.failed, "blocked": row.blocked, "not_applicable": row.not_applicable,
    }  # fmt: skip


def _case(case: Stands, is_long: bool) -> dict[str, Any]:
    said = list(case.said)[-FEW:] if is_long else case.said
    return {
        "number": case.number, "title": case.title, "priority": case.priority, "is_automatic": case.is_automatic,
        "digest": case.digest.hex(), "verdict": case.verdict.value if case.verdict else None,
        "round": case.round_number, "results": [_said(one) for one in said], "left_out": len(case.said) - len(said),
        "defects": list(case.defects),
    }  # fmt: skip


def _said(one: Said) -> dict[str, Any]:
    return {
        "person": one.person, "name": one.name, "is_machine": one.person is None, "outcome": one.outcome.value,
        "remark": one.remark, "at": rfc3339(one.at),
        "files": [{"number": file["number"], "name": file["name"], "sha256": file["sha256"]} for file in one.files],
    }  # fmt: skip


def text_of(protocol: Mapping[str, Any]) -> str:
    """The protocol as it is kept and digested."""
    return canonical.document_text(dict(protocol))


def question(protocol: Mapping[str, Any], digest: bytes) -> dict[str, Any]:
    """What the client is asked to sign: the protocol in short. Its digest stands for the rest."""
    plan, cases, last = protocol["plan"], protocol["cases"], (protocol["rounds"] or [None])[-1]
    tested = [case for case in cases if not case["is_automatic"]]
    listed = cases if len(cases) <= MOST_SHOWN else _not_passed(cases)[:MOST_SHOWN]
    facts = [["Test plan", f"{plan['number']}: {plan['title']}"]]
    if protocol["milestone"]:
        facts.append(["Milestone", f"{protocol['milestone']['number']}: {protocol['milestone']['name']}"])
    if protocol["change_request"]:
        facts.append(["Change request", str(protocol["change_request"])])
    if protocol["part"]:
        facts.append(["Part", protocol["part"]])
    facts += [[words, str(_count(tested, outcome))] for outcome, words in OUTCOMES.items()]
    if last is not None:
        about = (("Build", "build"), ("Address", "address"), ("Hash of the build", "build_hash"))
        facts += [[name, last[field]] for name, field in about if last[field]]
    return {
        "title": plan["title"],
        "version": plan["version"],
        "criteria": protocol["criteria"],
        "facts": facts,
        "results": [_result(one) for one in listed],
        "is_last_part": True if protocol["part"] and protocol["is_whole"] else None,
        "deemed_after_days": protocol["deemed_after_days"],
        "protocol_sha256": digest.hex(),
    }


def _not_passed(cases: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those that people test first: of what machines run, none has a verdict."""
    return sorted((one for one in cases if one["verdict"] != "passed"), key=lambda one: one["is_automatic"])


def _count(cases: Iterable[Mapping[str, Any]], outcome: Outcome | None) -> int:
    return sum(case["verdict"] == (outcome.value if outcome else None) for case in cases)


def _result(case: Mapping[str, Any]) -> dict[str, Any]:
    """A case in short: how it stands, and what was said of it by whom and when."""
    return {
        "case": case["number"], "title": case["title"], "outcome": case["verdict"],
        "said": [{name: one[name] for name in ("name", "is_machine", "outcome", "at")} for one in case["results"]],
        "defects": case["defects"],
    }  # fmt: skip
