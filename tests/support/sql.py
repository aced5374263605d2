"""Reads a statement as far as one question needs: which tables does it read, and what binds each to one project?

A table is bound when its project column is compared with a value, or with the project column of a table that is bound.
Only conditions that must hold count: not those beside an OR, under a NOT, or in a list of columns. Those of an outer
join bind what is joined and not what is kept without it, those of a subquery nothing outside of it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

TOKEN = re.compile(
    r"""--[^\n]* | /\*.*?\*/                                  # comments
      | (?P<quoted>"(?:[^"]|"")*") | (?P<text>'(?:[^']|'')*')
      | (?P<param>\?|\$\d+|%\(\w+\)s|%s|(?<!:):\w+)
      | (?P<word>[A-Za-z_]\w*) | (?P<number>\d+(?:\.\d+)?)
      | (?P<mark>::|<=|>=|<>|!=|\|\||->>?|@@|[^\s\w])""",
    re.VERBOSE | re.DOTALL,
)
STARTS_QUERY = {"SELECT", "WITH", "VALUES", "UPDATE", "DELETE", "INSERT"}
BETWEEN_QUERIES = {"UNION", "INTERSECT", "EXCEPT"}
BEFORE_TABLE = {"FROM", "JOIN", "UPDATE", "USING"}
CONDITION = {"ON", "WHERE"}
ENDS_CONDITION = {
    "SELECT",
    "FROM",
    "JOIN",
    "SET",
    "GROUP",
    "ORDER",
    "LIMIT",
    "RETURNING",
    "CONFLICT",
    "HAVING",
    "WINDOW",
}
ENDS_CONDITION |= {"LEFT", "RIGHT", "INNER", "CROSS", "FULL", "NATURAL", "OFFSET", "FOR"}
OUTER = {"LEFT", "RIGHT", "FULL"}
ENDS_LIST = {"SELECT", "WHERE", "SET", "GROUP", "ORDER", "LIMIT", "RETURNING", "HAVING", "WINDOW", "OFFSET", "FOR"}
NO_ALIAS = CONDITION | ENDS_CONDITION | {"USING", "AND", "INDEXED", "NOT", "VALUES", "AS", "DO", "OUTER", "UNION"}


@dataclass(frozen=True)
class Token:
    """A word (upper case in `word`), a value or a mark."""

    kind: str
    text: str

    @cached_property
    def word(self) -> str:
        """The keyword that this may be."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def is_name(self) -> bool:
        """Whether it can name a table or a column."""
        return self.kind in ("word", "quoted")


@dataclass
class Group:
    """What stands between two parentheses; the whole statement is one too."""

    parts: list["Token | Group"] = field(default_factory=list)
    word = ""
    text = ""
    kind = "group"
    is_name = False

    @property
    def is_query(self) -> bool:
        """Whether it is a statement of its own."""
        if not self.parts:
            return False
        first = self.parts[0]
        return first.word in STARTS_QUERY or (isinstance(first, Group) and first.is_query and self._joins_queries)

    @property
    def _joins_queries(self) -> bool:
        return len(self.parts) == 1 or any(part.word in BETWEEN_QUERIES for part in self.parts)


Part = Token | Group
Node = tuple[int, str]
"""A table in a query: the query's number and the name under which the table is known there."""
Names = Mapping[str, Node | None]
"""The tables that a condition can speak of, by their names there; None for those that belong to no project."""
Condition = tuple[list[Part], set[str] | None]
"""What must hold, and the names of the tables that it can bind; None: all of its query."""


def parse(statement: str) -> Group:
    """The statement's tokens, nested by parentheses."""
    stack = [Group()]
    for found in TOKEN.finditer(statement):
        kind = found.lastgroup
        if kind is None:
            continue
        text = found.group()
        if text == "(":
            stack.append(Group())
            stack[-2].parts.append(stack[-1])
        elif text == ")" and len(stack) > 1:
            stack.pop()
        else:
            stack[-1].parts.append(Token(kind, text.strip('"') if kind == "quoted" else text.lower()))
    return stack[0]


