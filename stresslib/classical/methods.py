"""Methods: the classical features by their names, and what each name sets.

The registry beside that of the networks; the extractor reads it.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresslib.classical.codebook import Codebook, Mixture
from stresslib.classical.coding import PYRAMID, bag_of_words, bossanova, fisher_vector
from stresslib.classical.descriptors import DenseSift

Array = NDArray[Any]

LAYERS = {"pooled": PYRAMID[:1], "pyramid": PYRAMID}
"""Layers of every method: the whole image, or the whole image, its quarters and its three bands one after the other."""


@dataclass(frozen=True)
class Method:
    """A way from an image to a vector without a network.

    Attributes
    ----------
    kind : {"bossanova", "bag-of-words", "fisher-vector"}
    codewords : int
        Of the codebook; of a Fisher vector the Gaussians of the mixture.
    components : int
        Principal components that descriptors are reduced to; 0 leaves them as they are.
    sample : int
        Descriptors of training images that the codebook is learnt from, at most.
    seed : int
        Of the sample, and of k-means or the mixture.
    side, step : int
        As of :class:`DenseSift`.
    root : bool
        As of :class:`DenseSift`.
    neighbours, bins, alpha_min, alpha_max, weight
        As of :func:`stresslib.classical.coding.bossanova`; the others have none of these.
    power : float
        The size of each value is raised to it at the end, its sign stays: .5 is the signed square root, 1 leaves it.

    Notes
    -----
    The paper's BossaNova has 63,440 values, and nothing else is known of it. A vector has ``codewords x (bins + 1)`` values
    in each of the 1 or 1 + 4 + 3 cells. With 8 cells 63,440 is 3,965 codewords with 1 bin, 1,586 with 4 or 793 with 9;
    with the usual 2 bins no number of codewords gives it (2,643 give 63,432). That `neighbours` is 10, `bins` 2,
    `alpha_min` .4, `alpha_max` 2 and `weight` .001 in Avila et al. (2013) is from memory, and could not be checked.

    Examples
    --------
    >>> from stresslib.classical import find_method
    >>> find_method("bossanova").width("pooled"), find_method("bossanova+codewords=793+bins=9").width("pyramid")
    (3072, 63440)
    """

    kind: str
    codewords: int = 1024
    components: int = 64
    sample: int = 200_000
    seed: int = 0
    side: int = 300
    step: int = 8
    root: bool = True
    neighbours: int = 10
    bins: int = 2
    alpha_min: float = 0.4
    alpha_max: float = 2.0
    weight: float = 0.001
    power: float = 0.5

    def __post_init__(self) -> None:
        for name, least in (("codewords", 1), ("sample", 1), ("side", 1), ("step", 1), ("neighbours", 1), ("bins", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{self.kind}: {name}={getattr(self, name)}; at least {least}")
        if not 0 <= self.components <= 128:
            raise ValueError(f"{self.kind}: components={self.components}; from 1 to 128, or 0 for none")
        if not 0 <= self.alpha_min < self.alpha_max:
            raise ValueError(
                f"{self.kind}: alpha_min={self.alpha_min} and alpha_max={self.alpha_max}; 0 or more, and rising"
            )
        if self.weight < 0 or not 0 < self.power <= 1 or self.seed < 0:
            raise ValueError(
                f"{self.kind}: weight={self.weight}, power={self.power}, seed={self.seed}; no weight or seed is negative, "
                "and the power is above 0 and at most 1"
            )

    @property
    def name(self) -> str:
        """The one name that :func:`find_method` takes: the kind, and what is not its default."""
        set_here = (f"+{name}={_text(getattr(self, name))}" for name in options(self.kind) if not self._is_default(name))
        return self.kind + "".join(set_here)

    def _is_default(self, name: str) -> bool:
        return bool(getattr(self, name) == getattr(METHODS[self.kind], name))

    @property
    def mixture(self) -> bool:
        """Whether its words are a mixture of Gaussians."""
        return self.kind == "fisher-vector"

    @property
    def about(self) -> str:
        """One line: what it is."""
        words = "Gaussians" if self.mixture else "codewords"
        return f"{_ABOUT[self.kind]} on dense {'Root' if self.root else ''}SIFT, {self.codewords:,} {words}"

    @property
    def descriptors(self) -> DenseSift:
        """What describes the images."""
        return DenseSift(side=self.side, step=self.step, root=self.root)

    def width(self, layer: str) -> int:
        """Return how many values a vector of a layer has."""
        reduced = self.components or 128
        slots = {"bossanova": self.bins + 1, "bag-of-words": 1, "fisher-vector": 2 * reduced + 1}[self.kind]
        return sum(rows * columns for rows, columns in LAYERS[layer]) * self.codewords * slots

    def code(self, descriptors: Array, places: Array, codebook: Codebook | Mixture, layer: str) -> Array:
        """Make an image's vector of its descriptors.

        Parameters
        ----------
        descriptors : ndarray of shape (n, 128)
        places : ndarray of shape (n, 2)
            Row and column of each, from 0 to 1.
        codebook : Codebook or Mixture
            The latter for a Fisher vector.
        layer : {"pooled", "pyramid"}

        Returns
        -------
        ndarray of shape (width,), float32
            By cell, by codeword, and its histogram before its bag-of-words term. Not of unit norm: normalisation has its
            one home in :func:`stresslib.load_features`.
        """
        levels = LAYERS[layer]
        if isinstance(codebook, Mixture):
            pooled = fisher_vector(descriptors, codebook, places, levels)
        elif self.kind == "bag-of-words":
            pooled = bag_of_words(codebook.squared_distances(descriptors), places, levels)
        else:
            pooled = bossanova(
                codebook.squared_distances(descriptors),
                codebook,
                places,
                levels,
                neighbours=self.neighbours,
                bins=self.bins,
                alpha_min=self.alpha_min,
                alpha_max=self.alpha_max,
                weight=self.weight,
            )
        return (np.sign(pooled) * np.abs(pooled) ** self.power).ravel().astype(np.float32)


_ABOUT = {
    "bossanova": "BossaNova of Avila et al. (2013), the paper's classical features,",
    "bag-of-words": "A bag of words, each descriptor counted for its nearest codeword,",
    "fisher-vector": "A Fisher vector, the ways in which a mixture of Gaussians would have to change,",
}

METHODS = {kind: Method(kind, codewords=64 if kind == "fisher-vector" else 1024) for kind in _ABOUT}
"""The methods by their names, with the default of every option."""


def options(kind: str) -> list[str]:
    """Return the names of the options that a kind of method has."""
    without = () if kind == "bossanova" else ("neighbours", "bins", "alpha_min", "alpha_max", "weight")
    return [field.name for field in fields(Method) if field.name != "kind" and field.name not in without]


def _text(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def is_method(name: str) -> bool:
    """Return whether a model's name is that of a method, not of a network."""
    return name.partition("+")[0] in METHODS


