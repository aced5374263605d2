"""What all mails have in common: the agency's colour, ways out, pictures inside, and that nobody's words break them."""

import re
from email import message_from_bytes, policy
from gettext import NullTranslations
from typing import Any
from uuid import UUID

import pytest

from portal import clock
from portal.decisions.models import DecisionKind
from portal.notify import links
from portal.notify.compose import composer
from portal.notify.outbox import Due, Picture
from portal.notify.rules import Topic
from portal.setting_kinds import white_on
from portal.settings import SettingsError, load
from tests.support.sign_in import settings_for
from web.catalogues import catalogue

ADA = UUID(int=5)
LETTER: dict[str, Any] = {
    "kind": "asked", "project": "The bridge", "key": "BRIDGE", "seq": 9, "audience": "client", "number": 7,
    "title": "Start page", "about": "design", "version": 2, "due_on": "2026-12-01", "is_due": False,
    "holds_up": "Building it", "by": "Wei", "words": "", "outcome": None, "path": "/projects/BRIDGE/decisions/7",
    "is_staff": False, "takes_reply": True,
}  # fmt: skip
DIGEST: dict[str, Any] = {
    "waiting": 1,
    "projects": [
        {
            "name": "The bridge", "key": "BRIDGE", "is_cut": True, "audiences": ["client"],
            "waiting": [{"title": "Start page", "path": "/projects/BRIDGE/decisions/7", "due_on": "2026-12-01"}],
            "counts": [{"what": "done", "count": 2, "titles": ["Search", "Login"], "more": False}],
        }
    ],
}  # fmt: skip
KINDS = ("asked", "reminded", "question_answered", "answered", "question_asked", "raised")


@pytest.fixture
def settings(tmp_path):
    """Settings with a colour and a place for replies."""
    return settings_for(
        tmp_path, "", agency_name="Bright Harbour", mail_from="portal@agency.example", agency_colour="#0b6e4f",
        mail_reply_to="portal@reply.example",
    )  # fmt: skip


def due(template="decision", context=None, **more):
    given = {
        "id": UUID(int=7), "recipient": "ada@client.example", "locale": "en", "template": template,
        "context": context or LETTER, "created_at": clock.now(), "attempts": 1, "lease_ends": clock.now(),
        "person_id": ADA, "topic": Topic.ASKED,
    }  # fmt: skip
    return Due(**(given | more))


def composed(settings, *arguments, **more):
    return composer(settings, catalogue)(due(*arguments, **more))


def texts(message):
    return [message.get_body((kind,)).get_content() for kind in ("plain", "html")]


