"""The pages of requirements and of what they are linked with."""

import csv
from io import StringIO

import pytest

from portal import traceability
from portal.access import Role
from portal.decisions import delegations
from portal.decisions.models import Verdict
from portal.designs import commands as designs
from portal.requirements import bringing, sheet, wording
from portal.trace.models import TraceKind
from portal.trace.rules import End
from tests.support import changes
from tests.support.cast import add_item
from tests.support.decisions import grant, keys_in, proof_of
from tests.support.designs import shown
from tests.support.requirements import add, answer, ask, change
from tests.support.statements import counting
from tests.web.conftest import Browser
from web import words

HERE = "/projects/BRIDGE/requirements"
PAGES = (
    HERE,
    f"{HERE}?state=confirmed&priority=must&kind=functional&q=search",
    f"{HERE}?q=nothing+like+it",
    f"{HERE}/trace",
    f"{HERE}/orphans",
    f"{HERE}/1",
    f"{HERE}/1/versions/1",
    f"{HERE}/1/versions/2",
    f"{HERE}/2",
    "/projects/BRIDGE/items/1",
    "/projects/BRIDGE/designs/1",
    "/projects/BRIDGE/changes/1",
)


async def link(database, cast, *pairs):
    async with database.write() as db:
        scope = await cast.scope(db, "dan")
        for (one, first), (other, second) in pairs:
            await traceability.link(db, scope, End(TraceKind(one), first), End(TraceKind(other), second))


@pytest.fixture
def keys(tmp_path):
    """The portal's signing keys."""
    return keys_in(tmp_path)


@pytest.fixture
async def filled(database, cast, keys):
    """Requirement 1 confirmed and then changed, 2 measured and offered, 3 and more internal; all of it linked."""
    await add(database, cast)
    await add(database, cast, title="Fast", kind="non_functional", measure={
        "metric": "Largest paint", "target": "2.5 s", "how_measured": "Field data"})  # fmt: skip
    await add(database, cast, title="Quicksilver requirement", audience="internal")
    decision, _ = await ask(database, cast, 1, 2)
    await answer(database, cast, keys, decision)
    await change(database, cast, 1, "Agreed in the review.", description="A visitor types a company's name.")
    await add_item(database, cast, title="Build the search")
    await add_item(database, cast, title="Quicksilver item", audience="internal")
    await shown(database, cast)
    async with database.write() as db:
        await designs.add_design(db, await cast.scope(db, "dan"), title="Quicksilver design")
    await changes.raised(database, cast)
    await link(
        database, cast, (("requirement", 1), ("change_request", 1)), *[
            (("requirement", 1), (kind, number)) for kind in ("item", "design") for number in (1, 2)
        ], (("requirement", 3), ("item", 1)),
    )  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("who", ["ada", "eve"])
async def test_a_client_reads_every_page_and_no_word_of_the_inside(browser: Browser, filled, path, who):
    page = await browser.open(path, who)
    assert "Quicksilver" not in page.text
    assert "internal" not in page.text.lower()


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_costs_at_most_four_statements_and_unchanged_one(browser: Browser, database, filled, path):
    for who in ("ada", "dan"):
        await browser.check_cost(database, path, who)


async def test_statements_do_not_grow_with_the_rows(browser: Browser, database, cast, filled):
    counts = []
    for _ in range(2):
        counts.append([])
        for path in PAGES:
            with counting(database) as statements:
                await browser.open(path)
            counts[-1].append(len(statements))
        await add(database, cast)
        await add_item(database, cast)
        await link(database, cast, (("requirement", 2), ("item", 1)), (("requirement", 4), ("item", 1)))
    assert counts[0] == counts[1]


def rows_of(page):
    return [page.words(row) for row in page.all("tbody/tr")]


