"""`portal check`: a sentence for each thing that a first installation gets wrong, and exit code 1 for what stops it."""

import asyncio
import json
import os
import re
import sqlite3
import threading
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import time_machine

from portal import clock
from portal.cli import looks
from portal.db import Database
from portal.ledger.heads import sign_due_heads
from portal.ledger.keys import open_keys
from tests.cli.conftest import PROVIDER, Shell
from tests.cli.test_serving import running
from tests.support.certified import Certified
from tests.support.mail import MailServer
from tests.support.ports import free_port


def lines(shell: Shell, code: int = 1) -> dict[str, str]:
    """What `portal check` says of each thing, with its verdict."""
    told = (line.split(": ", 1) for line in shell("check", code=code).out.splitlines())
    return {head[7:]: f"{head[:7].strip()}: {said}" for head, said in told}


@pytest.fixture
def home(shell: Shell) -> Shell:
    """A shell whose portal has a port of its own: nobody else answers there."""
    shell.environment["PORTAL_BASE_URL"] = f"http://127.0.0.1:{free_port()}"
    return shell


@pytest.fixture
def installed(home: Shell, certified_provider: Callable[..., Certified], smtp: MailServer) -> Shell:
    """A shell where everything is as it should be, and nobody serves yet."""
    found = certified_provider(home.environment["PORTAL_BASE_URL"], name="corp")
    provider = PROVIDER | {"issuer": found.issuer, "staff_groups": {"leads": "manager"}}
    provider["scopes"] = "openid profile email groups"
    home.environment.update({
        "PORTAL_OIDC_PROVIDERS": json.dumps([provider]), "PORTAL_API_ISSUER": found.issuer,
        "PORTAL_SMTP_URL": smtp.url, "PORTAL_MAIL_FROM": "portal@agency.example",
        "PORTAL_AGENCY_NAME": "Bright Harbour",
    })  # fmt: skip
    home.folder.chmod(0o700)
    return home


@pytest.mark.slow
def test_an_installation_that_is_right_passes_and_its_clock_is_held_against_the_providers(installed: Shell) -> None:
    told = lines(installed, code=0)
    assert {what: said.split(":")[0] for what, said in told.items()} == {
        "configuration": "note", "agency name": "right", "data directory": "right", "database": "right",
        "migrations": "right", "webhooks": "right",
        "signing keys": "right", "signed heads": "right", "files": "right", "mail": "right",
        "outbox": "right", "provider corp": "right", "clock by provider corp": "right", "staff": "right",
        "API": "right", "address": "note",
    }  # fmt: skip
    assert told["mail"].endswith(
        "answers, NOT encrypted, without a log-in; from portal@agency.example, with links to "
        + installed.environment["PORTAL_BASE_URL"]
    )
    installed.environment["PORTAL_OIDC_PROVIDERS"] = installed.environment["PORTAL_OIDC_PROVIDERS"].replace(
        "openid profile email groups", "openid profile email"
    )
    with time_machine.travel(clock.now() + timedelta(seconds=302)):
        told = lines(installed)
    assert told["provider corp"].endswith("which its `scopes` do not ask for: its groups may be missing.")
    assert re.match(r"wrong: This machine's clock is \d+ s ahead of the provider's", told["clock by provider corp"])


def test_what_is_not_set_up_is_a_note_and_a_provider_that_is_away_is_wrong(home: Shell) -> None:
    told = lines(home)
    assert told["mail"].startswith("note: PORTAL_SMTP_URL is not set, so no mail leaves;")
    assert told["agency name"].startswith("note: PORTAL_AGENCY_NAME is not set")
    assert told["staff"].startswith("note: No provider in PORTAL_OIDC_PROVIDERS has staff_groups")
    assert told["API"] == "note: PORTAL_API_ISSUER is not set: the API refuses every call."
    assert told["provider corp"].startswith("wrong: ")
    assert "clock by provider corp" not in told


def test_a_mail_server_that_is_away_is_wrong_and_nothing_of_its_password_is_shown(home: Shell) -> None:
    home.environment["PORTAL_SMTP_URL"] = "smtp://portal:open-sesame@127.0.0.1:9"
    told = lines(home)
    assert told["mail"] == "wrong: 127.0.0.1:9 cannot be reached: Connection refused."
    assert "open-sesame" not in str(told)


def test_a_sender_that_no_mail_server_takes_is_wrong(home: Shell) -> None:
    home.environment.update(PORTAL_SMTP_URL="smtp://127.0.0.1:9", PORTAL_BASE_URL="https://127.0.0.2")
    assert lines(home)["mail"].startswith("wrong: PORTAL_MAIL_FROM is portal@localhost:")


