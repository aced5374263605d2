"""A content in parts that a page can show: whatever a room asked, nothing of it stays unseen. No database."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.decisions import parts
from portal.decisions.parts import Part

WORDS = st.text("abcdefgh", min_size=3, max_size=12)
LEAVES = st.one_of(WORDS, st.integers(1, 10**6).map(lambda number: number * 1_000_003))
NESTED = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(WORDS, inner, min_size=1, max_size=3),
)


def parts_of(content: dict[str, Any]) -> list[Part]:
    """Its parts in English."""
    return list(parts.parts_of(content, lambda text: text, "en"))


def all_of(found: list[Part]) -> str:
    """Every word of them."""
    return "\n".join(" ".join([part.label, part.text, *(cell for row in part.rows for cell in row)]) for part in found)


def leaves(value: Any) -> list[str]:
    """Every value of a document, as text."""
    if isinstance(value, (dict, list)):
        return [leaf for one in (value.values() if isinstance(value, dict) else value) for leaf in leaves(one)]
    return [str(value)]


@settings(max_examples=30)
@given(st.dictionaries(st.sampled_from([*parts.FIRST, "priority", "alternatives", "quite_new"]), NESTED))
def test_every_value_of_a_content_is_shown_whatever_its_form(content):
    shown = all_of(parts_of(content))
    assert [leaf for leaf in leaves(content) if leaf not in shown] == []


@settings(max_examples=30)
@given(st.dictionaries(WORDS, st.dictionaries(WORDS, LEAVES, min_size=1), min_size=1))
def test_every_name_of_a_field_is_shown_with_its_value(content):
    shown = all_of(parts_of(content)).lower()
    names = [name for name, value in content.items() for name in (name, *value)]
    assert [name for name in names if name not in shown] == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"description": "One pays"}, [Part("Description", "text", text="One pays")]),
        ({"description": "", "note": None, "files": [], "facts": {}}, []),
        ({"criteria": ["Fast", "Safe"]}, [Part("Acceptance criteria", "list", rows=(("Fast",), ("Safe",)))]),
        ({"facts": [["Passed", "3"], ["Part", None]]}, [Part("Facts", "facts", rows=(("Passed", "3"), ("Part", "–")))]),
        (
            {"files": [{"number": 7, "name": "a.png", "size": 12345, "sha256": "ab"}, {"number": 8, "sha256": "cd"}]},
            [Part("Files", "files", rows=(("a.png", "12,345 B", "ab", ""), ("8", "", "cd", "")))],
        ),
        (
            {"lines": [{"text": "Build", "days": 3}, {"days": 4}]},
            [Part("Lines", "facts", rows=(("1. Build", "Days: 3"), ("2.", "Days: 4")))],
        ),
        (
            {"links": [{"url": "https://try.example", "snapshot": {"sha256": "ab"}}]},
            [Part("Links", "facts", rows=(("1 · Url", "https://try.example"), ("1 · Snapshot · Sha256", "ab")))],
        ),
        ({"period": "month"}, [Part("Terms", "facts", rows=(("Prices are due", "each month"),))]),
        ({"period": "moonth"}, [Part("Terms", "facts", rows=(("Prices are due", "moonth"),))]),
        ({"most": {"amount": "12.00", "currency": "EUR"}}, [Part("Terms", "facts", rows=(("Most", "12.00 EUR"),))]),
    ],
)  # fmt: skip
def test_each_form_has_its_part(content, expected):
    assert parts_of(content) == expected


def test_what_only_looks_like_an_amount_is_shown_with_all_that_is_in_it():
    nested = {"amount": {"net": "1.00", "gross": "1.19"}, "currency": "EUR"}
    (part,) = parts_of({"price": nested})
    assert part.rows == (("Amount · Net", "1.00"), ("Amount · Gross", "1.19"), ("Currency", "EUR"))


def test_what_is_short_stands_together_at_the_end_and_what_is_long_under_its_own_heading():
    content = {"priority": "high", "is_free": False, "measure": "x" * 80, "quality": "y" * 81, "terms": "two\nlines"}
    assert parts_of(content) == [
        Part("Quality", "text", text="y" * 81),
        Part("Terms", "text", text="two\nlines"),
        Part("Terms", "facts", rows=(("Priority", "high"), ("Is free", "–"), ("Measure", "x" * 80))),
    ]


def test_the_known_parts_come_first_in_the_order_in_which_they_are_read():
    content = {
        "extra": "x" * 99,
        "files": [{"sha256": "ab"}],
        "title": "T",
        "version": 1,
        "number": 7,
        "note": "n",
        "description": "d",
    }
    assert [part.label for part in parts_of(content)] == ["Description", "What changed", "Files", "Extra"]


def offer(**more: Any) -> dict[str, Any]:
    """An alternative of a change request, as it is asked."""
    line = {"text": "Build", "quantity": "3", "unit": "DAY", "unit_price": "500", "tax_category": "S",
            "tax_rate": "19", "net": "1500.00"}  # fmt: skip
    given = {"key": "A", "title": "Quick", "free": False, "lines": [line], "net": "1500.00", "gross": "1785.00",
             "taxes": [{"category": "S", "rate": "19", "net": "1500.00", "tax": "285.00"}]}  # fmt: skip
    return given | more


def test_a_price_is_shown_line_by_line_to_its_sums():
    assert parts_of({"currency": "EUR", "alternatives": [offer()]}) == [
        Part(
            "A: Quick",
            "prices",
            rows=(
                ("Build", "3 days × 500 EUR · Tax 19 %", "1500.00"),
                ("Net", "", "1500.00 EUR"),
                ("Tax 19 %", "", "285.00"),
                ("With tax", "", "1785.00 EUR"),
            ),
        ),
        Part("Terms", "facts", rows=(("Currency", "EUR"),)),
    ]


def test_what_costs_nothing_says_so_and_names_the_tax_that_is_not_charged():
    free = offer(free=True, lines=[], net="0.00", gross="0.00", taxes=[{"category": "AE", "rate": "0", "tax": "0.00"}])
    first, _currency = parts_of({"currency": "EUR", "alternatives": [free]})
    assert [row[0] for row in first.rows] == ["Without charge", "Net", "Reverse charge 0 %", "With tax"]


def test_what_follows_from_an_alternative_is_shown_beside_its_price():
    more = {"days": "3", "quality": "", "milestones": [{"name": "Opening", "on": "2026-05-04"}], "risk": "none"}
    _price, follows, _currency = parts_of({"currency": "EUR", "alternatives": [offer(**more)]})
    assert follows == Part(
        "What follows from A", "facts",
        rows=(("Days of work", "3"), ("Milestones", "Name: Opening · On: 2026-05-04"), ("Risk", "none")),
    )  # fmt: skip


@pytest.mark.parametrize("broken", ["lines", "net", "taxes", "title"])
def test_alternatives_of_another_form_are_shown_all_the_same(broken):
    others = {name: value for name, value in offer().items() if name != broken}
    shown = all_of(parts_of({"alternatives": [others]}))
    assert [leaf for leaf in leaves({**others, "free": "–"}) if leaf not in shown] == []


@pytest.mark.parametrize(("length", "is_cut"), [(20_000, False), (20_001, True)])
def test_a_page_shows_twenty_thousand_characters_of_a_part_and_says_when_there_are_more(length, is_cut):
    (part,) = parts_of({"description": "x" * length})
    assert (len(part.text), part.is_cut) == (20_000, is_cut)
    (listed,) = parts_of({"criteria": ["x" * 15_000, "y" * (length - 15_000)]})
    assert (sum(len(row[0]) for row in listed.rows), listed.is_cut) == (20_000, is_cut)


@pytest.mark.parametrize(("count", "is_cut"), [(200, False), (201, True)])
def test_a_page_shows_two_hundred_rows_of_a_part_and_says_when_there_are_more(count, is_cut):
    (part,) = parts_of({"criteria": ["x"] * count})
    assert (len(part.rows), part.is_cut) == (200, is_cut)


def test_facts_are_told_in_the_readers_language_and_what_people_wrote_as_they_wrote_it():
    catalogue = {"Priority": "Приоритет", "Must have": "Обязательно", "Target": "Цель", "Facts": "Сведения"}
    content = {"facts": [["Priority", "Must have"], ["Target", "Must have"], ["", ""]]}
    (part,) = parts.parts_of(content, lambda text: catalogue.get(text, text), "ru")
    assert part.rows == (("Приоритет", "Обязательно"), ("Цель", "Must have"), ("", ""))


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ({"pages": 60, "shown": 50}, "Pages shown: 50 of 60"),
        ({"pages": 60, "shown": 50, "broken": [3, 7]}, "Pages shown: 48 of 60"),
        ({"pages": 3, "shown": 3, "broken": [2]}, "Pages shown: 2 of 3"),
        ({"pages": 3, "shown": 3}, ""),
        ({}, ""),
        ({"pages": "many", "shown": 1}, ""),
    ],
)
def test_of_a_document_is_told_how_many_pages_were_shown_if_not_all(file, told):
    (part,) = parts_of({"files": [{"name": "a.pdf", "sha256": "ab"} | file]})
    assert part.rows == (("a.pdf", "", "ab", told),)
