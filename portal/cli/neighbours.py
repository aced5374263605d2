"""What `portal check` looks at outside: the mail server, the providers, and the portal's own address.

Each look tells as those of looks.py do.
"""

from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from portal import clock
from portal.cli.frame import keys_of
from portal.cli.looks import Note
from portal.errors import Conflict
from portal.identity import fetch
from portal.identity.fetch import ProviderFault
from portal.identity.providers import Issuer, Provider, Providers
from portal.identity.tokens import LEEWAY_SECONDS
from portal.notify import trial
from portal.settings import Settings, SettingsError, is_loopback


async def mail(chosen: Settings) -> str:
    """Whether mails can leave, from whom, and where their links lead. Sends none."""
    if chosen.smtp_url is None:
        folder = chosen.mail_folder or chosen.data_dir / "mail"
        return Note(f"PORTAL_SMTP_URL is not set, so no mail leaves; what would be sent is written into {folder}.")
    if chosen.mail_from.endswith("@localhost") and not is_loopback(chosen.base_url):
        raise SettingsError(f"PORTAL_MAIL_FROM is {chosen.mail_from}: mail servers elsewhere refuse such a sender.")
    greeted = await trial.greet(chosen.smtp_url.get_secret_value())
    said = f"{greeted.place} answers, {greeted.manner}; from {chosen.mail_from}, with links to {chosen.base_url}"
    return said if greeted.is_encrypted or is_loopback(f"//{greeted.place}") else Note(said)


async def provider(providers: Providers, one: Provider) -> str:
    """Whether a provider answers by which people sign in, and is asked for the groups that make staff."""
    said = await issuer(one.issuer)
    document = fetch.json_object(await providers.http.get(one.issuer.discovery_address), "its discovery document")
    offered, claim = document.get("scopes_supported"), one.settings.groups_claim
    if one.settings.staff_groups and claim not in one.settings.scopes.split() and claim in _texts(offered):
        return Note(
            f"{said}; it offers the scope {claim}, which its `scopes` do not ask for: its groups may be missing."
        )
    return said


async def issuer(issuer: Issuer) -> str:
    """Whether its discovery document and its keys can be had."""
    await issuer.metadata()
    await issuer.keys_for(None)
    return f"{issuer.issuer} answers"


def _texts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


async def clock_by(providers: Providers, issuer: Issuer) -> str:
    """Whether this machine's clock and the provider's agree as far as sign-ins need it."""
    answer = await providers.http.get(issuer.discovery_address)
    try:
        ahead = clock.now() - parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return Note(f"{urlsplit(issuer.issuer).netloc} does not say what time it is.")
    if abs(ahead) >= timedelta(seconds=LEEWAY_SECONDS):
        way = "ahead of" if ahead > timedelta() else "behind"
        raise Conflict(
            f"This machine's clock is {abs(ahead).total_seconds():.0f} s {way} the provider's: from {LEEWAY_SECONDS} s "
            "on sign-ins are refused. Set it by NTP."
        )
    return f"agrees within {LEEWAY_SECONDS} s"


async def api(providers: Providers) -> str:
    """Whose access tokens open the API."""
    if providers.api is None:
        return Note("PORTAL_API_ISSUER is not set: the API refuses every call.")
    return await issuer(providers.api)


async def address(chosen: Settings, providers: Providers) -> str:
    """Whether the portal's own address leads to the portal with this data directory."""
    try:
        answer = await providers.http.get(f"{chosen.base_url}/.well-known/portal-keys.json")
    except ProviderFault as fault:
        return Note(f"{fault.message} That is no fault before `portal serve` and the proxy in front of it run.")
    if answer.status_code == 421:
        raise Conflict(f"The proxy at {chosen.base_url} does not hand on the Host that it was asked for.")
    served = fetch.json_object(answer, "the portal's keys")
    if keys_of(chosen).jwks() != served:
        raise Conflict(
            f"The portal at {chosen.base_url} has other keys than {chosen.keys_dir}: it runs with other settings than "
            "this command, or has not been restarted since the keys were changed."
        )
    return f"{chosen.base_url} leads to this portal"
