#!/usr/bin/env bash
# Builds the executable that ships and lays out what the image holds:
#   FOLDER/usr/bin/weir               Swift's standard library linked statically, symbols stripped
#   FOLDER/usr/share/weir/models/     the bundled artefacts, where there are any
#   FOLDER/usr/share/doc/weir/        licence
# The Dockerfile and scripts/rehearse-image.sh both take their content from here.
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: scripts/dist.sh FOLDER        builds into .build-dist; WEIR_COMMIT names the commit, else git does" >&2
    exit 2
fi
out=$1
cd "$(dirname "${BASH_SOURCE[0]}")/.."

commit=${WEIR_COMMIT:-$(git rev-parse --short=12 HEAD 2>/dev/null || true)}
if [[ ! $commit =~ ^[0-9A-Za-z._-]{1,64}$ ]]; then commit=unknown; fi
# A folder of its own: other flags than the tests' would rebuild everything each time.
build=(swift build -c release --scratch-path .build-dist --static-swift-stdlib --product weir -Xcc "-DWEIR_COMMIT=$commit")
"${build[@]}" >&2
made=$("${build[@]}" --show-bin-path)/weir

mkdir -p "$out/usr/bin" "$out/usr/share/weir" "$out/usr/share/doc/weir"
strip -o "$out/usr/bin/weir" "$made"
chmod 755 "$out/usr/bin/weir"
cp LICENSE "$out/usr/share/doc/weir/"
if [ -d models ]; then
    rm -rf "$out/usr/share/weir/models"
    cp -r models "$out/usr/share/weir/models"
fi
echo "$out/usr/bin/weir: $(stat -c %s "$out/usr/bin/weir") bytes, commit $commit" >&2
