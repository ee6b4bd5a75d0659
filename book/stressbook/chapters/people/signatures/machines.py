"""Machines: a classifier a person, over many draws of references, and the errors of all people, whole and resampled.

Between features and the rows of the chapter's table. What is compared has the same draws and the same resamples, so that
differences are paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import SVC

from stressbook.chapters.people.signatures.names import (
    ACCEPTED_RANDOM,
    ACCEPTED_SKILLED,
    AUC,
    EER,
    OWN,
    PUBLISHED,
    RANDOM,
    REFUSED,
)
from stressbook.chapters.people.signatures.people import Array, People
from stresslib.evaluation.verification import (
    det_curve,
    equal_error_rate,
    false_acceptance_rate,
    false_rejection_rate,
    mean_auc,
)
from stresslib.evaluation.writer_dependent import Decisions, draw_references, verify
from stresslib.stress.spec import Spec, make_stress

NEGATIVES = 6
"""Genuine signatures of each person to learn from that are negatives for everybody; the authors have 14."""

LEVELS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0)
"""Percent of accepted skilled forgeries at which refused genuine signatures are counted."""

LINEAR = "linear"
"""Name of the machine that is a linear one."""


class KernelMachine(BaseEstimator):
    """The authors' support vector machine, whose radial basis functions have a width that follows the number of features.

    Parameters
    ----------
    factor : float or None, default=1.0
        Gamma times the number of features. For 2,048 features 1 is the authors' 2**-11. None: the machine is linear.

    Notes
    -----
    It is scikit-learn's SVC with C = 1, on a kernel that one product of matrices makes, which for 2,048 features is four
    times as fast.

    Examples
    --------
    >>> import numpy as np
    >>> from stressbook.chapters.people.signatures.machines import KernelMachine
    >>> machine = KernelMachine().fit([[0.0, 0.0], [0.0, 1.0], [3.0, 3.0]], [1, 1, -1])
    >>> machine.decision_function([[0.0, 0.5]]) > machine.decision_function([[2.0, 3.0]])
    array([ True])
    """

    def __init__(self, factor: float | None = 1.0) -> None:
        self.factor = factor

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> KernelMachine:
        """Fit it on rows (n, d) of two classes."""
        rows = np.asarray(X, dtype=np.float64)
        machine = SVC(kernel="precomputed", C=1.0)
        machine.fit(self._kernel(rows, rows), y, sample_weight=sample_weight)
        self.classes_ = machine.classes_
        self.vectors_ = rows[machine.support_]
        self.weights_, self.constant_ = machine.dual_coef_[0], float(machine.intercept_[0])
        return self

    def decision_function(self, X: ArrayLike) -> Array:
        """Return the scores (n,) of rows; above 0 is the second class."""
        kernel = self._kernel(np.asarray(X, dtype=np.float64), self.vectors_)
        return np.asarray(kernel @ self.weights_ + self.constant_)

    def _kernel(self, rows: Array, others: Array) -> Array:
        if self.factor is None:
            return np.asarray(rows @ others.T)
        return np.asarray(rbf_kernel(rows, others, gamma=self.factor / rows.shape[1]))


def find_machine(name: str) -> KernelMachine:
    """Return a machine by its name: ``linear``, or the factor of :class:`KernelMachine`."""
    return KernelMachine(None if name == LINEAR else float(name))


def roles_of(people: People) -> dict[str, Array]:
    """Return who signs or is imitated, what is forged, who is verified and who is a negative: people without pictures."""
    names = ("writer", "forged", "verified", "negative")
    return {name: getattr(people, name) for name in names}


def judge(
    roles: dict[str, Array],
    features: Array,
    spec: Spec,
    machine: str,
    references: int,
    draws: int,
    resamples: int,
) -> dict[str, Any]:
    """Enrol and verify everybody in several draws: a task.

    Parameters
    ----------
    roles : dict of ndarray
        Of :func:`roles_of`.
    features : ndarray of shape (n, d)
    spec : Spec
        Stress, fitted on all that was learned from; a random one has a seed a draw.
    machine : str
        As :func:`find_machine` takes it.
    references : int
        Genuine signatures that enrol a person.
    draws : int
    resamples : int
        Of the people.

    Returns
    -------
    dict
        `metrics`, each a mean over draws in percent; `trade`, at the :data:`LEVELS`; and `resampled`, an ndarray of shape
        (resamples,): the equal error rate of each resample, a mean over draws.
    """
    found = decided(roles, features, spec, machine, references, draws)
    measured = [errors(one) for one in found]
    return {
        "metrics": {name: float(np.mean([one[name] for one in measured])) for name in measured[0]},
        "trade": np.mean([trade(one) for one in found], axis=0),
        "resampled": resampled_rates(found, resampled_people(len(found[0].genuine), resamples)),
    }


def decided(
    roles: dict[str, Array], features: Array, spec: Spec, machine: str, references: int, draws: int
) -> list[Decisions]:
    """Return the scores of everybody's machine in each draw; parameters are those of :func:`judge`."""
    verified, negative = roles["verified"], roles["negative"]
    found: list[Decisions] = []
    vectors = features
    for draw in range(draws):
        if draw == 0 or spec.is_random:
            stress = make_stress(spec, random_state=draw).fit(features[~verified])
            vectors = stress.transform(features)
        chosen = draw_references(
            roles["writer"][verified],
            roles["forged"][verified],
            roles["writer"][negative],
            n_references=references,
            n_negatives=NEGATIVES,
            random_state=draw,
        )
        found.append(verify(vectors[verified], vectors[negative], chosen, find_machine(machine)))
    return found


