"""The second wall between projects, which PostgreSQL itself keeps: row-level security.

A transaction is inside one project or outside of all. It comes in by the statement that finds its project: the scope of
a viewer, or the lock of a ledger, at no cost of its own (`opening`); where no such statement runs, by `enter`. Outside,
only those tables can be read by which a project is found; inside, every table has that one project's rows alone, for
reading and for writing. A statement with the execution option `cross_project` sees all, for itself only.

PostgreSQL binds neither a table's owner nor a superuser by it: the wall stands when the service signs in as a role
that is neither. On SQLite all of this does nothing.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, String, Uuid, cast, event, func, literal, select, text
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

OPTION = "cross_project"
FINDING = {"project_ledger": "id", "project": "id", "membership": "project_id"}
"""The tables by which a project and its people are found, each with the column that says of which project a row is."""

_PROJECT = "(SELECT nullif(current_setting('portal.project', true), '')::uuid)"
_ACROSS = "(SELECT current_setting('portal.across', true) = 'on')"
_HOLDS = """SELECT NOT (rolsuper OR rolbypassrls) AND NOT EXISTS (
    SELECT FROM pg_class WHERE relkind = 'r' AND relrowsecurity AND pg_has_role(current_user, relowner, 'USAGE')
) FROM pg_roles WHERE rolname = current_user"""
_OUTSIDE = "(SELECT coalesce(current_setting('portal.project', true), '') = '')"


class opening(FunctionElement[str]):
    """A column to select with the row of a project: reading it takes the transaction into that project."""

    type = String()
    inherit_cache = True


@compiles(opening)
def _nothing(_element: "opening", _compiler: Any, **_options: Any) -> str:
    return "NULL"


@compiles(opening, "postgresql")
def _set(element: "opening", compiler: Any, **options: Any) -> str:
    (project,) = element.clauses
    return str(compiler.process(func.set_config("portal.project", cast(project, String), True), **options))


async def enter(db: AsyncSession, project_id: UUID) -> None:
    """Takes the transaction into a project, from outside or from another one, by a statement of its own."""
    if _is_walled(db):
        await db.flush()  # what was changed in the one before is not seen from the next
        await db.execute(select(opening(literal(project_id, Uuid()))))


async def leave(db: AsyncSession) -> None:
    """Takes the transaction out of its project, so that it can find the next one."""
    if _is_walled(db):
        await db.flush()
        await db.execute(select(func.set_config("portal.project", "", True)))


async def holds(db: AsyncSession) -> bool:
    """Whether the wall binds the role that this session has: it is no superuser, bypasses nothing and owns no table."""
    return bool(await db.scalar(text(_HOLDS)))


def _is_walled(db: AsyncSession) -> bool:
    return db.get_bind().dialect.name == "postgresql"


def watch(engine: Engine) -> None:
    """Lets statements that say `cross_project` see all projects, on this PostgreSQL engine."""
    event.listen(engine, "before_cursor_execute", _open)
    event.listen(engine, "after_cursor_execute", _close)


def _open(connection: Connection, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
    if context is not None and OPTION in context.execution_options:
        _say(connection, "on")


def _close(connection: Connection, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
    if context is not None and OPTION in context.execution_options:
        _say(connection, "off")


def _say(connection: Connection, value: str) -> None:
    """Until the transaction ends at the latest: one that fails, or is rolled back, leaves nothing open."""
    cursor = connection.connection.cursor()
    cursor.execute(f"SET LOCAL portal.across = '{value}'")
    cursor.close()


STATISTICS = """CREATE FUNCTION refresh_statistics(VARIADIC names regclass[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE name regclass;
BEGIN
    FOREACH name IN ARRAY names LOOP EXECUTE format('ANALYZE %s', name); END LOOP;
END $$"""
REVOKE_STATISTICS = "REVOKE ALL ON FUNCTION refresh_statistics(regclass[]) FROM PUBLIC"
NO_STATISTICS = "DROP FUNCTION IF EXISTS refresh_statistics(regclass[])"
"""ANALYZE is for a table's owner alone, before PostgreSQL 17 without exception; this lends it to the service."""


def guard(table: str, column: str = "project_id", *, has_others: bool = False) -> tuple[str, ...]:
    """The statements that put the wall around a table, for its migration on PostgreSQL. `has_others`: it has rows of no
    project too, which stand outside.

    Written so that plans stay as they are: the settings are read once a statement, not for each row, and the planner
    takes `IS NOT NULL` of an expression to be true of nearly every row, so it still expects what the statement's own
    predicates leave.
    """
    mine = f"nullif({column} = {_PROJECT} OR {_ACROSS}, false) IS NOT NULL"
    statements = [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY own_project ON {table} USING ({mine})",
    ]
    if has_others:
        statements.append(f"CREATE POLICY others ON {table} USING ({column} IS NULL)")
    if table in FINDING:
        statements.append(f"CREATE POLICY finding ON {table} FOR SELECT USING ({_OUTSIDE})")
    if table == "project_ledger":  # SELECT ... FOR UPDATE asks for both
        statements.append(f"CREATE POLICY locking ON {table} FOR UPDATE USING ({_OUTSIDE}) WITH CHECK ({mine})")
    return tuple(statements)


def unguard(table: str) -> tuple[str, ...]:
    """The statements that take the wall away again."""
    policies = ("own_project", "others", "finding", "locking")
    drops = (f"DROP POLICY IF EXISTS {policy} ON {table}" for policy in policies)
    return (*drops, f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
