"""What a project, its milestones and its iterations may say of themselves, field by field. No database."""

from datetime import date

import pytest

from portal.errors import Invalid
from portal.projects import rules
from portal.projects.models import ProjectStatus, StaffNames, Unit


@pytest.mark.parametrize("key", ["AB", "A1", "BRIDGE", "A" + "9" * 15])
def test_a_key_is_two_to_sixteen_capitals_and_digits(key):
    assert rules.check_key(key) == key


@pytest.mark.parametrize("key", ["", "A", "1A", "Ab", "A_B", "A" * 17, "ÄB", "AB\n", "A٣"])
def test_another_key_is_refused(key):
    with pytest.raises(Invalid):
        rules.check_key(key)


@pytest.mark.parametrize(("name", "kept"), [(" The bridge ", "The bridge"), ("x" * 200, "x" * 200), ("桥", "桥")])
def test_a_name_is_one_line_that_says_something(name, kept):
    assert rules.check_name(name) == kept


@pytest.mark.parametrize("name", ["", " \n ", "x" * 201, "Two\nlines", "x\x00", "a\udfff", "\ud800b"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(Invalid) as refused:
        rules.check_name(name, "title")
    assert refused.value.field == "title"


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("name", "The bridge", "The bridge"),
        ("contact_name", "", ""),
        ("contact_email", " wei@agency.example ", "wei@agency.example"),
        ("summary", "x" * 4000, "x" * 4000),
        ("time_zone", "Asia/Kathmandu", "Asia/Kathmandu"),
        ("currency", "JPY", "JPY"),
        ("languages", ("ru", "en"), ["ru", "en"]),
        ("status", "archived", ProjectStatus.ARCHIVED),
        ("show_staff", "hidden", StaffNames.HIDDEN),
        ("unit", "hours", Unit.HOURS),
        ("working_days", 1, 1),
        ("working_days", 127, 127),
        ("work_starts", 0, 0),
        ("work_ends", 1440, 1440),
        ("days_off", ["2026-12-31", "2026-12-24", "2026-12-31"], ["2026-12-24", "2026-12-31"]),
        ("holidays", "DE-BY", "DE-BY"),
    ],
)
def test_a_field_is_kept_as_the_table_has_it(field, value, kept):
    assert rules.check_project_field(field, value) == kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("deputy_name", "Two\nlines"),
        ("summary", "x" * 4001),
        ("time_zone", "Berlin"),
        ("time_zone", ""),
        ("currency", "Euro"),
        ("currency", "DEM"),  # withdrawn: nobody can be billed in it
        ("currency", "XAU"),  # gold, not money
        ("currency", None),
        ("languages", ("en", "de")),
        ("status", "deleted"),
        ("show_staff", "always"),
        ("unit", "days"),
        ("working_days", 0),
        ("working_days", 128),
        ("work_starts", -1),
        ("work_ends", 1441),
        ("days_off", ["24.12.2026"]),
        ("owner", "me"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(field, value):
    with pytest.raises(Invalid) as refused:
        rules.check_project_field(field, value)
    assert refused.value.field == field


def test_a_working_day_has_at_least_an_hour():
    rules.check_working_hours(540, 600)
    for ends in (599, 540, 300):
        with pytest.raises(Invalid):
            rules.check_working_hours(540, ends)


def test_an_iteration_ends_on_its_first_day_or_later():
    first = date(2026, 5, 4)
    for starts_on, ends_on in ((first, first), (first, None), (None, first), (None, None)):
        rules.check_iteration_dates(starts_on, ends_on)
    with pytest.raises(Invalid):
        rules.check_iteration_dates(first, date(2026, 5, 3))
