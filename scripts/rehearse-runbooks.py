#!/usr/bin/env python3
"""Runs the commands of the how-to pages and of the tutorial, against a genuine Apache Kafka and a running service.

Blocks of shell that a page marks with <!-- run --> are run in order, a page in a folder and a shell of its own, which ends at the first that fails. Other blocks are at least
read by the shell (bash -n). Kafka's tools are in the path by their own names.

    scripts/rehearse-runbooks.py [--weir FILE] [--port 21460] [PAGE…]
"""

import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
KAFKA = os.path.join(ROOT, "scripts", "kafka.sh")
TOOLS = {"kafka-topics.sh": "topics", "kafka-configs.sh": "configs", "kafka-consumer-groups.sh": "groups", "kafka-console-consumer.sh": "console-consumer",
         "kafka-console-producer.sh": "console-producer", "kafka-transactions.sh": "transactions", "kafka-get-offsets.sh": "get-offsets"}
BLOCK = re.compile(r"(<!-- run -->\n)?```sh\n(.*?)```", re.S)


def fail(why):
    sys.exit(f"rehearse-runbooks: {why}")


def blocks(page):
    with open(page, encoding="utf-8") as file:
        return [(bool(match[1]), match[2]) for match in BLOCK.finditer(file.read())]


def until_well(address, process):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            fail(f"the service ended with {process.returncode}")
        try:
            with urllib.request.urlopen(address + "/health", timeout=5) as answer:
                if json.load(answer)["status"] == "ok":
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.1)
    fail("the service is not well after a minute")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weir", default=os.path.join(ROOT, ".build/release/weir"))
    parser.add_argument("--port", type=int, default=21460)
    parser.add_argument("pages", nargs="*")
    options = parser.parse_args()
    pages = options.pages or sorted(glob.glob(os.path.join(ROOT, "docs/how-to/*.md")) + glob.glob(os.path.join(ROOT, "docs/tutorial/*.md")))

    for page in pages:
        for _, text in blocks(page):
            # An ellipsis stands for what is the reader's.
            read = subprocess.run(["bash", "-n"], input=text.replace("…", "x"), text=True, stderr=subprocess.PIPE, check=False)
            if read.returncode:
                fail(f"{os.path.relpath(page, ROOT)}: {read.stderr}")
    if subprocess.run([KAFKA, "home"], stdout=subprocess.DEVNULL, check=False).returncode:
        print("rehearse-runbooks: read, not run: there is no Apache Kafka", file=sys.stderr)
        return

    folder = tempfile.mkdtemp(prefix="weir-runbooks-")
    service = None
    try:
        path = os.path.join(folder, "bin")
        os.mkdir(path)
        os.symlink(os.path.abspath(options.weir), os.path.join(path, "weir"))
        for name, tool in TOOLS.items():
            with open(os.path.join(path, name), "w", encoding="utf-8") as file:
                file.write(f'#!/bin/sh\nexec "{KAFKA}" tool {tool} "$@"\n')
            os.chmod(os.path.join(path, name), 0o755)
        started = subprocess.run([KAFKA, "start", "--port", str(options.port), "--data", os.path.join(folder, "kafka"), "--parent", str(os.getpid())],
                                 stdout=subprocess.PIPE, check=True)
        servers = started.stdout.decode().strip()
        plain = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "KAFKA_HOME", "JAVA_HOME")}
        plain["PATH"] = path + ":" + plain["PATH"]
        port = options.port + 10
        with open(os.path.join(folder, "weir.log"), "wb") as log:
            service = subprocess.Popen([options.weir, "serve"], stderr=log, env={**plain, "KAFKA_BOOTSTRAP_SERVERS": servers, "PORT": str(port)})
        address = f"http://localhost:{port}"
        until_well(address, service)
        # Something to look at: transactions, and a few that are none.
        subprocess.run(["sh", "-euc", f"""
            weir simulate --customers 200 --count 3000 --out t.jsonl
            for n in $(seq 10); do echo "no transaction $n"; done >>t.jsonl
            KAFKA_BOOTSTRAP_SERVERS={servers} weir produce t.jsonl"""], cwd=folder, env=plain, check=True, stderr=subprocess.DEVNULL)

        ran = 0
        for page in pages:
            text = "".join(block for is_run, block in blocks(page) if is_run)
            if not text:
                continue
            name = os.path.relpath(page, ROOT)
            here = os.path.join(folder, re.sub(r"\W", "-", name))
            os.mkdir(here)
            environment = {**plain, "WEIR": address, "KAFKA": servers, "GREEN_PORT": str(options.port + 11)}
            begun = time.monotonic()
            try:
                done = subprocess.run(["bash", "-eu", "-c", text], cwd=here, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180, check=False)
            except subprocess.TimeoutExpired as error:
                fail(f"{name} does not come to its end: {(error.stdout or b'')[-2000:].decode(errors='replace')}")
            if done.returncode:
                fail(f"{name} ended with {done.returncode}:\n{done.stdout[-3000:].decode(errors='replace')}")
            if service.poll() is not None:
                fail(f"{name} ended the service")
            ran += 1
            print(f"rehearse-runbooks: {name}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
        print(f"rehearse-runbooks: the commands of {ran} pages were run", file=sys.stderr)
    finally:
        if service and service.poll() is None:
            service.terminate()
            service.wait()
        subprocess.run([KAFKA, "kill", "--data", os.path.join(folder, "kafka")], check=False)
        shutil.rmtree(folder, ignore_errors=True)


main()
