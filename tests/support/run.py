"""What the processes of one test run share: a folder in memory where there is enough, and a lock."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "TEST_RUN_FOLDER"
PREFIX = "portal-tests-"
ENOUGH_BYTES = 2 * 1024**3


def begin() -> None:
    """Makes the folder, unless the process that started this one has made it; sweeps those of dead runs."""
    if VARIABLE in os.environ:
        return
    place = _place()
    for old in place.glob(f"{PREFIX}*"):
        if not _is_alive(int(old.name.split("-")[2])):
            shutil.rmtree(old, ignore_errors=True)
    os.environ[VARIABLE] = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=place)


def end() -> None:
    """Removes the folder, if this process made it."""
    if f"{PREFIX}{os.getpid()}-" in os.environ.get(VARIABLE, ""):
        shutil.rmtree(os.environ.pop(VARIABLE), ignore_errors=True)


def folder() -> Path:
    """The folder of this run."""
    return Path(os.environ[VARIABLE])


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Only one process of the run at a time is inside the block."""
    with (folder() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _place() -> Path:
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ENOUGH_BYTES:
        return memory
    return Path(tempfile.gettempdir())


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
