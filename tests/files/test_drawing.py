"""Previews of hostile pictures and PDFs: a new picture, no preview, or no file; never harm, never a remnant."""

import asyncio
import io
import struct
import zlib

import pikepdf
import pytest
from PIL import Image

from portal.files import previews
from portal.files.drawing import BROKEN, DRAWN, MOST_PAGES, MOST_POINTS, PREVIEW_POINTS, REFUSED, pages
from tests.support.files import BLUE, GREEN, RED, chunks, document, paper, picture, png_chunk, png_that_claims

PNG, JPEG, GIF, WEBP, PDF = "image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"


def draw(kind, content):
    """What came of the first page."""
    return next(pages(kind, content))


def shown(kind, content):
    return opened(*draw(kind, content))


def opened(told, preview):
    assert told["state"] == DRAWN, told
    with Image.open(io.BytesIO(preview)) as made:
        assert made.format == "WEBP"
        assert not {"exif", "xmp", "icc_profile"} & made.info.keys()
        made.load()
        return (told["width"], told["height"]), made


@pytest.mark.parametrize(("kind", "form"), [(PNG, "PNG"), (JPEG, "JPEG"), (GIF, "GIF"), (WEBP, "WEBP")])
def test_every_kind_of_picture_is_encoded_anew(kind, form):
    size, drawn = shown(kind, picture(40, 30, form, "red"))
    assert size == drawn.size == (40, 30)
    red, green, blue = drawn.convert("RGB").getpixel((20, 15))
    assert red > 200 > 60 > max(green, blue)


@pytest.mark.parametrize(("kind", "form"), [(JPEG, "PNG"), (PNG, "JPEG"), (GIF, "WEBP"), (WEBP, "TIFF")])
def test_a_picture_is_read_as_what_it_was_found_to_be_and_nothing_else(kind, form):
    assert draw(kind, picture(form=form))[0]["state"] == BROKEN


def test_a_picture_is_shown_the_right_way_up_without_saying_where_it_was_taken():
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x9286] = 6, "Secret Camera", "hidden remark"
    content = picture(40, 20, "JPEG", exif=exif)
    assert b"Secret Camera" in content
    size, drawn = shown(JPEG, content)
    assert size == drawn.size == (20, 40)
    assert b"Secret" not in draw(JPEG, content)[1]


def test_transparency_stays():
    content = io.BytesIO()
    Image.new("RGBA", (10, 10), (255, 0, 0, 0)).save(content, "PNG")
    _, drawn = shown(PNG, content.getvalue())
    assert drawn.mode == "RGBA"
    assert drawn.getpixel((5, 5))[3] == 0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16"])
def test_every_way_to_write_colours_is_read(mode):
    if mode == "PA":
        made = Image.new("RGBA", (10, 10), (200, 100, 50, 128)).quantize(8)
    else:
        made = Image.new(mode, (10, 10), 40_000 if mode == "I;16" else None)
    content = io.BytesIO()
    made.save(content, "PNG")
    _, drawn = shown(PNG, content.getvalue())
    assert drawn.size == (10, 10)
    if mode == "I;16":
        assert drawn.convert("L").getpixel((5, 5)) in range(150, 163)


def test_a_print_picture_is_brought_to_the_screen():
    content = io.BytesIO()
    Image.new("CMYK", (10, 10), (0, 255, 255, 0)).save(content, "JPEG")
    _, drawn = shown(JPEG, content.getvalue())
    red, green, _ = drawn.convert("RGB").getpixel((5, 5))
    assert red > 180 > 90 > green


def test_a_broken_colour_profile_costs_the_profile_alone():
    _, drawn = shown(PNG, picture(icc_profile=b"not a profile" * 20))
    assert drawn.size == (40, 30)


def test_a_large_picture_is_shown_smaller_and_its_own_size_is_told():
    size, drawn = shown(PNG, picture(5000, 4000, colour="white"))
    assert size == (5000, 4000)
    assert PREVIEW_POINTS * 0.99 < drawn.width * drawn.height <= PREVIEW_POINTS
    assert abs(drawn.width / drawn.height - 1.25) < 0.01


