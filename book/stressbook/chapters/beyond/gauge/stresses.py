"""Stresses: every stress of the book in one list: which rows of which tables are about it, and how much it takes away.

Below everything of the chapter; a new stress is an entry here, and a new table of an old one a source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pandas as pd

from stresslib.stress.spec import compression_rate

FEATURES, WEIGHTS, UNITS, IMAGES, ADVERSARY, TEMPLATES = "features", "weights", "units", "images", "adversary", "templates"
"""What is put under stress."""

SCORES = ("mAP", "mean-class-accuracy", "accuracy")
"""Metrics whose share that is kept counts; of a feature set with several the first of the table."""

Dose = Callable[[pd.DataFrame, pd.DataFrame], pd.Series]
"""Returns how much each of the rows takes away, from these rows and the whole table."""


@dataclass(frozen=True)
class Source:
    """Rows of a results table that are about a stress.

    Attributes
    ----------
    table : str
        Name of the table under results/, and of its chapter.
    stresses : tuple of str
        What the column `stress` calls it.
    dose : callable
        Returns how much each row takes away, on the scale of the stress.
    prepare : callable, optional
        Returns the rows that count, of a table, and renames what is to be one curve.
    metrics : tuple of str, default=SCORES
    kept : callable, optional
        Returns the percent of the score that is kept from `score`. Default: its share of the full score.
    """

    table: str
    stresses: tuple[str, ...]
    dose: Dose
    prepare: Callable[[pd.DataFrame], pd.DataFrame] = field(default=lambda table: table)
    metrics: tuple[str, ...] = SCORES
    kept: Callable[[pd.Series], pd.Series] | None = None


@dataclass(frozen=True)
class Stress:
    """A stress of the book.

    Attributes
    ----------
    name : str
    target : str
        What is put under stress.
    scale : str
        What the dose counts, in words that follow a percentage; of :attr:`unit` where that is not percent.
    at : float
        The dose at which networks are compared: it was chosen because most tables have doses on both sides of it.
    sources : tuple of Source
    common : bool, default=True
        Whether the dose is a share of information that is taken away.
    chosen : bool, default=False
        Whether several settings take away equally much, of which the best counts.
    unit : str, default="%"
    """

    name: str
    target: str
    scale: str
    at: float
    sources: tuple[Source, ...]
    common: bool = True
    chosen: bool = False
    unit: str = "%"


def bits(rows: pd.DataFrame, _: pd.DataFrame) -> pd.Series:
    """Return the percent of a vector's bits that the stress in `spec` takes away, as the paper counts them."""
    pairs = list(zip(rows["spec"].astype(str), rows["n_features"].astype(int), strict=True))
    shares = {pair: 100 * compression_rate(*pair) for pair in set(pairs)}
    return pd.Series([shares[pair] for pair in pairs], rows.index, dtype=float)


def level(factor: float = 1.0) -> Dose:
    """Return a dose that is the column `level`, times a factor."""
    return lambda rows, _: factor * rows["level"]


def fewer_bits(rows: pd.DataFrame, _: pd.DataFrame) -> pd.Series:
    """Return the percent of the 32 bits of a number that is gone where `level` are left."""
    return 100 * (1 - rows["level"] / 32)


def gone(metric: str) -> Dose:
    """Return a dose that is what is missing to 100 in another metric, measured in the same setting."""
    keys = [
        "dataset",
        "model",
        "stress",
        "variant",
        "level",
    ]  # the mean over trainings, which lose slightly different numbers

    def dose(rows: pd.DataFrame, table: pd.DataFrame) -> pd.Series:
        left = table[table["metric"].eq(metric)].groupby(keys, dropna=False)["score"].mean().rename("left")
        return 100 - rows.join(left, on=keys)["left"]

    return dose


def channels(rows: pd.DataFrame, _: pd.DataFrame) -> pd.Series:
    """Return the percent of a layer's channels that is not left."""
    return 100 * (1 - rows["dimensions"].astype(float) / rows["n_features"].astype(float))


