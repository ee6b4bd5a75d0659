"""Writer-dependent machines: one classifier a person, from a few references and other people's signatures.

Between features, which no network learned from these people, and the errors of `verification`. The protocol is that of
SigNet's authors, draw by draw: equal seeds give equal references.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

Array = NDArray[Any]

GAMMA = 2.0**-11
"""Width of the authors' radial basis functions."""


def radial_machine(gamma: float = GAMMA) -> SVC:
    """Return the authors' classifier before it is fitted: a support vector machine with radial basis functions, C = 1."""
    return SVC(kernel="rbf", C=1.0, gamma=gamma)


@dataclass(frozen=True, eq=False)
class Draw:
    """Which rows a draw makes references, which ones test, and which ones are negatives for everybody.

    Attributes
    ----------
    users : ndarray of shape (users,)
        Labels of the people who are enrolled, sorted.
    references : list of ndarray
        Rows of the genuine signatures that enrol each user.
    genuine : list of ndarray
        Rows of other genuine signatures of each user.
    skilled : list of ndarray
        Rows of the forgeries of each user.
    negatives : ndarray
        Rows of the development set that are random forgeries for everybody.
    """

    users: Array
    references: list[Array]
    genuine: list[Array]
    skilled: list[Array]
    negatives: Array


@dataclass(frozen=True, eq=False)
class Decisions:
    """Scores of each user's machine, in the order of `Draw.users`: lists of arrays as `verification` takes them."""

    genuine: list[Array]
    random: list[Array]
    skilled: list[Array]


def draw_references(
    writer: ArrayLike,
    forged: ArrayLike,
    development_writer: ArrayLike,
    development_forged: ArrayLike | None = None,
    *,
    n_references: int,
    n_test: int | None = None,
    n_negatives: int,
    random_state: int = 0,
) -> Draw:
    """Draw the references of each user, what tests them, and negatives from people of the development set.

    Parameters
    ----------
    writer : array-like of shape (n,)
        Who signs, or is imitated.
    forged : array-like of shape (n,), bool
    development_writer, development_forged : array-like of shape (m,)
        The same of other people. Default: none of theirs is forged.
    n_references : int
        Genuine signatures that enrol a user, such as 5 or 12.
    n_test : int, optional
        Genuine signatures that test. Default: all others.
    n_negatives : int
        Genuine signatures of each development writer that are negatives.
    random_state : int, default=0

    Returns
    -------
    Draw

    Raises
    ------
    ValueError
        When somebody has too few genuine signatures; the message has the name.

    References
    ----------
    `split_train_test` and `get_random_forgeries_from_dev` of github.com/luizgh/sigver, whose draws these are.

    Examples
    --------
    >>> from stresslib.evaluation.writer_dependent import draw_references
    >>> writer, forged = [7, 7, 7, 7, 8, 8, 8, 8], [0, 0, 0, 1, 0, 0, 0, 1]
    >>> draw = draw_references(writer, forged, [1, 1, 2, 2], n_references=2, n_negatives=1)
    >>> [len(rows) for rows in draw.references], [rows.tolist() for rows in draw.skilled], len(draw.negatives)
    ([2, 2], [[3], [7]], 2)
    """
    who, fake = _labels(writer, forged, "writer")
    others, other_fake = _labels(development_writer, development_forged, "development_writer")
    if n_references < 1 or n_negatives < 1 or (n_test is not None and n_test < 1):
        raise ValueError(f"n_references={n_references}, n_negatives={n_negatives}, n_test={n_test}: each is at least 1")
    generator = np.random.RandomState(random_state)
    references, genuine, skilled = [], [], []
    users = np.unique(who)
    for user in users:
        own = np.flatnonzero((who == user) & ~fake)
        needed = n_references + (1 if n_test is None else n_test)
        if len(own) < needed:
            raise ValueError(
                f"user {user} has {len(own)} genuine signature{'s' if len(own) != 1 else ''}; {n_references} references and "
                f"{needed - n_references} to test are needed"
            )
        generator.shuffle(own)
        references.append(own[:n_references])
        genuine.append(own[n_references if n_test is None else -n_test :])
        skilled.append(np.flatnonzero((who == user) & fake))
    negatives = []
    for user in np.unique(others):
        own = np.flatnonzero((others == user) & ~other_fake)
        if len(own) < n_negatives:
            raise ValueError(
                f"development writer {user} has {len(own)} genuine signatures; {n_negatives} negatives are needed"
            )
        negatives.append(generator.choice(own, n_negatives, replace=False))
    return Draw(users, references, genuine, skilled, np.concatenate(negatives))


