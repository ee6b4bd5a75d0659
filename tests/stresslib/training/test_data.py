"""Data: the arrays, parts of them, files in other people's formats, and bad input."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from places import ROOT
from safetensors.numpy import save_file
from sklearn.datasets import load_digits

from stresslib.training.data import load_arrays


def write_mnist(folder: Path, packed: bool) -> dict[str, np.ndarray]:
    """Write four small files as MNIST has them."""
    random, written = np.random.default_rng(0), {}
    for part, count in (("train", 30), ("t10k", 10)):
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            content = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}i", *array.shape) + array.tobytes()
            (folder / f"{name}.gz").write_bytes(gzip.compress(content)) if packed else (folder / name).write_bytes(content)
            written[name] = array
    return written


def test_digits_are_scikit_learn_s() -> None:
    digits, bunch = load_arrays("digits"), load_digits()
    both = np.concatenate([digits.train_images, digits.test_images])
    assert np.array_equal(both[:, 0, ::2, ::2], bunch.images / 16) and np.array_equal(
        both[:, 0, 1::2, ::2], bunch.images / 16
    )
    assert np.array_equal(np.concatenate([digits.train_labels, digits.test_labels]), bunch.target)
    mean, std = digits.statistics()
    assert mean == pytest.approx([digits.train_images.mean()]) and std == pytest.approx([digits.train_images.std()])


@pytest.mark.parametrize("packed", [True, False])
def test_mnist_is_read_from_a_folder(tmp_path: Path, packed: bool) -> None:
    written = write_mnist(tmp_path, packed)
    mnist = load_arrays("mnist", folder=tmp_path)
    assert mnist.train_images.shape == (30, 1, 28, 28) and mnist.train_images.dtype == np.uint8
    assert np.array_equal(mnist.train_images[:, 0], written["train-images-idx3-ubyte"])
    assert np.array_equal(mnist.test_labels, written["t10k-labels-idx1-ubyte"])


def test_mnist_itself() -> None:
    folder = ROOT.parent / "shared" / "data" / "mnist"
    if not folder.exists():
        pytest.skip(f"{folder} is not here")
    mnist = load_arrays("mnist:1000", folder=folder)
    assert mnist.train_images.shape == (1000, 1, 28, 28) and mnist.test_images.shape == (10000, 1, 28, 28)
    assert mnist.statistics()[0] == pytest.approx([0.13], abs=0.005)


def test_cifar10_is_read_from_one_file(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    labels = (np.arange(20) % 10).astype(np.uint8)
    tensors = {"train_images": images, "train_labels": labels, "test_images": images[:10], "test_labels": labels[:10]}
    save_file(tensors, tmp_path / "cifar10.safetensors")
    cifar = load_arrays("cifar10:10", folder=tmp_path)
    assert cifar.name == "cifar10:10" and cifar.train_images.shape == (10, 3, 32, 32) and cifar.flip
    assert np.array_equal(load_arrays("cifar10", folder=tmp_path).train_images[3], images[3].transpose(2, 0, 1))
    (tmp_path / "cifar10.safetensors").write_bytes(b"damaged")
    with pytest.raises(OSError, match=r"cifar10\.safetensors is damaged"):
        load_arrays("cifar10", folder=tmp_path)


def test_parts_are_balanced_nested_and_seeded() -> None:
    digits = load_arrays("digits")
    small, large, other = digits.subset(50, seed=1), digits.subset(100, seed=1), digits.subset(50, seed=2)
    assert np.bincount(small.train_labels).tolist() == [5] * 10
    rows = [{image.tobytes() for image in part.train_images} for part in (small, large, other)]
    assert rows[0] < rows[1] and rows[0] != rows[2]
    assert small.test_images is digits.test_images
    assert np.array_equal(load_arrays("digits:50", seed=1).train_images, small.train_images)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("imagenet", "no data set 'imagenet' for training; there are digits, mnist, cifar10"),
        ("digits:", "behind the colon is the number of training images"),
        ("digits:1e3", "behind the colon"),
        ("digits:55", "55 training images of digits cannot be drawn: a multiple of 10 is needed, from 10 to 980"),
        ("digits:0", "0 training images"),
        ("digits:1000", "from 10 to 980"),
    ],
)
def test_data_that_are_none_are_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_arrays(name)


def test_absent_and_damaged_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="has no train-images-idx3-ubyte"):
        load_arrays("mnist", folder=tmp_path)
    with pytest.raises(OSError, match="name another folder"):
        load_arrays("cifar10", folder=tmp_path)
    write_mnist(tmp_path, packed=True)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    for content in (whole[:-9], b"", gzip.compress(b"\0\0\x08\x03short")):
        path.write_bytes(content)
        with pytest.raises(OSError, match=r"train-images-idx3-ubyte\.gz is damaged"):
            load_arrays("mnist", folder=tmp_path)
