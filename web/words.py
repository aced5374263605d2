"""Words of the domain's closed lists (types, categories, roles …) in each language, looked up once a language."""

from collections.abc import Mapping
from functools import lru_cache

from web.catalogues import catalogue
from web.catalogues import mark as _

WORDS: Mapping[str, Mapping[str, str]] = {
    "type": {"story": _("Story"), "task": _("Task"), "bug": _("Bug"), "other": _("Other")},
    "category": {"todo": _("To do"), "doing": _("In progress"), "done": _("Done"), "dropped": _("Dropped")},
    "waiting": {"client": _("Waiting for the client"), "agency": _("Waiting for us"), "other": _("Waiting for others")},
    "unit": {"points": _("Points"), "hours": _("Hours"), "count": _("Items")},
    "status": {"active": _("Active"), "paused": _("Paused"), "done": _("Finished"), "archived": _("Archived")},
    "role": {"viewer": _("Viewer"), "approver": _("Approver"), "billing": _("Billing"), "tester": _("Tester")},
    "staff_role": {
        "member": _("Member"), "manager": _("Manager"), "finance": _("Finance"), "admin": _("Administrator"),
    },
    "show_staff": {"name": _("by name"), "role": _("as “the team”"), "hidden": _("not at all")},
    "decision_kind": {
        "design": _("Design"), "requirement": _("Requirement"), "change_request": _("Change request"),
        "milestone": _("Milestone"), "acceptance": _("Acceptance"),
    },
    "decision_state": {
        "asked": _("Open"), "decided": _("Decided"), "withdrawn": _("Withdrawn"), "superseded": _("Superseded"),
    },
    "verdict": {
        "approved": _("Approved"), "approved_with_remarks": _("Approved with remarks"),
        "changes_wanted": _("Changes wanted"), "declined": _("Declined"),
    },
    "change_state": {
        "raised": _("Raised"), "being_priced": _("Being priced"), "offered": _("Offered"), "accepted": _("Accepted"),
        "declined": _("Declined"), "withdrawn": _("Withdrawn"), "expired": _("Expired"),
    },
    "contract_kind": {
        "fixed_price": _("Fixed price"), "time_and_materials": _("Time and materials with a ceiling"),
        "retainer": _("Retainer"),
    },
    "period": {"month": _("each month"), "quarter": _("each quarter"), "year": _("each year")},
    "work_unit": {
        "HUR": _("h"), "MIN": _("min"), "DAY": _("days"), "WEE": _("weeks"), "MON": _("months"), "QAN": _("quarters"),
        "ANN": _("years"), "C62": _("pieces"), "EA": _("pieces"), "LS": _("lump sum"), "E48": _("services"),
        "KMT": _("km"),
    },
    "tax_category": {
        "S": _("Tax"), "Z": _("Tax"), "E": _("Exempt from tax"), "AE": _("Reverse charge"),
        "K": _("Supply within the Union"), "G": _("Export"), "O": _("Outside the scope of tax"),
        "L": _("IGIC, tax of the Canary Islands"), "M": _("IPSI, tax of Ceuta and Melilla"),
    },
    "invoice_state": {
        "draft": _("Draft"), "issued": _("To be paid"), "partly_paid": _("Partly paid"), "paid": _("Paid"),
        "cancelled": _("Taken back"),
    },
    "invoice_word": {
        "question": _("Question"), "dispute": _("Dispute"), "answer": _("Answer"), "settled": _("Dispute settled"),
    },
    "side": {"client": _("The client"), "agency": _("The agency")},
    "audience": {"internal": _("Internal"), "client": _("Client"), "billing": _("Billing")},
    "requirement_kind": {"functional": _("Functional"), "non_functional": _("Non-functional")},
    "requirement_state": {
        "draft": _("Draft"), "offered": _("To be confirmed"), "confirmed": _("Confirmed"),
        "changes_wanted": _("Changes wanted"), "declined": _("Declined"), "withdrawn": _("Withdrawn"),
    },
    "requirement_fact": {
        "Kind": _("Kind"), "Functional: what it does": _("Functional: what it does"),
        "Non-functional: how well": _("Non-functional: how well"), "Priority": _("Priority"),
        "Must have": _("Must have"), "Should have": _("Should have"), "Could have": _("Could have"),
        "Won't have this time": _("Won’t have this time"), "What is measured": _("What is measured"),
        "Target": _("Target"), "How it is measured": _("How it is measured"),
        "Last confirmed version": _("Last confirmed version"),
    },
    "moscow": {
        "must": _("Must have"), "should": _("Should have"), "could": _("Could have"), "wont": _("Won’t have this time"),
    },
    "trace_kind": {
        "requirement": _("Requirement"), "design": _("Design"), "item": _("Item"),
        "change_request": _("Change request"), "test_plan": _("Test plan"),
    },
    "test_plan_state": {"draft": _("Draft"), "offered": _("Offered")},
    "test_outcome": {
        "passed": _("Passed"), "not_applicable": _("Not applicable"), "blocked": _("Blocked"), "failed": _("Failed"),
    },
    "test_why": {
        "new": _("New, or worded anew"), "not_passed": _("Not passed yet"), "defect_done": _("Its defect was fixed"),
        "covers_changed": _("What it covers was changed"),
    },
    "verdict_rule": {
        "worst_of_latest": _("The worst of the testers’ latest results"), "latest": _("The latest result of all"),
        "majority_of_latest": _("What most testers said last"),
    },
    "severity": {"blocker": _("Blocker"), "major": _("Major"), "minor": _("Minor")},
    "acceptance_state": {
        "asked": _("Open"), "accepted": _("Accepted"), "accepted_with_reservations": _("Accepted with reservations"),
        "refused": _("Refused"), "deemed": _("Deemed accepted, without a signature"), "withdrawn": _("Withdrawn"),
    },
}  # fmt: skip


@lru_cache(8)
def words(locale: str) -> Mapping[str, Mapping[str, str]]:
    """All closed lists in one language: `words(locale)["type"]["bug"]`."""
    gettext = catalogue(locale).gettext
    return {group: {value: gettext(text) for value, text in entries.items()} for group, entries in WORDS.items()}
