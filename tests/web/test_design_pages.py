"""The pages of the designs: what they show to whom, and what forms do."""

import re

import pytest

from portal.db import Database
from portal.decisions import commands as decisions
from portal.decisions.models import Verdict
from portal.designs import commands, pins, queries
from portal.designs.carrying import Place
from portal.designs.rules import Link
from portal.ledger.keys import SigningKeys
from portal.projects import commands as projects
from tests.support.cast import Cast
from tests.support.decisions import answer, keys_in
from tests.support.designs import ask, draw, publish, shown, version_of
from tests.support.statements import counting
from tests.web.conftest import Browser
from web import designs

LIST = "/projects/BRIDGE/designs"
ONE = f"{LIST}/1"
PAGES = (LIST, ONE, f"{ONE}/versions/1", f"{ONE}/versions/2?file=2", f"{ONE}/versions/2?with=1&how=slider")


@pytest.fixture
def keys(tmp_path) -> SigningKeys:
    """The portal's signing keys."""
    return keys_in(tmp_path)


async def say(
    database: Database, cast: Cast, who: str = "eve", version: int = 1, text: str = "Larger?", **more
) -> None:
    async with database.write() as db:
        place = Place(**({"position": 1, "x": 2500, "y": 7500} | more))
        await pins.pin(db, await cast.scope(db, who), 1, version, place, text)


