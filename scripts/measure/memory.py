"""Resident memory while a backlog of a million records over 50,000 accounts is scored, with default settings, and after it."""
import time

from harness import Kafka, Weir, say, simulate, until


def run(count=1_000_000, customers=50_000):
    with Kafka() as kafka:
        kafka.topic("transactions")
        kafka.produce(simulate(kafka.folder + "/in.jsonl", "--count", str(count), "--customers", str(customers)))
        with Weir(KAFKA_BOOTSTRAP_SERVERS=kafka.servers, MEMORY_LIMIT_MB="500") as weir:
            until(lambda: weir.metric("weir_records_consumed_total") > 0, 60, "the first records")
            began = time.monotonic()
            until(lambda: weir.metric("weir_records_consumed_total") >= count, 900, "all records")
            seconds = time.monotonic() - began
            _, highest = weir.memory()
            entities = weir.health()["velocity"]
            say(f"a backlog of {count:,} records over {customers:,} accounts", f"{count / seconds:,.0f} records/s, broker to broker, two verdicts each")
            say("its memory at most", f"{highest:.0f} MB for {entities['events']:,} events of {sum(entities['entities'].values()):,} entities", "< 250 MB", highest < 250)
            time.sleep(20)
            say("20 s later", f"{weir.memory()[0]:.0f} MB")
