#!/bin/sh
# What the image consists of: an environment with the portal and what it needs to run, bytecode compiled.
#   build.sh PYTHON FOLDER
set -eu
python=$1
folder=$2
builder=$folder.build
checked="--require-hashes --no-deps --only-binary=:all:"

# What builds stays in an environment beside the other one, pip too.
"$python" -m venv "$builder"
"$python" -m venv --without-pip "$folder"
pip="$builder/bin/python -m pip -qq"

awk '/^[a-z]/ {take = /^(hatchling|packaging|pathspec|pluggy|trove-classifiers)==/} take' requirements.lock \
    >"$builder/builds.txt"
$pip install $checked --requirement "$builder/builds.txt"
$pip wheel --no-deps --no-build-isolation --wheel-dir "$builder/wheel" .

sed '/^# Development$/,$d' requirements.lock >"$builder/runs.txt"
$pip --python "$folder/bin/python" install $checked --compile --requirement "$builder/runs.txt"
$pip --python "$folder/bin/python" install --no-deps --no-index --compile "$builder"/wheel/*.whl
rm -rf "$builder"
