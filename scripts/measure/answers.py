"""What `/predict` and `/aml_check` say and how soon, on leader and follower: equal to what the stream then says; latency while the stream is idle and while it runs flat out."""
import json
import statistics
import subprocess
import time

from harness import Kafka, Weir, noise, paced, say, simulate, until, wrk

HISTORY = 50_000
ASKED = 100
ROUNDS = 3


def run():
    with Kafka() as kafka:
        kafka.topic("transactions")
        settings = {"KAFKA_BOOTSTRAP_SERVERS": kafka.servers}
        history = simulate(kafka.folder + "/history.jsonl", "--count", str(HISTORY), "--customers", "2000", "--seed", "7")
        with Weir(0, **settings) as one:
            one.wait_for("leader")
            with Weir(1, **settings) as two:
                two.wait_for("follower")
                kafka.produce(history)
                until(lambda: (consumed(one), followed(two)) == (HISTORY, HISTORY), 120, "the history")
                equal(kafka, one, two)
                # The newest that is held, one later: a body like any other.
                last = json.loads(open(history).read().splitlines()[-1])
                last["transaction_id"] = "asked"
                body = json.dumps(last)
                say("the machine's own: sleeps of 1 ms that come too late, p99", f"{noise():.2f} ms")
                for name, weir in (("leader", one), ("follower", two)):
                    p50, p99, own = paced(weir.port, "/predict", body)
                    say(f"/predict on the {name}, stream idle, 500/s", f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, p99 of the service's own {own:.2f} ms", "p99 < 2 ms", p99 < 2)
                    p50, p99, rate = wrk(f"http://127.0.0.1:{weir.port}/predict", body, 16)
                    say(f"/predict on the {name}, stream idle, 16 connections as fast as they can", f"{rate:,.0f}/s, p50 {p50:.2f} ms, p99 {p99:.2f} ms")
                flat_out(kafka, one, two, body)


def consumed(weir):
    return weir.metric("weir_records_consumed_total")


def followed(weir):
    return weir.metric("weir_followed_total")


def equal(kafka, one, two):
    """Asks both of a transaction, sends it, and compares."""
    following = [kafka.reading(topic, "end") for topic in ("fraud-verdicts", "aml-verdicts")]
    lines = open(simulate(kafka.folder + "/next.jsonl", "--count", str(ASKED), "--customers", "2000", "--seed", "7", "--start", "2026-02-20")).read().splitlines()
    time.sleep(2)  # kcat has no way to say that it stands at the end
    different = 0
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
            until(lambda: consumed(one) == followed(two) == HISTORY + number + 1, 30, "the next state")
    finally:
        for process in following:
            process.kill()
            process.wait()
    say("answers of leader and follower that differ from the stream's", f"{different} of {2 * len(lines)} pairs", "none", different == 0)


def flat_out(kafka, one, two, body):
    """While a backlog that lasts longer than the asking is worked off. It lies in the topic before the first question: who wrote it takes no part of the machine any more."""
    kafka.produce(simulate(kafka.folder + "/backlog.jsonl", "--count", "2500000", "--customers", "20000", "--seed", "8"))
    for name, weir in (("leader", one), ("follower", two)):
        before, began = consumed(one), time.monotonic()
        times = [paced(weir.port, "/predict", body) for _ in range(ROUNDS)]
        rate = (consumed(one) - before) / (time.monotonic() - began)
        assert one.metric("weir_kafka_lag") > 0, "the backlog ended before the questions did"
        p50, p99, own = (statistics.median(column) for column in zip(*times))
        each = ", ".join(f"{p99:.1f}" for _, p99, _ in times)
        say(f"/predict on the {name}, 500/s, stream flat out ({rate:,.0f} records/s beside it), median of {ROUNDS} rounds of 5 s",
            f"p50 {p50:.2f} ms, p99 {p99:.2f} ms ({each}), p99 of the service's own {own:.2f} ms", "p99 < 20 ms", p99 < 20)
