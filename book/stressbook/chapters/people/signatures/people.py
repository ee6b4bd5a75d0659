"""People: whose signatures are learned from and whose are verified, as pictures.

The start of the chapter's measure. Digits take the place of writers where no signatures are at hand. Nothing of a signature
leaves the machine of whoever runs it but tables of numbers.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresslib.datasets.signatures import RESIZED, Signatures, normalize_signature, read_signatures
from stresslib.files import cache_dir
from stresslib.training.data import load_arrays

Array = NDArray[Any]

DIGITS_LEARNED = 6
"""Digits that take the place of writers to learn from; the other four are verified."""

DIGITS_SIGNED, DIGITS_FORGED = 60, 60
"""Images of each digit that stand for genuine signatures, and images of others that look most like it."""


@dataclass(frozen=True, eq=False)
class People:
    """Pictures of people to learn from, and of others, who are enrolled and verified.

    Attributes
    ----------
    name : str
        Of the data set.
    pictures : ndarray of shape (n, 1, H, W), uint8 or float32 in [0, 1]
        Signatures are larger than the network's input, 170 x 242 pixels.
    writer : ndarray of shape (n,), integer
        Who signs or is imitated.
    forged : ndarray of shape (n,), bool
    verified : ndarray of shape (n,), bool
        Which pictures are of those who are verified; the others are learned from.
    negative : ndarray of shape (n,), bool
        Which of the latter are genuine, and of the set of those who are verified: they are random forgeries for everybody.
    """

    name: str
    pictures: Array
    writer: Array
    forged: Array
    verified: Array
    negative: Array

    @property
    def are_signatures(self) -> bool:
        """Whether they are signatures, and not digits in their place."""
        return self.pictures.shape[2:] == RESIZED

    @property
    def count(self) -> int:
        """How many people are verified."""
        return len(np.unique(self.writer[self.verified]))

    @property
    def have_choices(self) -> bool:
        """Whether there are forgeries of people to learn from, so that choices can be judged without anybody else."""
        return bool((self.forged & ~self.verified).any())


def load_people(
    name: str, folder: str | os.PathLike[str] = "", *, incomplete: bool = False, faithful: bool = False
) -> People:
    """Return people by the name of a data set.

    Parameters
    ----------
    name : {"sigcomp2011", "digits"}
    folder : path-like, default=""
        Where signatures lie: ``sigcomp2011-dutch``, and beside it perhaps ``four-small``. Default: the folder
        ``signatures`` of the user's cache.
    incomplete : bool, default=False
        As for :func:`stresslib.datasets.signatures.read_signatures`.
    faithful : bool, default=False
        Whether signatures are normalised as the authors' code does it; the few that it refuses are taken the sound way.

    Returns
    -------
    People

    Raises
    ------
    FileNotFoundError
        When there are no signatures; the message says where they are to be put.
    ValueError
        When the name is another, or as :func:`stresslib.datasets.signatures.read_signatures` raises it.

    Examples
    --------
    >>> from stressbook.chapters.people.signatures.people import load_people
    >>> digits = load_people("digits")
    >>> digits.pictures.shape, digits.count, digits.have_choices
    ((1563, 1, 16, 16), 4, False)
    """
    if name == "digits":
        return _digits()
    if name != "sigcomp2011":
        raise ValueError(f"there are no people {name!r}; there are sigcomp2011 and digits")
    place = Path(folder) if folder else cache_dir() / "signatures"
    dutch = place / "sigcomp2011-dutch"
    if not dutch.is_dir():
        raise FileNotFoundError(
            f"{dutch} is not there. Signatures are given on request and never fetched: put the Dutch part of SigComp 2011 "
            "there, as {train,test}/{genuine,forgery}/WRITER/*, or give another folder with -p folder=...; "
            "-p 'sets=[digits]' runs without signatures"
        )
    return _signatures(place, incomplete, faithful)


def _signatures(folder: Path, incomplete: bool, faithful: bool) -> People:
    """Read the Dutch part of SigComp 2011, whose test writers are verified, and four small sets, to learn from as well."""
    read = read_signatures(folder / "sigcomp2011-dutch", incomplete=incomplete)
    if not read.test.any() or read.test.all():
        raise ValueError(f"{folder / 'sigcomp2011-dutch'} has not both parts, train and test; people of both are needed")
    pictures, writer, forged, verified = _normalised(read, faithful), read.writer, read.forged, read.test
    negative = ~verified & ~forged
    if (folder / "four-small").is_dir():
        small = read_signatures(folder / "four-small", incomplete=incomplete)
        pictures = np.concatenate([pictures, _normalised(small, faithful)])
        writer = np.concatenate([writer, small.writer + len(read.writers)])
        forged = np.concatenate([forged, small.forged])
        verified, negative = (np.concatenate([one, np.zeros(len(small), dtype=bool)]) for one in (verified, negative))
    return People("sigcomp2011", pictures, writer, forged, verified, negative)


def _normalised(read: Signatures, faithful: bool) -> Array:
    if not faithful:
        return read.pictures(size=RESIZED)
    pictures = []
    for row in range(len(read)):
        page = read.scan(row)
        try:
            pictures.append(normalize_signature(page, read.canvas, faithful=True, size=RESIZED))
        except ValueError:  # strokes that are too thin for it
            pictures.append(normalize_signature(page, read.canvas, size=RESIZED))
    return np.stack(pictures)[:, None]


def _digits() -> People:
    """Take scikit-learn's digits for writers, and for forgeries the images of other digits that are most like one."""
    data = load_arrays("digits")
    images = np.concatenate([data.train_images, data.test_images])
    labels = np.concatenate([data.train_labels, data.test_labels])
    learned = np.flatnonzero(labels < DIGITS_LEARNED)
    rows, writer, forged = [learned], [labels[learned]], [np.zeros(len(learned), dtype=bool)]
    for digit in range(DIGITS_LEARNED, 10):
        own = np.flatnonzero(labels == digit)
        others = np.flatnonzero((labels >= DIGITS_LEARNED) & (labels != digit))
        apart = np.square(images[others] - images[own].mean(axis=0)).sum(axis=(1, 2, 3))
        alike = others[np.argsort(apart, kind="stable")[:DIGITS_FORGED]]
        rows += [own[:DIGITS_SIGNED], alike]
        writer.append(np.full(DIGITS_SIGNED + DIGITS_FORGED, digit))
        forged.append(np.repeat([False, True], [DIGITS_SIGNED, DIGITS_FORGED]))
    everything = np.concatenate(rows)
    verified = np.arange(len(everything)) >= len(learned)
    return People("digits", images[everything], np.concatenate(writer), np.concatenate(forged), verified, ~verified)


def held_out(people: People, every: int = 4) -> tuple[People, Array]:
    """Return people of whom every fourth one to learn from is verified instead: for choices, before anybody else is judged.

    Parameters
    ----------
    people : People
    every : int, default=4

    Returns
    -------
    People
        Nobody is in it who is verified in `people`.
    rows : ndarray
        Which pictures of `people` it has.
    """
    rows = np.flatnonzero(~people.verified)
    writer, negative = people.writer[rows], people.negative[rows]
    kept = np.isin(writer, np.unique(writer[negative])[::every])
    part = replace(
        people,
        name=f"{people.name}-validation",
        pictures=people.pictures[rows],
        writer=writer,
        forged=people.forged[rows],
        verified=kept,
        negative=negative & ~kept,
    )
    return part, rows
