"""Which addresses a webhook may go to: the public internet, and nothing that only this machine or its network reaches.

Kept apart from everything that connects, so that it can be tried with a table of cases.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from portal.errors import Invalid

LONGEST_URL = 2000
PRINTABLE = {chr(code) for code in range(0x21, 0x7F)}

# What `is_global` lets through although it leads elsewhere, or nowhere: relays into other address families.
_NOT_IPV4 = tuple(IPv4Network(text) for text in ("192.0.0.0/24", "192.88.99.0/24"))
_PUBLIC_IPV6 = IPv6Network("2000::/3")
"""All that was ever given out. Outside lie mapped, compatible and NAT64 forms of IPv4, local and multicast ones."""
_NOT_IPV6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo, ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",
    )
)


def is_public(text: str) -> bool:
    """Whether an IP address, as text, is one of the public internet. False for what is no address at all."""
    try:
        found = ip_address(text)
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return found.is_global and not found.is_multicast and not any(found in one for one in _NOT_IPV4)
    return _is_public_ipv6(found)


def _is_public_ipv6(found: IPv6Address) -> bool:
    if found.scope_id is not None or found not in _PUBLIC_IPV6:
        return False
    return found.is_global and not any(found in one for one in _NOT_IPV6)


def checked_url(url: str, *, allow_private: bool) -> str:
    """A webhook's address, if it may be one. Raises Invalid, saying what would be right.

    Names are looked up when something is sent, each time: what they lead to today says nothing of tomorrow.
    """
    if len(url) > LONGEST_URL or not set(url) <= PRINTABLE:
        raise _wrong(f"An address is up to {LONGEST_URL} plain characters.", url)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _wrong("This is no address: write it as https://host/path.", url) from None
    if not host or parts.scheme not in ("https", "http") or port == 0:
        raise _wrong("Write it as https://host/path.", url)
    if parts.scheme == "http" and not allow_private:
        raise _wrong("An address must be https: what is sent must not travel in the clear.", url)
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _wrong("An address has no user, password or fragment: the signature says who sends.", url)
    if not allow_private and _is_address(host) and not is_public(host):
        raise _wrong("This address is not of the public internet.", url)
    return url


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _wrong(message: str, url: str) -> Invalid:
    return Invalid(message, field="url", value=url[:200])
