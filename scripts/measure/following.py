"""How fast a new instance restores from the log, and how fast one that fell behind follows."""
import json
import os
import signal
import time

from harness import Kafka, Weir, say, simulate, until


def run(count=1_000_000, customers=50_000):
    with Kafka() as kafka:
        kafka.topic("transactions")
        lines = simulate(kafka.folder + "/in.jsonl", "--count", str(2 * count), "--customers", str(customers))
        halves = [kafka.folder + f"/{half}.jsonl" for half in range(2)]
        with open(lines, "rb") as file:
            for half in halves:
                with open(half, "wb") as part:
                    for _ in range(count):
                        part.write(file.readline())
        os.remove(lines)
        kafka.produce(halves[0])
        settings = {"KAFKA_BOOTSTRAP_SERVERS": kafka.servers}
        with Weir(0, **settings) as leader:
            until(lambda: leader.metric("weir_records_consumed_total") >= count, 300, "all records")
            with Weir(1, **settings) as follower:
                ready = until(lambda: next((line for line in map(json.loads, open(follower.log.name)) if line["event"] == "state ready"), None), 120, "the state")
                rate = count / float(ready["seconds"])
                say(f"a new instance restores {count:,} records from the log", f"{float(ready['seconds']):.1f} s, {rate:,.0f} records/s", "≥ 400,000", rate >= 400_000)
                follower.wait_for("follower")
                follower.process.send_signal(signal.SIGSTOP)
                kafka.produce(halves[1])
                until(lambda: leader.metric("weir_records_consumed_total") >= 2 * count, 300, "all records")
                until(lambda: leader.health()["kafka"]["lag"] == 0, 30, "no lag")
                began = time.monotonic()
                follower.process.send_signal(signal.SIGCONT)
                while follower.metric("weir_followed_total") < 2 * count:
                    time.sleep(0.05)
                seconds = time.monotonic() - began
                say(f"a follower that is {count:,} records behind catches up", f"{seconds:.1f} s, {count / seconds:,.0f} records/s", "≥ 400,000", count / seconds >= 400_000)
