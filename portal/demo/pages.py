"""The demo provider's two pages: choose who you are, and a plain one for everything else."""

import html
from collections.abc import Mapping

from starlette.responses import HTMLResponse

from portal.demo.cast import CAST

SECOND_FACTOR = "urn:portal:demo:second-factor"


def chooser(asked: Mapping[str, str]) -> str:
    """The form by which somebody of the cast is chosen; `asked` is the authorization request, which it carries on."""
    hidden = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in asked.items()
    )
    stronger = SECOND_FACTOR in asked.get("acr_values", "").split()
    factor = (
        '<p><label><input type="checkbox" name="second_factor" value="1" required> '
        "Yes, this is me (stands for a second factor)</label></p>"
        if stronger
        else ""
    )
    people = "".join(
        f'<li><button name="person" value="{person.sub}">{html.escape(person.name)}</button> '
        f"{html.escape(person.says)}</li>"
        for person in CAST
    )
    cancel = '<p><button name="person" value="" formnovalidate>Cancel</button></p>'
    return f'<form method="post" action="/authorize">{hidden}{factor}<ul>{people}</ul>{cancel}</form>'


def page(title: str, inner: str, status: int = 200) -> HTMLResponse:
    """A page; `title` and `inner` are HTML already."""
    style = (
        ":root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;max-width:36em;margin:3em auto;"
        "padding:0 1em}ul{list-style:none;padding:0}li{display:flex;gap:1em;align-items:center;padding:.3em 0}"
        "button{font:inherit;padding:.4em .8em}li button{flex:0 0 9em}"
    )
    note = "<p><small>This provider belongs to the demo. Anybody on this machine may be anybody here.</small></p>"
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{style}</style></head>'
        f"<body><main><h1>{title}</h1>{inner}{note}</main></body></html>",
        status,
    )
