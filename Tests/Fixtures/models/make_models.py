#!/usr/bin/env python3
"""Writes ensembles and what their own library says of them, for Tests/ModelsTests.

    make_models.py --small DIR                 a few small ones, which the repository holds
    make_models.py --all DIR                   one of each kind and random shapes: some 130, with the newest libraries
    make_models.py --old lightgbm|xgboost DIR  some, with whatever old version of the library runs this

A case is NAME.txt or NAME.json, the model, and NAME.csv: x0…, margin, probability, and (where the library has them) c0…, bias: exact TreeSHAP values.
Not-a-number is an empty cell. Contributions are in log-odds: LightGBM's times its sigmoid, and over the number of trees where it averages.
"""
import json
import os
import sys
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # small data: more threads wait for each other

import numpy as np  # noqa: E402

EDGES = [0.0, -0.0, 1e-35, -1e-35, 1.1e-35, 1e-36, -1e-36, 5e-324, np.inf, -np.inf, 1e300, -1e300, 3.0, -1.0, -0.5, 0.5, 2.5, 31.0, 32.0, 64.0, 1e9, 3e9, 1e18]


def rows_of(rng, n, f, categorical=(), missing=0.0):
    x = np.where(rng.random((n, f)) < 0.5, rng.normal(0, 3, (n, f)), np.round(rng.gamma(1, 4, (n, f)), 1))
    for c in categorical:
        x[:, c] = rng.integers(0, 40, n)
    if missing:
        x[rng.random((n, f)) < missing] = np.nan
    return x


def labels_of(rng, x, categorical=()):
    z = np.nan_to_num(x)
    s = 0.3 * z[:, 0] + 0.5 * np.sin(z[:, 1 % z.shape[1]]) + (z[:, -1] > 2) * z[:, 0] * 0.4 + rng.normal(0, 0.7, len(z))
    for c in categorical:
        s += (z[:, c] % 3 == 0) * 0.8
    return (s > np.median(s)).astype(int)


def asked_of(rng, x, n, finite=False, categories=True):
    """Rows to ask for: training rows with values replaced by edges and by nothing."""
    asked = x[rng.integers(0, len(x), n)].copy()
    edges = [e for e in EDGES if abs(e) < 1e38] if finite else EDGES
    odd = rng.random(asked.shape) < 0.12
    asked[odd] = rng.choice(edges, odd.sum())
    asked[rng.random(asked.shape) < 0.06] = np.nan
    if not categories is True:
        for c in categories:
            asked[:, c] = rng.integers(0, 40, n)
    return asked


def write(folder, name, suffix, model, asked, margin, probability, contributions):
    (folder / f"{name}.{suffix}").write_bytes(model)
    f = asked.shape[1]
    columns = [f"x{i}" for i in range(f)] + ["margin", "probability"]
    table = [asked, margin[:, None], probability[:, None]]
    if contributions is not None:
        columns += [f"c{i}" for i in range(f)] + ["bias"]
        table.append(contributions)
    lines = [",".join(columns)]
    for row in np.hstack([np.asarray(t, np.float64) for t in table]):
        lines.append(",".join("" if np.isnan(v) else repr(float(v)) for v in row))
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


# LightGBM


def lightgbm_case(folder, name, seed, parameters, trees, rows=2000, f=8, asked=60, categorical=(), missing=0.0, edit=None, contributions=True, old=False, crlf=False):
    import lightgbm as lgb

    rng = np.random.default_rng(seed)
    x = rows_of(rng, rows, f, categorical, missing)
    y = labels_of(rng, x, categorical)
    p = dict(objective="binary", verbose=-1, num_threads=1, seed=seed, min_data_in_leaf=5, min_data_in_bin=1) | parameters
    booster = lgb.train(p, lgb.Dataset(x, y, categorical_feature=list(categorical) or "auto", params=p), trees)
    text = booster.model_to_string()
    if edit:
        text = edit(text)
        booster = lgb.Booster(model_str=text)
    q = asked_of(rng, x, asked, categories=categorical if old else True)
    margin = booster.predict(q, raw_score=True)
    probability = booster.predict(q)
    shap = None
    if contributions:
        shap = booster.predict(q, pred_contrib=True) * p.get("sigmoid", 1.0)
        if "average_output" in text:
            shap = shap / booster.num_trees()
    model = text.encode()
    if crlf:
        model = model.replace(b"\n", b"\r\n")
    write(folder, name, "txt", model, q, margin, probability, shap)


