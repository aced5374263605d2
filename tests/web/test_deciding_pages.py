"""Deciding in the browser: the form, the new sign-in before it, what closes it, and who sees what of it."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import select, update

from portal import clock, settlement
from portal.access import Role
from portal.access.models import Membership
from portal.db import Database
from portal.decisions import commands, delegations, queries, remarks
from portal.decisions.models import Decision, DecisionAnswer, DecisionDraft, DecisionState, Verdict
from portal.identity.models import Session
from portal.identity.providers import Providers
from portal.ledger.models import Audience
from portal.projects import commands as projects
from portal.settings import DecisionLimit, ProviderSettings
from tests.support.cast import ISSUER, Cast
from tests.support.decisions import UNFOLLOWED, ask, grant, proof_of
from tests.support.statements import counting
from tests.web.conftest import Browser, Page
from web.errors import SAID_BY_ROOMS

PAGE = "/projects/BRIDGE/decisions/1"


@pytest.fixture(autouse=True)
def no_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mechanism alone: no room follows what is decided here."""
    monkeypatch.setattr(settlement, "FOLLOWS", UNFOLLOWED)


@pytest.fixture
async def asked(database: Database, cast: Cast) -> Decision:
    """A question to every approver."""
    due = clock.now().date() + timedelta(days=3)
    return await ask(database, cast, title="Sign in, version 1", due_on=due, holds_up="The first release")


async def send(browser: Browser, asked: Decision, who: str = "ada", **fields: Any):
    """Sends the form as the page would."""
    given = {"digest": asked.digest.hex(), "verdict": "approved", "comment": ""} | fields
    return await browser.post(f"{PAGE}/answer", who, **given)


async def state_of(database: Database, cast: Cast) -> tuple[DecisionState, Verdict | None]:
    async with database.read() as db:
        scope = await cast.scope(db, "wei")
        row = await db.scalar(select(Decision).where(Decision.project_id == scope.project_id, Decision.number == 1))
        return row.state, row.outcome


async def signed_in_long_ago(database: Database, cast: Cast, name: str = "ada") -> None:
    async with database.write() as db:
        person = Session.person_id == cast.people[name]
        await db.execute(update(Session).where(person).values(auth_time=clock.now() - timedelta(hours=2)))


async def test_an_approver_answers_and_finds_the_receipt(browser, database, cast, asked):
    page = await browser.open(PAGE)
    assert [one.get("value") for one in page.all("input[@name='digest']")] == [asked.digest.hex()]
    answer = await send(browser, asked)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?notice=answered#answers")
    assert await state_of(database, cast) == (DecisionState.DECIDED, Verdict.APPROVED)
    after = await browser.open(PAGE)
    assert re.search(rf"{PAGE}/receipts/\d+\.pdf", after.text)
    assert not after.all("input[@name='digest']")


async def test_the_front_page_and_the_list_say_what_waits(browser, asked):
    for path in ("/projects/BRIDGE", "/waiting", "/projects/BRIDGE/decisions"):
        page = await browser.open(path)
        assert asked.title in page.text, path
        assert "The first release" in page.text, path


async def test_every_page_tells_a_moment_by_the_clock_of_its_project(browser, asked):
    pages = [await browser.open(path) for path in ("/projects/BRIDGE", "/waiting", "/projects/BRIDGE/decisions")]
    assert len({page.words(page.all("ul[@class='rows']//time")[0]) for page in pages}) == 1


