#!/usr/bin/env python3
"""From what `weir features --for aml` wrote to an AML artefact that Weir serves: models/aml/<version>/{manifest.json, model.txt, card.md, card.png}.

    weir simulate --customers 5000 --days 120 --with-truth -o tx.csv
    weir features --for aml tx.csv --label-column laundering -o aml.csv
    training/aml/train.py aml.csv --version 1.0.0 --out models

Rows are split by day, with days between the parts. The model sees nothing that tells the calendar, a bank, a country or how long the log is, and no
amounts of money: ratios, counts and times hold for a bank of another size and currency. Nor does it see the typologies' scores, which are joined to its
probability. What the served verdict is worth, typologies and all, `weir replay --for aml --summary` says; `--served NAME=FILE` writes it into the card of an artefact that is there already.
"""
import argparse
import json
import sys
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import table as tables
import train as base

# By beginning: the calendar, countries, the log's length, other entities. By end: money.
NEVER = ("hour_of_day", "day_of_week", "is_", "channel_", "card_", "device_", "ip_", "merchant_", "account_age_seconds",
         # What the typologies see is joined to the model's probability anyway, and as features their scores add nothing that the ablation could tell from
         # chance (docs/explanation/typologies.md): they would only count twice.
         "typology_",
         # Both sides of both ends, walked for each payment, say little that the windows and the chain do not, and more of what kind of bank it is: without
         # them as much is found in a held-out simulation, and three times the average precision on a generator that was not trained on.
         "payer_", "payee_", "amount_over_payee_mean", "amount_payee_zscore", "pair_back_",
         # An invented bank's rhythm and mix of payments, which another's alarms must not hang on; and what is searched for each payment where a model
         # names it, while the typologies look only at what calls for it.
         "type_", "pair_count", "account_seconds_since_stranger", "two_hop_paths", "cycle_hops")
# What is seldom known of money on its way from account to account, and countries.
OTHERS = ("distinct_countries", "distinct_devices", "distinct_merchants")
# From here on a verdict is looked at: half of AML_RISK_THRESHOLD.
REVIEW = 0.35
MONEY = ("_sum", "_mean", "_max", "_deviation", "_net")
PARAMETERS = dict(
    objective="binary", num_leaves=15, learning_rate=0.06, min_data_in_leaf=40, feature_fraction=0.6, bagging_fraction=0.8, bagging_freq=1, lambda_l2=10.0,
    max_delta_step=0.7, min_sum_hessian_in_leaf=0.5, max_bin=255, verbose=-1, deterministic=True, force_row_wise=True, num_threads=1)


def names_of(frame, windows, also=()):
    """Features of the windows that every configuration is likely to have, and those without one; and what is asked for beside them."""
    def wanted(name):
        if name in also:
            return True
        if name == "amount" or name.startswith(NEVER) or name.endswith(OTHERS) or (name.endswith(MONEY) and not name.startswith("amount_over")):
            return False
        parts = name.split("_")
        lengths = [p for p in parts if p[:-1].isdigit() and p[-1] in "smhd"]
        return not lengths or lengths[0] in windows
    return [n for n in tables.features_of(frame) if wanted(n)]


def fit(frame, names, y, train, validation, arguments):
    random = np.random.default_rng(arguments.seed)
    import lightgbm as lgb
    sets = []
    for part in (train, validation):
        rows = np.nonzero(part)[0]
        rows = rows[(y[rows] == 1) | (random.random(len(rows)) < arguments.negatives)]
        weight = np.where(y[rows] == 1, 1, 1 / arguments.negatives)
        sets.append(lgb.Dataset(frame.iloc[rows][names].to_numpy(np.float32), y[rows], weight=weight, feature_name=names, reference=sets[0] if sets else None))
    return lgb.train(
        PARAMETERS | dict(seed=arguments.seed, metric="average_precision"), sets[0], arguments.trees, valid_sets=[sets[1]],
        callbacks=[lgb.early_stopping(60, verbose=False)])


def main(arguments):
    frame = tables.read(arguments.features)
    days = tables.days_of(frame)
    y = frame["label"].fillna(0).to_numpy(np.int8)
    train, validation, test = base.split(days, arguments.warm, arguments.gap)
    parts = {"train": train, "validation": validation, "test": test}
    names = [n for n in names_of(frame, arguments.windows.split(","), arguments.also) if frame.loc[train, n].nunique() > 1]
    first = fit(frame, names, y, train, validation, arguments)
    gain = dict(zip(names, first.feature_importance("gain")))
    names = [n for n in names if gain[n] > 0 and n in set(sorted(gain, key=gain.get, reverse=True)[: arguments.most_features])]
    model = fit(frame, names, y, train, validation, arguments)
    odds = {name: base.log_odds(model, frame.loc[part, names].to_numpy(np.float32)) for name, part in parts.items()}
    calibration, apply = base.calibrate("platt", odds["validation"], y[validation])
    # Within the budget, whatever the probabilities are: the threshold is the verdict's own, half of AML_RISK_THRESHOLD.
    highest = calibration["a"] * float(np.quantile(odds["validation"], 1 - arguments.budget)) + calibration["b"]
    if highest > np.log(REVIEW / (1 - REVIEW)):
        calibration["b"] -= highest - np.log(REVIEW / (1 - REVIEW))
        apply = lambda z: 1 / (1 + np.exp(-(calibration["a"] * z + calibration["b"])))
    score = {name: np.round(apply(z), 6) for name, z in odds.items()}
    thresholds = dict(review=REVIEW)
    metrics = {name: base.measures(y[part], score[name], thresholds) for name, part in parts.items()}
    # Accounts that nothing is known of: no payment of theirs before, in the windows.
    cold = frame["account_seconds_since_last"].to_numpy() < 0
    metrics["test, cold accounts"] = base.measures(y[test & cold], score["test"][cold[test]], thresholds) if y[test & cold].any() else None
    gain = dict(zip(names, (float(g) for g in model.feature_importance("gain"))))
    manifest = dict(
        name="aml", version=arguments.version, format="lightgbm", file="model.txt", sha256="", feature_set=base.FEATURE_SET, features=names,
        thresholds={}, calibration=calibration, drift=base.drift_of(frame[train], sorted(names, key=gain.get, reverse=True)[:20]),
        training=dict(
            source=arguments.source, made=arguments.made, seed=arguments.seed, trees=model.num_trees(), warm_days=arguments.warm, gap_days=arguments.gap,
            negatives=arguments.negatives, alert_budget=arguments.budget, days={name: [int(days[part].min()), int(days[part].max())] for name, part in parts.items()},
            parameters={k: v for k, v in PARAMETERS.items() if k not in ("verbose", "num_threads")}),
        metrics={k: v for k, v in metrics.items() if v})
    folder = base.write_model(arguments.out, manifest, model)
    card(folder, manifest, y[test], score["test"], gain)


