"""Kept answers: bounded in memory and in time."""

from portal.kept import KeptPages


def test_an_answer_is_given_again_under_its_own_address_alone():
    kept = KeptPages()
    kept.keep(("etag", "/a"), b"page")
    assert (kept.get(("etag", "/a")), kept.get(("etag", "/b")), kept.get(("other", "/a"))) == (b"page", None, None)


def test_the_least_recently_used_go_first():
    kept = KeptPages(most_bytes=10)
    for name in "ab":
        kept.keep(("e", name), b"1234")
    kept.get(("e", "a"))
    kept.keep(("e", "c"), b"1234")
    assert ([kept.get(("e", name)) is not None for name in "abc"], kept.bytes) == ([True, False, True], 8)


def test_an_answer_larger_than_the_bound_is_not_kept():
    kept = KeptPages(most_bytes=3)
    kept.keep(("e", "a"), b"1234")
    assert (kept.get(("e", "a")), kept.bytes) == (None, 0)


def test_an_answer_ends_with_its_life():
    kept = KeptPages(life_seconds=-1)
    kept.keep(("e", "a"), b"1234")
    assert (kept.get(("e", "a")), kept.bytes) == (None, 0)
