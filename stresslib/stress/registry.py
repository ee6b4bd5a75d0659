"""The feature stresses by their tokens: what a number after the colon means, what it makes, and what it costs.

Between the transformers in `on_features` and `spec`, which reads whole strings. A new stress is one file and one entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sklearn.base import BaseEstimator

from stresslib.stress.on_features.allocation import MOST_BITS, AllocatedQuantizer
from stresslib.stress.on_features.quantization import BitErasure, UniformQuantizer, dictionary_bits, kept_bits
from stresslib.stress.on_features.reduction import PrincipalComponents, RandomSelection


@dataclass(frozen=True, kw_only=True)
class FeatureStress:
    """What one token of a stress string stands for.

    Attributes
    ----------
    token : str
        What stands before the colon.
    role : {"reduction", "quantizer"}
        A string has at most one of each, in this order.
    number : {"dimensions", "values", "removed_bits", "allocated_bits"}
        What the number after the colon says: dimensions that are kept, size of a dictionary, bits erased of each number,
        or bits of a whole vector.
    symbol, allowed : str
        The number in an error message, and its range in words.
    lowest, highest : int, and int or None
        That range.
    label : str
        Name in the words of the published table; ``{}`` in it is replaced by the number.
    transformer : type
        scikit-learn transformer, whose first parameter is the number.
    options : mapping of str to object
        Its other parameters.
    is_random : bool
        Whether it takes a `random_state` too.
    bits : callable, or None for a reduction
        From the number to the bits of a code; the most that a dimension can have where they differ.
    """

    token: str
    role: Literal["reduction", "quantizer"]
    number: Literal["dimensions", "values", "removed_bits", "allocated_bits"]
    symbol: str
    allowed: str
    lowest: int
    highest: int | None = None
    label: str
    transformer: type[BaseEstimator]
    options: Mapping[str, Any] = field(default_factory=dict)
    is_random: bool = False
    bits: Callable[[int], int] | None = None

    def make(self, number: int, random_state: Any) -> BaseEstimator:
        """Return the transformer for a number, not fitted."""
        seed = {"random_state": random_state} if self.is_random else {}
        return self.transformer(number, **self.options, **seed)

    def in_range(self, number: int) -> bool:
        """Say whether the token takes a number."""
        return number >= self.lowest and (self.highest is None or number <= self.highest)


def _most_bits(n_bits: int) -> int:
    return MOST_BITS


FEATURE_STRESSES: dict[str, FeatureStress] = {
    stress.token: stress
    for stress in (
        FeatureStress(
            token="DR1",
            role="reduction",
            number="dimensions",
            symbol="k",
            allowed="k >= 1 dimensions",
            lowest=1,
            label="random-selection",
            transformer=RandomSelection,
            is_random=True,
        ),
        FeatureStress(
            token="DR2",
            role="reduction",
            number="dimensions",
            symbol="k",
            allowed="k >= 1 dimensions",
            lowest=1,
            label="pca",
            transformer=PrincipalComponents,
        ),
        FeatureStress(
            token="Q1",
            role="quantizer",
            number="values",
            symbol="v",
            allowed="v >= 2 values",
            lowest=2,
            label="uniform-shared",
            transformer=UniformQuantizer,
            options={"scope": "shared"},
            bits=dictionary_bits,
        ),
        FeatureStress(
            token="Q2",
            role="quantizer",
            number="values",
            symbol="v",
            allowed="v >= 2 values",
            lowest=2,
            label="uniform-per-dimension",
            transformer=UniformQuantizer,
            options={"scope": "per_dimension"},
            bits=dictionary_bits,
        ),
        FeatureStress(
            token="QB",
            role="quantizer",
            number="removed_bits",
            symbol="b",
            allowed="0 <= b <= 64 bits erased of each",
            lowest=0,
            highest=64,
            label="bit-erasure",
            transformer=BitErasure,
            bits=kept_bits,
        ),
        FeatureStress(
            token="QA",
            role="quantizer",
            number="allocated_bits",
            symbol="n",
            allowed="n >= 1 bits of a vector",
            lowest=1,
            label="allocated-{}-bits",
            transformer=AllocatedQuantizer,
            bits=_most_bits,
        ),
    )
}
"""The entries by token, in the order in which messages list them."""
