"""Images per second, forward and backward, of the one fit, beside a plain PyTorch loop with a DataLoader on the same cores.

    python benchmarks/training.py [speed] [shares] [--images 2048] [--threads N]

Each part writes ``training-PART.csv`` into --output, by default benchmarks/results, which the book's page on performance
reads. Speed takes a minute and a half on two cores, shares a quarter of one.

The network is the CIFAR ResNet of 8 layers and width 16, on made-up images with the shapes of CIFAR-10, shifted and
mirrored. The plain loop is what a tutorial has: torchvision's transforms one image at a time, processes that load, float32.
Each way runs in processes of its own, in turn, and its fastest run counts. Without augmentation and in float32, both loops
must have the same losses, to 1e-4 of them.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from stresslib.extraction.graph import best_precision
from stresslib.files import write_text
from stresslib.networks import CifarResNet, Standardized
from stresslib.training.allocator import keep_memory
from stresslib.training.augmentation import ShiftAndFlip
from stresslib.training.fit import cosine, fit

BATCH = 128
EPOCHS, RUNS = 2, 2
SHIFT = ShiftAndFlip()
MEAN, STD = [0.49, 0.48, 0.45], [0.25, 0.24, 0.26]


class Pictures(Dataset):
    """One image at a time, as torchvision's data sets give them."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, augmented: bool) -> None:
        self.images, self.labels = images.transpose(0, 2, 3, 1).copy(), labels
        changes = [v2.RandomCrop(32, padding=4), v2.RandomHorizontalFlip()] if augmented else []
        steps = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
        self.transform = v2.Compose([v2.ToPILImage(), *changes, *steps])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.images[row]), int(self.labels[row])


