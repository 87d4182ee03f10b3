#!/usr/bin/env bash
# Installs what is missing, and nothing else; silent where nothing is. Any number of these may run at once.
#
# usage: scripts/install.sh PACKAGE...          Debian packages, as root or by sudo
#        scripts/install.sh --venv FILE         .build/venv with what FILE (pip's requirements) names
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .build

missing() {
    for package in "$@"; do
        # "ii", not a known package alone: one that was removed is known too.
        [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | cut -c1-2)" = ii ] || echo "$package"
    done
}

# One at a time: a parallel make calls this more than once.
exec 9>.build/install.lock
flock 9

if [ "${1:-}" = --venv ]; then
    stamp=.build/venv/installed
    if cmp -s "$2" "$stamp"; then exit 0; fi
    [ -x .build/venv/bin/pip ] || python3 -m venv .build/venv
    .build/venv/bin/pip install --quiet --disable-pip-version-check -r "$2"
    cp "$2" "$stamp"
    exit 0
fi

if ! command -v dpkg-query >/dev/null; then
    echo "not Debian: install by hand what these packages hold: $*" >&2
    exit 0
fi
mapfile -t wanted < <(missing "$@")
[ ${#wanted[@]} -gt 0 ] || exit 0
as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "missing: ${wanted[*]}; neither root nor sudo to install them by" >&2; exit 1; }
    as_root=(sudo)
fi
echo "installing: ${wanted[*]}" >&2
apt=(apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3)
"${as_root[@]}" "${apt[@]}" update >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "${apt[@]}" install -y --no-install-recommends "${wanted[@]}" >&2
