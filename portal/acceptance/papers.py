"""The tests on paper: the acceptance protocol with its signatures, and the sheet for those who test by hand.

The protocol's page is made of what was kept when acceptance was asked for, word for word, and of the answers with
their receipts. It carries both inside: the protocol that was signed, and every receipt.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from babel.dates import format_date

from portal.acceptance.models import Acceptance, AcceptanceState, TestCase, TestPlan, TestPlanVersion
from portal.decisions.models import DecisionAnswer
from portal.decisions.readable import how, verdicts
from portal.decisions.receipt_pdf import LANGUAGES, Agency
from portal.decisions.tested import criterion, outcomes
from portal.decisions.wording import Gettext, moment
from portal.documents.typesetting import Attached, typeset
from portal.ledger import receipt_files
from portal.ledger.models import Receipt

TONES = {
    AcceptanceState.ACCEPTED: "yes", AcceptanceState.ACCEPTED_WITH_RESERVATIONS: "yes", AcceptanceState.REFUSED: "no",
}  # fmt: skip
"""All others are grey: nothing was signed."""
MOST_ON_SHEET = 2_000
MOST_ON_PAGE = 10_000
"""Results that the protocol's page shows; the attached protocol holds all."""
MOST_IN_FULL = 500
"""Cases that the page sets with room; more are a line of text each, and their files stand in the attached one alone."""


@dataclass(frozen=True, slots=True)
class Signed:
    """One answer to the question of acceptance, with its receipt."""

    answer: DecisionAnswer
    receipt: Receipt


async def protocol_pdf(
    row: Acceptance, decision_digest: str, signed: Sequence[Signed], agency: Agency, gettext: Gettext, locale: str
) -> bytes:
    """The protocol as PDF/A-3b in a language of `LANGUAGES`; the same answers give the same bytes. The receipt of the
    last answer is inside as receipt.json, so that the page itself is accepted where receipts are verified."""
    data = protocol_page(row, decision_digest, signed, agency, gettext, locale)
    return await typeset("protocol", data, _attached(row, signed, agency, gettext), row.settled_at or row.asked_at)


def _attached(row: Acceptance, signed: Sequence[Signed], agency: Agency, _: Gettext) -> list[Attached]:
    about = _("The protocol that was signed, of which this page is the readable form")
    files = [Attached(receipt_files.PROTOCOL, row.protocol.encode(), "application/json", about, "source")]
    for one in signed:
        is_last = one is signed[-1]
        name = receipt_files.NAME if is_last else f"receipt-{one.answer.seq}.json"
        content = receipt_files.receipt_json(one.receipt, agency.portal)
        files.append(Attached(name, content, "application/json", _("The signed receipt of an answer"), "supplement"))
    return files


def protocol_page(
    row: Acceptance, decision_digest: str, signed: Sequence[Signed], agency: Agency, gettext: Gettext, locale: str
) -> dict[str, Any]:
    """What stands on the protocol's page."""
    _ = gettext
    kept = json.loads(row.protocol)
    lang, region = LANGUAGES[locale]
    return {
        "lang": lang, "region": region, "agency": agency.name, "colour": agency.colour,
        "title": kept["plan"]["title"] + (f", {row.part}" if row.part else ""),
        "state": states(_)[row.state], "tone": TONES.get(row.state, "grey"),
        "settled": moment(row.settled_at, locale) if row.settled_at else "",
        "deemed": _deemed(row, _, locale),
        "facts": list(_facts(row, kept, _, locale)),
        "criteria": [_criterion(one, _) for one in kept["criteria"]],
        "counts": _counts(kept["cases"], _),
        "rounds": [_round(one, _, locale) for one in kept["rounds"]],
        "reservations": [_reservation(one, _, locale) for one in row.reservations],
        "signatures": [_signature(one, _, locale) for one in signed],
        "cases": list(_cases(kept["cases"], _, locale)), "is-long": len(kept["cases"]) > MOST_IN_FULL,
        "proof": _proof(row, decision_digest, _),
        "footer": f"{kept['project']} · {agency.portal}",
        "verify-exact": f"{agency.portal}/verify", "keys-exact": f"{agency.portal}/.well-known/portal-keys.json",
        "words": _words(_),
    }  # fmt: skip


def states(_: Gettext) -> dict[AcceptanceState, str]:
    """What each state of an acceptance is called."""
    return {
        AcceptanceState.ASKED: _("Open"), AcceptanceState.ACCEPTED: _("Accepted"),
        AcceptanceState.ACCEPTED_WITH_RESERVATIONS: _("Accepted with reservations"),
        AcceptanceState.REFUSED: _("Refused"), AcceptanceState.WITHDRAWN: _("Withdrawn"),
        AcceptanceState.DEEMED: _("Deemed accepted, without a signature"),
    }  # fmt: skip