async def test_the_list_says_how_each_stands_and_how_many_are_confirmed(browser: Browser, filled):
    page = await browser.open(HERE)
    assert rows_of(page) == [
        "1 Search by product Functional Version 1 is confirmed Must have 2 Draft",
        "2 Fast Non-functional Must have 1 To be confirmed",
    ]
    assert "0 of 2 confirmed" in page.text
    assert "Quicksilver requirement" in (await browser.open(HERE, "dan")).text


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("state=offered", ["2"]),
        ("kind=functional", ["1"]),
        ("q=FAST", ["2"]),
        ("priority=could", []),
        ("q=", ["1", "2"]),
    ],
)
async def test_the_list_is_narrowed(browser: Browser, filled, query, numbers):
    page = await browser.open(f"{HERE}?{query}")
    assert [row.split()[0] for row in rows_of(page)] == numbers


@pytest.mark.parametrize("query", ["state=new", "priority=x", "kind=x", "after=x", f"q={'x' * 201}", "q=%00"])
async def test_a_wrong_filter_is_refused(browser: Browser, filled, query):
    assert (await browser.get(f"{HERE}?{query}")).status_code == 422
    assert (await browser.get(f"{HERE}?{query}", "mallory")).status_code == 404


async def test_a_requirement_shows_all_that_belongs_to_it(browser: Browser, filled):
    page = await browser.open(f"{HERE}/1")
    text = page.words(page.all("main")[0])
    for expected in (
        "A visitor types a company's name.", "Each recall of the product is listed.", "Requirement 1, version 2",
        "Version 1 is confirmed. It was changed since; this version is not confirmed.", "Agreed in the review.",
        "What changed since version 1", "Build the search Item 1 To do", "Change request 1",
    ):  # fmt: skip
        assert expected in text
    assert [page.words(one) for one in page.all("del")] == ["product's"]
    assert [page.words(one) for one in page.all("ins")] == ["company's"]
    assert {one.get("href") for one in page.all("section[@id='links']//a")} == {
        "/projects/BRIDGE/items/1", "/projects/BRIDGE/designs/1", "/projects/BRIDGE/changes/1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "gone", "new"),
    [
        ("The **more recalls** there are", "The **more products** there are", ["recalls"], ["products"]),
        ("A plain word", "A **plain** word", ["A plain"], ["A **plain**"]),
        ("<b> bold </b>", "<b> brave </b>", ["bold </"], ["brave </"]),
    ],
)
async def test_a_change_is_shown_as_it_is_read(browser: Browser, database, cast, keys, before, after, gone, new):
    await add(database, cast, description=before)
    (decision,) = await ask(database, cast, 1)
    await answer(database, cast, keys, decision)
    await change(database, cast, 1, description=after)
    page = await browser.open(f"{HERE}/1")
    assert [page.words(one) for one in page.all("del")] == gone
    assert [page.words(one) for one in page.all("ins")] == new


async def test_each_side_of_a_link_leads_to_the_other(browser: Browser, filled):
    for path in ("items/1", "designs/1", "changes/1"):
        page = await browser.open(f"/projects/BRIDGE/{path}")
        assert [one.get("href") for one in page.all("section[@id='links']//a")] == [f"{HERE}/1"]
    staff = await browser.open("/projects/BRIDGE/items/1", "dan")
    assert [one.get("href") for one in staff.all("section[@id='links']//a")] == [f"{HERE}/1", f"{HERE}/3"]


async def test_an_item_without_links_says_nothing_of_them(browser: Browser, database, cast):
    await add_item(database, cast)
    assert (await browser.open("/projects/BRIDGE/items/1")).all("section[@id='links']") == []


async def test_an_old_version_stays_readable_with_what_was_said_to_it(browser: Browser, filled):
    page = await browser.open(f"{HERE}/1/versions/1")
    text = page.words(page.all("main")[0])
    assert "A visitor types a product's name." in text
    assert "This is an older version. Version 2 stands now." in text
    assert page.words(page.all("p[@class='lede']")[0]).startswith("Requirement 1, version 1 · Must have Confirmed")
    assert page.all("aside//a[@href='/projects/BRIDGE/decisions/1']")


