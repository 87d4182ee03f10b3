#!/usr/bin/env bash
# Starts what the image holds, without a container engine: the content that scripts/dist.sh lays out, with exactly the shared libraries that it names and nothing else of this
# machine, as the image's user on a root that it cannot write to. Says size, memory and time, and fails where they are too high.
#   scripts/rehearse-image.sh [FOLDER]      FOLDER: what dist.sh laid out before; without one it is built
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "$(id -u)" != 0 ]; then echo "rehearse-image: not rehearsed: a root of its own (chroot) needs root" >&2; exit 0; fi
if ! command -v dpkg >/dev/null; then echo "rehearse-image: not rehearsed: the image's libraries are Debian's, and this is none" >&2; exit 0; fi
work=$(mktemp -d)
root=$work/root
pid=''
trap 'if [ -n "$pid" ]; then kill -9 "$pid" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
mkdir "$root"
chmod 755 "$work" "$root"
if [ $# -ge 1 ]; then cp -r "$1/." "$root/"; else scripts/dist.sh "$root"; fi
weir=$root/usr/bin/weir
port=${REHEARSE_PORT:-21410}
fail() { echo "rehearse-image: $*" >&2; exit 1; }

# 1. Each library comes from a package that the Dockerfile installs, from one that such a package needs, or from the C library that every image has.
mapfile -t installed < <(sed -n '/^FROM debian/,$p' Dockerfile | sed -n 's/.*--no-install-recommends \(.*\) \\$/\1/p' | tr ' ' '\n')
[ ${#installed[@]} -ge 3 ] || fail "the Dockerfile's packages were not found"
allowed=$(printf '%s\n' "${installed[@]}" libc6 libgcc-s1
    apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "${installed[@]}" | grep -oE '^[a-z0-9][a-z0-9.+-]*')
ldd "$weir" | grep -q 'not found' && fail "$(ldd "$weir")"
if ldd "$weir" | grep -qi swift; then fail "Swift's library is not inside: $(ldd "$weir" | grep -i swift)"; fi
while read -r library; do
    file=$(readlink -f "$library")
    package=$(dpkg -S "$file" 2>/dev/null || dpkg -S "${file#/usr}" 2>/dev/null || dpkg -S "*/$(basename "$file")") || fail "$library is no package's"
    package=${package%%:*}
    grep -qxF "$package" <<<"$allowed" || fail "$library is of $package, which the image does not have"
    mkdir -p "$root$(dirname "$library")"
    cp "$file" "$root$library"
done < <(ldd "$weir" | grep -oE '/[^ ]+' | sort -u)
# What the process may look up besides, as the slim Debian has it.
mkdir -p "$root/etc" "$root/var/lib/weir" "$root/proc" "$root/tmp"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"

# 2. It is small.
size=$(stat -c %s "$weir")
[ "$size" -lt 20000000 ] || fail "the executable has $size bytes, over 20 MB"
if readelf -S "$weir" | grep -q '\.symtab'; then fail "the executable is not stripped"; fi

# 3. It starts as the image's user, and answers.
user=$(sed -n 's/^USER //p' Dockerfile)
began=$(date +%s%N)
# In mounts of its own, which end with it: a root that is read-only, and the kernel's /proc, as every container has.
inside() {
    # shellcheck disable=SC2016  # $0 and the rest are the inner shell's
    exec env -i PORT="$port" MEMORY_LIMIT_MB=500 unshare -m -- /bin/sh -euc '
        root=$1
        shift
        /bin/mount --bind "$root" "$root"
        /bin/mount --rbind /proc "$root/proc"
        /bin/mount -o remount,ro,bind "$root"
        exec /usr/sbin/chroot --userspec="$0" "$root" "$@"' "$user" "$root" "$@"
}
inside /usr/bin/weir serve 2>"$work/log" &
pid=$!
until curl -sf -o "$work/health" "http://127.0.0.1:$port/health"; do
    kill -0 "$pid" 2>/dev/null || fail "it ended: $(cat "$work/log")"
    [ $(($(date +%s%N) - began)) -lt 10000000000 ] || fail "no answer in 10 s: $(cat "$work/log")"
done
millis=$((($(date +%s%N) - began) / 1000000))
[ "$(awk '/^Uid:/ {print $2}' "/proc/$pid/status")" = "${user%%:*}" ] || fail "it does not run as $user"
grep -q '"status":"ok"' "$work/health" || fail "$(cat "$work/health")"
(inside /usr/bin/weir healthcheck) || fail "weir healthcheck says no"
curl -sf -o /dev/null "http://127.0.0.1:$port/predict" -H 'Content-Type: application/json' \
    -d "{\"transaction_id\":\"t\",\"account_id\":\"a\",\"timestamp\":$(date +%s)000,\"amount\":1}" || fail "/predict is not answered"
curl -sf -6 -o /dev/null "http://[::1]:$port/livez" || fail "it does not listen on IPv6"
rss=$(($(awk '/^VmRSS:/ {print $2}' "/proc/$pid/status") * 1024))
# Both with room for a busy machine; the figure is said, and is 20 to 60 ms on an idle one.
[ "$millis" -lt "${REHEARSE_START_MILLIS:-1000}" ] || fail "/health answered after $millis ms"
[ "$rss" -lt $((30 << 20)) ] || fail "idle it uses $((rss >> 20)) MiB, over 30"

# 4. SIGTERM ends it with 0.
kill -TERM "$pid"
code=0
wait "$pid" || code=$?
pid=''
[ "$code" = 0 ] || fail "SIGTERM ended it with $code"
if (inside /usr/bin/weir healthcheck) 2>/dev/null; then fail "weir healthcheck says yes to nobody"; fi
echo "rehearse-image: $size bytes, /health after $millis ms, $((rss >> 10)) KiB resident, $(ldd "$weir" | wc -l) libraries"
