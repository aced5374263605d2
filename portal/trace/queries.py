"""Reads of the trace, as parts of statements: the rooms above join them with what the numbers stand for."""

from typing import Any

from sqlalchemy import ColumnElement

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
