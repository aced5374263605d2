"""Pages are set one by one, and whoever waits for theirs keeps nobody from other work."""

import asyncio
import threading
from datetime import UTC, datetime

from portal.documents import typesetting

AT = datetime(2026, 11, 26, tzinfo=UTC)


async def test_however_many_wait_for_a_page_other_work_beside_the_loop_goes_on(monkeypatch):
    ended, at_work = threading.Event(), []

    def slow(page, *_):
        at_work.append(page)
        ended.wait()
        return page.encode()

    monkeypatch.setattr(typesetting, "_typeset", slow)
    setting = [asyncio.create_task(typesetting.typeset(f"{one}", {}, (), AT)) for one in range(64)]
    try:
        await asyncio.sleep(0)  # each has asked by now
        async with asyncio.timeout(60):
            assert await asyncio.to_thread(int, "1") == 1
        assert len(at_work) <= 1
    finally:
        ended.set()
    assert [int(made) for made in await asyncio.gather(*setting)] == list(range(64))
