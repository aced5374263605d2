"""Styles, script and icon: read once, named by their content, kept by browsers for ever."""

import gzip
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import PlainTextResponse, Response

FOLDER = Path(__file__).parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"
WORTH_PACKING_BYTES = 500
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served."""

    body: bytes
    packed: bytes | None
    type: str


@lru_cache(1)
def _assets() -> tuple[dict[str, str], dict[str, Asset]]:
    names: dict[str, str] = {}
    assets: dict[str, Asset] = {}
    for path in sorted(FOLDER.iterdir()):
        if path.is_file():
            body = path.read_bytes()
            address = f"{path.stem}.{sha256(body).hexdigest()[:16]}{path.suffix}"
            names[path.name] = f"/static/{address}"
            packed = gzip.compress(body, 9, mtime=0) if len(body) > WORTH_PACKING_BYTES else None
            kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            assets[address] = Asset(body, packed, kind)
    return names, assets


def static_url(name: str) -> str:
    """The address of a file in `static/`, with its content's hash in it. Raises KeyError for an unknown name."""
    return _assets()[0][name]


def _answer(request: Request, asset: Asset, cache: str) -> Response:
    headers = {"Cache-Control": cache, "Vary": "Accept-Encoding"}
    if asset.packed and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, media_type=asset.type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(asset.body, media_type=asset.type, headers=headers)


@router.get("/static/{address}", name="static")
async def static(request: Request, address: str) -> Response:
    """One file by its full name; an older content's name answers 404, never another content."""
    asset = _assets()[1].get(address)
    if asset is None:
        raise HTTPException(404)
    return _answer(request, asset, FOR_EVER)


@router.get("/favicon.ico", name="favicon")
async def favicon(request: Request) -> Response:
    """The icon for browsers that ask without reading the page."""
    address = static_url("icon.svg").removeprefix("/static/")
    return _answer(request, _assets()[1][address], "public, max-age=86400")


@router.get("/robots.txt", name="robots")
async def robots() -> Response:
    """Nothing here is for search engines."""
    return PlainTextResponse("User-agent: *\nDisallow: /\n", headers={"Cache-Control": "public, max-age=86400"})