@pytest.mark.parametrize(
    "address",
    ["mail.agency.example:587", "", "smtp://portal:open/sesame@mail.example:587", "smtp://portal:open#sesame@h"],
)
def test_an_address_that_no_mail_could_take_stops_the_start(home: Shell, address: str) -> None:
    home.environment["PORTAL_SMTP_URL"] = address
    told = home("check", code=1).out
    assert told.startswith("wrong  configuration: PORTAL_SMTP_URL: must be an address such as smtp://")
    assert "sesame" not in told


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("DATABASE_URL", "mysql://portal:sesame@h/portal", ": must be an address such as postgresql://"),
        ("DATABASE_URL", "nonsense", ": must be an address such as postgresql://"),
        ("DATABASE_URL", "postgresql://portal:open@h:sesame/portal", ": must be an address such as postgresql://"),
        ("DATABASE_URL", "postgresql://portal:open@sesame@h/portal", ": must be an address such as postgresql://"),
        ("TRUSTED_PROXIES", "127.0.0.1", ' is not valid JSON, such as ["…", "…"]: '),
        ("OIDC_PROVIDERS", "{}", " must be a JSON list: [ … ]."),
        ("OIDC_PROVIDERS", '["main"]', "[0] must be a JSON mapping: { … }."),
    ],
)
def test_a_setting_that_cannot_be_read_is_told_with_its_form(home: Shell, name: str, value: str, says: str) -> None:
    home.environment[f"PORTAL_{name}"] = value
    told = home("check", code=1).out
    assert f"wrong  configuration: PORTAL_{name}{says}" in told
    assert "sesame" not in told


def test_a_database_that_is_away_is_named(home: Shell) -> None:
    home.environment["PORTAL_DATABASE_URL"] = "postgresql://portal@127.0.0.1:9/portal"
    assert lines(home)["database"].startswith("wrong: The database cannot be reached: ")
    assert home("migrate", code=1).err.startswith("The database cannot be reached: ")


def test_a_retired_key_that_is_none_is_named(home: Shell) -> None:
    home("keys", "list")
    (home.folder / "keys" / "retired-x.json").write_text("junk")
    assert "retired-x.json is not the public half of an Ed25519 key" in lines(home)["signing keys"]


@pytest.mark.parametrize("sender", ["Bright Harbour <portal@agency.example>", "portal", "a..b@agency.example", ""])
def test_a_sender_that_is_no_address_stops_the_start(home: Shell, sender: str) -> None:
    home.environment["PORTAL_MAIL_FROM"] = sender
    assert "wrong  configuration: PORTAL_MAIL_FROM: must be" in home("check", code=1).out


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (None, "nobody has tried: does `portal serve` run?"),
        ("SMTPAuthenticationError", "the last try ended with SMTPAuthenticationError"),
    ],
)
def test_mails_that_should_have_left_are_told(home: Shell, error: str | None, why: str) -> None:
    values = ("0" * 32, "ada@client.example", "en", "invitation", "{}", *["2020-02-26 09:00:00"] * 2, 1, error, 0)
    columns = "id, recipient, locale, template, context, created_at, due_at, attempts, last_error, ended"
    with sqlite3.connect(home.database) as database:
        database.execute(f"INSERT INTO mail_outbox ({columns}) VALUES ({', '.join('?' * len(values))})", values)
    database.close()
    assert lines(home)["outbox"] == f"wrong: 1 wait that should have left, the first since 2020-02-26 09:00 UTC; {why}"


async def sign_heads(shell: Shell) -> None:
    """Signs the head of each project, as the portal does every day."""
    database = Database(f"sqlite:///{shell.database}")
    keys = open_keys(shell.folder / "keys", "127.0.0.1:8000")
    await sign_due_heads(database, keys, clock.now() + timedelta(days=2))
    await database.dispose()


def test_keys_of_another_database_are_noticed(bridge: Shell, tmp_path: Path) -> None:
    asyncio.run(sign_heads(bridge))
    assert lines(bridge)["signed heads"] == "right: the newest is of 1 events, by a key that is here"
    (bridge.folder / "keys").rename(tmp_path / "forgotten")
    assert lines(bridge)["signed heads"].startswith("wrong: The newest one cannot be checked by the keys in ")


def test_a_data_directory_that_cannot_be_written_is_wrong_and_what_lies_in_it_is_left_alone(
    home: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != home.folder)
    told = lines(home)
    assert told["data directory"].endswith(f"may not write into {home.folder}.")
    assert {"database", "signing keys", "files"} & set(told) == set()
    assert not (home.folder / "keys").exists()


def test_root_makes_nothing_in_the_services_directory(home: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "_name", lambda user: "root" if user == 0 else "portal")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    if home.folder.stat().st_uid == 0:
        os.chown(home.folder, 10001, -1)
    assert lines(home)["data directory"].endswith("Run every command as portal.")
    assert not (home.folder / "keys").exists()


