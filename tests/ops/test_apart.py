"""A run over many things: each is done on its own, what fails is logged and counted, and the run says so at the end."""

import logging

import pytest

from portal.apart import Run, SomeFailed


def doing(*things: int) -> Run:
    """A run in which each thing is divided into 12."""
    run = Run()
    for thing in things:
        with run.apart(number=thing):
            run.done += 12 // thing
    return run


def test_what_all_came_to_is_the_runs_answer() -> None:
    assert doing(1, 2, 3).end() == 12 + 6 + 4


def test_one_that_fails_keeps_no_other_from_its_turn_and_the_run_says_so() -> None:
    with pytest.raises(SomeFailed) as some:
        doing(0, 2, 0, 3).end()
    assert (some.value.failed, some.value.done) == (2, 10)


def test_each_fault_is_in_the_log_with_what_it_was(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        doing(0, 3)
    (line,) = caplog.records
    assert vars(line)["number"] == 0
    assert line.exc_info is not None
    assert line.exc_info[0] is ZeroDivisionError


def test_a_run_that_is_ended_ends() -> None:
    run = Run()
    with pytest.raises(KeyboardInterrupt), run.apart():
        raise KeyboardInterrupt
    assert run.failed == 0