class Reading:
    """One statement, read against the tables that belong to projects.

    `keys` names each such table and the columns that say which project a row is of.
    """

    def __init__(self, statement: str, keys: Mapping[str, frozenset[str]]) -> None:
        self.keys = keys
        self.tables: dict[Node, str] = {}
        self.bound: set[Node] = set()
        self.links: list[tuple[Node, Node]] = []
        """Of each pair the second is bound where the first is."""
        self._queries = 0
        self._query(parse(statement), {})

    def unbound(self) -> list[str]:
        """The tables that are read across projects, by name, in order of appearance."""
        bound = set(self.bound)
        while not (reached := {b for a, b in self.links if a in bound}) <= bound:
            bound |= reached
        return [table for node, table in self.tables.items() if node not in bound]

    def _query(self, group: Group, outer: Names) -> None:
        named_queries = set(_named_queries(group.parts))
        for parts in _split(group.parts, BETWEEN_QUERIES):
            self._queries += 1
            known = {name: node for name, node in outer.items() if name not in named_queries}
            for table, alias in _tables(list(_inline(parts))):
                if table not in named_queries:
                    known[alias] = self._node(table, alias)
            for condition, names in _conditions(parts):
                binds = {node for name, node in known.items() if node and (names is None or name in names)}
                self._condition(condition, known, {node for node in binds if node[0] == self._queries})
            for part in _subqueries(parts):
                self._query(part, known)

    def _node(self, table: str, alias: str) -> Node | None:
        if table not in self.keys:
            return None
        self.tables[self._queries, alias] = table
        return self._queries, alias

    def _condition(self, parts: list[Part], known: Names, binds: set[Node]) -> None:
        if any(part.word == "OR" for part in parts):
            return
        for term in _split(parts, {"AND"}):
            if len(term) == 1 and isinstance(term[0], Group):
                if not term[0].is_query:
                    self._condition(term[0].parts, known, binds)
            else:
                self._comparison(term, known, binds)

    def _comparison(self, term: list[Part], known: Names, binds: set[Node]) -> None:
        left, sign, right = _sides(term)
        if sign == "IN" and len(left) == 1 and isinstance(left[0], Group):
            for column in _split(left[0].parts, {","}):
                self.bound.update(binds.intersection(self._column(column, known)))
            return
        ours, theirs = self._column(left, known), self._column(right, known)
        if ours and theirs:
            pairs = [(a, b) for a in ours for b in theirs]
            self.links += [(a, b) for a, b in (*pairs, *((b, a) for a, b in pairs)) if b in binds]
        elif sign and (ours or theirs) and _is_value(right if ours else left, known):
            self.bound.update(binds.intersection(ours or theirs))

    def _column(self, side: list[Part], known: Names) -> list[Node]:
        """The table whose project column this is; a bare name is that of the query's only table."""
        names = [part.text for part in side if part.is_name]
        if len(side) == 3 and side[1].text == "." and len(names) == 2:
            node = known.get(names[0])
            return [node] if node and names[1] in self.keys[self.tables[node]] else []
        if len(side) == 1 and len(names) == 1:
            mine = [node for node in known.values() if node and node[0] == self._queries]
            return mine if len(mine) == 1 and names[0] in self.keys[self.tables[mine[0]]] else []
        return []


def _is_value(side: list[Part], known: Names) -> bool:
    """Whether a side is a value, a call, a list or a subquery's column, and says nothing of a column that is read here.

    What goes on behind it (`= ? IS NOT TRUE`, `= ? THEN`) is another condition, which binds to no project.
    """
    is_call = len(side) == 2 and side[0].is_name and isinstance(side[1], Group)
    is_column = len(side) == 3 and side[1].text == "."
    return (len(side) == 1 or is_call or is_column) and not any(text in known for text in _names(side))


def _names(side: list[Part]) -> Iterator[str]:
    """The names in a side, also those between plain parentheses."""
    return (part.text for part in _inline(side) if part.is_name)


def _named_queries(parts: list[Part]) -> Iterator[str]:
    """The names that a WITH gives to queries."""
    for at, part in enumerate(parts):
        if isinstance(part, Group) and part.is_query and at >= 2 and parts[at - 1].word == "AS":
            yield parts[at - 2].text


