"""A design for the demo: two versions of a screen that we draw here, a remark on the first, and an open question."""

import io
from datetime import timedelta
from typing import TYPE_CHECKING

from portal.access import SYSTEM
from portal.db import Database
from portal.designs import commands, pins, queries
from portal.designs.carrying import Place
from portal.designs.rules import Asking
from portal.files import commands as files
from portal.files import intake
from portal.files.store import open_store
from portal.projects import queries as projects
from portal.settings import Settings

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

WIDTH, HEIGHT = 900, 1200
INK, SOFT, PAPER, LINE, ACCENT, WARN = "#191c21", "#5f6875", "#ffffff", "#d5dae2", "#1d5c4f", "#a8321f"
RECALLS = (
    ("Soft cheese, 200 g", "Listeria found in two samples", "New York, New Jersey"),
    ("Peanut butter, crunchy", "Label does not name an allergen", "Nationwide"),
    ("Romaine lettuce, chopped", "E. coli found in one sample", "California, Nevada"),
    ("Canned tuna in oil", "Seal may open in transport", "Texas"),
)
DESCRIPTION = "What somebody sees who looks for a recall: **what** was recalled, *why* and *where*."


async def load(database: Database, settings: Settings, key: str) -> None:
    """Adds the design to the project, unless it has one."""
    async with database.read() as db:
        scope = await projects.scope_for(db, SYSTEM, key)
        if await queries.designs(db, scope, limit=1):
            return
    store = open_store(settings)
    received = [
        await intake.receive(store, database, scope, intake.once(screen(is_second)), name=f"recalls-{number}.png")
        for number, is_second in enumerate((False, True), start=1)
    ]
    async with intake.kept_or_gone(store, database, scope, received), database.write() as db:
        first, second = [(await files.add_file(db, scope, one)).number for one in received]
        design = (await commands.add_design(db, scope, title="Search for recalls", description=DESCRIPTION)).number
        await commands.add_version(db, scope, design, note="A first sketch of the list.", files=[first])
        await commands.publish(db, scope, design, 1)
        pin = await pins.pin(db, scope, design, 1, Place(1, 7800, 3900), "Here we could show how grave a recall is.")
        await pins.reply(db, scope, design, pin.number, "Version 2 does, in words and colour.")
        await pins.pin(db, scope, design, 1, Place(1, 5000, 1900), "Should one also search by the shop's name?")
        await pins.resolve(db, scope, design, pin.number)
        await commands.add_version(db, scope, design, note="Each recall says how grave it is.", files=[second])
        await commands.publish(db, scope, design, 2)
        wanted = Asking(due_on=scope.today + timedelta(days=7), holds_up="The build of the search page.")
        await commands.ask(db, scope, design, wanted)


def screen(is_second: bool) -> bytes:
    """A page that lists recalls, as PNG; the second version says how grave each one is."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (WIDTH, HEIGHT), "#f6f7f9")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, WIDTH, 110), fill=ACCENT)
    _text(draw, (40, 32), "Food recalls", 40, PAPER)
    draw.rounded_rectangle((40, 180, WIDTH - 40, 260), 14, fill=PAPER, outline=LINE, width=2)
    _text(draw, (64, 202), "Product, maker or state", 28, SOFT)
    for at, (product, why, where) in enumerate(RECALLS):
        _recall(draw, 310 + at * 210, product, why, where, is_second and at % 2 == 0)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _recall(draw: "ImageDraw", top: int, product: str, why: str, where: str, is_grave: bool) -> None:
    draw.rounded_rectangle((40, top, WIDTH - 40, top + 180), 14, fill=PAPER, outline=LINE, width=2)
    _text(draw, (70, top + 26), product, 32, INK)
    _text(draw, (70, top + 78), why, 26, SOFT)
    _text(draw, (70, top + 122), where, 26, SOFT)
    if is_grave:
        draw.rounded_rectangle((WIDTH - 240, top + 26, WIDTH - 70, top + 74), 24, fill=WARN)
        _text(draw, (WIDTH - 203, top + 33), "Serious", 28, PAPER)


def _text(draw: "ImageDraw", at: tuple[int, int], text: str, size: int, colour: str) -> None:
    from PIL import ImageFont

    draw.text(at, text, fill=colour, font=ImageFont.load_default(size))
