"""What tests stand on is real: databases, browser, mail server, certified provider; and nothing leaves the machine."""

import json
import smtplib
import socket
import urllib.request
from collections.abc import Callable
from email.message import EmailMessage

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.async_api import Page
from sqlalchemy import text

from portal import clock
from portal.db import Database
from portal.people.models import Company
from tests.support.certified import Certified
from tests.support.live import serving
from tests.support.mail import MailServer
from tests.support.network import LeavesTheMachine
from tests.support.ports import free_port


@pytest.mark.parametrize("attempt", [1, 2])
async def test_starts_from_an_empty_database_though_the_test_before_committed(database: Database, attempt: int) -> None:
    async with database.write() as db:
        db.add(Company(name="Acme", created_at=clock.now(), updated_at=clock.now()))
    async with database.read() as db:
        assert await db.scalar(text("SELECT count(*) FROM company")) == 1, attempt


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("10.0.0.1", 443)])
def test_a_connection_to_another_machine_is_refused(address: tuple[str, int]) -> None:
    with pytest.raises(LeavesTheMachine), socket.create_connection(address, timeout=1):
        pass


def test_a_name_elsewhere_is_not_looked_up() -> None:
    with pytest.raises(LeavesTheMachine, match=r"portal\.example\.com"):
        socket.getaddrinfo("portal.example.com", 443)


def test_mail_arrives_at_a_real_server(smtp: MailServer) -> None:
    letter = EmailMessage()
    letter["To"], letter["From"], letter["Subject"] = "ada@client.example", "portal@agency.example", "Приглашение 邀请"
    letter.set_content("Здравствуйте")
    smtp.busy.add("later@client.example")
    with smtplib.SMTP("127.0.0.1", smtp.port) as client:
        client.send_message(letter)
        with pytest.raises(smtplib.SMTPRecipientsRefused, match="451"):
            client.sendmail("portal@agency.example", ["later@client.example"], "x")
    assert smtp.recipients == ["ada@client.example"]
    assert smtp.messages[0]["Subject"] == "Приглашение 邀请"


@pytest.mark.slow
def test_the_certified_provider_publishes_itself_and_rotates_its_keys(
    certified_provider: Callable[..., Certified],
) -> None:
    provider = certified_provider("http://127.0.0.1:8000")
    with urllib.request.urlopen(f"{provider.issuer}/.well-known/openid-configuration") as answer:
        document = json.load(answer)
    before = provider.rotate_keys()
    assert document["issuer"] == provider.issuer
    assert set(provider.rotate_keys(drop=True)).isdisjoint(before)
    assert [entry["event"] for entry in provider.log()] == ["rotated", "rotated"]


async def test_the_browser_draws_latin_cyrillic_and_chinese_with_real_letters(page: Page) -> None:
    app = FastAPI()
    app.get("/")(lambda: HTMLResponse("<!doctype html><html lang=zh-CN><title>燃尽图</title><p>Scope объём 范围</p>"))
    async with serving(app, free_port()) as address:
        await page.goto(address)
        title = await page.title()
        fonts = await _fonts(page, "p")
    assert title == "燃尽图"
    assert any("CJK" in name for name in fonts)
    assert len(fonts) >= 2


async def _fonts(page: Page, selector: str) -> set[str]:
    """The fonts that the browser really used for an element."""
    session = await page.context.new_cdp_session(page)
    await session.send("DOM.enable")
    await session.send("CSS.enable")
    root = await session.send("DOM.getDocument")
    node = await session.send("DOM.querySelector", {"nodeId": root["root"]["nodeId"], "selector": selector})
    used = await session.send("CSS.getPlatformFontsForNode", {"nodeId": node["nodeId"]})
    return {font["familyName"] for font in used["fonts"]}
