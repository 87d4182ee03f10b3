#!/usr/bin/env bash
# Builds a Weir that is wrong on purpose (Tests/Faults/broken-build.patch), beside the tree, and prints the program's path.
set -euo pipefail
cd "$(dirname "$0")/.."
package=.build/broken
mkdir -p "$package"
rm -rf "$package/Sources"
cp -a Package.swift Sources "$package/"
for folder in Tests Benchmarks; do ln -sfn "$PWD/$folder" "$package/$folder"; done
patch -s -F0 -d "$package/Sources" -p1 <Tests/Faults/broken-build.patch
swift build -c release --package-path "$package" --product weir >&2
echo "$package/.build/release/weir"
