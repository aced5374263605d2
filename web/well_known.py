"""What anybody may fetch: the public keys by which our signatures are checked, and whom to tell of a fault."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

router = APIRouter(include_in_schema=False)


@router.get("/.well-known/portal-keys.json")
async def portal_keys(request: Request) -> JSONResponse:
    """The public keys, in use and retired, as a JWK set (RFC 7517)."""
    return JSONResponse(request.app.state.keys.jwks(), headers={"Cache-Control": "public, max-age=300"})
