#!/usr/bin/env python3
"""From what `weir features` wrote to an artefact that Weir serves: models/<name>/<version>/{manifest.json, model.txt, card.md, card.png}.

    weir simulate --days 75 --feedback labels.jsonl -o tx.jsonl
    weir features tx.jsonl --feedback labels.jsonl -o features.csv
    training/train.py fraud features.csv --version 1.0.0 --out models
    training/train.py velocity features.csv --version 1.0.0 --out models

Nothing of the future is used: rows are split by day, and between the parts lie as many days as a label takes to be known.
"""
import argparse
import hashlib
import json
from datetime import datetime, timezone
from pathlib import Path

import lightgbm as lgb
import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, precision_recall_curve, roc_auc_score

import table as tables

FEATURE_SET = 1
# They tell how long the log is rather than what the account does.
LEFT_OUT = {"account_age_seconds", "pair_count"}
PARAMETERS = dict(
    objective="binary", num_leaves=31, learning_rate=0.04, min_data_in_leaf=40, feature_fraction=0.7, bagging_fraction=0.8, bagging_freq=1,
    lambda_l2=5.0, max_bin=255, verbose=-1, deterministic=True, force_row_wise=True,
)


def split(days, warm, delay):
    """Training, validation (early stop, calibration, thresholds) and test, each `delay` days apart from the one before."""
    last = int(days.max()) + 1
    part = (last - warm - 2 * delay) // 5
    if part < 2:
        raise SystemExit(f"{last} days are too few: {warm} to fill the windows, twice {delay} until labels are known, and some to learn from")
    test = last - part
    validation = test - delay - part
    return (days >= warm) & (days < validation - delay), (days >= validation) & (days < validation + part), days >= test


def fit(x, y, vx, vy, parameters, trees, seed):
    data = lgb.Dataset(x, y)
    stop = [lgb.early_stopping(40, verbose=False)] if vy.sum() >= 20 else []
    return lgb.train(
        parameters | dict(seed=seed, metric="average_precision"), data, trees, valid_sets=[lgb.Dataset(vx, vy, reference=data)], callbacks=stop)


def log_odds(model, x):
    return model.predict(x, raw_score=True, num_iteration=model.best_iteration or None)


def calibrate(method, z, y):
    """The manifest's calibration, and the function that it is."""
    if method == "platt":
        fitted = LogisticRegression(C=1e6).fit(z[:, None], y)
        a, b = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
        return dict(method="platt", a=a, b=b), lambda z: 1 / (1 + np.exp(-(a * z + b)))
    if method == "isotonic":
        p = 1 / (1 + np.exp(-z))
        fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p, y)
        x, v = fitted.X_thresholds_, fitted.y_thresholds_
        keep = np.concatenate([[True], np.diff(x) > 1e-9])
        x, v = x[keep].astype(float), v[keep].astype(float)
        return dict(method="isotonic", x=x.tolist(), y=v.tolist()), lambda z: np.interp(1 / (1 + np.exp(-z)), x, v)
    return None, lambda z: 1 / (1 + np.exp(-z))


def thresholds_of(score, y, budget, precision):
    """Review: what the alert budget allows on validation. Decline: from where alerts are right as often as asked, within the budget."""
    review = float(np.quantile(score, 1 - budget))
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(y[order]) / np.arange(1, len(y) + 1)
    enough = np.nonzero(hits >= precision)[0]
    enough = enough[enough < max(1, int(budget * len(y)))]
    decline = float(score[order[enough[-1]]]) if len(enough) else float(score.max())
    return dict(review=round(min(review, decline), 6), decline=round(max(decline, review), 6))


def drift_of(frame, names):
    """Shares of training rows by bin: tenths, or fewer where values coincide."""
    drift = {}
    for name in names:
        values = frame[name].to_numpy(np.float64)
        edges = np.unique(np.quantile(values, np.arange(1, 10) / 10))
        edges = edges[edges > values.min()]
        counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
        drift[name] = dict(edges=edges.tolist(), shares=(counts / counts.sum()).round(6).tolist())
        drift[name]["shares"][int(np.argmax(counts))] += 1 - sum(drift[name]["shares"])
    return drift


def measures(y, score, thresholds):
    flagged = score >= thresholds["review"]
    return dict(
        rows=int(len(y)), frauds=int(y.sum()), auc_roc=round(float(roc_auc_score(y, score)), 4),
        average_precision=round(float(average_precision_score(y, score)), 4), brier=round(float(brier_score_loss(y, score)), 6),
        flagged=round(float(flagged.mean()), 5), recall=round(float(y[flagged].sum() / max(1, y.sum())), 4),
        precision=round(float(y[flagged].mean()) if flagged.any() else 0.0, 4))


