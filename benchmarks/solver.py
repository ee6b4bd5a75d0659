"""Seconds for a linear SVM of each class, beside LIBLINEAR: one setting, then the grids of Figures 2 and 5.

    python benchmarks/solver.py [--peer-settings 20] [--output build/bench]

5,011 training vectors of 4,096 numbers and 20 classes, the sizes of VOC 2007: five layers that are shipped, side by side,
of Caltech-101, whose 20 largest classes are 20 problems. Both sides minimise the same objective to a relative duality gap
of 1e-3: ours stops there, the peer runs at the loosest of its tolerances that gets there, dual or primal, whichever is
faster. Peers have every core: scikit-learn's LinearSVC one class or one setting a core.
"""

import argparse
import os
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

import stresslib as sl
from stresslib.figures import figure_2, figure_5

LAYERS = {
    "efficientnet-lite0": ["pooled", "stage5@2", "stage3@3"],
    "efficientnet-lite2": ["pooled"],
    "bvlc-googlenet": ["pooled"],
}
GAP = 1e-3


def features() -> sl.FeatureSet:
    """5,011 training and 3,666 test rows of 4,096 numbers, each of unit norm, and 20 problems."""
    sets = [sl.load_features("caltech101", model, layer) for model, layers in LAYERS.items() for layer in layers]
    X = np.hstack([one.X for one in sets])[:, :4096]
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    largest = np.argsort(-np.bincount(sets[0].y), kind="stable")[:20]
    train = np.zeros(len(X), dtype=bool)
    train[np.random.default_rng(0).permutation(len(X))[:5011]] = True
    y = np.where(sets[0].y[:, None] == largest, 1, -1)
    return sl.FeatureSet(X, y, train, provenance={"dataset": "bench", "model": "several", "layer": "several"})


class Peer(ClassifierMixin, BaseEstimator):
    """LinearSVC for each column of `y`, with the gap of what it found."""

    def __init__(self, dual: bool = True, tol: float = 1e-2, n_jobs: int = 1) -> None:
        self.dual, self.tol, self.n_jobs = dual, tol, n_jobs

    def fit(self, X: Any, y: Any) -> "Peer":
        rows = np.ascontiguousarray(X, dtype=np.float64)
        solver = LinearSVC(fit_intercept=False, dual=self.dual, tol=self.tol, random_state=0, max_iter=10_000)
        fit = joblib.delayed(lambda column: solver.__class__(**solver.get_params()).fit(rows, column).coef_[0])
        self.coef_ = np.array(joblib.Parallel(self.n_jobs, prefer="threads")(fit(column) for column in y.T))
        self.classes_ = np.arange(y.shape[1])
        return self

    def decision_function(self, X: Any) -> Any:
        return X @ self.coef_.T


def gap(X: Any, y: Any, weights: Any) -> float:
    """The largest relative duality gap of some weights, by the rule of stresslib."""
    slack = np.maximum(0, 1 - y * (X @ weights.T))
    losses, linear = (slack**2).sum(axis=0), 2 * slack.sum(axis=0)
    primal = (weights**2).sum(axis=1) / 2 + losses
    quadratic = (((2 * slack * y).T @ X) ** 2).sum(axis=1) + 2 * losses
    return float(((primal - linear**2 / quadratic / 2) / primal).max())


def timed(run: Any) -> tuple[Any, float]:
    begun = time.perf_counter()
    result = run()
    return result, time.perf_counter() - begun


def one_setting(f: sl.FeatureSet) -> tuple[pd.DataFrame, Peer]:
    """Ours and every peer on the full vectors; the peer for the grids is the fastest that reaches the gap."""
    X, y, test = f.X[f.train], f.y[f.train], f.X[f.test]
    exact = X.astype(np.float64)
    sl.LinearSVM().fit(X[:, :8], y)  # imports torch
    rows = []
    for tol in (GAP, 1e-4, 1e-6):
        ours, seconds = timed(lambda tol=tol: sl.LinearSVM(tol=tol).fit(X, y))
        rows.append({"solver": f"stresslib, tol={tol:g}", "seconds": seconds, "gap": ours.objective_gap_.max()})
    best: tuple[float, Peer] = (np.inf, Peer())
    for dual in (True, False):
        for tol in (1.0, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4):
            peer = Peer(dual, tol, n_jobs=os.cpu_count() or 1)
            peer, seconds = timed(lambda peer=peer: peer.fit(X, y))
            reached = gap(exact, y, peer.coef_)
            way = "dual" if dual else "primal"
            rows.append({"solver": f"LinearSVC, {way}, tol={tol:g}", "seconds": seconds, "gap": reached})
            if reached <= GAP:
                if seconds < best[0]:
                    best = (seconds, Peer(dual, tol))
                break
    logistic = joblib.delayed(lambda column: LogisticRegression(fit_intercept=False).fit(X, column))
    _, seconds = timed(lambda: joblib.Parallel(-1, prefer="threads")(logistic(column) for column in y.T))
    rows.append({"solver": "LogisticRegression (another objective)", "seconds": seconds})
    table = pd.DataFrame(rows).assign(ratio=lambda one: one["seconds"] / one["seconds"].iloc[0])
    scores = np.mean(sl.average_precision(f.y[f.test], sl.LinearSVM(tol=GAP).fit(X, y).decision_function(test)))
    print(f"mAP {100 * scores:.2f}%")
    return table, best[1]


def grids(f: sl.FeatureSet, peer: Peer, peer_settings: int) -> pd.DataFrame:
    """Seconds a setting of both grids: ours on all of it, the peer on settings spread evenly over it."""
    rows = []
    width, training = f.X.shape[1], int(f.train.sum())
    random = [spec for spec in figure_2.specs(width, n_train=training) if spec.startswith("DR1")]
    both = [spec for spec in figure_5.specs(width, n_train=training) if spec != "none"]
    for name, specs, repeats in (("DR-1, Figure 2", random, 10), ("FC, Figure 5", both, 1)):
        ours, seconds = timed(lambda s=specs, r=repeats: sl.sweep(f, s, sl.LinearSVM(tol=GAP), repeats=r, progress=False))
        some = specs[:: max(1, len(specs) // peer_settings)]
        theirs, peer_seconds = timed(lambda s=some: sl.sweep(f, s, peer, progress=False))
        key = ["stress", "dimensions", "values"]
        both_scores = theirs.merge(ours[ours["repeat"].fillna(0) == 0], on=key, suffixes=("_peer", ""))
        rows.append(
            {
                "grid": name,
                "settings": len(ours),
                "seconds": seconds,
                "seconds a setting": seconds / len(ours),
                "peer's settings": len(theirs),
                "peer's seconds a setting": peer_seconds / len(theirs),
                "ratio": (peer_seconds / len(theirs)) / (seconds / len(ours)),
                "largest gap": ours["objective_gap"].max(),
                "largest difference of mAP": (both_scores["score"] - both_scores["score_peer"]).abs().max(),
            }
        )
        print(pd.DataFrame(rows[-1:]).T.to_string(header=False), flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-settings", type=int, default=20, help="settings of each grid that the peer runs")
    parser.add_argument("--output", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    f = features()
    print(f)
    setting, peer = one_setting(f)
    print(setting.to_string(index=False), f"\npeer of the grids: LinearSVC, dual={peer.dual}, tol={peer.tol:g}", flush=True)
    setting.to_csv(options.output / "solver-setting.csv", index=False)
    grids(f, peer, options.peer_settings).to_csv(options.output / "solver-grids.csv", index=False)


if __name__ == "__main__":
    main()
