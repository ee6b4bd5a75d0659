"""Methods: the registry of classical features, and the options that are set in their names.

What `extraction.registry` is for networks; it joins descriptors, codebook and coding, and the extractor above runs it.
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
"""Layers of every method: the whole image, or the cells of the pyramid: the whole image, its quarters, three bands."""


@dataclass(frozen=True)
class Method:
    """A way from an image to a vector that needs no network.

    Attributes
    ----------
    kind : {"bossanova", "bag-of-words", "fisher-vector"}
    codewords : int
        Size of the codebook; for a Fisher vector, the number of Gaussians in the mixture.
    components : int
        Principal components to which descriptors are reduced; 0 leaves them as they are.
    sample : int
        The most descriptors of training images that the codebook is learnt from.
    seed : int
        Seed of the sample, and of k-means or the mixture.
    side, step, root
        As in :class:`DenseSift`.
    neighbours, bins, alpha_min, alpha_max, weight
        As in :func:`stresslib.classical.coding.bossanova`; the other kinds do not use them.
    power : float
        The magnitude of each value is raised to it at the end, its sign is kept: .5 is the signed square root, 1 changes
        nothing.

    Notes
    -----
    The paper's BossaNova has 63,440 values; nothing else is known of it. A vector has ``codewords x (bins + 1)`` values
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
        """The name that :func:`find_method` takes: the kind, and every option that differs from its default."""
        default = METHODS[self.kind]
        changed = [name for name in options(self.kind) if getattr(self, name) != getattr(default, name)]
        return self.kind + "".join(f"+{name}={_text(getattr(self, name))}" for name in changed)

    @property
    def mixture(self) -> bool:
        """Whether its codewords are Gaussians of a mixture."""
        return self.kind == "fisher-vector"

    @property
    def about(self) -> str:
        """One line: what it is."""
        words = "Gaussians" if self.mixture else "codewords"
        return f"{_ABOUT[self.kind]} on dense {'Root' if self.root else ''}SIFT, {self.codewords:,} {words}"

    @property
    def cite(self) -> str:
        """Key of the book's bibliography; empty where it has none."""
        return _CITE[self.kind]

    @property
    def descriptors(self) -> DenseSift:
        """What describes the images."""
        return DenseSift(side=self.side, step=self.step, root=self.root)

    def width(self, layer: str) -> int:
        """Return the number of values in a vector of a layer."""
        reduced = self.components or 128
        slots = {"bossanova": self.bins + 1, "bag-of-words": 1, "fisher-vector": 2 * reduced + 1}[self.kind]
        return sum(rows * columns for rows, columns in LAYERS[layer]) * self.codewords * slots

    def code(self, descriptors: Array, places: Array, codebook: Codebook | Mixture, layer: str) -> Array:
        """Make the vector of an image from its descriptors.

        Parameters
        ----------
        descriptors : ndarray of shape (n, 128)
        places : ndarray of shape (n, 2)
            Row and column of each descriptor, from 0 to 1.
        codebook : Codebook or Mixture
            A mixture for a Fisher vector.
        layer : {"pooled", "pyramid"}

        Returns
        -------
        ndarray of shape (width,), float32
            Ordered by cell, then by codeword, and the histogram of a codeword before its bag-of-words term. Not of unit
            norm: features are normalised when they are loaded, by :func:`stresslib.load_features`.
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

_CITE = {"bossanova": "avila2013", "bag-of-words": "", "fisher-vector": "sanchez2013"}

METHODS = {kind: Method(kind, codewords=64 if kind == "fisher-vector" else 1024) for kind in _ABOUT}
"""The methods by their names, with the default of every option."""


def options(kind: str) -> list[str]:
    """Return the names of the options that a kind of method has, in the order of :class:`Method`."""
    names = [field.name for field in fields(Method) if field.name != "kind"]
    if kind == "bossanova":
        return names
    return [name for name in names if name not in _OF_BOSSANOVA]


_OF_BOSSANOVA = ("neighbours", "bins", "alpha_min", "alpha_max", "weight")
"""Options that only BossaNova has."""


def _text(value: float) -> str:
    """Write the value of an option as it is written in a name."""
    return str(int(value)) if value == int(value) else repr(value)


def _value(text: str, kind: type) -> Any:
    """Read the value of an option; raise a ValueError on a text of another form."""
    if kind is not bool:
        return kind(text)
    if text not in ("0", "1"):
        raise ValueError(text)
    return text == "1"


def is_method(name: str) -> bool:
    """Return whether a model's name is that of a classical method, not of a network."""
    return name.partition("+")[0] in METHODS


def find_method(name: str) -> Method:
    """Return the method of a name.

    Parameters
    ----------
    name : str
        ``"bossanova"``, ``"bag-of-words"`` or ``"fisher-vector"``, followed by the options that differ from their default,
        each as ``+NAME=NUMBER`` and in the order of :class:`Method`, so that each method has one name.

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
        default = getattr(METHODS[kind], option)
        try:
            values[option] = _value(text, type(default))
        except ValueError as error:
            form = {int: "a whole number", float: "a number", bool: "0 or 1"}[type(default)]
            raise ValueError(f"{name}: {option} is {form}, as in +{option}={_text(default)}") from error
    method = replace(METHODS[kind], **values)
    if method.name != name:
        raise ValueError(f"{name}: a method has one name, this one's is {method.name!r}")
    return method
