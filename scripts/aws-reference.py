#!/usr/bin/env python3
"""Writes what botocore makes of seeded hostile requests, one JSON object a line, for the tests of the signer.

Kinds:
  s3       get_object and list_objects_v2 of a real client, caught before they are sent: URL and Authorization
  service  SigV4Auth over hostile paths, queries, headers and bodies
  presign  SigV4QueryAuth, as for MSK's IAM
  msk      aws-msk-iam-sasl-signer's token

Usage: scripts/aws-reference.py [COUNT] [SEED]     COUNT a kind (of msk a tenth)
"""
import base64
import datetime
import json
import random
import sys
from unittest import mock

import botocore.auth
import botocore.session
from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials

count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
chance = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
LETTERS = list("abzAZ09-._~") + list("/// ..") + list("+%&=?#:;,@!$'()*[]{}|\\^`\"<>") + list("éßñЖ中文😀\u0301\u200b\u00a0") + ["%2F", "%20", "%", "//", "/../", "/./"]
CONTROLS = ["\t", "\x01", "\x7f", "\x1f"]
# What a signer adds by itself.
ADDED = ("x-amz-date", "x-amz-security-token", "x-amz-content-sha256")
REGIONS = ["us-east-1", "eu-central-1", "ap-southeast-3", "us-gov-west-1", "cn-north-1"]


def text(low, high, letters=LETTERS):
    return "".join(chance.choice(letters) for _ in range(chance.randint(low, high)))


def credentials():
    token = text(20, 400, list("abcXYZ019+/=")) if chance.random() < 0.5 else None
    return Credentials("AKIA" + text(12, 12, list("ABCDEFGH2345")), text(40, 40, list("abcdXYZ019+/:=%")), token)


def moment():
    return datetime.datetime(2015, 1, 1) + datetime.timedelta(seconds=chance.randint(0, 600_000_000))


def emit(kind, at, keys, **fields):
    fields.update(kind=kind, time=at.strftime("%Y-%m-%dT%H:%M:%SZ"), id=keys.access_key, secret=keys.secret_key, token=keys.token)
    print(json.dumps(fields))


def at_time(at):
    return mock.patch("botocore.auth.get_current_datetime", lambda *_: at)


def s3():
    session = botocore.session.get_session()
    caught = []

    def catch(request, **_):
        caught.append(request)
        return AWSResponse(request.url, 200, {}, type("Raw", (), {"stream": lambda self, *_a, **_k: iter([b""]), "read": lambda self, *_a: b""})())

    clients = {}
    for number in range(count):
        keys, at, region = credentials(), moment(), chance.choice(REGIONS)
        bucket = chance.choice(["models", "my-bucket-7", "with.dots.example"])
        key = text(1, 60, LETTERS + CONTROLS).lstrip("/") or "k"
        if region not in clients:
            clients[region] = session.create_client("s3", region_name=region, aws_access_key_id="x", aws_secret_access_key="y", config=Config(s3={"us_east_1_regional_endpoint": "regional"}))
            clients[region].meta.events.register("before-send.s3", catch)
        client = clients[region]
        client._request_signer._credentials = keys
        with at_time(at):
            if number % 3:
                operation = "get"
                fields = {"Bucket": bucket, "Key": key, "IfMatch": '"' + text(1, 20, list("0123456789abcdef-")) + '"', "ChecksumMode": "ENABLED"}
                client.get_object(**fields)
            else:
                operation = "list"
                try:
                    client.list_objects_v2(Bucket=bucket, Prefix=text(0, 40), ContinuationToken=text(1, 60), StartAfter=text(0, 20), EncodingType="url")
                except Exception:  # the empty answer is no list
                    pass
        request = caught.pop()
        sent = {name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()}
        signed = sent["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
        headers = {name: value for name, value in sent.items() if name.lower() in signed and name.lower() not in ADDED}
        emit("s3", at, keys, operation=operation, bucket=bucket, key=key, region=region, url=request.url, headers=headers, authorization=sent["Authorization"])


def service():
    for _ in range(count):
        keys, at, region = credentials(), moment(), chance.choice(REGIONS)
        name = chance.choice(["execute-api", "kafka-cluster", "secretsmanager", "sts"])
        wire = [letter for letter in "ab9-._~%/!$&'()*+,;=:@" if letter] + ["%C3%A9", "%2F", "%20", "//", "/../", "/./"]
        path = "/" + text(0, 30, wire)
        query = "&".join(f"{text(1, 8, [x for x in wire if x not in '&='])}={text(0, 8, [x for x in wire if x not in '&='])}" for _ in range(chance.randint(0, 5)))
        headers = {f"X-{text(1, 6, list('aBcD-9'))}": text(0, 20, list("ab \t,;=\"'")).strip() for _ in range(chance.randint(0, 4))}
        body = text(0, 50, LETTERS) if chance.random() < 0.5 else ""
        url = f"https://service.example.com{path}" + (f"?{query}" if query else "")
        request = AWSRequest(chance.choice(["GET", "POST", "PUT"]), url, headers=dict(headers), data=body.encode())
        with at_time(at):
            botocore.auth.SigV4Auth(keys, name, region).add_auth(request)
        emit("service", at, keys, method=request.method, service=name, region=region, url=url, headers=headers, body=body, authorization=request.headers["Authorization"])


def presign():
    for _ in range(count):
        keys, at, region = credentials(), moment(), chance.choice(REGIONS)
        request = AWSRequest("GET", f"https://kafka.{region}.amazonaws.com/?Action=kafka-cluster%3AConnect")
        with at_time(at):
            botocore.auth.SigV4QueryAuth(keys, "kafka-cluster", region, expires=900).add_auth(request)
        emit("presign", at, keys, region=region, url=request.url)


def msk():
    for _ in range(count // 10):
        keys, at, region = credentials(), moment(), chance.choice(REGIONS)

        with at_time(at):
            token, expiry = MSKAuthTokenProvider.generate_auth_token_from_credentials_provider(region, type("P", (botocore.credentials.CredentialProvider,), {"load": lambda self: keys})())
        emit("msk", at, keys, region=region, signed=base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode(), expiry=expiry)


for make in (s3, service, presign, msk):
    make()
