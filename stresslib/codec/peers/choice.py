"""Which peers there are for a budget of bytes a vector, and with which settings.

Between the peers and the chapter that draws them beside the codec.
"""

from __future__ import annotations

from collections.abc import Iterable

from stresslib.codec.peers.baselines import Binary, Int8, KMeansBins, Projection, Truncation, Zstd
from stresslib.codec.peers.lloyd import LloydBins
from stresslib.codec.peers.lvq import LVQ, RANGE_BYTES
from stresslib.codec.peers.peer import Peer
from stresslib.codec.peers.rotated import LENGTH_BYTES, Eden, RaBitQ, TurboQuant
from stresslib.codec.peers.with_faiss import Faiss

_LARGEST_LEARNT = 256
"""Numbers for which rotations and bins are learnt: beyond, learning takes minutes, and simpler methods are as good."""

_MOST_COMPONENTS = 512
"""Principal components, at most, that a scalar quantizer codes: more than that change nothing, and learning takes longer."""

_FEWEST_COMPONENTS = 8

_BITS = (1, 2, 4, 8)
"""Bits of a number that are tried."""


def peers(width: int, budgets: Iterable[int]) -> list[Peer]:
    """Return all peers that have a setting for one of the budgets.

    Parameters
    ----------
    width : int
        Numbers of a vector.
    budgets : iterable of int
        Bytes a vector, from 8 on.

    Returns
    -------
    list of Peer
        Those of a fixed size, such as a byte a number, are included where the size lies between the smallest budget and
        the largest.

    Examples
    --------
    >>> from stresslib.codec.peers import peers
    >>> [peer.name for peer in peers(1280, [2560]) if peer.family == "faiss-sq"]
    ['faiss-sq: SQfp16']
    """
    budgets = sorted(budgets)
    fixed: list[tuple[int, Peer]] = [
        (2 * width, Faiss("faiss-sq", "SQfp16")),
        (width, Faiss("faiss-sq", "SQ8")),
        (width * 6 // 8, Faiss("faiss-sq", "SQ6")),
        (width // 2, Faiss("faiss-sq", "SQ4")),
        (width, Int8()),
        (width // 8, Binary()),
        (2 * width, Zstd()),
    ]
    found = [peer for size, peer in fixed if budgets[0] <= size <= budgets[-1]]
    for size in budgets:
        bits = 8 * size
        for name, count in (("SQfp16", size // 2), ("SQ8", size), ("SQ6", bits // 6), ("SQ4", 2 * size)):
            if count < width:
                found.append(Faiss("faiss-pca-sq", f"PCA{count},{name}", count))
        if width % size == 0:
            found.append(Faiss("faiss-pq", f"PQ{size}np"))
        if width % (2 * size) == 0:
            found.append(Faiss("faiss-pq", f"PQ{2 * size}x4np"))
        if 4 * size <= min(width, _LARGEST_LEARNT // 2):
            found.append(Faiss("faiss-opq", f"OPQ{size}_{4 * size},PQ{size}np", 4 * size))
        if bits <= min(width, _LARGEST_LEARNT):
            found.append(Faiss("faiss-itq", f"ITQ{bits},LSH", bits))
        if bits < width:
            found.append(Faiss("faiss-lsh", f"LSH{bits}rt"))
        # Eight bytes of each code are two floats.
        if size > 8 and 8 * (size - 8) < width:
            found.append(Faiss("faiss-rabitq", f"PCAR{8 * (size - 8)},RaBitQ", 8 * (size - 8)))
        if 8 * size <= min(width, _LARGEST_LEARNT // 2):
            found.append(Faiss("faiss-rq", f"PCA{8 * size},RQ{size}x8", 8 * size))
        if size // 4 < width:
            found.append(Projection(size // 4, "float32"))
        if size // 2 < width:
            found.append(Projection(size // 2, "float16"))
        if 2 * size <= min(width, _LARGEST_LEARNT):
            found.append(KMeansBins(2 * size))
        if size // 4 < width:
            found.append(Truncation(size // 4))
        found += _on_components(width, size)
    return found


def _on_components(width: int, size: int) -> list[Peer]:
    """Return the peers that code principal components, or all numbers, and something of the vector, in so many bytes."""
    found: list[Peer] = []
    most = min(width - 1, _MOST_COMPONENTS)
    for bits in _BITS:
        count = 8 * (size - LENGTH_BYTES) // bits
        if _FEWEST_COMPONENTS <= count <= most:
            found += [TurboQuant(bits, count), Eden(bits, count), RaBitQ(bits, count)]
    for first, second in ((2, 0), (4, 0), (8, 0), (2, 2), (4, 4)):
        count = 8 * (size - RANGE_BYTES) // (first + second)
        count -= count % 4 if second else 0  # each level is padded to whole bytes
        if _FEWEST_COMPONENTS <= count <= most:
            found.append(LVQ(first, second, count))
    found += [LloydBins(8 * size, count) for count in (8 * size // 3, 8 * size // 2, 8 * size) if count <= most]
    bits = 8 * (size - RANGE_BYTES) // width
    if 1 <= bits <= 8 and -(-width * bits // 8) <= size - RANGE_BYTES:
        found.append(LVQ(bits))
    return found
