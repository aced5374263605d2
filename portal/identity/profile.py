"""What a provider's claims say of a person, read with care: providers let people write some of them. Pure."""

from collections.abc import Mapping
from typing import Any


def verified_email(profile: Mapping[str, Any]) -> str | None:
    """The address in ASCII lower case, if the provider says with a true `true` that it verified it.

    Other alphabets are refused instead of folded: K (Kelvin sign) and full-width letters fold into somebody else's.
    """
    email = profile.get("email")
    if profile.get("email_verified") is not True or not isinstance(email, str) or not email.isascii():
        return None
    return email.lower() if email.isprintable() and 3 <= len(email) <= 254 and email.count("@") == 1 else None


def display_name(profile: Mapping[str, Any]) -> str:
    """The name to show: what the provider offers first, cleaned of what cannot be printed; never empty."""
    both = " ".join(text for name in ("given_name", "family_name") if (text := text_of(profile.get(name))))
    offers = (text_of(profile.get("name")), both, text_of(profile.get("preferred_username")), verified_email(profile))
    for offer in offers:
        cleaned = " ".join("".join(c if c.isprintable() else " " for c in offer or "").split())
        if cleaned:
            return cleaned[:100]
    return "—"


def text_of(value: Any) -> str | None:
    """A claim that is a text of bearable length; None for anything else."""
    return value if isinstance(value, str) and 0 < len(value) <= 500 else None


def texts_of(value: Any) -> list[str]:
    """The texts of a claim that is one or a list of them; whatever else it holds is left out."""
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str) and 0 < len(one) <= 500]