def fit_machine(references: ArrayLike, negatives: ArrayLike, classifier: Any = None) -> Pipeline:
    """Fit the machine of one person.

    Parameters
    ----------
    references : array-like of shape (n, d)
        Features of genuine signatures.
    negatives : array-like of shape (m, d)
        Features of other people's.
    classifier : scikit-learn classifier, optional
        With a `decision_function`, and weights of rows in its `fit`; a copy is fitted. Default: :func:`radial_machine`. For
        a linear one :class:`stresslib.LinearSVM` or ``SVC(kernel="linear")``.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Divides each dimension by its standard deviation, without centring, then decides; a reference counts as much more
        than a negative as there are more negatives.

    Raises
    ------
    ValueError
        When there are no references or no negatives, or their lengths differ.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.evaluation.writer_dependent import fit_machine
    >>> machine = fit_machine(np.eye(3)[:1] + [[0.1], [0.2]], np.eye(3)[1:])
    >>> machine.decision_function([[1.0, 0.1, 0.1]]) > machine.decision_function([[0.1, 1.0, 0.1]])
    array([ True])
    """
    mine, theirs = (np.asarray(one) for one in (references, negatives))
    if mine.ndim != 2 or theirs.ndim != 2 or not len(mine) or not len(theirs) or mine.shape[1] != theirs.shape[1]:
        raise ValueError(
            f"references of shape {mine.shape} and negatives of shape {theirs.shape}; each is some rows of equal length"
        )
    weight = np.repeat([len(theirs) / len(mine), 1.0], [len(mine), len(theirs)])
    machine = Pipeline(
        [
            ("scaler", StandardScaler(with_mean=False)),
            ("classifier", clone(radial_machine() if classifier is None else classifier)),
        ]
    )
    labels = np.repeat([1, -1], [len(mine), len(theirs)])
    return machine.fit(np.concatenate([mine, theirs]), labels, classifier__sample_weight=weight)


def verify(features: ArrayLike, development: ArrayLike, draw: Draw, classifier: Any = None) -> Decisions:
    """Enrol every user of a draw, and score their genuine signatures, other users' and the forgeries.

    Parameters
    ----------
    features : array-like of shape (n, d)
        Of the signatures that the draw was made from.
    development : array-like of shape (m, d)
        Of the signatures of the development writers.
    draw : Draw
        Of :func:`draw_references`.
    classifier : scikit-learn classifier, optional
        As for :func:`fit_machine`.

    Returns
    -------
    Decisions
        A user without forgeries has an empty array of skilled ones; random ones are the other users' genuine test
        signatures.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.evaluation.writer_dependent import draw_references, verify
    >>> writer, forged = np.repeat([0, 1, 2], 6), np.tile([0, 0, 0, 0, 1, 1], 3)
    >>> draw = draw_references(writer, forged, [3, 3, 4, 4], n_references=2, n_negatives=2)
    >>> X, development = np.random.default_rng(0).random((18, 8)), np.random.default_rng(1).random((4, 8))
    >>> decisions = verify(X, development, draw)
    >>> [len(one) for one in decisions.genuine], [len(one) for one in decisions.random]
    ([2, 2, 2], [4, 4, 4])
    """
    rows, others = np.asarray(features), np.asarray(development)
    decided: tuple[list[Any], ...] = ([], [], [])
    for number, enrolled in enumerate(draw.references):
        machine = fit_machine(rows[enrolled], others[draw.negatives], classifier)
        strangers = [one for user, one in enumerate(draw.genuine) if user != number]
        tested = [draw.genuine[number], np.concatenate([*strangers, np.empty(0, int)]), draw.skilled[number]]
        for kept, asked in zip(decided, tested, strict=True):
            kept.append(machine.decision_function(rows[asked]) if len(asked) else np.empty(0))
    return Decisions(*decided)


def _labels(writer: ArrayLike, forged: ArrayLike | None, name: str) -> tuple[Array, NDArray[np.bool_]]:
    who = np.asarray(writer)
    fake = np.zeros(len(who), dtype=bool) if forged is None else np.asarray(forged).astype(bool)
    if who.ndim != 1 or fake.shape != who.shape or not len(who):
        raise ValueError(f"{name} of shape {who.shape} and its forged ones of shape {fake.shape}; one each a signature")
    return who, fake
