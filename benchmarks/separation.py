"""Speed and memory of the separation index, beside scikit-learn, faiss and a plain torch.cdist in the same run.

    python benchmarks/separation.py [speed] [memory] [choice] [--rows 10000]

Each part writes ``separation-PART.csv`` into --output, by default benchmarks/results; the book's chapter on the index reads
that of the choice.

All peers find one neighbour, or five, and compare labels; none of them says who else is as far, which ours does. Each runs
in a process of its own, with every core: seconds are those of the call, memory is by how much the process grows in it.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import stresslib as sl
from stressbook.chapters.rerun.figure_5 import measure
from stresslib.files import write_text
from stresslib.running.separation_sweep import sweep_separation

VALUES = (2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 27, 30)
SIZES = (5_000, 10_000, 20_000, 50_000)
NARROW = 128


def ours(X: Any, y: Any, order: int) -> float:
    return float(sl.separation_index(X, y, order))


def scikit_learn(X: Any, y: Any, order: int) -> float:
    from sklearn.neighbors import KNeighborsClassifier

    near = KNeighborsClassifier(order, algorithm="brute").fit(X, y).kneighbors(return_distance=False)
    return float((y[near] == y[:, None]).all(axis=1).mean())


def faiss(X: Any, y: Any, order: int) -> float:
    from faiss import IndexFlatL2

    index = IndexFlatL2(X.shape[1])
    index.add(X)
    near = index.search(X, order + 1)[1]
    # A row finds itself first, but for copies.
    others = np.array([row[row != number][:order] for number, row in enumerate(near)])
    return float((y[others] == y[:, None]).all(axis=1).mean())


def torch_cdist(X: Any, y: Any, order: int) -> float:
    import torch

    distances = torch.cdist(torch.from_numpy(X), torch.from_numpy(X)).fill_diagonal_(torch.inf)
    near = distances.topk(order, largest=False).indices.numpy()
    return float((y[near] == y[:, None]).all(axis=1).mean())


WAYS: dict[str, Callable[[Any, Any, int], float]] = {
    "ours": ours,
    "scikit-learn": scikit_learn,
    "faiss": faiss,
    "torch.cdist": torch_cdist,
}


def vectors(rows: int, width: int) -> tuple[Any, Any]:
    """Rectified draws of 100 classes, float32 as features are."""
    generator = np.random.default_rng(0)
    y = np.arange(rows) % 100
    middles = generator.normal(size=(100, width), scale=0.35).astype(np.float32)
    return np.maximum(generator.standard_normal((rows, width), dtype=np.float32) + middles[y], 0), y


def once(name: str, rows: int, width: int, order: int) -> dict[str, Any]:
    """Seconds, megabytes and index of one way, after a small call that imports what it needs."""
    X, y = vectors(rows, width)
    WAYS[name](X[:500].copy(), y[:500], order)
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    index = WAYS[name](X, y, order)
    seconds = time.perf_counter() - begun
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
    return {"way": name, "rows": rows, "width": width, "order": order, "seconds": seconds, "MB": grown, "index": 100 * index}


def apart(*arguments: Any) -> dict[str, Any]:
    command = [sys.executable, __file__, "once", *map(str, arguments)]
    result: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    print(
        " ".join(f"{key}={value:.4g}" if isinstance(value, float) else f"{value}" for key, value in result.items()),
        flush=True,
    )
    return result


def speed(options: Any) -> pd.DataFrame:
    """Best seconds of three runs, in turn, on vectors as wide as the features."""
    runs = [apart(name, options.rows, 1280, order) for _ in range(3) for order in (1, 5) for name in WAYS]
    table = pd.DataFrame(runs)
    best = table.groupby(["order", "way"])["seconds"].idxmin()
    table = table.loc[[best[order, name] for order in (1, 5) for name in WAYS]]
    if table.groupby("order")["index"].agg(np.ptp).max() > 0.05:
        raise SystemExit(f"the ways do not agree:\n{table}")
    return table


def memory(options: Any) -> pd.DataFrame:
    """Growth with the number of rows; the torch.cdist of all at once is left out where its matrix is beyond 2 GB."""
    return pd.DataFrame(
        apart(name, rows, NARROW, 1) for rows in SIZES for name in WAYS if name != "torch.cdist" or 4 * rows**2 < 2e9
    )


def choice(options: Any) -> pd.DataFrame:
    """Seconds to measure all stresses of the chapter by the index, and by the classifier on validation rows."""
    rows = []
    for name in ("caltech101", "scenes15", "digits"):
        features = sl.load_features(name, "efficientnet-lite0")
        part = features.validation()
        specs = measure.specs(features.X.shape[1], values=VALUES, n_train=int(part.train.sum()))
        ways: dict[str, Callable[[], Any]] = {
            "index_seconds": lambda f=features, s=specs: sweep_separation(f, s, indices=["SI"]),
            "validation_seconds": lambda p=part, s=specs: sl.sweep(p, s, progress=False),
        }
        row: dict[str, Any] = {"features": name, "settings": len(specs)}
        sweep_separation(features, specs[:4], indices=["SI"])  # starts the processes
        for way, call in ways.items():
            begun = time.perf_counter()
            call()
            row[way] = time.perf_counter() - begun
        print(row, flush=True)
        rows.append(row)
    return pd.DataFrame(rows)


PARTS = {"speed": speed, "memory": memory, "choice": choice}


def main() -> None:
    if sys.argv[1:2] == ["once"]:
        print(json.dumps(once(sys.argv[2], *map(int, sys.argv[3:]))))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="default: all")
    parser.add_argument("--rows", type=int, default=10_000, help="rows of the comparison of speed")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    for name in options.parts or PARTS:
        table = PARTS[name](options)
        print(table.round(3).to_string(index=False), flush=True)
        write_text(
            options.output / f"separation-{name}.csv", table.to_csv(index=False, lineterminator="\n", float_format="%.6g")
        )


if __name__ == "__main__":
    main()
