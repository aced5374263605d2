"""Numbers that no database can be asked for are as unknown as any other."""

import pytest

from tests.support.acceptance import begun


@pytest.mark.parametrize("number", [-(10**30), 10**30, -1, 0, 2**31, 2**63])
@pytest.mark.parametrize(
    "path",
    [
        "files/{}", "files/{}/preview", "decisions/{}", "decisions/1/receipts/{}.json", "designs/{}",
        "designs/1/versions/{}", "requirements/{}", "requirements/1/versions/{}", "changes/{}", "milestones/{}",
        "items/{}", "decisions?before={}", "designs?before={}", "changes?before={}", "requirements?after={}",
        "requirements/trace?after={}", "activity?before={}", "invoices/{}", "invoices?before={}", "tests/{}",
        "tests/{}/sheet.pdf", "files/1/preview?page={}",
    ],
)  # fmt: skip
async def test_a_number_beyond_reason_is_no_fault_of_ours(browser, path, number):
    page = await browser.get(f"/projects/BRIDGE/{path.format(number)}", "ada")
    assert page.status_code in (200, 404, 422)


@pytest.mark.parametrize("number", [-1, 2**31, 10**30])
@pytest.mark.parametrize(
    "path",
    [
        "tests/1?after={}.1", "tests/1?after=1.{}", "tests/1?drafted={}", "tests/1/rounds/{}",
        "tests/1/rounds/1?after={}.1", "tests/1/rounds/1?after=1.{}", "tests/1/rounds/1/cases/{}", "tests/1/files/{}",
        "tests/1/acceptances/{}/protocol.pdf",
    ],
)  # fmt: skip
async def test_nor_is_one_within_a_plan_of_tests(database, cast, browser, path, number):
    await begun(database, cast)
    page = await browser.get(f"/projects/BRIDGE/{path.format(number)}", "ada")
    assert page.status_code in (200, 404, 422)
