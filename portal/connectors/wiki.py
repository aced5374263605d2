"""Jira's wiki markup as Markdown: the constructs that people use; what is not known stays as it was typed. Pure."""

import re

_FENCE = re.compile(r"\{(code|noformat)(?::([^}\n]{0,200}))?\}")
_HEADING = re.compile(r"^\s*h([1-6])\.\s*")
_BULLET = re.compile(r"^\s*([*#-]{1,8})\s+(?=\S)")
_LINK = re.compile(r"\[([^\]\[|\n]{1,500})\|([^\]\[|\n]{1,2000})(?:\|[^\]\n]{0,50})?\]")
_BARE_LINK = re.compile(r"\[((?:https?|mailto):[^\]\s|]{1,2000})\]")
_MENTION = re.compile(r"\[~(?:accountid:)?([^\]\s]{1,100})\]")
_IMAGE = re.compile(r"(?<!\w)!([^!|\n]{1,200}\.\w{2,5})(?:\|[^!\n]{0,200})?!")
_TAG = re.compile(r"\{(?:color(?::[^}\n]{1,30})?|quote|panel(?::[^}\n]{0,200})?|anchor:[^}\n]{1,100})\}")
_BOLD = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]{1,500}?)(?<=\S)\*(?![\w*])")
_STRIKE = re.compile(r"(?<![\w-])-(?=[^\s-])([^-\n]{1,500}?)(?<=\S)-(?![\w-])")
_MONO = re.compile(r"\{\{([^}\n]{1,500})\}\}")


def to_markdown(text: str) -> str:
    """Markdown for a text in Jira's wiki markup. Code and preformatted blocks are kept to the letter."""
    lines: list[str] = []
    for place, piece in enumerate(_split_fences(text)):
        if place % 2:
            lines.append(piece)
        else:
            lines += _lines(piece)
    return "\n".join(lines).strip()


def _split_fences(text: str) -> list[str]:
    """Pieces of the text: markup and finished code blocks by turns, markup first."""
    pieces, at = [], 0
    while opening := _FENCE.search(text, at):
        closing = text.find(f"{{{opening[1]}}}", opening.end())
        if closing < 0:
            break
        pieces += [text[at : opening.start()], _fenced(text[opening.end() : closing], opening[2])]
        at = closing + len(opening[1]) + 2
    return [*pieces, text[at:]]


def _fenced(code: str, options: str | None) -> str:
    language = (options or "").split("|")[0]
    fence = "`" * max(3, max((len(run) + 1 for run in re.findall("`{3,}", code)), default=3))
    return f"{fence}{language if language.isalnum() else ''}\n{code.strip(chr(10))}\n{fence}"


def _lines(markup: str) -> list[str]:
    quoted, lines = False, []
    for line in markup.split("\n"):
        marks = line.count("{quote}")
        shown = _line(line)
        lines.append(f"> {shown}" if (quoted or marks) and shown.strip() else shown)
        quoted ^= marks % 2 == 1
    return lines


def _line(line: str) -> str:
    if line.startswith("bq. "):
        return f"> {_inline(line[4:])}"
    if heading := _HEADING.match(line):
        return f"{'#' * int(heading[1])} {_inline(line[heading.end() :])}"
    if line.lstrip().startswith("||"):
        return _table_head(line)
    if (bullet := _BULLET.match(line)) and line.strip() != "----":
        mark = "1." if bullet[1][-1] == "#" else "-"
        return f"{'   ' * (len(bullet[1]) - 1)}{mark} {_inline(line[bullet.end() :])}"
    return _inline(line)


def _table_head(line: str) -> str:
    cells = [_inline(cell.strip()) for cell in line.strip().strip("|").split("||")]
    return f"| {' | '.join(cells)} |\n|{' --- |' * len(cells)}"


def _inline(text: str) -> str:
    text = _TAG.sub("", text)
    text = _MONO.sub(lambda found: f"`{found[1]}`", text)
    text = _IMAGE.sub(lambda found: f"(image: {found[1]})", text)
    text = _MENTION.sub(lambda found: f"@{found[1]}", text)
    text = _LINK.sub(lambda found: f"[{found[1]}]({found[2].strip()})", text)
    text = _BARE_LINK.sub(lambda found: f"<{found[1]}>", text)
    text = _BOLD.sub(lambda found: f"**{found[1]}**", text)
    return _STRIKE.sub(lambda found: f"~~{found[1]}~~", text)
