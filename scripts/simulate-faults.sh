#!/usr/bin/env bash
# Runs Weir's stream through seeds of faults in virtual time, and its mutations: each must be caught.
#
#   scripts/simulate-faults.sh seeds FROM TO     both included, on all cores; fails at the first seed that does
#   scripts/simulate-faults.sh trace SEED        one seed, with all that happens
#   scripts/simulate-faults.sh mutations [N]     each patch of Tests/Faults/mutations must fail within N seeds (400), but for those of Tests/Faults/escaping.txt
set -euo pipefail
cd "$(dirname "$0")/.."
package=.build/simulate-faults
flags=(-c release -Xswiftc -enable-testing --package-path "$package" --product faults)

# Lays out a package of what the simulation needs: no Kafka, no HTTP. The stream's sources are a copy, for patches.
lay_out() {
    mkdir -p "$package/Sources/Stream" "$package/Sources/faults"
    local module file
    for module in Velocity Models Scoring CSimdjson CLanes CPlatform; do ln -sfn "$PWD/Sources/$module" "$package/Sources/$module"; done
    ln -sfn "$PWD/Tests/CFibers" "$package/Sources/CFibers"
    ln -sfn "$PWD/Tests/StreamTests/Simulation" "$package/Sources/faults/Simulation"
    ln -sfn "$PWD/Tests/Faults/main.swift" "$package/Sources/faults/main.swift"
    cmp -s Tests/Faults/Package.swift "$package/Package.swift" || cp Tests/Faults/Package.swift "$package/Package.swift"
    for file in "$package"/Sources/Stream/*.swift; do [ -e "Sources/Stream/${file##*/}" ] || rm -f "$file"; done
    for file in Sources/Stream/*.swift; do
        if grep -qE '^(public |internal )?import Kafka' "$file"; then continue; fi
        cmp -s "$file" "$package/Sources/Stream/${file##*/}" || cp "$file" "$package/Sources/Stream/"
    done
}

build() { swift build "${flags[@]}" -q 2>&1 || { echo "the simulation does not build"; return 2; }; }

# Runs seeds FROM to TO, a part on each core.
seeds() {
    local from=$1 to=$2 cores failed=0 i pids=()
    cores=$(nproc)
    for ((i = 0; i < cores; i++)); do
        "$package/.build/release/faults" $((from + (to - from + 1) * i / cores)) $((from + (to - from + 1) * (i + 1) / cores - 1)) &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i" || failed=1; done
    return $failed
}

mutations() {
    local most=$1 patch name failed=0 output known
    for patch in Tests/Faults/mutations/*.patch; do
        name=$(basename "$patch" .patch)
        lay_out
        if ! patch -s -F0 -d "$package/Sources/Stream" -p1 <"$patch"; then
            echo "$name: the patch no longer fits the sources; make it anew"
            failed=1
            continue
        fi
        build
        known=$(grep -cx "$name" Tests/Faults/escaping.txt || true)
        if output=$(seeds 1 "$most" 2>&1); then
            echo "$name: NOT CAUGHT by $most seeds$([ "$known" = 0 ] || echo ", as Tests/Faults/escaping.txt says")"
            [ "$known" = 1 ] || failed=1
        else
            echo "$name: caught: $(grep -m1 '^seed ' <<<"$output" | cut -c1-140)"
            [ "$known" = 0 ] || { echo "$name: take it out of Tests/Faults/escaping.txt" && failed=1; }
        fi
    done
    lay_out
    return $failed
}

case ${1:-} in
seeds) lay_out && build && seeds "$2" "$3" ;;
trace) lay_out && build && "$package/.build/release/faults" --trace "$2" ;;
mutations) mutations "${2:-400}" ;;
*) sed -n '4,6p' "$0" && exit 2 ;;
esac
