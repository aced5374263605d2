#!/bin/sh
# What the image consists of: an environment with the portal and what it needs to run, bytecode compiled.
#   build.sh PYTHON FOLDER
set -eu
python=$1
folder=$2
builder=$folder.build
install="-m pip install --quiet --require-hashes --no-deps --only-binary=:all:"

"$python" -m venv "$folder"
"$python" -m venv "$builder"

# The package is built beside the environment, so that what builds it does not come along.
awk '/^[a-z]/ {take = /^(hatchling|packaging|pathspec|pluggy|trove-classifiers)==/} take' requirements.lock \
    >"$builder/needed.txt"
"$builder/bin/python" $install --requirement "$builder/needed.txt"
"$builder/bin/python" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$builder/wheel" .

sed '/^# Development$/,$d' requirements.lock >"$folder/needed.txt"
"$folder/bin/python" $install --compile --requirement "$folder/needed.txt"
"$folder/bin/python" -m pip install --quiet --no-deps --no-index --compile "$builder"/wheel/*.whl
"$folder/bin/python" -m pip uninstall --quiet --yes pip
rm -rf "$builder" "$folder/needed.txt"
