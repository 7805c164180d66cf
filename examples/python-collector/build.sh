#!/bin/sh
# Builds json-file.wasm: build.sh [OUTPUT_DIRECTORY]. The network is needed once, for pip to fetch componentize-py.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
out=${1:-$target/examples}
work=$target/python-collector
contract=$here/../../wit

mkdir -p "$out" "$work"
# A virtual environment is made again only when the requirements change.
if ! cmp -s "$here/requirements.txt" "$work/venv/requirements.txt"; then
    rm -rf "$work/venv"
    "${PYTHON:-python3}" -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$work/venv/requirements.txt"
fi

componentize="$work/venv/bin/componentize-py --quiet --wit-path $contract --wit-path $here/wit --world example:json-file/json-file"
# Bindings for editors and tests; the component gets its own.
rm -rf "$work/bindings"
$componentize bindings "$work/bindings"
(cd "$here" && PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="plugin:$work/bindings" "$work/venv/bin/python" -m unittest discover --start-directory tests)

# No site packages: only what stands in plugin/ goes into the component.
(cd "$here" && $componentize componentize app --python-path plugin --output "$work/json-file.wasm")
"$work/venv/bin/python" "$here/pack.py" "$work/json-file.wasm" "$here/manifest.json"
mv "$work/json-file.wasm" "$out/json-file.wasm"
echo "$out/json-file.wasm"
