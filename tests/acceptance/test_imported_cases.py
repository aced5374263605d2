"""Test cases and results out of other tools' files, honest and hostile ones."""

from pathlib import Path

import pytest

from portal.acceptance.imports.reading import read
from portal.acceptance.models import Outcome
from portal.errors import Invalid, TooLarge
from portal.tables.plain import text
from portal.tables.sheets import MOST_BYTES
from tests.support.workbooks import words, workbook_of

ACUMEN = Path(__file__).parents[1] / "data" / "uat" / "acumen-test-cases.xlsx"

OURS = """Section,ID,Title,Precondition,Steps,Expected result,Priority
Sign in,C1,Sign in with a password,An account exists,Open the page,The project opens,High
Sign in,C2,Wrong password,,Enter a wrong one,It is refused,Low
"""
TESTRAIL_CSV = """"ID","Title","Section","Steps (Step)","Steps (Expected Result)","Preconditions","Priority"
"C10","Pay by card","Checkout","Choose the card","The form opens","A basket","Critical"
"","","","Enter the number","It is accepted","",""
"C11","Pay later","Checkout","Choose later","A note says when","","Medium"
"""
XRAY = """Issue key;Summary;Action;Data;Expected Result;Priority
CALC-1;Add two numbers;Enter 1;1;It is shown;2
;;Press +;;A sum is begun;
;;Enter 2;2;3 is shown;
"""
ZEPHYR = """Key\tName\tTest Script (Step-by-Step) - Step\tTest Script (Step-by-Step) - Expected Result\tFolder
T1\tOpen the list\tClick on the tab\tThe list is there\tLists
\t\tScroll\tMore rows come\t
"""
TESTRAIL_XML = """<?xml version="1.0" encoding="UTF-8"?>
<suite><id>S1</id><name>Master</name><sections><section><name>Checkout</name>
<cases><case><id>C7</id><title>Pay by card</title><priority>High</priority><references>R-3</references>
<custom><preconds>&lt;p&gt;A &lt;b&gt;basket&lt;/b&gt;&lt;/p&gt;</preconds><steps_separated>
<step><index>1</index><content>&lt;ol&gt;&lt;li&gt;Open it&lt;/li&gt;&lt;li&gt;Wait&lt;/li&gt;&lt;/ol&gt;</content>
<expected>It opens</expected></step>
<step><index>2</index><content>Pay</content><expected>Paid</expected></step></steps_separated></custom></case></cases>
<sections><section><name>Refunds</name><cases><case><id>C8</id><title>Pay back</title><custom><steps>Press it</steps>
<expected>It is back</expected></custom></case></cases></section></sections></section></sections></suite>"""
JUNIT = """<testsuites><testsuite name="t"><testcase classname="shop.Pay" name="by_card" time="0.5"/>
<testcase classname="shop.Pay" name="later"><failure message="no note">trace</failure></testcase>
<testcase classname="shop.Pay" name="never"><skipped/></testcase>
<testcase name="broken"><error message="no server"/></testcase></testsuite></testsuites>"""


def cases(content: str, encoding: str = "utf-8"):
    return read(content.encode(encoding)).cases


def test_our_own_columns():
    first, second = cases(OURS)
    assert (first.title, first.section, first.precondition) == (
        "Sign in with a password",
        "Sign in",
        "An account exists",
    )
    assert [(one.action, one.expected) for one in first.steps] == [("Open the page", "")]
    assert (first.expected, first.priority, second.priority) == ("The project opens", 1, 3)
    assert [first.external_ref, second.external_ref] == ["C1", "C2"]


def test_testrails_steps_stand_on_rows_of_their_own():
    first, second = cases(TESTRAIL_CSV)
    assert [(one.action, one.expected) for one in first.steps] == [
        ("Choose the card", "The form opens"),
        ("Enter the number", "It is accepted"),
    ]
    assert [(one.action, one.expected) for one in second.steps] == [("Choose later", "A note says when")]
    assert (first.priority, second.priority) == (1, 2)


def test_xrays_rows_with_semicolons():
    (one,) = cases(XRAY)
    assert (one.external_ref, one.title) == ("CALC-1", "Add two numbers")
    assert [step.expected for step in one.steps] == ["It is shown", "A sum is begun", "3 is shown"]


