"""The agency's systems that are told of events: for administrators alone."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Request
from pydantic import ConfigDict, Field, StringConstraints
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import IfMatch, editable
from api.deps import ReadSession, UnitOfWork, Viewing, settings_of
from api.doors import RobotDoor
from api.doors import router as door
from api.openapi import answers
from api.paging import Paged
from api.shapes import Incoming, Line, Moment, Outgoing, absent
from portal.notify.webhooks import commands, queries
from portal.notify.webhooks.models import WebhookEndpoint
from portal.notify.webhooks.queries import Behind, DeliveryRow
from portal.notify.webhooks.sealing import Seal

router = door("webhooks", "/webhooks", door=RobotDoor)

ADDRESS = "/api/v1/webhooks"
Url = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}\.([a-z][a-z0-9_]{0,39}|\*)$")]
Kinds = Annotated[list[Kind], Field(max_length=100)]
AudienceName = Literal["internal", "client", "billing"]
Audiences = Annotated[list[AudienceName], Field(min_length=1, max_length=3)]
ProjectKey = Annotated[str, StringConstraints(min_length=1, max_length=16)]


class WebhookNew(Incoming):
    """An endpoint: what it is told of is everything of all projects unless `kinds` or `project` say otherwise."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "Time keeping", "url": "https://time.agency.example/hooks", "kinds": ["item.*"]},
                {"name": "Books", "url": "https://books.agency.example/portal", "audiences": ["client", "billing"]},
            ]
        }
    )

    name: Line
    url: Url
    kinds: Kinds = absent()
    audiences: Audiences = absent()
    project: ProjectKey | None = absent()


class WebhookPatch(Incoming):
    """Changes of an endpoint. Switched on again it goes on where it stopped."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"disabled": False}, {"kinds": []}]})

    name: Line = absent()
    url: Url = absent()
    kinds: Kinds = absent()
    audiences: Audiences = absent()
    project: ProjectKey | None = absent()
    disabled: bool = absent()


class WebhookOut(Outgoing):
    """An endpoint. `disabled_reason` says who or what switched it off."""

    id: UUID
    name: str
    url: str
    kinds: list[str]
    audiences: list[AudienceName]
    project: str | None
    created_by: str
    created_at: Moment
    updated_at: Moment
    old_secret_until: Moment | None
    disabled_at: Moment | None
    disabled_reason: str | None


class WebhookSecret(WebhookOut):
    """An endpoint with its new secret, which is shown this once."""

    secret: str


class WebhookList(Outgoing):
    """All endpoints, the oldest first."""

    items: list[WebhookOut]


class DeliveryOut(Outgoing):
    """One try. `status` is null when no answer came; `response` is the answer's beginning, as it came."""

    id: int
    webhook_id: str
    project: str | None
    seq: int | None
    kind: str
    attempt: int
    at: Moment
    status: int | None
    milliseconds: int
    error: str | None
    response: str


class DeliveryPage(Outgoing):
    """A page of tries, the newest first."""

    items: list[DeliveryOut]
    next: str | None


class BehindOut(Outgoing):
    """A project whose last events are still to be delivered."""

    project: str
    delivered: int
    last: int
    attempts: int
    due_at: Moment | None
    failing_since: Moment | None


class BehindList(Outgoing):
    """The projects that an endpoint is behind with, those that fail first (at most 200)."""

    items: list[BehindOut]