def test_a_very_long_screen_fits_into_what_can_be_encoded():
    size, drawn = shown(PNG, picture(100, 20_000))
    assert (size, drawn.size) == ((100, 20_000), (80, 16_000))


@pytest.mark.parametrize("size", [(65_535, 65_535), (2**31 - 1, 2**31 - 1), (MOST_POINTS + 1, 1), (8001, 8000)])
def test_a_pixel_bomb_is_refused_by_what_it_claims(size):
    told, preview = draw(PNG, png_that_claims(*size))
    assert (told["state"], preview) == (REFUSED, b"")


def test_a_gif_bomb_is_refused_by_what_it_claims():
    content = bytearray(picture(form="GIF"))
    content[6:10] = struct.pack("<HH", 65_535, 65_535)
    assert draw(GIF, bytes(content))[0]["state"] == REFUSED


def test_a_text_bomb_in_a_picture_is_not_unpacked():
    honest = picture()
    bomb = png_chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(200 * 1024 * 1024), 9))
    told, _ = draw(PNG, honest[:33] + bomb + honest[33:])
    assert told["state"] == BROKEN


@pytest.mark.parametrize("cut", [20, 60, 100])
def test_a_picture_that_ends_within_is_no_picture(cut):
    content = picture(300, 300)
    assert draw(PNG, content[:cut])[0]["state"] == BROKEN


def test_nothing_that_hides_in_a_picture_reaches_its_preview():
    script = b"<script>alert(1)</script>"
    gif = picture(form="GIF") + script
    jpeg = picture(form="JPEG", comment=script)
    for kind, content in ((GIF, gif), (JPEG, jpeg)):
        assert script in content
        assert script not in draw(kind, content)[1]


def test_of_a_moving_picture_the_first_moment_is_shown():
    content = io.BytesIO()
    frames = [Image.new("RGB", (10, 10), colour) for colour in ("red", "blue", "green")]
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:])
    _, drawn = shown(GIF, content.getvalue())
    assert getattr(drawn, "n_frames", 1) == 1
    assert drawn.convert("RGB").getpixel((5, 5))[0] > 200


def test_every_page_of_a_pdf_is_shown_in_its_order():
    drawn = [opened(*page) for page in pages(PDF, paper(RED, GREEN, BLUE), MOST_PAGES)]
    assert [size for size, _ in drawn] == [(400, 200)] * 3
    points = [picture.convert("RGB").getpixel((200, 100)) for _, picture in drawn]
    assert [point.index(max(point)) for point in points] == [0, 1, 2]


def test_of_a_pdf_as_many_pages_are_drawn_as_are_wanted_and_all_are_counted():
    told = [told for told, _ in pages(PDF, document(10_000, 20, 10), MOST_PAGES)]
    assert [one["of"] for one in told] == [10_000] * MOST_PAGES
    assert [one["of"] for one, _ in pages(PDF, document(3))] == [3]


def test_a_broken_page_costs_that_page_alone():
    states = [told["state"] for told, _ in pages(PDF, paper(RED, GREEN, BLUE, broken=2), MOST_PAGES)]
    assert states == [DRAWN, BROKEN, DRAWN]


def test_scripts_of_a_pdf_do_not_run_and_do_not_matter():
    assert draw(PDF, document(script="app.alert('hello'); while (true) {}"))[0]["state"] == DRAWN


@pytest.mark.parametrize("page", [(14_400, 14_400), (14_400, 3), (3, 14_400)])
def test_a_page_as_large_as_a_wall_is_drawn_within_bounds(page):
    size, _ = shown(PDF, document(1, *page))
    assert size[0] * size[1] <= 4_000_000
    assert max(size) <= 16_000


