#!/bin/sh
# Tests the plugin and builds it: build.sh [OUTPUT_FILE]. The network is needed once, for npm to fetch componentize-qjs.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
called_from=$(pwd)
cd "$here"
# What is installed is installed again only when the lock file changes.
if ! cmp -s package-lock.json node_modules/.installed-lock.json; then
    npm ci --no-audit --no-fund --loglevel=error
    cp package-lock.json node_modules/.installed-lock.json
fi
node --test --test-reporter=dot test/*.test.js
cd "$called_from"
node "$here/build.js" "$@"
