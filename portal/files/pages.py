"""Which part of a file's preview shows which page: pictures of a PDF's pages lie in it one behind the other. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from portal.errors import NotFound
from portal.files.models import File


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a file: its size in points, and from where to where its picture lies in the preview (None: its end)."""

    number: int
    width: int
    height: int
    preview: bytes
    """SHA-256."""
    start: int = 0
    end: int | None = None

    @property
    def is_drawn(self) -> bool:
        """Whether there is a picture of it: a broken page has none."""
        return self.start != self.end


def pages_of(file: File) -> Sequence[Page]:
    """The pages of a file that are shown, broken ones among them; a picture is one page, and no preview is none."""
    if file.preview is None:
        return ()
    if file.pages is None:
        return (Page(1, file.width or 1, file.height or 1, file.preview),)
    places = pairwise(accumulate((size for _, _, size in file.pages), initial=0))
    return [
        Page(number, width, height, file.preview, *place)
        for number, ((width, height, _), place) in enumerate(zip(file.pages, places, strict=True), start=1)
    ]


def count_of(file: File | None) -> int:
    """How many pages of a file are shown; one where nothing else is known."""
    return len(file.pages) if file is not None and file.pages else 1


def picture_of(file: File, number: int) -> Page:
    """A page of which there is a picture. Raises NotFound."""
    found = next((page for page in pages_of(file) if page.number == number and page.is_drawn), None)
    if found is None:
        raise NotFound("There is no preview of this file." if number == 1 else "There is no picture of this page.")
    return found
