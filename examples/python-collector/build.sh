#!/bin/sh
# Tests the plugin and builds it: build.sh [OUTPUT_FILE]. The network is needed once, for pip to fetch componentize-py.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
work=$target/python-collector
output=${1:-$target/examples/json-file.wasm}

mkdir -p "$work" "$(dirname -- "$output")"
output=$(CDPATH='' cd -- "$(dirname -- "$output")" && pwd)/$(basename -- "$output")
# The virtual environment is made again only when the requirements change.
if ! cmp -s "$here/requirements.txt" "$work/venv/requirements.txt"; then
    rm -rf "$work/venv"
    "${PYTHON:-python3}" -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$work/venv/requirements.txt"
fi

componentize() {
    "$work/venv/bin/componentize-py" --quiet --wit-path "$root/wit" --wit-path "$here/wit" \
        --world example:json-file/json-file "$@"
}

cd "$here"
# Bindings for editors and tests; the component gets its own.
rm -rf "$work/bindings"
componentize bindings "$work/bindings"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="plugin:$work/bindings" "$work/venv/bin/python" -m unittest discover --start-directory tests

# No site packages: only what stands in plugin/ goes into the component.
componentize componentize app --python-path plugin --output "$work/json-file.wasm"
"$work/venv/bin/python" pack.py "$work/json-file.wasm" manifest.json
mv "$work/json-file.wasm" "$output"
echo "$output"