def replaced_thresholds(text):
    """Thresholds that no training gives: infinities, and what lies within LightGBM's zero."""
    odd = iter(["inf", "-inf", "-0", "0", "1e-36", "-1e-36", "1e300", "1.0000000180025095e-35"] * 1000)
    lines = []
    for line in text.split("\n"):
        if line.startswith("threshold="):
            words = line[10:].split(" ")
            line = "threshold=" + " ".join(next(odd) if i % 2 == 0 else w for i, w in enumerate(words))
        if line.startswith("tree_sizes="):
            continue
        lines.append(line)
    return "\n".join(lines)


def lightgbm_kinds():
    yield "none", dict(num_leaves=15), 20, {}
    yield "nan", dict(num_leaves=15), 20, dict(missing=0.2)
    yield "zero", dict(num_leaves=15, zero_as_missing=True), 20, dict(missing=0.2)
    yield "without-missing", dict(num_leaves=15, use_missing=False), 20, dict(missing=0.2)
    yield "categories", dict(num_leaves=15, min_data_per_group=5, cat_smooth=1), 20, dict(categorical=(2, 5))
    yield "categories-nan", dict(num_leaves=15, min_data_per_group=5, cat_smooth=1), 20, dict(categorical=(0, 3), missing=0.15)
    yield "categories-one-hot", dict(num_leaves=15, max_cat_to_onehot=100, min_data_per_group=5), 20, dict(categorical=(1,))
    yield "sigmoid", dict(num_leaves=15, sigmoid=2.0), 20, {}
    yield "forest", dict(boosting="rf", bagging_freq=1, bagging_fraction=0.6, feature_fraction=0.7, num_leaves=20), 15, {}
    yield "dart", dict(boosting="dart", drop_rate=0.3, num_leaves=15), 20, {}
    yield "goss", dict(boosting="goss", num_leaves=15), 20, {}
    yield "one-leaf", dict(min_data_in_leaf=100000), 3, {}
    yield "stumps", dict(num_leaves=2), 30, {}
    yield "thresholds", dict(num_leaves=15), 20, dict(edit=replaced_thresholds)
    yield "monotone", dict(num_leaves=15, monotone_constraints=[1, 0, 0, 0, 0, 0, 0, -1]), 20, {}
    yield "extra", dict(num_leaves=15, extra_trees=True), 20, {}
    yield "cross-entropy", dict(objective="cross_entropy", num_leaves=15), 20, {}
    yield "lines", dict(num_leaves=15), 20, dict(crlf=True)


def lightgbm_large():
    yield "leaves-255", dict(num_leaves=255, min_data_in_leaf=1), 30, dict(rows=6000, missing=0.1)
    yield "leaves-33", dict(num_leaves=33), 40, {}
    yield "leaves-64", dict(num_leaves=64), 40, dict(missing=0.1)
    yield "chain", dict(num_leaves=60, max_depth=-1, min_data_in_leaf=1, learning_rate=1.0), 12, dict(rows=500, f=2)
    yield "trees-1000", dict(num_leaves=31, learning_rate=0.02), 1000, dict(asked=20)
    yield "trees-1000-255", dict(num_leaves=255, min_data_in_leaf=1, learning_rate=0.02), 1000, dict(rows=1500, asked=8, contributions=False)
    yield "bins-1000", dict(num_leaves=63, max_bin=1000), 200, dict(rows=5000)
    yield "features-200", dict(num_leaves=31, feature_fraction=0.3), 60, dict(f=200, asked=20)
    yield "features-120", dict(num_leaves=31, feature_fraction=0.3), 60, dict(f=120, asked=20, missing=0.1)
    yield "features-1", dict(num_leaves=31), 20, dict(f=1)


def lightgbm_random(rng, i):
    f = int(rng.integers(2, 40))
    categorical = tuple(int(c) for c in sorted(set(rng.integers(0, f, int(rng.integers(0, 3)))))) if i % 3 == 0 else ()
    p = dict(num_leaves=int(rng.choice([2, 7, 31, 32, 33, 100])), learning_rate=float(rng.choice([0.02, 0.1, 0.5])), max_bin=int(rng.choice([15, 255, 500])))
    if i % 4 == 1:
        p["zero_as_missing"] = True
    if i % 7 == 2:
        p["sigmoid"] = float(rng.choice([0.3, 1.7]))
    if i % 9 == 4:
        p |= dict(boosting="rf", bagging_freq=1, bagging_fraction=0.7)
    return p, int(rng.choice([1, 5, 40, 120])), dict(f=f, categorical=categorical, missing=float(rng.choice([0, 0, 0.1, 0.5])))


