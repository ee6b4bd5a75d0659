"""Signatures: verify people whom no network saw, by several kinds of features, and put their templates under stress.

Takes `people` and makes the results table that a page draws: errors, paired differences, the size of a template, and how
often two databases of the same people are joined. What is expected was written before anything was run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances

from stressbook.chapters.people.signatures.people import People, features_of
from stresslib.codec import Codec
from stresslib.datasets.signatures import normalize_signature, read_signatures
from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.evaluation.verification import (
    equal_error_rate,
    false_acceptance_rate,
    false_rejection_rate,
    mean_auc,
)
from stresslib.evaluation.writer_dependent import Decisions, draw_references, verify
from stresslib.results import results_table
from stresslib.running.tasks import run_tasks
from stresslib.stress.spec import bits_per_vector, make_stress, parse_spec

Array = NDArray[Any]

LEARNED = "writers"
"""Features whose equal error rate is expected below that of every rival, on people whom nothing was learned from."""

RIVALS = ("pixels", "oriented-gradients", "untrained", "efficientnet-lite0")
"""What `LEARNED` is compared with."""

PAPER_COST = 1.0
"""Percent that 98.4 % compression costs at most, says the paper: here, of the share of right decisions at equal errors."""

RISE = 0.1
"""Share of itself by which an equal error rate may rise before a template counts as too small."""

REFERENCES = 5
"""Genuine signatures that enrol a person; other numbers are named in `variant`."""

NEGATIVES = 10
"""Genuine signatures of each of the others that are negatives for everybody."""

RESAMPLES = 1000
"""Resamples of the people who are verified."""

CLASSIFIERS: dict[str, Any] = {"": None, "linear": LinearSVM(fit_intercept=True)}
"""Machines by what they change of the authors', which have radial basis functions."""

LINKED_BYTES = (8, 32, 128)
"""Sizes of the templates of two databases that are joined."""

MORE = ["bytes", "score_low", "score_high", "file_bytes", "side_bytes", "seed"]
"""Columns of numbers beside those of the schema."""


def specs(n_features: int, n_learned: int, sizes: Iterable[int]) -> list[str]:
    """Return the stresses that make a template of some sizes, each kind where it can.

    Parameters
    ----------
    n_features : int
    n_learned : int
        Signatures that a stress is fitted on: there are no more principal components.
    sizes : iterable of int
        Bytes.

    Returns
    -------
    list of str
        DR-1 and DR-2 of single precision, Q-1 and Q-2 of whole vectors, FC of 16 values, and the paper's headline: a tenth
        of the dimensions, 27 values each.

    Examples
    --------
    >>> from stressbook.chapters.people.signatures.measure import specs
    >>> specs(2048, 800, [8, 512])
    ['DR2:205,Q2:27', 'DR1:2', 'DR2:2', 'DR2:16,Q2:16', 'DR1:128', 'DR2:128', 'Q1:4', 'Q2:4']
    """
    most = min(n_features, n_learned)
    found = [f"DR2:{min(round(n_features / 10), most)},Q2:27"]
    for size in sizes:
        numbers, bits = size // 4, 8 * size // n_features
        if 1 <= numbers < n_features:
            found += [f"DR1:{numbers}"] + ([f"DR2:{numbers}"] if numbers <= most else [])
        if 1 <= bits <= 8 and 8 * size == bits * n_features:
            found += [f"{kind}:{2**bits}" for kind in ("Q1", "Q2")]
        if 1 <= 2 * size <= most:
            found += [f"DR2:{2 * size},Q2:16"]
    return list(dict.fromkeys(found))


def decisions(
    people: People,
    features: dict[str, Array],
    spec: str = "none",
    classifier: str = "",
    references: int = REFERENCES,
    draw: int = 0,
) -> dict[str, list[Array]]:
    """Return the scores of everybody's machine in one draw: a task.

    Parameters
    ----------
    people : People
    features : dict of ndarray
        Of :func:`~stressbook.chapters.people.signatures.people.features_of`.
    spec : str
        Stress, fitted on all that was learned from.
    classifier : str
        A key of `CLASSIFIERS`.
    references : int
    draw : int

    Returns
    -------
    dict of list of ndarray
        The attributes of :class:`stresslib.evaluation.writer_dependent.Decisions`.
    """
    learned, verified = stressed(features, spec, draw)
    negative = people.negative & ~people.learned_forged
    chosen = draw_references(
        people.writer,
        people.forged,
        people.learned_writer[negative],
        n_references=references,
        n_negatives=NEGATIVES,
        random_state=draw,
    )
    found = verify(verified, learned[negative], chosen, CLASSIFIERS[classifier])
    return {"genuine": found.genuine, "random": found.random, "skilled": found.skilled}


