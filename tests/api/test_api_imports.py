"""Imports through the API: upload, then ask how it stands."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from portal.connectors import uploads
from portal.settings import load
from tests.api.conftest import settings_for

IMPORTS = "/v1/projects/BRIDGE/imports"
CSV = {"Content-Type": "text/csv"}
TWO = b"""ref,title,type,status,created
TB-1,Count the lamps,task,To do,2024-01-08 09:00
TB-2,Paint,story,Done,2024-01-09
"""


async def finished(api: Any, address: str) -> Any:
    """The import when it has come to its end."""
    for _ in range(1200):
        told = await api.get(address)
        if told["state"] in ("done", "failed"):
            await asyncio.gather(*api.client._transport.app.state.imports)
            return told
        await asyncio.sleep(0.1)
    raise AssertionError(told)


async def upload(api: Any, content: bytes, query: str = "system=csv", **options: Any) -> Any:
    """Uploads a file and waits for the end of its import."""
    taken = await api.call("POST", f"{IMPORTS}?{query}", content=content, headers=CSV, expect=202, **options)
    return await finished(api, taken.headers["location"].removeprefix("/api"))


def left_over(tmp_path: Path) -> list[str]:
    """The uploaded files that still lie about."""
    folder = tmp_path / uploads.FOLDER
    return os.listdir(folder) if folder.exists() else []


@pytest.mark.slow
async def test_a_file_is_taken_in_imported_and_told_of(api: Any, tmp_path: Path) -> None:
    told = await upload(api, TWO, "system=csv&file_name=two.csv")
    assert (told["state"], told["error"], told["file_name"]) == ("done", None, "two.csv")
    assert (told["done"], told["all"]) == (2, 2)
    assert told["report"]["tallies"]["items"] == {
        "source": 2, "created": 2, "changed": 0, "unchanged": 0, "left_out": 0,
    }  # fmt: skip
    listed = (await api.get("/v1/projects/BRIDGE/items"))["items"]
    assert {(item["title"], item["category"]) for item in listed} == {("Count the lamps", "todo"), ("Paint", "done")}
    assert [one["id"] for one in (await api.get(IMPORTS))["items"]] == [told["id"]]
    assert left_over(tmp_path) == []


@pytest.mark.slow
async def test_a_broken_file_says_where_and_changes_nothing(api: Any, tmp_path: Path) -> None:
    told = await upload(api, b"name,colour\nA,red\n")
    assert (told["state"], told["report"]) == ("failed", None)
    assert told["error"]
    assert await api.kinds() == []
    assert left_over(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_dry_run_says_what_it_would_do_and_does_nothing(api: Any) -> None:
    told = await upload(api, TWO, "system=csv&dry_run=true")
    assert (told["state"], told["report"]["tallies"]["items"]["created"]) == ("done", 2)
    assert await api.kinds() == []


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_form_brings_a_mapping_beside_the_file(api: Any) -> None:
    form = {"files": {"file": ("two.csv", TWO)}, "data": {"mapping": '{"audience": "internal"}'}}
    taken = await api.call("POST", f"{IMPORTS}?system=csv", expect=202, **form)
    told = await finished(api, taken.headers["location"].removeprefix("/api"))
    assert (told["state"], told["file_name"]) == ("done", "two.csv")
    assert {item["audience"] for item in (await api.get("/v1/projects/BRIDGE/items"))["items"]} == {"internal"}


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_same_upload_again_is_one_import(api: Any, tmp_path: Path) -> None:
    first = await upload(api, TWO, key="k-1")
    again = await upload(api, TWO, key="k-1")
    assert again["id"] == first["id"]
    assert len((await api.get(IMPORTS))["items"]) == 1
    other = await api.call(
        "POST", f"{IMPORTS}?system=csv", content=TWO + b"TB-3,C,,,\n", headers=CSV, key="k-1", expect=422
    )
    assert other.json()["type"] == "/api/problems/key-reused"
    assert left_over(tmp_path) == []


REFUSED = [
    ("system=csv", b"", CSV, 422),
    ("system=zoho", TWO, CSV, 422),
    ("", TWO, CSV, 422),
    ("system=csv&mode=x", TWO, CSV, 422),
    ("system=csv", TWO, {"Content-Type": "text/html"}, 415),
    ("system=csv", TWO, {"Content-Type": "application/json"}, 415),
    ("system=csv", TWO, CSV | {"Content-Encoding": "gzip"}, 415),
    ("system=csv", TWO, {"Content-Type": "multipart/form-data"}, 400),
    ("system=csv", TWO, {"Content-Type": "multipart/form-data; boundary=x"}, 400),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("query", "content", "headers", "status"), REFUSED)
async def test_what_is_no_upload_is_refused_and_leaves_no_file(
    api: Any, tmp_path: Path, query: str, content: bytes, headers: dict[str, str], status: int
) -> None:
    await api.call("POST", f"{IMPORTS}?{query}", content=content, headers=headers, expect=status)
    assert (await api.get(IMPORTS))["items"] == []
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("form", [{"data": {"mapping": "{}"}}, {"files": {"file": TWO}, "data": {"other": "x"}},
                                  {"files": {"file": TWO}, "data": {"mapping": '{"colour": "red"}'}},
                                  {"files": {"file": TWO}, "data": {"mapping": "[]"}}])  # fmt: skip
async def test_a_form_that_is_not_ours_is_refused_and_leaves_no_file(api: Any, tmp_path: Path, form: Any) -> None:
    response = await api.client.post(
        f"/api{IMPORTS}?system=csv", headers={"Authorization": "Bearer wei staff:write", "Idempotency-Key": "k"}, **form
    )
    assert response.status_code in (400, 415, 422)
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_file_that_is_too_large_is_cut_off_while_it_streams(api: Any, portal: Any, tmp_path: Path) -> None:
    portal.state.settings = settings_for(tmp_path, import_max_bytes=1_000_000)
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        for _ in range(10_000):
            sent += 100_000
            yield b"x" * 100_000

    await api.call("POST", f"{IMPORTS}?system=csv", content=endless(), headers=CSV, expect=413)
    assert sent <= 2_000_000
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_who_may_not_import_is_told_before_the_file_is_read(api: Any, tmp_path: Path) -> None:
    await api.call("POST", f"{IMPORTS}?system=csv", content=TWO, headers=CSV, by="dan", expect=403)
    await api.call("POST", f"{IMPORTS}?system=csv", content=TWO, headers=CSV, by="ada", expect=403)
    await api.call("POST", "/v1/projects/NOWHERE/imports?system=csv", content=TWO, headers=CSV, expect=404)
    assert not (tmp_path / uploads.FOLDER).exists()


async def test_an_import_of_another_project_is_not_found(api: Any, tmp_path: Path) -> None:
    job = await waiting(api, tmp_path)
    assert (await api.get(f"{IMPORTS}/{job}"))["state"] == "waiting"
    await api.call("GET", f"/v1/projects/HARBOUR/imports/{job}", expect=404)
    await api.call("GET", f"{IMPORTS}/{uuid4()}", expect=404)


async def waiting(api: Any, tmp_path: Path) -> str:
    """An import that was taken in and that nobody has begun."""
    path = tmp_path / "upload"
    path.write_bytes(TWO)
    async with api.database.write() as db:
        scope = await api.cast.scope(db, "wei")
        job = await uploads.receive(
            db, scope, system=uploads.System.CSV, path=path, file_name="", mapping=None, dry_run=False
        )
    return str(job.id)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_an_import_whose_process_died_is_told_as_failed(
    api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await waiting(api, tmp_path)
    monkeypatch.setattr(uploads, "PATIENCE", uploads.PATIENCE * 0)
    told = await api.get(f"{IMPORTS}/{job}")
    assert (told["state"], told["error"]) == ("failed", uploads.BROKE_OFF)


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_killed_process_is_noted_and_nothing_was_written(
    api: Any, portal: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = asyncio.create_subprocess_exec

    async def start_and_kill(*args: Any, **options: Any) -> Any:
        process = await real(*args, **options)
        process.send_signal(signal.SIGKILL)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start_and_kill)
    told = await upload(api, TWO)
    assert (told["state"], told["error"]) == ("failed", uploads.BROKE_OFF)
    assert await api.kinds() == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_other_process_reads_the_very_same_settings(tmp_path: Path, database: Any) -> None:
    settings = settings_for(
        tmp_path,
        database_url=database.url,
        oidc_providers=[
            {"name": "main", "label": "Main", "issuer": "https://login.example", "client_id": "p", "client_secret": "s",
             "staff_groups": {"devs": "member"}}
        ],
        robots=[{"client_id": "sync", "name": "Sync"}],
    )  # fmt: skip
    assert load(uploads.environment_of(settings)) == settings
