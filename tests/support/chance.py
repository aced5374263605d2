"""Chance that comes twice: what a test draws follows from its name, so that a run tells the same on every machine.

`TESTS_SEED=17 make test` draws otherwise, to look for what these draws never met.
"""

import os
import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from types import SimpleNamespace

from hypothesis import HealthCheck, settings

VARIABLE = "TESTS_SEED"
PROFILES = ("the-same-each-time", "looking-further")


def install() -> None:
    """Hypothesis draws the same examples in each run, or others by the seed; a slow machine is no failure."""
    for name in PROFILES:
        settings.register_profile(
            name, derandomize=name == PROFILES[0], deadline=None, suppress_health_check=[HealthCheck.too_slow]
        )
    settings.load_profile(PROFILES[1 if VARIABLE in os.environ else 0])


@contextmanager
def drawn_from(name: str) -> Iterator[None]:
    """Within the block `uuid4` and `secrets` of this process follow from the name and the seed; keys do not."""
    draw = Random(f"{os.environ.get(VARIABLE, '')}/{name}").randbytes
    kept = uuid.os, random._urandom  # type: ignore[attr-defined]
    uuid.os, random._urandom = SimpleNamespace(urandom=draw), draw  # type: ignore[attr-defined]
    try:
        yield
    finally:
        uuid.os, random._urandom = kept  # type: ignore[attr-defined]
