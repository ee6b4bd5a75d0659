"""Rows: the parts of the chapter's table: which network is a copy, who hits how many prints, and intervals over the noise.

Between the table of `measure` and the parts of the page, which draw it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from stressbook.chapters.weights.fingerprints.measure import FIRST_OF_SWEEP
from stressbook.chapters.weights.fingerprints.names import HITS, TUNED
from stressbook.chapters.weights.fingerprints.networks import FILES
from stressbook.chapters.weights.shared_kernels.effects import FORMS
from stressbook.drawing import outcomes
from stressbook.drawing.words import data_sets
from stresslib.training.artefacts import Address

NEAR = 2.0
"""Points of accuracy that a copy may have lost and still count as one; fixed before the run."""

ROLES = ("base", "copy", "broken", "other")
"""The network that prints are of, a copy near its accuracy, one that is not near, and a network that is no copy."""

SUSPECT = ["model", "stress", "level", "tuned"]
"""Columns that say which network prints are put to."""

MADE = ["dataset", "base", "kind", "eps", "steps", "delta", "draws", "radius"]
"""Columns that say how prints are made; -1 where the kind does not have it, or the library's own value is meant."""

_VARIANT = r"prints of (?P<base>[^,]+), (?P<kind>[^,]+), eps=(?P<eps>[^,]+), steps=(?P<steps>[^,]+)" + "".join(
    rf"(?:, {name}=(?P<{name}>[^,]+))?" for name in ("delta", "draws", "radius")
)


class Interval(NamedTuple):
    """A mean, and its interval of 95%."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return the numbers as a sentence has them."""
        return f"{self.value:+.1f} ({self.low:+.1f} to {self.high:+.1f})"


def interval(numbers: Any) -> Interval:
    """Return Student's interval of a mean, over groups of prints that start from noise of different seeds.

    Examples
    --------
    >>> from stressbook.chapters.weights.fingerprints.rows import interval
    >>> print(interval([1.0, 2.0, 3.0]))
    +2.0 (-0.5 to +4.5)
    """
    return Interval(*outcomes.interval(pd.Series(np.asarray(numbers, dtype=float))))


