"""What became of mail: the addresses that it cannot be delivered to."""

from typing import Any, Literal

from starlette.responses import Response

from api.deps import ReadSession, Viewing
from api.doors import router as door
from api.openapi import answers
from api.paging import Paged
from api.shapes import Moment, Outgoing
from portal.notify import refused
from portal.notify.models import MailRefused

router = door("mail", "/mail")


class RefusedOut(Outgoing):
    """An address that was refused for ever: by our mail server at once, or by a message that came back."""

    address: str
    source: Literal["smtp", "bounce"]
    status: str
    first_at: Moment
    last_at: Moment
    times: int


class RefusedPage(Outgoing):
    """A page of refused addresses in the order of the alphabet."""

    items: list[RefusedOut]
    next: str | None


def shape(row: MailRefused) -> dict[str, Any]:
    """A refused address as JSON values."""
    return RefusedOut.model_validate(row).shown()


@router.get("/refused", responses=answers(RefusedPage, "A page of refused addresses.", headers=("Link",)))
async def list_refused(viewer: Viewing, db: ReadSession, paged: Paged) -> Response:
    """The addresses that mail could not be delivered to, for ever. An address that takes mail again leaves the list."""
    viewer.require_staff()
    after = paged.after()
    rows = await refused.refused(db, after=str(after[0]) if after else "", limit=paged.limit + 1)
    return paged.page(rows, _key, shape)


def _key(row: MailRefused) -> tuple[str]:
    return (row.address,)
