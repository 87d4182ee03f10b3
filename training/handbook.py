#!/usr/bin/env python3
"""Measures Weir's features on the Fraud Detection Handbook's data (Le Borgne et al., 2022), by the protocols of its chapters 3 and 5.

    weir features transactions.csv.gz --label-column TX_FRAUD --map TRANSACTION_ID=transaction_id --map TX_DATETIME=timestamp \\
        --map CUSTOMER_ID=account_id --map TERMINAL_ID=merchant_id --map TX_AMOUNT=amount -o features.csv
    training/handbook.py features.csv transactions.csv.gz [--seeds 3] [--days 92]

Test: the published weeks, with cards left out as published (a fraud in the 7 days of training, or known by the day of the test). Training may take longer
than 7 days, and ends 7 days before the test, since labels are so late.
"""
import argparse
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

PARAMETERS = dict(
    objective="binary", num_leaves=31, learning_rate=0.02, min_data_in_leaf=100, feature_fraction=0.6, bagging_fraction=0.8, bagging_freq=1, lambda_l2=10.0,
    verbose=-1)


def load(features, transactions):
    """The table, once as numbers beside the file, since reading them as text takes minutes."""
    cache = Path(features).with_suffix(".npz")
    if not cache.exists():
        header = pd.read_csv(features, nrows=0).columns
        names = [n for n in header if n not in ("transaction_id", "label") and n.split("_")[0] not in ("inflow", "counterparty", "card", "device", "ip", "type", "channel", "pair")]
        table = pd.read_csv(features, usecols=["transaction_id", "label", *names], dtype={n: np.float32 for n in names})
        np.savez(cache, x=table[names].to_numpy(np.float32), names=np.array(names), y=table["label"].to_numpy(np.int8), id=table["transaction_id"].to_numpy(np.int64))
    data = np.load(cache)
    told = pd.read_csv(transactions, usecols=["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID"], parse_dates=["TX_DATETIME"]).set_index("TRANSACTION_ID").loc[data["id"]]
    day = (told["TX_DATETIME"].dt.normalize() - pd.Timestamp("2018-04-01")).dt.days.to_numpy()
    return data["x"], list(data["names"]), data["y"], day, told["CUSTOMER_ID"].to_numpy()


def day_of(text):
    return (pd.Timestamp(text) - pd.Timestamp("2018-04-01")).days


def test_rows(y, day, card, begin, train=7, delay=7, test=7):
    """Rows of the test, as the Handbook's get_train_test_set has them, for a training that begins on that day."""
    fraud = y == 1
    known = set(card[fraud & (day >= begin) & (day < begin + train)])
    keep = np.zeros(len(y), bool)
    for d in range(test):
        known |= set(card[fraud & (day == begin + train + d - 1)])
        keep |= (day == begin + train + delay + d) & ~np.isin(card, list(known))
    return keep


def card_precision(y, day, card, score, k=100):
    """Share of compromised cards among each day's k highest, without those found before; the mean over days."""
    found, shares = set(), []
    for d in np.unique(day):
        here = (day == d) & ~np.isin(card, list(found))
        by_card = pd.DataFrame(dict(card=card[here], score=score[here], y=y[here])).groupby("card").max().sort_values("score", ascending=False)[:k]
        hit = by_card.index[by_card["y"] == 1]
        found |= set(hit)
        shares.append(len(hit) / k)
    return float(np.mean(shares))


def measure(x, y, day, card, begin, days, trees, seed, choose):
    end = begin + 7
    train = (day >= max(end - days, 14)) & (day < end)
    test = test_rows(y, day, card, begin)
    model = lgb.train(PARAMETERS | dict(seed=seed), lgb.Dataset(x[train][:, choose], y[train]), trees)
    score = model.predict(x[test][:, choose])
    return roc_auc_score(y[test], score), average_precision_score(y[test], score), card_precision(y[test], day[test], card[test], score), int(train.sum()), int(test.sum()), int(y[test].sum())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features")
    parser.add_argument("transactions")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--days", type=int, default=92)
    parser.add_argument("--trees", type=int, default=600)
    parser.add_argument("--folds", type=int, default=4, help="of chapter 5: weeks back from the first")
    given = parser.parse_args()
    x, names, y, day, card = load(given.features, given.transactions)
    choose = [i for i, n in enumerate(names) if n != "account_age_seconds" and x[:, i].min() < x[:, i].max()]
    print(f"{len(y)} rows, {len(choose)} features")
    chapters = {"chapter 3": [day_of("2018-07-25")], "chapter 5": [day_of("2018-08-15") - 7 * i for i in range(given.folds)]}
    for chapter, begins in chapters.items():
        for seed in range(1, given.seeds + 1):
            rows = []
            for begin in begins:
                if begin + 21 > day.max() + 1:
                    continue
                auc, ap, cp, *counts = measure(x, y, day, card, begin, given.days, given.trees, seed, choose)
                rows.append((auc, ap, cp))
                print(f"{chapter} seed {seed} training from day {begin + 7 - given.days}: rows {counts[0]}, test {counts[1]} with {counts[2]} frauds: AUC {auc:.3f} AP {ap:.3f} CP@100 {cp:.3f}", flush=True)
            print(f"{chapter} seed {seed}: AUC %.3f AP %.3f CP@100 %.3f" % tuple(np.mean(rows, axis=0)), flush=True)
