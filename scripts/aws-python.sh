#!/usr/bin/env bash
# A Python with AWS's own signers and moto, in .build/aws-venv; made when first asked for. Prints its path; 3 where it cannot be made.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=${WEIR_AWS_VENV:-$here/../.build/aws-venv}
wanted=$here/aws-requirements.txt
mkdir -p "$(dirname "$venv")"
exec 9>"$venv.lock"
flock 9
if ! cmp -s "$wanted" "$venv/made-of.txt"; then
    command -v python3 >/dev/null || { echo "no python3" >&2; exit 3; }
    rm -rf "$venv"
    {
        python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
    } >"$venv.log" 2>&1 </dev/null || { echo "pip cannot install botocore and moto: $(tail -1 "$venv.log")" >&2; exit 3; }
    cp "$wanted" "$venv/made-of.txt"
fi
cd "$venv" && echo "$PWD/bin/python"
