"""What a body may be, whatever it is for."""

from typing import Any

import pytest

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ITEMS = "/v1/projects/BRIDGE/items"
JSON = {"Content-Type": "application/json"}

UNREADABLE = [
    b"",
    b"  ",
    b"{",
    b'{"title": "A"',
    b"{'title': 'A'}",
    b'{"title": "A",}',
    b'{"title": "A"} x',
    b'\xef\xbb\xbf{"title": "A"}',
    '{"title": "A"}'.encode("utf-16"),
    b'{"title": "\xff"}',
    b'{"title": "A", "title": "B"}',
    b'{"title": "A", "points": NaN}',
    b'{"title": "A", "points": Infinity}',
    b'{"title": "A", "points": 1e400}',
    b'{"title": "A", "points": ' + b"9" * 5000 + b"}",
    b'{"title": "A", "points": 0.' + b"9" * 5000 + b"}",
    b'{"title": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b"[" * 40 + b"]" * 40,
    b'{"title": "a\nb"}',
]


@pytest.mark.parametrize("raw", UNREADABLE, ids=range(len(UNREADABLE)))
async def test_what_is_not_one_json_text_is_refused_and_writes_nothing(api: Any, raw: bytes) -> None:
    refused = await api.call("POST", ITEMS, content=raw, headers=JSON, expect=400)
    assert refused.json()["type"] == "/api/problems/malformed"
    assert await api.kinds() == []


UNKEEPABLE = [
    (rb'{"title": "a\u0000b"}', "/title"),
    (rb'{"title": "a\ud800b"}', "/title"),
    (rb'{"title": "A", "labels": ["ok", "\udfff"]}', "/labels/1"),
    (rb'{"title": "A", "position": 9007199254740992}', "/position"),
    (rb'{"title": "A", "position": -99999999999999999999}', "/position"),
]


@pytest.mark.parametrize(("raw", "field"), UNKEEPABLE, ids=[field for _, field in UNKEEPABLE])
async def test_what_no_database_keeps_is_refused_by_place(api: Any, raw: bytes, field: str) -> None:
    refused = await api.call("POST", ITEMS, content=raw, headers=JSON, expect=422)
    assert [one["field"] for one in refused.json()["errors"]] == [field]


@pytest.mark.parametrize("raw", [b"null", b"[]", b"5", b'"x"', b"true"])
async def test_json_that_is_no_object_is_refused(api: Any, raw: bytes) -> None:
    await api.call("POST", ITEMS, content=raw, headers=JSON, expect=422)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "text/json", "application/json; charset=latin1",
                     "application/merge-patch+json", "", "application/json5"]
)  # fmt: skip
async def test_another_content_type_is_refused(api: Any, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    refused = await api.call("POST", ITEMS, content=b'{"title": "A"}', headers=headers, expect=415)
    assert refused.json()["type"] == "/api/problems/media-type"


async def test_a_compressed_body_is_refused_unread(api: Any) -> None:
    headers = JSON | {"Content-Encoding": "gzip"}
    await api.call("POST", ITEMS, content=b"\x1f\x8b", headers=headers, expect=415)


async def test_ten_megabytes_are_refused_by_their_announced_size(api: Any) -> None:
    refused = await api.call("POST", ITEMS, content=b" " * 10_000_000, headers=JSON, expect=413)
    assert refused.headers["connection"] == "close"
    assert "1000000" in refused.json()["detail"]


async def test_a_stream_without_size_is_refused_where_it_becomes_too_long(api: Any) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        for _ in range(10_000):
            sent += 100_000
            yield b" " * 100_000

    await api.call("POST", ITEMS, content=endless(), headers=JSON, expect=413)
    assert sent <= 1_200_000


@pytest.mark.parametrize("length", ["-1", "x", "1e3"])
async def test_a_size_that_is_no_size_is_refused(api: Any, length: str) -> None:
    await api.call("POST", ITEMS, content=b"{}", headers=JSON | {"Content-Length": length}, expect=413)


async def test_text_is_kept_in_one_normal_form(api: Any) -> None:
    made = await api.post(ITEMS, {"title": "Cafe\u0301 \U0001f309 桥 мост"})
    assert made["title"] == "Caf\u00e9 \U0001f309 桥 мост"


async def test_a_long_wrong_value_is_shown_back_short(api: Any) -> None:
    refused = await api.call("POST", ITEMS, json={"title": "A", "type": "x" * 100_000}, expect=422)
    assert len(refused.content) < 1_000
