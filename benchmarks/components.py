"""Time of a training step of each component, against one of the base network, on one thread.

    python benchmarks/components.py [--output FOLDER]

It writes ``component-steps.csv`` into --output, by default benchmarks/results, which the book's chapter on components reads.
It takes a minute or two of one core, and no data: images are random, and how they are altered is not a part of the step.

All variants take turns, RUNS times, each right after the base network. What counts is the processor's time, which other
programs disturb less than the clock's: the median of the ratios, since whatever slows a variant slows its neighbour, too.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from stressbook.chapters.units.components.names import BASE
from stressbook.chapters.units.components.trainings import COURSES, SMOOTHING
from stressbook.chapters.units.components.variants import RATES, VARIANTS, Variant, fresh
from stresslib.files import write_text
from stresslib.training.fit import fit

RUNS, STEPS = 7, 3


def seconds(variant: str, images: np.ndarray, labels: np.ndarray) -> float:
    """Processor time of one step, a mean over some of one training."""
    what: Variant = VARIANTS[variant]
    module = fresh(variant, "components:8", ([0.5] * 3, [0.25] * 3), 10)
    options = {"criterion": what.criterion(module), "label_smoothing": SMOOTHING if what.loss == "smoothed" else 0.0}
    begun = time.process_time()
    fit(
        module,
        images,
        labels,
        epochs=1,
        batch_size=COURSES["cifar10"].batch_size,
        optimizer=what.descent(RATES[0]),
        device="cpu",
        progress=False,
        **options,
    )
    return (time.process_time() - begun) / STEPS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    random, count = np.random.default_rng(0), STEPS * COURSES["cifar10"].batch_size
    images, labels = random.integers(256, size=(count, 3, 32, 32), dtype=np.uint8), random.integers(10, size=count)
    ratios: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for _ in range(RUNS):
        for variant, found in ratios.items():
            base = seconds(BASE, images, labels)
            found.append(seconds(variant, images, labels) / base)
    rows = [[variant, np.median(found), min(found), max(found)] for variant, found in ratios.items()]
    table = pd.DataFrame(rows, columns=["variant", "ratio", "least", "most"])
    print(table.round(2).to_string(index=False))
    write_text(options.output / "component-steps.csv", table.to_csv(index=False, lineterminator="\n", float_format="%.4g"))


if __name__ == "__main__":
    main()
