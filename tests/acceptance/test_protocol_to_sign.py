"""The protocol that is signed, and what of it is put to the client (docs/acceptance.md). No database."""

import hashlib
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pypdf
import pytest

from portal.acceptance import protocol, verdicts
from portal.acceptance.models import Outcome, TestPlan, TestPlanVersion, TestRound, VerdictRule
from portal.acceptance.protocol import About, Said, Stands
from portal.decisions.rules import MOST_PEOPLE
from portal.documents import attachment
from portal.ledger import receipt_files

AT = datetime(2026, 5, 4, 9, tzinfo=UTC)
PASSED, FAILED, BLOCKED, NOT_APPLICABLE = (
    Outcome.PASSED, Outcome.FAILED, Outcome.BLOCKED, Outcome.NOT_APPLICABLE,
)  # fmt: skip
CRITERIA = {"all_run": True, "most_failed": {"1": 0}}


def plan(**more: object) -> TestPlan:
    """A plan of a milestone."""
    given = {"number": 3, "title": "Paying", "milestone_number": 2, "change_number": None}
    return TestPlan(**(given | more))


ABOUT = About(
    project="BRIDGE", plan=plan(),
    version=TestPlanVersion(version=4, digest=b"\x01" * 32, rule=VerdictRule.WORST_OF_LATEST),
    milestone="Opening", part="", is_whole=True, at=AT, deemed_after_days=None,
)  # fmt: skip
ROUND = TestRound(
    number=1, version=4, build="1.2", address="", build_hash="", opened_at=AT - timedelta(days=2),
    closed_at=AT - timedelta(days=1), cases=3, passed=1, failed=1, blocked=0, not_applicable=0,
)  # fmt: skip
ADA = Said("person:ada", "Ada", PASSED, "", AT, ())


def case(number: int, verdict: Outcome | None = PASSED, *said: Said, is_automatic: bool = False) -> Stands:
    """A case of priority 1 that stands so."""
    return Stands(number, f"Case {number}", 1, is_automatic, bytes([number % 256]) * 32, verdict, 1, said, ())


def drawn(*cases: Stands, about: About = ABOUT, rounds: tuple[TestRound, ...] = (ROUND,)) -> dict:
    """The protocol of these cases, judged by one criterion of each kind."""
    counts: dict[tuple[int, Outcome | None], int] = {}
    for one in cases:
        counts[1, one.verdict] = counts.get((1, one.verdict), 0) + 1
    return protocol.document(about, rounds, cases, verdicts.judge(CRITERIA, counts))


def asked(*cases: Stands, about: About = ABOUT, rounds: tuple[TestRound, ...] = (ROUND,)) -> dict:
    """What of it is put to the client."""
    kept = drawn(*cases, about=about, rounds=rounds)
    return protocol.question(kept, hashlib.sha256(protocol.text_of(kept).encode()).digest())


def facts(found: dict) -> dict[str, str]:
    """Its facts by their names."""
    return dict(found["facts"])


def test_the_protocol_says_of_each_case_who_said_what_and_when():
    robot = Said(None, "ci", FAILED, "Timeout", AT + timedelta(hours=1), [{"number": 7, "name": "a.png", "sha256": "ab", "size": 1}])  # fmt: skip  # noqa: E501
    (one,) = drawn(replace(case(5, FAILED, ADA, robot), defects=(12, 13)))["cases"]
    assert one == {
        "number": 5, "title": "Case 5", "priority": 1, "is_automatic": False, "digest": "05" * 32, "verdict": "failed",
        "round": 1, "left_out": 0, "defects": [12, 13],
        "results": [
            {"person": "person:ada", "name": "Ada", "is_machine": False, "outcome": "passed", "remark": "",
             "at": "2026-05-04T09:00:00.000000Z", "files": []},
            {"person": None, "name": "ci", "is_machine": True, "outcome": "failed", "remark": "Timeout",
             "at": "2026-05-04T10:00:00.000000Z", "files": [{"number": 7, "name": "a.png", "sha256": "ab"}]},
        ],
    }  # fmt: skip


def test_the_protocol_names_what_was_tested_in_which_version_and_build():
    whole = drawn(case(1))
    assert whole["plan"] == {
        "number": 3, "title": "Paying", "version": 4, "digest": "01" * 32, "rule": "worst_of_latest",
    }  # fmt: skip
    assert whole["milestone"] == {"number": 2, "name": "Opening"}
    assert (whole["change_request"], whole["part"], whole["is_whole"]) == (None, "", True)
    (row,) = whole["rounds"]
    assert (row["build"], row["closed_at"]) == ("1.2", "2026-05-03T09:00:00.000000Z")


def test_a_plan_of_a_change_request_has_no_milestone():
    whole = drawn(case(1), about=replace(ABOUT, plan=plan(milestone_number=None, change_number=9)))
    assert (whole["milestone"], whole["change_request"]) == (None, 9)


@pytest.mark.parametrize(("count", "kept"), [(20_000, 4), (20_001, 3)])
def test_beyond_twenty_thousand_results_each_case_keeps_its_newest_three(count, kept):
    many = case(1, PASSED, *[ADA] * (count - 4))
    newest = [replace(ADA, remark=str(at)) for at in range(4)]
    first, second = drawn(many, case(2, PASSED, *newest))["cases"]
    assert [one["remark"] for one in second["results"]] == ["0", "1", "2", "3"][-kept:]
    assert second["left_out"] == 4 - kept
    assert len(first["results"]) + first["left_out"] == count - 4