def plain(network: nn.Module, pictures: Dataset, epochs: int, workers: int, order: Callable | None = None) -> list[float]:
    """Train as a short script would; return the mean loss of each epoch."""
    steps = -(-len(pictures) // BATCH)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: cosine((step + 0.5) / (epochs * steps)))
    loading = {"num_workers": workers, "persistent_workers": workers > 0}
    # A generator of its own: else the loader draws a number for its processes between the orders.
    alike = {"batch_sampler": order, "generator": torch.Generator()}
    loading |= {"batch_size": BATCH, "shuffle": True} if order is None else alike
    loader = DataLoader(pictures, **loading)
    network.train()
    losses = []
    for _ in range(epochs):
        total = 0.0
        for x, y in loader:
            loss = functional.cross_entropy(network(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(y)
        losses.append(total / len(pictures))
    return losses


class SameOrder:
    """The batches that fit draws."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[list[int]]:
        for rows in torch.randperm(self.count).split(BATCH):
            yield rows.tolist()

    def __len__(self) -> int:
        return -(-self.count // BATCH)


def shifted(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return SHIFT(x), y


def network() -> CifarResNet:
    torch.manual_seed(0)
    return CifarResNet(8, 16)


def made_up(count: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, count)
    return (random.integers(0, 200, (count, 3, 32, 32)) + 5 * labels[:, None, None, None]).astype(np.uint8), labels


def fitted(images: np.ndarray, labels: np.ndarray, precision: str, epochs: int = EPOCHS) -> None:
    settings = {"epochs": epochs, "precision": precision, "device": "cpu", "progress": False}
    fit(Standardized(network(), MEAN, STD), images, labels, batch_hook=shifted, **settings)


def looped(images: np.ndarray, labels: np.ndarray, workers: int, epochs: int = EPOCHS) -> None:
    plain(network(), Pictures(images, labels, augmented=True), epochs, workers)


WAYS: dict[str, Callable[..., None]] = {
    "plain loop, 0 processes load": partial(looped, workers=0),
    "plain loop, 2 processes load": partial(looped, workers=2),
    "fit": partial(fitted, precision="float32"),
    "fit, memory kept": partial(fitted, precision="float32"),
    "fit, memory kept, bfloat16": partial(fitted, precision="bfloat16"),
}
"""Memory is kept as ``stresslib train`` does; bfloat16 is measured only where it is the faster one."""


def once(way: str, images: int, threads: int) -> dict[str, float]:
    """Images a second of one way, after a small run that imports what it needs."""
    torch.set_num_threads(threads)
    if "memory kept" in way and not keep_memory():
        raise SystemExit("memory cannot be kept here: the C library is not glibc")
    pixels, labels = made_up(images)
    WAYS[way](pixels[: 2 * BATCH], labels[: 2 * BATCH], epochs=1)
    begun = time.perf_counter()
    WAYS[way](pixels, labels)
    return {"images/s": images * EPOCHS / (time.perf_counter() - begun)}


def check_losses() -> None:
    """End the program unless fit trains as the plain loop does."""
    images, labels = made_up(512)
    ours = fit(Standardized(network(), MEAN, STD), images, labels, epochs=2, device="cpu", progress=False)
    peer = network()
    torch.manual_seed(0)
    theirs = plain(peer, Pictures(images, labels, augmented=False), 2, 0, SameOrder(512))
    difference = max(abs(one["loss"] - other) / other for one, other in zip(ours, theirs, strict=True))
    print(f"losses differ by {difference:.1e} of themselves", flush=True)
    if difference > 1e-4:
        raise SystemExit("the fit and the plain loop do not train alike")


def speed(options: Any) -> pd.DataFrame:
    """Images a second of each way, and how many times those of the faster plain loop."""
    check_losses()
    # A setting of the allocator from outside would make the ways alike.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    best = dict.fromkeys(WAYS, 0.0)
    if best_precision(torch.device("cpu")) == "float32":
        del best["fit, memory kept, bfloat16"]
    for _ in range(RUNS):
        for way in best:
            command = [sys.executable, __file__, "once", way, str(options.images), str(options.threads)]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            images = json.loads(done.stdout)["images/s"]
            print(f"{way:30s} {images:7.0f} images/s", flush=True)
            best[way] = max(best[way], images)
    table = pd.DataFrame({"way": list(best), "threads": options.threads, "images/s": list(best.values())})
    table["ratio"] = table["images/s"] / table.loc[table["way"].str.startswith("plain"), "images/s"].max()
    return table


KINDS = {"convolution": "convolution", "batch_norm": "batch normalisation", "relu": "rectifier", "threshold": "rectifier"}
"""What an operation of PyTorch is counted as, by a part of its name."""


def shares(options: Any) -> pd.DataFrame:
    """Seconds of fit by kind of operation, memory kept, on one thread and on all, and how many times faster all are."""
    keep_memory()
    images, labels = made_up(1024)
    columns = {}
    for threads in (1, options.threads):
        torch.set_num_threads(threads)
        fitted(images[: 2 * BATCH], labels[: 2 * BATCH], "float32", epochs=1)
        with profile(activities=[ProfilerActivity.CPU]) as profiled:
            fitted(images, labels, "float32", epochs=1)
        seconds: dict[str, float] = {}
        for event in profiled.key_averages():
            kind = next((kind for part, kind in KINDS.items() if part in event.key), "all else")
            seconds[kind] = seconds.get(kind, 0.0) + event.self_cpu_time_total / 1e6
        columns[threads] = seconds
    one, all_ = columns[1], columns[options.threads]
    table = pd.DataFrame({"operation": list(one), "1 thread, s": list(one.values())})
    table["threads"] = options.threads
    table["threads, s"] = table["operation"].map(all_)
    table["share"] = table["threads, s"] / table["threads, s"].sum()
    table["speed-up"] = table["1 thread, s"] / table["threads, s"]
    return table.sort_values("share", ascending=False)


PARTS = {"speed": speed, "shares": shares}


def main() -> None:
    if sys.argv[1:2] == ["once"]:
        print(json.dumps(once(sys.argv[2], *map(int, sys.argv[3:]))))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="default: all")
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    for name in options.parts or PARTS:
        table = PARTS[name](options)
        print(table.round(3).to_string(index=False), flush=True)
        write_text(
            options.output / f"training-{name}.csv", table.to_csv(index=False, lineterminator="\n", float_format="%.6g")
        )


if __name__ == "__main__":
    main()