async def test_the_list_over_all_projects_is_each_viewers_own(browser, database, cast, asked):
    await ask(database, cast, "HARBOUR", title="Zanzibar")
    seen = {who: (await browser.open("/waiting", who)).text for who in ("ada", "eve", "mallory", "nemo", "wei")}
    assert {who: (asked.title in text, "Zanzibar" in text) for who, text in seen.items()} == {
        "ada": (True, False), "eve": (True, False), "mallory": (False, True), "nemo": (False, False),
        "wei": (True, True),
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/waiting", "/projects/BRIDGE"])
async def test_what_only_colleagues_can_answer_is_not_yours(browser, asked, path):
    ada, eve, dan = [await browser.open(path, who) for who in ("ada", "eve", "dan")]
    assert "Waiting for colleagues of yours" in eve.text
    assert "Waiting for colleagues of yours" not in ada.text + dan.text
    assert "To decide" not in eve.text


@pytest.mark.parametrize("who", ["eve", "finn", "wei", "root"])
async def test_who_does_not_decide_sees_the_question_without_a_form(browser, asked, who):
    assert not (await browser.open(PAGE, who)).all("input[@name='digest']")
    assert (await send(browser, asked, who)).status_code == 403


@pytest.mark.parametrize("who", ["ada", "eve", "wei"])
async def test_what_an_archived_project_left_open_can_be_read_and_asks_nobody(browser, database, cast, asked, who):
    async with database.write() as db:
        await projects.change_project(db, await cast.scope(db, "wei"), {"status": "archived"})
    page = await browser.open(PAGE, who)
    assert "Sign in, version 1" in page.text
    assert not page.all("input[@name='digest']")
    assert "decided by others" not in page.text
    assert asked.title not in (await browser.open("/projects/BRIDGE", who)).text


async def test_an_old_sign_in_is_renewed_first_and_the_words_are_kept(browser, database, cast, asked):
    await signed_in_long_ago(database, cast)
    answer = await send(browser, asked, verdict="changes_wanted", comment="A larger logo, please")
    assert answer.headers["location"].startswith("/auth/step-up?next=")
    assert unquote(answer.headers["location"]).endswith(f"{PAGE}#answer")
    assert await state_of(database, cast) == (DecisionState.ASKED, None)
    page = await browser.open(PAGE)
    assert page.words(page.all("textarea[@name='comment']")[0]) == "A larger logo, please"
    assert page.all("input[@value='changes_wanted']")[0].get("checked") is not None
    assert "A larger logo" not in (await browser.open(PAGE, "eve")).text


async def test_a_new_sign_in_keeps_in_whose_name_the_answer_was(browser, database, cast, asked):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
        scope = await cast.scope(db, "ada")
        await delegations.delegate(db, scope, cast.people["eve"], scope.today, scope.today, proof_of("ada"))
    await signed_in_long_ago(database, cast, "eve")
    answer = await send(browser, asked, "eve", principal=str(cast.people["ada"]))
    back = unquote(answer.headers["location"].partition("next=")[2])
    page = await browser.open(back.partition("#")[0], "eve")
    assert [page.words(one) for one in page.all("option[@selected]")] == ["Ada"]
    refused = await send(browser, asked, "eve", verdict="", principal=str(cast.people["ada"]))
    assert refused.status_code == 422
    assert [page.words(one) for one in Page(refused).all("option[@selected]")] == ["Ada"]


async def test_who_comes_back_without_what_was_asked_for_is_told_so_instead_of_sent_again(
    browser, portal, database, cast, asked
):
    await signed_in_long_ago(database, cast)
    await send(browser, asked, comment="Looks good")
    limits = {"requirement": DecisionLimit(second_factor="always")}
    portal.state.settings = portal.state.settings.model_copy(update={"decision_limits": limits})
    async with database.write() as db:
        await db.execute(update(Session).values(auth_time=clock.now()))
    answer = await send(browser, asked, comment="Looks good")
    assert answer.status_code == 403
    assert (
        "This decision needs a sign-in with a second factor: send it again, and you are asked for one." in answer.text
    )
    assert "Looks good" in answer.text
    assert await state_of(database, cast) == (DecisionState.ASKED, None)


async def test_who_let_the_new_sign_in_grow_old_as_well_is_sent_again(browser, database, cast, asked):
    await signed_in_long_ago(database, cast)
    await send(browser, asked, comment="Looks good")
    async with database.write() as db:
        mine = DecisionDraft.project_id == (await cast.scope(db, "ada")).project_id
        await db.execute(update(DecisionDraft).where(mine).values(at=clock.now() - timedelta(hours=3)))
    answer = await send(browser, asked, comment="Looks good")
    assert (answer.status_code, answer.headers["location"][:19]) == (303, "/auth/step-up?next=")


@pytest.mark.parametrize(("acr", "status"), [("urn:mfa", 303), ("urn:gold", 303), ("urn:pwd", 403), (None, 403)])
async def test_of_several_classes_that_are_asked_for_each_is_a_second_factor(
    browser, portal, database, cast, asked, acr, status
):
    main = {"name": "main", "label": "Main", "issuer": ISSUER, "client_id": "portal", "client_secret": "x",
            "step_up_acr": "urn:gold urn:mfa"}  # fmt: skip
    known = portal.state.settings.model_copy(update={"oidc_providers": (ProviderSettings.model_validate(main),)})
    portal.state.providers = Providers(known)
    await signed_in_long_ago(database, cast)
    await send(browser, asked)
    async with database.write() as db:
        await db.execute(update(Session).values(auth_time=clock.now(), acr=acr))
    answer = await send(browser, asked)
    await portal.state.providers.close()
    assert answer.status_code == status


async def test_the_draft_is_gone_once_the_answer_is_given(browser, database, cast, asked):
    await signed_in_long_ago(database, cast)
    await send(browser, asked, comment="Looks good")
    async with database.write() as db:
        await db.execute(update(Session).values(auth_time=clock.now()))
    assert (await send(browser, asked, comment="Looks good")).status_code == 303
    async with database.read() as db:
        assert await queries.draft(db, await cast.scope(db, "ada"), 1) is None


async def test_the_receipt_knows_how_the_person_was_signed_in(browser, database, cast, asked):
    await send(browser, asked)
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        row = await db.scalar(select(DecisionAnswer).where(DecisionAnswer.project_id == scope.project_id))
    assert (row.evidence["sub"], row.evidence["amr"], row.evidence["company"]) == ("ada", ["pwd"], "Acme")
    assert row.evidence["auth_time"]


async def test_the_receipt_names_the_company_that_the_person_is_of_and_not_the_projects(browser, database, cast, asked):
    async with database.write() as db:
        other = (await cast.scope(db, "wei", "HARBOUR")).project
        mine = (
            Membership.project_id == (await cast.scope(db, "ada")).project_id,
            Membership.person_id == cast.people["ada"],
        )
        await db.execute(update(Membership).where(*mine).values(company_id=other.company_id))
    await send(browser, asked)
    async with database.read() as db:
        (row,) = await queries.answers_of(db, await cast.scope(db, "wei"), 1)
    assert row.evidence["company"] == other.company_name != "Acme"


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"verdict": ""}, "Choose one of the answers."),
        ({"verdict": "maybe"}, "Choose one of the answers."),
        ({"verdict": "declined"}, "Say why, so that the team can answer."),
        ({"principal": "nobody", "comment": "Fine"}, "You cannot answer for this person."),
    ],
)
async def test_a_wrong_form_is_shown_again_with_all_that_was_written(browser, database, cast, asked, fields, fault):
    answer = await send(browser, asked, **({"comment": ""} | fields))
    assert answer.status_code == 422
    assert fault in answer.text
    assert fields.get("comment", "") in answer.text
    assert await state_of(database, cast) == (DecisionState.ASKED, None)


