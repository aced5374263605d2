"""Log lines: one JSON object each, with the request's id, and nothing secret or personal in them."""

import io
import json
import logging
import sqlite3
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import Request

from portal import logs
from portal.settings import Settings

SECRET = "x3Wq7-very-random-2pL9aZ-secret-Tk5"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What was logged since the test began, as text; the process's own logging is put back afterwards."""
    names = ("", *logs.OURS, "uvicorn.error", "uvicorn.access")
    kept = {
        name: (log.handlers[:], log.level, log.filters[:], log.disabled)
        for name in names
        if (log := logging.getLogger(name))
    }
    logs.configure(Settings(environment="test", base_url="http://127.0.0.1:8000", secret_key=SECRET))
    root = logging.getLogger()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonLines())
    root.handlers[:] = [handler]
    yield stream
    for name, (handlers, level, filters, disabled) in kept.items():
        log = logging.getLogger(name)
        log.handlers[:], log.filters[:], log.disabled = handlers, filters, disabled
        log.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Every line, parsed; a line that is no JSON object fails the test."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def app_that_fails() -> FastAPI:
    """An app with a page, a page that breaks, and the middleware under test."""
    app, router = FastAPI(openapi_url=None), APIRouter(prefix="/projects/{key}")

    @router.get("/items/{number}")
    async def item(key: str, number: int, request: Request) -> dict[str, str]:
        logging.getLogger("portal.test").warning("inside")
        return {"id": request.state.request_id}

    @router.get("/broken")
    async def broken(key: str) -> None:
        raise ValueError("could not save ada@example.com, phone 0170 1234567")

    app.include_router(router)
    app.add_middleware(logs.RequestIdMiddleware)
    return app


def client_of(app: FastAPI) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://test")


async def test_a_request_is_one_line_with_the_route_and_not_the_address(written: io.StringIO) -> None:
    async with client_of(app_that_fails()) as client:
        await client.get("/projects/SECRETKEY/items/7?token=abc&mail=ada@example.com")
    line = lines(written)[-1]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/projects/{key}/items/{number}", 200)
    assert "SECRETKEY" not in written.getvalue()
    assert "abc" not in written.getvalue()
    assert "ada@" not in written.getvalue()


async def test_header_request_and_all_lines_of_a_request_carry_one_id(written: io.StringIO) -> None:
    async with client_of(app_that_fails()) as client:
        first = await client.get("/projects/A/items/1")
        second = await client.get("/projects/A/items/1")
    inside, outcome, *_ = lines(written)
    assert first.headers["x-request-id"] == first.json()["id"] == inside["request_id"] == outcome["request_id"]
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert logs.request_id() is None


async def test_an_id_from_outside_is_not_believed(written: io.StringIO) -> None:
    async with client_of(app_that_fails()) as client:
        answer = await client.get("/projects/A/items/1", headers={"X-Request-ID": "chosen-by-me"})
    assert answer.headers.get_list("x-request-id") == [answer.json()["id"]]
    assert "chosen-by-me" not in written.getvalue()


async def test_an_unknown_address_is_logged_without_itself(written: io.StringIO) -> None:
    async with client_of(app_that_fails()) as client:
        await client.get("/reset/ada@example.com/hunter2")
    assert lines(written)[-1]["route"] == "(none)"
    assert "hunter2" not in written.getvalue()


async def test_an_error_is_told_by_type_and_place_and_never_by_its_words(written: io.StringIO) -> None:
    async with client_of(app_that_fails()) as client:
        answer = await client.get("/projects/A/broken")
    assert answer.status_code == 500
    line = lines(written)[-1]
    assert line["error"][0]["type"] == "ValueError"
    assert line["error"][0]["at"][-1].endswith(" broken")
    assert line["status"] == 500
    assert "0170" not in written.getvalue()
    assert "0170" not in answer.text


def test_an_error_that_we_told_is_not_told_again_by_the_server(written: io.StringIO) -> None:
    # A server that another test started in this process may have left its logging changed.
    logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)
    logging.getLogger("uvicorn").setLevel(logging.NOTSET)
    logging.getLogger("uvicorn").propagate = True
    error = ValueError("ada@example.com")
    error.told_in_log = True  # type: ignore[attr-defined]
    logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=error)
    assert written.getvalue() == ""
    logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=ValueError("x"))
    assert len(lines(written)) == 1


@pytest.mark.parametrize(
    ("said", "kept_out"),
    [
        ("sent to ada.lovelace+test@example.com now", "lovelace"),
        ("GET https://portal.example/auth/callback/x?code=SplxlOBeZQQ&state=af0ifjs", "SplxlOBeZQQ"),
        ("header Authorization: Bearer mF_9.B5f-4.1JqM", "mF_9"),
        ("token eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2ln", "eyJzdWIi"),
        ("connecting to postgresql://portal:hunter2@db/portal", "hunter2"),
        ("Basic cG9ydGFsOnNlY3JldA==", "cG9ydGFs"),
    ],
)
def test_secrets_and_addresses_that_others_log_are_scrubbed(written: io.StringIO, said: str, kept_out: str) -> None:
    logging.getLogger("some.library").warning("%s", said)
    logging.getLogger("portal.x").info("fixed", extra={"detail": said})
    assert kept_out not in written.getvalue()
    assert len(lines(written)) == 2


@pytest.mark.parametrize("evil", ['a\n{"level":"info"}', "a\r\nb", "a\u2028b", "a\x1b[31mb", "a\u202eb", "\ud800"])
def test_no_value_begins_a_new_line_or_moves_the_cursor(written: io.StringIO, evil: str) -> None:
    logging.getLogger("portal.x").info("%s", evil, extra={"detail": evil})
    text = written.getvalue()
    assert text.count("\n") == 1
    assert text.isascii()
    assert all(sign.isprintable() for sign in text.rstrip("\n"))


def test_what_the_system_says_of_a_disk_or_a_lock_is_kept(written: io.StringIO) -> None:
    try:
        try:
            raise sqlite3.OperationalError("database or disk is full")
        except sqlite3.OperationalError as full:
            raise RuntimeError("INSERT INTO person VALUES ('ada@example.com')") from full
    except RuntimeError as error:
        logging.getLogger("portal.x").error("A write failed.", exc_info=error)
    told = lines(written)[0]["error"]
    assert [one["type"] for one in told] == ["RuntimeError", "OperationalError"]
    assert told[1]["says"] == "database or disk is full"
    assert "ada@" not in written.getvalue()


def test_a_long_value_is_cut(written: io.StringIO) -> None:
    logging.getLogger("portal.x").info("x" * 100_000)
    assert len(written.getvalue()) < 2_000


def test_a_wrong_number_of_arguments_does_not_cost_the_line() -> None:
    record = logging.LogRecord("portal.x", logging.INFO, __file__, 1, "%s and %s", ("one",), None)
    assert json.loads(logs.JsonLines().format(record))["message"] == "%s and %s"
