"""Accounting: everything that a compressed set costs: codes, what all vectors share, the index, the file.

Above `codec.writing` and `codec.reading`. All is counted on the codes themselves; only the entropy is an estimate.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stresslib.codec.codec import Codec
from stresslib.codec.format import index_entry_bytes
from stresslib.codec.reading import CompressedFeatures
from stresslib.features import FeatureSet
from stresslib.stress.spec import Spec, bits_per_vector, parse_spec

Array = NDArray[Any]


def accounting(
    features: FeatureSet,
    spec: str | Spec,
    *,
    vectors: int | Sequence[int] | None = None,
    packings: Sequence[str] = ("bits", "radix", "xz"),
    path: str | os.PathLike[str] | None = None,
    random_state: int = 0,
) -> pd.DataFrame:
    """Count everything that a stress costs per vector.

    Parameters
    ----------
    features : FeatureSet
        The stress is fitted on its training rows; codes are counted over all rows.
    spec : str
        The stress, as in :func:`stresslib.make_stress`.
    vectors : int or sequence of int, optional
        Number of vectors that share the side information. Default: those of the set.
    packings : sequence of str, default=("bits", "radix", "xz")
        Of ``"bits"``, ``"radix"``, ``"zstd"``, ``"xz"``.
    path : path-like, optional
        A file that `compress` wrote of the set; its size goes to the last column, in the rows of its packing.
    random_state : int, default=0
        Seed of a random selection.

    Returns
    -------
    pandas.DataFrame
        One row for each packing and number of vectors:

        ``spec``, ``packing``, ``vectors``
            The setting of the row.
        ``paper_bits``
            Bits of a vector as the paper counts, :func:`stresslib.bits_per_vector`.
        ``entropy_bits``
            Sum over the dimensions of the empirical zeroth-order entropy of their codes: what a perfect coder needs that
            knows how often each code occurs in each dimension, and nothing else. It cannot exceed the logarithm of the
            number of rows, so it is not given for codes of more than 16 bits.
        ``packed_bits``
            Packed bits of a vector: all blocks and the index, divided by the rows. A block takes 8 bytes of checksum in
            the index, with zstd and xz 4 bytes of length too.
        ``side_bytes``, ``side_bits``
            What all vectors share, in all and per vector.
        ``total_bits``
            ``packed_bits + side_bits``, to be compared with ``32 d``.
        ``pays_from``, ``reduction_pays_from``
            The smallest number of vectors for which the total is below that of float32 vectors without a stress, and below
            that of the same quantizer without the reduction, in the same packing. Missing where it never is; the latter is
            also missing with QA, which has the same bits with and without a reduction.
        ``file_bytes``
            Size of the file, which includes names, labels and provenance. Missing without `path`.

    Examples
    --------
    >>> import stresslib as sl
    >>> f = sl.load_features("scenes15", "efficientnet-lite0")
    >>> table = sl.codec.accounting(f, "DR2:128,Q2:27", packings=["bits"], vectors=[1000, 1000000])
    >>> table[["vectors", "paper_bits", "side_bytes", "pays_from"]].values.tolist()
    [[1000, 640, 656384, 131], [1000000, 640, 656384, 131]]
    """
    parsed = parse_spec(spec)
    width = features.X.shape[1]
    vectors = len(features.X) if vectors is None else vectors
    counts = [int(vectors)] if isinstance(vectors, int | np.integer) else [int(count) for count in vectors]
    codec = Codec.fit(features, parsed, random_state=random_state)
    bare = Spec(quantizer=parsed.quantizer, level=parsed.level)
    # QA has the same bits with a reduction and without.
    other = codec if parsed.reduction is None or parsed.allocated_bits is not None else Codec.fit(features, bare)
    entropy = _entropy(codec.codes(features.X)) if codec.bits <= 16 else np.nan
    rows = []
    for packing in packings:
        packed = _packed_bits(codec, packing, features.X)
        without = packed if other is codec else _packed_bits(other, packing, features.X)
        for count in counts:
            rows.append(
                {
                    "spec": str(parsed),
                    "packing": packing,
                    "vectors": count,
                    "paper_bits": bits_per_vector(parsed, width),
                    "entropy_bits": entropy,
                    "packed_bits": packed,
                    "side_bytes": codec.side_bytes,
                    "side_bits": 8 * codec.side_bytes / count,
                    "total_bits": packed + 8 * codec.side_bytes / count,
                    "pays_from": _break_even(8 * codec.side_bytes, bits_per_vector("none", width) - packed),
                    "reduction_pays_from": _break_even(8 * (codec.side_bytes - other.side_bytes), without - packed),
                    "file_bytes": _size(path, parsed, packing),
                }
            )
    kinds = dict.fromkeys(("pays_from", "reduction_pays_from", "file_bytes"), "Int64")
    return pd.DataFrame(rows).astype(kinds)


def _packed_bits(codec: Codec, packing: str, X: Array) -> float:
    codec = replace(codec, packing=packing)
    sizes = [len(block) + index_entry_bytes(codec) for block in codec.encode_blocks(X)]
    return 8 * sum(sizes) / len(X)


def _entropy(codes: Array) -> float:
    total = 0.0
    for column in np.ascontiguousarray(codes.T):
        shares = np.bincount(column) / len(column)
        shares = shares[shares > 0]
        total -= float((shares * np.log2(shares)).sum())
    return total


def _break_even(invested: int, saved: float) -> int | None:
    """Return the smallest number of vectors which, saving `saved` bits each, save more than was invested."""
    return max(1, int(invested // saved) + 1) if saved > 0 else None


def _size(path: str | os.PathLike[str] | None, spec: Spec, packing: str) -> int | None:
    if path is None:
        return None
    codec = CompressedFeatures(path).codec
    return Path(path).stat().st_size if (codec.spec, codec.packing) == (spec, packing) else None
