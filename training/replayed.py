#!/usr/bin/env python3
"""What the scores of replayed verdicts are worth, by labels: average precision and AUC of the model's scores, and what the decisions flagged.

    weir simulate --customers 4000 --days 75 --seed 9 -o tx.jsonl --feedback labels.jsonl
    weir replay tx.jsonl --feedback labels.jsonl -o verdicts.jsonl
    training/replayed.py verdicts.jsonl labels.jsonl

Of AML verdicts the labels are a column of the transactions, as `weir simulate --with-truth -o tx.csv` writes it:

    training/replayed.py verdicts.jsonl tx.csv --aml laundering --warm 30
"""
import argparse
import csv
import json
from datetime import datetime

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score


def read(path):
    with open(path, "rb") as file:
        for line in file:
            yield json.loads(line)


def labelled(path, column):
    """Transactions whose column says so, in a CSV."""
    with open(path, newline="") as file:
        return {(r["account_id"], r["transaction_id"]) for r in csv.DictReader(file) if r[column] in ("1", "true")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verdicts", help="JSON Lines of weir replay")
    parser.add_argument("labels", help="feedback, JSON Lines; what it does not name counts as legitimate")
    parser.add_argument("--aml", metavar="COLUMN", help="AML verdicts; labels is a CSV of the transactions, with this column")
    parser.add_argument("--warm", type=int, default=14, help="days at the beginning in which windows fill")
    parser.add_argument("--budget", type=float, default=0.005, help="the share of transactions that may be flagged by score")
    given = parser.parse_args()
    if given.aml:
        kind, passed, name, bad = "aml", "clear", "laundering", labelled(given.labels, given.aml)
    else:
        kind, passed, name = "fraud", "approve", "frauds"
        bad = {(r["account_id"], r["transaction_id"]) for r in read(given.labels) if r["label"] == "fraud"}
    rows = [
        (v["event_time"], v["score"], v["decision"] != passed, (v["account_id"], v["transaction_id"]) in bad)
        for v in read(given.verdicts) if v["kind"] == kind]
    begin = min(row[0] for row in rows)
    day = lambda text: datetime.fromisoformat(text[:10]).toordinal()
    rows = [row for row in rows if day(row[0]) - day(begin) >= given.warm]
    score, flagged, y = (np.array([row[i] for row in rows]) for i in (1, 2, 3))
    best = np.argsort(-score, kind="stable")[: int(given.budget * len(y))]
    print(f"{len(y)} transactions, {int(y.sum())} {name}: average precision {average_precision_score(y, score):.4f}, AUC ROC {roc_auc_score(y, score):.4f}")
    print(f"the {given.budget:.2%} of the highest scores: recall {y[best].sum() / y.sum():.2%}, precision {y[best].mean():.2%}")
    print(f"decided other than {passed}: {flagged.mean():.2%}, recall {y[flagged].sum() / y.sum():.2%}, precision {y[flagged].mean():.2%}")


if __name__ == "__main__":
    main()