async def test_a_page_that_is_no_longer_current_decides_nothing_and_leads_on(browser, database, cast, asked):
    newer = await ask(database, cast, subject_version=2, title="Sign in, version 2", content={"title": "Two"})
    answer = await send(browser, asked)
    assert answer.status_code == 409
    assert "There is a newer version" in answer.text
    assert f"/projects/BRIDGE/decisions/{newer.number}" in answer.text
    assert await state_of(database, cast) == (DecisionState.SUPERSEDED, None)


async def test_another_digest_decides_nothing(browser, database, cast, asked):
    answer = await send(browser, asked, digest="0" * 64, comment="Mine")
    assert answer.status_code == 409
    assert "Nothing was decided" in answer.text
    assert await state_of(database, cast) == (DecisionState.ASKED, None)


async def test_the_second_of_two_approvers_gets_a_clear_page(browser, database, cast, asked):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    await send(browser, asked)
    answer = await send(browser, asked, "eve", verdict="declined", comment="No")
    assert answer.status_code == 409
    assert "This was decided already." in answer.text


async def test_a_withdrawn_question_says_why(browser, database, cast, asked):
    async with database.write() as db:
        await commands.withdraw(db, await cast.scope(db, "wei"), 1, "Asked too early")
    page = await browser.open(PAGE)
    assert "Asked too early" in page.text
    assert not page.all("input[@name='digest']")


