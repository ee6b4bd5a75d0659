"""Stress strings: ``"DR2:409,Q2:27"`` says a whole stress. Parsed here, made into a Pipeline, counted in bits.

The canonical form of a string is part of every cache key and every results table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sklearn.pipeline import Pipeline

from stresslib.stress.on_features.quantization import MOST_BITS, AllocatedQuantizer, BitErasure, UniformQuantizer
from stresslib.stress.on_features.reduction import PrincipalComponents, RandomSelection

FLOAT_BITS = 32
"""Bits of a number that no quantizer touched: the paper counts float32."""

_ALLOWED = (
    '"none", or at most one of DR1:k, DR2:k, then at most one of Q1:v, Q2:v, QB:b, QA:n '
    '(k >= 1 dimensions, v >= 2 values, 0 <= b <= 64 bits erased of each, n >= 1 bits of a vector), as in "DR2:409,Q2:27"'
)
_REDUCTIONS = {"DR1": "random-selection", "DR2": "pca"}
_QUANTIZERS = {"Q1": "uniform-shared", "Q2": "uniform-per-dimension", "QB": "bit-erasure", "QA": "allocated"}
_COMBINED = {"pca+uniform-per-dimension": "pca+uniform"}
_RANGES = {"DR1": (1, None), "DR2": (1, None), "Q1": (2, None), "Q2": (2, None), "QB": (0, 64), "QA": (1, None)}


@dataclass(frozen=True)
class Spec:
    """A parsed stress string.

    Attributes
    ----------
    reduction : {"DR1", "DR2"} or None
    dimensions : int or None
        What the reduction keeps.
    quantizer : {"Q1", "Q2", "QB", "QA"} or None
    level : int or None
        Values of the dictionary for Q1 and Q2, erased bits for QB, bits of a vector for QA.
    """

    reduction: str | None = None
    dimensions: int | None = None
    quantizer: str | None = None
    level: int | None = None

    def __str__(self) -> str:
        tokens = ((self.reduction, self.dimensions), (self.quantizer, self.level))
        return ",".join(f"{name}:{number}" for name, number in tokens if name) or "none"

    @property
    def stress(self) -> str:
        """Name of the stress in the words of the published table: ``"pca"``, ``"pca+uniform"``, ... or ``"none"``.

        The table has no column for the bits of QA; they are in its name, as in ``"pca+allocated-256-bits"``.
        """
        names = [_REDUCTIONS.get(self.reduction or ""), _QUANTIZERS.get(self.quantizer or "")]
        if self.quantizer == "QA":
            names[1] = f"{names[1]}-{self.level}-bits"
        name = "+".join(name for name in names if name) or "none"
        return _COMBINED.get(name, name)

    @property
    def dictionary_size(self) -> int | None:
        """Size of the dictionary, None without one."""
        return self.level if self.quantizer in ("Q1", "Q2") else None

    @property
    def removed_bits(self) -> int | None:
        """Number of erased bits, None without bit erasure."""
        return self.level if self.quantizer == "QB" else None

    @property
    def allocated_bits(self) -> int | None:
        """Bits of a vector that are shared among its dimensions, None where each has as many."""
        return self.level if self.quantizer == "QA" else None

    @property
    def is_random(self) -> bool:
        """Whether two seeds give two results."""
        return self.reduction == "DR1"


def parse_spec(spec: str | Spec) -> Spec:
    """Read a stress string.

    Parameters
    ----------
    spec : str or Spec
        Tokens separated by commas; case and spaces do not matter.

    Returns
    -------
    Spec
        ``str()`` of it is the canonical form.

    Raises
    ------
    ValueError
        On an unknown token, a number out of range, or tokens out of order; the message says what is allowed.

    Examples
    --------
    >>> from stresslib.stress.spec import parse_spec
    >>> str(parse_spec("dr2:409, q2:27"))
    'DR2:409,Q2:27'
    >>> parse_spec("DR2:409,Q2:27").stress
    'pca+uniform'
    """
    if isinstance(spec, Spec):
        return spec
    if not isinstance(spec, str):
        raise TypeError(f"a stress is a string; got {spec!r}; allowed is {_ALLOWED}")
    text = re.sub(r"\s", "", spec).upper()
    if text == "NONE":
        return Spec()
    found: dict[str, Any] = {}
    for token in text.split(","):
        match = re.fullmatch(r"(DR1|DR2|Q1|Q2|QB|QA):(\d{1,9})", token)
        if match is None:
            raise ValueError(f"stress {spec!r}: token {token!r} is unknown; allowed is {_ALLOWED}")
        name, number = match[1], int(match[2])
        lowest, highest = _RANGES[name]
        if number < lowest or (highest is not None and number > highest):
            raise ValueError(f"stress {spec!r}: {number} is out of range in {token!r}; allowed is {_ALLOWED}")
        kind, size = ("reduction", "dimensions") if name in _REDUCTIONS else ("quantizer", "level")
        if kind in found or "quantizer" in found:
            raise ValueError(f"stress {spec!r}: {token!r} is one too many or out of order; allowed is {_ALLOWED}")
        found |= {kind: name, size: number}
    return Spec(**found)


def make_stress(spec: str | Spec, *, random_state: Any = 0) -> Pipeline:
    """Make the scikit-learn Pipeline that a stress string describes.

    Parameters
    ----------
    spec : str
        As in :func:`parse_spec`.
    random_state : int, RandomState instance or None, default=0
        Seed of a random selection.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Its steps carry the names of the tokens. ``"none"`` hands its input on.

    Examples
    --------
    >>> from stresslib import make_stress
    >>> make_stress("DR2:409,Q2:27").named_steps
    {'DR2': PrincipalComponents(n_components=409), 'Q2': UniformQuantizer(n_values=27)}
    """
    parsed = parse_spec(spec)
    steps: list[tuple[str, Any]] = []
    if parsed.reduction == "DR1":
        steps.append(("DR1", RandomSelection(parsed.dimensions, random_state=random_state)))
    elif parsed.reduction == "DR2":
        steps.append(("DR2", PrincipalComponents(parsed.dimensions)))
    if parsed.dictionary_size is not None:
        scope = "shared" if parsed.quantizer == "Q1" else "per_dimension"
        steps.append((str(parsed.quantizer), UniformQuantizer(parsed.dictionary_size, scope=scope)))
    elif parsed.removed_bits is not None:
        steps.append(("QB", BitErasure(parsed.removed_bits)))
    elif parsed.allocated_bits is not None:
        steps.append(("QA", AllocatedQuantizer(parsed.allocated_bits)))
    return Pipeline(steps or [("none", "passthrough")])


def bits_per_vector(spec: str | Spec, n_features: int) -> int:
    """Count the bits of one stressed vector as the paper does.

    A number costs 32 bits untouched, ``ceil(log2(v))`` with a dictionary of ``v`` values, and ``min(32, 64 - b)`` with
    ``b`` erased bits; QA says itself how many a vector has. What all vectors share (dictionaries, the projection) is not
    counted.

    Parameters
    ----------
    spec : str
        As in :func:`parse_spec`.
    n_features : int
        Width of the vector before the stress.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        When the stress keeps more dimensions than there are, or shares out more than 8 bits a dimension.

    Notes
    -----
    Carvalho et al. (2016), Figure 5: 1227, 2045 and 4095 bits at its three marks.

    Examples
    --------
    >>> from stresslib import bits_per_vector
    >>> bits_per_vector("DR2:409,Q2:27", n_features=4096)
    2045
    """
    parsed = parse_spec(spec)
    if n_features < 1:
        raise ValueError(f"n_features={n_features}; a vector has at least one dimension")
    dimensions = n_features if parsed.dimensions is None else parsed.dimensions
    if dimensions > n_features:
        raise ValueError(f"stress {str(parsed)!r} keeps {dimensions} dimensions of only {n_features}")
    if parsed.allocated_bits is not None:
        if parsed.allocated_bits > MOST_BITS * dimensions:
            raise ValueError(f"stress {str(parsed)!r} has more than {MOST_BITS} bits for each of {dimensions} dimensions")
        return parsed.allocated_bits
    bits = FLOAT_BITS
    if parsed.dictionary_size is not None:
        bits = (parsed.dictionary_size - 1).bit_length()
    elif parsed.removed_bits is not None:
        bits = min(FLOAT_BITS, 64 - parsed.removed_bits)
    return dimensions * bits


def compression_rate(spec: str | Spec, n_features: int) -> float:
    """Return the share of the bits that a stress saves, ``1 - bits_per_vector / (32 n_features)``.

    Parameters
    ----------
    spec : str
        As in :func:`parse_spec`.
    n_features : int
        Width of the vector before the stress.

    Returns
    -------
    float
        0 for no compression, towards 1 for much.

    Examples
    --------
    >>> from stresslib import compression_rate
    >>> round(compression_rate("DR2:409,Q2:27", n_features=4096), 5)
    0.9844
    """
    return 1 - bits_per_vector(spec, n_features) / (FLOAT_BITS * n_features)
