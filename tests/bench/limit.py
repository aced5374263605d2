"""The limit: what the same framework and server can do with the same session look-up, one indexed query, one template.

SQLite inline through sqlite3, PostgreSQL through asyncpg: no ORM, no layers. Our pages are measured against it.
"""

import hashlib
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment

PAGE = Environment(autoescape=True).from_string(
    """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ name }}</title></head>
<body><h1>{{ name }}</h1>
<table>{% for row in rows %}<tr><td>{{ row[0] }}</td><td><a href="/items/{{ row[0] }}">{{ row[1] }}</a></td>
<td>{{ row[2] }}</td><td>{{ row[3] }}</td><td>{{ row[4] }}</td></tr>{% endfor %}</table></body></html>"""
)
SESSION = """SELECT s.id, p.name, l.id, l.client_version, pr.name, m.viewer
FROM session s JOIN person p ON p.id = s.person_id JOIN project_ledger l ON l.key = {key}
JOIN project pr ON pr.id = l.id JOIN company c ON c.id = pr.company_id
JOIN membership m ON m.project_id = l.id AND m.person_id = s.person_id
WHERE s.token_hash = {token} AND p.disabled_at IS NULL"""
ITEMS = """SELECT number, title, type, points, updated_at FROM item
WHERE project_id = {project} AND audience = 'client' AND deleted = {no} ORDER BY position, number LIMIT 50"""


class Sqlite:
    """sqlite3 in the loop's own thread."""

    def __init__(self, path: str) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)

    async def row(self, statement: str, *values: Any) -> Any:
        return self.connection.execute(statement, values).fetchone()

    async def rows(self, statement: str, *values: Any) -> Any:
        return self.connection.execute(statement, values).fetchall()


class Postgres:
    """asyncpg's own pool."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool

    async def row(self, statement: str, *values: Any) -> Any:
        async with self.pool.acquire() as connection:
            return await connection.fetchrow(statement, *values)

    async def rows(self, statement: str, *values: Any) -> Any:
        async with self.pool.acquire() as connection:
            return await connection.fetch(statement, *values)


def create(url: str) -> FastAPI:
    """The limit as an application on a seeded database."""
    sqlite = url.startswith("sqlite")
    names = ("?", "?", "?", "0") if sqlite else ("$1", "$2", "$1", "false")
    session = SESSION.format(key=names[0], token=names[1])
    items = ITEMS.format(project=names[2], no=names[3])

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        if sqlite:
            app.state.db = Sqlite(url.partition(":///")[2])
        else:
            app.state.db = Postgres(await asyncpg.create_pool(url, min_size=8, max_size=8))
        yield

    app = FastAPI(lifespan=life)

    async def look_up(request: Request) -> tuple[Any, Any]:
        token = request.cookies.get("portal", "")
        hashed = hashlib.sha256(token.encode()).digest()
        found = await request.app.state.db.row(session, "BENCH", hashed)
        return found, await request.app.state.db.rows(items, found[2])

    @app.get("/page")
    async def page(request: Request) -> Response:
        found, rows = await look_up(request)
        return HTMLResponse(PAGE.render(name=found[4], rows=rows))

    @app.get("/json")
    async def listed(request: Request) -> Response:
        _, rows = await look_up(request)
        body = [{"number": r[0], "title": r[1], "type": r[2], "points": str(r[3]), "at": str(r[4])} for r in rows]
        return Response(orjson.dumps(body), media_type="application/json")

    return app


if __name__ == "__main__":
    uvicorn.run(
        create(os.environ["PORTAL_DATABASE_URL"]), port=int(sys.argv[1]), log_level="error", access_log=False,
        loop="uvloop", http="httptools",
    )  # fmt: skip