def errors(found: Decisions) -> dict[str, float]:
    """Return everything that is counted in one draw, in percent.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.evaluation.writer_dependent import Decisions
    >>> from stressbook.chapters.people.signatures.machines import errors
    >>> scores = Decisions([np.array([1.0, 2.0])], [np.array([-3.0])], [np.array([-1.0, 1.5])])
    >>> errors(scores)["EER"], errors(scores)["FRR"], errors(scores)["FAR, skilled forgeries"]
    (50.0, 0.0, 50.0)
    """
    measured = {
        EER: equal_error_rate(found.genuine, found.skilled).rate,
        PUBLISHED: equal_error_rate(found.genuine, found.skilled, as_published=True).rate,
        OWN: equal_error_rate(found.genuine, found.skilled, per_user=True).rate,
        RANDOM: equal_error_rate(found.genuine, found.random).rate,
        REFUSED: false_rejection_rate(found.genuine),
        ACCEPTED_RANDOM: false_acceptance_rate(found.random),
        ACCEPTED_SKILLED: false_acceptance_rate(found.skilled),
        AUC: mean_auc(found.genuine, found.skilled),
    }
    return {name: 100 * value for name, value in measured.items()}


def trade(found: Decisions) -> Array:
    """Return the percent of genuine signatures that are refused where no more than each of :data:`LEVELS` is accepted."""
    curve = det_curve(found.genuine, found.skilled)
    allowed = [np.flatnonzero(100 * curve.false_acceptance <= level + 1e-9)[-1] for level in LEVELS]
    return 100 * curve.false_rejection[allowed]


def resampled_people(n_people: int, count: int) -> Array:
    """Return how often each person is in each resample; the same ones for everything that is compared.

    Parameters
    ----------
    n_people, count : int

    Returns
    -------
    ndarray of shape (count, n_people), integer
    """
    drawn = np.random.default_rng(0).integers(n_people, size=(count, n_people))
    return np.stack([(drawn == person).sum(axis=1) for person in range(n_people)], axis=1)


def resampled_rates(draws: Sequence[Decisions], people: Array) -> Array:
    """Return the equal error rate of each resample of the people, in percent, a mean over draws.

    Parameters
    ----------
    draws : sequence of Decisions
    people : ndarray of shape (resamples, people)
        How often each person is in a resample.

    Returns
    -------
    ndarray of shape (resamples,)
        As :func:`stresslib.evaluation.verification.equal_error_rate` says it of the people who are drawn.
    """
    return np.mean([_resampled(found, people) for found in draws], axis=0)


def _resampled(found: Decisions, people: Array) -> Array:
    """Return the rates of one draw: all resamples at once, by weights of the scores in the order of falling thresholds."""
    scores = [np.concatenate(part) for part in (found.genuine, found.skilled)]
    owners = [np.repeat(np.arange(len(part)), list(map(len, part))) for part in (found.genuine, found.skilled)]
    thresholds = np.unique(np.concatenate(scores))[::-1]
    accepted = []
    for values, whose in zip(scores, owners, strict=True):
        order = np.argsort(-values, kind="stable")
        sums = np.cumsum(people[:, whose[order]], axis=1)
        above = np.searchsorted(-values[order], -thresholds, side="right")
        at = np.concatenate([np.zeros((len(people), 1), dtype=int), sums], axis=1)[:, np.append(0, above)]
        accepted.append(at / sums[:, -1:])
    refused, let_in = 1 - accepted[0], accepted[1]
    best = np.abs(let_in - refused).round(12).argmin(axis=1)[:, None]
    both = [np.take_along_axis(one, best, axis=1)[:, 0] for one in (refused, let_in)]
    return 100 * (both[0] + both[1]) / 2