def stressed(features: dict[str, Array], spec: str, draw: int) -> tuple[Array, Array]:
    """Return features under stress, of those who were learned from and of those who are verified."""
    stress = make_stress(spec, random_state=draw)
    return stress.fit_transform(features["learned"]), stress.transform(features["verified"])


def errors(found: Decisions) -> dict[str, float]:
    """Return everything that is counted in one draw, in percent.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.evaluation.writer_dependent import Decisions
    >>> from stressbook.chapters.people.signatures.measure import errors
    >>> scores = Decisions([np.array([1.0, 2.0])], [np.array([-3.0])], [np.array([-1.0, 1.5])])
    >>> errors(scores)["eer"], errors(scores)["frr"], errors(scores)["far-skilled"]
    (50.0, 0.0, 50.0)
    """
    measured = {
        "eer": equal_error_rate(found.genuine, found.skilled).rate,
        "eer-as-published": equal_error_rate(found.genuine, found.skilled, as_published=True).rate,
        "eer-user": equal_error_rate(found.genuine, found.skilled, per_user=True).rate,
        "eer-random": equal_error_rate(found.genuine, found.random).rate,
        "frr": false_rejection_rate(found.genuine),
        "far-random": false_acceptance_rate(found.random),
        "far-skilled": false_acceptance_rate(found.skilled),
        "auc": mean_auc(found.genuine, found.skilled),
    }
    return {name: 100 * value for name, value in measured.items()}


def resampled_errors(draws: Sequence[Decisions], users: Array) -> Array:
    """Return the mean equal error rate over draws, in percent, of each resample of the people.

    Parameters
    ----------
    draws : sequence of Decisions
    users : ndarray of shape (resamples, people), integer

    Returns
    -------
    ndarray of shape (resamples,)
    """
    rates = np.empty((len(users), len(draws)))
    for column, found in enumerate(draws):
        for row, chosen in enumerate(users):
            genuine, skilled = ([part[user] for user in chosen] for part in (found.genuine, found.skilled))
            rates[row, column] = equal_error_rate(genuine, skilled).rate
    return 100 * rates.mean(axis=1)


def resamples(n_people: int, count: int = RESAMPLES) -> Array:
    """Return who is drawn in each resample; the same ones for everything that is compared."""
    return np.random.default_rng(0).integers(n_people, size=(count, n_people))


def judged(low: float, high: float, limit: float = 0.0) -> str:
    """Say whether a difference that is expected below a limit is, by its interval of 95 %.

    Returns
    -------
    {"holds", "does not hold", "cannot tell"}

    Examples
    --------
    >>> from stressbook.chapters.people.signatures.measure import judged
    >>> judged(-3.0, -0.5), judged(-3.0, 0.5), judged(0.5, 2.0)
    ('holds', 'cannot tell', 'does not hold')
    """
    if high < limit:
        return "holds"
    return "does not hold" if low > limit else "cannot tell"


def smallest_size(table: pd.DataFrame) -> dict[str, float]:
    """Return for each kind of stress the fewest bytes from which on the equal error rate is within `RISE` of the whole one.

    Parameters
    ----------
    table : pandas.DataFrame
        Of :func:`measure`.

    Returns
    -------
    dict of str to float
        By the name of the stress; NaN where no size is within.
    """
    learned = (table["model"] == LEARNED) & (table["variant"].fillna("") == "") & (table["seed"] == 0)
    rows = table[learned & (table["metric"] == "eer")]
    means = rows.groupby(["stress", "bytes"])["score"].mean().reset_index()
    whole = means.loc[means["stress"] == "none", "score"].iloc[0]
    found = {}
    for name, curve in means[means["stress"] != "none"].groupby("stress"):
        best = float("nan")
        for size, score in curve.sort_values("bytes", ascending=False)[["bytes", "score"]].itertuples(index=False):
            if score > (1 + RISE) * whole:
                break
            best = float(size)
        found[str(name)] = best
    return found


def linked(people: People, features: dict[str, Array], spec: str = "none", draw: int = 0) -> float:
    """Return how often two databases of the same people, a signature each, are joined by nearest neighbours: a task.

    Parameters
    ----------
    people, features, spec, draw
        As for :func:`decisions`; the two templates of a person are of two genuine signatures.

    Returns
    -------
    float
        Percent of the people whose nearest template in the other database is their own. By chance it is one in so many.
    """
    _, verified = stressed(features, spec, draw)
    generator = np.random.default_rng(draw)
    pairs = [
        generator.choice(np.flatnonzero((people.writer == one) & ~people.forged), 2, replace=False)
        for one in np.unique(people.writer)
    ]
    first, second = (verified[[pair[side] for pair in pairs]] for side in (0, 1))
    nearest = pairwise_distances(first, second).argmin(axis=1)
    return 100 * float((nearest == np.arange(len(pairs))).mean())


