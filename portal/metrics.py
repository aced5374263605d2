"""Prometheus metrics on a port of their own, on this machine only; off unless `PORTAL_METRICS_PORT` is set.

Labels are route templates, methods and status classes: never an address, a project or a person.
"""

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.logs import route_of
from portal.settings import Settings

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

    from prometheus_client import CollectorRegistry, Gauge, Histogram

HOST = "127.0.0.1"
MOST_WORKERS = 32
"""Each worker process serves its own figures on the first free port from the one that was set."""
KNOWN_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
WAITS = (0.0005, 0.001, 0.005, 0.02, 0.1, 0.5, 2, 5, 15)

_log = logging.getLogger(__name__)


def install(app: FastAPI, settings: Settings) -> None:
    """Measures the app's requests and waits for the write lock when a port is set; costs nothing otherwise."""
    if settings.metrics_port:
        meters = Meters()
        app.state.meters = meters
        app.state.database.on_write_wait = meters.write_wait.observe
        app.add_middleware(MetricsMiddleware, meters=meters, port=settings.metrics_port)


class Meters:
    """What is measured, in a registry of its own, so that two apps in one process do not mix."""

    registry: "CollectorRegistry"
    requests: "Histogram"
    running: "Gauge"
    write_wait: "Histogram"

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector

        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Histogram(
            "portal_request_seconds",
            "Time until a request was answered.",
            ("method", "route", "status"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.running = Gauge("portal_requests_running", "Requests being answered now.", registry=self.registry)
        self.write_wait = Histogram(
            "portal_write_wait_seconds", "Wait for the database's write lock.", buckets=WAITS, registry=self.registry
        )


class MetricsMiddleware:
    """ASGI middleware: counts and times requests, and serves the figures for as long as the app lives."""

    def __init__(self, app: ASGIApp, *, meters: Meters, port: int) -> None:
        self.app = app
        self.meters = meters
        self.port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["type"] == "http":
            await self._measure(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        server, thread = serve(self.meters, self.port)
        try:
            await self.app(scope, receive, send)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    async def _measure(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self.meters.running.inc()
        try:
            await self.app(scope, receive, watched)
        finally:
            self.meters.running.dec()
            method = scope["method"] if scope["method"] in KNOWN_METHODS else "other"
            labels = (method, route_of(scope), f"{status // 100}xx")
            self.meters.requests.labels(*labels).observe(time.perf_counter() - started)


def serve(meters: Meters, port: int) -> "tuple[WSGIServer, threading.Thread]":
    """Serves the figures in a thread, at the first free port from `port` on. Raises OSError without one."""
    from prometheus_client import start_http_server

    for candidate in range(port, min(port + MOST_WORKERS, 65536)):
        try:
            server: Any
            server, thread = start_http_server(candidate, HOST, registry=meters.registry)
        except OSError:
            continue
        _log.info("Metrics are served.", extra={"port": candidate})
        return server, thread
    raise OSError(f"PORTAL_METRICS_PORT: no free port from {port} on")
