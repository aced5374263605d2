"""Files of other tools sent to the API: cases into the draft, results of machines into the round that runs."""

from typing import Any

import pytest

from portal.acceptance import queries
from portal.db import Database
from tests.support.acceptance import add_plan, begun
from tests.support.cast import Cast

IMPORT = "/v1/projects/BRIDGE/tests/1/cases/import"
CSV = "title,section,priority,action,expected\nPay by card,Payments,1,Press Pay,A receipt\nPay later,Payments,2,,\n"
JUNIT = """<testsuite name="pay"><testcase classname="pay" name="card"/><testcase classname="pay" name="cash">
<failure message="No change">x</failure></testcase></testsuite>"""
AS_CSV, AS_XML = {"Content-Type": "text/csv"}, {"Content-Type": "application/xml"}


async def cases(database: Database, cast: Cast) -> list[tuple[str, int, int]]:
    async with database.read() as db:
        scope = await cast.scope(db, "dan")
        plan = await queries.plan(db, scope, 1)
        return [(one.title, one.priority, len(one.steps)) for one in await queries.cases(db, scope, 1, plan.version)]


async def test_a_csv_becomes_cases_of_the_draft(api: Any, database: Database, cast: Cast) -> None:
    await add_plan(database, cast, [])
    made = await api.call("POST", IMPORT, content=CSV.encode(), headers=AS_CSV, expect=201)
    assert (made.json()["kind"], made.json()["cases"]) == ("table", [1, 2])
    assert [one[:2] for one in await cases(database, cast)] == [("Pay by card", 1), ("Pay later", 2)]


async def test_junit_becomes_results_of_the_round_once(api: Any, database: Database, cast: Cast) -> None:
    automatic = {"title": "Card", "is_automatic": True, "external_ref": "pay.card"}
    await begun(database, cast, cases=[{"title": "By hand"}, automatic])
    for expected in (1, 0):
        made = (await api.call("POST", IMPORT, content=JUNIT.encode(), headers=AS_XML, expect=201)).json()
        assert (made["kind"], made["kept"], len(made["unknown"]), made["cases"]) == ("junit", expected, 1, [])


async def test_results_without_a_running_round_are_refused(api: Any, database: Database, cast: Cast) -> None:
    await add_plan(database, cast)
    await api.call("POST", IMPORT, content=JUNIT.encode(), headers=AS_XML, expect=409)


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [(b"", AS_CSV, 422), (b"\xff\xfe\x00", AS_CSV, 422), (b"{}", {"Content-Type": "application/json"}, 415),
     (b'<!DOCTYPE a [<!ENTITY b "c">]><testsuite>&b;</testsuite>', AS_XML, 422), (b"<html/>", AS_XML, 422)],
)  # fmt: skip
async def test_a_file_that_is_none_leaves_nothing(
    api: Any, database: Database, cast: Cast, content: bytes, headers: dict[str, str], status: int
) -> None:
    await add_plan(database, cast, [])
    await api.call("POST", IMPORT, content=content, headers=headers, expect=status)
    assert await cases(database, cast) == []