async def test_looking_as_the_client_shows_their_page_and_decides_nothing(browser, database, cast, asked):
    await browser.post("/projects/BRIDGE/view-as", "wei", roles="approver")
    assert not (await browser.open(PAGE, "wei")).all("input[@name='digest']")
    for path in ("answer", "remarks", "judgements"):
        answer = await browser.post(f"{PAGE}/{path}", "wei", text="x", digest=asked.digest.hex(), verdict="approved")
        assert answer.status_code in (403, 404), path
    assert await state_of(database, cast) == (DecisionState.ASKED, None)


async def test_a_question_back_waits_for_the_team(browser, asked):
    assert (await browser.post(f"{PAGE}/remarks", text="Which account?", question="true")).status_code == 303
    ours = await browser.open("/waiting", "wei")
    assert asked.title in ours.words(ours.all("section")[0])
    page = await browser.open(PAGE, "wei")
    assert "Which account?" in page.text
    assert "The agency" in page.text


async def test_judgements_are_for_staff_alone(browser, asked):
    assert (await browser.post(f"{PAGE}/judgements", "dan", text="Quicksilver")).status_code == 303
    assert "Quicksilver" in (await browser.open(PAGE, "dan")).text
    for who in ("ada", "eve", "finn"):
        text = (await browser.open(PAGE, who)).text
        assert "Quicksilver" not in text
        assert "Among ourselves" not in text
        assert (await browser.post(f"{PAGE}/judgements", who, text="x")).status_code == 404


async def test_a_decision_with_a_price_does_not_exist_for_who_sees_no_money(browser, database, cast):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    await ask(database, cast, title="Costs 12,000", audience=Audience.BILLING)
    for who in ("eve", "dan"):
        assert (await browser.get(PAGE, who)).status_code == 404
        for path in ("/waiting", "/projects/BRIDGE", "/projects/BRIDGE/decisions", "/projects/BRIDGE/activity"):
            assert "12,000" not in (await browser.open(path, who)).text
    assert "12,000" in (await browser.open("/waiting", "finn")).text


async def test_delegating_and_ending_it(browser, database, cast, asked):
    async with database.read() as db:
        today = (await cast.scope(db, "ada")).today
    days = {"from_on": today.isoformat(), "until_on": (today + timedelta(days=4)).isoformat()}
    path = "/projects/BRIDGE/delegations"
    assert (await browser.post(path, to_person=str(cast.people["eve"]), **days)).status_code == 303
    assert "Eve" in (await browser.open(path)).text
    assert "You answer for Ada" in (await browser.open(PAGE, "eve")).text
    assert (await browser.post(f"{path}/1/end", "eve")).status_code == 404
    assert (await browser.post(f"{path}/1/end")).status_code == 303
    assert "You answer for Ada" not in (await browser.open(PAGE, "eve")).text


