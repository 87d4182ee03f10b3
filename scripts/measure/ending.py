"""A stop in mid-stream, and a hand-over under traffic: nothing lost, nothing twice, and how soon."""
import json
import threading
import time

from harness import Kafka, Weir, say, simulate, until


def run():
    stop_in_mid_stream()
    hand_over()


def ids(kafka, topic):
    return [json.loads(line)["transaction_id"] for line in kafka.values(topic)]


def stop_in_mid_stream(count=200_000):
    with Kafka() as kafka:
        kafka.topic("transactions")
        kafka.produce(simulate(kafka.folder + "/in.jsonl", "--count", str(count), "--customers", "5000"))
        settings = {"KAFKA_BOOTSTRAP_SERVERS": kafka.servers}
        consumed, slowest, codes = 0, 0.0, set()
        for _ in range(3):
            with Weir(**settings) as weir:
                until(lambda: weir.metric("weir_records_consumed_total") > count / 8, 120, "some records")
                code, seconds = weir.end()
                codes.add(code)
                slowest = max(slowest, seconds)
        say("SIGTERM in mid-stream, three times", f"exit {sorted(codes)}, {slowest:.2f} s at most", "0 within 10 s", codes == {0} and slowest < 10)
        with Weir(**settings) as weir:
            weir.wait_for("leader", 120)
            until(lambda: weir.metric("weir_kafka_lag") == 0 and weir.metric("weir_records_consumed_total") > 0, 300, "the rest")
            weir.end()
        for topic in ("fraud-verdicts", "aml-verdicts"):
            seen = ids(kafka, topic)
            say(f"after it: {topic}", f"{len(seen):,} verdicts of {len(set(seen)):,} transactions", f"one for each of {count:,}", len(seen) == len(set(seen)) == count)


def hand_over(rate=2000, tries=5):
    with Kafka() as kafka:
        kafka.topic("transactions")
        feedback = kafka.folder + "/feedback.jsonl"
        traffic = simulate(kafka.folder + "/in.jsonl", "--count", "300000", "--customers", "2000", "--feedback", feedback)
        settings = {"KAFKA_BOOTSTRAP_SERVERS": kafka.servers}
        instances = [Weir(0, **settings)]
        try:
            instances[0].wait_for("leader")
            arrivals = []
            reader = kafka.reading("fraud-verdicts")
            threading.Thread(target=lambda: [arrivals.append(time.monotonic()) for _ in reader.stdout], daemon=True).start()
            producer = kafka.produce("--rate", str(rate), traffic, wait=False)
            gaps = []
            for attempt in range(tries):
                instances.append(Weir(attempt + 1, **settings))
                instances[-1].wait_for("follower")
                time.sleep(1)
                told = time.monotonic()
                code, _ = instances[-2].end()
                assert code == 0, code
                instances[-1].wait_for("leader")
                until(lambda: arrivals[-1] > time.monotonic() - 0.5, 30, "verdicts")
                around = [t for t in list(arrivals) if told - 0.5 < t < told + 5]
                gaps.append(max(b - a for a, b in zip(around, around[1:])))
            producer.terminate()
            producer.wait()
            reader.kill()
            gaps.sort()
            say(f"hand-over at {rate}/s, {tries} times: longest silence of the verdicts", f"median {gaps[len(gaps) // 2]:.2f} s, at most {gaps[-1]:.2f} s", "< 1 s", gaps[-1] < 1)
            # Both know the same: the labels too.
            kafka.produce(feedback, TRANSACTIONS_TOPIC="feedback", FEEDBACK_TOPIC="none")
            instances.append(Weir(tries + 1, **settings))
            instances[-1].wait_for("follower")
            leader, follower = instances[-2:]

            def state(weir):
                velocity = weir.health()["velocity"]
                return velocity["entities"], velocity["events"], velocity["watermark"], weir.metric("weir_kafka_lag")

            until(lambda: state(leader) == state(follower) and state(leader)[3] == 0, 60, "one state")
            say("two instances of one group", f"entities and events alike: {state(leader)[0]}, {state(leader)[1]:,} events", "alike", True)
            seen = ids(kafka, "fraud-verdicts")
            say("after them", f"{len(seen):,} verdicts of {len(set(seen)):,} transactions", "none twice", len(seen) == len(set(seen)))
        finally:
            for weir in instances:
                weir.__exit__()
