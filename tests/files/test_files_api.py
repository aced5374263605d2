"""Files through the staff API."""

import hashlib
import io
from uuid import uuid4

import pytest
from PIL import Image

from portal.files.drawing import MOST_PAGES
from tests.api.conftest import ALL, api, at_fault, cast, portal  # fixtures
from tests.files.conftest import hang_up
from tests.support.files import BLUE, GREEN, RED, document, paper, picture

__all__ = ["api", "cast", "portal"]

FILES = "/v1/projects/BRIDGE/files"
RAW = {"Content-Type": "application/octet-stream"}


async def send(api, content, query="name=a.txt&audience=client", **options):
    options = {"expect": 201, "headers": RAW} | options
    return await api.call("POST", f"{FILES}?{query}", content=content, **options)


def lying(portal):
    folder = portal.state.files.folder
    return [one for one in folder.rglob("*") if one.is_file()]


async def test_a_file_is_sent_told_of_and_read_back(api):
    content = picture()
    sent = await send(api, content, "name=..%2Fsketch%20%E2%82%AC.png&audience=client")
    told = sent.json()
    assert told | {"created_at": "", "created_by": ""} == {
        "number": 1, "name": "sketch €.png", "media_type": "image/png", "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(), "audience": "client", "width": 40, "height": 30,
        "has_preview": True, "page_count": None, "created_at": "", "created_by": "",
    }  # fmt: skip
    assert sent.headers["location"] == f"/api{FILES}/1"
    assert await api.get(f"{FILES}/1") == told
    assert await api.get(FILES) == {"items": [told], "next": None}
    back = await api.call("GET", f"{FILES}/1/content")
    assert (back.content, back.headers["content-type"]) == (content, "application/octet-stream")
    assert back.headers["content-disposition"] == "attachment; filename*=UTF-8''sketch%20%E2%82%AC.png"
    assert back.headers["etag"] == f'"{told["sha256"]}"'
    drawn = await api.call("GET", f"{FILES}/1/preview")
    assert (drawn.headers["content-type"], drawn.content[8:12]) == ("image/webp", b"WEBP")


async def test_every_page_of_a_pdf_is_shown_by_its_number(api):
    told = (await send(api, paper(RED, GREEN, BLUE, broken=2))).json()
    assert (told["page_count"], told["width"], told["height"]) == (3, 400, 200)
    for query, channel in (("", 0), ("?page=1", 0), ("?page=3", 2)):
        drawn = await api.call("GET", f"{FILES}/1/preview{query}")
        assert drawn.headers["content-length"] == str(len(drawn.content))
        with Image.open(io.BytesIO(drawn.content)) as shown:
            point = shown.convert("RGB").getpixel((200, 100))
            assert point.index(max(point)) == channel
    same = await api.call("GET", f"{FILES}/1/preview?page=3", expect=304, headers={"If-None-Match": "*"})
    assert same.content == b""
    for wrong, status in (("2", 404), ("4", 404), ("0", 422), ("x", 422)):
        await api.call("GET", f"{FILES}/1/preview?page={wrong}", expect=status)


async def test_of_a_pdf_of_ten_thousand_pages_a_bounded_part_is_drawn_and_kept(api, portal):
    assert (await send(api, document(10_000, 20, 10))).json()["page_count"] == 10_000
    await api.call("GET", f"{FILES}/1/preview?page={MOST_PAGES}")
    await api.call("GET", f"{FILES}/1/preview?page={MOST_PAGES + 1}", expect=404)
    sizes = sorted(one.stat().st_size for one in lying(portal))
    assert len(sizes) == 2
    assert sizes[0] < 100 * MOST_PAGES


async def test_a_pdf_behind_a_password_is_kept_and_not_drawn(api):
    told = (await send(api, paper(RED, password="secret"))).json()
    assert (told["media_type"], told["has_preview"], told["page_count"]) == ("application/pdf", False, None)


