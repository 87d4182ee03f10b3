"""Trains 200 trees of 31 leaves over 60 features like velocity's, with missing values and a categorical one, and compiles them with tl2cgen."""
import sys
from pathlib import Path

import lightgbm as lgb
import numpy as np

folder, missing = Path(sys.argv[1]), len(sys.argv) > 2
rng = np.random.default_rng(1)
n, f = 60_000, 60
latent = rng.gamma(2, 1, n)
x = np.zeros((n, f))
for i in range(f):
    x[:, i] = [
        lambda: rng.poisson(latent * (1 + i / 10)), lambda: np.round(np.exp(rng.normal(3, 1.2, n)) * latent, 2),
        lambda: np.minimum(rng.poisson(latent * (1 + i / 20)), 20), lambda: np.round(np.exp(rng.normal(3, 1, n)), 2), lambda: rng.normal(0, 1, n),
    ][i % 5]()
x = x.astype(np.float32).astype(np.float64)
z = 0.4 * np.log1p(x[:, 1]) + 0.1 * x[:, 0] - 0.2 * np.log1p(x[:, 6]) + 0.5 * (x[:, 4] > 1) * (x[:, 5] > 3) + 0.3 * np.sin(x[:, 9])
z += sum(0.05 * x[:, i] * (i % 7 - 3) / (1 + np.abs(x[:, (i * 7) % 60])) for i in range(0, 60, 2)) - 3
y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(int)
if missing:
    x[:, 12] = rng.integers(0, 12, n)
    y = np.where((x[:, 12] % 4 == 0) & (rng.random(n) < 0.3), 1 - y, y)
    x[:, ::3][rng.random(x[:, ::3].shape) < 0.1] = np.nan
p = dict(objective="binary", num_leaves=31, learning_rate=0.05, verbose=-1, num_threads=2, seed=1, feature_fraction=0.7)
booster = lgb.train(p, lgb.Dataset(x, y, categorical_feature=[12] if missing else "auto"), 200)
booster.save_model(folder / "model.txt")
np.ascontiguousarray(x[rng.permutation(n)[:20_000]]).tofile(folder / "rows.bin")
try:
    import tl2cgen
    import treelite

    tl2cgen.export_lib(treelite.frontend.load_lightgbm_model(folder / "model.txt"), toolchain="gcc", libpath=folder / "compiled.so", params={"parallel_comp": 8})
except Exception as error:  # a peer that cannot be had is said, and the rest measured
    print("skipped: tl2cgen:", str(error).splitlines()[0])
