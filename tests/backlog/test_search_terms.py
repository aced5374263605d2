"""The search index is made of what strangers wrote: no text may break it or fill the memory."""

import pytest

from portal.backlog import search


@pytest.mark.parametrize("text", ["中a" * 20_000, "中" * 100_000, "a" * 100_000, "中文a" * 5_000])
def test_one_endless_word_gives_a_bounded_number_of_short_terms(text):
    found = search.terms(text)
    assert 0 < len(found) <= search.MOST_TERMS
    assert max(map(len, found)) <= search.LONGEST_TERM


def test_a_run_of_both_scripts_is_found_by_each_of_its_parts():
    assert {"登录", "login", "页"} <= set(search.terms("login登录页ok"))
    assert search.query_terms("login登录") == ["login", "登录"]


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ('a" OR "b', ["a", "or", "b"]),
        ("a' | 'b", ["a", "b"]),
        ("a) & (b", ["a", "b"]),
        ("a:b*", ["a", "b"]),
        ("\\' a", ["a"]),
    ],
)
def test_a_query_is_words_alone(query, terms):
    assert search.query_terms(query) == terms