def packed_sizes(people: People, features: dict[str, Array], spec: str) -> tuple[int, int]:
    """Return the bytes to which the codec packs one person's references, and those that all people share.

    Parameters
    ----------
    people, features, spec
        As for :func:`decisions`.

    Returns
    -------
    packed, side : int
        The second are the axes and the dictionary, which a system has once.
    """
    codec = Codec.fit(features["learned"], spec)
    own = np.flatnonzero((people.writer == people.writer[0]) & ~people.forged)[:REFERENCES]
    return sum(map(len, codec.encode(features["verified"][own]))), codec.side_bytes


def lost_ink(folder: str | os.PathLike[str], *, incomplete: bool = False) -> dict[str, float]:
    """Return the percent of the ink that the authors' normalisation loses against the sound one, of each set.

    Parameters
    ----------
    folder, incomplete
        As for :func:`~stressbook.chapters.people.signatures.people.signatures`.

    Returns
    -------
    dict of str to float
        The mean over signatures of 1 minus the ratio of summed levels; those that theirs refuses are left out.
    """
    found = {}
    for path in (Path(folder, name) for name in ("sigcomp2011-dutch", "four-small")):
        if not path.is_dir():
            continue
        read = read_signatures(path, incomplete=incomplete)
        shares = []
        for row in range(len(read)):
            page = read.scan(row)
            try:
                ours, theirs = (normalize_signature(page, read.canvas, way).sum(dtype=float) for way in (False, True))
            except ValueError:
                continue
            shares.append(1 - theirs / ours)
        found[read.name] = 100 * float(np.mean(shares))
    return found


def measure(
    people: People,
    kinds: Sequence[str],
    sizes: Iterable[int],
    *,
    seeds: int = 1,
    draws: int = 10,
    references: Sequence[int] = (),
    classifiers: Sequence[str] = ("",),
    count: int = RESAMPLES,
    **options: Any,
) -> pd.DataFrame:
    """Measure errors by kind of features, the templates of the learned one under stress, and how they can be linked.

    Parameters
    ----------
    people : People
    kinds : sequence of str
        Keys of :data:`~stressbook.chapters.people.signatures.people.KINDS`, `LEARNED` among them.
    sizes : iterable of int
        Bytes of a template.
    seeds : int, default=1
        Trainings of each kind that has a draw.
    draws : int, default=10
        Of references.
    references : sequence of int, default=()
        Other numbers of references than `REFERENCES`.
    classifiers : sequence of str, default=("",)
        Keys of `CLASSIFIERS`.
    count : int
        Resamples of people.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`: `n_jobs`, `store` and `progress`.

    Returns
    -------
    pandas.DataFrame
        A results table, in percent, with the columns `MORE`. `repeat` is the draw.
    """
    drawn = [kind for kind in kinds if kind not in ("pixels", "oriented-gradients", "efficientnet-lite0")]
    wanted = [(kind, seed) for kind in kinds for seed in range(seeds if kind in drawn else 1)]
    made = run_tasks(
        features_of, [{"kind": kind, "seed": seed} for kind, seed in wanted], people, name="features of people", **options
    )
    features = dict(zip(wanted, made, strict=True))
    users = resamples(len(np.unique(people.writer)), count)
    rows: list[dict[str, Any]] = []
    means: dict[tuple[str, int], Array] = {}
    for (kind, seed), vectors in features.items():
        origin = _origin(people, kind, seed, vectors)
        for classifier in classifiers:
            for number in (REFERENCES, *references):
                setting = {"classifier": classifier, "references": number}
                found = _draws(people, vectors, draws, setting, f"errors of {kind}", options)
                changed = [classifier] * bool(classifier) + [f"references={number}"] * (number != REFERENCES)
                variant = {"variant": ", ".join(changed) or None}
                rows += [
                    {**origin, **variant, "repeat": draw, "metric": metric, "score": score}
                    for draw, one in enumerate(found)
                    for metric, score in errors(one).items()
                ]
                if not changed:
                    means[kind, seed] = resampled_errors(found, users)
                    rows.append(_band(origin, "eer-mean", [errors(one)["eer"] for one in found], means[kind, seed]))
    for kind in kinds:
        if kind != LEARNED:
            rows.append(_difference(people, rows, means, kind))
    vectors = features[LEARNED, 0]
    origin = _origin(people, LEARNED, 0, vectors)
    rows += _under_stress(people, vectors, origin, sizes, draws, users, means[LEARNED, 0], options)
    return results_table(rows, more=MORE)


