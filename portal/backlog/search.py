"""Full-text search within one project, in every language that people write.

Text becomes terms here, the same way for both databases: words are folded and stemmed by script (Snowball for Latin and
Cyrillic), Chinese, Japanese and Korean runs become overlapping pairs of signs. Each entry carries its project's own
term, and each query asks for it, so the index itself never meets another project's items.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, literal_column, text
from sqlalchemy.ext.asyncio import AsyncSession

from portal.backlog.models import Item

WORDS = re.compile(r"[^\W_]+")
CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
MOST_TERMS = 2_000
LONGEST_TERM = 60
MOST_QUERY_TERMS = 12
STEMS_KEPT = 20_000
"""Of the words met last: 4 MB."""


def terms(text: str) -> list[str]:
    """The index terms of a text, each once, in order of appearance; at most `MOST_TERMS`."""
    found: dict[str, None] = {}
    for word in WORDS.findall(unicodedata.normalize("NFKC", text).casefold()):
        for term in _terms_of_word(word):
            found.setdefault(term)
            if len(found) >= MOST_TERMS:
                return list(found)
    return list(found)


def _terms_of_word(word: str) -> Iterator[str]:
    """The terms of a run of letters, piece by piece: such a run may be as long as the whole text."""
    end = 0
    for signs in CJK.finditer(word):
        yield from _stems(word[end : signs.start()])
        run, end = signs.group(), signs.end()
        yield from (run[at : at + 2] for at in range(len(run) - 1))
        yield from run
    yield from _stems(word[end:])


def _stems(word: str) -> tuple[str, ...]:
    return (_stem(word[:LONGEST_TERM]),) if word else ()


@lru_cache(maxsize=STEMS_KEPT)
def _stem(word: str) -> str:
    first = word[0]
    if "\u0400" <= first <= "\u04ff":
        return str(_stemmer("russian").stemWord(word.replace("ё", "е")))
    return str(_stemmer("english").stemWord(word)) if "a" <= first <= "z" else word


@cache
def _stemmer(language: str) -> Any:
    import snowballstemmer  # type: ignore[import-untyped]  # 33 languages, 2 MB: for whoever searches or writes

    return snowballstemmer.stemmer(language)


def query_terms(query: str) -> list[str]:
    """The terms that an entry must have all of; runs of CJK signs ask for their pairs only."""
    wanted: dict[str, None] = {}
    for word in WORDS.findall(unicodedata.normalize("NFKC", query).casefold()):
        every = list(_terms_of_word(word))
        pairs = [term for term in every if len(term) > 1]
        for term in pairs or every:
            wanted.setdefault(term)
    return list(wanted)[:MOST_QUERY_TERMS]


def _project_term(project_id: UUID) -> str:
    return f"p{project_id.hex}"


def matches(dialect: str, project_id: UUID, query: str) -> ColumnElement[bool] | None:
    """The condition that an item of this project has all words of the query; None when the query has no words.

    The last word matches by its beginning, as people expect while they type.
    """
    wanted = query_terms(query)
    if not wanted:
        return None
    *whole, last = wanted
    if dialect == "sqlite":
        phrase = " AND ".join([f'"{term}"' for term in (_project_term(project_id), *whole)] + [f'"{last}"*'])
        found = text("SELECT rowid FROM item_search WHERE item_search MATCH :phrase")
    else:
        phrase = " & ".join([f"'{term}'" for term in (_project_term(project_id), *whole)] + [f"'{last}':*"])
        found = text("SELECT item_id FROM item_search WHERE terms @@ CAST(:phrase AS tsquery)")
    return Item.id.in_(found.bindparams(bindparam("phrase", phrase)).columns(literal_column("item_id")))


def document(item: Item) -> str:
    """All text of an item that search looks through."""
    parts: Iterable[str | None] = (
        f"{item.number}",
        item.title,
        item.external_key,
        " ".join(item.labels),
        item.description,
        item.acceptance_criteria,
    )
    return "\n".join(part for part in parts if part)


def entry(project_id: UUID, item: Item) -> list[str]:
    """The terms that the index keeps for an item; none for one that is removed."""
    return [] if item.deleted else [_project_term(project_id), *terms(document(item))]


async def index(db: AsyncSession, project_id: UUID, items: Sequence[Item]) -> None:
    """Brings the index up to date for these items, which must have their row ids."""
    if not items:
        return
    rows = [{"item_id": item.id, "terms": " ".join(entry(project_id, item))} for item in items if not item.deleted]
    connection = await db.connection()
    await connection.execute(text(_FORGET[connection.dialect.name]), [{"item_id": item.id} for item in items])
    if rows:
        await connection.execute(text(_ENTER[connection.dialect.name]), rows)


_FORGET = {
    "sqlite": "DELETE FROM item_search WHERE rowid = :item_id",
    "postgresql": "DELETE FROM item_search WHERE item_id = :item_id",
}
_ENTER = {
    "sqlite": "INSERT INTO item_search (rowid, terms) VALUES (:item_id, :terms)",
    "postgresql": "INSERT INTO item_search (item_id, terms)"
    " VALUES (:item_id, array_to_tsvector(string_to_array(:terms, ' ')))",
}

CREATE = {
    "sqlite": 'CREATE VIRTUAL TABLE item_search USING fts5(terms, tokenize = "unicode61 remove_diacritics 0")',
    "postgresql": "CREATE TABLE item_search (item_id BIGINT PRIMARY KEY, terms TSVECTOR NOT NULL);"
    " CREATE INDEX ix_item_search_terms ON item_search USING GIN (terms)",
}
"""What the migration runs to make the index."""