class Replay(Incoming):
    """From which event of a project on everything is sent, once more or, with a later seq, at all."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"project": "BRIDGE", "from_seq": 1}]})

    project: ProjectKey
    from_seq: Annotated[int, Field(ge=1, le=2**53)]


class Trial(Outgoing):
    """A trial under way: look for its `webhook_id` among the deliveries."""

    webhook_id: str


async def _shape(db: Any, row: WebhookEndpoint) -> dict[str, Any]:
    return shape(row, (await queries.keys(db, [row])).get(row.only_project_id) if row.only_project_id else None)


def shape(row: WebhookEndpoint, project: str | None) -> dict[str, Any]:
    """An endpoint as JSON values, without its secret."""
    values = {name: getattr(row, name) for name in WebhookOut.model_fields if name != "project"}
    return WebhookOut(**values, project=project).shown()


def _allows_private(request: Request) -> bool:
    return settings_of(request).webhook_allow_private


@router.get("", responses=answers(WebhookList, "All endpoints, the oldest first."))
async def list_webhooks(viewer: Viewing, db: ReadSession) -> WebhookList:
    """All endpoints (at most 50)."""
    rows = await queries.endpoints(db, viewer)
    keys: dict[Any, str] = {**await queries.keys(db, rows)}
    return WebhookList.model_validate({"items": [shape(row, keys.get(row.only_project_id)) for row in rows]})


@router.post(
    "",
    status_code=201,
    responses=answers(WebhookSecret, "The endpoint with its secret.", status=201, headers=("Location",)),
)
async def add_webhook(
    request: Request, viewer: Viewing, db: UnitOfWork, wanted: Annotated[WebhookNew, json_body(WebhookNew)]
) -> Response:
    """Adds an endpoint, which is told of everything from now on. Keep the `secret`: it is not shown again."""
    made = await commands.add(
        db, viewer, wanted.given(), seal=Seal(settings_of(request)), allow_private=_allows_private(request)
    )
    shown = await _shape(db, made.endpoint) | {"secret": made.secret}
    return editable(shown, status_code=201, location=f"{ADDRESS}/{made.endpoint.id}")


@router.get("/{webhook_id}", responses=answers(WebhookOut, "The endpoint.", headers=("ETag",)))
async def read_webhook(viewer: Viewing, db: ReadSession, webhook_id: UUID) -> Response:
    """One endpoint."""
    return editable(await _shape(db, await queries.endpoint(db, viewer, webhook_id)))


@router.patch("/{webhook_id}", responses=answers(WebhookOut, "The endpoint as it is now.", headers=("ETag",)))
async def change_webhook(
    request: Request,
    viewer: Viewing,
    db: UnitOfWork,
    match: IfMatch,
    webhook_id: UUID,
    wanted: Annotated[WebhookPatch, json_body(WebhookPatch)],
) -> Response:
    """Changes an endpoint, switches it off or on again."""
    match.require(await _shape(db, await queries.endpoint(db, viewer, webhook_id, lock=True)))
    row = await commands.change(db, viewer, webhook_id, wanted.given(), allow_private=_allows_private(request))
    return editable(await _shape(db, row))


@router.delete("/{webhook_id}", status_code=204)
async def remove_webhook(viewer: Viewing, db: UnitOfWork, webhook_id: UUID) -> Response:
    """Removes an endpoint and its log."""
    await commands.remove(db, viewer, webhook_id)
    return Response(status_code=204)


@router.post("/{webhook_id}/rotation", responses=answers(WebhookSecret, "The endpoint with its new secret."))
async def rotate_secret(request: Request, viewer: Viewing, db: UnitOfWork, webhook_id: UUID) -> Response:
    """Gives the endpoint a new secret. For 24 hours what is sent carries a signature by each of the two."""
    made = await commands.rotate(db, viewer, webhook_id, seal=Seal(settings_of(request)))
    return editable(await _shape(db, made.endpoint) | {"secret": made.secret})


@router.get("/{webhook_id}/deliveries", responses=answers(DeliveryPage, "A page of tries.", headers=("Link",)))
async def list_deliveries(viewer: Viewing, db: ReadSession, paged: Paged, webhook_id: UUID) -> Response:
    """What was sent to an endpoint in the last 30 days and what came of it, the newest first."""
    after = paged.after()
    before = int(after[0]) if after else None
    rows = await queries.deliveries(db, viewer, webhook_id, before=before, limit=paged.limit + 1)
    return paged.page(rows, _key, _delivery)


def _key(row: DeliveryRow) -> tuple[int]:
    return (row.id,)


def _delivery(row: DeliveryRow) -> dict[str, Any]:
    return DeliveryOut.model_validate(row).shown()


@router.get("/{webhook_id}/behind", responses=answers(BehindList, "The projects with events still to be delivered."))
async def list_behind(viewer: Viewing, db: ReadSession, webhook_id: UUID) -> BehindList:
    """The projects that an endpoint is behind with: how far it got, and since when the next event fails."""
    rows: list[Behind] = await queries.behind(db, viewer, webhook_id)
    return BehindList(items=[BehindOut.model_validate(row) for row in rows])


@router.post("/{webhook_id}/replay", status_code=204)
async def replay_events(
    viewer: Viewing, db: UnitOfWork, webhook_id: UUID, wanted: Annotated[Replay, json_body(Replay)]
) -> Response:
    """Sends a project's events from a seq on, with the same `webhook-id`s as before."""
    await commands.replay(db, viewer, webhook_id, wanted.project, wanted.from_seq)
    return Response(status_code=204)


@router.post("/{webhook_id}/test", status_code=202, responses=answers(Trial, "The trial is under way.", status=202))
async def try_out(viewer: Viewing, db: UnitOfWork, webhook_id: UUID) -> Response:
    """Sends a trial (`portal.test`) within seconds, to an endpoint that is switched off too."""
    told = Trial(webhook_id=await commands.ask_for_trial(db, viewer, webhook_id))
    return editable(told.shown(), status_code=202)
