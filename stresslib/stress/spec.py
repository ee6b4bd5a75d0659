"""Stress strings: ``"DR2:409,Q2:27"`` says a whole stress. Parsed here, made into a Pipeline, counted in bits.

Above `registry`, which knows what each token means. The canonical form of a string is part of every cache key and every
results table. This is the one place where the bits of a stress are counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stresslib.stress.bits import FLOAT_BITS
from stresslib.stress.registry import FEATURE_STRESSES, FeatureStress

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_PUBLISHED_LABELS = {"pca+uniform-per-dimension": "pca+uniform"}
"""Combinations for which the published table has a shorter name than the two labels joined."""


def _allowed() -> str:
    """Say for an error message which strings are understood."""
    reductions, quantizers = (
        ", ".join(f"{entry.token}:{entry.symbol}" for entry in FEATURE_STRESSES.values() if entry.role == role)
        for role in ("reduction", "quantizer")
    )
    ranges = ", ".join(dict.fromkeys(entry.allowed for entry in FEATURE_STRESSES.values()))
    return f'"none", or at most one of {reductions}, then at most one of {quantizers} ({ranges}), as in "DR2:409,Q2:27"'


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
        Size of the dictionary for Q1 and Q2, erased bits of a number for QB, bits of a vector for QA.
    """

    reduction: str | None = None
    dimensions: int | None = None
    quantizer: str | None = None
    level: int | None = None

    def __str__(self) -> str:
        return ",".join(f"{entry.token}:{number}" for entry, number in self.tokens) or "none"

    @property
    def tokens(self) -> list[tuple[FeatureStress, int]]:
        """Registry entry and number of each token, in the order in which they are applied."""
        pairs = ((self.reduction, self.dimensions), (self.quantizer, self.level))
        return [(FEATURE_STRESSES[token], number) for token, number in pairs if token is not None and number is not None]

    @property
    def stress(self) -> str:
        """Name of the stress in the words of the published table: ``"pca"``, ``"pca+uniform"``, ... or ``"none"``.

        The table has no column for the bits of QA; they are in its name, as in ``"pca+allocated-256-bits"``.
        """
        name = "+".join(entry.label.format(number) for entry, number in self.tokens) or "none"
        return _PUBLISHED_LABELS.get(name, name)

    @property
    def dictionary_size(self) -> int | None:
        """Size of the dictionary, None without one."""
        return self._number("values")

    @property
    def removed_bits(self) -> int | None:
        """Number of erased bits, None without bit erasure."""
        return self._number("removed_bits")

    @property
    def allocated_bits(self) -> int | None:
        """Bits of a vector that are shared among its dimensions, None where each has the same number."""
        return self._number("allocated_bits")

    def _number(self, meaning: str) -> int | None:
        return next((number for entry, number in self.tokens if entry.number == meaning), None)

    @property
    def code_bits(self) -> int:
        """Bits of one number under the stress; where they differ between dimensions, the most that one can have."""
        bits = [entry.bits(number) for entry, number in self.tokens if entry.bits is not None]
        return bits[0] if bits else FLOAT_BITS

    @property
    def is_random(self) -> bool:
        """Whether two seeds give two results."""
        return any(entry.is_random for entry, _ in self.tokens)

    @property
    def cells(self) -> dict[str, Any]:
        """Those cells of a row of a results table that say which stress it is about; None where a column does not apply."""
        return {
            "stress": self.stress,
            "dimensions": self.dimensions,
            "values": self.dictionary_size,
            "removed_bits": self.removed_bits,
        }

    @classmethod
    def from_row(cls, row: Mapping[Any, Any]) -> Spec | None:
        """Return the stress that a row of a results table is about: what :attr:`cells` says, backwards.

        Parameters
        ----------
        row : mapping
            With `stress` and, as far as they apply, `dimensions`, `values` and `removed_bits`.

        Returns
        -------
        Spec or None
            None where the row does not say a whole stress of the registry, such as one about a peer of the codec.

        Examples
        --------
        >>> from stresslib.stress.spec import Spec
        >>> str(Spec.from_row({"stress": "pca+uniform", "dimensions": 128, "values": 27}))
        'DR2:128,Q2:27'
        >>> str(Spec.from_row({"stress": "pca+allocated-256-bits", "dimensions": 64}))
        'DR2:64,QA:256'
        """
        name = str(row.get("stress"))
        try:
            named = [(entry, int(digits or row[entry.number])) for entry, digits in _entries_named(name)]
            spec = parse_spec(",".join(f"{entry.token}:{number}" for entry, number in named) or "none")
        except (KeyError, TypeError, ValueError):  # no number, or one that the token does not take
            return None
        return spec if spec.stress == name else None


