"""Who may call the API: translates `portal.identity.bearer` into the API's problems. No cookie is ever looked at."""

from starlette.requests import Request

from api.deps import Caller, database_of, settings_of
from api.problems import Refused
from portal.identity import bearer
from portal.identity.bearer import READ, WRITE, BearerRefused, NotStaff
from portal.identity.providers import Providers

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
KINDS = {"": "unauthorized", "invalid_token": "unauthorized", "invalid_request": "malformed",
         "insufficient_scope": "forbidden"}  # fmt: skip


async def authenticate(request: Request) -> Caller:
    """The caller, who may read with `staff:read` and change with `staff:write`; commands ask for more where it matters.

    Raises Refused with the challenge of RFC 6750, Unavailable when the token issuer cannot be asked.
    """
    providers: Providers = request.app.state.providers
    needs = READ if request.method in SAFE_METHODS else WRITE
    try:
        token = bearer.token_of(request.headers.getlist("authorization"))
        found = await bearer.recognise(database_of(request), settings_of(request), providers.api, token, needs=needs)
    except BearerRefused as refused:
        raise Refused(
            KINDS[refused.error], refused.message, headers={"WWW-Authenticate": _challenge(refused)}
        ) from None
    except NotStaff as refused:
        raise Refused("forbidden", refused.message) from None
    return Caller(found.viewer, found.scopes)


def _challenge(refused: BearerRefused) -> str:
    parts = ['realm="portal"']
    if refused.error:
        parts.append(f'error="{refused.error}"')
    if refused.scope:
        parts.append(f'scope="{refused.scope}"')
    return "Bearer " + ", ".join(parts)
