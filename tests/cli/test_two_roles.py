"""The command line on PostgreSQL with two roles: the owner migrates, and the portal's own role owns nothing."""

from pathlib import Path

import pytest

from portal.demo.load import DATA
from tests.cli.conftest import Shell
from tests.support.databases import SERVICE, PostgresServer

pytestmark = pytest.mark.postgres


@pytest.fixture
def served(empty_shell: Shell, postgres: PostgresServer) -> Shell:
    """A shell with an empty PostgreSQL database, and both roles in its settings."""
    service = postgres.create("template1")
    empty_shell.environment["PORTAL_DATABASE_URL"] = service
    empty_shell.environment["PORTAL_MIGRATION_DATABASE_URL"] = postgres.owned(service)
    return empty_shell


def test_the_owner_migrates_and_the_service_does_the_rest(served: Shell, tmp_path: Path) -> None:
    assert "from empty to" in served("migrate").out
    assert "is at" in served("migrate").out
    served.environment.pop("PORTAL_MIGRATION_DATABASE_URL")
    assert "right  database: PostgreSQL, with row-level security" in served("check", code=1).out
    for key in ("RECALLS", "TUNNEL"):
        served("project", "add", key, "--name", key.title(), "--client", "Acme")
    assert [line.split("\t")[0] for line in served("project", "list").out.splitlines()] == ["RECALLS", "TUNNEL"]
    served("import", "trello", str(DATA / "fda-food-recalls.json"), "--project", "RECALLS")
    served("invite", "ada@example.com", "--project", "TUNNEL")
    assert "RECALLS: 58 items, nothing differed\n" in served("rebuild").out
    served("export", "RECALLS", "-o", str(tmp_path / "recalls.zip"))
    assert len(served("verify", "--database").out.splitlines()) == 2


def test_a_role_that_is_not_there_stops_the_migration(served: Shell) -> None:
    url = served.environment["PORTAL_DATABASE_URL"].replace(SERVICE, "nobody_of_that_name")
    served.environment["PORTAL_DATABASE_URL"] = url
    assert '"nobody_of_that_name" does not exist' in served("migrate", code=1).err


def test_with_one_role_all_is_as_before_and_check_says_so(served: Shell) -> None:
    owner = served.environment.pop("PORTAL_MIGRATION_DATABASE_URL")
    served.environment["PORTAL_DATABASE_URL"] = owner
    served("migrate")
    served("project", "add", "BRIDGE", "--name", "The bridge", "--client", "Acme")
    assert "note   database: PostgreSQL, without row-level security" in served("check", code=1).out


def test_the_owners_role_is_for_postgresql(empty_shell: Shell) -> None:
    empty_shell.environment["PORTAL_MIGRATION_DATABASE_URL"] = "postgresql://owner@localhost/portal"
    assert "PORTAL_MIGRATION_DATABASE_URL is for PostgreSQL" in empty_shell("migrate", code=1).err
