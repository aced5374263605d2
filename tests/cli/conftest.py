"""The command line as scripts meet it: arguments and environment in; words, exit code and files out."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from portal.cli import app
from tests.support import databases

PROVIDER = {
    "name": "corp", "label": "Corporate", "issuer": "http://127.0.0.1:9", "client_id": "portal",
    "client_secret": "s3cr3t",
}  # fmt: skip
SECRET = "k2J9-random-enough-7Qw5-Zx81-Lm-4t"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    """A shell with the portal's environment, and a data directory of its own."""

    folder: Path
    environment: dict[str, str]

    def __call__(self, *arguments: str, code: int = 0) -> Ended:
        """Runs a command in this process; a different exit code fails the test."""
        result = CliRunner().invoke(app, list(arguments), env=self.environment)
        ended = Ended(result.exit_code, result.stdout, result.stderr)
        assert ended.code == code, (arguments, ended, result.exception)
        return ended

    def process(self, *arguments: str, **options: object) -> "subprocess.Popen[str]":
        """Starts a command as a process of its own, as the installed script does."""
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
            [sys.executable, "-c", "from portal.cli import main; main()", *arguments],
            env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
        )  # fmt: skip

    def run(self, *arguments: str, **options: object) -> Ended:
        """Runs a command as a process of its own until it ends."""
        process = self.process(*arguments, **options)
        out, err = process.communicate(timeout=120)
        return Ended(process.returncode, out, err)

    @property
    def database(self) -> Path:
        """The SQLite database under the data directory."""
        return self.folder / "portal.sqlite"


@pytest.fixture
def empty_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell whose database was never migrated."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "var"

    environment = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")} | {
        "PORTAL_DATA_DIR": str(folder),
        "PORTAL_BASE_URL": "http://127.0.0.1:8000",
        "PORTAL_SECRET_KEY": SECRET,
        "PORTAL_OIDC_PROVIDERS": json.dumps([PROVIDER]),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    return Shell(folder, environment)


@pytest.fixture
def shell(empty_shell: Shell) -> Shell:
    """A shell with a migrated, empty database."""
    empty_shell.folder.mkdir()
    databases.sqlite_copy(empty_shell.database)
    return empty_shell


@pytest.fixture
def bridge(shell: Shell) -> Shell:
    """A shell with one project, BRIDGE of the client Acme."""
    shell("project", "add", "BRIDGE", "--name", "The bridge", "--client", "Acme", "--zone", "Europe/Berlin")
    return shell
