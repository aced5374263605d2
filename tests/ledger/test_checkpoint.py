"""Signed heads are C2SP checkpoints, read strictly: the specification's own example, and hostile ones."""

from base64 import b64decode, b64encode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import Invalid
from portal.ledger import checkpoint, note
from portal.ledger.keys import open_keys, rotate

PROJECT = UUID("12345678-1234-4678-9234-567812345678")
ROOT = bytes(range(32))


@pytest.fixture
def keys(tmp_path):
    return open_keys(tmp_path / "keys", "portal.example.com")


@pytest.fixture
def signed(keys):
    return checkpoint.sign(PROJECT, 42, ROOT, keys)


def test_a_head_has_the_form_of_the_specification(signed, keys):
    text, signature = signed.split("\n\n")
    assert text.split("\n") == [f"portal.example.com/{PROJECT}", "42", b64encode(ROOT).decode()]
    dash, name, encoded = signature.rstrip("\n").split(" ")
    assert (dash, name) == ("—", f"portal.example.com/{PROJECT}")
    raw = b64decode(encoded)
    assert raw[:4] == keys.current.note_id(name)
    assert keys.current.verifies(raw[4:], (text + "\n").encode())


def test_the_specifications_note_is_split_as_it_says():
    # c2sp.org/tlog-checkpoint; its key is not published, so only the form can be tested.
    example = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo"
        "+zyWE+xeMcTOAYQ8=\n"
    )
    text, [(name, raw)] = note.split_note(example)
    assert (text.count("\n"), name, raw[:4].hex(), len(raw)) == (3, "example.com/behind-the-sofa", "033de0ae", 68)


@pytest.mark.parametrize("size", [31, 33])
def test_a_root_is_32_bytes_whoever_signed_it(size, keys):
    with pytest.raises(Invalid, match="A root is 32 bytes"):
        checkpoint.verify(checkpoint.sign(PROJECT, 42, bytes(size), keys), keys.public)


def test_a_signed_head_reads_back(signed, keys):
    head = checkpoint.verify(signed, keys.public)
    assert (head.project_id, head.size, head.root) == (PROJECT, 42, ROOT)
    assert note.open_note(signed, head.origin, keys.public) == head.text


def test_a_head_of_a_retired_key_still_verifies(signed, tmp_path):
    assert checkpoint.verify(signed, rotate(tmp_path / "keys", "portal.example.com").public).size == 42


def test_a_head_of_an_unknown_key_does_not(signed, tmp_path):
    others = open_keys(tmp_path / "others", "portal.example.com")
    with pytest.raises(Invalid, match="not signed by a known key"):
        checkpoint.verify(signed, others.public)


def test_a_signature_of_somebody_else_beside_ours_is_passed_over(signed, keys):
    witness = "— witness.example/w " + b64encode(b"\x00\x01\x02\x03" + b"x" * 64).decode() + "\n"
    assert checkpoint.verify(signed + witness, keys.public).size == 42


def test_a_false_signature_beside_a_true_one_makes_all_of_it_false(signed, keys):
    line = signed.split("\n\n")[1]
    name, raw = line.split(" ")[1], b64decode(line.split(" ")[2])
    false = f"— {name} {b64encode(raw[:4] + bytes(64)).decode()}\n"
    with pytest.raises(Invalid, match="The signature is false"):
        checkpoint.verify(signed + false, keys.public)


@given(st.data())
def test_no_byte_of_a_head_can_be_changed(tmp_path_factory, data):
    keys = open_keys(tmp_path_factory.getbasetemp() / "shared-keys", "portal.example.com")
    good = checkpoint.sign(PROJECT, 42, ROOT, keys)
    place = data.draw(st.integers(0, len(good) - 1))
    other = data.draw(st.characters(exclude_characters=good[place]))
    with pytest.raises(Invalid):
        checkpoint.verify(good[:place] + other + good[place + 1 :], keys.public)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n42\n", "\n042\n"),
        ("\n42\n", "\n-42\n"),
        ("\n42\n", "\n4²\n"),
        ("\n42\n", "\n" + "9" * 17 + "\n"),
        ("\n42\n", "\n42\n\n"),
        ("=\n\n", "=\nextension\n\n"),
        ("=\n\n", "\n\n"),
        ("=\n\n", "=\r\n\n"),
        ("\n\n", "\n"),
        ("— ", "- "),
        ("portal.example.com/", "portal.example.com/x/"),
        ("portal.example.com/1", "portal.example.com/A"),
    ],
)
def test_a_wrong_form_is_refused_before_its_signature_is_looked_at(signed, old, new):
    assert old in signed
    with pytest.raises(Invalid):
        checkpoint.parse(signed.replace(old, new))


@pytest.mark.parametrize(
    "text",
    ["", "\n", "\n\n", "a\n\n", "x" * 70_000, "a\ud800\n\n— a AAAAAAAA\n", "a\n\n— a AAAA\n", "a\n\n— AAAAAAAA\n"],
)
def test_nonsense_is_refused(text):
    with pytest.raises(Invalid):
        checkpoint.parse(text)


def test_the_number_of_signatures_is_bounded(signed, keys):
    line = signed.split("\n\n")[1]
    assert checkpoint.verify(signed + line * 31, keys.public).size == 42
    with pytest.raises(Invalid, match="32 signatures"):
        checkpoint.verify(signed + line * 32, keys.public)
