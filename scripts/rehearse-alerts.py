#!/usr/bin/env python3
"""Rehearses the alerts: a genuine Prometheus scrapes running instances under load, causes are provoked one after the other, and each alert must fire and clear again.

The rules are the ones of deploy/prometheus; only their times are made short (minutes to seconds), so that an hour's watch takes minutes. Needs an Apache Kafka
(scripts/kafka.sh), Debian's prometheus, and what scripts/broken-build.sh builds: WeirDivergence and WeirAccountsDoNotAddUp take a Weir that is wrong.

    scripts/rehearse-alerts.py [--weir FILE] [--broken FILE] [--port 21440] [--only STEP,…]
"""

import argparse
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
KAFKA = os.path.join(ROOT, "scripts", "kafka.sh")


def say(text):
    print(f"rehearse-alerts: {text}", file=sys.stderr, flush=True)


def fail(why):
    sys.exit(f"rehearse-alerts: {why}")


def get(port, path, timeout=5.0):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def short(rules):
    """The same rules, in seconds."""
    rules = re.sub(r"\bfor: \d+[mh]", "for: 4s", rules)
    # A process that follows, leads and ends takes seconds: five changes of the lead take longer than the other windows.
    rules = rules.replace("weir_leader_changes_total[15m]", "weir_leader_changes_total[90s]")
    rules = re.sub(r"\[\d+[mh]\]", "[10s]", rules)
    # A process that started lately.
    return re.sub(r"(process_start_time_seconds) < \d+", r"\1 < 30", rules)


