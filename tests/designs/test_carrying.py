"""Where a remark stands on later versions."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.designs.carrying import Part, Place, carried, chain, next_position, shows

WEB = "https://proto.example/"


def made(*parts: int | str) -> list[Part]:
    """A version of parts with one page each."""
    return [Part(one) for one in parts]


@pytest.mark.parametrize(
    ("position", "before", "after", "found"),
    [
        (1, [1], [2], 1),  # a new picture in the old one's place
        (1, [1], [1], 1),  # the same picture
        (1, [1, 2], [2, 1], 2),  # the same picture, elsewhere
        (1, [1, 2], [2], None),  # it is gone, and an old acquaintance stands in its place
        (2, [1, 2], [3], None),  # there is no such place any more
        (2, [1, 2], [3, 4, 5], 2),
        (1, [1, 2], [3, 1], 2),
        (2, [1, WEB], [1, 2, WEB], 3),  # a prototype is recognised by its address, whatever its snapshot
        (2, [1, WEB], [1, 2], 2),
    ],
)
def test_a_remark_follows_its_picture(
    position: int, before: Sequence[int | str], after: Sequence[int | str], found: int | None
) -> None:
    assert next_position(position, made(*before), made(*after)) == found


def test_a_place_that_was_lost_does_not_come_back() -> None:
    assert carried(Place(2, 10, 20), [made(1, 2), made(3), made(1, 2)]) is None


@pytest.mark.parametrize(
    ("pages", "found"), [((3, 3), 3), ((3, 5), 3), ((3, 2), None), ((3, 2, 3), None), ((3, 3, 1), None)]
)
def test_a_remark_stays_on_its_page_as_long_as_there_is_one(pages: tuple[int, ...], found: int | None) -> None:
    place = carried(Place(1, 10, 20, 3), [[Part(number, of)] for number, of in enumerate(pages)])
    assert (place.page if place else None) == found


def test_a_prototype_is_recognised_whatever_its_snapshots_have_of_pages() -> None:
    assert carried(Place(1, 10, 20, 2), [[Part(WEB, 2)], [Part(7), Part(WEB, 4)]]) == Place(2, 10, 20, 2)


VERSION = st.lists(st.builds(Part, st.integers(1, 9), st.integers(1, 3)), min_size=1, max_size=4, unique=True)
HISTORY = st.lists(VERSION, min_size=1, max_size=6)


@st.composite
def remarks(draw: st.DrawFn) -> tuple[Place, Sequence[Sequence[Part]]]:
    """A history of versions, and a place on the first one."""
    history = draw(HISTORY)
    x, y = draw(st.integers(0, 10_000)), draw(st.integers(0, 10_000))
    position = draw(st.integers(1, len(history[0])))
    return Place(position, x, y, draw(st.integers(1, history[0][position - 1].pages))), history


@given(remarks())
def test_a_carried_remark_keeps_its_point_and_stands_on_a_picture_of_the_last_version(remark) -> None:
    place, history = remark
    found = carried(place, history)
    if found is not None:
        assert (found.x, found.y, found.page) == (place.x, place.y, place.page)
        assert 1 <= found.position <= len(history[-1])
        assert found.page <= history[-1][found.position - 1].pages


@given(remarks())
def test_as_long_as_its_picture_stays_so_does_the_remark(remark) -> None:
    place, history = remark
    picture = history[0][place.position - 1]
    found = carried(place, history)
    if all(picture in version and version[version.index(picture)].pages >= place.page for version in history):
        assert found is not None
        assert history[-1][found.position - 1] == picture


@given(remarks())
def test_carrying_step_by_step_is_carrying_at_once(remark) -> None:
    place, history = remark
    step: Place | None = place
    for at in range(len(history) - 1):
        step = carried(step, history[at : at + 2]) if step is not None else None
    assert carried(place, history) == step


@given(HISTORY.filter(lambda history: len(history) > 1))
def test_two_remarks_on_two_pictures_never_land_on_one(history) -> None:
    found = [carried(Place(position, 0, 0), history) for position in range(1, len(history[0]) + 1)]
    landed = [place.position for place in found if place is not None]
    assert len(landed) == len(set(landed))


@given(st.integers(1, 9), st.none() | st.integers(1, 9), st.integers(1, 9))
def test_a_version_shows_what_was_said_before_it_and_not_settled_before_it(made_on, resolved_on, version) -> None:
    until = 10 if resolved_on is None else resolved_on
    assert shows(made_on, resolved_on, version) == (made_on <= version <= until)


def test_a_draft_that_was_never_shown_moves_nothing() -> None:
    published, drafts = {1: [1, 2], 3: [1, 2]}, {2: [2], 4: [7, 2]}
    assert chain(1, 3, published, drafts) == [[1, 2], [1, 2]]
    assert chain(1, 4, published, drafts) == [[1, 2], [1, 2], [7, 2]]
    assert chain(2, 3, published, drafts) == [[2], [1, 2]]
    assert chain(2, 2, published, drafts) == [[2]]


@given(HISTORY, st.sets(st.integers(1, 6)))
def test_a_client_sees_a_remark_where_staff_see_it(history, shown) -> None:
    """What the client is shown depends on no draft: the same with and without them."""
    numbers = range(1, len(history) + 1)
    published = {n: history[n - 1] for n in numbers if n in shown}
    drafts = {n: history[n - 1] for n in numbers if n not in shown}
    for made_on in published:
        for version in (n for n in published if n >= made_on):
            assert chain(made_on, version, published, drafts) == chain(made_on, version, published, {})
