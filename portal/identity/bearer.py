"""Who calls the staff API, by an RFC 9068 access token of the configured issuer.

A scope alone makes nobody staff: providers grant any scope that is asked for. A robot is a client id that was
registered here (settings, or the table), and its tokens name it as their subject, too; a person is staff by a group in
their token. A client's own user is neither, whatever scopes their token has.
"""

import hashlib
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from portal.access import StaffRole, Viewer
from portal.db import Database
from portal.errors import PortalError
from portal.identity import oidc, queries, tokens
from portal.identity.keys import Keys
from portal.identity.profile import display_name, verified_email
from portal.identity.providers import Issuer
from portal.identity.tokens import TokenRefused, Unverified
from portal.people import recognition
from portal.people.models import Person
from portal.settings import Settings

READ, WRITE, ADMIN = "staff:read", "staff:write", "staff:admin"
INCLUDES = {ADMIN: {ADMIN, WRITE, READ}, WRITE: {WRITE, READ}, READ: {READ}}
ROBOT_ROLES = {
    ADMIN: frozenset({StaffRole.ADMIN}),
    WRITE: frozenset({StaffRole.MEMBER, StaffRole.MANAGER}),
    READ: frozenset({StaffRole.MEMBER}),
}
MOST_REMEMBERED = 2000

# Checking a signature costs more than answering many a call. What was checked stays with the very keys that did it;
# times, audience and the caller's rights are looked at anew each time.
_CHECKED: WeakKeyDictionary[Keys, dict[bytes, Unverified]] = WeakKeyDictionary()


class BearerRefused(PortalError):
    """A call that nobody is recognised by. `error` is RFC 6750's code; "" when no token was sent."""

    def __init__(self, error: str, message: str, *, scope: str | None = None) -> None:
        super().__init__(message)
        self.error = error
        self.scope = scope


class NotStaff(PortalError):
    """A good token of somebody who is not of the agency."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """Who calls, and the scopes that their token has, with those that they include."""

    viewer: Viewer
    scopes: frozenset[str]


def token_of(headers: list[str]) -> str:
    """The token in the Authorization headers. Raises BearerRefused."""
    if len(headers) > 1:
        raise BearerRefused("invalid_request", "Send one Authorization header.")
    scheme, _, token = (headers[0] if headers else "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise BearerRefused("", "Send an access token: Authorization: Bearer …")
    return token.strip()


async def recognise(
    database: Database, settings: Settings, issuer: Issuer | None, token: str, *, needs: str
) -> Recognised:
    """The caller with this token, who needs the scope `needs`.

    Raises BearerRefused, NotStaff, or ProviderFault when the issuer's keys cannot be had.
    """
    claims = await _believed(settings, issuer, token)
    granted = frozenset[str]().union(*(INCLUDES.get(one, set()) for one in claims.get("scope", "").split()))
    if claims["sub"] == claims["client_id"]:
        found = await _robot(database, settings, claims, granted)
    else:
        found = await _person(database, settings, claims, granted)
    if needs not in found.scopes:
        raise BearerRefused("insufficient_scope", f"This needs the scope {needs}.", scope=needs)
    return found


async def _believed(settings: Settings, issuer: Issuer | None, text: str) -> dict[str, Any]:
    if issuer is None:
        raise BearerRefused("invalid_token", "This portal accepts no tokens: PORTAL_API_ISSUER is not set.")
    try:
        token = await _checked(issuer, text)
        return tokens.access_token(token, token.claims, issuer=issuer.issuer, audience=settings.audience)
    except TokenRefused as refused:
        raise BearerRefused("invalid_token", f"The access token is not accepted: {refused.message}.") from None


async def _checked(issuer: Issuer, text: str) -> Unverified:
    name = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
    remembered = _CHECKED.setdefault(await issuer.keys_for(None), {})
    if name in remembered:
        return remembered[name]
    token = tokens.take_apart(text)
    await oidc.verified(issuer, token)
    remembered = _CHECKED.setdefault(await issuer.keys_for(None), {})
    if len(remembered) >= MOST_REMEMBERED:
        remembered.clear()
    remembered[name] = token
    return token


async def _robot(database: Database, settings: Settings, claims: dict[str, Any], granted: frozenset[str]) -> Recognised:
    client_id: str = claims["client_id"]
    named: tuple[str, tuple[str, ...]] | None = next(
        ((one.name, one.scopes) for one in settings.robots if one.client_id == client_id), None
    )
    if named is None:
        async with database.read() as db:
            registered = await queries.robot(db, client_id)
        if registered is None:
            raise NotStaff("This program is not registered here as a robot.")
        named = registered.name, tuple(registered.scopes)
    name, most = named
    scopes = granted & frozenset[str]().union(*(INCLUDES[one] for one in most))
    staff = next((ROBOT_ROLES[one] for one in (ADMIN, WRITE, READ) if one in scopes), frozenset[StaffRole]())
    return Recognised(Viewer("robot", f"robot:{client_id}", name=name, staff=staff), scopes)


async def _person(
    database: Database, settings: Settings, claims: dict[str, Any], granted: frozenset[str]
) -> Recognised:
    staff = _staff_roles(settings, claims)
    if not staff:
        raise NotStaff("The API is for the agency's staff and its robots.")
    async with database.read() as db:
        person = await queries.person_of(db, claims["iss"], claims["sub"])
    if person is None:
        person = await _first_call(database, claims)
    if person.disabled_at is not None:
        raise NotStaff("This account was disabled.")
    if ADMIN not in granted and StaffRole.ADMIN in staff:
        staff = staff - {StaffRole.ADMIN} | {StaffRole.MEMBER, StaffRole.MANAGER, StaffRole.FINANCE}
    viewer = Viewer("person", f"staff:{person.id}", person.id, person.name, person.email, person.locale, staff)
    return Recognised(viewer, granted)


def _staff_roles(settings: Settings, claims: dict[str, Any]) -> frozenset[StaffRole]:
    groups = claims.get(settings.api_groups_claim)
    named = [one for one in groups if isinstance(one, str)] if isinstance(groups, list) else []
    return frozenset(StaffRole(settings.api_staff_groups[one]) for one in named if one in settings.api_staff_groups)


async def _first_call(database: Database, claims: dict[str, Any]) -> Person:
    """Staff who use the API before they ever opened a page."""
    arriving = recognition.Arriving(
        issuer=claims["iss"],
        sub=claims["sub"],
        provider="",
        email=verified_email(claims),
        name=display_name(claims),
        locale=None,
        is_staff=True,
    )
    async with database.write() as db:
        return await recognition.recognise(db, arriving)
