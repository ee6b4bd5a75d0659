"""Images per second, forward and backward, of the one fit, beside a plain PyTorch loop with a DataLoader on the same cores.

    python benchmarks/training.py [--images 4096] [--epochs 2] [--workers 2] [--threads N]

The network is the CIFAR ResNet of 8 layers and width 16, on made-up images with the shapes of CIFAR-10, shifted and
mirrored. The plain loop is what a tutorial has: torchvision's transforms one image at a time, processes that load, float32.
Without augmentation and in float32, both must have the same losses, to 1e-4 of them.
"""

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from stresslib.extraction.graph import best_precision
from stresslib.networks import CifarResNet, Standardized
from stresslib.training.augmentation import ShiftAndFlip
from stresslib.training.fit import cosine, fit

BATCH = 128
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2, help="processes of the DataLoader")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, options.images)
    images = (random.integers(0, 200, (options.images, 3, 32, 32)) + 5 * labels[:, None, None, None]).astype(np.uint8)

    few = slice(0, 512)
    ours = fit(Standardized(network(), MEAN, STD), images[few], labels[few], epochs=2, device="cpu", progress=False)
    peer = network()
    torch.manual_seed(0)
    theirs = plain(peer, Pictures(images[few], labels[few], augmented=False), 2, 0, SameOrder(512))
    difference = max(abs(one["loss"] - other) / other for one, other in zip(ours, theirs, strict=True))
    print(f"losses differ by {difference:.1e} of themselves")
    if difference > 1e-4:
        raise SystemExit("the fit and the plain loop do not train alike")

    def measured(train: Callable[[], object]) -> float:
        begun = time.perf_counter()
        train()
        return options.images * options.epochs / (time.perf_counter() - begun)

    pictures = Pictures(images, labels, augmented=True)
    speeds = {}
    for workers in sorted({0, options.workers}):
        name = f"plain loop, float32, {workers} loading"
        speeds[name] = measured(lambda workers=workers: plain(network(), pictures, options.epochs, workers))
    best = best_precision(torch.device("cpu"))
    for precision in dict.fromkeys(("float32", best)):
        settings = {"epochs": options.epochs, "precision": precision, "device": "cpu", "progress": False}
        ours = Standardized(network(), MEAN, STD)
        speeds[f"fit, {precision}"] = measured(
            lambda ours=ours, settings=settings: fit(ours, images, labels, batch_hook=shifted, **settings)
        )
    fastest = max(speed for name, speed in speeds.items() if name.startswith("plain"))
    for name, speed in speeds.items():
        print(f"{name:32s} {speed:7.0f} images/s   x{speed / fastest:.2f}")


if __name__ == "__main__":
    main()