def train_fraud(frame, days, arguments):
    names = [n for n in tables.features_of(frame) if n not in LEFT_OUT]
    # Banks hear of frauds, and of some that were none; what nobody spoke of counts as legitimate.
    known = frame["label"].notna().to_numpy() if arguments.only_labelled else np.ones(len(frame), bool)
    y = frame["label"].fillna(0).to_numpy(np.int8)
    train, validation, test = (part & known for part in split(days, arguments.warm, arguments.delay))
    parts = {"train": train, "validation": validation, "test": test}
    for name, part in parts.items():
        print(f"{name}: days {days[part].min()} to {days[part].max()}, {part.sum()} rows, {int(y[part].sum())} frauds")
    names = [n for n in names if frame.loc[train, n].nunique() > 1]
    first = fit(frame.loc[train, names], y[train], frame.loc[validation, names], y[validation], PARAMETERS, arguments.trees, arguments.seed)
    gain = dict(zip(names, first.feature_importance("gain")))
    names = [n for n in names if n in set(sorted(gain, key=gain.get, reverse=True)[: arguments.most_features]) and gain[n] > 0]
    model = fit(frame.loc[train, names], y[train], frame.loc[validation, names], y[validation], PARAMETERS, arguments.trees, arguments.seed)
    calibration, apply = calibrate(arguments.calibration, log_odds(model, frame.loc[validation, names]), y[validation])
    score = {name: np.round(apply(log_odds(model, frame.loc[part, names])), 6) for name, part in parts.items()}
    thresholds = thresholds_of(score["validation"], y[validation], arguments.budget, arguments.precision)
    metrics = {name: measures(y[part], score[name], thresholds) for name, part in parts.items()}
    gain = dict(zip(names, (float(g) for g in model.feature_importance("gain"))))
    top = sorted(names, key=gain.get, reverse=True)[:20]
    manifest = dict(
        name="fraud", version=arguments.version, format="lightgbm", file="model.txt", sha256="", feature_set=FEATURE_SET, features=names,
        thresholds=thresholds, calibration=calibration, drift=drift_of(frame[train], top),
        training=dict(
            source=arguments.source, made=arguments.made, seed=arguments.seed, trees=model.num_trees(), warm_days=arguments.warm, label_delay_days=arguments.delay,
            days={name: [int(days[part].min()), int(days[part].max())] for name, part in parts.items()}, alert_budget=arguments.budget,
            parameters={k: v for k, v in PARAMETERS.items() if k != "verbose"}),
        metrics=metrics)
    folder = write_model(arguments.out, manifest, model)
    card(folder, manifest, y[test], score["test"], gain)


# Which features velocity risk looks at: those that say how fast, how much, how many; the rest is the model's.
VELOCITY_STATISTICS = {
    "account": ("count", "sum", "distinct_merchants", "distinct_counterparties", "new_counterparties"), "inflow": ("count", "sum", "distinct_accounts"),
    "card": ("count",), "device": ("count", "distinct_accounts"), "ip": ("distinct_accounts",),
}


def train_velocity(frame, days, arguments):
    part = frame[days >= arguments.warm]
    quantiles = {}
    for name in tables.features_of(frame):
        entity, _, rest = name.partition("_")
        statistic = rest.partition("_")[2]
        if name != "account_amount_zscore" and statistic not in VELOCITY_STATISTICS.get(entity, ()):
            continue
        values = part[name].to_numpy(np.float64)
        p90, p99, p999 = (round(float(q), 2) for q in np.quantile(values, [0.9, 0.99, 0.999]))
        if p90 < p99 < p999:  # else one more than usual would already be the highest risk
            quantiles[name] = [p90, p99, p999]
    folder = Path(arguments.out) / "velocity" / arguments.version
    folder.mkdir(parents=True, exist_ok=True)
    manifest = dict(
        name="velocity", version=arguments.version, feature_set=FEATURE_SET, features=list(quantiles), thresholds={}, quantiles=quantiles,
        training=dict(source=arguments.source, made=arguments.made, rows=len(part), days=[int(arguments.warm), int(days.max())]))
    write(folder, manifest)
    lines = ["# velocity " + arguments.version, "", f"Quantiles of {len(quantiles)} features over {len(part):,} transactions: {arguments.source}.", ""]
    lines += ["| feature | 90 % | 99 % | 99.9 % |", "| --- | --- | --- | --- |"]
    lines += [f"| `{name}` | {a:g} | {b:g} | {c:g} |" for name, (a, b, c) in quantiles.items()]
    (folder / "card.md").write_text("\n".join(lines) + "\n")
    print(f"{folder}: {len(quantiles)} features")


def write(folder, manifest):
    (folder / "manifest.json").write_text(json.dumps({k: v for k, v in manifest.items() if v is not None}, indent=1) + "\n")


