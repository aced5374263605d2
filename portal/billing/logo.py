"""The agency's logo as the page takes it: SVG text that refers to nothing outside itself."""

import base64
import re
import warnings

MOST_DOTS = 4_000_000
"""Of a picture: what a small file unpacks to is bounded too."""
_SVG = re.compile(rb"\s*(<\?xml[^>]*\?>\s*)?<svg[\s>]")
_REFERS = re.compile(
    rb"<!|<\?(?!xml )|href\s*=\s*[\"'](?!#|data:image/)|url\(\s*[\"']?(?!#)|<(script|foreignObject)", re.I
)


def logo_svg(logo: bytes | None) -> str:
    """A logo as SVG text, or "" for none and for bytes that are no picture or refer to something outside.

    A PNG or JPEG is wrapped; what it is is seen by its first bytes.
    """
    if logo is None:
        return ""
    for mark, kind in ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg")):
        if logo.startswith(mark):
            return _wrapped(logo, kind)
    if not _SVG.match(logo) or _REFERS.search(logo):
        return ""
    return logo.decode("utf-8", "ignore")


def _size(picture: bytes) -> tuple[int, int] | None:
    """Width and height as the picture's head states them; nothing is unpacked."""
    from io import BytesIO

    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own bound is lower
        try:
            return Image.open(BytesIO(picture)).size
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None


def _wrapped(picture: bytes, kind: str) -> str:
    size = _size(picture)
    if size is None or size[0] * size[1] > MOST_DOTS:
        return ""
    width, height = size
    data = base64.b64encode(picture).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<image width="{width}" height="{height}" href="data:image/{kind};base64,{data}"/></svg>'
    )
