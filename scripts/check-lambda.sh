#!/usr/bin/env bash
# Lambda's templates by cfn-lint and SAM's own transform, without a cloud.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=$(scripts/aws-python.sh)
"$(dirname "$python")/cfn-lint" deploy/aws/lambda/*.yaml
AWS_DEFAULT_REGION=us-east-1 "$python" - deploy/aws/lambda/*.yaml <<'P'
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoPolicies:
    def load(self):
        return {}


for path in sys.argv[1:]:
    with open(path) as file:
        template = yaml_parse(file)
    for resource in template["Resources"].values():
        # As `sam package` leaves it.
        if "CodeUri" in resource.get("Properties", {}):
            resource["Properties"]["CodeUri"] = "s3://packages/weir-lambda.zip"
    made = transform(template, {}, NoPolicies())
    functions = [r["Properties"] for r in made["Resources"].values() if r["Type"] == "AWS::Lambda::Function"]
    assert len(functions) == 3, path
    for function in functions:
        assert function["MemorySize"] == 1024 and function["Timeout"] == 30, function
        image = path.endswith("-image.yaml")
        assert function["PackageType"] == "Image" if image else function["Runtime"] == "provided.al2023", function
    handlers = sorted(f["ImageConfig"]["Command"][0] if "ImageConfig" in f else f["Handler"] for f in functions)
    assert handlers == ["amlCheck", "fraudDetection", "fraudDetection"], handlers
    routes = sorted(r for resource in made["Resources"].values() if resource["Type"] == "AWS::ApiGatewayV2::Api" for r in resource["Properties"]["Body"]["paths"])
    assert routes == ["/aml_check", "/health", "/predict"], routes
    print(f"check-lambda: {path}: {len(made['Resources'])} resources", file=sys.stderr)
P
