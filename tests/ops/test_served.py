"""What the server adds around the app: a settled memory once it is up, and streams that end with the signal."""

import asyncio
import gc
import signal
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from portal import serve


@pytest.fixture
def handlers() -> Iterator[list[int]]:
    """A server's own handlers for the signals, which write down what they were told; put back afterwards."""
    told: list[int] = []
    before = {number: signal.getsignal(number) for number in serve.STOPPING}
    for number in serve.STOPPING:
        signal.signal(number, lambda number, frame: told.append(number))
    yield told
    for number, handler in before.items():
        signal.signal(number, handler)
    gc.unfreeze()


class App:
    """Stands for the app: says that it has started, as Starlette does."""

    def __init__(self) -> None:
        self.state = SimpleNamespace(stopping=asyncio.Event())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete"})


async def test_start_up_freezes_what_lives_and_passes_the_word_on(handlers: list[int]) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    gc.unfreeze()
    await serve.Served(App())({"type": "lifespan"}, lambda: None, send)  # type: ignore[arg-type]
    assert gc.get_freeze_count() > 1000
    assert sent == [{"type": "lifespan.startup.complete"}]


@pytest.mark.parametrize("number", serve.STOPPING)
async def test_streams_hear_of_the_end_with_the_signal_and_the_server_does_too(
    handlers: list[int], number: signal.Signals
) -> None:
    stopping = asyncio.Event()
    serve.end_streams_early(stopping)
    assert not stopping.is_set()
    signal.raise_signal(number)
    await asyncio.wait_for(stopping.wait(), 60)
    assert handlers == [number]
