"""Every page, as everybody."""

import re

import pytest

from tests.isolation import table
from tests.isolation.conftest import SECRETS, Stage


async def test_every_route_stands_in_the_table_and_nothing_else(stage: Stage):
    found = set(table.routes(stage.app))
    assert len(found) > 60
    assert found == table.PROJECT_PAGES.keys() | table.OWN_PAGES | table.OPEN_PAGES | table.API.keys()


def plain(text):
    """A page without what may differ: the key that was asked for, and the moment of asking."""
    return re.sub("<time .*?</time>", "TIME", re.sub("HARBOUR|BRIDGE|NOSUCH", "KEY", text))


def routes_of(*lists):
    return sorted(route for one in lists for route in one)


async def test_a_browser_that_is_not_signed_in_is_sent_to_sign_in(stage: Stage):
    for route in routes_of(table.PROJECT_PAGES, table.OWN_PAGES):
        method = route.split()[0]
        answer = await stage.page(None, method, table.address(route))
        assert answer.status_code in ((303, 401) if method == "GET" else (303, 401, 403)), route
        assert not any(word in answer.text for word in SECRETS.values()), route


@pytest.mark.parametrize("route", [r for r in table.PROJECT_PAGES if not r.endswith("/live")])
async def test_a_page_opens_for_those_in_the_table_alone(stage: Stage, route):
    method, path = route.split()[0], table.address(route)
    opened = set()
    for who in table.EVERYBODY:
        answer = await stage.page(who, method, path, data={} if method == "POST" else None)
        # Who may do it is asked before what was sent is looked at: an empty form stops only those who may.
        if answer.status_code not in (403, 404):
            opened.add(who)
        elif who in table.OUTSIDERS:
            assert answer.status_code == 404
    assert opened == set(table.PROJECT_PAGES[route])


@pytest.mark.parametrize("who", table.OUTSIDERS)
async def test_a_foreign_project_answers_like_one_that_does_not_exist(stage: Stage, who):
    for route in table.PROJECT_PAGES:
        method = route.split()[0]
        foreign, unknown = [
            await stage.page(who, method, table.address(route, key=key))
            for key in ("BRIDGE" if who == "mallory" else "HARBOUR", "NOSUCH")
        ]
        assert told_of(foreign) == told_of(unknown), route
        assert foreign.status_code == 404, route


def told_of(answer):
    """All that an answer says to who does not know whether the project exists."""
    changing = ("x-request-id", "date", "content-length")
    kept = {name: value for name, value in answer.headers.items() if name not in changing}
    return answer.status_code, plain(answer.text), kept


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "OPTIONS"])
async def test_an_outsider_cannot_tell_by_the_method_that_a_project_exists(stage: Stage, method):
    statuses = [
        (await stage.page("mallory", method, f"/projects/{key}/backlog")).status_code for key in ("BRIDGE", "NOSUCH")
    ]
    assert statuses == [404, 404]


@pytest.mark.parametrize(
    "query", ["?after=rubbish", "?status=nowhere", "?iteration=x", "?as_of=yesterday", "?unit=miles"]
)
async def test_an_outsider_cannot_tell_by_a_wrong_query_that_a_project_exists(stage: Stage, query):
    for page in ("backlog", "burndown"):
        assert (await stage.page("mallory", "GET", f"/projects/BRIDGE/{page}{query}")).status_code == 404


async def test_an_etag_of_a_member_is_no_key_for_an_outsider(stage: Stage):
    etag = (await stage.page("ada", "GET", "/projects/BRIDGE")).headers["etag"]
    answer = await stage.page("mallory", "GET", "/projects/BRIDGE", headers={"If-None-Match": etag})
    assert answer.status_code == 404


async def test_every_viewer_has_an_etag_of_their_own(stage: Stage):
    etags = {who: (await stage.page(who, "GET", "/projects/BRIDGE")).headers["etag"] for who in table.MEMBERS}
    assert len(set(etags.values())) == len(table.MEMBERS)


READ_BY_CLIENTS = [
    r for r, may in table.PROJECT_PAGES.items() if r.startswith("GET") and "ada" in may and not r.endswith("/live")
]


@pytest.mark.parametrize("who", table.CLIENTS)
async def test_no_client_reads_a_word_of_another_client_or_of_the_inside(stage: Stage, who):
    for route in READ_BY_CLIENTS:
        answer = await stage.page(who, "GET", table.address(route))
        found = [word for word in SECRETS.values() if word.lower() in answer.text.lower()]
        assert found == [], route
        expected = (200,) if who in table.PROJECT_PAGES[route] else (403, 404)
        assert answer.status_code in expected, route


@pytest.mark.parametrize("query", ["?q=Quicksilver", "?label=Quicksilver", "?q=Zanzibar", "?label=Zanzibar"])
async def test_no_filter_finds_what_its_viewer_may_not_know(stage: Stage, query):
    answer = await stage.page("ada", "GET", f"/projects/BRIDGE/backlog.csv{query}")
    assert answer.text.strip().count("\n") == 0


async def test_an_internal_item_and_an_unused_number_are_the_same_page(stage: Stage):
    internal, unused = [await stage.page("ada", "GET", f"/projects/BRIDGE/items/{number}") for number in (2, 99)]
    assert internal.status_code == unused.status_code == 404
    assert internal.text.replace("items/2", "items/N").replace(" 2 ", " N ") == unused.text.replace(
        "items/99", "items/N"
    ).replace(" 99 ", " N ")


async def test_the_list_of_projects_shows_a_client_their_own_alone(stage: Stage):
    seen = {
        who: ("The bridge" in (page := (await stage.page(who, "GET", "/projects")).text), "The harbour" in page)
        for who in ("ada", "mallory", "nemo", "wei")
    }
    assert seen == {"ada": (True, False), "mallory": (False, True), "nemo": (False, False), "wei": (True, True)}


async def test_a_session_of_somebody_else_cannot_be_ended(stage: Stage):
    answer = await stage.page("ada", "POST", f"/me/sessions/{table.A_UUID}/end")
    assert answer.status_code == 404
    assert (await stage.page("eve", "GET", "/me")).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
async def test_a_form_of_another_site_is_refused_before_anything_else(stage: Stage, site):
    answer = await stage.page("wei", "POST", "/projects/BRIDGE/view-as", headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403
