"""Time and memory of contextual convolutions beside torch.nn.Conv2d, layer by layer and in whole networks, on one thread.

    python benchmarks/contextual.py [--output FOLDER]

It writes ``contextual-cost.csv`` into --output, by default benchmarks/results, which the book's chapter on context reads. It
takes two minutes, and no data.

The two take turns, RUNS times; the ratio is that of the medians. A step is a forward and a backward pass. Memory is by how
much a process of its own grows in its first step.
"""

import argparse
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch
from torch import nn
from torchvision.models import resnet50

from stresslib.files import write_text
from stresslib.networks import CifarResNet, ContextualConv2d, contextual_resnet
from stresslib.networks.registry import CONTEXT

RUNS = 5

# Name, channels, side, levels and batch: the plain layers have as many channels in as out, and one level.
LAYERS = [
    *(("ResNet-8, width 8", 8 * 2**stage, 32 // 2**stage, levels, 256) for stage, levels in enumerate(CONTEXT)),
    *(("ResNet-50", 64 * 2**stage, 56 // 2**stage, 4 - stage, 16) for stage in range(3)),
]

Pair = tuple[nn.Module, nn.Module]


def layer(channels: int, levels: int) -> Pair:
    plain = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    return plain, ContextualConv2d(channels, channels, levels)


NETWORKS: dict[str, tuple[Callable[[], Pair], int, int]] = {
    "ResNet-8, width 8": (lambda: (CifarResNet(8, 8), CifarResNet(8, 8, levels=CONTEXT)), 32, 256),
    "ResNet-50": (lambda: (resnet50(), contextual_resnet(50, late_norm=False)), 224, 4),
}


def seconds(module: nn.Module, images: torch.Tensor, is_step: bool) -> float:
    """Time of one pass, or of one step."""
    begun = time.perf_counter()
    if is_step:
        module(images).sum().backward()
    else:
        with torch.inference_mode():
            module(images)
    return time.perf_counter() - begun


def growth(module: nn.Module, images: torch.Tensor) -> int:
    """Return by how many kilobytes this process grows in its first step."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    module(images).sum().backward()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


def memory_ratio(pair: Pair, images: torch.Tensor) -> float:
    """Return how many times the memory of the plain one the contextual one takes."""
    grown = []
    for module in pair:
        with multiprocessing.get_context("fork").Pool(1) as pool:
            grown.append(pool.apply(growth, (module, images)))
    return grown[1] / grown[0]


def time_ratio(pair: Pair, images: torch.Tensor, is_step: bool) -> float:
    """Return how many times the time of the plain one the contextual one takes."""
    times: tuple[list[float], list[float]] = ([], [])
    for run in range(RUNS + 1):
        for module, several in zip(pair, times, strict=True):
            took = seconds(module, images, is_step)
            if run:  # the first one makes what the others keep
                several.append(took)
    return statistics.median(times[1]) / statistics.median(times[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    cases: list[tuple[dict[str, int | str], Pair, tuple[int, ...]]] = []
    for what, channels, side, levels, batch in LAYERS:
        at: dict[str, int | str] = {"what": what, "channels": channels, "side": side, "levels": levels, "batch": batch}
        cases.append((at, layer(channels, levels), (batch, channels, side, side)))
    for what, (make, side, batch) in NETWORKS.items():
        cases.append(({"what": what, "side": side, "batch": batch}, make(), (batch, 3, side, side)))
    for _, pair, _ in cases:
        for module in pair:
            module.to(memory_format=torch.channels_last)
    # Memory first: what this process has freed, its children would take without growing.
    memory = [memory_ratio(pair, inputs(shape)) for _, pair, shape in cases]
    rows = []
    for (at, pair, shape), taken in zip(cases, memory, strict=True):
        images = inputs(shape)
        rows.append({**at, "pass": "forward", "ratio": time_ratio(pair, images, is_step=False)})
        rows.append({**at, "pass": "step", "ratio": time_ratio(pair, images, is_step=True), "memory": taken})
    columns = ["what", "channels", "side", "levels", "batch", "pass", "ratio", "memory"]
    table = pd.DataFrame(rows, columns=columns)
    print(table.round(2).to_string(index=False))
    write_text(options.output / "contextual-cost.csv", table.to_csv(index=False, lineterminator="\n", float_format="%.4g"))


def inputs(shape: tuple[int, ...]) -> torch.Tensor:
    """Return images, or maps, that take a gradient as they do within a network."""
    return torch.rand(shape).to(memory_format=torch.channels_last).requires_grad_()


if __name__ == "__main__":
    main()