@pytest.mark.parametrize("locale", ["en", "zh_CN", "ru"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_letter_can_be_written_in_every_language(settings, locale, kind):
    message = composed(settings, "decision", LETTER | {"kind": kind, "outcome": "approved"}, locale=locale)
    for text in texts(message):
        assert "Start page" in text
        assert "/go/" in text
    assert "Start page" in str(message["Subject"])


@pytest.mark.parametrize("about", [*DecisionKind, "invoice"])
def test_a_letter_names_what_kind_of_thing_it_is_about(settings, about):
    plain, html = texts(composed(settings, "decision", LETTER | {"about": about}))
    assert re.search(r"The bridge · [A-Z][a-z]+", plain)
    assert re.search(r"The bridge · [A-Z][a-z]+", html)


class Russian(NullTranslations):
    """A language of one text, whatever the catalogues hold."""

    def gettext(self, message):
        return "Предложение перерабатывается." if message == "The offer is being revised." else message


@pytest.mark.parametrize(
    ("words", "says"),
    [("The offer is being revised.", "Предложение перерабатывается."), ("We revise it.", "We revise it.")],
)
def test_the_portals_own_reasons_are_read_in_the_readers_language(settings, words, says):
    write = composer(settings, lambda _locale: Russian())
    for text in texts(write(due(context=LETTER | {"kind": "withdrawn", "words": words}, locale="ru"))):
        assert says in text


@pytest.mark.parametrize("locale", ["en", "zh_CN", "ru"])
def test_a_digest_can_be_written_in_every_language(settings, locale):
    for text in texts(composed(settings, "digest", DIGEST, locale=locale, topic=Topic.NEWS)):
        for said in (
            "The bridge",
            "Start page",
            "Search",
            "Login",
            "https://portal.example/projects/BRIDGE/decisions/7",
        ):
            assert said in text


def test_the_agencys_colour_and_name_are_in_every_mail(settings):
    html = texts(composed(settings))[1]
    assert "#0b6e4f" in html
    assert "Bright Harbour" in html


@pytest.mark.parametrize(
    ("colour", "fits"),
    [
        ("#3451b2", True),
        ("#000000", True),
        ("#767676", True),
        ("#777777", False),
        ("#ffffff", False),
        ("#ffcc00", False),
        ("red", False),
        ("#34b", False),
        ("#3451b2;x:y", False),
    ],
)
def test_a_colour_on_which_white_cannot_be_read_is_refused(tmp_path, colour, fits):
    given = {"PORTAL_BASE_URL": "https://p.example", "PORTAL_ENVIRONMENT": "test",
             "PORTAL_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz", "PORTAL_AGENCY_COLOUR": colour}  # fmt: skip
    if fits:
        assert load(given).agency_colour == colour
    else:
        with pytest.raises(SettingsError, match="PORTAL_AGENCY_COLOUR"):
            load(given)


def test_contrast_is_that_of_wcag():
    assert round(white_on("#000000"), 2) == 21
    assert round(white_on("#ffffff"), 2) == 1


def test_a_mail_to_a_person_names_the_way_out_as_rfc_8058_wants_it(settings):
    message = message_from_bytes(bytes(composed(settings)), policy=policy.default)
    address = str(message["List-Unsubscribe"]).strip("<>")
    assert address.startswith("https://portal.example/unsubscribe/")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert links.read_leave_token(settings, address.rpartition("/")[2]) == (ADA, Topic.ASKED)
    assert all(address in text for text in texts(message))


def test_a_mail_that_answers_an_act_has_no_list(settings):
    invitation = {"project": "The bridge", "company": "Acme", "invited_by": "Wei", "provider": None,
                  "expires_at": "2026-12-08T12:00:00.000000Z"}  # fmt: skip
    message = composed(settings, "invitation", invitation, person_id=None, topic=None)
    assert message["List-Unsubscribe"] is None
    assert "unsubscribe" not in texts(message)[1]


def test_an_answer_goes_to_an_address_of_this_mail_alone(settings, tmp_path):
    token = links.reply_token(settings, UUID(int=7))
    assert composed(settings)["Reply-To"].addresses[0].addr_spec == f"reply+{token}@reply.example"
    assert composed(settings, "digest", DIGEST, topic=Topic.NEWS)["Reply-To"] is None
    without = settings_for(tmp_path, "")
    assert composed(without)["Reply-To"] is None


def test_a_picture_lies_inside_the_mail_and_has_words_for_it(settings):
    message = message_from_bytes(
        bytes(composed(settings, picture=Picture(b"\xff\xd8jpeg", "jpeg", "preview.jpg"))), policy=policy.default
    )
    picture = next(part for part in message.walk() if part.get_content_type() == "image/jpeg")
    assert picture.get_content() == b"\xff\xd8jpeg"
    html = message.get_body(("html",)).get_content()
    assert f'src="cid:{str(picture["Content-ID"]).strip("<>")}"' in html
    assert "Start page" in html.partition("alt=")[2][:80]
    assert message.get_body(("plain",)) is not None


@pytest.mark.parametrize("field", ["project", "title", "holds_up", "by", "words"])
def test_nobodys_words_begin_a_header_or_markup(settings, field):
    nasty = "x\r\nBcc: eve@evil.example\r\n<script>alert(1)</script>{{ 7 * 7 }}"
    sent = message_from_bytes(bytes(composed(settings, "decision", LETTER | {field: nasty})), policy=policy.default)
    assert sent["Bcc"] is None
    assert "<script>" not in texts(sent)[1]
    assert "49" not in texts(sent)[1]


def test_nobodys_words_become_markup_in_a_digest(settings):
    nasty = "</title><script>alert(1)</script>"
    part = DIGEST["projects"][0] | {
        "name": nasty, "waiting": [{"title": nasty, "path": "/x", "due_on": None}],
        "counts": [{"what": "done", "count": 2, "titles": [nasty], "more": True}],
    }  # fmt: skip
    for waiting in (0, 1):
        mail = composed(settings, "digest", {"waiting": waiting, "projects": [part]}, topic=Topic.NEWS)
        assert "<script>" not in texts(mail)[1]


def test_nobodys_words_become_markup_in_any_sentence(settings, tmp_path):
    nasty = "<script>alert(1)</script>"
    agency = settings_for(tmp_path, "", agency_name=f"A {nasty}")
    names = dict.fromkeys(("project", "title", "holds_up", "by", "words", "about", "outcome"), nasty)
    for kind in KINDS:
        for is_staff in (True, False):
            context = LETTER | names | {"kind": kind, "is_staff": is_staff}
            assert "<script>" not in texts(composed(agency, "decision", context))[1]


def test_nothing_is_loaded_from_anywhere_when_a_mail_is_read(settings):
    html = texts(composed(settings, "digest", DIGEST))[1]
    assert "src=" not in html
    assert "url(" not in html
