"""Where a webhook may go, by a table of cases."""

import pytest

from portal.errors import Invalid
from portal.notify.webhooks.address import checked_url, is_public

PUBLIC = (
    "1.1.1.1", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.1", "11.0.0.1",
    "2606:4700:4700::1111", "2a00:1450:4001:81b::200e",
)  # fmt: skip
PRIVATE = (
    # This machine, this network, nothing at all
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7",
    "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.88.99.1",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1", "3fff::1",
    "100::1", "5f00::1",
    # IPv4 inside IPv6: mapped, compatible, NAT64, 6to4, Teredo
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:1.1.1.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::1.1.1.1",
    "64:ff9b:1::1", "2002:7f00:1::1", "2002:a00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    # No addresses
    "", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "1.1.1.1:80", "1.1.1.1 ", "١.١.١.١",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_internet_is_open(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_nothing_else_is(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example", "https://hooks.example/a/b?c=d", "https://hooks.example:8443/", "https://1.1.1.1/x",
        "https://[2606:4700:4700::1111]/",
    ],
)  # fmt: skip
def test_a_right_address_is_kept_as_it_is(url: str) -> None:
    assert checked_url(url, allow_private=False) == url


@pytest.mark.parametrize(
    "url",
    [
        "", "hooks.example", "//hooks.example/", "http://hooks.example/", "ftp://hooks.example/", "file:///etc/passwd",
        "https://", "https:///path", "https://user@hooks.example/", "https://user:pass@hooks.example/",
        "https://:@hooks.example/", "https://hooks.example/#part", "https://hooks.example:0/",
        "https://hooks.example:99999/", "https://hooks.example:x/", "https://127.0.0.1/", "https://[::1]/",
        "https://[::ffff:127.0.0.1]/", "https://169.254.169.254/latest/meta-data", "https://10.1.2.3/",
        "https://hooks.example/\r\nHost: other", "https://hooks.example/ space", "https://höoks.example/",
        "https://hooks.example/" + "a" * 2000, "https://[::1/", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_a_wrong_address_is_refused_with_a_reason(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_url(url, allow_private=False)
    assert refused.value.field == "url"


def test_loopback_and_http_are_for_trying_out_alone() -> None:
    for url in ("http://127.0.0.1:8000/hooks", "http://hooks.example/", "https://10.0.0.1/"):
        assert checked_url(url, allow_private=True) == url
    with pytest.raises(Invalid):
        checked_url("ftp://127.0.0.1/", allow_private=True)
