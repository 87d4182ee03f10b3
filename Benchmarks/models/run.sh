#!/usr/bin/env bash
# A model of 200 trees, one row at a time, beside LightGBM and tl2cgen in one process: dense, then with missing values and categories.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=.build/bench-models python=.build/python/bin/python
[ -x $python ] || python3 -m venv .build/python
.build/python/bin/pip install -q --disable-pip-version-check lightgbm==4.7.0 numpy scipy treelite==4.1.2 tl2cgen==1.0.0
swift build -c release --package-path Benchmarks --product ModelBenchmark
library=$($python -c 'import lightgbm, pathlib; print(next(pathlib.Path(lightgbm.__file__).parent.glob("lib*/lib_lightgbm.so")))')
for kind in dense missing; do
    mkdir -p $work/$kind
    # shellcheck disable=SC2046  # one word, or none
    [ -e $work/$kind/rows.bin ] || $python Benchmarks/models/make.py $work/$kind $([ $kind = missing ] && echo missing)
    echo "$kind:"
    Benchmarks/.build/release/ModelBenchmark $work/$kind "$library" $work/$kind/compiled.so
done