def _entries_named(stress: str) -> Iterator[tuple[FeatureStress, str | None]]:
    """Yield the entry of each part of a stress's name that has one, and the number that stands in the name, if any."""
    whole = {short: name for name, short in _PUBLISHED_LABELS.items()}.get(stress, stress)
    for part in whole.split("+"):
        for entry in FEATURE_STRESSES.values():
            before, in_name, after = entry.label.partition("{}")
            if match := re.fullmatch(re.escape(before) + (r"(\d+)" if in_name else "()") + re.escape(after), part):
                yield entry, match[1] or None


def tokens_named(stress: str) -> frozenset[str]:
    """Return the tokens that the name of a stress in a results table stands for: what :attr:`Spec.stress` says, backwards.

    Parameters
    ----------
    stress : str

    Returns
    -------
    frozenset of str
        Empty for ``"none"``, and for what is no stress of the registry, such as a peer of the codec.

    Examples
    --------
    >>> from stresslib.stress.spec import tokens_named
    >>> sorted(tokens_named("pca+uniform")), sorted(tokens_named("pca+allocated-256-bits")), sorted(tokens_named("none"))
    (['DR2', 'Q2'], ['DR2', 'QA'], [])
    """
    return frozenset(entry.token for entry, _ in _entries_named(stress))


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
        raise TypeError(f"a stress is a string; got {spec!r}; allowed is {_allowed()}")
    text = re.sub(r"\s", "", spec).upper()
    if text == "NONE":
        return Spec()
    found: dict[str, Any] = {}
    for token in text.split(","):
        match = re.fullmatch(r"(\w+):(\d{1,9})", token)
        entry = FEATURE_STRESSES.get(match[1]) if match else None
        if match is None or entry is None:
            raise ValueError(f"stress {spec!r}: token {token!r} is unknown; allowed is {_allowed()}")
        number = int(match[2])
        if not entry.in_range(number):
            raise ValueError(f"stress {spec!r}: {number} is out of range in {token!r}; allowed is {_allowed()}")
        if entry.role in found or "quantizer" in found:
            raise ValueError(f"stress {spec!r}: {token!r} is one too many or out of order; allowed is {_allowed()}")
        found |= {entry.role: entry.token, "dimensions" if entry.role == "reduction" else "level": number}
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
        Its steps have the names of the tokens. ``"none"`` passes its input through.

    Examples
    --------
    >>> from stresslib import make_stress
    >>> make_stress("DR2:409,Q2:27").named_steps
    {'DR2': PrincipalComponents(n_components=409), 'Q2': UniformQuantizer(n_values=27)}
    """
    from sklearn.pipeline import Pipeline  # only now: a string is read without scikit-learn

    steps = [(entry.token, entry.make(number, random_state)) for entry, number in parse_spec(spec).tokens]
    return Pipeline(steps or [("none", "passthrough")])


def bits_per_vector(spec: str | Spec, n_features: int) -> int:
    """Count the bits of one stressed vector as the paper does.

    A number costs 32 bits untouched, ``ceil(log2(v))`` with a dictionary of ``v`` values, and ``min(32, 64 - b)`` with
    ``b`` erased bits; with QA the stress itself says how many a vector has. What all vectors share (dictionaries, the
    projection) is not counted.

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
        When the stress keeps more dimensions than there are, or has more than 8 bits for each.

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
    # Python's own integers: the product may exceed those of NumPy that have few bits.
    dimensions = int(n_features if parsed.dimensions is None else parsed.dimensions)
    if dimensions > n_features:
        raise ValueError(f"stress {str(parsed)!r} keeps {dimensions} dimensions of only {n_features}")
    if parsed.allocated_bits is None:
        return dimensions * parsed.code_bits
    if parsed.allocated_bits > dimensions * parsed.code_bits:
        raise ValueError(f"stress {str(parsed)!r} has more than {parsed.code_bits} bits for each of {dimensions} dimensions")
    return parsed.allocated_bits


def compression_rate(spec: str | Spec, n_features: int) -> float:
    """Return the share of bits that a stress saves, ``1 - bits_per_vector / (32 n_features)``.

    Parameters
    ----------
    spec : str
        As in :func:`parse_spec`.
    n_features : int
        Width of the vector before the stress.

    Returns
    -------
    float
        From 0, no compression, towards 1.

    Examples
    --------
    >>> from stresslib import compression_rate
    >>> round(compression_rate("DR2:409,Q2:27", n_features=4096), 5)
    0.9844
    """
    return 1 - bits_per_vector(spec, n_features) / bits_per_vector("none", n_features)
