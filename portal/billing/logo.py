"""The agency's logo as the page takes it: SVG text that refers to nothing outside itself."""

import base64
import re

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


def _wrapped(picture: bytes, kind: str) -> str:
    from io import BytesIO

    from PIL import Image

    try:
        width, height = Image.open(BytesIO(picture)).size
    except OSError:
        return ""
    data = base64.b64encode(picture).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<image width="{width}" height="{height}" href="data:image/{kind};base64,{data}"/></svg>'
    )
