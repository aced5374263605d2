"""What makes the database itself refuse to change or remove events and signed heads; run by the migrations."""

TABLES = {"event": ("project_id", "seq"), "ledger_head": ("project_id", "size")}


def create(dialect: str) -> tuple[str, ...]:
    """The statements that guard the ledger's tables, for `sqlite` or `postgresql`, one statement each."""
    return _create_sqlite() if dialect == "sqlite" else _create_postgresql()


def drop(dialect: str) -> tuple[str, ...]:
    """The statements that take the guards away again, for a migration downwards."""
    if dialect == "sqlite":
        verbs = ("update", "delete", "replace")
        return tuple(f"DROP TRIGGER IF EXISTS {table}_refuses_{verb}" for table in TABLES for verb in verbs)
    drops = (f"DROP TRIGGER IF EXISTS {table}_refuses_change ON {table}" for table in TABLES)
    return (*drops, "DROP FUNCTION IF EXISTS refuse_change_of_ledger()")


def _create_sqlite() -> tuple[str, ...]:
    statements = []
    for table, (first, second) in TABLES.items():
        refuse = f"BEGIN SELECT RAISE(ABORT, '{table}: the ledger only grows'); END"
        statements += [
            f"CREATE TRIGGER {table}_refuses_update BEFORE UPDATE ON {table} {refuse}",
            f"CREATE TRIGGER {table}_refuses_delete BEFORE DELETE ON {table} {refuse}",
            # INSERT OR REPLACE removes the old row without asking the trigger for DELETE.
            f"CREATE TRIGGER {table}_refuses_replace BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} "
            f"WHERE {first} = NEW.{first} AND {second} = NEW.{second}) {refuse}",
        ]
    return tuple(statements)


def _create_postgresql() -> tuple[str, ...]:
    function = """CREATE FUNCTION refuse_change_of_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: the ledger only grows', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$"""
    triggers = (
        f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_ledger()"
        for table in TABLES
    )
    return (function, *triggers)
