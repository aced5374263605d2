"""Events as sentences, for one reader."""

from dataclasses import replace
from datetime import UTC, datetime
from gettext import NullTranslations
from typing import Any

import pytest

from portal.acceptance import accepting, plans
from portal.acceptance.deeming import DEEMED
from portal.acceptance.rounds import BEGUN
from portal.backlog.activity import Happening
from portal.backlog.queries import AGENCY
from portal.changes.contracts import AS_SIGNED
from portal.changes.expiry import EXPIRED
from portal.changes.offers import REVISED
from portal.changes.overtaken import CONFIRMED, OVERTAKEN
from portal.connectors.planning import REASON as IMPORTED
from portal.ledger.models import Audience
from portal.ledger.queries import EventRow
from portal.reasons import REASONS
from portal.requirements.commands import BEING_CHANGED
from web import telling
from web.event_words import FIELDS
from web.telling import Teller, Told, tell

AT = datetime(2026, 5, 3, 22, 30, tzinfo=UTC)
CLIENT = Teller("BRIDGE", "Europe/Berlin", is_staff=False, locale="en")


def happened(
    kind: str = "item.changed", title: str | None = "A map", actor: str | None = "Wei", **body: Any
) -> Happening:
    """An event about item 7."""
    event = EventRow(5, AT, AT, "staff:1", kind, kind.partition(".")[0], 7, Audience.CLIENT, body)
    return Happening(event, actor, False, title, {}, {("iteration", 3): "Sprint 3"})


def told(happening: Happening, teller: Teller = CLIENT) -> Told:
    """What is told of it, which must be something."""
    found = tell(happening, teller)
    assert found is not None
    return found


def changed(**changes: Any) -> Happening:
    """An item whose fields changed."""
    return happened(changes=changes)


@pytest.mark.parametrize(
    ("before", "after", "sentence", "mark"),
    [
        ("todo", "doing", "Work began", ""),
        ("doing", "done", "Done", "done"),
        ("done", "doing", "Opened again", "ask"),
        ("done", "todo", "Opened again", "ask"),
        ("todo", "dropped", "Dropped", ""),
        ("doing", "todo", "Changed", ""),
        ("dropped", "todo", "Changed", ""),
    ],
)
def test_a_change_of_status_is_told_by_what_it_means(before: str, after: str, sentence: str, mark: str) -> None:
    event = told(changed(category=[before, after], status=["One", "Two"]))
    assert (event.sentence, event.mark) == (sentence, mark)
    assert [(one.label, one.before, one.after) for one in event.changes] == [("Status", "One", "Two")]


def test_the_moment_is_on_the_projects_own_clock() -> None:
    assert told(changed(title=["a", "b"])).when == "4 May 2026, 00:30"


def test_values_are_told_as_people_read_them() -> None:
    event = told(changed(points=[None, "2.5"], iteration=[None, 3], type=["bug", "task"], labels=[[], ["x", "y"]]))
    assert {one.label: one.after for one in event.changes} == {
        "Points": "2.5", "Iteration": "Sprint 3", "Type": "Task", "Labels": "x, y"
    }  # fmt: skip


def test_of_long_texts_only_the_fact_is_told() -> None:
    (change,) = told(changed(description=["secret old", "new"])).changes
    assert (change.label, change.before, change.after) == ("Description", "", "")


def test_a_field_that_nobody_opened_is_not_told() -> None:
    assert tell(changed(position=[1, 2]), CLIENT) is None
    assert tell(changed(cost_minor=[1, 2]), CLIENT) is None
    event = told(changed(cost_minor=[1, 2], title=["a", "b"], audience=["internal", "client"]))
    assert [one.label for one in event.changes] == ["Title"]


def test_staff_see_for_whom_an_item_is() -> None:
    event = told(changed(audience=["internal", "client"]), replace(CLIENT, is_staff=True))
    assert [(one.label, one.before, one.after) for one in event.changes] == [("Shown to", "Internal", "Client")]


