"""A receipt says what was proved, in one spelling alone, for a ledger of any size and a key long retired."""

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from portal.errors import Invalid, NotFound, TooLarge
from portal.ledger import canonical, checkpoint, receipts, tree
from portal.ledger import commands as ledger
from portal.ledger.keys import open_keys, rotate
from portal.ledger.models import Audience, Event
from tests.support.receipts import (
    CONTENT,
    EVIDENCE,
    MONDAY,
    PORTAL,
    PROJECT,
    answered,
    event,
    leaves_of,
    payload_of,
    refused,
    resigned,
    seal,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), TEXT)


class TestValid:
    def test_it_says_what_was_proved(self, signing):
        proved = receipts.verify(seal(signing), signing.public)
        assert (proved.portal, proved.project_id, proved.project_key, proved.size) == (PORTAL, PROJECT, "BRIDGE", 5)
        assert (proved.disclosed["content"], proved.disclosed["evidence"]) == (CONTENT, EVIDENCE)
        assert proved.kid == signing.current.kid
        assert receipts.issued_at(proved).isoformat() == "2026-05-04T08:35:00+00:00"

    def test_it_holds_after_the_key_was_rotated_twice_and_not_without_the_old_key(self, tmp_path):
        old = open_keys(tmp_path, "portal.example")
        token = seal(old)
        rotate(tmp_path, "portal.example")
        newest = rotate(tmp_path, "portal.example")
        assert receipts.verify(token, newest.public).kid == old.current.kid != newest.current.kid
        with pytest.raises(Invalid):
            receipts.verify(token, (newest.current,))

    @settings(max_examples=60)
    @given(size=st.integers(1, 200), words=st.dictionaries(TEXT, PLAIN, max_size=5))
    def test_receipts_of_any_ledger_hold_and_their_path_is_the_trees(self, signing, size, words):
        events = [event(seq, {"step": seq} | words) for seq in range(1, size)] + [event(size, answered())]
        leaves = leaves_of(events)
        path = list(reversed(tree.split_frontier(tree.extend(b"", 0, leaves[:-1]), size - 1)))
        assert path == tree.inclusion_proof(leaves, size - 1)
        proved = receipts.verify(seal(signing, events), signing.public)
        assert (proved.size, proved.root) == (size, tree.root_of(leaves))

    @settings(max_examples=40)
    @given(size=st.integers(2, 60), data=st.data())
    def test_an_event_in_the_middle_holds_at_its_place_alone(self, signing, size, data):
        index = data.draw(st.integers(0, size - 2))
        events = [event(seq, answered(comment=f"Number {seq}")) for seq in range(1, size + 1)]
        leaves = leaves_of(events)
        head = checkpoint.sign(PROJECT, size, tree.root_of(leaves), signing)
        disclosed = {"content": CONTENT, "evidence": EVIDENCE}
        path = tree.inclusion_proof(leaves, index)
        token = receipts.sealed(signing, PORTAL, "BRIDGE", events[index], path, head, disclosed)
        assert receipts.verify(token, signing.public).event["seq"] == index + 1
        moved = receipts.sealed(signing, PORTAL, "BRIDGE", events[index + 1], path, head, disclosed)
        refused(moved, signing, "proof")


class TestOneSpelling:
    """What was signed must be canonical: no two readers may see two things in it."""

    def test_a_key_given_twice(self, signing):
        text = canonical.json_text(payload_of(seal(signing)))
        refused(resigned(signing, text.replace('"receipt":1', '"receipt":1,"receipt":1')), signing, "form")

    @pytest.mark.parametrize(
        ("old", "new"), [('"receipt":1', '"receipt": 1'), ('"receipt":1', '"receipt":1.0'), ("Fine", "F\\u0069ne"),
                         ('"version":2', '"version":2e0'), ('"size":48213', '"size":' + "9" * 5000)],
    )  # fmt: skip
    def test_another_spelling(self, signing, old, new):
        text = canonical.json_text(payload_of(seal(signing)))
        assert old in text
        refused(resigned(signing, text.replace(old, new)), signing, "form")

    @pytest.mark.parametrize(
        "text", ["", "null", "[]", "7", '"x"', "{}", "[" * 50_000, '{"a":' * 20_000, "NaN", '{"receipt":1}', "\ufeff{}"]
    )
    def test_what_is_no_receipt_at_all(self, signing, text):
        refused(resigned(signing, text), signing, "form")

    def test_bytes_that_are_no_text(self, signing):
        refused(signing.sign_token(b"\xff\xfe"), signing, "form")

    @pytest.mark.parametrize("content", [{"a": 2**53}, {"a": 1.5}, {"a\x00": 1}, {"a": "\ud800"}, {"a": float("nan")}])
    def test_what_has_no_one_spelling_is_never_sealed(self, signing, content):
        with pytest.raises(Invalid):
            seal(signing, content=content)

    def test_what_nobody_could_verify_is_never_sealed(self, signing, monkeypatch):
        monkeypatch.setattr(receipts, "MOST_TOKEN_CHARACTERS", 1000)
        with pytest.raises(TooLarge):
            seal(signing)

    def test_a_large_decision_can_be_answered(self, signing):
        content = {
            "title": "Offer",
            "lines": [f"Line {number} of the offer, with some words" for number in range(20_000)],
        }
        assert receipts.verify(seal(signing, content=content), signing.public).disclosed["content"] == content

    def test_the_deepest_content_that_can_be_asked_can_be_answered(self, signing):
        deepest: Any = {}
        for _ in range(canonical.MAX_DEPTH - 1):
            deepest = {"a": deepest}
        canonical.document_text(deepest)
        assert receipts.verify(seal(signing, content=deepest), signing.public).disclosed["content"] == deepest


class TestInTheLedger:
    async def test_an_appended_event_has_a_receipt_with_the_path_of_its_tree(self, book):
        async with book.database.write() as db:
            news = ledger.NewEvent("decision.answered", "decision", 1, Audience.CLIENT, answered(), "system", MONDAY)
            disclosed = {"content": CONTENT, "evidence": EVIDENCE}
            portal = "https://portal.example.com"
            kept = await receipts.append_proved(db, book.keys, portal, news, book.id, disclosed)
        proved = receipts.verify(kept.token, book.keys.public)
        digests = [row.digest for row in await _digests(book)]
        assert (proved.size, proved.event["seq"], kept.seq) == (11, 11, 11)
        path = [b64encode(node).decode() for node in tree.inclusion_proof(digests, 10)]
        assert payload_of(kept.token)["proof"]["path"] == path

    async def test_there_is_no_receipt_of_an_event_that_was_not_proved(self, book):
        async with book.database.read() as db:
            with pytest.raises(NotFound):
                await receipts.receipt_of(db, book.id, 1)


async def _digests(book):
    async with book.database.read() as db:
        return (await db.execute(select(Event.digest).where(Event.project_id == book.id).order_by(Event.seq))).all()
