"""Progress: nothing for what is quick, plain lines for a log, a bar for a terminal."""

import pytest

from portal.cli import progress as module
from portal.cli.progress import progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands until it is moved."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_what_is_quick_says_nothing(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress("items") as shown:
        shown.advance(500)
        clock[0] += 1.9
        shown.advance(500)
    assert capsys.readouterr().err == ""


def test_a_log_gets_a_line_after_two_seconds_and_then_every_ten(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress("items") as shown:
        for _ in range(16):
            clock[0] += 1
            shown.advance(10)
    assert capsys.readouterr().err.splitlines() == ["items: 30", "items: 140"]


def test_a_known_total_is_told(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress("steps") as shown:
        clock[0] += 3
        shown.reach(7, 20)
    assert capsys.readouterr().err == "steps: 7 of 20\n"


def test_a_terminal_gets_a_bar_once_it_is_worth_it(
    clock: list[float], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "is_terminal", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress("steps") as shown:
        shown.reach(1, 20)
        assert capsys.readouterr().err == ""
        clock[0] += 3
        shown.reach(7, 20)
    assert "steps" in capsys.readouterr().err