def write_model(out, manifest, model):
    """The model's file and its manifest, to which the file's sum is added; returns their folder."""
    folder = Path(out) / manifest["name"] / manifest["version"]
    folder.mkdir(parents=True, exist_ok=True)
    # The file's tail of parameters and importances is not needed to score.
    text = model.model_to_string(num_iteration=model.best_iteration or -1, importance_type="gain")
    text = text[: text.index("end of trees")] + "end of trees\n"
    (folder / "model.txt").write_text(text)
    manifest["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    write(folder, manifest)
    return folder


def plot(folder, y, score, gain, bins, score_name, score_names, good, bad):
    """card.png: precision and recall, calibration by bins of the score, the scores of good and bad, importance."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(9, 7))
    precision, recall, _ = precision_recall_curve(y, score)
    axes[0, 0].plot(recall, precision)
    axes[0, 0].set(title="precision and recall, test", xlabel="recall", ylabel="precision")
    which = np.searchsorted(bins, score)
    rows = np.maximum(1, np.bincount(which))
    axes[0, 1].plot([1e-5, 1], [1e-5, 1], color="grey")
    axes[0, 1].scatter(np.bincount(which, score) / rows, np.maximum(np.bincount(which, y) / rows, 1e-5), s=8)
    axes[0, 1].set(title="calibration, test", xlabel=score_name, ylabel=f"share of {bad}", xscale="log", yscale="log")
    axes[1, 0].hist([score[y == 0], score[y == 1]], bins=40, log=True, label=[good, bad])
    axes[1, 0].legend()
    axes[1, 0].set(title=f"{score_names}, test", xlabel=score_name)
    top = sorted(gain, key=gain.get)[-15:]
    axes[1, 1].barh(top, [gain[n] for n in top])
    axes[1, 1].set(title="importance (gain)")
    axes[1, 1].tick_params(labelsize=6)
    figure.tight_layout()
    figure.savefig(folder / "card.png", dpi=70, metadata={"Software": None})


def card(folder, manifest, y, score, gain):
    plot(folder, y, score, gain, np.unique(np.quantile(score, np.linspace(0, 1, 400))), "score", "scores", "legitimate", "fraud")
    training, metrics, thresholds = manifest["training"], manifest["metrics"], manifest["thresholds"]
    lines = [f"# fraud {manifest['version']}", "", f"LightGBM, {training['trees']} trees, {len(manifest['features'])} features. Trained on {training['source']}.", ""]
    lines += ["| part | days | rows | frauds | AUC ROC | average precision | flagged | recall | precision | Brier |", "| --- " * 10 + "|"]
    for name, m in metrics.items():
        a, b = training["days"][name]
        lines.append(
            f"| {name} | {a}–{b} | {m['rows']:,} | {m['frauds']:,} | {m['auc_roc']} | {m['average_precision']} | {m['flagged']:.2%} | {m['recall']} | {m['precision']} | {m['brier']} |")
    lines += [
        "", f"Alert budget: {training['alert_budget']:.2%} of transactions on validation. Thresholds: review {thresholds['review']}, decline {thresholds['decline']}.",
        f"Labels are known {training['label_delay_days']} days late: so many days lie between the parts. Windows fill for {training['warm_days']} days before.",
        "", "![precision and recall, calibration, scores, importance](card.png)", "",
        "It has learned an invented bank's habits and frauds. It shows how Weir works, and is a place to begin from; before it decides about anybody's money, train on your own.", ""]
    (folder / "card.md").write_text("\n".join(lines))
    print(f"{folder}: {json.dumps(metrics['test'])}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=["fraud", "velocity"])
    parser.add_argument("features", help="CSV of weir features")
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", default="models")
    parser.add_argument("--source", default="weir features", help="where the data come from, for the card")
    parser.add_argument("--made", default=datetime.now(timezone.utc).strftime("%Y-%m-%d"), help="date, for the manifest")
    parser.add_argument("--warm", type=int, default=14, help="days that windows take to fill: the longest, and the label delay")
    parser.add_argument("--delay", type=int, default=7, help="days until a label is known")
    parser.add_argument("--trees", type=int, default=200)
    parser.add_argument("--most-features", type=int, default=60)
    parser.add_argument("--budget", type=float, default=0.005, help="share of transactions that may be flagged")
    parser.add_argument("--precision", type=float, default=0.9, help="how often a decline must be right")
    parser.add_argument("--calibration", choices=["none", "platt", "isotonic"], default="platt")
    parser.add_argument("--only-labelled", action="store_true", help="leave out rows without a label, which else count as legitimate")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rows = tables.read(given.features)
    (train_fraud if given.name == "fraud" else train_velocity)(rows, tables.days_of(rows), given)