class Rig:
    def __init__(self, weir, broken, port):
        self.weir = weir
        self.broken = broken
        self.port = port
        self.folder = tempfile.mkdtemp(prefix="weir-alerts-")
        self.processes = []
        self.instances = {}
        self.servers = ""

    # Parts

    def path(self, name):
        return os.path.join(self.folder, name)

    def spawn(self, command, name, **options):
        log = open(self.path(name + ".log"), "ab")
        process = subprocess.Popen(command, stdout=options.pop("stdout", log), stderr=log, **options)
        self.processes.append(process)
        return process

    def start_kafka(self):
        command = [KAFKA, "start", "--port", str(self.port), "--data", self.path("kafka"), "--parent", str(os.getpid())]
        self.servers = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode().strip()

    def broker(self, number):
        """Stops the broker's process, or lets it go on."""
        with open(self.path("kafka/pid"), encoding="utf-8") as file:
            os.kill(int(file.read()), number)

    def tool(self, *arguments, stdin=None):
        subprocess.run([KAFKA, "tool", arguments[0], "--bootstrap-server", self.servers, *arguments[1:]], input=stdin, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def start(self, name, weir=None, **environment):
        port = self.port + 10 + ord(name) - ord("a")
        environment = {"PATH": os.environ["PATH"], "KAFKA_BOOTSTRAP_SERVERS": self.servers, "PORT": str(port), "HOST": "127.0.0.1", "INSTANCE_ID": name,
                       "DRAIN_DELAY": "0s", "MEMORY_LIMIT_MB": "500", **environment}
        process = self.spawn([weir or self.weir, "serve"], f"weir-{name}", env=environment)
        self.instances[name] = (process, port)
        self.targets()
        return port

    def end(self, name, number=signal.SIGTERM, keeps_target=False):
        process, _ = self.instances[name]
        process.send_signal(number)
        process.wait()
        if not keeps_target:
            del self.instances[name]
            self.targets()

    def until_well(self, name, seconds=120):
        process, port = self.instances[name]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if process.poll() is not None:
                fail(f"instance {name} ended with {process.returncode}; the end of its log: {self.tail(f'weir-{name}.log')}")
            try:
                if get(port, "/health")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        fail(f"instance {name} is not well after {seconds} s")

    def tail(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()[-2000:].decode(errors="replace")

    def targets(self):
        """What Prometheus scrapes from now on."""
        targets = [f"127.0.0.1:{port}" for _, port in self.instances.values()]
        with open(self.path("targets.tmp"), "w", encoding="utf-8") as file:
            json.dump([{"targets": targets}], file)
        os.replace(self.path("targets.tmp"), self.path("targets.json"))

    def start_prometheus(self):
        for name in ["recording.rules.yml", "alerts.rules.yml"]:
            with open(os.path.join(ROOT, "deploy/prometheus", name), encoding="utf-8") as file, open(self.path(name), "w", encoding="utf-8") as copy:
                copy.write(short(file.read()))
        with open(self.path("prometheus.yml"), "w", encoding="utf-8") as file:
            file.write("global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nrule_files: [recording.rules.yml, alerts.rules.yml]\n"
                       "scrape_configs:\n  - job_name: weir\n    file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]\n")
        self.spawn(["prometheus", f"--config.file={self.path('prometheus.yml')}", f"--storage.tsdb.path={self.path('tsdb')}",
                    f"--web.listen-address=127.0.0.1:{self.port + 2}", "--log.level=warn"], "prometheus")
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                if get(self.port + 2, "/-/ready")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        fail(f"Prometheus does not start: {self.tail('prometheus.log')}")

    # Alerts

    def firing(self):
        alerts = json.loads(get(self.port + 2, "/api/v1/alerts")[1])["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def wait(self, names, wanted, seconds, doing=None):
        """Until all of them fire (or none of them): each may do so at another time, while `doing` is done again and again."""
        left = set(names)
        end = time.monotonic() + seconds
        while left:
            firing = self.firing()
            left = left - firing if wanted else left & firing
            if time.monotonic() > end:
                fail(f"{', '.join(sorted(left))} {'did not fire' if wanted else 'did not clear'} in {seconds} s; firing: {', '.join(sorted(firing)) or 'none'}")
            if doing:
                doing()
            else:
                time.sleep(0.2)
            if not wanted:
                left = set(names)
                if not left & self.firing():
                    return

    def fires(self, names, seconds=40, doing=None):
        begun = time.monotonic()
        self.wait(names, True, seconds, doing)
        say(f"  fired after {time.monotonic() - begun:.0f} s: {', '.join(names)}")

    def clears(self, names, seconds=60):
        begun = time.monotonic()
        self.wait(names, False, seconds)
        say(f"  cleared after {time.monotonic() - begun:.0f} s")

    def produce(self, file, rate=None, wait=True):
        with open(file, "rb") as lines:
            process = self.spawn([self.weir, "produce", *(["--rate", str(rate)] if rate else []), "-"], "produce", stdin=lines,
                                 env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": self.servers})
        if wait and process.wait():
            fail(f"produce failed: {self.tail('produce.log')}")
        return process

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
        subprocess.run([KAFKA, "kill", "--data", self.path("kafka")], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


class Asking:
    """Asks /predict of an instance from several threads, until it is stopped."""

    def __init__(self, port, threads=4, pause=0.05):
        self.isStopping = False
        self.answers = {}
        self.threads = [threading.Thread(target=self.run, args=(port, pause, number), daemon=True) for number in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self, port, pause, number):
        count = 0
        while not self.isStopping:
            count += 1
            body = json.dumps({"transaction_id": f"q-{number}-{count}", "account_id": f"Q-{number}", "timestamp": int(time.time() * 1000), "amount": 5})
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            try:
                connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
                status = connection.getresponse().status
            except OSError:
                status = 0
            finally:
                connection.close()
            self.answers[status] = self.answers.get(status, 0) + 1
            time.sleep(pause)

    def stop(self):
        self.isStopping = True
        for thread in self.threads:
            thread.join()


def dead_letters(rig):
    say("a producer goes wrong: two thousand records that are no transactions")
    with open(rig.path("garbage"), "w", encoding="utf-8") as file:
        for number in range(2000):
            file.write('{"transaction_id":"g-%d","account_id":"G","timestamp":1,"amount":-1}\n' % number)
    producer = rig.produce(rig.path("garbage"), rate=200, wait=False)
    names = ["WeirDeadLetters", "WeirDeadLetterFlood"]
    rig.fires(names)
    producer.wait()
    rig.clears(names)


def keys(rig):
    say("a producer that sends without keys")
    now = int(time.time() * 1000)
    lines = "".join('{"transaction_id":"k-%d","account_id":"K-%d","timestamp":%d,"amount":1}\n' % (number, number, now) for number in range(50))
    rig.tool("console-producer", "--topic", "transactions", stdin=lines.encode())
    rig.fires(["WeirKeyMismatch"])
    rig.clears(["WeirKeyMismatch"])


def latency(rig):
    say("an instance that its machine hardly lets run")
    process, port = rig.instances["a"]
    asking = Asking(port, threads=48, pause=0)

    def starve():
        for _ in range(10):
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.25)
            process.send_signal(signal.SIGCONT)
            time.sleep(0.004)

    try:
        rig.fires(["WeirPredictSlow"], 90, doing=starve)
    finally:
        process.send_signal(signal.SIGCONT)
        asking.stop()
    rig.clears(["WeirPredictSlow"])


def follow(rig):
    say("a follower that the broker gives little to read, while much is scored")
    # In small pieces, so that it hears of what it has not read yet.
    rig.start("b", KAFKA_CONF_CLIENT_ID="slow", KAFKA_CONF_FETCH_MESSAGE_MAX_BYTES="16384")
    rig.until_well("b")
    quota = ["configs", "--alter", "--entity-type", "clients", "--entity-name", "slow"]
    rig.tool(*quota, "--add-config", "consumer_byte_rate=60000")
    producer = rig.produce(rig.path("backlog"), rate=3_000, wait=False)
    rig.fires(["WeirFollowLag"], 90)
    rig.tool(*quota, "--delete-config", "consumer_byte_rate")
    rig.clears(["WeirFollowLag", "WeirDegraded"], 120)
    producer.terminate()
    producer.wait()
    rig.end("b")


def snapshots(rig):
    say("the folder of the snapshots cannot be written any more")
    folder = rig.path("state")
    rig.end("a")
    rig.start("a", STATE_DIR=folder, SNAPSHOT_INTERVAL="1s")
    rig.until_well("a")
    os.rename(folder, folder + ".away")
    with open(folder, "wb"):
        rig.fires(["WeirSnapshotsFail"], 60)
    os.remove(folder)
    os.rename(folder + ".away", folder)
    rig.clears(["WeirSnapshotsFail"])
    rig.end("a")
    rig.start("a")
    rig.until_well("a")


def broken(rig):
    say("a build whose followers count duplicates, and which does not say that it counted them")
    if not rig.broken:
        say("  left out: there is no such build (scripts/broken-build.sh)")
        return
    rig.end("a")
    rig.start("a", rig.broken)
    rig.until_well("a")
    rig.start("b", rig.broken)
    rig.until_well("b")
    now = int(time.time() * 1000)
    with open(rig.path("twice"), "w", encoding="utf-8") as file:
        file.write('{"transaction_id":"t-1","account_id":"T","timestamp":%d,"amount":1}\n' % now * 2)
    rig.produce(rig.path("twice"))
    rig.fires(["WeirAccountsDoNotAddUp", "WeirDivergence"], 120)
    rig.end("b")
    rig.end("a")
    rig.start("a")
    rig.until_well("a")
    rig.clears(["WeirAccountsDoNotAddUp", "WeirDivergence", "WeirDegraded"])


def broker(rig):
    say("the broker stands still, while a new instance starts and is asked")
    rig.broker(signal.SIGSTOP)
    try:
        asking = Asking(rig.start("b"))
        rig.fires(["WeirDegraded", "WeirNoLeader", "WeirRestoreLong", "WeirHTTPErrors"], 60)
        asking.stop()
    finally:
        rig.broker(signal.SIGCONT)
    rig.until_well("b")
    rig.clears(["WeirDegraded", "WeirNoLeader", "WeirRestoreLong", "WeirHTTPErrors"])


def down(rig):
    say("an instance is killed")
    rig.end("b", signal.SIGKILL, keeps_target=True)
    rig.fires(["WeirDown"])
    rig.start("b")
    rig.until_well("b")
    rig.clears(["WeirDown"])
    rig.end("b")


def backlog(rig):
    say("a backlog, met by an instance with little memory")
    rig.end("a")
    rig.produce(rig.path("backlog"), rate=50_000)
    rig.start("a", MEMORY_LIMIT_MB="64")
    # An invented bank is not what the model was trained on: with enough of it seen, that is said.
    rig.fires(["WeirLag", "WeirMemoryHigh", "WeirEndToEndSlow", "WeirDrift"], 120)
    rig.clears(["WeirLag", "WeirEndToEndSlow"], 240)
    rig.end("a")
    rig.start("a", MEMORY_LIMIT_MB="1024")
    rig.until_well("a")
    rig.clears(["WeirMemoryHigh", "WeirDrift"])


def aborts(rig):
    say("a topic that takes no verdict any more")
    topic = ["configs", "--alter", "--entity-type", "topics", "--entity-name", "fraud-verdicts"]
    rig.tool(*topic, "--add-config", "max.message.bytes=300")
    rig.fires(["WeirTransactionsFail"], 60)
    rig.tool(*topic, "--delete-config", "max.message.bytes")
    rig.clears(["WeirTransactionsFail"])


def flaps(rig):
    say("two instances that end in turn, and each time the other one leads")
    rig.start("b")
    rig.until_well("b")
    names = ["a", "b"]

    def swap():
        rig.end(names[0])
        rig.start(names[0])
        rig.until_well(names[0])
        names.reverse()

    rig.fires(["WeirLeaderFlaps"], 180, doing=swap)
    rig.clears(["WeirLeaderFlaps"], 150)
    rig.end("b")


def group(rig):
    say("an instance of another group is watched as one of this")
    rig.start("c", KAFKA_GROUP_ID="other", START_FROM="now", FRAUD_VERDICTS_TOPIC="other-fraud", AML_VERDICTS_TOPIC="other-aml", DLQ_TOPIC="other-dlq")
    rig.until_well("c")
    rig.fires(["WeirManyLeaders"])
    rig.end("c")
    rig.clears(["WeirManyLeaders"])


def clock(rig):
    say("a producer whose clock runs ahead, where that is let pass")
    rig.end("a")
    rig.start("a", MAX_CLOCK_SKEW="30m")
    rig.until_well("a")
    with open(rig.path("ahead"), "w", encoding="utf-8") as file:
        file.write('{"transaction_id":"c-1","account_id":"C","timestamp":%d,"amount":1}\n' % (time.time() * 1000 + 330_000))
    rig.produce(rig.path("ahead"))
    rig.fires(["WeirClockLead"])
    rig.clears(["WeirClockLead"], 90)


def lost(rig):
    say("records are deleted before they are scored")
    rig.end("a")
    rig.produce(rig.path("some"))
    with open(rig.path("delete.json"), "w", encoding="utf-8") as file:
        json.dump({"version": 1, "partitions": [{"topic": "transactions", "partition": partition, "offset": -1} for partition in range(4)]}, file)
    rig.tool("delete-records", "--offset-json-file", rig.path("delete.json"))
    rig.start("a")
    rig.until_well("a")
    rig.fires(["WeirRecordsLost"])
    rig.clears(["WeirRecordsLost"], 90)


def model(rig):
    models = os.path.join(ROOT, "models")
    say("an artefact is damaged")
    if not os.path.isdir(models):
        say("  left out: there are no bundled artefacts")
        return
    shutil.copytree(models, rig.path("models"))
    rig.end("a")
    port = rig.start("a", MODEL_URI=rig.path("models"), MODEL_POLL_INTERVAL="500ms")
    rig.until_well("a")
    loaded = [(name, model) for name, model in json.loads(get(port, "/health")[1])["models"].items() if model["loaded"]]
    if not loaded:
        fail("no artefact is loaded, though there are some")
    name, artefact = loaded[0]
    manifests = [os.path.join(folder, "manifest.json") for folder, _, files in os.walk(rig.path("models")) if "manifest.json" in files]
    for path in manifests:
        with open(path, encoding="utf-8") as file:
            manifest = json.load(file)
        if manifest["sha256"] == artefact["sha256"]:
            damaged = os.path.join(os.path.dirname(path), manifest["file"])
            with open(damaged, "rb") as file:
                whole = file.read()
            time.sleep(3)
            with open(damaged, "wb") as file:
                file.write(whole[: len(whole) // 2])
            rig.fires(["WeirModelFallback", "WeirDegraded"])
            with open(damaged, "wb") as file:
                file.write(whole)
            rig.clears(["WeirModelFallback", "WeirDegraded"])
            return
    fail(f"no manifest has the sha256 of {name}: {artefact}")


STEPS = {"dead_letters": dead_letters, "keys": keys, "latency": latency, "follow": follow, "broker": broker, "down": down, "model": model, "backlog": backlog,
         "aborts": aborts, "snapshots": snapshots, "flaps": flaps, "group": group, "broken": broken, "lost": lost, "clock": clock}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weir", default=os.path.join(ROOT, ".build/release/weir"))
    parser.add_argument("--broken", help="what scripts/broken-build.sh built; without it WeirDivergence and WeirAccountsDoNotAddUp are left out")
    parser.add_argument("--port", type=int, default=21440)
    parser.add_argument("--only", default=",".join(STEPS))
    options = parser.parse_args()
    if subprocess.run([KAFKA, "home"], stdout=subprocess.DEVNULL, check=False).returncode:
        say("not rehearsed: there is no Apache Kafka")
        return
    if not shutil.which("prometheus"):
        say("not rehearsed: there is no Prometheus (Debian: prometheus)")
        return
    rig = Rig(os.path.abspath(options.weir), options.broken and os.path.abspath(options.broken), options.port)
    try:
        rig.start_kafka()
        rig.start("a")
        rig.until_well("a")
        rig.start_prometheus()
        files = [("load", 1_000_000, "2026-01-01"), ("backlog", 600_000, "2026-01-02"), ("some", 5_000, "2026-01-03")]
        for seed, (name, count, start) in enumerate(files, 1):
            subprocess.run([rig.weir, "simulate", "--customers", "20000", "--count", str(count), "--start", start, "--seed", str(seed), "--out", rig.path(name)], check=True)
        load = rig.produce(rig.path("load"), rate=300, wait=False)
        asking = Asking(rig.instances["a"][1], threads=2, pause=0.1)
        # Before its first scrape Prometheus knows of nobody, which is an alert too.
        rig.wait(["WeirDown"], False, 30)
        time.sleep(5)
        rig.wait(["WeirDown"], False, 30)
        say("under load nothing fires")
        # A machine with other work may be slow at its start: the alerts are right then, and must be silent for a quarter of a minute after.
        end, silent = time.monotonic() + 120, time.monotonic()
        while time.monotonic() - silent < 15:
            # The bank that the load is of is not the one that the model was trained on: once ten thousand were seen, that is said, and rightly.
            firing = rig.firing() - {"WeirDrift"}
            if firing:
                silent = time.monotonic()
                if silent > end:
                    fail(f"{', '.join(sorted(firing))} fired without a cause")
            time.sleep(0.5)
        for name in options.only.split(","):
            STEPS[name](rig)
        asking.stop()
        if load.poll() not in (None, 0):
            fail(f"the load ended: {rig.tail('produce.log')}")
        say("each alert of these causes fired and cleared")
    finally:
        rig.close()


main()
