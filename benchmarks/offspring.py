"""Images per second of offspring that have lost synapses or whole units, beside their ancestor, on one thread.

    python benchmarks/offspring.py [--output FOLDER]

It writes ``offspring-speed.csv`` into --output, by default benchmarks/results, which the book's chapter on evolution reads.
It takes a minute, and MNIST; a lineage that no run of that chapter has kept is trained first, a quarter of a minute each.

Each generation is measured as it is, with zeros in their places, and compacted: idle units are taken out, and it must still
say the same. All networks take turns, RUNS times, and the fastest time of each counts.
"""

import argparse
import time
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from stressbook.chapters.weights.evolution.compaction import compacted
from stressbook.chapters.weights.evolution.lineages import Lineage, load_lineage, make_lineages
from stressbook.chapters.weights.evolution.names import SYNTHESIS, UNITS
from stresslib.files import write_text

WAYS = (f"{SYNTHESIS}/none", f"{UNITS}/none")
BATCHES, RUNS, SECONDS = (1, 256), 7, 0.05


def seconds(network: nn.Module, images: torch.Tensor) -> float:
    """Time of one forward pass, a mean over as many as take a while."""
    count, begun = 0, time.perf_counter()
    while (passed := time.perf_counter() - begun) < SECONDS:
        network(images)
        count += 1
    return passed / count


def check_same(one: nn.Module, other: nn.Module) -> None:
    """End the program unless two networks say the same."""
    images = torch.rand(64, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    if not torch.allclose(one(images), other(images), atol=1e-4):
        raise SystemExit("a compacted network says something else")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = {way: str(Lineage.parse(f"mnist:6000/lenet5/{way}/0")) for way in WAYS}
    make_lineages(names.values())
    networks = {}
    with torch.inference_mode():
        for way, name in names.items():
            for generation, network in enumerate(load_lineage(name)):
                smaller = compacted(network)
                check_same(network, smaller)
                networks[way, "as it is", generation] = network
                networks[way, "compacted", generation] = smaller
        rows = []
        for batch in BATCHES:
            images = torch.rand(batch, 1, 28, 28)
            best = dict.fromkeys(networks, float("inf"))
            for _ in range(RUNS):
                for key, network in networks.items():
                    best[key] = min(best[key], seconds(network, images))
            for (way, form, generation), took in best.items():
                ratio = best[way, "as it is", 0] / took
                rows.append([way, form, generation, batch, batch / took, ratio])
    table = pd.DataFrame(rows, columns=["way", "form", "generation", "batch", "images/s", "ratio"])
    print(table.round(2).to_string(index=False))
    write_text(options.output / "offspring-speed.csv", table.to_csv(index=False, lineterminator="\n", float_format="%.6g"))


if __name__ == "__main__":
    main()