def test_rows_that_name_their_case_again_add_steps_to_it():
    one, other = cases(
        "TCID,Summary,Precondition,Action,Expected Result\n1,Pay,A basket,Press Pay,A form\n"
        "1,Pay,A basket,Send it,Thanks\n2,Pay,,Leave,Nothing\n"
    )
    assert [(step.action, step.expected) for step in one.steps] == [("Press Pay", "A form"), ("Send it", "Thanks")]
    assert (one.precondition, other.external_ref, len(other.steps)) == ("A basket", "2", 1)


def test_zephyrs_rows_with_tabs():
    (one,) = cases(ZEPHYR)
    assert (one.section, [step.action for step in one.steps]) == ("Lists", ["Click on the tab", "Scroll"])


def test_columns_that_are_no_fields_are_named():
    assert read(XRAY.encode()).losses == ["These columns were left out: “Data”."]
    assert read(OURS.encode()).losses == []


def test_a_description_beside_steps_takes_their_place_from_none():
    (one,) = cases("Summary,Description,Action,Precondition\nPay,About cards,Press Pay,A basket\n,,Wait,\n")
    assert [step.action for step in one.steps] == ["Press Pay", "Wait"]
    assert one.precondition == "About cards\n\nA basket"


def test_a_description_without_steps_is_what_one_does():
    (one,) = cases("Title,Description\nPay,Press Pay\n")
    assert ([step.action for step in one.steps], one.precondition) == (["Press Pay"], "")


def test_what_is_expected_of_the_case_stays_beside_what_is_expected_of_its_steps():
    (one,) = cases("Title,Steps,Step Result,Expected Result\nPay,Press Pay,A form,A receipt\n,Send it,Thanks,\n")
    assert [(step.action, step.expected) for step in one.steps] == [("Press Pay", "A form"), ("Send it", "Thanks")]
    assert one.expected == "A receipt"


def test_a_row_that_only_says_what_is_expected_is_a_step():
    (one,) = cases("Title,Steps,Expected Result\nPay,Press Pay,A form\n,,A receipt\n")
    assert [(step.action, step.expected) for step in one.steps] == [("Press Pay", "A form"), ("", "A receipt")]


def test_what_stands_before_a_case_may_take_several_rows():
    (one,) = cases("Title,Steps,Precondition\nPay,Press Pay,A basket\n,Wait,An account\n")
    assert one.precondition == "A basket\n\nAn account"


def test_words_are_kept_whole_and_a_title_that_is_cut_is_told():
    found = read(f"Title,Steps,Requirement\n{'P' * 301},{'s' * 15_000},{'r' * 400}\n".encode())
    (one,) = found.cases
    assert (len(one.title), len(one.steps[0].action), len(one.criterion)) == (300, 15_000, 400)
    assert found.losses == ["The title in row 2 was cut to 300 characters."]


def test_testrails_xml_with_sections_in_sections_and_nested_html():
    pay, back = cases(TESTRAIL_XML)
    assert (pay.section, back.section) == ("Checkout", "Checkout / Refunds")
    assert pay.precondition == "A basket"
    assert pay.steps[0].action == "- Open it\n\n- Wait"
    assert (back.steps[0].action, back.expected) == ("Press it", "It is back")
    assert pay.criterion == "R-3"


def test_what_testrails_xml_says_and_no_case_has_is_named():
    found = read(
        b"""<suite><id>S1</id><name>Master</name><description>All</description><sections><section><name>Pay</name><cases>
        <case><id>C1</id><title>Card</title><estimate>5m</estimate><type/><custom><goals>Fast</goals><steps_separated>
        <step><index>1</index><content>Pay</content><additional_info>At night</additional_info></step>
        </steps_separated></custom></case><!-- end --><case><title>Cash</title><estimate>1m</estimate></case></cases>
        </section></sections></suite>"""
    )
    told = ["Left out: additional_info (1).", "Left out: description (1).", "Left out: estimate (2)."]
    assert sorted(found.losses) == [*told, "Left out: goals (1)."]
    assert read(TESTRAIL_XML.encode()).losses == []


def test_an_empty_step_of_testrails_xml_is_none():
    (one,) = cases("<suite><case><title>Card</title><custom><steps_separated><step><index>1</index><content/></step>"
                   "<step><content>Pay</content></step></steps_separated></custom></case></suite>")  # fmt: skip
    assert [step.action for step in one.steps] == ["Pay"]