async def test_a_part_and_what_is_known_already(api):
    await send(api, b"0123456789")
    part = await api.call("GET", f"{FILES}/1/content", expect=206, headers={"Range": "bytes=2-4"})
    assert (part.content, part.headers["content-range"]) == (b"234", "bytes 2-4/10")
    none = await api.client.get(
        f"/api{FILES}/1/content", headers={"Range": "bytes=10-", "Authorization": "Bearer wei staff:read"}
    )
    assert (none.status_code, none.headers["content-range"], none.content) == (416, "bytes */10", b"")
    same = await api.call("GET", f"{FILES}/1/content", expect=304, headers={"If-None-Match": part.headers["etag"]})
    assert same.content == b""
    await api.call("GET", f"{FILES}/1/preview", expect=404)


async def test_a_list_is_paged_and_knows_of_new_files(api):
    for number in range(3):
        await send(api, b"%d" % number)
    first = await api.get(f"{FILES}?limit=2")
    assert [one["number"] for one in first["items"]] == [1, 2]
    second = await api.get(f"{FILES}?limit=2&cursor={first['next']}")
    assert ([one["number"] for one in second["items"]], second["next"]) == ([3], None)
    await send(api, b"new", "name=x")
    assert len((await api.get(FILES))["items"]) == 4


async def test_a_file_is_for_the_inside_unless_it_is_said(api):
    assert (await send(api, b"x", "name=x")).json()["audience"] == "internal"


@pytest.mark.parametrize(
    ("query", "content", "headers", "status"),
    [
        ("name=x", b"x", {}, 415),
        ("name=x", b"x", {"Content-Type": "image/png"}, 415),
        ("name=x", b"{}", {"Content-Type": "application/json"}, 415),
        ("name=x", b"x", RAW | {"Content-Encoding": "gzip"}, 415),
        ("name=x", b"", RAW, 422),
        ("", b"x", RAW, 422),
        ("name=x&audience=everybody", b"x", RAW, 422),
        ("name=x&colour=red", b"x", RAW, 422),
        ("name=%00", b"x", RAW, 422),
        (f"name={'x' * 1001}", b"x", RAW, 422),
    ],
)
async def test_what_is_wrong_is_refused_and_leaves_nothing(api, portal, query, content, headers, status):
    await send(api, content, query, headers=headers, expect=status)
    assert lying(portal) == []
    assert await api.kinds() == []


async def test_a_reader_of_no_money_adds_no_file_about_it(api, portal):
    refused = await send(api, b"x", "name=x&audience=billing", by="dan", expect=422)
    assert at_fault(refused) == [("body", "/audience")]
    assert lying(portal) == []


async def test_the_same_request_again_has_its_effect_once(api, portal):
    key = uuid4().hex
    first = await send(api, b"x", key=key)
    again = await send(api, b"x", key=key)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    await send(api, b"another", key=key, expect=422)
    assert [one["number"] for one in (await api.get(FILES))["items"]] == [1]
    assert len(lying(portal)) == 1


async def test_who_may_only_read_sends_nothing(api, portal):
    await send(api, b"x", scopes="staff:read", expect=403)
    await send(api, b"x", by="ada", expect=403)
    assert lying(portal) == []


async def test_a_project_that_is_not_there_takes_no_byte(api, portal):
    refused = await api.call("POST", "/v1/projects/NOSUCH/files?name=x", content=b"x", headers=RAW, expect=404)
    assert refused.json()["detail"] == "There is no such project."
    assert lying(portal) == []


async def test_files_of_another_project_are_not_found_by_their_number(api):
    await send(api, b"x")
    for rest in ("", "/content", "/preview"):
        await api.call("GET", f"/v1/projects/HARBOUR/files/1{rest}", expect=404)


async def test_a_sender_who_goes_away_leaves_nothing_and_is_no_fault_of_ours(api, portal, caplog):
    headers = RAW | {"Authorization": f"Bearer wei {ALL}", "Idempotency-Key": "k"}
    assert await hang_up(portal, "POST", f"/api{FILES}?name=x", headers, b"half a file") == 400
    assert lying(portal) == []
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_what_says_that_it_is_too_large_is_not_even_read(api, portal):
    headers = RAW | {"Content-Length": str(10**12)}
    refused = await send(api, b"x", headers=headers, expect=413)
    assert "at most 262144000 bytes" in refused.json()["detail"]
