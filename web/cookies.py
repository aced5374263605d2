"""The cookies of sign-in: bound to this host where https allows it, unreadable for scripts, never trusted in pairs."""

from starlette.requests import HTTPConnection
from starlette.responses import Response

from portal.settings import Settings


def name_of(settings: Settings, purpose: str) -> str:
    """A cookie's name; on https the browser itself refuses it from anywhere but this very host."""
    return f"__Host-portal_{purpose}" if settings.is_secure else f"portal_{purpose}"


def only(request: HTTPConnection, name: str) -> str | None:
    """The value of a cookie that was sent exactly once; of two of a name, somebody else planted one."""
    wanted = name + "="
    parts = [part.strip() for header in request.headers.getlist("cookie") for part in header.split(";")]
    found = [part.removeprefix(wanted) for part in parts if part.startswith(wanted)]
    return found[0] if len(found) == 1 and found[0] else None


def keep(response: Response, settings: Settings, name: str, value: str, seconds: int) -> None:
    """Gives the browser a cookie. Lax, not Strict: the way back from a provider is cross-site."""
    response.set_cookie(
        name, value, max_age=seconds, path="/", secure=settings.is_secure, httponly=True, samesite="lax"
    )


def drop(response: Response, settings: Settings, name: str) -> None:
    """Takes a cookie away from the browser."""
    response.delete_cookie(name, path="/", secure=settings.is_secure, httponly=True, samesite="lax")
