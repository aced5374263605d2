#!/bin/sh
# Makes the environment and installs requirements.lock and the portal itself into it: setup.sh PYTHON FOLDER
set -eu
python=$1
folder=$2

fail() {
    echo "setup: $1" >&2
    exit 1
}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "Python 3.11 or newer is needed: install it, then say which one with \`make PYTHON=python3.12 setup\`"

if ! "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "making $folder"
    rm -rf "$folder"
    "$python" -m venv "$folder" >/dev/null 2>&1 ||
        fail "\`$python -m venv\` does not work here: on Debian and Ubuntu \`apt-get install python3-venv\` brings it"
fi

echo "installing requirements.lock into $folder"
"$folder/bin/python" -m pip install -qq --require-hashes --no-deps --only-binary=:all: -r requirements.lock
"$folder/bin/python" -m pip install -qq --no-deps --no-build-isolation --editable .
