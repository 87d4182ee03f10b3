#!/usr/bin/env python3
"""Holds `weir features` against windows that nobody here wrote.

The Fraud Detection Handbook (Le Borgne et al., 2022) publishes, beside its simulated transactions, windows that its authors computed: for
customers, count and mean amount over 1, 7 and 30 days; for terminals, the share of frauds in the same windows, 7 days late. Every row must be equal:
counts exactly, means and shares to the 6 decimals that are published.

One thing is the publisher's own: of two rows of one customer in the same second, which one counts as the earlier is not always the file's order (4 of
12 pairs). The rows are fed in the publisher's order; which pairs that moved is said.

Usage: scripts/check-handbook.py [WEIR]     (default .build/release/weir)
Data: the folder in $HANDBOOK, else ../shared/data/handbook: transactions.csv.gz and windows.csv.gz. Without them it says so and ends well.
"""
import csv
import gzip
import io
import os
import pathlib
import subprocess
import sys
import threading

root = pathlib.Path(__file__).resolve().parent.parent
data = pathlib.Path(os.environ.get("HANDBOOK", root.parent / "shared/data/handbook"))
weir = sys.argv[1] if len(sys.argv) > 1 else str(root / ".build/release/weir")
if not (data / "windows.csv.gz").exists():
    print(f"SKIPPED: no Handbook data in {data} (set HANDBOOK)")
    sys.exit(0)

WINDOWS = [("24h", 1), ("7d", 7), ("30d", 30)]


def table(name):
    with gzip.open(data / name, "rt", newline="") as file:
        yield from csv.reader(file)


published = table("windows.csv.gz")
columns = {name: i for i, name in enumerate(next(published))}
expected = list(published)
transactions = table("transactions.csv.gz")
header = next(transactions)
rows = [row for row, _ in zip(transactions, expected)]
assert [row[0] for row in rows] == [row[0] for row in expected], "the two files are not of the same rows"

# Same customer, same second: the publisher's order is that of its counts.
groups = {}
for i, row in enumerate(rows):
    groups.setdefault((row[2], row[1]), []).append(i)
order = list(range(len(rows)))
moved = 0
for group in groups.values():
    if len(group) > 1:
        sorted_group = sorted(group, key=lambda i: int(expected[i][columns["CUSTOMER_ID_NB_TX_1DAY_WINDOW"]]))
        moved += sorted_group != group
        for place, i in zip(group, sorted_group):
            order[place] = i
ties = sum(len(group) > 1 for group in groups.values())

command = [weir, "features", "-", "--format", "csv", "--label-column", "TX_FRAUD"]
for column, field in [("TRANSACTION_ID", "transaction_id"), ("TX_DATETIME", "timestamp"), ("CUSTOMER_ID", "account_id"),
                      ("TERMINAL_ID", "merchant_id"), ("TX_AMOUNT", "amount")]:
    command += ["--map", f"{column}={field}"]
process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "VELOCITY_ANALYSIS_WINDOWS": "24h,7d,30d"})


def feed():
    with io.TextIOWrapper(process.stdin, newline="") as sink:
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows[i] for i in order)


threading.Thread(target=feed, daemon=True).start()
found = csv.reader(io.TextIOWrapper(process.stdout, newline=""))
place = {name: i for i, name in enumerate(next(found))}
checks = []
for name, days in WINDOWS:
    checks.append((place[f"account_{name}_count"], columns[f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW"], "count", 0))
    checks.append((place[f"account_{name}_mean"], columns[f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW"], "mean", 1e-6))
    checks.append((place[f"merchant_{name}_fraud_rate"], columns[f"TERMINAL_ID_RISK_{days}DAY_WINDOW"], "share", 1e-6))
compared = {"count": 0, "mean": 0, "share": 0}
wrong = []
seen = 0
for row, i in zip(found, order):
    seen += 1
    assert row[0] == rows[i][0], f"row {row[0]} comes where {rows[i][0]} is due"
    for mine, theirs, kind, tolerance in checks:
        compared[kind] += 1
        if abs(float(row[mine]) - float(expected[i][theirs])) > tolerance:
            wrong.append((row[0], kind, row[mine], expected[i][theirs]))
status = process.wait()
print(f"{seen} rows of {len(rows)}: compared {compared['count']} counts, {compared['mean']} means, {compared['share']} shares of frauds; {len(wrong)} differ")
print(f"{ties} pairs of one customer in one second, {moved} of them in the publisher's order and not the file's")
for difference in wrong[:10]:
    print("  transaction %s, %s: weir %s, published %s" % difference)
sys.exit(0 if status == 0 and not wrong and seen == len(rows) else 1)