def _origin(people: People, kind: str, seed: int, vectors: dict[str, Array]) -> dict[str, Any]:
    width = vectors["verified"].shape[1]
    named = {"dataset": people.name, "model": kind, "layer": "features", "n_features": width, "variant": None}
    return {**named, "stress": "none", "spec": "none", "bytes": 4 * width, "seed": seed}


def _draws(
    people: People, vectors: dict[str, Array], draws: int, setting: dict[str, Any], name: str, options: dict[str, Any]
) -> list[Decisions]:
    settings = [{**setting, "draw": draw} for draw in range(draws)]
    return [Decisions(**one) for one in run_tasks(decisions, settings, people, vectors, name=name, **options)]


def _band(origin: dict[str, Any], metric: str, scores: Sequence[float], resampled: Array) -> dict[str, Any]:
    low, high = np.percentile(resampled, [2.5, 97.5])
    row = {**origin, "metric": metric, "score": float(np.mean(scores))}
    return {**row, "score_low": float(low), "score_high": float(high)}


def _difference(
    people: People, rows: list[dict[str, Any]], means: dict[tuple[str, int], Array], kind: str
) -> dict[str, Any]:
    """Return the row of how much lower the learned features' equal error rate is than another kind's, people paired."""

    def of(name: str) -> tuple[float, Array, dict[str, Any]]:
        mine = [row for row in rows if row["model"] == name and row["metric"] == "eer-mean"]
        score = float(np.mean([row["score"] for row in mine]))
        return score, np.mean([one for (other, _), one in means.items() if other == name], axis=0), mine[0]

    learned, theirs = of(LEARNED), of(kind)
    return _band({**theirs[2], "seed": None}, "eer-difference", [learned[0] - theirs[0]], learned[1] - theirs[1])


def _under_stress(
    people: People,
    vectors: dict[str, Array],
    origin: dict[str, Any],
    sizes: Iterable[int],
    draws: int,
    users: Array,
    whole: Array,
    options: dict[str, Any],
) -> list[dict[str, Any]]:
    width, n_learned = origin["n_features"], len(vectors["learned"])
    rows: list[dict[str, Any]] = []
    (headline,) = specs(width, n_learned, [])
    for spec in specs(width, n_learned, sizes):
        parsed = parse_spec(spec)
        cells = {**origin, **parsed.cells, "spec": spec, "bytes": bits_per_vector(spec, width) / 8}
        found = _draws(people, vectors, draws, {"spec": spec}, f"errors under {spec}", options)
        scores = [errors(one)["eer"] for one in found]
        rows += [{**cells, "repeat": draw, "metric": "eer", "score": score} for draw, score in enumerate(scores)]
        if spec == headline:
            under = resampled_errors(found, users)
            right = 100 - np.array([whole, under])
            cost = 100 * (1 - right[1] / right[0])
            unstressed = [errors(one)["eer"] for one in _draws(people, vectors, draws, {}, "errors", options)]
            lost = 100 * (1 - (100 - np.mean(scores)) / (100 - np.mean(unstressed)))
            rows.append(_band(cells, "right-lost", [lost], cost))
            packed, side = packed_sizes(people, vectors, spec)
            rows.append({**cells, "metric": "packed", "file_bytes": packed, "side_bytes": side})
    for size in LINKED_BYTES:
        rows += _linked(people, vectors, origin, f"DR2:{2 * size},Q2:16", draws, options)
    rows += _linked(people, vectors, origin, "none", draws, options)
    return rows


def _linked(
    people: People, vectors: dict[str, Array], origin: dict[str, Any], spec: str, draws: int, options: dict[str, Any]
) -> list[dict[str, Any]]:
    width = origin["n_features"]
    parsed = parse_spec(spec)
    if (parsed.dimensions or 0) > min(width, len(vectors["learned"])):
        return []
    settings = [{"spec": spec, "draw": draw} for draw in range(draws)]
    found = run_tasks(linked, settings, people, vectors, name=f"linkage under {spec}", **options)
    cells = {**origin, **parsed.cells, "spec": spec, "bytes": bits_per_vector(spec, width) / 8}
    return [{**cells, "repeat": draw, "metric": "linked", "score": score} for draw, score in enumerate(found)]
