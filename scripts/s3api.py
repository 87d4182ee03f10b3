#!/usr/bin/env python3
"""OpenStack Swift's s3api, from Debian's packages, on 127.0.0.1: an S3 that looks closely at signatures, dates and regions. For `make check-s3`, as root (swift reads /etc/swift/swift.conf).

Writes one JSON object (endpoint, id, secret, region), does what its stdin says like scripts/moto-s3.py ({"put": KEY, "body": BASE64}, {"delete": KEY}), and ends with its stdin.
"""
import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

REGION = "eu-test-7"
needed = ["memcached", "swift-ring-builder", "swift-proxy-server", "swift-account-server", "swift-container-server", "swift-object-server"]
missing = [name for name in needed if not shutil.which(name)]
if missing:
    sys.exit(f"s3api: {', '.join(missing)} missing (Debian: swift-proxy swift-account swift-container swift-object memcached)")

work = tempfile.mkdtemp(prefix="weir-s3api-")
os.makedirs(f"{work}/srv/d1")
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]
proxy, account, container, objects, cache = [s.getsockname()[1] for s in sockets]
for s in sockets:
    s.close()
processes = []


def write(name, text):
    with open(f"{work}/{name}", "w") as file:
        file.write(text)


def start(*words):
    processes.append(subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=open(f"{work}/log", "ab"), stdin=subprocess.DEVNULL))


def request(method, url, headers, body=None):
    with urllib.request.urlopen(urllib.request.Request(url, method=method, headers=headers, data=body), timeout=10) as answer:
        return answer.headers


try:
    for name, port in (("account", account), ("container", container), ("object", objects)):
        builder = f"{work}/{name}.builder"
        for words in (["create", "4", "1", "1"], ["add", f"r1z1-127.0.0.1:{port}/d1", "1"], ["rebalance"]):
            subprocess.run(["swift-ring-builder", builder, *words], check=True, stdout=subprocess.DEVNULL)
        write(
            f"{name}.conf",
            f"[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {port}\nuser = root\nswift_dir = {work}\ndevices = {work}/srv\nmount_check = false\nworkers = 0\n"
            f"[pipeline:main]\npipeline = {name}-server\n[app:{name}-server]\nuse = egg:swift#{name}\n")
    write(
        "proxy.conf",
        f"[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {proxy}\nuser = root\nswift_dir = {work}\nworkers = 0\n"
        "[pipeline:main]\npipeline = catch_errors cache listing_formats s3api tempauth slo dlo proxy-server\n"
        "[app:proxy-server]\nuse = egg:swift#proxy\nallow_account_management = true\naccount_autocreate = true\n"
        "[filter:catch_errors]\nuse = egg:swift#catch_errors\n[filter:listing_formats]\nuse = egg:swift#listing_formats\n"
        f"[filter:cache]\nuse = egg:swift#memcache\nmemcache_servers = 127.0.0.1:{cache}\n"
        f"[filter:s3api]\nuse = egg:swift#s3api\nlocation = {REGION}\n[filter:slo]\nuse = egg:swift#slo\n[filter:dlo]\nuse = egg:swift#dlo\n"
        "[filter:tempauth]\nuse = egg:swift#tempauth\nuser_test_tester = testing .admin\n")
    start("memcached", "-l", "127.0.0.1", "-p", str(cache), "-m", "16", "-u", "root")
    for name in ("account", "container", "object", "proxy"):
        start(f"swift-{name}-server", f"{work}/{name}.conf")

    # All of them, before anything is asked: a server that refused the proxy is left alone by it for a while.
    for port in (cache, account, container, objects, proxy):
        for attempt in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
    home = f"http://127.0.0.1:{proxy}"
    for attempt in range(200):
        try:
            grant = request("GET", f"{home}/auth/v1.0", {"X-Auth-User": "test:tester", "X-Auth-Key": "testing"})
            token, storage = {"X-Auth-Token": grant["X-Auth-Token"]}, f"{home}/v1/AUTH_test"
            request("PUT", f"{storage}/models", token)
            break
        except (urllib.error.URLError, OSError) as error:
            why = error
            time.sleep(0.1)
    else:
        sys.exit(f"s3api: it does not start: {why}\n" + open(f"{work}/log").read()[-2000:])

    print(json.dumps({"port": proxy, "id": "test:tester", "secret": "testing", "token": "", "region": REGION}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        url = f"{storage}/models/" + urllib.parse.quote(command.get("put") or command["delete"])
        if "put" in command:
            request("PUT", url, token, base64.b64decode(command["body"]))
        else:
            request("DELETE", url, token)
        print("{}", flush=True)
finally:
    for process in processes:
        process.kill()  # whoever started this may have blocked SIGTERM
    for process in processes:
        process.wait()
    shutil.rmtree(work, ignore_errors=True)
