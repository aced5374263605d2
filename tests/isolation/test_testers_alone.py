"""Somebody who is a tester and nothing else sees the tests of their project, and nothing else of it."""

import re

from tests.isolation import table
from tests.isolation.conftest import SECRETS, Stage

THEIRS = re.compile(r"GET /projects/\{key\}/tests(/|$)")
SIGNED = "/acceptances/"
"""What was signed is no tester's business, though it stands under the tests."""


async def test_a_tester_alone_opens_the_tests_and_nothing_else(stage: Stage):
    opened = set()
    for route in table.PROJECT_PAGES:
        method, path = route.split()[0], table.address(route)
        if not path.endswith("/live"):
            answer = await stage.page("tess", method, path, data={} if method == "POST" else None)
            assert answer.status_code in (200, 403, 404, 422), route
            if answer.status_code == 200:
                opened.add(route)
            assert not [word for word in SECRETS.values() if word.lower() in answer.text.lower()], route
    assert opened == {one for one in table.PROJECT_PAGES if THEIRS.match(one) and SIGNED not in one}


async def test_their_pages_lead_nowhere_else(stage: Stage):
    for path in ("/tests", "/tests/1", "/tests/1/rounds/1", "/tests/1/rounds/1/cases/1"):
        text = (await stage.page("tess", "GET", f"/projects/BRIDGE{path}")).text
        links = set(re.findall(r'href="(/projects/BRIDGE[^"#?]*)', text))
        assert links
        assert {one for one in links if not one.startswith("/projects/BRIDGE/tests")} == set(), path
        assert SIGNED not in text


async def test_the_list_of_projects_leads_them_to_the_tests(stage: Stage):
    text = (await stage.page("tess", "GET", "/projects")).text
    assert 'href="/projects/BRIDGE/tests"' in text
    assert 'href="/projects/BRIDGE"' not in text
    assert 'href="/projects/BRIDGE"' in (await stage.page("ada", "GET", "/projects")).text


async def test_another_projects_tests_are_not_there_for_them(stage: Stage):
    for path in ("/tests", "/tests/1", "/live"):
        assert (await stage.page("tess", "GET", f"/projects/HARBOUR{path}")).status_code == 404


async def test_a_file_that_no_result_names_is_not_served_under_a_plan(stage: Stage):
    own = int(table.EXAMPLES["tested"])
    others = [f"1/files/{number}" for number in (*range(1, own), own + 1, own + 2, 99999999999)]
    for who in ("tess", "ada", "wei"):
        statuses = [
            (await stage.page(who, "GET", f"/projects/BRIDGE/tests/{path}")).status_code
            for path in (*others, f"2/files/{own}", f"99/files/{own}")
        ]
        assert set(statuses) == {404}, who
