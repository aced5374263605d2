"""Installs the npm packages of each folder named, from its package-lock.json, unless they are there already.

No package's own install script runs. The node used is the one in this environment.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

NPM = Path(sys.executable).with_name("npm")


def main(folders: list[str]) -> int:
    """The exit code: that of the first npm that failed."""
    for folder in map(Path, folders):
        lock = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
        mark = folder / "node_modules" / ".installed"
        if mark.exists() and mark.read_text("ascii") == lock:
            continue
        print(f"installing the npm packages of {folder}")
        code = install(folder)
        if code:
            print(f"{folder}: npm could not install them; `make setup-tests` tries again", file=sys.stderr)
            return code
        mark.write_text(lock, "ascii")
    return 0


def install(folder: Path) -> int:
    """Runs `npm ci` there and the folder's own `unpack` script, if it has one; with our own node first on the path."""
    environment = {**os.environ, "PATH": f"{NPM.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    for arguments in (["ci", "--ignore-scripts", "--no-audit", "--no-fund"], ["run", "--if-present", "unpack"]):
        command = [str(NPM), *arguments, "--loglevel=error"]
        code = subprocess.run(command, cwd=folder, env=environment, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
