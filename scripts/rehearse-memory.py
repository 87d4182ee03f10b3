#!/usr/bin/env python3
"""Rehearses a week and a day in 500 MB: three million simulated transactions of 200,000 customers over eight days of event time, with all six kinds of entities, through a
genuine Apache Kafka. The service must answer every one of them, stay under the limit at its peak, and say what it gave up, if it did.

    scripts/rehearse-memory.py [--weir FILE] [--count 3000000] [--customers 200000] [--limit 500] [--port 21480]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
KAFKA = os.path.join(ROOT, "scripts", "kafka.sh")


def fail(why):
    sys.exit(f"rehearse-memory: {why}")


def kernel(pid, field):
    """A field of the process's status, in bytes."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weir", default=os.path.join(ROOT, ".build/release/weir"))
    parser.add_argument("--count", type=int, default=3_000_000)
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--limit", type=int, default=500, help="megabytes")
    parser.add_argument("--port", type=int, default=21480)
    options = parser.parse_args()
    if subprocess.run([KAFKA, "home"], stdout=subprocess.DEVNULL, check=False).returncode:
        print("rehearse-memory: not rehearsed: there is no Apache Kafka", file=sys.stderr)
        return
    folder = tempfile.mkdtemp(prefix="weir-memory-")
    service = None
    try:
        started = subprocess.run([KAFKA, "start", "--port", str(options.port), "--data", os.path.join(folder, "kafka"), "--parent", str(os.getpid())],
                                 stdout=subprocess.PIPE, check=True)
        servers = started.stdout.decode().strip()
        # MEMORY_LIMIT_MB counts in MiB.
        environment = {"PATH": os.environ["PATH"], "KAFKA_BOOTSTRAP_SERVERS": servers, "PORT": str(options.port + 10), "HOST": "127.0.0.1",
                       "MEMORY_LIMIT_MB": str(options.limit * 1_000_000 // (1 << 20)), "COMMIT_INTERVAL": "200ms"}
        with open(os.path.join(folder, "log"), "wb") as log:
            service = subprocess.Popen([options.weir, "serve"], stderr=log, env=environment)

        def health():
            if service.poll() is not None:
                with open(os.path.join(folder, "log"), "rb") as file:
                    fail(f"the service ended with {service.returncode}: {file.read()[-2000:].decode(errors='replace')}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{options.port + 10}/health", timeout=10) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                return json.load(error)
            except OSError:
                return None

        def outcomes():
            """What became of the records: told once they are committed."""
            with urllib.request.urlopen(f"http://127.0.0.1:{options.port + 10}/metrics", timeout=10) as answer:
                lines = answer.read().decode().splitlines()
            total = {}
            for line in lines:
                if line.startswith("weir_records_total{"):
                    outcome = line.split('outcome="')[1].split('"')[0]
                    total[outcome] = total.get(outcome, 0) + int(line.rsplit(" ", 1)[1])
            return total

        while (health() or {}).get("status") not in ("ok", "degraded"):
            time.sleep(0.1)
        idle = kernel(service.pid, "VmRSS")
        days, rate = 8, options.count / (8 * 86_400)
        simulate = [options.weir, "simulate", "--customers", str(options.customers), "--days", str(days), "--rate", f"{rate:.4f}", "--count", str(options.count)]
        sending = f"{' '.join(simulate)} | '{options.weir}' produce --rate 40000 -"
        begun = time.monotonic()
        producer = subprocess.Popen(["bash", "-o", "pipefail", "-c", sending], env=environment, stderr=subprocess.PIPE)
        produced, given_up = None, {}
        while True:
            state = health()
            if state:
                for name in ("event_horizon", "memory_horizon"):
                    if state["velocity"][name]:
                        given_up[name] = state["velocity"][name]
                if state["status"] not in ("ok", "degraded"):
                    fail(f"it is {state['status']}: {json.dumps(state)}")
            if produced is None and producer.poll() is not None:
                produced = producer.stderr.read().decode().strip().splitlines()[-1]
                if producer.returncode:
                    fail(f"produce: {produced}")
                count = int(produced.split(":")[1].split()[0])
            if produced is not None and state and state["kafka"]["lag"] == 0:
                total = outcomes()
                if sum(total.values()) >= count:
                    break
            if time.monotonic() - begun > 1800:
                fail("not done in half an hour")
            time.sleep(0.25)
        seconds = time.monotonic() - begun
        peak = kernel(service.pid, "VmHWM")
        state = health()
        entities = state["velocity"]["entities"]
        print(f"rehearse-memory: {count} transactions in {seconds:.0f} s: {total}; peak {peak / 1e6:.0f} MB of {options.limit}, idle {idle / 1e6:.0f} MB; "
              f"{state['memory']['state_bytes'] / 1e6:.0f} MB of it the state; {state['velocity']['events']} retained, entities {entities}; given up: {given_up or 'nothing'}", file=sys.stderr)
        problems = []
        if sum(total.values()) != count or total.get("scored", 0) < 0.99 * count:
            problems.append("not all were scored")
        if peak >= options.limit * 1_000_000:
            problems.append(f"the peak of {peak / 1e6:.0f} MB is over {options.limit}")
        if len(entities) != 6 or not all(entities.values()):
            problems.append("not all six kinds of entities are there")
        if bool(given_up) != ("memory" in state["degraded"]):
            problems.append("what was given up is not said in `degraded`")
        if problems:
            fail("; ".join(problems))
    finally:
        if service and service.poll() is None:
            service.kill()
            service.wait()
        subprocess.run([KAFKA, "kill", "--data", os.path.join(folder, "kafka")], check=False)
        shutil.rmtree(folder, ignore_errors=True)


main()
