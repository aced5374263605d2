"""Rules of people, pure: what an address, a name and a set of roles must look like."""

import re
from collections.abc import Iterable

from portal.access import Role, with_looking
from portal.errors import Invalid

LOCALES = ("en", "zh_CN", "ru")
LONGEST_NAME = 200
_LOCAL = r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(rf"{_LOCAL}@(?:{_LABEL}\.)+{_LABEL}")


def clean_email(text: str) -> str:
    """An e-mail address in ASCII lower case, the one form in which addresses are kept and compared.

    Raises Invalid. Other alphabets are refused, not folded: some of their letters fold into somebody else's address.
    """
    trimmed = text.strip(" ")
    if not trimmed.isascii() or len(trimmed) > 254 or not _ADDRESS.fullmatch(trimmed.lower()):
        raise Invalid("This is no e-mail address such as ada@client.example.", field="email", value=text)
    return trimmed.lower()


def clean_name(text: str, field: str = "name") -> str:
    """A name without surrounding or doubled spaces. Raises Invalid when it is empty, too long or unprintable."""
    cleaned = " ".join(text.split(" ")).strip()
    if not cleaned or len(cleaned) > LONGEST_NAME or not cleaned.isprintable():
        raise Invalid(f"A name is 1 to {LONGEST_NAME} printable characters.", field=field, value=text)
    return " ".join(cleaned.split())


def clean_roles(roles: Iterable[str]) -> frozenset[Role]:
    """Client roles by their names; whoever has one but `tester` may also look.

    Raises Invalid for an unknown or missing role.
    """
    named = list(roles)
    unknown = [name for name in named if name not in set(Role)]
    if unknown or not named:
        wanted = ", ".join(Role)
        raise Invalid(f"Roles are some of {wanted}.", field="roles", value=unknown[0] if unknown else [])
    return with_looking(frozenset(Role(name) for name in named))


def locale_for(tag: str | None) -> str:
    """The language that we have for a provider's `locale` claim (`zh-CN`, `ru_RU`, …); English for all others."""
    primary = (tag or "").replace("_", "-").partition("-")[0].lower()
    return {"zh": "zh_CN", "ru": "ru"}.get(primary, "en")
