"""What `/predict` and `/aml_check` say and how soon, on leader and follower: equal to what the stream then says; latency while the stream is idle and while it runs flat out."""
import json
import subprocess
import time

from harness import Kafka, Weir, say, simulate, until, wrk

ASKED = 100


def run():
    with Kafka() as kafka:
        kafka.topic("transactions")
        settings = {"KAFKA_BOOTSTRAP_SERVERS": kafka.servers}
        history = simulate(kafka.folder + "/history.jsonl", "--count", "50000", "--customers", "2000", "--seed", "7")
        with Weir(0, **settings) as one:
            one.wait_for("leader")
            with Weir(1, **settings) as two:
                two.wait_for("follower")
                kafka.produce(history)
                until(lambda: events(one) == events(two) == 50000, 120, "the history")
                equal(kafka, one, two)
                # The newest that is held, one later: a body like any other.
                last = json.loads(open(history).read().splitlines()[-1])
                last["transaction_id"] = "asked"
                body = json.dumps(last)
                for name, weir in (("leader", one), ("follower", two)):
                    for connections in (1, 16):
                        p50, p99, rate = wrk(f"http://127.0.0.1:{weir.port}/predict", body, connections)
                        say(f"/predict on the {name}, stream idle, {connections} connection(s)", f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, {rate:,.0f}/s", "p99 < 2 ms" if connections == 1 else None,
                            p99 < 2 if connections == 1 else None)
                flat_out(kafka, one, two, body)


def events(weir):
    return weir.health().get("velocity", {}).get("events")


def equal(kafka, one, two):
    """Asks both of a transaction, sends it, and compares."""
    following = [kafka.reading(topic, "end") for topic in ("fraud-verdicts", "aml-verdicts")]
    lines = open(simulate(kafka.folder + "/next.jsonl", "--count", str(ASKED), "--customers", "2000", "--seed", "7", "--start", "2026-02-20")).read().splitlines()
    time.sleep(2)  # kcat has no way to say that it stands at the end
    different, before = 0, events(one)
    try:
        for number, line in enumerate(lines):
            asked = [[weir.post(path, line.encode()) for path in ("/predict", "/aml_check")] for weir in (one, two)]
            kafka.produce("-", stdin=subprocess.PIPE, wait=False).communicate(line + "\n")
            said = []
            for process in following:
                verdict = json.loads(process.stdout.readline().split(b" ", 2)[2])
                assert verdict.pop("source")
                said.append(verdict)
            different += sum(answer != said for answer in asked)
            until(lambda: events(one) == events(two) == before + number + 1, 30, "the next state")
    finally:
        for process in following:
            process.kill()
            process.wait()
    say("answers of leader and follower that differ from the stream's", f"{different} of {2 * len(lines)} pairs", "none", different == 0)


def flat_out(kafka, one, two, body):
    """With a backlog that lasts longer than the asking."""
    backlog = simulate(kafka.folder + "/backlog.jsonl", "--count", "400000", "--customers", "2000", "--seed", "8")
    producers = [kafka.produce(backlog, wait=False)]
    for name, weir in (("leader", one), ("follower", two)):
        until(lambda: one.metric("weir_kafka_lag") > 1000 or producers[-1].poll() is None, 30, "a backlog")
        before = one.metric("weir_records_consumed_total")
        began = time.monotonic()
        p50, p99, rate = wrk(f"http://127.0.0.1:{weir.port}/predict", body, 4, 5)
        consumed = (one.metric("weir_records_consumed_total") - before) / (time.monotonic() - began)
        busy = producers[-1].poll() is None or one.metric("weir_kafka_lag") > 0
        say(f"/predict on the {name}, stream flat out ({consumed:,.0f} records/s beside it{'' if busy else ', and at its end before'}), 4 connections",
            f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, {rate:,.0f}/s", "p99 < 20 ms", p99 < 20)
        if name == "leader":
            # The same again are duplicates for the windows, which costs less: another seed.
            until(lambda: one.metric("weir_kafka_lag") == 0 and producers[-1].poll() is not None, 300, "the backlog's end")
            simulate(backlog, "--count", "400000", "--customers", "2000", "--seed", "9")
            producers.append(kafka.produce(backlog, wait=False))
    for producer in producers:
        producer.wait()
