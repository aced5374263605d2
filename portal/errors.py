"""The kinds of refusal that the domain knows; each door maps a kind to its status in one place."""

from typing import Any


class PortalError(Exception):
    """An expected refusal, in words for the person who caused it.

    `field` names the input at fault and `value` what was given; both are shown back, so never put a secret there.
    """

    def __init__(self, message: str, *, field: str | None = None, value: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.value = value


class NotFound(PortalError):
    """It does not exist, or this viewer may not know that it does."""


class NotAllowed(PortalError):
    """It exists and may be seen, but this viewer may not do that."""


class SignInNeeded(PortalError):
    """Nobody is signed in."""


class Conflict(PortalError):
    """The present state forbids it."""


class Stale(PortalError):
    """The thing changed since the caller read it (RFC 9110 If-Match)."""


class Invalid(PortalError):
    """The input is wrong; `field` says where. `problems` carries several at once as (field, message, value)."""

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        value: Any = None,
        problems: tuple[tuple[str, str, Any], ...] = (),
    ) -> None:
        super().__init__(message, field=field, value=value)
        self.problems = problems or (((field, message, value),) if field else ())


class TooLarge(PortalError):
    """More bytes, rows or digits than the door accepts."""


class Unavailable(PortalError):
    """A part that we depend on (database lock, provider) does not answer; trying again later is right."""

    retry_after_seconds = 5
