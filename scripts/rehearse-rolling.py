#!/usr/bin/env python3
"""Rehearses rolling deployments: two processes on one topic of a genuine Apache Kafka, transactions produced and /predict asked through the whole of it.

A platform's router is played as platforms are: it asks /health of each instance once a second, and sends each request on a connection of its own to one that was well the
last time. A round starts a new instance, waits for its /health, and ends the old one with SIGTERM. Afterwards: no request failed or was reset, and the verdict topics hold
each transaction exactly once for each kind.

    scripts/rehearse-rolling.py [--weir FILE] [--rounds 3] [--rate 500] [--records 1000] [--port 21420]
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
KAFKA = os.path.join(ROOT, "scripts", "kafka.sh")


def fail(why):
    sys.exit(f"rehearse-rolling: {why}")


class Instance:
    """A process of the service."""

    def __init__(self, weir, port, servers, folder):
        self.port = port
        self.log = open(os.path.join(folder, f"weir-{port}.log"), "ab")
        environment = {"PATH": os.environ["PATH"], "KAFKA_BOOTSTRAP_SERVERS": servers, "PORT": str(port), "HOST": "127.0.0.1", "INSTANCE_ID": f"i-{port}"}
        self.process = subprocess.Popen([weir, "serve"], env=environment, stderr=self.log)

    async def get(self, path):
        status, body, _ = await ask(self.port, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return status, body

    async def until_well(self, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                fail(f"the instance on {self.port} ended with {self.process.returncode}: see {self.log.name}")
            try:
                status, body = await self.get("/health")
                if status == 200:
                    return json.loads(body)
            except OSError:
                pass
            await asyncio.sleep(0.02)
        fail(f"the instance on {self.port} is not well after {seconds} s")


async def ask(port, request):
    """One request on a connection of its own: its status, body, and how long it took. Raises OSError when it is refused, reset, or cut off."""
    begun = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        answer = await asyncio.wait_for(reader.read(), 10)
    except asyncio.TimeoutError as error:
        raise OSError("no answer in 10 s") from error
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 ") or not body:
        raise OSError("an answer that is not whole")
    return int(head[9:12]), body, time.monotonic() - begun


class Router:
    """Sends to whoever was well the last time that it looked."""

    def __init__(self):
        self.instances = []
        self.well = []
        self.next = 0

    async def look(self):
        while True:
            well = []
            for instance in list(self.instances):
                try:
                    status, _ = await instance.get("/health")
                    if status == 200:
                        well.append(instance)
                except OSError:
                    pass
            self.well = well
            await asyncio.sleep(1)

    def choose(self):
        self.next += 1
        return self.well[self.next % len(self.well)]


class Load:
    """Asks /predict at a fixed rate, each time on a new connection, with so many open at once as a router would have."""

    OPEN = 256

    def __init__(self, router, rate):
        self.router = router
        self.rate = rate
        self.sent = 0
        self.seconds = []
        self.failures = []
        self.late = 0
        self.lasted = 1

    async def one(self, number):
        body = json.dumps({"transaction_id": f"p-{number}", "account_id": f"A-{number % 500}", "timestamp": int(time.time() * 1000), "amount": 12.5}).encode()
        head = f"POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        if not self.router.well:
            self.failures.append((number, "nobody is well"))
            return
        instance = self.router.choose()
        try:
            status, answer, seconds = await ask(instance.port, head + body)
            self.seconds.append(seconds)
            if status != 200:
                self.failures.append((number, f"{status} of {instance.port}: {answer[:200]!r}"))
        except OSError as error:
            self.failures.append((number, f"{instance.port}: {error!r}"))

    async def run(self):
        first = begun = time.monotonic()
        tasks = set()
        while True:
            due = int((time.monotonic() - begun) * self.rate)
            # A machine that was busy elsewhere makes up for what is due, but not all at once.
            room = self.OPEN - len(tasks)
            if due - self.sent > room:
                self.late += due - self.sent - room
                begun += (due - self.sent - room) / self.rate
                due = self.sent + room
            while self.sent < due:
                self.sent += 1
                task = asyncio.create_task(self.one(self.sent))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            try:
                await asyncio.sleep(0.005)
            except asyncio.CancelledError:
                self.lasted = time.monotonic() - first
                if tasks:
                    await asyncio.wait(tasks)
                raise


def records_of(servers, topic):
    """(partition, transaction id) of all committed records, in the order of each partition."""
    tool = [KAFKA, "tool", "console-consumer", "--bootstrap-server", servers, "--topic", topic, "--from-beginning", "--isolation-level", "read_committed",
            "--timeout-ms", "8000", "--formatter-property", "print.partition=true"]
    output = subprocess.run(tool, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    found = []
    for line in output.decode().splitlines():
        partition, _, value = line.partition("\t")
        found.append((partition, json.loads(value)["transaction_id"]))
    return found


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weir", default=os.path.join(ROOT, ".build/release/weir"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=int, default=500, help="requests a second, each on a new connection")
    parser.add_argument("--records", type=int, default=1000, help="transactions a second")
    parser.add_argument("--port", type=int, default=21420)
    options = parser.parse_args()
    if subprocess.run([KAFKA, "home"], stdout=subprocess.DEVNULL, check=False).returncode:
        print("rehearse-rolling: not rehearsed: there is no Apache Kafka", file=sys.stderr)
        return
    folder = tempfile.mkdtemp(prefix="weir-rolling-")
    instances = []
    started = subprocess.run([KAFKA, "start", "--port", str(options.port), "--data", os.path.join(folder, "kafka"), "--parent", str(os.getpid())],
                             stdout=subprocess.PIPE, check=True)
    servers = started.stdout.decode().strip()
    producer = None
    try:
        router = Router()
        port = options.port + 10
        instances.append(Instance(options.weir, port, servers, folder))
        router.instances.append(instances[-1])
        health = await instances[-1].until_well()
        looking = asyncio.create_task(router.look())
        while not router.well:
            await asyncio.sleep(0.05)

        # The stream: simulated transactions, sent at a rate through the whole of it.
        file = os.path.join(folder, "transactions.jsonl")
        subprocess.run([options.weir, "simulate", "--customers", "2000", "--count", "1000000", "--out", file], check=True)
        with open(file, "rb") as lines, open(os.path.join(folder, "produce.log"), "wb") as log:
            producer = subprocess.Popen([options.weir, "produce", "--rate", str(options.records), "-"], stdin=lines, stderr=log, env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": servers})
        load = Load(router, options.rate)
        loading = asyncio.create_task(load.run())
        await asyncio.sleep(3)

        for number in range(options.rounds):
            old = router.instances[0]
            new = Instance(options.weir, port + 1 + number, servers, folder)
            instances.append(new)
            began = time.monotonic()
            health = await new.until_well()
            ready = time.monotonic() - began
            router.instances.append(new)
            while new not in router.well:
                await asyncio.sleep(0.05)
            began = time.monotonic()
            old.process.send_signal(signal.SIGTERM)
            while True:
                health = json.loads((await new.get("/health"))[1])
                if health["role"] == "leader":
                    break
                if time.monotonic() - began > 30:
                    fail("the new instance never led")
                await asyncio.sleep(0.01)
            led = time.monotonic() - began
            while old.process.poll() is None:
                await asyncio.sleep(0.02)
                if time.monotonic() - began > 15:
                    fail("the old instance does not end")
            router.instances.remove(old)
            if old.process.returncode != 0:
                fail(f"the old instance ended with {old.process.returncode}")
            print(f"rehearse-rolling: round {number + 1}: well after {ready:.2f} s, led {led:.2f} s after SIGTERM, the old one ended after {time.monotonic() - began:.2f} s", file=sys.stderr)
            await asyncio.sleep(2)

        loading.cancel()
        try:
            await loading
        except asyncio.CancelledError:
            pass
        # The stream ends, and is worked off.
        producer.send_signal(signal.SIGSTOP)
        producer.kill()
        producer.wait()
        await asyncio.sleep(0.2)
        end = time.monotonic() + 60
        while True:
            _, body = await router.instances[0].get("/health")
            if json.loads(body)["kafka"]["lag"] == 0:
                break
            if time.monotonic() > end:
                fail(f"the stream is not worked off: {body!r}")
            await asyncio.sleep(0.1)
        looking.cancel()

        sent = records_of(servers, "transactions")
        problems = []
        for kind in ["fraud-verdicts", "aml-verdicts"]:
            found = records_of(servers, kind)
            for partition in sorted({p for p, _ in sent}):
                expected = [i for p, i in sent if p == partition]
                answered = [i for p, i in found if p == partition]
                if expected != answered:
                    problems.append(f"{kind} {partition}: {len(answered)} verdicts of {len(expected)} transactions, {len(set(expected) - set(answered))} lost, "
                                    f"{len(answered) - len(set(answered))} doubled")
        refused = records_of(servers, "transactions-dlq")
        if refused:
            problems.append(f"{len(refused)} dead letters")
        if len(sent) < options.records * 5:
            problems.append(f"only {len(sent)} transactions were produced")
        for number, why in load.failures[:10]:
            problems.append(f"/predict {number}: {why}")
        seconds = sorted(load.seconds)
        asked = f"{load.sent} requests ({load.sent / load.lasted:.0f}/s), {len(load.failures)} failed, p50 {seconds[len(seconds) // 2] * 1000:.1f} ms, p99 {seconds[len(seconds) * 99 // 100] * 1000:.1f} ms, " \
                f"max {seconds[-1] * 1000:.0f} ms"
        print(f"rehearse-rolling: {len(sent)} transactions, each with both verdicts once and in order: {'no' if problems else 'yes'}; {asked}; "
              f"{load.late} could not be sent in time", file=sys.stderr)
        if problems:
            fail("\n".join(problems))
    finally:
        if producer and producer.poll() is None:
            producer.kill()
        for instance in instances:
            if instance.process.poll() is None:
                instance.process.kill()
                instance.process.wait()
        subprocess.run([KAFKA, "kill", "--data", os.path.join(folder, "kafka")], check=False)
        shutil.rmtree(folder, ignore_errors=True)


asyncio.run(main())
