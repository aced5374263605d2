"""`portal serve` and `portal demo` as processes: ready, and ended well by a signal."""

import json
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from portal.demo import start
from portal.errors import Conflict, Invalid
from tests.cli.conftest import Shell
from tests.support.ports import free_port


def get(url: str, **headers: str) -> tuple[int, str]:
    """Status and text of an address."""
    try:
        with urlopen(Request(url, headers=headers), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as refused:
        return refused.code, refused.read().decode()


@contextmanager
def running(shell: Shell, port: int, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A server process from when it is ready; it must be gone at the end of the block, or is told to stop."""
    process = shell.process(*arguments, "--port", str(port))
    try:
        wait_until(lambda: is_ready(port), process)
        yield process
    finally:
        if process.poll() is None:
            process.terminate()  # a kill would leave its workers behind, who keep the pipe open for ever
        process.communicate(timeout=60)


def is_ready(port: int) -> bool:
    try:
        return get(f"http://127.0.0.1:{port}/readyz")[0] == 200
    except (URLError, OSError):
        return False


def figures(port: int) -> list[str]:
    """What each worker tells, at the first free port from this one on."""
    told = []
    for candidate in range(port, port + 4):
        with suppress(URLError, OSError):
            told.append(get(f"http://127.0.0.1:{candidate}/metrics")[1])
    return told


def wait_until(happened: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Waits for something that the process does; fails when it ends first, or after two minutes."""
    deadline = time.monotonic() + 120
    while not happened():
        assert process.poll() is None, process.communicate(timeout=60)
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_server_is_ready_and_ends_with_zero_when_told_to_stop(shell: Shell, told: signal.Signals) -> None:
    port = free_port()
    with running(shell, port, "serve") as process:
        assert get(f"http://127.0.0.1:{port}/healthz") == (200, "alive\n")
        process.send_signal(told)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert all(json.loads(line)["level"] == "info" for line in err.splitlines())


@pytest.mark.slow
def test_an_open_connection_does_not_hold_up_the_end(shell: Shell) -> None:
    port = free_port()
    with running(shell, port, "serve") as process, socket.create_connection(("127.0.0.1", port)) as kept:
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert kept.recv(1000).startswith(b"HTTP/1.1 200")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)  # it would be kept for 65 s


@pytest.mark.slow
def test_several_workers_serve_one_port_and_metrics_have_their_own(shell: Shell) -> None:
    port, metrics = free_port(), free_port()
    shell.environment["PORTAL_METRICS_PORT"] = str(metrics)
    with running(shell, port, "serve", "--workers", "2") as process:
        wait_until(lambda: any("portal_request_seconds_count" in one for one in figures(metrics)), process)
        assert get(f"http://127.0.0.1:{port}/metrics")[0] != 200
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode in (0, -signal.SIGTERM)


@pytest.mark.slow
def test_workers_that_take_longer_than_five_seconds_to_start_are_waited_for(shell: Shell, tmp_path: Path) -> None:
    slow = "import sys, time\nif '--multiprocessing-fork' in sys.orig_argv:\n    time.sleep(6)\n"
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "sitecustomize.py").write_text(slow)
    shell.environment["PYTHONPATH"] = str(tmp_path / "slow")
    port, metrics = free_port(), free_port()
    shell.environment["PORTAL_METRICS_PORT"] = str(metrics)
    with running(shell, port, "serve", "--workers", "2") as process:
        wait_until(lambda: len(figures(metrics)) == 2, process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def test_a_port_in_use_is_told(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = shell.run("serve", "--port", str(taken.getsockname()[1]))
    assert ended.code == 1
    assert "in use" in ended.err


@pytest.mark.slow
def test_the_demo_loads_both_projects_once_and_keeps_them(empty_shell: Shell) -> None:
    port, provider = free_port(), free_port()
    arguments = ("demo", "--provider-port", str(provider))
    with running(empty_shell, port, *arguments) as process:
        token = empty_shell.run("demo", "token", "mei").out.strip()
        status, text = get(f"http://127.0.0.1:{port}/api/v1/projects", Authorization=f"Bearer {token}")
        assert (status, [one["key"] for one in json.loads(text)["items"]]) == (200, ["DAEMON", "RECALLS"])
        assert "who is one of" in empty_shell.run("demo", "token", "stranger").err
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    for wanted in ("Loading", "Ada Brandt", f"http://127.0.0.1:{port}/projects/RECALLS"):
        assert wanted in out
    database = sqlite3.connect(empty_shell.folder / "demo" / "portal.sqlite")
    database.execute("UPDATE project SET summary = 'kept'")
    database.commit()
    events = database.execute("SELECT count(*) FROM event").fetchone()
    with running(empty_shell, port, *arguments) as process:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    assert "Loading" not in out
    assert database.execute("SELECT count(*) FROM event").fetchone() == events
    assert database.execute("SELECT DISTINCT summary FROM project").fetchall() == [("kept",)]


async def test_a_demo_of_another_release_that_does_not_fit_says_what_to_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_given: object) -> None:
        raise Invalid("A tax rate has at most 2 decimal places.")

    monkeypatch.setattr(start, "load", refuse)
    provider = start.provider_of(8000, 8001)
    with pytest.raises(Conflict, match=r"at most 2 decimal places\. Remove that folder to load it anew\.") as told:
        await start.fill(start.settings_of(tmp_path, provider), provider.issuer, print)
    assert str(tmp_path) in told.value.message


def test_without_a_running_demo_there_is_no_token(empty_shell: Shell) -> None:
    assert "start it with `portal demo`" in empty_shell("demo", "token", code=1).err
