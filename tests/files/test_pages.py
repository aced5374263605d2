"""Which part of a file's preview shows which page."""

import pytest

from portal.errors import NotFound
from portal.files.models import File
from portal.files.pages import Page, count_of, pages_of, picture_of

SHA = b"x" * 32
SIZES = [[400, 200, 10], [0, 0, 0], [300, 200, 5]]


def test_a_picture_is_one_page_to_the_end_of_its_preview() -> None:
    file = File(preview=SHA, width=40, height=30)
    assert pages_of(file) == (Page(1, 40, 30, SHA),)
    assert picture_of(file, 1).is_drawn


def test_the_pages_of_a_document_lie_one_behind_the_other_and_a_broken_one_has_no_picture() -> None:
    pages = pages_of(File(preview=SHA, page_count=12, pages=SIZES))
    assert [(page.number, page.start, page.end) for page in pages] == [(1, 0, 10), (2, 10, 10), (3, 10, 15)]
    assert [page.is_drawn for page in pages] == [True, False, True]


def test_what_was_not_drawn_has_no_page() -> None:
    assert pages_of(File(preview=None)) == ()
    assert [count_of(file) for file in (None, File(preview=SHA), File(preview=SHA, pages=SIZES))] == [1, 1, 3]


@pytest.mark.parametrize("number", [0, -1, 2, 4])
def test_a_page_without_a_picture_is_not_found(number: int) -> None:
    with pytest.raises(NotFound):
        picture_of(File(preview=SHA, pages=SIZES), number)
