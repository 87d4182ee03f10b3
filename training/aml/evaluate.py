#!/usr/bin/env python3
"""Trains an AML model on a feature table of `weir features --for aml` and says how good it is, and what each part of the features adds.

    evaluate.py --weir .build/release/weir --data ../shared/data [--set amlsim|tide] [--ablation] [--seeds 3]

Needs a table of `weir features --for aml` with windows 24h,7d,30d. Split 60/20/20 by time; the first fifth of the training part is left out, since memory is still filling there. Labels, alert ids and typology
names are never features. Of ordinary rows a share is trained on, weighted back (`--negatives`); all are judged. The threshold of F1 is chosen on the middle part. Needs requirements.txt.
"""

import argparse
import csv
import gzip
import os
import subprocess
import sys
import tempfile

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, precision_recall_curve

SETS = {
    "amlsim": ("amlsim/transactions.csv.gz", dict(learning_rate=0.05, num_leaves=31, min_data_in_leaf=50, feature_fraction=0.7, bagging_fraction=0.8,
                                                    bagging_freq=1, max_delta_step=0.7, lambda_l2=10, min_sum_hessian_in_leaf=0.5), 400),
    "tide": ("tide-small/transactions.csv.gz", dict(learning_rate=0.05, num_leaves=15, min_data_in_leaf=20, feature_fraction=0.7, bagging_fraction=0.8,
                                                      bagging_freq=1, max_delta_step=0.7, lambda_l2=10, min_sum_hessian_in_leaf=0.5), 300),
}

# What tells the calendar, the generator, or nothing: never shown to a model.
NEVER = ("hour_of_day", "day_of_week", "is_night", "is_weekend", "channel_", "is_cross_border", "account_age_seconds", "card_", "device_",
         "ip_", "merchant_", "typology_high_risk_geography", "typology_new_account_large", "typology_dormant")


# What a data set calls each of Weir's types.
TYPES = {"transfer": "transfer", "payment": "payment", "deposit": "cash_in", "withdrawal": "cash_out"}


def families(name):
    """Which part of the features a name belongs to: the parts of the ablation."""
    if name == "amount" or name.startswith("type_"):
        return "amount"
    if name.startswith("typology_"):
        return "typologies"
    if name.startswith("pair_") or "new_counterparties" in name or "new_partners" in name or "seconds_since" in name:
        return "strangers"
    if name.startswith("chain_") or name.startswith("dwell"):
        return "chains"
    if name in ("two_hop_paths", "cycle_hops"):
        return "graph"
    if any(s in name for s in ("deviation", "zscore", "ratio", "_mean", "_max", "in_share", "_net")):
        return "amount statistics"
    return "windows"


def transactions(path, shuffle=None):
    """The data set as Weir's fields, and beside them labels and label information."""
    with gzip.open(path, "rt", newline="") as f:
        rows = list(csv.DictReader(f))
    receivers = [r["receiver"] for r in rows]
    if shuffle is not None:
        np.random.default_rng(shuffle).shuffle(receivers)
    return rows, receivers


def features(weir, path, windows, shuffle=None):
    rows, receivers = transactions(path, shuffle)
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "transactions.csv")
        with open(source, "w", newline="") as f:
            w = csv.writer(f)
            w.writerow(["transaction_id", "account_id", "timestamp", "amount", "type", "counterparty_id"])
            for row, receiver in zip(rows, receivers):
                kind = TYPES[row["type"].lower()]
                account = receiver if kind == "cash_in" else row["sender"]
                w.writerow([row["tx_id"], account, row["timestamp"], row["amount"], kind, "" if kind.startswith("cash") else receiver])
        target = os.path.join(folder, "features.csv")
        environment = dict(os.environ, VELOCITY_ANALYSIS_WINDOWS=windows, FEEDBACK_ENABLED="false")
        subprocess.run([weir, "features", "--for", "aml", source, "-o", target], check=True, env=environment)
        names = list(pd.read_csv(target, nrows=0).columns[1:])
        table = pd.read_csv(target, usecols=names, dtype=np.float32)[names].to_numpy()
    assert len(table) == len(rows), f"{len(rows) - len(table)} rows were refused"
    label = np.array([int(r["is_laundering"] in ("1", "True", "true")) for r in rows])
    pattern = np.array([r["typology"] for r in rows])
    return names, table, label, pattern


def split(n):
    a, b = int(n * 0.6), int(n * 0.8)
    return slice(int(a * 0.2), a), slice(a, b), slice(b, n)