def _split(parts: list[Part], at: set[str]) -> Iterator[list[Part]]:
    piece: list[Part] = []
    between = False
    for part in parts:
        between = between or part.word == "BETWEEN"
        if (part.word or part.text) in at and not (between and part.word == "AND"):
            yield piece
            piece = []
        else:
            piece.append(part)
            continue
        between = False
    yield piece


def _inline(parts: list[Part]) -> Iterator[Part]:
    """The parts of a query with those between plain parentheses; subqueries stay closed."""
    for part in parts:
        if isinstance(part, Group) and not part.is_query:
            yield Token("mark", "(")
            yield from _inline(part.parts)
            yield Token("mark", ")")
        else:
            yield part


def _subqueries(parts: list[Part]) -> Iterator[Group]:
    for part in parts:
        if isinstance(part, Group):
            if part.is_query:
                yield part
            else:
                yield from _subqueries(part.parts)


def _tables(flat: list[Part]) -> Iterator[tuple[str, str]]:
    """Each table that a query reads, and its alias there."""
    expecting, depth, listing_depth = False, 0, -1
    for at, part in enumerate(flat):
        before = flat[at - 1].word if at else ""
        depth += (part.text == "(") - (part.text == ")")
        if part.word in BEFORE_TABLE and not (part.word == "UPDATE" and before in ("FOR", "DO")):
            expecting, listing_depth = True, depth
        elif expecting and part.is_name and part.word not in ("ONLY", "LATERAL"):
            if _text(flat, at + 1) != ".":
                expecting = False
                yield part.text, _alias(flat, at) or part.text
        elif part.kind == "group" or (part.text == "(" and before == "USING"):
            expecting = False
        elif part.word in ENDS_LIST:
            expecting, listing_depth = False, -1
        elif part.text == "," and depth == listing_depth:
            expecting = True


def _alias(flat: list[Part], at: int) -> str:
    """The alias after the table at this place; empty when it has none."""
    at += 2 if at + 1 < len(flat) and flat[at + 1].word == "AS" else 1
    if at < len(flat) and flat[at].is_name and flat[at].word not in NO_ALIAS:
        return flat[at].text
    return ""


def _text(flat: list[Part], at: int) -> str:
    return flat[at].text if at < len(flat) else ""


def _conditions(parts: list[Part]) -> Iterator[Condition]:
    """What stands after each ON and WHERE of a query, also of joins between parentheses."""
    condition: list[Part] | None = None
    outer, joined = "", None
    for at, part in enumerate(parts):
        if part.word in CONDITION or part.word in ENDS_CONDITION:
            if condition is not None:
                yield condition, joined
            condition = [] if part.word in CONDITION else None
            outer = part.word if part.word in OUTER else outer if part.word in ("JOIN", "ON") else ""
            joined = _joined(outer, parts, at) if part.word == "JOIN" else joined if part.word == "ON" else None
        elif condition is not None:
            condition.append(part)
        elif isinstance(part, Group) and not part.is_query and not (at and parts[at - 1].word == "FILTER"):
            yield from _conditions(part.parts)
    if condition is not None:
        yield condition, joined


def _joined(outer: str, parts: list[Part], at: int) -> set[str] | None:
    """What an outer join's condition can bind, by name: the tables after JOIN of a left one, of all others nothing."""
    if not outer:
        return None
    end = next((place for place in range(at + 1, len(parts)) if parts[place].word == "ON"), len(parts))
    return {alias for _, alias in _tables(list(_inline(parts[at:end])))} if outer == "LEFT" else set()


def _sides(term: list[Part]) -> tuple[list[Part], str, list[Part]]:
    """The two sides of an equation or membership; without a sign for every other condition."""
    for at, part in enumerate(term):
        if part.word == "NOT":
            break
        if part.text == "=" or part.word == "IN":
            return term[:at], part.word or part.text, _plain(term[at + 1 :])
    return [], "", []


def _plain(side: list[Part]) -> list[Part]:
    """A side without its PostgreSQL cast."""
    for at, part in enumerate(side):
        if part.text == "::":
            return side[:at] + side[at + 2 :]
    return side
