"""Whatever is changed in a receipt is refused, whoever signed it, and the refusal says what is wrong."""

import json
from base64 import b64encode
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OctKey

from portal.errors import Invalid
from portal.ledger import canonical, checkpoint, receipts, tree
from portal.ledger.keys import open_keys
from portal.ledger.receipt_form import TYPE
from tests.support.receipts import (
    CONTENT,
    EVIDENCE,
    PROJECT,
    answered,
    base64url,
    event,
    payload_of,
    refused,
    resigned,
    seal,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every member of a document, however deep."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield (*path, key)
        yield from places(member, (*path, key))


def changed(document: Any, place: tuple[Any, ...], value: Any = ..., *, key: str | None = None) -> Any:
    """The document with one member replaced, renamed, or (without either) taken out."""
    whole = deepcopy(document)
    holder = whole
    for step in place[:-1]:
        holder = holder[step]
    if key is not None:
        holder[key] = holder.pop(place[-1])
    elif value is ...:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return whole


def others(value: Any) -> list[Any]:
    """Values that could stand in a value's place."""
    flipped = {
        str: lambda: value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x",
        int: lambda: value + 1,
        bool: lambda: not value,
        dict: dict,
        list: list,
    }
    return [
        one for one in (flipped.get(type(value), lambda: 0)(), None, 0, True, "", "x", [], {}, [None]) if one != value
    ]


class TestWithoutTheKey:
    """Whoever does not hold the signing key can change nothing."""

    def test_every_member_of_the_payload_at_every_depth(self, signing):
        token = seal(signing)
        head, _body, signature = token.split(".")
        payload = payload_of(token)
        tried = 0
        for place in places(payload):
            for variant in (changed(payload, place), changed(payload, place, "changed"), changed(payload, place, None)):
                if variant != payload:
                    body = base64url(canonical.json_text(variant).encode())
                    refused(f"{head}.{body}.{signature}", signing, "signature")
                    tried += 1
        assert tried > 120

    def test_every_character_of_the_token(self, signing):
        token = seal(signing)
        for at, sign in enumerate(token):
            refused(token[:at] + ("A" if sign != "A" else "B") + token[at + 1 :], signing)

    def test_the_last_letter_of_the_signature_has_one_spelling(self, signing):
        token = seal(signing)
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        assert [one for one in letters if _holds(token[:-1] + one, signing)] == [token[-1]]

    @pytest.mark.parametrize("cut", [1, 2, 40, 87, 88, 300])
    def test_a_truncated_token(self, signing, cut):
        refused(seal(signing)[:-cut], signing)
        refused(seal(signing)[cut:], signing)

    @pytest.mark.parametrize("around", ["{}\n", " {}", "{}=", "{}.", ".{}", "\ufeff{}", "{}\x00", "é{}"])
    def test_anything_around_it(self, signing, around):
        refused(around.format(seal(signing)), signing, "form")

    def test_the_payload_of_another_receipt(self, signing):
        first, second = seal(signing).split("."), seal(signing, 6).split(".")
        refused(".".join([first[0], second[1], first[2]]), signing, "signature")

    @pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "x" * 200, "a." * 400, "{}", "🤝.🤝.🤝"])
    def test_what_is_no_token(self, signing, token):
        refused(token, signing, "form")

    def test_an_endless_one(self, signing):
        refused("A" * (receipts.MOST_TOKEN_CHARACTERS + 1), signing, "form")


def _holds(token, signing) -> bool:
    try:
        receipts.verify(token, signing.public)
    except Invalid:
        return False
    return True


class TestTheHeader:
    """The header says how it was signed; only our one way counts."""

    def made(self, signing, header, sign=lambda text: bytes(64)):
        body = seal(signing).split(".")[1]
        text = f"{base64url(json.dumps(header).encode())}.{body}"
        return f"{text}.{base64url(sign(text.encode()))}"

    @pytest.mark.parametrize("alg", ["none", "None", "HS256", "EdDSA", "ES256", "RS256", "", None, 7, ["Ed25519"]])
    def test_another_algorithm_is_refused_even_when_rightly_signed(self, signing, alg):
        header = {"alg": alg, "kid": signing.current.kid, "typ": TYPE}
        refused(self.made(signing, header, signing.sign), signing, "header")

    def test_the_public_key_is_no_secret_of_an_hmac(self, signing):
        header = {"alg": "HS256", "kid": signing.current.kid, "typ": TYPE}
        key = OctKey.import_key(signing.current.raw)
        made = jws.serialize_compact(header, seal(signing).split(".")[1], key, algorithms=["HS256"])
        refused(made, signing)

    @pytest.mark.parametrize("kid", ["", "another", None, 7, {}, "../../signing.pem"])
    def test_an_unknown_key(self, signing, kid):
        header = {"alg": "Ed25519", "kid": kid, "typ": TYPE}
        refused(self.made(signing, header, signing.sign), signing, {"key", "header"})

    @pytest.mark.parametrize(
        "more",
        [{"crit": ["b64"], "b64": False}, {"jwk": {"kty": "OKP"}}, {"jku": "https://evil.example"}, {"typ": "JWT"}],
    )
    def test_more_or_other_than_we_write(self, signing, more):
        header = {"alg": "Ed25519", "kid": signing.current.kid, "typ": TYPE} | more
        refused(self.made(signing, header, signing.sign), signing, "header")

    @pytest.mark.parametrize("header", [[], None, 7, "x", {}])
    def test_no_header_at_all(self, signing, header):
        refused(self.made(signing, header, signing.sign), signing, "header")

    def test_a_header_nested_without_end(self, signing):
        deep = base64url(b"[" * 1400)
        refused(f"{deep}.e30.{base64url(bytes(64))}", signing, "form")


