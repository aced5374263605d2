"""An event has one spelling, equal to the library's RFC 8785, and nothing that could be spelt in two ways gets in."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from portal.clock import rfc3339
from portal.errors import Invalid, TooLarge
from portal.ledger import canonical
from portal.ledger.models import Audience

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
integers = st.integers(-(2**53) + 1, 2**53 - 1)
documents = st.recursive(
    st.none() | st.booleans() | integers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
bodies = st.dictionaries(texts, documents, max_size=5)
microseconds = st.integers(-2_000_000_000_000_000, 7_000_000_000_000_000)  # from 1906 to 2191
moments = microseconds.map(lambda count: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=count))


@given(
    project=st.uuids(), seq=st.integers(1, 2**53 - 1), at=moments, recorded=moments, actor=texts, kind=texts,
    subject=texts, number=st.none() | st.integers(0, 2**53 - 1), audience=st.sampled_from(Audience), body=bodies,
)  # fmt: skip
def test_the_quick_spelling_is_the_librarys(project, seq, at, recorded, actor, kind, subject, number, audience, body):
    quick = canonical.event_text(
        project_id=project, seq=seq, at=at, recorded_at=recorded, actor=actor, kind=kind, subject_kind=subject,
        subject_number=number, audience=audience, body=canonical.body_text(body),
    )  # fmt: skip
    event = {
        "project": str(project),
        "seq": seq,
        "at": rfc3339(at),
        "recorded_at": rfc3339(recorded),
        "actor": actor,
        "kind": kind,
        "subject": {"kind": subject, "number": number},
        "audience": audience.value,
        "body": body,
    }
    assert quick.encode() == rfc8785.dumps(event)
    assert canonical.is_canonical(json.loads(quick), quick)


def test_keys_are_sorted_as_the_rfc_says_even_beyond_the_basic_plane():
    body = {"\U0001f600": 1, "\ufb33": 2, "a": 3}
    assert canonical.body_text(body) == '{"a":3,"\U0001f600":1,"\ufb33":2}'


def test_a_known_event_has_a_known_digest():
    text = canonical.event_text(
        project_id=UUID("12345678-1234-4678-9234-567812345678"),
        seq=7,
        at=datetime(2026, 5, 3, 9, 30, tzinfo=UTC),
        recorded_at=datetime(2026, 5, 3, 9, 30, 1, 250000, tzinfo=UTC),
        actor="system",
        kind="item.moved",
        subject_kind="item",
        subject_number=12,
        audience=Audience.CLIENT,
        body=canonical.body_text({"to": "Done", "points": "3.5"}),
    )
    assert text == (
        '{"actor":"system","at":"2026-05-03T09:30:00.000000Z","audience":"client","body":{"points":"3.5","to":"Done"},'
        '"kind":"item.moved","project":"12345678-1234-4678-9234-567812345678",'
        '"recorded_at":"2026-05-03T09:30:01.250000Z","seq":7,"subject":{"kind":"item","number":12}}'
    )
    assert canonical.digest_of(text).hex() == "9933cca63d3027a4a11b73eb678edf1f3fd446c00aed75f0a76a3c88a8d03bdd"


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"points": 3.5}, "body.points", "A number with a fraction must be written as text."),
        ({"title": "Pay", "points": 3.5, "of": 1}, "body.points", "A number with a fraction must be written as text."),
        (
            {"a": None, "b": True, "c": 2**53 - 1, "d": -(2**53) + 1, "e": [], "points": 3.5},
            "body.points",
            "A number with a fraction must be written as text.",
        ),
        ({"a": [1, 3.5, 1]}, "body.a[1]", "A number with a fraction must be written as text."),
        ({"points": Decimal("3.5")}, "body.points", "A number with a fraction must be written as text."),
        ({"a": [{"b": float("nan")}]}, "body.a[0].b", "A number with a fraction must be written as text."),
        ({"title": "a\x00b"}, "body.title", "A NUL character cannot be kept."),
        ({"a": ["\ud800"]}, "body.a[0]", "Half of a surrogate pair is no character."),
        ({"a\x00": 1}, "body", "A NUL character cannot be kept."),
        ({"n": 2**53}, "body.n", "An integer beyond 2^53 - 1 must be written as text."),
        ({"n": -(2**53)}, "body.n", "An integer beyond 2^53 - 1 must be written as text."),
        ({1: 2}, "body", "A key must be text."),
        ({"a": {"b": 1, 2: 3}}, "body.a", "A key must be text."),
        ({"when": datetime(2026, 1, 1, tzinfo=UTC)}, "body.when", "This is not JSON."),
        ({"raw": b"x"}, "body.raw", "This is not JSON."),
        ([], "body", "An event's body must be a JSON object."),
    ],
)
def test_what_is_no_plain_json_is_refused_by_name(body, field, message):
    with pytest.raises(Invalid) as refused:
        canonical.body_text(body)
    assert (refused.value.field, refused.value.message) == (field, message)


def test_a_backslash_before_u0000_is_text_and_no_nul():
    assert canonical.body_text({"a": "\\u0000"}) == r'{"a":"\\u0000"}'


def test_depth_and_length_are_bounded():
    deep: dict[str, object] = {}
    for _ in range(canonical.MAX_DEPTH):
        deep = {"a": deep}
    with pytest.raises(Invalid, match="Nested deeper than 32 levels") as nested:
        canonical.body_text(deep)
    assert nested.value.field == "body.a.a.a"
    assert canonical.body_text({"a": deep["a"]["a"]})  # type: ignore[index]
    longest = {"a": "x" * (canonical.MAX_BODY_CHARACTERS - len('{"a":""}'))}
    assert len(canonical.body_text(longest)) == canonical.MAX_BODY_CHARACTERS
    with pytest.raises(TooLarge, match="1,000,000 characters") as refused:
        canonical.body_text({"a": longest["a"] + "x"})
    assert (refused.value.field, refused.value.value) == ("body", canonical.MAX_BODY_CHARACTERS + 1)


@pytest.mark.parametrize("nest", [lambda inner: [inner], lambda inner: {"a": inner}], ids=["lists", "objects"])
@pytest.mark.parametrize(("levels", "is_canonical"), [(34, True), (35, False)])
def test_what_is_read_may_hold_an_event_and_a_body_within_it(nest, levels, is_canonical):
    document = None
    for _ in range(levels):
        document = nest(document)
    assert canonical.is_canonical(document, canonical.json_text(document)) is is_canonical


@pytest.mark.parametrize(
    ("value", "shown"), [(3.5, "3.5"), (Decimal("1.10"), "1.10"), (b"x", "bytes"), (2**60, "61 bits")]
)
def test_what_is_refused_is_shown_as_text(value, shown):
    with pytest.raises(Invalid) as refused:
        canonical.body_text({"a": value})
    assert refused.value.value == shown


@pytest.mark.parametrize("wrong", ["\x00", "\ud800"])
def test_of_a_text_that_cannot_be_kept_eighty_characters_are_shown(wrong):
    text = "x" * 79 + wrong + wrong
    with pytest.raises(Invalid) as refused:
        canonical.check_text(text, "title")
    assert (refused.value.field, refused.value.value) == ("title", ascii(text[:80]))


@pytest.mark.parametrize(
    "text", ['{"a":1.0}', '{"a":1,"a":2}', '{"b":1,"a":2}', '{"a": 1}', r'{"a":"\u0041"}', '{"a":-0}']
)
def test_another_spelling_is_not_canonical(text):
    assert not canonical.is_canonical(json.loads(text), text)
