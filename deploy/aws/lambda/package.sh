#!/usr/bin/env bash
# Lays out what a function of Lambda's custom runtime (provided.al2023) holds, and packs it:
#   bootstrap  weir  lib/ (every shared library, and the loader)  models/  ca-certificates.crt
#
# usage: deploy/aws/lambda/package.sh DIST OUT       DIST: what scripts/dist.sh laid out; makes OUT/ and OUT.zip
set -euo pipefail
if [ $# -ne 2 ]; then sed -n 's/^# //p' "$0" | tail -1 >&2; exit 2; fi
dist=$1 out=$(realpath -m "$2")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

rm -rf "$out" "$out.zip"
mkdir -p "$out/lib"
cp "$here/bootstrap" "$out/bootstrap"
cp "$dist/usr/bin/weir" "$out/weir"
if [ -d "$dist/usr/share/weir/models" ]; then cp -r "$dist/usr/share/weir/models" "$out/models"; fi
cp -L /etc/ssl/certs/ca-certificates.crt "$out/ca-certificates.crt"

# libcurl is loaded when it is first needed, so the executable does not name it.
curl=$(ldconfig -p | awk '$1 == "libcurl.so.4" {print $NF; exit}')
[ -n "$curl" ] || { echo "package: libcurl.so.4 is not installed" >&2; exit 1; }
libraries=$({ ldd "$out/weir"; ldd "$curl"; echo "libcurl.so.4 => $curl (0)"; } | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | sort -u)
while read -r library; do cp -L "$library" "$out/lib/"; done <<<"$libraries"
loader=$(ldd "$out/weir" | awk '$1 ~ /ld-linux/ {print $1}')
cp -L "$loader" "$out/lib/loader"
# Lambda runs it as another user.
chmod -R u=rwX,go=rX "$out"
chmod 755 "$out/bootstrap" "$out/weir" "$out/lib/loader"
(cd "$out" && python3 -m zipfile -c "$out.zip" ./*)
echo "package: $out.zip has $(stat -c %s "$out.zip") bytes, $(find "$out/lib" -type f | wc -l) libraries, unpacked $(du -sm "$out" | cut -f1) MB" >&2
