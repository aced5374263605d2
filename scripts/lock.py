"""Resolves pyproject.toml into requirements.lock: every package with its version and the hashes of its wheels.

First what the portal needs to run, then, under its own heading, what is needed to develop it. The file holds no
addresses. `pip` does the resolving, once for this machine and once more for each other Python and processor, with the
same versions, so that their wheels' hashes stand in the file too.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
HEADING = "# Development"
PYTHONS = ("3.11", "3.12", "3.13")
PROCESSORS = ("x86_64", "aarch64")
GLIBC = (5, 12, 17, 24, 26, 27, 28, 31, 34, 35)

Pins = dict[str, str]
Hashes = dict[str, set[str]]


def main() -> int:
    """Writes the file; the exit code is 1 when pip finds no set of versions that fits."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    runtime: list[str] = project["project"]["dependencies"]
    everything = [*runtime, *project["dependency-groups"]["dev"]]
    hashes: Hashes = defaultdict(set)
    try:
        needed = resolve(runtime, {}, hashes)
        pins = resolve(everything, needed, hashes)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(error.stderr)
        return 1
    for options in targets():
        add_wheels(pins, hashes, options)
    LOCK.write_text(text(needed, pins, hashes), "utf-8")
    print(f"{LOCK.name}: {len(needed)} packages to run, {len(pins) - len(needed)} more to develop")
    return 0


def resolve(requirements: Iterable[str], fixed: Mapping[str, str], hashes: Hashes, *options: str) -> Pins:
    """The versions that pip chooses, with those in `fixed` kept; adds the hashes of the files it would install."""
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text("".join(f"{name}=={version}\n" for name, version in fixed.items()), "utf-8")
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
        command += ["--report", f"{folder}/report.json", "--constraint", str(constraints), *options, *requirements]
        subprocess.run(command, check=True, capture_output=True, text=True)
        report = json.loads((Path(folder) / "report.json").read_text("utf-8"))
    pins = {}
    for entry in report["install"]:
        name = entry["metadata"]["name"].lower().replace("_", "-").replace(".", "-")
        pins[name] = entry["metadata"]["version"]
        hashes[name].add(entry["download_info"]["archive_info"]["hashes"]["sha256"])
    return pins


def targets() -> Iterable[list[str]]:
    """pip's options for each Python and processor that the lock serves."""
    for python in PYTHONS:
        for processor in PROCESSORS:
            tags = [f"manylinux_2_{minor}_{processor}" for minor in GLIBC]
            tags += [f"manylinux2014_{processor}", f"manylinux1_{processor}", f"manylinux2010_{processor}"]
            yield [f"--python-version={python}", *(f"--platform={tag}" for tag in tags)]


def add_wheels(pins: Pins, hashes: Hashes, options: list[str]) -> None:
    """Adds one target's hashes. A package that has no wheel there is named and left as it is."""
    every = [f"{name}=={version}" for name, version in pins.items()]
    with tempfile.TemporaryDirectory() as folder:
        fixed = ["--no-deps", "--only-binary=:all:", "--target", folder, *options]
        while every:
            try:
                resolve(every, {}, hashes, *fixed)
                return
            except subprocess.CalledProcessError as error:
                missing = [one for one in every if one in error.stderr]
                print(
                    f"{options[0]}, {options[1].rpartition('_2_')[2]}: no wheel of {', '.join(missing) or error.stderr}"
                )
                every = [one for one in every if one not in missing] if missing else []


def text(needed: Pins, pins: Pins, hashes: Hashes) -> str:
    """The lock file."""
    more = {name: version for name, version in pins.items() if name not in needed}
    head = (
        "# Made by `make lock` from pyproject.toml. What the portal needs to run; the image installs this part alone."
    )
    return "\n".join([head, *lines(needed, hashes), f"{HEADING}", *lines(more, hashes), ""])


def lines(pins: Pins, hashes: Hashes) -> Iterable[str]:
    """One entry a package, in order of name."""
    for name, version in sorted(pins.items()):
        yield " \\\n    ".join([f"{name}=={version}", *(f"--hash=sha256:{digest}" for digest in sorted(hashes[name]))])


if __name__ == "__main__":
    sys.exit(main())