def train(table, label, columns, parameters, rounds, seed, negatives=1.0):
    random = np.random.default_rng(seed)

    def part(where):
        rows = np.arange(len(label))[where]
        rows = rows[(label[rows] == 1) | (random.random(len(rows)) < negatives)]
        return dict(data=table[rows][:, columns], label=label[rows], weight=np.where(label[rows] == 1, 1.0, 1 / negatives))

    first, middle, _ = split(len(label))
    data = lgb.Dataset(**part(first), free_raw_data=False)
    check = lgb.Dataset(**part(middle), reference=data)
    parameters = dict(parameters, objective="binary", metric="average_precision", verbosity=-1, seed=seed, deterministic=True, num_threads=1,
                      force_row_wise=True)
    return lgb.train(parameters, data, rounds, valid_sets=[check], callbacks=[lgb.early_stopping(60, verbose=False)])


def judge(model, table, label, pattern, columns):
    _, middle, last = split(len(label))
    scores = model.predict(table[:, columns], num_iteration=model.best_iteration)
    p, r, t = precision_recall_curve(label[middle], scores[middle])
    f = 2 * p[:-1] * r[:-1] / np.maximum(p[:-1] + r[:-1], 1e-9)
    threshold = t[np.argmax(f)]
    fires = scores[last] >= threshold
    truth = label[last] == 1
    hit = (fires & truth).sum()
    precision, recall = hit / max(1, fires.sum()), hit / max(1, truth.sum())
    kinds = pattern[last]
    plain = truth | (kinds == "") | (kinds == "normal")
    result = {
        "PR-AUC": average_precision_score(truth, scores[last]),
        "F1": 2 * precision * recall / max(1e-9, precision + recall),
        "without look-alikes": average_precision_score(truth[plain], scores[last][plain]),
    }
    for kind in sorted(set(kinds[truth])):
        mine = truth & (kinds == kind)
        result["recall " + kind] = (fires & mine).sum() / mine.sum()
    return result


def mean(results):
    return {k: sum(r[k] for r in results) / len(results) for k in results[0]}


def line(what, result):
    return f"| {what} | " + " | ".join(f"{v:.3f}" for v in result.values()) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weir", default=".build/release/weir")
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--set", default="amlsim", choices=SETS)
    parser.add_argument("--windows", default="24h,7d,30d")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--negatives", type=float, default=0.15, help="share of the ordinary rows that are trained on")
    parser.add_argument("--ablation", action="store_true", help="what each part of the features adds, and a run with shuffled counterparties")
    parser.add_argument("--ablation-seeds", type=int, default=1)
    parser.add_argument("--importance", action="store_true")
    parser.add_argument("--cache", help="an .npz that keeps the feature table between runs")
    arguments = parser.parse_args()
    path, parameters, rounds = SETS[arguments.set]
    path = os.path.join(arguments.data, path)
    if not os.path.exists(path):
        print(f"skipped: there is no {path}", file=sys.stderr)
        return

    def load(shuffle=None):
        cache = f"{arguments.cache}.{arguments.set}.{shuffle}.npz" if arguments.cache else None
        if cache and os.path.exists(cache):
            z = np.load(cache, allow_pickle=False)
            return list(z["names"]), z["table"], z["label"], z["pattern"]
        loaded = features(arguments.weir, path, arguments.windows, shuffle)
        if cache:
            np.savez(cache, names=np.array(loaded[0]), table=loaded[1], label=loaded[2], pattern=loaded[3])
        return loaded

    names, table, label, pattern = load()
    usable = [i for i, n in enumerate(names) if not n.startswith(NEVER) and table[:, i].std() > 0]

    def run(columns, what, table=table, seeds=0):
        results = []
        for seed in range(seeds or arguments.ablation_seeds):
            model = train(table, label, columns, parameters, rounds, seed, arguments.negatives)
            results.append(judge(model, table, label, pattern, columns))
        result = mean(results)
        if what == "all":
            print("| features | " + " | ".join(result) + " |\n|" + " --- |" * (len(result) + 1))
        print(line(what, result), flush=True)
        return model

    model = run(usable, "all", seeds=arguments.seeds)
    if arguments.importance:
        gain = model.feature_importance("gain")
        for i in np.argsort(-gain)[:40]:
            print(f"{names[usable[i]]:45} {gain[i] / gain.sum():.4f}")
    if arguments.ablation:
        order = ["windows", "amount statistics", "strangers", "chains", "graph", "typologies"]
        have = ["amount"]
        for part in order:
            have.append(part)
            run([i for i in usable if families(names[i]) in have], "amount, " + ", ".join(have[1:]))
        for part in order:
            run([i for i in usable if families(names[i]) != part], "all but " + part)
        _, shuffled, _, _ = load(shuffle=1)
        run(usable, "all, counterparties shuffled", table=shuffled)
        graph = ("chains", "graph", "typologies")
        run([i for i in usable if families(names[i]) not in graph], "all but chains, graph and typologies, counterparties shuffled", table=shuffled)
        run([i for i in usable if families(names[i]) in ("amount", "windows")], "windows, counterparties shuffled", table=shuffled)


if __name__ == "__main__":
    main()