def test_a_pdf_that_cannot_be_opened_has_no_preview():
    empty = io.BytesIO()
    pikepdf.new().save(empty)
    for content in (paper(RED, password="a"), empty.getvalue(), b"%PDF-1.7\nrubbish", b"%PDF-"):
        assert draw(PDF, content)[0]["state"] == BROKEN


async def test_it_is_drawn_in_a_process_of_its_own():
    drawn = await previews.draw(PNG, chunks(picture(50, 60)))
    assert (drawn.state, drawn.sizes) == (DRAWN, [(50, 60)])
    with Image.open(io.BytesIO(drawn.pictures[0])) as made:
        assert made.size == (50, 60)


async def test_that_process_gets_no_settings_and_no_secrets(monkeypatch, tmp_path):
    said = 'printf \'{"state": "drawn", "size": %d}\\n%s\' "${#env}" "$env"'
    _says(monkeypatch, tmp_path, f"env=$(export -p)\n{said}")
    monkeypatch.setenv("PORTAL_SECRET_KEY", "must not travel")
    seen = (await previews.draw(PNG, chunks(b"x"))).pictures[0]
    assert b"PATH" in seen
    assert b"PORTAL" not in seen
    assert seen.count(b"export") <= 4  # the shell's own PWD, OLDPWD and _ beside it


def _says(monkeypatch, tmp_path, script, reads="cat > /dev/null"):
    """A process that reads all, unless told otherwise, and says something of its own."""
    told = tmp_path / "told"
    told.write_text(f"#!/bin/sh\n{reads}\n{script}\n")
    told.chmod(0o700)
    monkeypatch.setattr(previews.sys, "executable", str(told))


WHOLE = 'echo \'{"state": "drawn", "width": 1, "height": 1, "of": 9, "size": 2}\'; echo 1'


@pytest.mark.parametrize("then", ["kill -9 $$", 'echo \'{"state": "drawn", "size": 9}\'; echo half'])
async def test_of_a_process_that_ends_within_a_page_those_before_count(monkeypatch, tmp_path, then):
    _says(monkeypatch, tmp_path, f"{WHOLE}\n{WHOLE}\n{then}")
    drawn = await previews.draw(PDF, chunks(b"x"), 5)
    assert (drawn.state, drawn.pictures, drawn.of) == (DRAWN, [b"1\n"] * 2, 9)


async def test_a_process_is_heard_as_long_as_its_pages_are_not_too_many_nor_too_large_together(monkeypatch, tmp_path):
    _says(monkeypatch, tmp_path, f"while {WHOLE}; do :; done")
    assert len((await previews.draw(PDF, chunks(b"x"), 7)).pictures) == 7
    monkeypatch.setattr(previews, "MOST_PREVIEW", 9)
    drawn = await previews.draw(PDF, chunks(b"x"), 7)
    assert sum(map(len, drawn.pictures)) == 8


async def test_a_process_that_goes_on_talking_while_nobody_listens_is_ended(monkeypatch, tmp_path):
    _says(monkeypatch, tmp_path, f"while {WHOLE}; do :; done", reads="")

    async def slowly():
        yield b"x"
        await asyncio.sleep(0.5)  # long enough to fill whatever lies between the two

    drawn = await asyncio.wait_for(previews.draw(PDF, slowly(), 1), 60)
    assert drawn.pictures == [b"1\n"]


async def test_a_process_that_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr(previews, "PATIENCE_SECONDS", 0.001)
    assert (await previews.draw(PNG, chunks(picture()))).state == BROKEN


async def test_a_process_ends_at_its_limit_of_memory():
    """We would send no file of that size there; it stands for a decoder that runs wild."""

    async def much():
        yield picture()
        for _ in range(1100):
            yield bytes(1024 * 1024)

    assert (await previews.draw(PNG, much())).state == BROKEN


async def test_a_process_that_says_more_than_a_preview_is_not_believed(monkeypatch):
    monkeypatch.setattr(previews, "MOST_PREVIEW", 10)
    assert (await previews.draw(PNG, chunks(picture()))).state == BROKEN
