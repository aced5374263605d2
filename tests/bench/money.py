"""Billing's figures: issuing a second with all files, the page of an invoice, and a statement of 5,000 invoices.

In one process, on an empty database, through the application itself: what a request costs without the network.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import insert, select

from portal import migrate
from portal.app import create_app
from portal.billing import drafts, issuing
from portal.billing.models import Invoice, InvoiceSeries
from portal.db import Database
from portal.files.store import Store, open_store
from portal.settings import Settings
from tests.support.billing import bill
from tests.support.cast import Cast, enter
from web.gate import session_cookie

BASE = "http://127.0.0.1:8000"
ISSUED = 20
INVOICES = 5_000
LINE = {"number": "1", "name": "Work", "quantity": "2.5", "unit": "HUR", "unit_price": "118.50", "category": "S",
        "rate": "19", "why": "Milestone 3, accepted on 20 November"}  # fmt: skip
PATHS = {"invoice page": "/invoices/1", "list of invoices": "/invoices", "statement CSV": "/statement.csv",
         "statement XLSX": "/statement.xlsx", "statement PDF": "/statement.pdf"}  # fmt: skip


async def measure(url: str) -> None:
    """Prints the figures on one database, which is empty and will be filled."""
    database = Database(url)
    await migrate.upgrade(database)
    with tempfile.TemporaryDirectory() as name:
        settings = Settings.model_validate(
            {"environment": "test", "base_url": BASE, "database_url": url, "data_dir": Path(name),
             "secret_key": "0123456789abcdefghijklmnopqrstuvwxyz"}
        )  # fmt: skip
        cast = await enter(database)
        await bill(database, cast)
        await _issuing(database, cast, open_store(settings))
        await _many(database, cast)
        app = create_app(settings)
        headers = cast.cookie("finn", session_cookie(settings))
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE, headers=headers) as client:
            for label, path in PATHS.items():
                await _page(client, label, f"/projects/BRIDGE{path}")
        await app.state.database.dispose()
    await database.dispose()


async def _issuing(database: Database, cast: Cast, store: Store) -> None:
    numbers = []
    for at in range(ISSUED + 1):
        async with database.write() as db:
            row = await drafts.draft_lines(db, await cast.scope(db, "maria"), f"Work {at}", {"lines": [LINE]})
        numbers.append(row.number)

    async def issue() -> None:
        async with database.write() as db:
            await issuing.issue(db, await cast.scope(db, "maria"), store, numbers.pop(0))

    first = await _seconds(issue)
    each = await _seconds(issue, ISSUED)
    print(f"  issuing (PDF/A-3 + CII + UBL + store): {1 / each:.1f}/s; the first {first:.1f} s (fonts are read)")


async def _many(database: Database, cast: Cast) -> None:
    """More invoices like the last, up to `INVOICES`: their rows alone."""
    table: Any = Invoice.__table__
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        mine = select(table).where(table.c.project_id == scope.project_id, table.c.number == ISSUED)
        last = dict((await db.execute(mine)).one()._mapping)
        rows = [
            last | {"number": at, "series_number": at, "reference": f"BH-2026-{at:04}",
                    "issued_on": last["issued_on"] - timedelta(days=at % 700)}
            for at in range(ISSUED + 2, INVOICES + 1)
        ]  # fmt: skip
        await db.execute(insert(table), rows)
        series = await db.scalar(select(InvoiceSeries))
        assert series is not None  # invoices were issued
        series.last = INVOICES


async def _page(client: httpx2.AsyncClient, label: str, path: str) -> None:
    sizes: list[int] = []

    async def ask() -> None:
        answer = await client.get(f"{path}?notice=n{len(sizes)}", timeout=120)
        assert answer.status_code == 200, (path, answer.status_code)
        sizes.append(len(answer.content))

    await ask()
    each = await _seconds(ask, 3 if "PDF" in label or "XLSX" in label else 20)
    print(f"  {label:18}{each * 1000:>10.1f} ms{sizes[-1]:>12,} bytes")


async def _seconds(work: Callable[[], Awaitable[None]], times: int = 1) -> float:
    started = time.perf_counter()
    for _ in range(times):
        await work()
    return (time.perf_counter() - started) / times


def run(kind: str, url: str) -> None:
    """Billing on one database."""
    print(f"\n{kind}, billing, {INVOICES:,} invoices in one project")
    asyncio.run(measure(url))
