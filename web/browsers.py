"""A browser's own long name for itself, in the two words by which its owner knows it."""

import re

MOST = 80
"""Characters shown of a name that nobody knows."""
BROWSERS = (
    ("Edge", r"Edg(?:A|iOS)?/"), ("Opera", r"OPR/"), ("Yandex Browser", r"YaBrowser/"), ("WeChat", r"MicroMessenger/"),
    ("Samsung Internet", r"SamsungBrowser/"), ("Firefox", r"(?:Firefox|FxiOS)/"), ("Chrome", r"(?:Chrome|CriOS)/"),
    ("Safari", r"Safari/"),
)  # fmt: skip
"""The first that fits: most of them also say that they are Chrome, and Chrome says that it is Safari."""
SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("ChromeOS", "CrOS"),
    ("macOS", "Mac OS X|Macintosh"), ("Linux", "Linux"),
)  # fmt: skip


def browser_name(user_agent: str) -> str:
    """“Firefox · Windows”; what is unknown is shown as it came, shortened, so that its owner can still tell it."""
    named = [_first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)]
    return " · ".join(filter(None, named)) or user_agent[:MOST] or "–"


def _first(known: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for name, pattern in known if re.search(pattern, text)), "")
