"""The door by which a provider ends sessions here (OpenID Connect Back-Channel Logout 1.0): no cookie, no page."""

import logging
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from portal.identity import commands, oidc, tokens
from portal.identity.fetch import ProviderFault
from portal.identity.providers import Provider
from portal.identity.tokens import TokenRefused
from web.auth import providers_of
from web.deps import database_of

log = logging.getLogger("portal.identity")

MOST_BYTES = 2 * tokens.MOST_CHARACTERS
NOT_KEPT = {"Cache-Control": "no-store"}

router = APIRouter(include_in_schema=False)


@router.post("/auth/backchannel-logout/{provider}", name="backchannel_logout")
async def backchannel_logout(request: Request, provider: str) -> Response:
    """Ends the sessions that the provider's logout token names: 200 when done, 400 for what is not to be believed."""
    try:
        asked = providers_of(request).by_name.get(provider)
        if asked is None:
            raise TokenRefused("no such provider")
        claims = await _believed(asked, await _logout_token(request))
        async with database_of(request).write() as db:
            ended = await commands.logged_out_by_provider(db, claims)
    except (TokenRefused, ProviderFault) as refused:
        log.warning("back-channel logout refused", extra={"reason": refused.message})
        return JSONResponse({"error": "invalid_request"}, 400, NOT_KEPT)
    log.info("back-channel logout", extra={"provider": provider, "sessions": ended})
    return Response(status_code=200, headers=NOT_KEPT)


async def _logout_token(request: Request) -> str:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise TokenRefused("not a form")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                raise TokenRefused("too large a form")
        fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=10)
    except (ValueError, ClientDisconnect):
        raise TokenRefused("not a readable form") from None
    given = [value for name, value in fields if name == "logout_token"]
    if len(given) != 1:
        raise TokenRefused("not exactly one logout token")
    return given[0]


async def _believed(provider: Provider, text: str) -> dict[str, object]:
    token = tokens.take_apart(text)
    metadata = await provider.issuer.metadata()
    claims = await oidc.verified(provider.issuer, token, metadata)
    return tokens.logout_token(token, claims, issuer=metadata.issuer, client_id=provider.settings.client_id)