def test_of_an_item_that_is_hidden_now_nothing_but_the_bare_fact_is_told() -> None:
    happening = happened(title=None, changes={"title": ["Secret A", "Secret B"]}, reason="Secret C")
    event = told(happening)
    assert (event.subject, event.link, event.reason, event.changes) == ("An item that is no longer shown", "", "", ())
    assert "Secret" not in repr(event)


@pytest.mark.parametrize(("actor", "by"), [("Wei", "Wei"), (AGENCY, "The team"), (None, "")])
def test_somebody_is_named_as_the_project_allows(actor: str | None, by: str) -> None:
    assert told(happened("item.added", actor=actor)).by == by


@pytest.mark.parametrize(
    ("names", "after"),
    [({"contributor:1": "Dan"}, ["Dan"]), ({"contributor:1": AGENCY}, ["The team"]), ({"contributor:1": None}, [])],
)
def test_so_is_who_was_assigned(names: dict[str, str | None], after: list[str]) -> None:
    happening = replace(changed(assignee=[None, "contributor:1"], title=["a", "b"]), names=names)
    assert [one.after for one in told(happening).changes if one.label == "Assigned to"] == after


def test_an_event_of_an_unknown_kind_is_told_without_its_body() -> None:
    event = told(happened("invoice.sent", title=None, amount="12", name="Secret"))
    assert (event.sentence, event.subject, event.changes) == ("The record was updated", "", ())


def test_what_may_be_told_is_this_list() -> None:
    assert set(FIELDS) == {
        "status", "points", "hours", "title", "type", "priority", "iteration", "milestone", "assignee", "labels",
        "blocked_reason", "description", "acceptance_criteria", "name", "goal", "starts_on", "ends_on", "promised_on",
        "agreed_on", "expected_on", "done_on", "closed_at",
    }  # fmt: skip


class Translated(NullTranslations):
    """A language that has words for what a change request brought and for one reason of the portal's own."""

    def gettext(self, message: str) -> str:
        """The translation of a message."""
        return {
            "Change request %(number)s: %(title)s": "Запрос %(number)s: %(title)s",
            "As in the contract.": "По договору.",
        }.get(message, message)


@pytest.fixture
def russian(monkeypatch: pytest.MonkeyPatch) -> Teller:
    """Somebody who reads in a language of these few words, whatever the catalogues hold."""
    monkeypatch.setattr(telling, "catalogue", lambda _locale: Translated())
    return replace(CLIENT, locale="ru")


def test_what_a_change_request_brought_says_so_in_the_readers_language(russian: Teller) -> None:
    event = happened("item.added", change_request=3, change_request_title="A railing", reason="")
    assert told(event, russian).reason == "Запрос 3: A railing"


def test_what_was_told_of_it_in_english_is_still_shown(russian: Teller) -> None:
    event = happened("item.removed", change_request=3, reason="Change request 3: A railing")
    assert told(event, russian).reason == "Change request 3: A railing"


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("As in the contract.", "По договору."),
        ("As in the contract. And no later.", "По договору. And no later."),
        ("As in the contract.s", "As in the contract.s"),
        ("The supplier is late.", "The supplier is late."),
        ("Done", "Done"),
        ("", ""),
    ],
)
def test_the_portals_own_reasons_are_translated_and_nobody_elses(russian: Teller, reason: str, says: str) -> None:
    assert told(happened("milestone.changed", reason=reason), russian).reason == says


def test_every_reason_that_a_room_gives_itself_is_known() -> None:
    of_changes = {AS_SIGNED, REVISED, OVERTAKEN, CONFIRMED, EXPIRED}
    of_acceptance = {BEGUN, plans.NEWER, accepting.NEWER, accepting.REACHED, DEEMED}
    assert of_changes | of_acceptance | {IMPORTED, BEING_CHANGED} == set(REASONS)
