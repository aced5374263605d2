"""Every operation of the API, with every kind of token."""

import pytest

from tests.isolation import table
from tests.isolation.conftest import Stage

RIGHTS = {
    table.READ: {"dan read", "dan write", "wei read", "wei write", "robot read", "robot write", "root admin"},
    table.WRITE: {"dan write", "wei write", "robot write", "root admin"},
    table.MANAGE: {"wei write", "root admin"},
    table.ADMIN: {"root admin"},
    table.FINANCE: {"root admin"},
    table.MONEY_READ: {"wei read", "wei write", "robot write", "root admin"},
}
TOKENS = ("dan read", "dan write", "wei read", "wei write", "robot read", "robot write", "root admin")
STRANGERS = ("ada admin", "nemo admin")
"""People who are not staff, with the widest scope that a provider could have given them."""


def token_of(stage: Stage, name: str) -> str:
    who, scope = name.split()
    scopes = {"read": "staff:read", "write": "staff:read staff:write", "admin": "staff:read staff:write staff:admin"}
    return stage.token(who, scopes[scope])


# What changes nothing is asked of every operation on one stage: setting it is what takes the time.


async def test_nobody_calls_without_a_token(stage: Stage):
    for route in table.API:
        answer = await stage.api(None, route.split()[0], table.address(route), json={})
        told = (answer.status_code, answer.headers["content-type"], answer.headers.get("www-authenticate", "")[:6])
        assert told == (401, "application/problem+json", "Bearer"), route


@pytest.mark.parametrize("who", STRANGERS)
async def test_a_staff_scope_alone_makes_nobody_staff(stage: Stage, who):
    token = token_of(stage, who)
    answers = {route: await stage.api(token, route.split()[0], table.address(route), json={}) for route in table.API}
    assert {route for route, answer in answers.items() if answer.status_code != 403} == set()


async def test_a_session_cookie_is_no_token(stage: Stage):
    answers = {route: await stage.page("root", route.split()[0], table.address(route)) for route in table.API}
    assert {route for route, answer in answers.items() if answer.status_code != 401} == set()


@pytest.mark.parametrize("route", table.API)
async def test_an_operation_is_refused_to_those_without_the_right(stage: Stage, route):
    """Empty or missing bodies stop the others later (404, 409, 415, 422, 428): the right is asked before."""
    method, path = route.split()[0], table.address(route)
    allowed = set()
    for name in TOKENS:
        answer = await stage.api(token_of(stage, name), method, path)
        if answer.status_code not in (401, 403):
            allowed.add(name)
    assert allowed >= RIGHTS[table.API[route]]
    if method == "GET":
        assert allowed == RIGHTS[table.API[route]]
    else:
        assert not allowed & {"dan read", "wei read", "robot read"}


async def test_an_unknown_project_answers_every_operation_alike(stage: Stage):
    token, answers = token_of(stage, "root admin"), set()
    for route in (r for r in table.API if "{key}" in r and r.startswith("GET")):
        answer = await stage.api(token, "GET", table.address(route, key="NOSUCH"))
        answers.add((answer.status_code, answer.json()["detail"]))
    assert answers == {(404, "There is no such project.")}