def test_a_data_directory_that_others_read_or_that_follows_the_folder_is_noted(home: Shell) -> None:
    home.folder.chmod(0o755)
    assert (
        lines(home)["data directory"] == f"note: {home.folder} can be read by everybody on this machine: chmod 700 it."
    )
    home.environment["PORTAL_DATA_DIR"] = "var"
    assert "give PORTAL_DATA_DIR a full path." in lines(home)["data directory"]


@pytest.mark.slow
def test_the_address_leads_to_this_portal_or_to_one_with_other_keys(home: Shell, tmp_path: Path) -> None:
    port = int(home.environment["PORTAL_BASE_URL"].rpartition(":")[2])
    with running(home, port, "serve"):
        assert lines(home)["address"] == f"right: {home.environment['PORTAL_BASE_URL']} leads to this portal"
        (home.folder / "keys").rename(tmp_path / "elsewhere")
        assert "it runs with other settings than this command" in lines(home)["address"]


def test_a_proxy_that_keeps_the_host_to_itself_is_told(home: Shell) -> None:
    with HTTPServer(("127.0.0.1", 0), Misled) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        home.environment["PORTAL_BASE_URL"] = f"http://127.0.0.1:{server.server_port}"
        assert lines(home)["address"].endswith("does not hand on the Host that it was asked for.")


class Misled(BaseHTTPRequestHandler):
    """A portal that is asked for by another name."""

    def do_GET(self) -> None:
        """Says so."""
        self.send_response(421)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_given: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        (None, "right  webhooks: 1 in use"),
        ("switched off", "right  webhooks: 0 in use"),
        (
            "the receiver answered 410",
            "wrong  webhooks: Switched off after failures: Books (the receiver answered 410).",
        ),
    ],
)
def test_check_names_webhooks_that_were_given_up(shell: Shell, reason: str | None, says: str) -> None:
    values = {
        "id": "0" * 32, "name": "Books", "url": "https://books.example/", "secret": "whsec_x", "kinds": "[]",
        "audiences": "[]", "created_by": "system", "created_at": "2026-11-26 09:00:00", "disabled_reason": reason,
        "updated_at": "2026-11-26 09:00:00", "lease_until": "2026-11-26 09:00:00",
        "disabled_at": reason and "2026-11-26 09:00:00",
    }  # fmt: skip
    with sqlite3.connect(shell.database) as database:
        columns = ", ".join(values)
        database.execute(
            f"INSERT INTO webhook_endpoint ({columns}) VALUES ({', '.join('?' * len(values))})", (*values.values(),)
        )
    database.close()
    assert says in shell("check", code=1).out.splitlines()


def test_check_looks_at_the_certificates_of_the_time_stamping_authority(shell: Shell, tmp_path: Path) -> None:
    shell.environment["PORTAL_TIMESTAMP_URL"] = "https://tsa.example/tsr"
    shell.environment["PORTAL_TIMESTAMP_CERTIFICATES"] = str(tmp_path / "roots.pem")
    assert "wrong  time stamps: No such file" in shell("check", code=1).out
    (tmp_path / "roots.pem").write_text("no certificate")
    assert "wrong  time stamps" in shell("check", code=1).out


def test_check_looks_at_where_files_lie_and_at_the_scanner(shell: Shell) -> None:
    shell.environment["PORTAL_FILES_URL"] = "s3://bucket"
    shell.environment["PORTAL_FILES_OPTIONS"] = '{"access_key_id": "half a key"}'
    shell.environment["PORTAL_CLAMD_URL"] = "tcp://127.0.0.1:9"
    told = shell("check", code=1).out
    assert "wrong  files: PORTAL_FILES_URL with PORTAL_FILES_OPTIONS leads to no store: " in told
    assert "half a key" not in told
    assert "wrong  virus scanner: The virus scanner does not answer" in told


def test_check_says_what_to_set(shell: Shell) -> None:
    shell.environment["PORTAL_SECRET_KEY"] = "short"
    shell.environment["PORTAL_COLOUR"] = "blue"
    ended = shell("check", code=1)
    assert "wrong  configuration: PORTAL_COLOUR is not a setting of this portal." in ended.out
    assert "short" not in ended.out + ended.err


def test_check_says_that_migrations_are_behind(empty_shell: Shell) -> None:
    assert lines(empty_shell)["database"] == "wrong: There is none yet: run `portal migrate`."
    assert not empty_shell.database.exists()
    empty_shell.database.touch()
    assert lines(empty_shell)["migrations"].startswith("wrong: The database's tables are at nothing yet")