def _deemed(row: Acceptance, _: Gettext, locale: str) -> str:
    if row.state is not AcceptanceState.DEEMED or row.deemed_on is None:
        return ""
    said = _("Nobody signed. The period of the contract ended on %s, after it was announced twice.")
    return said % _day(row.deemed_on, locale)


def _facts(row: Acceptance, kept: Mapping[str, Any], _: Gettext, locale: str) -> Iterator[tuple[str, str]]:
    plan, last = kept["plan"], kept["rounds"][-1] if kept["rounds"] else {}
    yield _("Test plan"), f"{plan['number']}, " + _("version %s") % plan["version"]
    if kept["milestone"]:
        yield _("Milestone"), f"{kept['milestone']['number']}: {kept['milestone']['name']}"
    if kept["change_request"]:
        yield _("Change request"), str(kept["change_request"])
    if row.part:
        yield _("Part"), row.part + (f" ({_('the last one')})" if row.is_whole else "")
    for field, name in (("build", _("Build")), ("address", _("Address")), ("build_hash", _("Hash of the build"))):
        if last.get(field):
            yield name, last[field]
    yield _("Acceptance asked for"), moment(row.asked_at, locale)


def _criterion(one: Mapping[str, Any], _: Gettext) -> dict[str, Any]:
    text, state = criterion(one, _)
    return {"text": text, "met": one["is_met"], "state": state}


def _counts(cases: Sequence[Mapping[str, Any]], _: Gettext) -> list[tuple[str, str]]:
    tested = [one["verdict"] for one in cases if not one["is_automatic"]]
    return [(name, str(tested.count(outcome))) for outcome, name in outcomes(_).items()]


def _round(one: Mapping[str, Any], _: Gettext, locale: str) -> list[str]:
    opened, closed = (_moment(one[field], locale) for field in ("opened_at", "closed_at"))
    results = f"{one['passed']} · {one['failed']} · {one['blocked']} · {one['not_applicable']} / {one['cases']}"
    return [str(one["number"]), one["build"] or one["address"] or "–", f"{opened} – {closed}", results]


def _reservation(one: Mapping[str, Any], _: Gettext, locale: str) -> list[str]:
    day = _day(date.fromisoformat(one["due_on"]), locale) if one["due_on"] else _("no day agreed")
    return [one["text"], day, _("item %s") % one["item"]]


def _signature(one: Signed, _: Gettext, locale: str) -> dict[str, Any]:
    answer, evidence = one.answer, one.answer.evidence
    return {
        "name": evidence.get("name") or evidence.get("email") or "–", "company": evidence.get("company") or "",
        "verdict": verdicts(_, "acceptance").get(answer.verdict, answer.verdict), "comment": answer.comment,
        "when": moment(answer.at, locale),
        "facts": [
            (_("Signed in through"), f"{evidence.get('issuer') or '–'} ({evidence.get('sub') or '–'})"),
            (_("How"), how(evidence, _, locale)),
            (_("Receipt"), str(answer.seq)),
            *_delegated(answer, _),
        ],
    }  # fmt: skip


def _delegated(answer: DecisionAnswer, _: Gettext) -> list[tuple[str, str]]:
    is_own = answer.principal_id == answer.person_id
    return [] if is_own else [(_("In the name of"), _("somebody who had delegated"))]


def _cases(cases: Iterable[Mapping[str, Any]], _: Gettext, locale: str) -> Iterator[dict[str, Any]]:
    names, left = outcomes(_), MOST_ON_PAGE
    for one in cases:
        shown = one["results"][:left]
        left -= len(shown)
        more = one["left_out"] + len(one["results"]) - len(shown)
        yield {
            "number": str(one["number"]), "title": one["title"], "priority": str(one["priority"]),
            "verdict": _("automatic") if one["is_automatic"] and not one["verdict"] else names[one["verdict"]],
            "tone": _tone(one["verdict"]),
            "results": [_result(said, names, _, locale) for said in shown],
            "more": _("and %s more in the attached protocol") % more if more else "",
            "defects": _("Defects: %s") % ", ".join(map(str, one["defects"])) if one["defects"] else "",
        }  # fmt: skip


def _tone(verdict: str | None) -> str:
    return {"passed": "yes", "failed": "no", "blocked": "maybe"}.get(verdict or "", "grey")