def test_junit_is_results_not_cases():
    found = read(JUNIT.encode())
    assert (found.kind, found.cases) == ("junit", ())
    assert [(one.name, one.outcome) for one in found.results] == [
        ("shop.Pay.by_card", Outcome.PASSED),
        ("shop.Pay.later", Outcome.FAILED),
        ("shop.Pay.never", Outcome.NOT_APPLICABLE),
        ("broken", Outcome.BLOCKED),
    ]
    assert found.results[1].message == "no note"


def test_a_real_workbook_with_an_instruction_row_above_its_header():
    found = read(ACUMEN.read_bytes())
    assert len(found.cases) > 20
    assert all(one.title for one in found.cases)
    assert any(one.steps or one.expected for one in found.cases)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_csv_in_the_encodings_that_people_save(encoding):
    content = "Title,Steps\nÄnderung prüfen,Öffnen\n"
    (one,) = cases(content, encoding)
    assert one.title == "Änderung prüfen"


def test_a_merged_section_holds_for_the_rows_below():
    found = cases("Section,Title,Steps\nBasket,One,a\n,Two,b\n")
    assert [one.section for one in found] == ["Basket", "Basket"]


def test_a_formula_is_text():
    (one,) = cases('Title,Steps\n"=HYPERLINK(""http://evil"")",x\n')
    assert one.title.startswith("=HYPERLINK")


def test_nested_html_becomes_lines_and_scripts_nothing():
    given = "<div><p>One<br>two</p><ul><li>three <i>four</i></li></ul><script>alert(1)</script>&lt;five&gt;</div>"
    assert text(given) == "One\ntwo\n\n- three four\n<five>"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n ",
        b"nothing of the kind",
        b"a,b\n1,2\n",
        b"Title\nOnly titles\n",
        b"<html><body/></html>",
        b"<suite><cases>",
        b"PK\x03\x04 no workbook",
        b'Title,Steps\n"never closed,x\n',
        b'<!DOCTYPE a [<!ENTITY b "c">]><testsuite><testcase name="&b;"/></testsuite>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><testsuite/>',
    ],
)
def test_what_is_no_file_of_cases_is_refused_with_a_sentence(content):
    with pytest.raises(Invalid) as refused:
        read(content)
    assert refused.value.field == "file"


def test_an_xml_bomb_is_refused():
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE t [<!ENTITY a0 "ha">{entities}]><testsuite><testcase name="&a9;"/></testsuite>'
    with pytest.raises(Invalid):
        read(bomb.encode())


def test_a_file_is_bounded():
    with pytest.raises(TooLarge):
        read(b"x" * (MOST_BYTES + 1))
    with pytest.raises(TooLarge):
        read(b"Title,Steps\n" + b"a,b\n" * 50_001)
    with pytest.raises(TooLarge):
        read(b",".join([b"Title", b"Steps"] + [b"x"] * 300))


HEAD = f'<row r="1">{words("A1", "Title")}{words("B1", "Steps")}</row>'


def test_a_workbook_of_one_sheet():
    (found,) = read(workbook_of(f'{HEAD}<row r="2">{words("A2", "Pay")}{words("B2", "Press it")}</row>')).cases
    assert (found.title, found.steps[0].action) == ("Pay", "Press it")


def test_two_cells_far_apart_do_not_take_the_memory_of_all_between():
    """A table of 2 cells that says it has 17,000,000,000: the reader would end the process that it runs in."""
    with pytest.raises((Invalid, TooLarge)):
        read(workbook_of(f'{HEAD}<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'))


def test_a_bomb_in_a_small_workbook():
    content = workbook_of(HEAD + f'<row r="2">{words("A2", "a" * 100_000_000)}</row>')
    assert len(content) < 1_000_000
    with pytest.raises((Invalid, TooLarge)):
        read(content)


@pytest.mark.parametrize(("written", "priority"), [("P²", 2), ("٣", 3), ("①", 2), ("P1", 1)])
def test_a_priority_is_a_digit_that_counts(written, priority):
    (found,) = cases(f"Title,Steps,Priority\nPay,Press,{written}\n")
    assert found.priority == priority


@pytest.mark.parametrize(
    ("written", "priority"),
    [("Blocker", 1), ("Major", 2), ("Minor", 3), ("Trivial", 3), ("4 - Must Test", 1), ("2 - Test If Time", 2),
     ("1 - Don't Test", 3)],
)  # fmt: skip
def test_the_words_of_jira_and_testrail_are_priorities(written, priority):
    (found,) = cases(f"Title,Steps,Priority\nPay,Press,{written}\n")
    assert found.priority == priority