def test_the_question_counts_what_people_tested_and_leaves_out_what_machines_ran():
    found = asked(
        case(1), case(2), case(3, FAILED), case(4, BLOCKED), case(5, NOT_APPLICABLE), case(6, None),
        case(7, FAILED, is_automatic=True),
    )  # fmt: skip
    counts = {name: facts(found)[name] for name in ("Passed", "Failed", "Blocked", "Not applicable", "Not run")}
    assert counts == {"Passed": "2", "Failed": "1", "Blocked": "1", "Not applicable": "1", "Not run": "1"}


def test_the_question_says_what_it_is_about():
    about = replace(ABOUT, part="Cards", deemed_after_days=14, plan=plan(change_number=9))
    last = TestRound(
        number=2, version=4, build="1.3", address="https://try.example", build_hash="ab12", opened_at=AT,
        closed_at=None, cases=1, passed=1, failed=0, blocked=0, not_applicable=0,
    )  # fmt: skip
    found = asked(case(1), about=about, rounds=(ROUND, last))
    said = facts(found)
    assert said["Test plan"] == "3: Paying"
    assert said["Milestone"] == "2: Opening"
    assert said["Change request"] == "9"
    assert (said["Part"], found["is_last_part"], found["deemed_after_days"]) == ("Cards", True, 14)
    assert [said[name] for name in ("Build", "Address", "Hash of the build")] == ["1.3", "https://try.example", "ab12"]


def test_what_there_is_not_is_not_said():
    about = replace(ABOUT, plan=plan(milestone_number=None), is_whole=False)
    found = asked(case(1), about=about, rounds=())
    said = facts(found)
    assert (found["is_last_part"], found["deemed_after_days"]) == (None, None)
    assert set(said) == {"Test plan", "Passed", "Failed", "Blocked", "Not applicable", "Not run"}


def test_a_part_that_is_not_the_last_says_its_name_alone():
    found = asked(case(1), about=replace(ABOUT, part="Cards", is_whole=False))
    assert (facts(found)["Part"], found["is_last_part"]) == ("Cards", None)


def test_the_question_lists_each_case_with_who_said_what():
    found = asked(
        replace(case(1, FAILED, ADA, replace(ADA, name="Ben", outcome=FAILED)), defects=(12, 13)), case(2, None)
    )
    at = "2026-05-04T09:00:00.000000Z"
    said = [
        {"name": "Ada", "is_machine": False, "outcome": "passed", "at": at},
        {"name": "Ben", "is_machine": False, "outcome": "failed", "at": at},
    ]
    assert found["results"] == [
        {"case": 1, "title": "Case 1", "outcome": "failed", "said": said, "defects": [12, 13]},
        {"case": 2, "title": "Case 2", "outcome": None, "said": [], "defects": []},
    ]


def test_the_question_tells_what_a_machine_said_from_what_a_tester_of_its_name_said():
    (found,) = asked(case(1, PASSED, ADA, replace(ADA, person=None)))["results"]
    assert [(one["name"], one["is_machine"]) for one in found["said"]] == [("Ada", False), ("Ada", True)]


def test_five_hundred_cases_are_listed_and_of_more_those_that_did_not_pass():
    passed = [case(number) for number in range(1, 501)]
    assert len(asked(*passed)["results"]) == 500
    left = asked(*passed, case(501, FAILED), case(502, None))["results"]
    assert [(one["case"], one["outcome"]) for one in left] == [(501, "failed"), (502, None)]
    assert len(asked(*(case(number, FAILED) for number in range(1, 502)))["results"]) == 500


def test_what_machines_run_leaves_room_for_what_failed():
    automatic = [case(number, None, is_automatic=True) for number in range(1, 502)]
    assert asked(*automatic, case(502, FAILED))["results"][0]["case"] == 502


def test_the_digest_in_the_question_is_that_of_the_whole_protocol():
    kept = drawn(case(1, PASSED, ADA))
    text = protocol.text_of(kept)
    assert asked(case(1, PASSED, ADA))["protocol_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert protocol.text_of(drawn(case(1, PASSED, replace(ADA, remark="But slow")))) != text


@pytest.mark.parametrize(
    ("verdict", "criteria"),
    [
        (PASSED, [("all_run", True, 0), ("most_failed", True, 0)]),
        (FAILED, [("all_run", True, 0), ("most_failed", False, 1)]),
        (None, [("all_run", False, 1), ("most_failed", True, 0)]),
    ],
)
def test_what_is_not_met_stands_in_what_is_signed(verdict, criteria):
    found = asked(case(1, verdict))
    assert [(one["what"], one["is_met"], one["actual"]) for one in found["criteria"]] == criteria
    assert (found["title"], found["version"]) == ("Paying", 4)


def test_the_receipt_in_a_protocol_is_found_behind_those_of_all_who_may_sign_before_it():
    page = pypdf.PdfWriter()
    page.add_blank_page(100, 100)
    before = [f"receipt-{seq}.json" for seq in range(10, 9 + MOST_PEOPLE)]
    for name in (receipt_files.PROTOCOL, *before, receipt_files.NAME):
        page.add_attachment(name, name.encode())
    made = io.BytesIO()
    page.write(made)
    assert attachment.find(made.getvalue(), receipt_files.NAME) == b"receipt.json"