def dropped(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of dropped channels; where a branch is dropped, level 0 is the whole layer."""
    is_whole = table["stress"].eq("branch-dropped") & table["level"].eq(0)
    rows = table[table["stress"].ne("none")]
    return rows.assign(stress=rows["stress"].mask(is_whole, "none"), level=rows["level"].mask(is_whole))


def everything(rows: pd.DataFrame, _: pd.DataFrame) -> pd.Series:
    """Return the dose of a stress that takes away all of something."""
    return pd.Series(100.0, rows.index)


def in_variant(action: str, dose: Callable[[pd.Series], pd.Series]) -> Source:
    """Return the source of a stress on weights whose strength stands in `variant`, as ``weights=ACTION:STRENGTH``."""
    pattern = rf"^weights=(?:none|{action}:([\d.]+))$"

    def prepare(table: pd.DataFrame) -> pd.DataFrame:
        found = table["variant"].str.extract(pattern)[0].astype(float)
        is_plain = table["variant"].eq("weights=none")
        rows = table[(found.notna() | is_plain) & table["stress"].eq("none")]
        return rows.assign(level=found, variant="", stress=action).assign(level=lambda new: dose(new["level"]).fillna(0))

    return Source("weights-or-features", (action,), level(), prepare)


def corrupted(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of all corruptions, which alone have a level, as one stress, and those without any."""
    rows = table[table["layer"].eq("logits")]
    return rows.assign(stress=rows["stress"].mask(rows["level"].notna() & rows["stress"].ne("none"), "corruption"))


def attacked(attack: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return what selects the rows of an attack on a network without a defence, and those without an attack."""

    def prepare(table: pd.DataFrame) -> pd.DataFrame:
        rows = table[table["stress"].eq("none") & table["layer"].eq("logits") & table["variant"].isin(["benign", attack])]
        return rows.assign(stress=attack, variant="")

    return prepare


def pasted(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of pasted objects, one network for all objects at each size of the image."""
    return table[table["layer"].eq("logits")].assign(variant="side=" + table["side"].map("{:.0f}".format))


def shrunk(rows: pd.DataFrame, _: pd.DataFrame) -> pd.Series:
    """Return the percent of an object's pixels that are gone where it fills `area` of the image, not all of it."""
    return 100 * (1 - rows["area"])


def turned(rows: pd.DataFrame, _: pd.DataFrame) -> pd.Series:
    """Return by how many degrees an object is turned; the smallest angle that was measured, 1, counts as none."""
    angle = rows["rotation"].where(rows["rotation"] <= 180, 360 - rows["rotation"])
    return angle.where(angle > 1, 0)


def moved(rows: pd.DataFrame, _: pd.DataFrame) -> pd.Series:
    """Return how far an object lies off the centre, in percent of the image's side."""
    return 100 * (rows[["x", "y"]] - 0.5).abs().max(axis=1).round(6)


def shared(table: pd.DataFrame) -> pd.DataFrame:
    """Return one network for all that differ in what layers share; `level` is the percent of the bytes that it saves."""
    rows = table[table["stress"].eq("none") & table["variant"].eq("tuned") & table["layer"].eq("logits")]
    shares = r"-(?:none|regulated|shared-norm)(?=:|$)|(?<=-mixed)-(?:none|regulated)(?=:|$)"
    rows = rows.assign(
        stress="shared", whole=rows["model"].str.contains("-none"), model=rows["model"].str.replace(shares, "", regex=True)
    )
    widest = rows[rows["whole"]].groupby(["dataset", "model"])["bytes"].max().rename("all")
    rows = rows.join(widest, on=["dataset", "model"])
    return rows[rows["all"].notna()].assign(level=lambda new: 100 * (1 - new["bytes"] / new["all"]))


def verified(table: pd.DataFrame) -> pd.DataFrame:
    """Return the right decisions on features that other writers taught, with five references and the usual machine."""
    rows = table[table["metric"].eq("EER") & table["model"].str.endswith("writers") & table["variant"].eq("")]
    return rows.assign(score=100 - rows["score"])


def one_unit(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of all units of a layer as one curve."""
    return table.assign(variant="")


def _of_features(names: Iterable[str], *stresses: str) -> tuple[Source, ...]:
    return tuple(Source(name, stresses, bits, _plain_weights) for name in names)


def _plain_weights(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of networks whose weights, and whose images, nothing was done to."""
    if "variant" not in table:
        return table
    rows = table[table["variant"].isin(["weights=none"]) | ~table["variant"].fillna("").str.startswith("weights=")]
    rows = rows[~rows["dataset"].str.contains("+", regex=False)]
    return rows.replace({"variant": {"weights=none": ""}})


def _templates(*stresses: str) -> tuple[Source, ...]:
    return (Source("signatures", stresses, bits, verified, metrics=("EER",)),)


_TRAINED = (
    "amplitude-phase",
    "feature-flow",
    "evolution",
    "shared-kernels",
    "fingerprints",
    "weights-or-features",
    "components",
)
_VECTORS = ("figure-2", "figure-3", "layers", "classical", "networks")
_VALUES = ("figure-4", "layers", "classical", "networks")
_ACTIVATION = ("activation kept, independent",)
_VECTOR, _NETWORK = "of a vector's bits", "of the weights"

STRESSES = (
    Stress("DR-1", FEATURES, _VECTOR, 90, _of_features((*_VECTORS, *_TRAINED, "context"), "random-selection")),
    Stress("DR-2", FEATURES, _VECTOR, 90, _of_features((*_VECTORS, *_TRAINED, "context"), "pca")),
    Stress("Q-1", FEATURES, _VECTOR, 93, _of_features((*_VALUES, *_TRAINED), "uniform-shared")),
    Stress("Q-2", FEATURES, _VECTOR, 93, _of_features((*_VALUES, *_TRAINED), "uniform-per-dimension")),
    Stress("Q-B", FEATURES, _VECTOR, 70, _of_features(("bit-erasure",), "bit-erasure")),
    Stress("FC", FEATURES, _VECTOR, 98, _of_features(("figure-5", *_VECTORS, *_TRAINED), "pca+uniform"), chosen=True),
    Stress(
        "pruned weights",
        WEIGHTS,
        _NETWORK,
        50,
        (
            Source("fingerprints", ("weights-pruned",), level(100)),
            Source("shared-kernels", ("weights-pruned",), level()),
            in_variant("prune", lambda share: 100 * share),
        ),
    ),
    Stress(
        "pruned, learning on",
        WEIGHTS,
        _NETWORK,
        80,
        (Source("evolution", ("weights-pruned",), gone("synapses")),),
    ),
    Stress(
        "rounded weights",
        WEIGHTS,
        "of the weights' bits",
        87.5,
        (
            Source("fingerprints", ("weights-rounded",), fewer_bits),
            in_variant("round", lambda left: 100 * (1 - left / 32)),
        ),
    ),
    Stress("synthesis", WEIGHTS, "of the synapses", 80, (Source("evolution", ("synthesis",), gone("synapses")),)),
    Stress(
        "shared kernels", WEIGHTS, "of the network's bytes", 90, (Source("shared-kernels", ("shared",), level(), shared),)
    ),
    Stress(
        "removed filters",
        UNITS,
        _NETWORK,
        30,
        (
            Source(
                "feature-flow",
                tuple(f"filters {by}-{where}" for by in ("norm", "folded", "scale") for where in ("layer", "global")),
                gone("parameters left"),
            ),
        ),
    ),
    Stress(
        "a branch dropped",
        UNITS,
        "of a layer's channels",
        25,
        (Source("context", ("branch-dropped",), channels, dropped),),
    ),
    Stress(
        "channels dropped",
        UNITS,
        "of a layer's channels",
        25,
        (Source("context", ("channels-dropped",), channels, dropped),),
    ),
    Stress(
        "activations quantised",
        UNITS,
        "of the bits between two layers",
        90,
        (Source("invariances", ("activations-quantised",), fewer_bits, one_unit, _ACTIVATION, lambda score: score),),
    ),
    Stress(
        "a unit's weights rounded",
        UNITS,
        "of the weights' bits",
        87.5,
        (Source("invariances", ("weights-rounded",), fewer_bits, one_unit, _ACTIVATION, lambda score: score),),
    ),
    Stress("smaller object", IMAGES, "of the object's pixels", 80, (Source("objects", ("pasted-size",), shrunk, pasted),)),
    Stress("DR-2 on signatures", TEMPLATES, _VECTOR, 90, _templates("pca")),
    Stress("Q-2 on signatures", TEMPLATES, _VECTOR, 93, _templates("uniform-per-dimension")),
    Stress("FC on signatures", TEMPLATES, _VECTOR, 98, _templates("pca+uniform"), chosen=True),
    Stress(
        "corruptions",
        IMAGES,
        "severity, of 5",
        3,
        (Source("amplitude-phase", ("corruption",), level(), corrupted),),
        common=False,
        unit="",
    ),
    Stress(
        "amplitude removed",
        IMAGES,
        "of the amplitude",
        100,
        (Source("amplitude-phase", ("phase-kept",), everything),),
        common=False,
    ),
    Stress(
        "phase removed",
        IMAGES,
        "of the phase",
        100,
        (Source("amplitude-phase", ("amplitude-kept",), everything),),
        common=False,
    ),
    Stress(
        "turned object",
        IMAGES,
        "",
        90,
        (Source("objects", ("pasted-rotation",), turned, pasted),),
        common=False,
        unit="°",
    ),
    Stress(
        "moved object",
        IMAGES,
        "of the side, off the centre",
        20,
        (Source("objects", ("pasted-place",), moved, pasted),),
        common=False,
    ),
    Stress(
        "FGSM",
        ADVERSARY,
        "of a pixel's range",
        3.2,
        (Source("salient-features", ("fgsm",), level(100), attacked("fgsm")),),
        common=False,
    ),
    Stress(
        "PGD",
        ADVERSARY,
        "of a pixel's range",
        3.2,
        (Source("salient-features", ("pgd",), level(100), attacked("pgd")),),
        common=False,
    ),
)
"""Every stress of the book, those of features first."""
