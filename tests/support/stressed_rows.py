"""What the tests of the codec compare with: rows under the plain stress, bit for bit."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np

import stresslib as sl
from stresslib.codec import PACKINGS
from stresslib.evaluation.threads import one_thread

try:
    import zstandard  # noqa: F401

    AT_HAND: tuple[str, ...] = PACKINGS
except ModuleNotFoundError:
    AT_HAND = tuple(packing for packing in PACKINGS if packing != "zstd")


def transformed(spec: str, train: np.ndarray, X: np.ndarray, seed: int = 0) -> np.ndarray:
    """What the Pipeline makes of the rows, products on one thread as the codec and the protocol compute them."""
    with one_thread() if "DR2" in spec else nullcontext():
        out: np.ndarray = sl.make_stress(spec, random_state=seed).fit(train).transform(X)
    return out


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