@pytest.fixture
async def drawn(database: Database, cast: Cast) -> Cast:
    """BRIDGE with design 1 of two versions and remarks, a question about it, and drafts that are internal."""
    await shown(database, cast, files=("first.png", "second.png"))
    await say(database, cast)
    await ask(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await version_of(db, scope, 1, ("first.png", "second.png"), note="Larger letters.")
        await commands.publish(db, scope, 1, 2)
        await pins.reply(db, scope, 1, 1, "They are.")
        await version_of(db, scope, 1, ("secret.png",), note="Quicksilver note")
        await pins.pin(db, scope, 1, 3, Place(1, 1, 1), "Quicksilver remark")
        await commands.add_design(db, scope, title="Quicksilver")
    return cast


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("who", ["ada", "eve", "finn", "wei", "dan"])
async def test_every_page_opens_for_every_member_and_says_nothing_internal_to_clients(
    browser: Browser, drawn: Cast, path: str, who: str
) -> None:
    page = await browser.open(path, who)
    is_staff = who in ("wei", "dan")
    if not is_staff:
        assert "Quicksilver" not in page.text
        assert "secret.png" not in page.text
    assert page.response.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("path", ["1/versions/3", "2", "2/versions/1", "3", "1/versions/9", "99999999999999999999"])
async def test_a_draft_answers_a_client_like_what_is_not_there(browser: Browser, drawn: Cast, path: str) -> None:
    await browser.open(f"{LIST}/{path}", "ada", expect=404)


@pytest.mark.parametrize("path", ["5", "5/preview"])
async def test_the_picture_of_a_draft_is_no_file_for_a_client(browser: Browser, drawn: Cast, path: str) -> None:
    assert (await browser.get(f"/projects/BRIDGE/files/{path}", "ada")).status_code == 404
    assert (await browser.get(f"/projects/BRIDGE/files/{path}", "dan")).status_code != 404


async def test_nobody_from_outside_opens_a_design(browser: Browser, drawn: Cast) -> None:
    for path in PAGES:
        await browser.open(path, "mallory", expect=404)


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_costs_three_statements_beside_the_scope_and_unchanged_none(
    browser: Browser, database: Database, drawn: Cast, path: str
) -> None:
    await browser.check_cost(database, path)


async def test_more_remarks_and_versions_cost_no_more_statements(
    browser: Browser, database: Database, drawn: Cast
) -> None:
    counts = []
    for _ in range(2):
        await say(database, drawn)
        async with database.write() as db:
            await version_of(db, await drawn.scope(db, "wei"), 1)
        counts.append([])
        for path in PAGES:
            with counting(database) as statements:
                await browser.open(path)
            counts[-1].append(len(statements))
    assert counts[0] == counts[1]


async def test_what_happens_to_a_draft_moves_no_page_of_a_client(
    browser: Browser, database: Database, drawn: Cast
) -> None:
    etag = (await browser.open(ONE)).response.headers["etag"]
    async with database.write() as db:
        scope = await drawn.scope(db, "wei")
        await version_of(db, scope, 1)
        await pins.reply(db, scope, 1, 2, "Among us.")
        await commands.change_design(db, scope, 2, {"title": "Quicksilver 2"})
    assert (await browser.get(ONE, headers={"If-None-Match": etag})).status_code == 304


async def test_a_remark_is_a_number_on_the_picture_and_the_same_number_in_the_list(
    browser: Browser, drawn: Cast
) -> None:
    page = await browser.open(f"{ONE}/versions/1")
    mark = next(one for one in page.tree.iter() if one.get("id") == "mark-1")
    assert (mark.get("href"), mark.get("aria-label")) == ("#pin-1", "Remark 1")
    places = [(one.get("x"), one.get("y")) for one in page.tree.iter() if one.get("x", "").endswith("%")]
    assert places == [("25.0%", "75.0%")]
    remark = next(one for one in page.all("li") if one.get("id") == "pin-1")
    assert "Larger?" in page.words(remark)
    assert "They are." in page.words(remark)
    assert "Eve" in page.words(remark)


async def test_a_carried_remark_says_where_it_comes_from(browser: Browser, drawn: Cast) -> None:
    page = await browser.open(ONE)
    assert "From version 1" in page.words(next(one for one in page.all("li") if one.get("id") == "pin-1"))


async def test_a_remark_without_a_place_is_still_in_the_list(browser: Browser, database: Database, cast: Cast) -> None:
    await shown(database, cast, files=("a.png", "b.png"))
    await say(database, cast, position=2)
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await version_of(db, scope, 1)
        await commands.publish(db, scope, 1, 2)
    page = await browser.open(ONE)
    assert "Its place is gone in this version" in page.text
    assert 'id="mark-1"' not in page.text


@pytest.mark.parametrize("also", [(), ("screen.png",)])
async def test_a_remark_on_a_snapshot_has_no_place_where_the_prototype_has_none_and_gets_it_back(
    browser: Browser, database: Database, cast: Cast, also: tuple[str, ...]
) -> None:
    url = "https://proto.example/pay"
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        shot = (await draw(db, scope, "shot.png")).number
        await commands.add_design(db, scope, title="Checkout")
        for version, snapshot in enumerate((shot, None, shot), start=1):
            await version_of(db, scope, 1, also, links=[Link(url, snapshot)])
            await commands.publish(db, scope, 1, version)
    await say(database, cast, position=len(also) + 1)
    for version, is_gone in ((1, False), (2, True), (3, False)):
        page = await browser.open(f"{ONE}/versions/{version}")
        assert ("Its place is gone in this version" in page.text) is is_gone


async def test_who_can_decide_is_led_to_the_question_and_others_see_that_it_is_open(
    browser: Browser, drawn: Cast
) -> None:
    for who, words in (("ada", "Decide"), ("eve", "What is asked"), ("wei", "What is asked")):
        page = await browser.open(ONE, who)
        link = next(one for one in page.all("a") if page.words(one) == words)
        assert link.get("href") == "/projects/BRIDGE/decisions/2"
    assert "Waiting for you" in (await browser.open(LIST, "ada")).text
    assert "Waiting for approval" in (await browser.open(LIST, "eve")).text


async def test_an_archived_project_asks_for_no_decision_on_a_design(
    browser: Browser, database: Database, drawn: Cast
) -> None:
    async with database.write() as db:
        await projects.change_project(db, await drawn.scope(db, "wei"), {"status": "archived"})
    assert "Waiting for approval" in (await browser.open(LIST)).text
    page = await browser.open(ONE)
    assert "Decide" not in [page.words(one) for one in page.all("a")]


async def test_the_list_says_how_each_design_stands(
    browser: Browser, database: Database, cast: Cast, keys: SigningKeys
) -> None:
    for number in range(1, 6):
        await shown(database, cast, f"Design {number}")
    for number, verdict in ((1, Verdict.APPROVED), (2, Verdict.CHANGES_WANTED), (3, Verdict.DECLINED)):
        await answer(database, cast, keys, await ask(database, cast, number), verdict=verdict, comment="Because.")
    await ask(database, cast, 4)
    async with database.write() as db:
        await commands.add_design(db, await cast.scope(db, "wei"), title="Design 6")
    cards = [one for one in (await browser.open(LIST, "wei")).all("li") if "pick" in one.get("class", "")]
    states = [" ".join(one.itertext()).split("\n")[-1].strip() for one in cards]
    assert states == ["Draft", "Version 1 to look at", "Waiting for approval", "Version 1 declined",
                      "Changes wanted in version 1", "Version 1 approved"]  # fmt: skip
    assert "Design 6" not in (await browser.open(LIST, "ada")).text


@pytest.mark.parametrize(("first", "said"), [(None, "Version 3 to look at"), (Verdict.APPROVED, "Version 1 approved")])
async def test_a_question_that_another_followed_says_nothing_once_that_one_is_withdrawn(
    browser: Browser, database: Database, cast: Cast, keys: SigningKeys, first: Verdict | None, said: str
) -> None:
    await shown(database, cast)
    asked = await ask(database, cast)
    if first:
        await answer(database, cast, keys, asked, verdict=first)
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        for version in (2, 3):
            await version_of(db, scope, 1)
            await commands.publish(db, scope, 1, version)
        await decisions.withdraw(db, scope, 3, "Drawn anew.")
    for path in (LIST, ONE):
        assert said in (await browser.open(path)).text


async def test_an_approval_stands_beside_its_version_with_its_receipt(
    browser: Browser, database: Database, cast: Cast, keys: SigningKeys
) -> None:
    await shown(database, cast)
    given = await answer(database, cast, keys, await ask(database, cast))
    async with database.write() as db:
        await version_of(db, await cast.scope(db, "wei"), 1)
    await publish(database, cast, 1, 2)
    page = await browser.open(ONE)
    assert "Version 1 approved" in page.text
    assert "Waiting for you" in page.text
    assert f"/projects/BRIDGE/decisions/1/receipts/{given.receipt.seq}.pdf" in page.text


async def test_a_client_pins_answers_and_settles_by_forms(browser: Browser, drawn: Cast) -> None:
    made = await browser.post(f"{ONE}/pins", "eve", version="2", file="2", x="0", y="10000", text="Here <b>too</b>")
    assert (made.status_code, made.headers["location"]) == (303, f"{ONE}/versions/2?file=2#pin-3")
    page = await browser.open(f"{ONE}/versions/2?file=2", "ada")
    assert "Here &lt;b&gt;too&lt;/b&gt;" in page.text
    assert '<svg x="0.0%" y="100.0%"' in page.text
    told = await browser.post(f"{ONE}/pins/3/replies", "ada", version="2", text="Indeed.")
    assert (told.status_code, told.headers["location"]) == (303, f"{ONE}/versions/2#pin-3")
    assert (await browser.post(f"{ONE}/pins/3/state", "eve", state="resolved", version="2")).status_code == 303
    page = await browser.open(f"{ONE}/versions/2?file=2", "ada")
    assert "Indeed." in page.text
    assert "Open again" in page.text
    assert (await browser.post(f"{ONE}/pins/3/state", "eve", state="open", version="//evil.example")).headers[
        "location"
    ] == f"{ONE}#pin-3"


@pytest.mark.parametrize(
    "wrong",
    [{"x": ""}, {"x": "-1"}, {"y": "10001"}, {"file": "7"}, {"version": "x"}, {"text": " "}, {"x": "1e3"}, {"x": "²"}],
)
async def test_a_form_with_a_wrong_place_pins_nothing(
    browser: Browser, database: Database, drawn: Cast, wrong: dict[str, str]
) -> None:
    fields = {"version": "2", "file": "1", "x": "5", "y": "5", "text": "Here"} | wrong
    assert (await browser.post(f"{ONE}/pins", "eve", **fields)).status_code == 422
    async with database.read() as db:
        assert (await queries.design(db, await drawn.scope(db, "wei"), 1)).last_pin == 2


@pytest.mark.parametrize("path", ["pins/2/replies", "pins/2/state", "pins/99/replies"])
async def test_a_remark_among_staff_is_not_there_for_a_client(browser: Browser, drawn: Cast, path: str) -> None:
    assert (await browser.post(f"{ONE}/{path}", "ada", text="x", state="resolved")).status_code == 404


async def test_who_looks_as_the_client_finds_no_form_and_writes_nothing(browser: Browser, drawn: Cast) -> None:
    await browser.post("/projects/BRIDGE/view-as", "wei", roles="approver")
    page = await browser.open(ONE, "wei")
    assert not [form for form in page.all("form") if form.get("action", "").startswith(f"{ONE}/pins")]
    assert "Quicksilver" not in page.text
    refused = await browser.post(f"{ONE}/pins", "wei", version="2", file="1", x="1", y="1", text="As the client")
    assert refused.status_code == 403
    assert (await browser.post(f"{ONE}/pins/1/state", "wei", state="resolved")).status_code == 403


async def test_without_scripts_a_place_is_chosen_by_a_button_that_is_the_picture(browser: Browser, drawn: Cast) -> None:
    page = await browser.open(f"{ONE}/versions/2?file=1")
    button = next(one for one in page.all("input") if one.get("type") == "image")
    assert (button.get("name"), button.get("width"), button.get("height")) == ("at", "280", "210")
    chosen = await browser.open(f"{ONE}/versions/2?file=1&at.x=70&at.y=210")
    fields = {one.get("name"): one.get("value") for one in chosen.all("form[@id='pin-new']/input")}
    assert (fields["x"], fields["y"], fields["version"]) == ("2500", "10000", "2")
    assert chosen.all("form[@id='pin-new']")[0].get("hidden") is None
    assert page.all("form[@id='pin-new']")[0].get("hidden") is not None


@pytest.mark.parametrize("how", ["side", "slider", "difference"])
async def test_two_versions_are_compared_picture_by_picture(browser: Browser, drawn: Cast, how: str) -> None:
    page = await browser.open(f"{ONE}/versions/2?file=2&with=1&how={how}")
    shown_ = [one.get("src") for one in page.all("img") if "/files/" in one.get("src", "")]
    assert [re.findall(r"\d+", one)[0] for one in shown_] == ["2", "4"]


@pytest.mark.parametrize("query", ["with=3", "with=9", "with=1&file=9", "file=9"])
async def test_what_a_client_does_not_see_is_not_compared(browser: Browser, drawn: Cast, query: str) -> None:
    await browser.open(f"{ONE}/versions/2?{query}", "ada", expect=404)


@pytest.mark.parametrize("query", ["with=x", "with=1&how=upside", "with=2", "file=x", "at.x=-1", "before=0"])
async def test_a_query_that_cannot_be_right_is_refused(browser: Browser, drawn: Cast, query: str) -> None:
    path = f"{LIST}?{query}" if "before" in query else f"{ONE}/versions/2?{query}"
    await browser.open(path, "ada", expect=422)


async def test_a_prototype_is_linked_and_its_snapshot_is_the_picture(
    browser: Browser, database: Database, cast: Cast
) -> None:
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await commands.add_design(db, scope, title="Prototype")
        snapshot = await draw(db, scope, "snapshot.png")
        links = [Link("https://proto.example/a?b=1&c=2", snapshot.number), Link("https://proto.example/bare")]
        await commands.add_version(db, scope, 1, links=links)
        await commands.publish(db, scope, 1, 1)
    page = await browser.open(ONE)
    links = {one.get("href"): one.get("rel") for one in page.all("a") if "proto" in one.get("href", "")}
    assert set(links) == {"https://proto.example/a?b=1&c=2", "https://proto.example/bare"}
    assert set(links.values()) == {"noopener noreferrer"}
    assert f"/projects/BRIDGE/files/{snapshot.number}/preview" in page.text


async def test_a_design_without_versions_and_a_project_without_designs_say_so(
    browser: Browser, database: Database, cast: Cast
) -> None:
    assert "There is no design yet." in (await browser.open(LIST)).text
    async with database.write() as db:
        await commands.add_design(db, await cast.scope(db, "wei"), title="Empty")
    assert "There is no version yet." in (await browser.open(ONE, "wei")).text


async def test_the_list_has_pages(
    browser: Browser, database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(designs, "EACH_PAGE", 2)
    for number in range(1, 4):
        await shown(database, cast, f"Design {number}")
    page = await browser.open(LIST)
    following = next(one.get("href") for one in page.all("a") if one.get("rel") == "next")
    assert "Design 1" not in page.text
    assert "Design 1" in (await browser.open(f"{LIST}{following}")).text


async def test_an_activity_names_a_design_and_leads_to_it(browser: Browser, drawn: Cast) -> None:
    page = await browser.open("/projects/BRIDGE/activity")
    links = [one for one in page.all("a") if one.get("href") == ONE]
    assert {page.words(one) for one in links} == {"Checkout"}
    assert "Quicksilver" not in page.text