# XGBoost


def xgboost_case(folder, name, seed, parameters, trees, rows=2000, f=8, asked=60, categorical=(), missing=0.0, edit=None, contributions=True, stop=None):
    import xgboost as xgb

    rng = np.random.default_rng(seed)
    x = rows_of(rng, rows, f, categorical, missing)
    y = labels_of(rng, x, categorical)
    more = dict(feature_types=["c" if i in categorical else "q" for i in range(f)], enable_categorical=True) if categorical else {}
    p = dict(objective="binary:logistic", nthread=1, seed=seed) | parameters
    data = xgb.DMatrix(x, y, **more)
    if stop:
        v = rows_of(rng, 500, f, categorical, missing)
        evaluation = xgb.DMatrix(v, rng.integers(0, 2, 500), **more)
        booster = xgb.train(p, data, trees, evals=[(evaluation, "v")], early_stopping_rounds=stop, verbose_eval=False)
    else:
        booster = xgb.train(p, data, trees)
    path = folder / f"{name}.json"
    booster.save_model(path)
    q = asked_of(rng, x, asked, finite=True)
    for c in categorical:  # XGBoost's DMatrix takes no category below 0 and none that is not whole
        q[:, c] = np.where(np.isnan(q[:, c]), np.nan, rng.integers(0, 90, asked))
    queried = xgb.DMatrix(q, **more)
    span = dict(iteration_range=(0, booster.best_iteration + 1)) if stop else {}
    margin = booster.predict(queried, output_margin=True, **span)
    probability = booster.predict(queried, **span)
    shap = booster.predict(queried, pred_contribs=True, **span) if contributions else None
    model = path.read_bytes()
    if edit:
        model = edit(model)
    write(folder, name, "json", model, q, margin, probability, shap)


def base_score_as(make):
    """The base score as other versions write it; the value stays."""

    def edit(model):
        j = json.loads(model)
        parameters = j["learner"]["learner_model_param"]
        text = parameters["base_score"].strip("[]")
        parameters["base_score"] = make(text)
        return json.dumps(j, indent=1).encode()

    return edit


def xgboost_kinds():
    yield "numeric", dict(max_depth=4), 20, {}
    yield "nan", dict(max_depth=4), 20, dict(missing=0.2)
    yield "categories", dict(max_depth=4, tree_method="hist", max_cat_to_onehot=1), 20, dict(categorical=(2, 5))
    yield "categories-one-hot", dict(max_depth=4, tree_method="hist", max_cat_to_onehot=100), 20, dict(categorical=(1,), missing=0.1)
    yield "dart", dict(booster="dart", rate_drop=0.4, max_depth=4), 20, {}
    yield "stopped", dict(max_depth=4), 60, dict(stop=3)
    yield "forest", dict(max_depth=4, num_parallel_tree=4, subsample=0.6), 6, {}
    yield "forest-stopped", dict(max_depth=3, num_parallel_tree=3, subsample=0.6), 40, dict(stop=2)
    yield "base-number", dict(max_depth=3, base_score=0.2), 10, dict(edit=base_score_as(float))
    yield "base-text", dict(max_depth=3, base_score=0.01), 10, dict(edit=base_score_as(lambda t: t))
    yield "base-list", dict(max_depth=3, base_score=0.9), 10, dict(edit=base_score_as(lambda t: f"[{t}]"))
    yield "one-leaf", dict(max_depth=3, gamma=1e9), 3, {}
    yield "stumps", dict(max_depth=1), 30, {}
    yield "exact", dict(max_depth=6, tree_method="exact"), 20, dict(missing=0.1)
    yield "lossguide", dict(grow_policy="lossguide", max_leaves=31, max_depth=0, tree_method="hist"), 20, {}
    yield "pruned", dict(max_depth=6, gamma=3.0, tree_method="exact"), 20, {}
    yield "reg-logistic", dict(objective="reg:logistic", max_depth=4), 20, {}
    yield "monotone", dict(max_depth=4, monotone_constraints="(1,0,0,0,0,0,0,-1)"), 20, {}


