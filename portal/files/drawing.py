"""Draws previews, in a process of its own: `python -I -m portal.files.drawing application/pdf 50 < file > previews`.

Pictures and PDFs come from strangers and their decoders are large; so they run where there is neither a database nor a
key nor a secret, within limits of memory and time, and what leaves is a picture that was encoded anew: nothing of the
file itself, no EXIF, no second format hidden in it.
The answer is, of each page, one line of JSON and, when `state` is `drawn`, as many bytes of a picture as it says. A
page leaves as soon as it is drawn: where a later one ends the process, those before it have arrived.
"""

import io
import json
import math
import sys
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from portal.confined import confine
from portal.files.kinds import PDF

if TYPE_CHECKING:
    from PIL.Image import Image

DRAWN, BROKEN, REFUSED = "drawn", "broken", "refused"
"""A preview; no preview, because it cannot be read; not to be kept at all, because reading it would do harm."""
MOST_POINTS = 64_000_000
"""Points of a picture that is decoded at all: 4 bytes each in memory."""
PREVIEW_POINTS = 10_000_000
"""A screen of 3840 x 2160 stays as it is."""
LONGEST_SIDE = 16_000
"""WebP ends at 16,383."""
MOST_PAGES = 50
"""Of a PDF are drawn; whoever shows it says how many more it has."""
PDF_POINTS = 4_000_000
"""Of one page."""
PDF_SCALE = 2.0
"""144 points to the inch."""
MEMORY_BYTES = 1024**3
CPU_SECONDS = 20
FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP"}
PREVIEW_TYPE = "image/webp"


Drawn = tuple[dict[str, Any], bytes]
"""What came of a page (`state`, its `width` and `height`, and `of` how many pages of a PDF it is), and its picture."""


def main() -> None:
    """Reads a file of the kind that the command line names, and writes the previews of so many of its pages."""
    confine(memory_bytes=MEMORY_BYTES, cpu_seconds=CPU_SECONDS)
    for told, preview in pages(sys.argv[1], sys.stdin.buffer.read(), int(sys.argv[2])):
        sys.stdout.buffer.write(json.dumps(told | {"size": len(preview)}).encode() + b"\n" + preview)
        sys.stdout.buffer.flush()


def pages(kind: str, content: bytes, most: int = 1) -> Iterator[Drawn]:
    """The first pages of a file, as WebP pictures; a picture is one page. At least one answer comes."""
    warnings.simplefilter("error")
    try:
        if kind == PDF:
            yield from _pages(content, most)
        else:
            size, picture = _picture(content, FORMATS[kind])
            yield _drawn(size, picture, lossy=kind == "image/jpeg")
    except _TooMany as error:
        yield {"state": REFUSED, "points": error.args[0]}, b""
    except Exception as error:  # whatever a decoder does about hostile bytes, the answer is the same
        yield _broken(error)


def _drawn(size: tuple[int, int], picture: "Image", *, lossy: bool) -> Drawn:
    return {"state": DRAWN, "width": size[0], "height": size[1]}, _encoded(picture, lossy=lossy)


def _broken(error: Exception) -> Drawn:
    return {"state": BROKEN, "error": type(error).__name__}, b""


class _TooMany(Exception):
    """More points than we decode."""


def _picture(content: bytes, form: str) -> tuple[tuple[int, int], "Image"]:
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MOST_POINTS
    try:
        opened = Image.open(io.BytesIO(content), formats=[form])
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _TooMany(str(error)) from None
    width, height = opened.size
    if width * height > MOST_POINTS:
        raise _TooMany(f"{width} x {height}")
    opened.draft("RGB", _fitted(width, height, PREVIEW_POINTS))  # JPEG alone: it is decoded smaller at once
    opened.load()
    turned = ImageOps.exif_transpose(opened)
    is_turned = opened.getexif().get(0x0112) in (5, 6, 7, 8)
    return ((height, width) if is_turned else (width, height)), _shrunk(_in_rgb(turned), PREVIEW_POINTS)


def _in_rgb(picture: "Image") -> "Image":
    """The picture in sRGB, with its transparency if it has any."""
    if picture.mode.startswith("I"):
        picture = picture.point(lambda value: value / 256).convert("L")  # 16 bits of grey
    profile = picture.info.get("icc_profile")
    has_alpha = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
    if profile and picture.mode in ("RGB", "CMYK"):
        return _in_srgb(picture, profile)
    return picture.convert("RGBA" if has_alpha else "RGB")


def _in_srgb(picture: "Image", profile: bytes) -> "Image":
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        made = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        made = None
    return made or picture.convert("RGB")


def _pages(content: bytes, most: int) -> Iterator[Drawn]:
    """A PDF's first pages. The library is built without scripts, and forms are not even set up."""
    import pypdfium2  # type: ignore[import-untyped]

    document = pypdfium2.PdfDocument(content)
    of = len(document)
    for at in range(min(of, most) or 1):  # where there is no page, the first one is broken
        try:
            picture = _page(document, at)
            told, preview = _drawn(picture.size, picture, lossy=True)
        except Exception as error:  # the next page may be whole
            told, preview = _broken(error)
        yield told | {"of": of}, preview


def _page(document: Any, at: int) -> "Image":
    page = document[at]
    width, height = page.get_size()
    scale = min(PDF_SCALE, math.sqrt(PDF_POINTS / (width * height)), LONGEST_SIDE / max(width, height))
    picture: Image = page.render(scale=scale, may_draw_forms=False).to_pil().convert("RGB")
    page.close()
    return picture


def _fitted(width: int, height: int, most: int) -> tuple[int, int]:
    """The largest size of the same shape within `most` points and the longest side."""
    scale = min(1.0, math.sqrt(most / (width * height)), LONGEST_SIDE / max(width, height))
    return max(1, int(width * scale)), max(1, int(height * scale))


def _shrunk(picture: "Image", most: int) -> "Image":
    from PIL.Image import Resampling

    size = _fitted(*picture.size, most)
    return picture if size == picture.size else picture.resize(size, Resampling.LANCZOS, reducing_gap=2.0)


def _encoded(picture: "Image", *, lossy: bool) -> bytes:
    """The picture as WebP with nothing beside its points. Screens stay exact: their text would blur."""
    from PIL import Image

    bare = Image.frombytes(picture.mode, picture.size, picture.tobytes())
    written = io.BytesIO()
    if lossy:
        bare.save(written, "WEBP", quality=85, method=2)
    else:
        bare.save(written, "WEBP", lossless=True, quality=0, method=0)
    return written.getvalue()


if __name__ == "__main__":
    main()