def _result(said: Mapping[str, Any], names: Mapping[str | None, str], _: Gettext, locale: str) -> dict[str, Any]:
    # The agency names its machines as it likes: nothing of theirs must look as if one of the client's had said it.
    who = (said["name"] or "–") + (f" ({_('automatic')})" if said["person"] is None else "")
    return {
        "who": who, "outcome": names[said["outcome"]], "when": _moment(said["at"], locale),
        "remark": said["remark"], "files": [[one["name"], one["sha256"]] for one in said["files"]],
    }  # fmt: skip


def _proof(row: Acceptance, decision_digest: str, _: Gettext) -> list[tuple[str, str]]:
    return [
        (_("Decision"), str(row.decision_number)),
        (_("Digest of the protocol (SHA-256)"), row.protocol_digest.hex()),
        (_("Digest of the question (SHA-256)"), decision_digest),
        *([(_("Hash of the build"), row.build_hash)] if row.build_hash else []),
    ]


def _words(_: Gettext) -> dict[str, str]:
    return {
        "protocol": _("Acceptance protocol"), "criteria": _("What must be met"), "rounds": _("Rounds"),
        "reservations": _("Reservations"), "signatures": _("Signatures"), "cases": _("Cases and their results"),
        "proof": _("Proof"), "verify": _("How to verify this protocol"), "unsigned": _("Nobody has signed it."),
        "round": _("Round"), "build": _("Build"),
        "counts": _("Passed · failed · blocked · not applicable / all"),
        "due": _("Due"), "item": _("Item"), "reservation": _("Reservation"), "priority": _("Priority"),
        "no-criteria": _("No criteria were set."), "not-run": _("Nobody ran it."),
        "inside": _("Inside this file: the protocol that was signed (protocol.json) and the receipts of the answers."),
        "digest": _("The digest below is the SHA-256 of protocol.json as it is; the receipt names the same digest."),
        "page": _("Drop this file on this page to verify the last receipt; nobody has to sign in:"),
        "keys": _("The keys are published here; keep a copy, and nothing of the portal is needed later:"),
    }  # fmt: skip


def _moment(text: str | None, locale: str) -> str:
    return moment(datetime.fromisoformat(text), locale) if text else "–"


def _day(value: date, locale: str) -> str:
    return format_date(value, "long" if locale == "zh_CN" else "d MMMM y", locale=locale)


async def sheet_pdf(
    plan: TestPlan, version: TestPlanVersion, cases: Sequence[TestCase], agency: Agency, gettext: Gettext, locale: str,
    project: str, at: datetime,
) -> bytes:  # fmt: skip
    """The cases with boxes to tick, for those who test on paper; PDF/A-3b, in a language of `LANGUAGES`."""
    return await typeset("sheet", sheet_page(plan, version, cases, agency, gettext, locale, project), (), at)


def sheet_page(
    plan: TestPlan, version: TestPlanVersion, cases: Sequence[TestCase], agency: Agency, gettext: Gettext, locale: str,
    project: str,
) -> dict[str, Any]:  # fmt: skip
    """What stands on the sheet; automatic cases do not."""
    _ = gettext
    lang, region = LANGUAGES[locale]
    names = outcomes(_)
    which = _("Test plan %(number)s, version %(version)s") % {"number": plan.number, "version": version.version}
    return {
        "lang": lang, "region": region, "agency": agency.name, "colour": agency.colour, "title": plan.title,
        "subtitle": f"{project} · {which}",
        "marks": [name for outcome, name in names.items() if outcome is not None],
        "cases": [_on_sheet(one, _) for one in cases if not one.is_automatic], "footer": f"{project} · {plan.title}",
        "words": {
            "sheet": _("Test sheet"), "tester": _("Tester"), "day": _("Day"), "device": _("Device"),
            "build": _("Build"),
            "before": _("Before you begin"), "expected": _("Expected:"), "result": _("Expected result"),
            "remark": _("What did you see?"), "nothing": _("This plan has no cases to test by hand."),
            "signature": _("Signature"),
        },
    }  # fmt: skip


def _on_sheet(case: TestCase, _: Gettext) -> dict[str, Any]:
    about = [_("Case %s") % case.number, _("Priority %s") % case.priority, *([case.section] if case.section else [])]
    return {
        "title": case.title, "about": " · ".join(about), "precondition": case.precondition,
        "steps": [[one["action"], one.get("expected", "")] for one in case.steps], "expected": case.expected,
    }  # fmt: skip
