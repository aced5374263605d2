"""Which language a page is in."""

import pytest

from tests.web.conftest import Browser
from web.locale_choice import from_header


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("", None),
        ("de, fr;q=0.9", None),
        ("zh", "zh_CN"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh_CN"),
        ("zh-Hans-SG", "zh_CN"),
        ("zh-TW", "zh_CN"),
        ("ru-RU,ru;q=0.9", "ru"),
        ("en-GB;q=0.3, ru;q=0.7", "ru"),
        ("ru;q=0, en;q=0.1", "en"),
        ("de, *;q=0.5", "en"),
        ("ru;q=2, en", "en"),
        ("ru;q=abc", None),
        (";;;,,,=q", None),
        ("RU", "ru"),
        ("x" * 100_000, None),
    ],
)
def test_the_browsers_wish_is_read_whatever_it_sends(header: str, locale: str | None) -> None:
    assert from_header(header) == locale


async def test_the_choice_of_a_form_wins_over_account_and_browser(browser: Browser) -> None:
    chosen = await browser.post("/locale", locale="ru", next="/projects?archived=1")
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/projects?archived=1")
    assert "portal_locale=ru" in chosen.headers["set-cookie"]
    cookies = browser.cast.cookie("ada")["Cookie"] + "; portal_locale=ru"
    page = await browser.open("/projects", None, headers={"Cookie": cookies, "Accept-Language": "zh"})
    assert page.words(page.all("h1")[0]) == "Проекты"
    assert page.all("html") == []
    assert 'lang="ru"' in page.text


async def test_whoever_is_not_signed_in_gets_their_browsers_language(browser: Browser) -> None:
    page = await browser.open("/sign-in", None, headers={"Accept-Language": "zh-CN"})
    assert 'lang="zh-Hans"' in page.text


@pytest.mark.parametrize("there", ["//evil.example", "/\\evil.example", "https://evil.example", "/%5cevil.example"])
async def test_the_form_leads_nowhere_else(browser: Browser, there: str) -> None:
    assert (await browser.post("/locale", locale="ru", next=there)).headers["location"] == "/"


async def test_an_unknown_language_changes_nothing(browser: Browser) -> None:
    assert "set-cookie" not in (await browser.post("/locale", locale="xx")).headers
