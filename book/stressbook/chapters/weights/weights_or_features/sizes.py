"""Sizes: what a network takes as a file, pruned or rounded, and what one of its vectors takes under a stress.

Below `measure`. Sizes are counted by a stated rule, not read off a file, so that nobody's packing is judged by the way.
"""

from __future__ import annotations

import math

from torch import nn

from stresslib.codec.codec import Codec, default_block_rows
from stresslib.stress.on_weights.weights import weights_of
from stresslib.stress.spec import bits_per_vector, parse_spec

FLOAT = 32
"""Bits of a number that nothing was done to."""


def model_bytes(module: nn.Module, bits: int | None = None) -> int:
    """Return the bytes of a network: its weights as they are stored, and everything else in single precision.

    Parameters
    ----------
    module : torch.nn.Module
        Pruned or rounded already.
    bits : int, optional
        Of a rounded weight; None: single precision.

    Returns
    -------
    int

    Notes
    -----
    Of a tensor of weights, either all are stored, or one bit for each, which says whether it is zero, and those that are
    not: whichever takes less. A rounded one has a step for each output channel. Biases, normalisation and its running
    statistics stay as they are. What layers share is stored once.

    Examples
    --------
    >>> import torch
    >>> from stressbook.chapters.weights.weights_or_features.sizes import model_bytes
    >>> layer = torch.nn.Linear(4, 2)
    >>> layer.weight.data = torch.tensor([[0.0, 3.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0]])
    >>> model_bytes(layer), model_bytes(layer, bits=4)  # 2 biases, and 8 + 2 * 32 bits; 8 + 2 * 4 bits and two steps
    (17, 18)
    """
    of_weights, counted = 0, set()
    for parameter, axis in weights_of(module).values():
        nonzero, count = int(parameter.count_nonzero()), parameter.numel()
        each = FLOAT if bits is None else bits
        of_weights += min(count * each, count + nonzero * each)
        of_weights += 0 if bits is None else FLOAT * parameter.shape[axis]
        counted.add(id(parameter))
    others = [one for one in (*module.parameters(), *module.buffers()) if id(one) not in counted and one.is_floating_point()]
    return math.ceil((of_weights + FLOAT * sum(one.numel() for one in others)) / 8)


def vector_bytes(spec: str, n_features: int) -> int:
    """Return the bytes of one vector under a stress, a whole number of them.

    Examples
    --------
    >>> from stressbook.chapters.weights.weights_or_features.sizes import vector_bytes
    >>> vector_bytes("none", 64), vector_bytes("DR2:8,Q2:4", 64), vector_bytes("Q2:2", 12)
    (256, 2, 2)
    """
    if spec == "none":
        return n_features * FLOAT // 8
    return math.ceil(bits_per_vector(spec, n_features) / 8)


def side_bytes(spec: str, n_features: int) -> int:
    """Return the bytes of what all vectors of a stress share: axes, and the ranges of dictionaries.

    Examples
    --------
    >>> from stressbook.chapters.weights.weights_or_features.sizes import side_bytes
    >>> side_bytes("none", 64), side_bytes("Q2:4", 64), side_bytes("DR2:8,Q2:4", 64)
    (0, 512, 2112)
    """
    parsed = parse_spec(spec)
    return Codec(parsed, n_features, "bits", default_block_rows(parsed.dimensions or n_features)).side_bytes
