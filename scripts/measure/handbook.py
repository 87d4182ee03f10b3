"""The Fraud Detection Handbook's transactions through Apache Kafka: one verdict of each kind for each, windows as its authors published them."""
import csv
import gzip
import json
import os
import pathlib
import subprocess
import time

from harness import ROOT, Kafka, Missing, Weir, say, until

WINDOWS = [("24h", 1), ("7d", 7), ("30d", 30)]
MAP = [("TRANSACTION_ID", "transaction_id"), ("TX_DATETIME", "timestamp"), ("CUSTOMER_ID", "account_id"), ("TERMINAL_ID", "merchant_id"), ("TX_AMOUNT", "amount")]


def run():
    data = pathlib.Path(os.environ.get("HANDBOOK", ROOT.parent / "shared/data/handbook"))
    if not (data / "windows.csv.gz").exists():
        raise Missing(f"no Handbook data in {data} (set HANDBOOK)")

    def table(name):
        with gzip.open(data / name, "rt", newline="") as file:
            yield from csv.reader(file)

    published = table("windows.csv.gz")
    columns = {name: i for i, name in enumerate(next(published))}
    expected = {row[0]: tuple((int(row[columns[f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW"]]), float(row[columns[f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW"]])) for _, days in WINDOWS)
                for row in published}
    transactions = table("transactions.csv.gz")
    header = next(transactions)
    rows = list(transactions)
    # Of one customer's rows in one second, the publisher's order is that of its counts (as in check-handbook.py).
    place = {}
    for i, row in enumerate(rows):
        place.setdefault((row[2], row[1]), []).append(i)
    order = list(range(len(rows)))
    for group in place.values():
        if len(group) > 1:
            for at, i in zip(group, sorted(group, key=lambda i: expected.get(rows[i][0], ((0,),))[0][0])):
                order[at] = i

    with Kafka() as kafka:
        kafka.topic("transactions")
        settings = {"KAFKA_BOOTSTRAP_SERVERS": kafka.servers, "VELOCITY_ANALYSIS_WINDOWS": "24h,7d,30d", "ALLOWED_LATENESS": "30d", "FEEDBACK_ENABLED": "false"}
        with Weir(**settings) as weir:
            weir.wait_for("leader")
            began = time.monotonic()
            producer = kafka.produce("-", "--format", "csv", *[word for column, field in MAP for word in ("--map", f"{column}={field}")], stdin=subprocess.PIPE, wait=False)
            writer = csv.writer(producer.stdin, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows[i] for i in order)
            producer.stdin.close()
            assert producer.wait() == 0, producer.stderr.read()
            until(lambda: weir.metric("weir_records_consumed_total") >= len(rows), 1800, "all records")
            seconds = time.monotonic() - began
            memory = weir.memory()
            code, _ = weir.end()
        say("Handbook: records sent and scored", f"{len(rows):,} in {seconds:.0f} s, sending included; {memory[1]:.0f} MB at most")
        say("Handbook: exit code after SIGTERM", code, "0", code == 0)
        for topic in ("fraud-verdicts", "aml-verdicts"):
            seen, compared, wrong = set(), 0, 0
            total = 0
            for line in kafka.values(topic):
                verdict = json.loads(line)
                total += 1
                seen.add(verdict["transaction_id"])
                publishes = expected.get(verdict["transaction_id"])
                if publishes:
                    windows = verdict["velocity"]["account"]
                    for (name, _), (count, mean) in zip(WINDOWS, publishes):
                        compared += 1
                        wrong += windows[name]["count"] != count or abs(windows[name]["sum"] / count - mean) > 1e-6
            say(f"Handbook: {topic}", f"{total:,} verdicts of {len(seen):,} transactions", "one for each", total == len(seen) == len(rows))
            say(f"Handbook: {topic}, windows compared with the published", f"{compared:,}, {wrong} differ", "all equal", wrong == 0 and compared == 3 * len(expected))