def xgboost_large():
    yield "leaves-255", dict(grow_policy="lossguide", max_leaves=255, max_depth=0, tree_method="hist", min_child_weight=0), 30, dict(rows=6000, missing=0.1)
    yield "deep", dict(max_depth=14, min_child_weight=0, tree_method="exact"), 15, dict(rows=4000)
    yield "trees-1000", dict(max_depth=5, eta=0.02), 1000, dict(asked=20)
    yield "features-150", dict(max_depth=5, colsample_bytree=0.3), 60, dict(f=150, asked=20, missing=0.1)


def xgboost_random(rng, i):
    f = int(rng.integers(2, 40))
    categorical = tuple(int(c) for c in sorted(set(rng.integers(0, f, int(rng.integers(0, 3)))))) if i % 3 == 0 else ()
    p = dict(max_depth=int(rng.integers(1, 9)), eta=float(rng.choice([0.05, 0.3, 1.0])), tree_method="hist" if categorical else str(rng.choice(["hist", "exact", "approx"])))
    if i % 5 == 2:
        p |= dict(booster="dart", rate_drop=0.3)
    return p, int(rng.choice([1, 5, 30, 90])), dict(f=f, categorical=categorical, missing=float(rng.choice([0, 0, 0.1, 0.5])))


SMALL = dict(rows=600, f=6, asked=16)


def small(folder):
    for i, (kind, p, n, more) in enumerate(lightgbm_kinds()):
        p = {k: v for k, v in p.items() if k != "num_leaves"} | dict(num_leaves=min(p.get("num_leaves", 31), 6))
        if "monotone_constraints" in p:
            continue
        lightgbm_case(folder, f"lightgbm-{kind}", i, p, min(n, 4), **(SMALL | more))
    for i, (kind, p, n, more) in enumerate(xgboost_kinds()):
        if "monotone_constraints" in p:
            continue
        p = p | (dict(max_depth=3) if p.get("max_depth", 1) > 2 else {})
        xgboost_case(folder, f"xgboost-{kind}", i, p, n if "stop" in more else min(n, 4), **(SMALL | more))


def everything(folder):
    for i, (kind, p, n, more) in enumerate([*lightgbm_kinds(), *lightgbm_large()]):
        lightgbm_case(folder, f"lightgbm-{kind}", i, p, n, **more)
    for i, (kind, p, n, more) in enumerate([*xgboost_kinds(), *xgboost_large()]):
        xgboost_case(folder, f"xgboost-{kind}", i, p, n, **more)
    rng = np.random.default_rng(7)
    for i in range(45):
        p, n, more = lightgbm_random(rng, i)
        lightgbm_case(folder, f"lightgbm-random-{i}", 100 + i, p, n, rows=1000, asked=25, **more)
    for i in range(35):
        p, n, more = xgboost_random(rng, i)
        xgboost_case(folder, f"xgboost-random-{i}", 100 + i, p, n, rows=1000, asked=25, **more)


def old(library, folder):
    module = __import__(library)
    for i in range(6):
        name = f"{library}-{module.__version__}-{i}"
        if library == "lightgbm":
            p = dict(num_leaves=[2, 15, 31, 15, 15, 15][i], zero_as_missing=i == 3, sigmoid=[1.0, 1.0, 1.0, 1.0, 1.5, 1.0][i])
            # Before version 3 a category that is missing was not sent right: such rows are not asked for.
            categorical = (2,) if i == 5 else ()
            lightgbm_case(folder, name, i, p, 25, missing=[0, 0, 0.2, 0.2, 0, 0][i], categorical=categorical, old=True)
        else:
            p = dict(max_depth=[1, 3, 5, 5, 4, 4][i], base_score=[0.5, 0.2, 0.5, 0.5, 0.5, 0.9][i]) | (dict(booster="dart", rate_drop=0.4) if i == 4 else {})
            xgboost_case(folder, name, i, p, 25, missing=[0, 0, 0.2, 0.2, 0, 0][i])


if __name__ == "__main__":
    folder = Path(sys.argv[-1])
    folder.mkdir(parents=True, exist_ok=True)
    match sys.argv[1]:
        case "--small":
            small(folder)
        case "--all":
            everything(folder)
        case "--old":
            old(sys.argv[2], folder)
        case _:
            sys.exit(__doc__)