async def test_an_answer_says_in_whose_name_it_was_given(browser, database, cast, asked):
    await delegate(browser, database, cast)
    assert (await send(browser, asked, "eve")).status_code == 303
    for who in ("ada", "finn", "wei"):
        page = await browser.open(PAGE, who)
        (answers,) = page.all("section[@id='answers']")
        assert "for Ada" in page.words(answers)


async def test_a_form_that_named_nobody_else_never_answers_for_who_delegated_since(browser, database, cast):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    await ask(database, cast, people=(cast.people["ada"], cast.people["eve"]))
    shown = (await browser.open(PAGE, "eve")).all("section[@id='answer']//input[@type='hidden']")
    form = {one.get("name"): one.get("value") for one in shown} | {"verdict": "approved"}
    assert (await browser.post(f"{PAGE}/answer", "eve", **form)).status_code == 303
    await delegate(browser, database, cast)
    await browser.post(f"{PAGE}/answer", "eve", **form)
    assert await state_of(database, cast) == (DecisionState.ASKED, None)


async def test_nobody_delegates_to_who_sees_the_tests_alone(browser, database, cast):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        tester = (Membership.project_id == scope.project_id, Membership.person_id == cast.people["eve"])
        only = {role.value: role is Role.TESTER for role in Role}
        await db.execute(update(Membership).where(*tester).values(only))
    page = await browser.open("/projects/BRIDGE/delegations")
    assert str(cast.people["eve"]) not in [one.get("value") for one in page.all("option")]
    assert (await delegate(browser, database, cast)).status_code == 422


async def delegate(browser: Browser, database: Database, cast: Cast, **more: str):
    """Sends Ada's form by which Eve decides for her today."""
    async with database.read() as db:
        today = (await cast.scope(db, "ada")).today.isoformat()
    fields = {"to_person": str(cast.people["eve"]), "from_on": today, "until_on": today} | more
    return await browser.post("/projects/BRIDGE/delegations", **fields)


async def test_delegating_needs_the_proof_that_deciding_needs_and_keeps_the_form(browser, database, cast, asked):
    await signed_in_long_ago(database, cast)
    answer = await delegate(browser, database, cast)
    back = unquote(answer.headers["location"].removeprefix("/auth/step-up?next="))
    page = await browser.open(back)
    assert "You decide for yourself." in page.text
    kept = {one.get("name"): one.get("value") for one in page.all("input[@name]")}
    assert [one.get("value") for one in page.all("option[@selected]")] == [str(cast.people["eve"])]
    assert (kept["until_on"], kept["again"]) == (kept["from_on"], "true")
    grown_old_again = await delegate(browser, database, cast, again="true")
    assert grown_old_again.headers["location"] == answer.headers["location"]
    async with database.write() as db:
        await db.execute(update(Session).values(auth_time=clock.now()))
    done = await delegate(browser, database, cast, again="true")
    assert (done.status_code, done.headers["location"]) == (303, "/projects/BRIDGE/delegations")


@pytest.mark.parametrize(("wrong", "status", "said"), [
    ({"until_on": "2020-01-01"}, 422, f"after {delegations.LONGEST_DAYS} days at most."),
    ({"from_on": "2020-01-01"}, 422, "A delegation cannot begin in the past."),
    ({"until_on": "soon"}, 422, "Give a day such as 2026-12-24."),
    ({"to_person": "nobody"}, 422, "Choose another member of this project."),
    ({}, 409, "You have delegated your decisions for some of these days already: end that first."),
])  # fmt: skip
async def test_what_is_wrong_with_a_delegation_stands_beside_its_form(browser, database, cast, wrong, status, said):
    if status == 409:
        await delegate(browser, database, cast)
    answer = await delegate(browser, database, cast, **wrong)
    page = Page(answer)
    kept = {one.get("name"): one.get("value") for one in page.all("input[@name]")}
    assert (answer.status_code, [kept[name] for name in wrong if name in kept]) == (
        status, [text for name, text in wrong.items() if name in kept],
    )  # fmt: skip
    assert said in page.words(page.all("p[@role='alert']")[0])
    assert any(said in one for one in SAID_BY_ROOMS)