async def test_whoever_is_asked_is_led_to_the_question(browser: Browser, filled):
    for who, label in (("ada", "Decide"), ("eve", "To the question"), ("dan", "To the question")):
        page = await browser.open(f"{HERE}/2", who)
        (button,) = page.all("a[@class='button primary']")
        assert (button.get("href"), page.words(button)) == ("/projects/BRIDGE/decisions/2", label)
    assert "Largest paint" in page.text


async def test_who_cannot_answer_is_told_of_the_question_and_a_delegate_decides(browser: Browser, database, cast, keys):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
        scope = await cast.scope(db, "ada")
        await delegations.delegate(db, scope, cast.people["finn"], scope.today, scope.today, proof_of("ada"))
    await add(database, cast)
    await ask(database, cast, 1, people=(cast.people["ada"],))
    for who, label in (("ada", "Decide"), ("eve", "To the question"), ("finn", "Decide")):
        page = await browser.open(f"{HERE}/1", who)
        assert [page.words(one) for one in page.all("a[@class='button primary']")] == [label]


async def test_the_question_shows_what_is_confirmed(browser: Browser, filled):
    page = await browser.open("/projects/BRIDGE/decisions/2")
    text = page.words(page.all("main")[0])
    for expected in (
        "Fast Requirement 2, version 1 ·",
        "Largest paint",
        "2.5 s",
        "Must have",
        "Each recall of the product",
    ):
        assert expected in text


async def test_what_people_wrote_of_a_measure_stays_as_it_was_written(browser: Browser, database, cast):
    written = "Won't have this time"
    await add(database, cast, kind="non_functional", measure={
        "metric": "Target", "target": written, "how_measured": "Priority"})  # fmt: skip
    await ask(database, cast, 1)
    page = await browser.open("/projects/BRIDGE/decisions/1")
    assert written in page.words(page.all("main")[0])


def test_every_fact_of_a_question_has_a_word_in_each_language():
    known = words.WORDS["requirement_fact"]
    facts = {*wording.KINDS.values(), *wording.PRIORITIES.values(), "Kind", "Priority", "What is measured", "Target",
             "How it is measured", "Last confirmed version"}  # fmt: skip
    assert facts == known.keys()


@pytest.mark.parametrize("path", ["3", "99", "0", "1/versions/3", "1/versions/0", "3/versions/1", "99999999999"])
async def test_what_is_internal_or_unused_is_not_there(browser: Browser, filled, path):
    assert (await browser.get(f"{HERE}/{path}")).status_code == 404


async def test_the_matrix_leads_to_everything_that_is_linked(browser: Browser, filled):
    page = await browser.open(f"{HERE}/trace")
    first, second = page.all("tbody/tr")
    assert {one.get("href") for one in first.iter("a")} == {
        f"{HERE}/1", "/projects/BRIDGE/designs/1", "/projects/BRIDGE/items/1", "/projects/BRIDGE/changes/1",
    }  # fmt: skip
    assert {one.get("href") for one in second.iter("a")} == {f"{HERE}/2"}


async def test_what_lacks_links_is_listed_for_each_side(browser: Browser, filled):
    page = await browser.open(f"{HERE}/orphans")
    assert [one.get("href") for one in page.all("ul[@class='rows']//a")] == [f"{HERE}/2"]


async def test_the_csv_holds_what_the_page_shows_and_runs_nothing(browser: Browser, database, cast, filled):
    await add(database, cast, title="=HYPERLINK(1)", criteria=["+1", "two"])
    response = await browser.get(f"{HERE}.csv")
    rows = list(csv.DictReader(StringIO(response.text.removeprefix("\ufeff"))))
    assert [(row["number"], row["state"], row["confirmed_version"]) for row in rows] == [
        ("1", "draft", "1"), ("2", "offered", ""), ("4", "draft", ""),
    ]  # fmt: skip
    assert (rows[2]["title"], rows[2]["criteria"]) == ("'=HYPERLINK(1)", "'+1\ntwo")
    assert "audience" not in rows[0]
    assert "Quicksilver" not in response.text
    staff = await browser.get(f"{HERE}.csv?state=draft&q=quicksilver", "dan")
    (row,) = csv.DictReader(StringIO(staff.text.removeprefix("\ufeff")))
    assert (row["number"], row["audience"]) == ("3", "internal")


