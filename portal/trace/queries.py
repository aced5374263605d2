"""Reads of the trace, as parts of statements: the rooms above join them with what the numbers stand for."""

from typing import Any

from sqlalchemy import ColumnElement, Select, String, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from portal.access import Scope
from portal.trace.models import Trace, TraceKind
from portal.trace.rules import comes_first


def sides(near: TraceKind, far: TraceKind) -> tuple[Any, Any]:
    """The columns that hold the near and the far end's number in links between these two kinds."""
    if comes_first(near, far):
        return Trace.from_number, Trace.to_number
    return Trace.to_number, Trace.from_number


def between(scope: Scope, one: TraceKind, other: TraceKind) -> tuple[ColumnElement[bool], ...]:
    """The conditions under which a row is a link between these two kinds in the scope's project."""
    first, second = (one, other) if comes_first(one, other) else (other, one)
    return Trace.project_id == scope.project_id, Trace.from_kind == first, Trace.to_kind == second


class _RowsAsJson(FunctionElement[str]):
    """All rows of a query as one JSON text: a list of lists. Both databases can, by different names."""

    name = "rows_as_json"
    type = String()
    inherit_cache = True


@compiles(_RowsAsJson, "sqlite")
def _on_sqlite(element: _RowsAsJson, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_group_array(json_array({compiler.process(element.clauses, **options)}))"


@compiles(_RowsAsJson, "postgresql")
def _on_postgresql(element: _RowsAsJson, compiler: SQLCompiler, **options: Any) -> str:
    rows = compiler.process(element.clauses, **options)
    return f"CAST(COALESCE(json_agg(json_build_array({rows})), '[]') AS TEXT)"


def as_column(statement: Select[Any]) -> ColumnElement[str]:
    """A whole query as one column of another statement: its rows as a JSON text.

    For a page that has no statement to spare. The query must not depend on the other statement.
    """
    rows = statement.subquery()
    found: ColumnElement[str] = select(_RowsAsJson(*rows.c)).select_from(rows).scalar_subquery()
    return found
