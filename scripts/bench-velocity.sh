#!/usr/bin/env bash
# The windows against their peers, one after the other on the same core: the C++ prototype (WEIR_PROTOTYPE, or ../shared/peers/velocity_limit, where it is),
# RocksDB (where librocksdb-dev is installed), deques in plain Swift, and the store. Prints; keeps nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
fill=${1:-5000000}
measured=${2:-1000000}
prototype=${WEIR_PROTOTYPE:-../shared/peers/velocity_limit}

swift build -c release --package-path Benchmarks --product VelocityBenchmark >&2
bench=Benchmarks/.build/release/VelocityBenchmark
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
if [ -f "$prototype/bench1.cpp" ]; then
    g++ -O3 -march=native -std=c++17 -w "$prototype/bench.cpp" -o "$build/fast"
    g++ -O3 -march=native -std=c++17 -w "$prototype/bench1.cpp" -o "$build/slim"
    for late in 0 0.05; do
        for form in fast slim; do
            echo "C++ prototype, $form, late $late:"
            "$build/$form" 6 "$late" 1 0 "$fill" "$measured" 5000000
        done
    done
else
    echo "no C++ prototype at $prototype: not compared" >&2
fi
for late in 0 0.05; do "$bench" "$fill" "$measured" 5000000 "$late"; done
"$bench" deques "$((fill / 10))" "$((measured / 10))"
# A scan of a hot account's week takes the database milliseconds: some hundreds are enough to tell.
if g++ -O3 -march=native -std=c++17 Benchmarks/peers/rocksdb.cpp -lrocksdb -o "$build/rocksdb" 2>/dev/null; then
    "$build/rocksdb" "$build/database" "$((fill / 10))" 500
else
    echo "no librocksdb-dev: RocksDB is not compared" >&2
fi