def find_method(name: str) -> Method:
    """Return the method of a name.

    Parameters
    ----------
    name : str
        ``"bossanova"``, ``"bag-of-words"`` or ``"fisher-vector"``, and behind it options other than the default, each as
        ``+NAME=NUMBER`` and in the order of :class:`Method`: one setting has one name.

    Returns
    -------
    Method

    Raises
    ------
    ValueError
        On an unknown method, option or value; the message says what is allowed.

    Examples
    --------
    >>> from stresslib.classical import find_method
    >>> find_method("bossanova+codewords=128+bins=4").bins
    4
    """
    kind, *settings = name.split("+")
    if kind not in METHODS:
        raise ValueError(f"method {name!r} is unknown; there are {', '.join(METHODS)}")
    known = options(kind)
    values: dict[str, Any] = {}
    for setting in settings:
        option, _, text = setting.partition("=")
        if option not in known:
            near = difflib.get_close_matches(option, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{name}: {kind} has no option {option!r}; it has {', '.join(known)}{hint}")
        kind_of = type(getattr(METHODS[kind], option))
        try:
            values[option] = bool(("0", "1").index(text)) if kind_of is bool else kind_of(text)
        except ValueError as error:
            form = {int: "a whole number", float: "a number", bool: "0 or 1"}[kind_of]
            raise ValueError(
                f"{name}: {option} is {form}, as in +{option}={_text(getattr(METHODS[kind], option))}"
            ) from error
    method = replace(METHODS[kind], **values)
    if method.name != name:
        raise ValueError(f"{name}: one setting has one name, this one's is {method.name!r}")
    return method
