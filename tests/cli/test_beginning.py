"""From an empty machine to a project with an invited client, by the command line alone."""

import sqlite3

from tests.cli.conftest import Shell


def test_the_installed_command_says_what_it_can_do(empty_shell: Shell) -> None:
    ended = empty_shell.run("--help")
    assert ended.code == 0
    wanted = ("serve", "demo", "migrate", "import", "export", "verify", "rebuild", "invite", "robots", "keys", "check")
    assert [name for name in wanted if name not in ended.out] == []


def test_nothing_is_done_before_the_database_is_migrated(empty_shell: Shell) -> None:
    ended = empty_shell("project", "add", "BRIDGE", "--name", "B", "--client", "A", code=1)
    assert "run `portal migrate`" in ended.err
    assert empty_shell.run("serve", "--port", "0").code == 1


def test_migrate_makes_the_database_once(empty_shell: Shell) -> None:
    first, second = empty_shell.run("migrate"), empty_shell.run("migrate")
    assert (first.code, second.code) == (0, 0)
    assert "from empty to" in first.out
    assert "is at" in second.out
    assert empty_shell.folder.stat().st_mode & 0o077 == 0


def test_a_project_is_opened_for_a_client_who_is_added_with_it(shell: Shell) -> None:
    shell("project", "add", "BRIDGE", "--name", "The bridge", "--client", "Acme")
    shell("project", "add", "TUNNEL", "--name", "The tunnel", "--client", "Acme")
    assert shell("project", "list").out.splitlines() == [
        "BRIDGE\tAcme\tThe bridge\tactive",
        "TUNNEL\tAcme\tThe tunnel\tactive",
    ]


def test_refusals_name_field_and_value_and_end_with_one(shell: Shell) -> None:
    told = shell("project", "add", "bridge", "--name", "B", "--client", "A", code=1).err
    assert told == "key: A key is 2 to 16 capital letters and digits, such as BRIDGE. (given: bridge)\n"
    assert (
        "time_zone" in shell("project", "add", "BRIDGE", "--name", "B", "--client", "A", "--zone", "Mars", code=1).err
    )
    assert shell("project", "list").out == ""


def test_a_wrong_command_line_ends_with_two(shell: Shell) -> None:
    assert shell.run("nonsense").code == 2
    shell("verify", code=2)
    shell("export", "BRIDGE", "--edition", "press", code=2)


def test_a_client_is_invited_and_the_mail_is_queued_with_it(bridge: Shell) -> None:
    ended = bridge("invite", "Ada@Example.com", "--project", "BRIDGE", "--roles", "approver,billing")
    assert "http://127.0.0.1:8000/sign-in?next=/projects/BRIDGE" in ended.out
    rows = sqlite3.connect(bridge.database).execute("SELECT recipient, template, ended FROM mail_outbox").fetchall()
    assert rows == [("ada@example.com", "invitation", 0)]
    assert "invited already" in bridge("invite", "ada@example.com", "--project", "BRIDGE", code=1).err
    assert "There is no such project" in bridge("invite", "eve@example.com", "--project", "NOPE", code=1).err
    assert bridge("invite", "not-an-address", "--project", "BRIDGE", code=1).err.startswith("email:")


def test_robots_come_and_go(shell: Shell) -> None:
    shell("robots", "add", "ci", "--name", "The builder", "--scope", "staff:read", "--scope", "staff:write")
    assert "staff:read staff:write\tsince" in shell("robots", "list").out
    shell("robots", "revoke", "ci")
    assert "\trevoked" in shell("robots", "list").out
    assert "no such robot" in shell("robots", "revoke", "ci", code=1).err
    assert "scopes:" in shell("robots", "add", "x", "--name", "X", "--scope", "everything", code=1).err


def test_the_ledger_names_who_did_it(bridge: Shell) -> None:
    with sqlite3.connect(bridge.database) as db:
        values = "('7b0d2f0f9b8f4f0c8a9e1d2c3b4a5968', 'Wei', 'wei@agency.example', 'en', '2026-01-01', '2026-01-01')"
        db.execute(f"INSERT INTO person (id, name, email, locale, created_at, updated_at) VALUES {values}")
    bridge("invite", "ada@example.com", "--project", "BRIDGE", "--as", "wei@agency.example")
    actors = sqlite3.connect(bridge.database).execute("SELECT actor FROM event ORDER BY seq").fetchall()
    assert actors == [("system",), ("staff:7b0d2f0f-9b8f-4f0c-8a9e-1d2c3b4a5968",)]
    assert "signed in yet" in bridge("project", "list", "--as", "nobody@example.com", code=1).err
