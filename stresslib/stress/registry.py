"""The feature stresses by their tokens: what a number after the colon means, what it makes, and what it costs.

Between the transformers in `on_features` and `spec`, which reads whole strings. A new stress is one file and one entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from stresslib.stress.bits import MOST_BITS, dictionary_bits, kept_bits

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

_NUMBERS = {
    "dimensions": ("k", "dimensions"),
    "values": ("v", "values"),
    "removed_bits": ("b", "bits erased of each"),
    "allocated_bits": ("n", "bits of a vector"),
}
"""What the number of a token can mean, by its column of a results table: its letter in a message, and the words for it."""


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
    lowest, highest : int, and int or None
        Range of the number.
    label : str
        Name in the words of the published table; ``{}`` in it is replaced by the number.
    transformer : callable
        Returns the scikit-learn transformer's class, whose first parameter is the number. It imports it: a string is read,
        or refused, without waiting for scikit-learn.
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
    lowest: int
    highest: int | None = None
    label: str
    transformer: Callable[[], type[BaseEstimator]]
    options: Mapping[str, Any] = field(default_factory=dict)
    is_random: bool = False
    bits: Callable[[int], int] | None = None

    def make(self, number: int, random_state: Any) -> BaseEstimator:
        """Return the transformer for a number, not fitted."""
        seed = {"random_state": random_state} if self.is_random else {}
        return self.transformer()(number, **self.options, **seed)

    @property
    def symbol(self) -> str:
        """The number in a message."""
        return _NUMBERS[self.number][0]

    @property
    def allowed(self) -> str:
        """The range of the number in words."""
        symbol, words = _NUMBERS[self.number]
        limits = f"{symbol} >= {self.lowest}" if self.highest is None else f"{self.lowest} <= {symbol} <= {self.highest}"
        return f"{limits} {words}"

    def in_range(self, number: int) -> bool:
        """Say whether the token takes a number."""
        return number >= self.lowest and (self.highest is None or number <= self.highest)


def _random_selection() -> type[BaseEstimator]:
    from stresslib.stress.on_features.reduction import RandomSelection

    return RandomSelection


def _principal_components() -> type[BaseEstimator]:
    from stresslib.stress.on_features.reduction import PrincipalComponents

    return PrincipalComponents


def _uniform_quantizer() -> type[BaseEstimator]:
    from stresslib.stress.on_features.quantization import UniformQuantizer

    return UniformQuantizer


def _bit_erasure() -> type[BaseEstimator]:
    from stresslib.stress.on_features.quantization import BitErasure

    return BitErasure


def _allocated_quantizer() -> type[BaseEstimator]:
    from stresslib.stress.on_features.allocation import AllocatedQuantizer

    return AllocatedQuantizer


def _most_bits(n_bits: int) -> int:
    return MOST_BITS


FEATURE_STRESSES: dict[str, FeatureStress] = {
    stress.token: stress
    for stress in (
        FeatureStress(
            token="DR1",
            role="reduction",
            number="dimensions",
            lowest=1,
            label="random-selection",
            transformer=_random_selection,
            is_random=True,
        ),
        FeatureStress(
            token="DR2",
            role="reduction",
            number="dimensions",
            lowest=1,
            label="pca",
            transformer=_principal_components,
        ),
        FeatureStress(
            token="Q1",
            role="quantizer",
            number="values",
            lowest=2,
            label="uniform-shared",
            transformer=_uniform_quantizer,
            options={"scope": "shared"},
            bits=dictionary_bits,
        ),
        FeatureStress(
            token="Q2",
            role="quantizer",
            number="values",
            lowest=2,
            label="uniform-per-dimension",
            transformer=_uniform_quantizer,
            options={"scope": "per_dimension"},
            bits=dictionary_bits,
        ),
        FeatureStress(
            token="QB",
            role="quantizer",
            number="removed_bits",
            lowest=0,
            highest=64,
            label="bit-erasure",
            transformer=_bit_erasure,
            bits=kept_bits,
        ),
        FeatureStress(
            token="QA",
            role="quantizer",
            number="allocated_bits",
            lowest=1,
            label="allocated-{}-bits",
            transformer=_allocated_quantizer,
            bits=_most_bits,
        ),
    )
}
"""The entries by token, in the order in which messages list them."""
