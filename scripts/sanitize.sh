#!/usr/bin/env bash
# Runs the tests that face hostile input, and those of the engine, under a sanitizer: C, C++ and Swift alike. A finding ends the run.
#   scripts/sanitize.sh address|thread [FILTER]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case ${1:-} in
address | thread) kind=$1 ;;
*)
    echo "usage: scripts/sanitize.sh address|thread [FILTER]" >&2
    exit 2
    ;;
esac
filter=${2:-.}
# Only these and what they stand on are built.
export WEIR_ONLY_TESTS='HTTPTests ScoringTests VelocityTests ModelsTests FilesTests'
# After a crash under a sanitizer the backtracer hangs.
export SWIFT_BACKTRACE=enable=no
# What the runtime holds until the process ends is no leak of ours.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=0:halt_on_error=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
swift test -c release --sanitize="$kind" --scratch-path ".build-$kind" -Xswiftc -enable-testing --filter "$filter"
