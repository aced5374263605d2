"""A file comes in: bytes, type, preview, row and event."""

import io
from typing import Any

from PIL import Image

from portal.files import commands, intake, queries
from portal.ledger.models import Audience
from tests.files.conftest import chunks


def png(width: int = 40, height: int = 30) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(out, "PNG")
    return out.getvalue()


async def test_a_picture_gets_its_type_size_preview_row_and_event(database: Any, cast: Any, store: Any) -> None:
    async with database.read() as db:
        scope = await cast.scope(db, "wei")
    received = await intake.receive(store, database, scope, chunks(png()), name="../../ü.exe")
    async with database.write() as db:
        await commands.add_file(db, scope, received, audience=Audience.CLIENT)
    async with database.read() as db:
        found = await queries.file(db, await cast.scope(db, "eve"), 1)
    assert (found.name, found.media_type, found.width, found.height) == ("ü.exe", "image/png", 40, 30)
    preview = await store.read(scope.project_id, found.preview, 100_000)
    with Image.open(io.BytesIO(preview)) as shown:
        assert (shown.format, shown.size) == ("WEBP", (40, 30))
