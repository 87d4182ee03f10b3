#!/usr/bin/env python3
"""Measures Weir's own features on the Fraud Detection Handbook's data (Le Borgne et al., 2022), by the protocols of its chapters 3 and 5.

    training/handbook.py transactions.csv.gz [--weir .build/release/weir] [--seeds 5] [--days 92]

Runs `weir features` over the file (or takes what an earlier run has left in --cache), trains LightGBM, and prints each test week and the mean and deviation over
seeds. A label counts seven days after its transaction: in `merchant_<W>_fraud_rate`, since `weir features` is told so, and in training, which ends seven days
before the test. Cards are left out of the test as published: those with a fraud in the week of training, or known by the day of the test.

The windows reach 28 days. A terminal of these data stays compromised for four weeks, and of the latest week nothing is known yet: what tells it from one that
has recovered lies 7 to 28 days back, and windows of a week, seen from 7 days ago, end at 14.
"""
import argparse
import re
import subprocess
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

WINDOWS = "1h,24h,7d,14d,21d,28d"
COLUMNS = dict(TRANSACTION_ID="transaction_id", TX_DATETIME="timestamp", CUSTOMER_ID="account_id", TERMINAL_ID="merchant_id", TX_AMOUNT="amount")
FIRST_DAY = pd.Timestamp("2018-04-01")
PARAMETERS = dict(
    objective="binary", num_leaves=31, learning_rate=0.03, min_data_in_leaf=100, feature_fraction=0.6, bagging_fraction=0.8, bagging_freq=1, lambda_l2=10.0,
    verbose=-1)
# What the file can tell: accounts and merchants. Distinct counts follow the counts here, and cost precision; the account's age tells the calendar.
TAKEN = re.compile(r"(account|merchant)_\d+[smhd]_(count|sum|mean|max|fraud_rate)|account_(seconds_since_last|amount_zscore|amount_ratio)|amount|hour_of_day|day_of_week|is_night|is_weekend")


def features(weir, transactions, windows, cache):
    """Names, features and labels, in the order of the file: from the binary's output, once, since reading 1.5 million rows of text takes minutes."""
    path = Path(cache) / f"handbook-{windows.replace(',', '-')}.npz"
    if not path.exists():
        maps = [word for column, field in COLUMNS.items() for word in ("--map", f"{column}={field}")]
        command = [weir, "features", transactions, "--label-column", "TX_FRAUD", *maps, "-o", "-"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env={"VELOCITY_ANALYSIS_WINDOWS": windows}) as running:
            header = running.stdout.readline().decode().strip().split(",")
            names = [n for n in header if TAKEN.fullmatch(n)]
            types = {n: np.float32 for n in names} | dict(transaction_id=np.int64, label=np.int8)
            pieces = list(pd.read_csv(running.stdout, names=header, usecols=[*types], dtype=types, chunksize=200_000))
        if running.returncode:
            raise SystemExit(f"weir features ended with {running.returncode}")
        path.parent.mkdir(parents=True, exist_ok=True)
        joined = {n: np.concatenate([p[n].to_numpy() for p in pieces]) for n in ("transaction_id", "label")}
        np.savez(path, x=np.concatenate([p[names].to_numpy(np.float32) for p in pieces]), names=names, **joined)
    data = np.load(path)
    return list(data["names"]), data["x"], data["label"], data["transaction_id"]


def day_of(text):
    return (pd.Timestamp(text) - FIRST_DAY).days


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


def measure(x, y, day, card, begin, given, seed):
    """AUC ROC, average precision, card precision@100; rows of training, of test, frauds of test."""
    end = begin + 7
    train = (day >= max(end - given.days, given.warm)) & (day < end)
    rows, total = np.flatnonzero(train), int(train.sum())
    # All frauds, and a share of the rest that stands for all of it: as good, and five times as fast.
    rows = rows[(y[rows] == 1) | (np.random.default_rng(seed).random(total) < given.sample)]
    weight = np.where(y[rows] == 1, 1.0, 1.0 / given.sample)
    test = test_rows(y, day, card, begin)
    model = lgb.train(PARAMETERS | dict(seed=seed, num_threads=given.threads), lgb.Dataset(x[rows], y[rows], weight=weight), given.trees)
    score = model.predict(x[test])
    figures = roc_auc_score(y[test], score), average_precision_score(y[test], score), card_precision(y[test], day[test], card[test], score)
    return figures, (total, int(test.sum()), int(y[test].sum()))


def say(what, rows):
    mean, deviation = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1) if len(rows) > 1 else np.zeros(3)
    print(what + ": AUC %.3f ± %.3f, AP %.3f ± %.3f, CP@100 %.3f ± %.3f" % tuple(v for pair in zip(mean, deviation) for v in pair), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("transactions")
    parser.add_argument("--weir", default=".build/release/weir")
    parser.add_argument("--cache", default=".build/handbook", help="where features are kept, by windows; delete it after a change of them")
    parser.add_argument("--windows", default=WINDOWS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--days", type=int, default=92, help="of training")
    parser.add_argument("--warm", type=int, default=14, help="days at the beginning that are not learned from")
    parser.add_argument("--trees", type=int, default=400)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sample", type=float, default=0.2, help="share of legitimate rows to learn from")
    given = parser.parse_args()
    names, x, y, ids = features(given.weir, given.transactions, given.windows, given.cache)
    told = pd.read_csv(given.transactions, usecols=["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID"], parse_dates=["TX_DATETIME"]).set_index("TRANSACTION_ID").loc[ids]
    day, card = (told["TX_DATETIME"].dt.normalize() - FIRST_DAY).dt.days.to_numpy(), told["CUSTOMER_ID"].to_numpy()
    print(f"{len(y)} rows, windows {given.windows}, {len(names)} features", flush=True)
    # Chapter 5 begins at 15 August and steps back by weeks, four times; the published file ends within the test week of the first.
    folds = [day_of("2018-08-15") - 7 * i for i in range(4)]
    chapters = {"chapter 3": [day_of("2018-07-25")], "chapter 5": [begin for begin in folds if begin + 20 <= day.max()]}
    for chapter, begins in chapters.items():
        by_seed = []
        for seed in range(1, given.seeds + 1):
            weeks = []
            for begin in begins:
                figures, counts = measure(x, y, day, card, begin, given, seed)
                weeks.append(figures)
                date = lambda d: (FIRST_DAY + pd.Timedelta(days=int(d))).date()
                print("%s, seed %d, test %s to %s: %d rows learned from, %d with %d frauds asked: AUC %.3f AP %.3f CP@100 %.3f" % (chapter, seed, date(begin + 14), date(begin + 20), *counts, *figures), flush=True)
            by_seed.append(np.mean(weeks, axis=0))
        say(f"{chapter}, mean and deviation over {given.seeds} seeds", by_seed)