async def test_a_delegation_knows_how_its_giver_was_signed_in(browser, database, cast):
    async with database.write() as db:
        mine = Session.person_id == cast.people["ada"]
        await db.execute(update(Session).where(mine).values(acr="gold", amr=["pwd", "mfa"], auth_time=clock.now()))
        session = (await db.scalars(select(Session).where(mine))).one()
    assert (await delegate(browser, database, cast)).status_code == 303
    async with database.read() as db:
        (row,) = await delegations.given_by_all(db, await cast.scope(db, "wei"))
    known = {"name": "Ada", "company": "Acme", "issuer": session.issuer, "sub": session.sub, "acr": "gold",
             "amr": ["pwd", "mfa"], "auth_time": clock.rfc3339(session.auth_time)}  # fmt: skip
    assert {field: row.evidence[field] for field in known} == known


@pytest.mark.parametrize("kind", ["design", "requirement", "change_request", "milestone", "acceptance"])
async def test_delegating_needs_the_strongest_proof_of_any_kind(browser, portal, database, cast, kind):
    limits = {kind: DecisionLimit(second_factor="always")}
    portal.state.settings = portal.state.settings.model_copy(update={"decision_limits": limits})
    assert (await delegate(browser, database, cast)).headers["location"].startswith("/auth/step-up?next=")
    in_vain = await delegate(browser, database, cast, again="true")
    assert in_vain.status_code == 403
    assert "This decision needs a sign-in with a second factor" in in_vain.text
    assert not Page(in_vain).all("input[@name='again']")
    assert "You decide for yourself." in (await browser.open("/projects/BRIDGE/delegations")).text


async def test_taking_a_delegation_back_needs_no_proof(browser, database, cast):
    await delegate(browser, database, cast)
    await signed_in_long_ago(database, cast)
    assert (await browser.post("/projects/BRIDGE/delegations/1/end")).headers["location"].endswith("/delegations")
    assert "You decide for yourself." in (await browser.open("/projects/BRIDGE/delegations")).text


async def test_where_people_are_counted_the_page_says_so_before_and_after(browser, database, cast):
    async with database.write() as db:
        for name in ("eve", "finn"):
            await grant(db, cast, name, Role.APPROVER)
        scope = await cast.scope(db, "ada")
        await delegations.delegate(db, scope, cast.people["eve"], scope.today, scope.today, proof_of("ada"))
    asked = await ask(database, cast, needed=2)
    before = await browser.open(PAGE, "eve")
    assert "2 different people must approve. You count once" in before.text
    assert "or delegate to somebody else: Ada." in before.text
    assert not before.all("select[@name='principal']")
    refused = await send(browser, asked, "eve", principal=cast.people["ada"])
    assert refused.status_code == 409
    assert "everybody counts once" in refused.text
    assert (await send(browser, asked, "eve")).status_code == 303
    after = await browser.open(PAGE, "eve")
    assert "You have answered." in after.text
    assert not after.all("input[@name='digest']")
    assert (await send(browser, asked, "finn")).status_code == 303
    assert await state_of(database, cast) == (DecisionState.DECIDED, Verdict.APPROVED)


@pytest.mark.parametrize("path", [PAGE, "/projects/BRIDGE/decisions", "/waiting", "/projects/BRIDGE/delegations"])
async def test_the_number_of_statements_does_not_grow(browser, database, cast, asked, path):
    counts = []
    for more in range(2):
        async with database.write() as db:
            await remarks.remark(db, await cast.scope(db, "ada"), 1, "A word")
        await ask(database, cast, subject_number=10 + more)
        with counting(database) as statements:
            await browser.open(path)
        counts.append(len(statements))
    assert counts[0] == counts[1]