def accuracies(results: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy of each network and copy on the test images that all were shown.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        Columns of :data:`SUSPECT`, `dataset`, `accuracy` in percent, and `lost`, points below the network as it is.
    """
    rows = results[results["metric"].eq("accuracy") & results["layer"].eq("logits")]
    rows = _with_level(rows).rename(columns={"score": "accuracy"})
    rows = rows.assign(tuned=rows["variant"].eq(TUNED).fillna(False).astype(bool))
    full = rows[rows["stress"].eq("none")].set_index("model")["accuracy"]
    return rows.assign(lost=rows["model"].map(full) - rows["accuracy"])[["dataset", *SUSPECT, "accuracy", "lost"]]


def _with_level(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(level=rows["level"].fillna(-1.0))


def all_hits(results: pd.DataFrame, near: float = NEAR) -> pd.DataFrame:
    """Return which share of the prints each network hits, by seed of the noise.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    near : float, default=2.0
        As :data:`NEAR`.

    Returns
    -------
    pandas.DataFrame
        Columns of :data:`MADE` and :data:`SUSPECT`, `role` of :data:`ROLES`, `seed`, `hits` in percent, `accuracy`, `lost`.
    """
    rows = results[results["metric"].eq(HITS) & results["layer"].eq("logits")]
    rows = _made(_with_level(rows))
    rows = rows.assign(tuned=rows["variant"].str.startswith(TUNED).astype(bool)).rename(columns={"score": "hits"})
    rows = rows.merge(accuracies(results), on=["dataset", *SUSPECT], how="left")
    mine, whole = rows["model"].eq(rows["base"]), rows["stress"].eq("none")
    role = np.select([mine & whole, mine & rows["lost"].le(near), mine], ROLES[:3], ROLES[3])
    return rows.assign(role=role)[[*MADE, *SUSPECT, "role", "seed", "hits", "accuracy", "lost"]]


def hits(results: pd.DataFrame, near: float = NEAR) -> pd.DataFrame:
    """Return :func:`all_hits` of the prints of the experiment, without those on which settings were tried."""
    rows = all_hits(results, near)
    return rows[rows["seed"] < FIRST_OF_SWEEP]


def _made(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the columns of :data:`MADE`."""
    parts = rows["variant"].str.extract(_VARIANT)
    numbers = {name: parts[name].astype("Float64").fillna(-1.0).astype(float) for name in MADE[3:]}
    return rows.assign(base=parts["base"], kind=parts["kind"], **numbers)


def feature_hits(results: pd.DataFrame) -> pd.DataFrame:
    """Return the hits of classifiers of stressed features: :data:`MADE`, `stress`, `spec`, `seed`, `hits` in percent."""
    rows = _made(results[results["metric"].eq(HITS) & results["layer"].ne("logits")])
    return rows.rename(columns={"score": "hits"})[[*MADE, "stress", "spec", "seed", "hits"]]


def feature_scores(results: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy of these classifiers: `base`, `stress`, `spec`, `accuracy`."""
    rows = results[results["metric"].eq("accuracy") & results["layer"].ne("logits")]
    return rows.rename(columns={"score": "accuracy", "model": "base"})[["base", "stress", "spec", "accuracy"]]


def by_seed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what is said of prints, for each way of making them and each seed.

    Parameters
    ----------
    rows : pandas.DataFrame
        As :func:`hits` returns them.

    Returns
    -------
    pandas.DataFrame
        Indexed by :data:`MADE` and `seed`; in percent: `own`, the hits in the network itself; `robustness`, the mean over
        its copies near its accuracy; `transfer`, the mean over other networks; `uniqueness`, robustness less transfer.
    """
    means = rows.groupby([*MADE, "seed", "role"])["hits"].mean().unstack("role").reindex(columns=list(ROLES))  # noqa: PD010
    table = means.rename(columns={"base": "own", "copy": "robustness", "other": "transfer"}).drop(columns="broken")
    return table.assign(uniqueness=table["robustness"] - table["transfer"])


def places(rows: pd.DataFrame) -> list[tuple[str, float]]:
    """Return each network that prints are of, with each eps, in the order of the rows."""
    pairs = zip(rows["base"], rows["eps"], strict=True)
    return list(dict.fromkeys((str(base), float(eps)) for base, eps in pairs))


def by_suspect(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the share of all prints that each network hits, over the seeds; columns as :func:`hits` has them."""
    return rows.groupby([*MADE, *SUSPECT, "role"], sort=False)[["hits", "accuracy", "lost"]].mean().round(6).reset_index()


def name_of(model: str) -> str:
    """Return what a page calls a network.

    Examples
    --------
    >>> from stressbook.chapters.weights.fingerprints.rows import name_of
    >>> name_of("resnet20"), name_of("cifar10:10000/vgg:16/plain/1"), name_of("digits/resnet8:8/apr-p/1")
    ('ResNet-20', 'our VGG, training 1', 'our ResNet-8, APR-P, training 1')
    >>> name_of("cifar10:5000/anchored-resnet18-mixed:16/tuned/0")
    'our ResNet-18 (a kernel a width; width 16)'
    """
    if model in FILES:
        return _architecture(model)
    address = Address.parse(model)
    parts = [f"our {_architecture(address.architecture)}"]
    parts += [address.recipe.upper()] if address.recipe.startswith("apr") else []
    parts += [address.recipe] if address.recipe == "operations" else []
    return ", ".join(parts + ([f"training {address.seed}"] if address.seed else []))


def _architecture(name: str) -> str:
    base, _, width = name.partition(":")
    if base.startswith("anchored-resnet18"):
        form = base.removeprefix("anchored-resnet18").removeprefix("-") or "plain"
        return f"ResNet-18 ({FORMS[form].replace(',', '')}; width {width})"
    return base.replace("resnet", "ResNet-").replace("vgg", "VGG").replace("lenet5", "LeNet-5")


def data_name(dataset: str) -> str:
    """Return what a sentence calls a data set."""
    return data_sets([dataset])


def copy_name(row: Any) -> str:
    """Return what a page calls a copy, of a row with :data:`SUSPECT`.

    Examples
    --------
    >>> from stressbook.chapters.weights.fingerprints.rows import copy_name
    >>> copy_name({"stress": "weights-pruned", "level": 0.5, "tuned": True})
    'pruned by 50%, fine-tuned'
    """
    if row["stress"] == "weights-rounded":
        return f"{row['level']:.0f} bits"
    if row["stress"] == "none":
        return "as it is"
    pruned = [f"pruned by {100 * row['level']:.0f}%"] if row["level"] > 0 else []
    return ", ".join(pruned + ([TUNED] if row["tuned"] else []))