class TestWithAnotherKey:
    """What somebody else signed is not ours, whatever it says."""

    def test_signed_by_a_foreign_key_under_its_own_name(self, signing, tmp_path):
        foreign = open_keys(tmp_path, "portal.example")
        refused(seal(foreign), signing, "key")

    def test_signed_by_a_foreign_key_under_our_name(self, signing):
        head, body, _ = seal(signing).split(".")
        signature = Ed25519PrivateKey.generate().sign(f"{head}.{body}".encode())
        refused(f"{head}.{body}.{base64url(signature)}", signing, "signature")

    def test_a_head_that_a_foreign_key_signed(self, signing, tmp_path):
        foreign = open_keys(tmp_path, "portal.example")
        payload = payload_of(seal(signing))
        payload["proof"]["head"] = payload_of(seal(foreign))["proof"]["head"]
        refused(resigned(signing, payload), signing, "head")

    def test_without_any_key(self, signing):
        with pytest.raises(Invalid) as caught:
            receipts.verify(seal(signing), ())
        assert caught.value.field == "key"


FIELDS = {
    "receipt": {"form"}, "portal": {"portal", "form"}, "project": {"project", "form"},
    "event": {"event", "proof", "project", "form", "disclosed"}, "proof": {"proof", "head", "event", "form"},
    "disclosed": {"disclosed", "form"},
}  # fmt: skip
FREE = (("project", "key"),)
"""The project's key is a name for people: only the signature vouches for it."""


class TestSignedByOurselves:
    """Even the portal's own key cannot make a receipt for what does not stand in the ledger."""

    def test_every_member_taken_out_replaced_or_renamed(self, signing):
        payload = payload_of(seal(signing))
        for place in places(payload):
            if place in FREE:
                continue
            found = payload
            for step in place:
                found = found[step]
            variants = [changed(payload, place, other) for other in others(found)]
            variants.append(changed(payload, place))
            if isinstance(place[-1], str):
                variants.append(changed(payload, place, key=f"{place[-1]}2"))
            for variant in variants:
                assert refused(resigned(signing, variant), signing) in FIELDS[place[0]], (place, variant)

    def test_every_step_of_the_path(self, signing):
        payload = payload_of(seal(signing, 100))
        path = payload["proof"]["path"]
        assert len(path) == 4  # 99 leaves before it, in as many perfect trees as 99 has bits
        for at in range(len(path)):
            refused(resigned(signing, changed(payload, ("proof", "path", at))), signing, "proof")
            refused(
                resigned(signing, changed(payload, ("proof", "path", at), b64encode(bytes(32)).decode())),
                signing,
                "proof",
            )
            refused(
                resigned(signing, changed(payload, ("proof", "path", at), b64encode(bytes(31)).decode())),
                signing,
                "proof",
            )
        for more in (path + path[:1], path[::-1], path * 30):
            refused(resigned(signing, changed(payload, ("proof", "path"), more)), signing, "proof")

    def test_every_line_of_the_head(self, signing):
        payload = payload_of(seal(signing))
        lines = payload["proof"]["head"].split("\n")
        for at, line in enumerate(lines):
            for other in ([], [line + "x"], [line, line], [line[:-1]]):
                if (note := "\n".join([*lines[:at], *other, *lines[at + 1 :]])) != payload["proof"]["head"]:
                    refused(resigned(signing, changed(payload, ("proof", "head"), note)), signing, "head")

    def test_the_head_of_another_moment_or_project(self, signing):
        payload, later = payload_of(seal(signing)), payload_of(seal(signing, 6))
        refused(resigned(signing, changed(payload, ("proof", "head"), later["proof"]["head"])), signing, "proof")
        root = tree.root_of([bytes(32)])
        other = checkpoint.sign(PROJECT.__class__(int=1), 5, root, signing)
        refused(resigned(signing, changed(payload, ("proof", "head"), other)), signing, "project")

    def test_documents_in_each_others_place(self, signing):
        payload = payload_of(seal(signing))
        payload["disclosed"] = {"content": EVIDENCE, "evidence": CONTENT}
        refused(resigned(signing, payload), signing, "disclosed")

    def test_a_document_that_the_event_does_not_name(self, signing):
        payload = payload_of(seal(signing))
        payload["disclosed"]["more"] = {"a": 1}
        refused(resigned(signing, payload), signing, "disclosed")
        payload["disclosed"]["more"] = None
        refused(resigned(signing, payload), signing, "disclosed")

    def test_an_event_that_says_another_number_than_its_place_in_the_tree(self, signing):
        """Even where its path leads to the signed head: its number is what people name it by."""
        events = [event(seq, {"step": seq}) for seq in range(1, 5)] + [event(9, answered())]
        payload = payload_of(seal(signing, events))
        payload["proof"]["index"] = 4
        refused(resigned(signing, payload), signing, "event")
