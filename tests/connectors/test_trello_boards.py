"""Trello boards: a list's name at the time decides the state; what is no work or no longer there is told apart."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from portal.backlog.models import Category
from portal.connectors.model import Field
from tests.connectors.conftest import DATA, DEMO, by_key, losses, read, told

LISTS = {"l1": "Backlog", "l2": "Doing", "l3": "Done"}


def card(number, where="l1", name=None, **more):
    usual = {
        "id": f"64{number:022x}",
        "idShort": number,
        "idList": where,
        "name": name or f"Card {number}",
        "pos": 1024 * number,
    }
    return usual | more


def action(day, kind, number=None, **data):
    about = {"card": {"id": f"64{number:022x}", "idShort": number}} if number else {}
    return {"id": f"a{day}{kind}", "idMemberCreator": "m1", "type": kind, "date": f"2023-03-{day:02}T10:00:00.000Z",
            "data": about | data}  # fmt: skip


def moved(day, number, before, after):
    return action(day, "updateCard", number, old={"idList": before}, listBefore={"id": before}, listAfter={"id": after})


def renamed(day, ref, before):
    return action(day, "updateList", list={"id": ref}, old={"name": before})


def board(*cards, actions=(), lists=None, **more):
    named = [{"id": ref, "name": name, "closed": False} for ref, name in (lists or LISTS).items()]
    members = [{"id": "m1", "fullName": "Ana Ruiz"}, {"id": "m2", "fullName": "Bo Lind"}]
    return {"id": "b1", "name": "Quay", "shortLink": "Qy", "cards": list(cards), "lists": named, "members": members,
            "actions": list(actions), **more}  # fmt: skip


def test_moves_are_walked_backwards_from_where_a_card_is():
    actions = [action(1, "createCard", 1, list={"id": "l1"}), moved(3, 1, "l1", "l2"), moved(5, 1, "l2", "l3")]
    project = read("trello", board(card(1, "l3"), actions=reversed(actions)))
    (item,) = project.items
    assert told(project, item, Field.STATUS) == ["Backlog", "Doing", "Done"]
    assert (item.created_at, item.author) == (datetime(2023, 3, 1, 10, tzinfo=UTC), "trello-user:m1")


def test_a_card_made_in_done_is_done_from_the_beginning():
    project = read("trello", board(card(1, "l3"), actions=[action(1, "createCard", 1, list={"id": "l3"})]))
    assert told(project, project.items[0], Field.STATUS) == ["Done"]


def test_a_list_that_is_renamed_takes_its_cards_along():
    actions = [action(1, "createCard", 1, list={"id": "l9"}), renamed(6, "l9", "In Progress")]
    project = read("trello", board(card(1, "l9"), actions=actions, lists={"l9": "Completed last week"}))
    assert told(project, project.items[0], Field.STATUS) == ["In Progress", "Completed last week"]
    assert project.items[0].changes[0].at == datetime(2023, 3, 6, 10, tzinfo=UTC)


def test_an_archived_card_is_dropped_unless_it_was_done():
    archived = [action(7, "updateCard", number, old={"closed": False}) for number in (1, 2)]
    project = read("trello", board(card(1, "l2", closed=True), card(2, "l3", closed=True), actions=archived))
    items = by_key(project)
    assert told(project, items["#1"], Field.STATUS) == ["Doing", "Archived"]
    assert told(project, items["#2"], Field.STATUS) == ["Done"]


def test_a_deleted_card_was_work_until_it_was_deleted():
    project = read("trello", board(card(1), actions=[action(8, "deleteCard", 2, list={"id": "l1"})]))
    gone = by_key(project)["#2"]
    assert told(project, gone, Field.DELETED) == [False, True]
    assert gone.current()[Field.TITLE] == "Deleted card 2"


def test_lists_that_are_no_work_are_left_out_by_guess_and_by_mapping_file():
    lists = LISTS | {"l8": "Meeting notes", "l9": "Harbour"}
    one = board(card(1), card(2, "l8"), card(3, "l9"), lists=lists)
    assert by_key(read("trello", one)).keys() == {"#1", "#3"}
    assert by_key(read("trello", one, {"lists": {"meeting notes": "todo", "Harbour": "ignore"}})).keys() == {"#1", "#2"}


def test_a_card_enters_the_project_when_it_comes_into_a_list_of_work():
    actions = [action(1, "createCard", 1, list={"id": "l8"}), moved(4, 1, "l8", "l1")]
    project = read("trello", board(card(1), actions=actions, lists=LISTS | {"l8": "Feedback"}))
    (item,) = project.items
    assert (item.born_at, item.changes) == (datetime(2023, 3, 4, 10, tzinfo=UTC), ())


def test_a_card_that_leaves_work_is_gone_from_then_on():
    actions = [action(1, "createCard", 1, list={"id": "l1"}), moved(4, 1, "l1", "l8")]
    project = read("trello", board(card(1, "l8"), actions=actions, lists=LISTS | {"l8": "Feedback"}))
    assert told(project, project.items[0], Field.DELETED) == [False, True]


def test_a_line_between_cards_is_no_card():
    assert losses(read("trello", board(card(1), card(2, name="---"))))["cards"] == 1


@pytest.mark.parametrize(
    ("titles", "points"),
    [
        (["(3) Login", "(0.5) Logout"], [Decimal(3), Decimal("0.5")]),
        (["(3) Login [2]", "(5) Logout"], [Decimal(3), Decimal(5)]),
        (["Login [3]", "Logout [5]"], [Decimal(3), Decimal(5)]),
        (["(?) Login", "(5) Logout"], [None, Decimal(5)]),
        (["(2019) Login", "Logout"], [None, None]),
    ],
)
def test_points_are_read_from_titles_where_a_board_has_that_custom(titles, points):
    project = read("trello", board(*(card(number, name=title) for number, title in enumerate(titles, 1))))
    assert [item.current()[Field.POINTS] for item in project.items] == points


def test_titles_lose_their_points_and_used_points_are_counted():
    project = read("trello", board(card(1, name="(3) Login [2]"), card(2, name="(5) Logout")))
    assert [item.current()[Field.TITLE] for item in project.items] == ["Login", "Logout"]
    assert losses(project)["used points"] == 1


def test_points_are_read_from_a_custom_field():
    fields = [{"id": "f1", "name": "Story Points", "type": "number"}]
    items = [{"idCustomField": "f1", "value": {"number": "8"}}]
    project = read("trello", board(card(1, customFieldItems=items), customFields=fields))
    assert project.items[0].current()[Field.POINTS] == 8


def test_a_board_with_a_thousand_actions_says_that_older_ones_are_missing():
    actions = [action(2, "commentCard", 1) | {"id": f"a{number}"} for number in range(1000)]
    project = read("trello", board(card(1), actions=actions))
    assert "2023-03-02" in next(loss.detail for loss in project.losses.all() if loss.what == "actions")


def test_a_card_whose_creation_is_missing_is_as_old_as_its_id():
    item = read("trello", board(card(1), actions=[moved(4, 1, "l2", "l1")])).items[0]
    assert item.created_at == datetime.fromtimestamp(0x64000000, UTC)


def test_members_come_and_go():
    actions = [action(1, "createCard", 1, list={"id": "l1"}), action(3, "addMemberToCard", 1, idMember="m2")]
    project = read("trello", board(card(1, idMembers=["m2"]), actions=actions))
    assert told(project, project.items[0], Field.ASSIGNEE) == [None, "trello-user:m2"]


def test_checklists_stay_readable_and_are_named():
    project = read("trello", DATA / "trello" / "checklists-small.json")
    item = by_key(project)["#3"]
    assert (
        "- [x] Add cards: empty, with description, with checklists and with attachments"
        in item.current()[Field.CRITERIA]
    )
    assert losses(project)["checklists"] == 2


@pytest.fixture(scope="module")
def recalls():
    """A real board on which lists are renamed while in use, one for each release."""
    return read("trello", DEMO / "fda-food-recalls.json")


def test_every_card_of_the_recalls_board_is_an_item_or_named(recalls):
    assert recalls.counts == {"cards": 69, "cards that were deleted": 1, "lists": 19, "actions": 392}
    assert len(recalls.items) + losses(recalls)["cards"] == 70


def test_its_releases_are_done_and_milestones_with_their_days(recalls):
    names = {one.ref: one for one in recalls.statuses}
    done = [item for item in recalls.items if names[item.current()[Field.STATUS]].category is Category.DONE]
    assert len(done) == 44
    assert all(item.current()[Field.MILESTONE] for item in done)
    assert {one.name: str(one.done_on) for one in recalls.milestones}["2015-06-27 Release"] == "2015-06-27"


def test_its_work_in_progress_became_done_when_the_list_was_renamed(recalls):
    item = by_key(recalls)["#38"]
    assert told(recalls, item, Field.STATUS) == ["Issues", "In Progress", "Done"]
    at = [change.at for change in item.changes if change.field is Field.STATUS]
    assert at[-1] == datetime(2015, 6, 28, 13, 56, 2, 232000, tzinfo=UTC)
    assert item.current()[Field.MILESTONE] == "trello-list:5582b73fd498e78f6002feba"


def test_the_student_board_keeps_work_apart_from_meetings_and_files():
    project = read("trello", DATA / "trello" / "tapmovies.json")
    names = {one.ref: one.name for one in project.statuses}
    found = [names[item.current()[Field.STATUS]] for item in project.items]
    assert {name: found.count(name) for name in found} == {"Done": 23, "To Do": 11, "Doing": 1, "Archived": 1}
    made_in_done = [item for item in project.items if told(project, item, Field.STATUS)[0] == "Done"]
    assert len(made_in_done) == 17
    assert losses(project)["deleted cards"] == 10
