#!/usr/bin/env python3
"""A stand-in for S3 with authentication on: moto's server on 127.0.0.1, a bucket "models", and a role's temporary credentials.

First it writes one JSON object: port, id, secret, token. Then it does what its stdin says, one JSON object a line, and answers each with a line:
{"put": KEY, "body": BASE64}, {"delete": KEY}. It ends with its stdin.
"""
import base64
import json
import logging
import os
import sys

os.environ.update(AWS_ACCESS_KEY_ID="setup", AWS_SECRET_ACCESS_KEY="setup", AWS_DEFAULT_REGION="us-east-1", MOTO_S3_CUSTOM_ENDPOINTS="")
logging.getLogger("werkzeug").setLevel(logging.ERROR)
import boto3  # noqa: E402
from moto import settings  # noqa: E402
from moto.core.authorization import ActionAuthenticatorMixin  # noqa: E402
from moto.s3.models import s3_backends  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
port = server.get_host_and_port()[1]
url = f"http://127.0.0.1:{port}"


def client(name, **keys):
    return boto3.client(name, endpoint_url=url, region_name="us-east-1", **keys)


iam = client("iam")
role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}))["Role"]
iam.put_role_policy(
    RoleName="reader", PolicyName="read",
    PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}]}))
client("s3").create_bucket(Bucket="models")
keys = client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="weir")["Credentials"]
# From here on every request must be signed by someone that it knows. What this process does itself goes around the sockets.
ActionAuthenticatorMixin.request_count = 0
settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
backend = s3_backends["123456789012"]["aws"]
print(json.dumps({"port": port, "id": keys["AccessKeyId"], "secret": keys["SecretAccessKey"], "token": keys["SessionToken"]}), flush=True)
for line in sys.stdin:
    command = json.loads(line)
    if "put" in command:
        backend.put_object("models", command["put"], base64.b64decode(command["body"]))
    else:
        backend.delete_object("models", command["delete"])
    print("{}", flush=True)
server.stop()
