"""Running the portal: uvicorn on uvloop and httptools, in one process or several."""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from portal import logs, migrate, settings
from portal.app import create_app
from portal.db import Database
from portal.errors import Unavailable
from portal.settings import Settings

SHUTDOWN_SECONDS = 3
"""How long answers under way may take once the server was told to stop."""
WORKER_PATIENCE_SECONDS = 60
"""How long a worker process may take to start or to answer its parent: by uvicorn's five seconds, a busy machine would
end its workers and start them anew without end."""
HEADER_BYTES = 16 * 1024
BACKLOG = 2048
STOPPING = (signal.SIGTERM, signal.SIGINT)


def run(chosen: Settings, *, host: str, port: int, workers: int = 1) -> None:
    """Serves until told to stop by SIGTERM or SIGINT, then ends the process with 0.

    With several workers each process reads the settings from the environment again. Raises Conflict when the database
    is not at this release's tables.
    """
    logs.configure(chosen)
    asyncio.run(_require_tables(chosen))
    with listening(host, port) as place, _in_words():
        if workers == 1:
            server(create_app(chosen, with_background=True), chosen).run([place])
        else:
            _serve_by_workers(chosen, place, workers)


def listening(host: str, port: int) -> socket.socket:
    """The place to listen at. Raises OSError when the address is not ours or the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


@contextmanager
def _in_words() -> Iterator[None]:
    """A start that failed, as a refusal: uvicorn would end with 3, which stands for broken evidence here."""
    try:
        yield
    except SystemExit as end:
        if end.code == STARTUP_FAILURE:
            raise Unavailable("The server could not start: the log says why.") from end
        raise


async def _require_tables(chosen: Settings) -> None:
    database = Database(chosen.database)
    try:
        migrate.make_room(database.url)
        async with database.read() as db:
            await migrate.require_head(db)
    finally:
        await database.dispose()


def server(app: FastAPI, chosen: Settings) -> uvicorn.Server:
    """A server of one app in this process. Told to stop by a signal, it ends the process with 0."""
    for number in STOPPING:
        signal.signal(number, _end_well)  # uvicorn raises the signal again when it has stopped
    return uvicorn.Server(uvicorn.Config(Served(app), **_options(chosen)))


def _serve_by_workers(chosen: Settings, place: socket.socket, workers: int) -> None:
    gc.enable()  # this process only watches over the others
    config = uvicorn.Config("portal.serve:from_environment", factory=True, workers=workers, **_options(chosen))
    place.set_inheritable(True)
    Multiprocess(config, [place]).run()


def from_environment() -> ASGIApp:
    """The app of one worker process."""
    chosen = settings.load()
    logs.configure(chosen)
    return Served(create_app(chosen, with_background=True))


def _options(chosen: Settings) -> dict[str, Any]:
    return {
        "loop": "uvloop",
        "http": "httptools",
        "ws": "none",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": bool(chosen.trusted_proxies),
        "forwarded_allow_ips": list(chosen.trusted_proxies),
        "timeout_keep_alive": 65,
        "timeout_graceful_shutdown": SHUTDOWN_SECONDS,
        "timeout_worker_healthcheck": WORKER_PATIENCE_SECONDS,
        "h11_max_incomplete_event_size": HEADER_BYTES,
    }


def _end_well(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


class Served:
    """The app as the server runs it: settled in memory once it is up, its streams ended as soon as it must stop."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return

        async def announced(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                end_streams_early(self.app.state.stopping)
                settle()
            await send(message)

        await self.app(scope, receive, announced)


def settle() -> None:
    """Takes all that lives since start-up out of the garbage collector's rounds: a tenth more requests a second.

    The second round finds nothing, and is what the collector measures by: it looks at the oldest again when a quarter
    as many have come, so by the first round's count the cycles of hundreds of requests would lie about.
    """
    gc.collect()
    gc.freeze()
    gc.collect()
    gc.enable()


def end_streams_early(stopping: asyncio.Event) -> None:
    """Sets `stopping` with the signal itself: the server would wait for open event streams before it tells the app."""
    loop = asyncio.get_running_loop()
    for number in STOPPING:
        servers_own = signal.getsignal(number)

        def stop(number: int, frame: FrameType | None, servers_own: Any = servers_own) -> None:
            loop.call_soon_threadsafe(stopping.set)
            if callable(servers_own):
                servers_own(number, frame)

        signal.signal(number, stop)
