"""Names as hostile senders write them: what is kept to be read, and how it travels in a header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.files import names

CASES = [
    ("sketch.png", "sketch.png"),
    ("../../etc/passwd", "passwd"),
    ("..\\..\\windows\\evil.exe", "evil.exe"),
    ("C:\\Users\\ada\\plan.pdf", "plan.pdf"),
    ("/absolute/path", "path"),
    ("..", "file"),
    (".", "file"),
    ("", "file"),
    ("   ", "file"),
    (".htaccess", "htaccess"),
    ("trailing. . .", "trailing"),
    ('a"b.txt', "a_b.txt"),
    ("a\r\nSet-Cookie: x=1.txt", "a Set-Cookie_ x=1.txt"),
    ("nul\x00byte.png", "nul byte.png"),
    ("\u202egnp.exe", "gnp.exe"),
    ("photo\u202e\u2066gpj.exe", "photogpj.exe"),
    ("zero\u200bwidth\ufeff.txt", "zerowidth.txt"),
    ("half\ud800pair.txt", "halfpair.txt"),
    ("Entwurf für Müller.pdf", "Entwurf für Müller.pdf"),
    ("设计 v2.png", "设计 v2.png"),
    ("Смета.xlsx", "Смета.xlsx"),
    ("u\u0308.png", "ü.png"),
    ("a|b<c>d?e*f:g", "a_b_c_d_e_f_g"),
    ("many    spaces\tand\u2028lines", "many spaces and lines"),
]


@pytest.mark.parametrize(("given_name", "kept"), CASES)
def test_a_name_is_kept_for_reading_without_what_could_do_harm(given_name, kept):
    assert names.clean(given_name) == kept


def test_a_long_name_keeps_its_ending():
    assert names.clean("x" * 500 + ".pdf") == "x" * 196 + ".pdf"
    assert names.clean("x" * 500) == "x" * 200
    assert names.clean("x." + "y" * 500) == "x." + "y" * 198


@given(st.text(max_size=400))
def test_no_name_leaves_a_path_a_line_break_or_nothing(text):
    name = names.clean(text)
    assert 1 <= len(name) <= 200
    assert not set(name) & set('/\\:*?"<>|\r\n\0\u202e')
    assert name == name.strip(". ")
    assert names.clean(name) == name


@given(st.text(max_size=100))
def test_a_header_is_plain_ascii_whatever_the_name(text):
    header = names.attachment(names.clean(text))
    assert header.startswith("attachment; filename*=UTF-8''")
    assert header.isascii()
    assert not set(header.partition("''")[2]) & set(" \"';\\,\r\n()<>@:/[]?={}")


def test_a_header_says_the_name_as_rfc_8187_writes_it():
    assert names.attachment("€ rates.pdf") == "attachment; filename*=UTF-8''%E2%82%AC%20rates.pdf"
    assert names.attachment("it's.txt") == "attachment; filename*=UTF-8''it%27s.txt"
