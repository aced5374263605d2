"""What a browser is called on the page of one's sessions."""

import pytest

from web.browsers import MOST, browser_name

KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {KIT} Chrome/141.0.0.0 Safari/537.36", "Chrome · Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0) {KIT} Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0", "Edge · Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0", "Firefox · Linux"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {KIT} Version/18.0 Safari/605.1.15", "Safari · macOS"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {KIT} Version/18.0 Safari/604.1", "Safari · iPhone"),
        (f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {KIT} Chrome/141.0.0.0 Mobile Safari/537.36", "Chrome · Android"),
        ("curl/8.9.1", "curl/8.9.1"),
        ("", "–"),
    ],
)
def test_a_browser_is_called_as_its_owner_calls_it(user_agent: str, name: str) -> None:
    assert browser_name(user_agent) == name


def test_an_unknown_name_is_shortened() -> None:
    assert len(browser_name("x" * 500)) == MOST