async def test_a_decision_leads_to_the_version_that_was_decided_whatever_was_written_since(
    browser: Browser, database, cast, tmp_path
):
    await add(database, cast)
    (decision,) = await ask(database, cast, 1)

    async def led_to():
        page = await browser.open("/projects/BRIDGE/decisions/1")
        return {one.get("href") for one in page.all("a") if (one.get("href") or "").startswith(f"{HERE}/1")}

    assert await led_to() == {f"{HERE}/1"}
    await answer(database, cast, keys_in(tmp_path), decision)
    await change(database, cast, 1, title="Written since")
    assert await led_to() == {f"{HERE}/1/versions/1"}


async def test_the_csv_sent_back_as_it_is_changes_nothing(browser: Browser, database, cast):
    await add(database, cast, external_ref="R1", title="=HYPERLINK(1)", description="\tOne\n  <b>two</b>  ",
              criteria=["- a\n  b", "+c"])  # fmt: skip
    measure = {"metric": "-5 °C", "target": "@", "how_measured": "'=1"}
    await add(database, cast, external_ref="R2", kind="non_functional", priority=None, measure=measure)
    read = sheet.read((await browser.get(f"{HERE}.csv", "dan")).content)
    async with database.read() as db:
        found = await bringing.bring(db, await cast.scope(db, "dan"), read.rows, dry_run=True)
    assert [(one.external_ref, one.did, one.changes) for one in found] == [
        ("R1", "unchanged", []),
        ("R2", "unchanged", []),
    ]
    assert [table.unread for table in read.tables] == [[]]


async def test_an_internal_change_moves_nothing_for_the_client(browser: Browser, database, cast, filled):
    etags = [(await browser.open(path)).response.headers["etag"] for path in PAGES]
    await change(database, cast, 3, title="Another secret")
    await link(database, cast, (("requirement", 3), ("design", 2)), (("requirement", 2), ("item", 2)))
    assert [(await browser.open(path)).response.headers["etag"] for path in PAGES] == etags


async def test_the_history_tells_priorities_and_kinds_in_words(browser: Browser, database, cast):
    await add(database, cast)
    await change(database, cast, 1, priority="wont", kind="non_functional", criteria=["Other."])
    page = await browser.open(f"{HERE}/1")
    told = page.words(page.all("section[@id='history']")[0])
    assert "Priority: Must have → Won’t have this time" in told
    assert "Kind: Functional → Non-functional" in told
    assert "A requirement was changed" in told


async def test_the_activity_names_what_was_linked_and_leads_to_requirements(browser: Browser, filled):
    page = await browser.open("/projects/BRIDGE/activity")
    text = page.words(page.all("main")[0])
    assert "Two things were linked: Requirement 1 – Item 1" in text
    assert "A requirement was confirmed: Search by product" in text
    assert any(one.get("href") == f"{HERE}/1" for one in page.all("main//a"))


async def test_changes_that_are_wanted_are_seen_in_the_list(browser: Browser, database, cast, keys):
    await add(database, cast)
    (decision,) = await ask(database, cast, 1)
    await answer(database, cast, keys, decision, Verdict.CHANGES_WANTED)
    assert rows_of(await browser.open(HERE)) == ["1 Search by product Functional Must have 1 Changes wanted"]


async def test_an_empty_project_says_what_will_stand_here(browser: Browser):
    for path in (HERE, f"{HERE}/trace", f"{HERE}/orphans"):
        await browser.open(path)