def card(folder, manifest, y, score, gain):
    bins = np.unique(np.quantile(score, 1 - np.logspace(-4.5, 0, 60)))
    base.plot(folder, y, score, gain, bins, "probability", "probabilities", "ordinary", "laundering")
    training = manifest["training"]
    lines = [f"# aml {manifest['version']}", "", f"LightGBM, {training['trees']} trees, {len(manifest['features'])} features, no amounts of money among them. Trained on {training['source']}.", ""]
    lines += [f"Alert budget: {training['alert_budget']:.2%} of transactions. The model alone, flagged from a probability of {REVIEW} on:", "", "| part | days | rows | laundering | AUC ROC | average precision | flagged | recall | precision | Brier |", "| --- " * 10 + "|"]
    for name, m in manifest["metrics"].items():
        a, b = training["days"][name.split(",")[0]]
        lines.append(
            f"| {name} | {a}–{b} | {m['rows']:,} | {m['frauds']:,} | {m['auc_roc']} | {m['average_precision']} | {m['flagged']:.3%} | {m['recall']} | {m['precision']} | {m['brier']} |")
    lines += [
        "", f"{training['gap_days']} days lie between the parts. Windows and memory fill for {training['warm_days']} days before.",
        f"A state that began lately takes everybody for a stranger: for its first 30 days the model counts in part. Cold accounts are those without an earlier transaction.",
        "", "![precision and recall, calibration, probabilities, importance](card.png)", "",
        "It has learned an invented bank's habits and launderers. It shows how Weir works, and is a place to begin from; before it decides about anybody's money, train on your own.", ""]
    (folder / "card.md").write_text("\n".join(lines))
    print(f"{folder}: {json.dumps(manifest['metrics']['test'])}")


def served(folder, summaries):
    """Writes what replays said into the card: alerts, how many of them were right, and what `replayed.py` said, where it stands behind the summary."""
    text = (folder / "card.md").read_text()
    text = text[: text.index("\n## As served")] if "\n## As served" in text else text
    lines = ["", "## As served", "", "Typologies and model together, untuned, as `weir replay --for aml --summary` counts them:", "",
             "| data | transactions | laundering | review or report | right | found | report | right | found | without the days in which memory fills |", "| --- " * 10 + "|"]
    for name, file in (s.split("=", 1) for s in summaries):
        said = Path(file).read_text().splitlines()
        total = next(line for line in said if " transactions, " in line).split()
        row = [name, f"{int(total[0]):,}", f"{int(total[4]):,}"]
        for what in ("review or report", "report"):
            fired, _, precision, recall = next(line for line in said if line.startswith(what + " ") and not line.startswith(what + " or")).removeprefix(what).split()
            row += [f"{int(fired):,} ({int(fired) / int(total[0]):.2%})", precision, recall]
        # As replayed.py says it.
        later = [line.split(": ", 1)[1] for line in said if "average precision " in line or line.startswith("decided other")]
        row += [f"{later[0].split(',')[0]}; flagged {later[1]}" if later else ""]
        lines.append("| " + " | ".join(row) + " |")
    (folder / "card.md").write_text(text.rstrip("\n") + "\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", nargs="?", help="CSV of weir features --for aml; with --served none")
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", default="models")
    parser.add_argument("--source", default="weir features --for aml", help="where the data come from, for the card")
    parser.add_argument("--made", default=datetime.now(timezone.utc).strftime("%Y-%m-%d"), help="date, for the manifest")
    parser.add_argument("--windows", default="24h,7d", help="windows whose features are used: a configuration without one of them cannot use the artefact")
    parser.add_argument("--also", action="append", default=[], metavar="FEATURE", help="a feature that is left out otherwise, to see what it would add; may be repeated")
    parser.add_argument("--warm", type=int, default=30, help="days in which windows and memory fill")
    parser.add_argument("--gap", type=int, default=7, help="days between the parts")
    parser.add_argument("--trees", type=int, default=150)
    parser.add_argument("--most-features", type=int, default=40)
    parser.add_argument("--negatives", type=float, default=0.3, help="share of the ordinary rows that are trained on, weighted back")
    parser.add_argument("--budget", type=float, default=0.005, help="share of transactions that the model alone may flag, on validation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--served", action="append", metavar="NAME=FILE", help="a summary of weir replay, for the card; may be repeated")
    given = parser.parse_args()
    if given.served:
        served(Path(given.out) / "aml" / given.version, given.served)
    else:
        main(given)
