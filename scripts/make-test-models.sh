#!/usr/bin/env bash
# Ensembles of each kind, made by LightGBM and XGBoost themselves (newest and old), for Tests/ModelsTests: into .build/models.
# Says so and ends well where Python or its packages cannot be had; does nothing where they are there already.
set -euo pipefail
cd "$(dirname "$0")/.."
out=.build/models maker=Tests/Fixtures/models/make_models.py
stamp=$out/$(sha256sum $maker | cut -c1-16).done
[ -e "$stamp" ] && exit 0
skip() { echo "skipped: the model parity tests run on the committed files alone ($1)" >&2; exit 0; }

venv() {  # folder, packages…
    local folder=$1; shift
    [ -x "$folder/bin/python" ] || python3 -m venv "$folder" || skip "python3-venv is missing"
    "$folder/bin/pip" install -q --disable-pip-version-check "$@" || skip "pip cannot install $*"
}
command -v python3 >/dev/null || skip "no python3"
venv .build/python lightgbm==4.7.0 xgboost==3.2.0 numpy scipy scikit-learn
rm -rf $out; mkdir -p $out
.build/python/bin/python $maker --all $out/new
if python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then  # the last Python that these have wheels for
    venv .build/python-old 'numpy<1.24' 'scipy<1.11' 'scikit-learn<1.3' wheel lightgbm==2.3.1 xgboost==1.4.2
    .build/python-old/bin/python $maker --old lightgbm $out/old 2>/dev/null
    .build/python-old/bin/python $maker --old xgboost $out/old 2>/dev/null
else
    echo "skipped: old versions of LightGBM and XGBoost need Python 3.11" >&2
fi
touch "$stamp"
