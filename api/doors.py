"""The kind of route that the API is made of: what holds for every operation is done here, so that none can forget it.

Each operation checks the token's scope first; a name in the query that it does not know is refused; a POST is answered
once for each Idempotency-Key. Bodies are read by dependencies (bodies.py) and described to OpenAPI from there.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, ClassVar, cast, get_args, get_origin, get_type_hints

from fastapi import APIRouter, Request, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.responses import Response

from api import idempotency
from api.conditional import if_match
from api.deps import caller_of
from api.problems import Refused
from portal.errors import Conflict, NotAllowed
from portal.identity.bearer import ADMIN, READ, WRITE

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Door(APIRoute):
    """An operation of the API: GET needs `staff:read`, everything else `staff:write`."""

    reads: ClassVar[str] = READ
    writes: ClassVar[str] = WRITE

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        described = options.pop("openapi_extra", None) or {}
        if (model := body_model(endpoint)) is not None and "requestBody" not in described:
            described |= {"requestBody": _json_request(model)}
        super().__init__(path, endpoint, openapi_extra=described, **options)

    @property
    def edits(self) -> bool:
        """Whether the operation changes something that was read before, and so needs If-Match."""
        return any(needed.call is if_match for needed in self.dependant.dependencies)

    @property
    def takes_query(self) -> bool:
        """Whether anything in the query can be wrong."""
        return bool(_query_names(self))

    @property
    def needs(self) -> str:
        """The scope that a token must have for this operation."""
        return self.reads if self.methods == {"GET"} else self.writes

    def get_route_handler(self) -> Handler:
        """FastAPI's handler between our checks before and our bookkeeping after."""
        answer, known = super().get_route_handler(), _query_names(self)

        async def handle(request: Request) -> Response:
            _require_scope(request, self.needs)
            _refuse_unknown(request, known)
            return await (_once(request, answer) if request.method == "POST" else answer(request))

        return handle


class AdminDoor(Door):
    """An operation on who may come in: reading needs `staff:read`, changing `staff:admin`."""

    writes = ADMIN


class RobotDoor(Door):
    """An operation that needs `staff:admin` even for reading."""

    reads = ADMIN
    writes = ADMIN


def router(tag: str, prefix: str = "", *, door: type[Door] = Door) -> APIRouter:
    """A room's router; all of them live under /v1."""
    return APIRouter(prefix=f"/v1{prefix}", tags=[tag], route_class=door, redirect_slashes=False)


def _require_scope(request: Request, needed: str) -> None:
    if needed not in caller_of(request).scopes:
        challenge = f'Bearer error="insufficient_scope", scope="{needed}"'
        raise Refused("forbidden", f"This needs the scope {needed}.", headers={"WWW-Authenticate": challenge})
    if not caller_of(request).viewer.is_staff:
        raise NotAllowed("The API is for the agency's staff and robots.")


def _refuse_unknown(request: Request, known: frozenset[str]) -> None:
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        message = "There is no such parameter here." if name not in known else "This stands more than once."
        if name not in known or given.count(name) > 1:
            raise RequestValidationError(
                [{"type": "value_error", "loc": ("query", name), "msg": message, "input": request.query_params[name]}]
            )


def _query_names(route: APIRoute) -> frozenset[str]:
    known = (one for one in get_flat_params(route.dependant) if isinstance(one.field_info, params.Query))
    return frozenset(one.alias for one in known)


async def _once(request: Request, answer: Handler) -> Response:
    """The answer to a POST: the first one again if its key was used before, and kept with its effect if not."""
    claim = (caller_of(request).viewer.actor, idempotency.key_of(request))
    under_way: set[tuple[str, str]] = request.app.state.under_way
    if claim in under_way:
        raise Conflict("A request with this Idempotency-Key is still being answered.")
    under_way.add(claim)
    try:
        response = await answer(request)
        await idempotency.remember(request.state.pending, response)
        return response
    except idempotency.Replayed as earlier:
        return earlier.response
    finally:
        under_way.discard(claim)


def body_model(endpoint: Callable[..., Any]) -> type[BaseModel] | None:
    """The model of the JSON body that a handler asks for, if it does."""
    for hint in get_type_hints(endpoint, include_extras=True).values():
        if get_origin(hint) is Annotated:
            for extra in get_args(hint)[1:]:
                if isinstance(extra, params.Depends) and (model := getattr(extra.dependency, "body_model", None)):
                    return cast(type[BaseModel], model)
    return None


def _json_request(model: type[BaseModel]) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
    examples = (model.model_config.get("json_schema_extra") or {}).get("examples")  # type: ignore[union-attr]
    if isinstance(examples, list):
        content["examples"] = {f"example {at}": {"value": value} for at, value in enumerate(examples, start=1)}
    return {"required": True, "content": {"application/json": content}}
