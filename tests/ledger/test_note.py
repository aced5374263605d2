"""Signed notes (c2sp.org/signed-note) are read in one form alone: each deviation is refused for what it is."""

from base64 import b64encode

import pytest

from portal.errors import Invalid
from portal.ledger import note

SIGNED = b64encode(b"12345").decode()
FORM = "A signed note is a short text without control characters."
END = "A signed note ends in an empty line and signature lines."
LINE = "A signature line is an em dash, a key name and a signature."
CODE = "This is not base64."


def test_a_note_is_its_text_and_who_signed_it():
    read = note.split_note(f"One\n\nTwo\n\n— a {SIGNED}\n— b.example/c {SIGNED}\n")
    assert read == ("One\n\nTwo\n", [("a", b"12345"), ("b.example/c", b"12345")])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        *((f"a{sign}b\n\n— a {SIGNED}\n", FORM) for sign in ("\x00", "\t", "\r", "\x1f", "\ud800")),
        (f"— a {SIGNED}\n", END),
        (f"a\n— a {SIGNED}\n", END),
        (f"a\n\n— a {SIGNED}", END),
        (f"a\n\n- a {SIGNED}\n", CODE),
        (f"a\n\na {SIGNED}\n", LINE),
        (f"a\n\n— a+b {SIGNED}\n", LINE),
        (f"a\n\n—  {SIGNED}\n", LINE),
        (f"a\n\n— {'a' * 501} {SIGNED}\n", LINE),
        (f"a\n\n— a {b64encode(b'1234').decode()}\n", LINE),
        (f"a\n\n— a {SIGNED} more\n", CODE),
        ("a\n\n— a\n", CODE),
    ],
)
def test_another_form_is_refused_for_what_it_is(text, why):
    with pytest.raises(Invalid) as refused:
        note.split_note(text)
    assert (refused.value.field, refused.value.message) == ("note", why)


@pytest.mark.parametrize(("length", "is_read"), [(64 * 1024, True), (64 * 1024 + 1, False)])
def test_a_note_is_short(length, is_read):
    tail = f"\n\n— {'a' * 500} {SIGNED}\n"
    text = "x" * (length - len(tail)) + tail
    if is_read:
        assert note.split_note(text)[1] == [("a" * 500, b"12345")]
        return
    with pytest.raises(Invalid) as refused:
        note.split_note(text)
    assert (refused.value.message, refused.value.value) == (FORM, "x" * 40)


def test_of_what_is_refused_a_piece_is_shown_from_where_it_is_wrong():
    for text, shown in (
        ("x" * 99, "x" * 40),
        ("y" + "x" * 40, "x" * 40),
        (f"a\n\n{'x' * 99} {SIGNED}\n", "x" * 80),
        (f"a\n\n— a {'!' * 99}\n", "!" * 80),
    ):
        with pytest.raises(Invalid) as refused:
            note.split_note(text)
        assert refused.value.value == shown


@pytest.mark.parametrize("text", ["", "A", "AA", "AB==", "AA==\n", " AA==", "AA==AA==", "A-_A", "AÄ==", "=", "AAA"])
def test_base64_has_one_spelling(text):
    with pytest.raises(Invalid, match="not base64"):
        note.from_base64(text)
    assert note.from_base64("AA==") == b"\x00"
