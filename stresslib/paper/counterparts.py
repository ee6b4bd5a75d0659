"""Counterparts: which of our curves stands for which published one, and which commands would make those that are missing.

The join of the whole published table with results of ours; `published` compares, this says with what.
"""

from __future__ import annotations

import pandas as pd

from stresslib.features import embedded_path
from stresslib.paper.published import NAMESAKES, PLACE, published, with_shares
from stresslib.results import FEATURES

FIGURES = {
    "figure-2": "figure-2",
    "figure-3": "figure-3",
    "figure-4": "figure-4",
    "figure-5": "figure-5",
    "supplement-bits": "bit-erasure",
    "supplement-multilayer": "layers",
}
"""The figure here that measures what a source of the published table holds."""

LAYERS = {
    "pool5": "stage3@3",
    "fc6": "stage4@2",
    "relu6": "stage5@2",
    "fc7": "stage6@1",
    "relu7": "stage7@1",
    "fc8": "pooled",
    "softmax": "logits",
}
"""The paper's layers of VGG-M and, at the same depth of the list, ours of EfficientNet-Lite0; shallowest first."""

# The paper's data set on the split that can be had stands before another data set.
_VOC = ("voc2007-val/efficientnet-lite0/pooled", "caltech101/efficientnet-lite0/pooled")
_MAP = ("voc2007-val/bvlc-googlenet/inception5b", "caltech101/bvlc-googlenet/inception5b")
# The BossaNova with a spatial pyramid: the paper's 63,440 values imply one.
_CLASSICAL = ("voc2007/bossanova/pyramid", "voc2007-val/bossanova/pyramid", "caltech101/bossanova/pyramid")
STAND_INS: dict[tuple[str, str], tuple[str, ...]] = {
    ("figure-2", "voc2007/vgg-m/relu7"): _VOC,
    ("figure-2", "voc2007/googlenet/inception5b"): _MAP,
    ("figure-2", "voc2007/bossanova/bossanova"): _CLASSICAL,
    ("figure-3", "mit67/vgg-m/relu7"): ("scenes15/efficientnet-lite0/pooled",),
    ("figure-3", "food101/vgg-m/relu7"): ("food101-10/efficientnet-lite0/pooled", "digits/efficientnet-lite0/pooled"),
    ("figure-4", "voc2007/vgg-m/relu7"): _VOC,
    ("figure-5", "voc2007/vgg-m/relu7"): _VOC,
    ("supplement-bits", "voc2007/vgg-m/relu7"): _VOC,
    ("supplement-bits", "voc2007/vgg-m-128/relu7"): (),
    ("supplement-bits", "voc2007/googlenet/inception5b"): (
        *_MAP,
        "voc2007-val/bvlc-googlenet/pooled",
        "caltech101/bvlc-googlenet/pooled",
    ),
    ("supplement-bits", "mit67/vgg-m/relu7"): ("scenes15/efficientnet-lite0/pooled",),
    ("supplement-bits", "food101/vgg-m/relu7"): ("food101-10/efficientnet-lite0/pooled", "digits/efficientnet-lite0/pooled"),
    **{
        ("supplement-multilayer", f"voc2007/vgg-m/{theirs}"): (
            f"voc2007-val/efficientnet-lite0/{ours}",
            f"caltech101/efficientnet-lite0/{ours}",
        )
        for theirs, ours in LAYERS.items()
    },
}
"""The feature sets of ours that stand for each published one, source by source; the first that has results is taken."""

COLUMNS = [
    *("source", "paper_name", "stress", *PLACE),
    *(f"published_{name}" for name in (*FEATURES, "n_features", "dimensions", "metric", "score", "score_sd", "kept")),
    *(*FEATURES, "n_features", "dimensions", "metric", "score", "score_sd", "repeats", "kept"),
    *("scale", "ours", "theirs", "difference", "reason", "command"),
]
"""Columns of the table of counterparts."""

_WITHOUT = {
    "vgg-m-128": "the weights of VGG-M-128 are not at hand here, and no other network stands for it",
}


def counterparts(results: pd.DataFrame, *, source: str | None = None) -> pd.DataFrame:
    """Put a number of ours beside every published one, or say why there is none.

    The paper's own feature set is taken where the results have it, else the one that :data:`STAND_INS` declares, under
    the same stress and at the same place.

    Parameters
    ----------
    results : pandas.DataFrame
        A results table; of each feature set, only the first metric counts.
    source : str, optional
        One of :data:`FIGURES`, to which the published numbers are confined. Default: all.

    Returns
    -------
    pandas.DataFrame
        One row for each of these rows of :func:`stresslib.published`, in its order and under its index: `source`,
        `paper_name`, `stress` and the place (`step`, `values`, `removed_bits`); the published row's other columns as
        `published_*`; ours under their own names (`score` is the mean over `repeats` rows, `score_sd` their population
        deviation); both with their share `kept`; `scale`, `ours`, `theirs` and `difference` as in
        :func:`stresslib.agreement`; and, where there is none of ours, the `reason` and the `command` that would change that.

    Raises
    ------
    ValueError
        On an unknown source.

    Examples
    --------
    >>> import stresslib as sl
    >>> features = sl.load_features("scenes15", "efficientnet-lite0")
    >>> table = sl.counterparts(sl.sweep(features, ["none", "QB:50", "QB:56"], n_jobs=1, progress=False))
    >>> len(table), int(table["ours"].count())
    (1210, 2)
    """
    ours = _curves(results)
    theirs = with_shares(published())
    if source is not None:
        if source not in FIGURES:
            raise ValueError(f"source {source!r} is unknown; there are {', '.join(FIGURES)}")
        theirs = theirs[theirs["source"] == source]
    own_columns = [name for name in theirs if name not in ("source", "paper_name", "stress", *PLACE)]
    theirs = theirs.rename(columns={name: f"published_{name}" for name in own_columns})
    theirs["features"] = theirs["published_dataset"] + "/" + theirs["published_model"] + "/" + theirs["published_layer"]
    parts = []
    for (where, features, stress), curve in theirs.groupby(["source", "features", "stress"], sort=False):
        under = ours[ours["stress"] == stress]
        names = (str(features), *STAND_INS[str(where), str(features)])
        name = next((name for name in names if name in set(under["features"])), None)
        part = curve.merge(under[under["features"] == name].drop(columns=["features", "stress"]), on=PLACE, how="left")
        parts.append(_compared(part.set_axis(curve.index), name))
    return pd.concat(parts).sort_index()


def _curves(results: pd.DataFrame) -> pd.DataFrame:
    """Return the means over repeats of the first metric of each feature set, with its name in one column."""
    table = with_shares(results)
    table = table[table["metric"] == table.groupby(FEATURES)["metric"].transform("first")]
    groups = table.groupby([*FEATURES, "metric", "stress", *PLACE], dropna=False, sort=False)
    means = groups.agg(
        n_features=("n_features", "first"),
        dimensions=("dimensions", "first"),
        score=("score", "mean"),
        kept=("kept", "mean"),
        repeats=("score", "size"),
    )
    means["score_sd"] = groups["score"].std(ddof=0).where(means["repeats"] > 1)
    means = means.astype({"repeats": "Int64"}).reset_index()
    return means.assign(features=means["dataset"].replace(NAMESAKES) + "/" + means["model"] + "/" + means["layer"])


def _compared(part: pd.DataFrame, name: str | None) -> pd.DataFrame:
    """Add the comparison to one published curve and the rows of ours beside it; `name` is of the feature set measured."""
    source, features, model = part[["source", "features", "published_model"]].iloc[0]
    own = part["metric"].eq(part["published_metric"]).fillna(False) & (name == features)
    part["ours"] = part["kept"].where(~own, part["score"])
    part["theirs"] = part["published_kept"].where(~own, part["published_score"])
    part["difference"] = part["ours"] - part["theirs"]
    missing = part["difference"].isna()
    part["scale"] = own.map({True: "score", False: "kept"}).mask(missing)
    wanted = next(iter([name] if name else STAND_INS[source, features]), None)
    unscaled = f"these results lack the full score of {name}"
    if wanted is None:
        reason = _WITHOUT[model]
    elif name is None:
        reason = f"these results have no {wanted} under this stress"
    else:
        reason = f"these results have {name} under this stress, but not at this place"
    part["reason"] = pd.Series(reason, part.index, dtype="string").where(part["score"].isna(), unscaled).where(missing)
    part["command"] = pd.Series(command(features, [FIGURES[source]], wanted), part.index, dtype="string").where(missing)
    return part[COLUMNS]


def command(features: str, figures: list[str], stand_in: str | None = None) -> str:
    """Return the commands that measure figures on a feature set of the paper, or on one that stands for it.

    Parameters
    ----------
    features : str
        ``DATASET/MODEL/LAYER`` of the paper.
    figures : list of str
        As in :data:`FIGURES`.
    stand_in : str, optional
        ``DATASET/MODEL/LAYER`` of ours. Default: the paper's own images and network.

    Returns
    -------
    str
        One command on each line.

    Examples
    --------
    >>> from stresslib.paper.counterparts import command
    >>> print(command("voc2007/vgg-m-128/relu7", ["bit-erasure"]))
    stresslib extract voc2007 --model vgg-m-128 --layer relu7
    stresslib reproduce bit-erasure --profile full -p dataset=voc2007/vgg-m-128/relu7
    """
    reproduce = f"stresslib reproduce {' '.join(figures)} --profile full -p dataset="
    dataset, model, layer = (stand_in or features).split("/")
    if layer == "bossanova":  # the paper's own, whose settings were not published
        file = f"{features.replace('/', '--')}.safetensors"
        return f"stresslib import X.npy labels.csv -o {file}\n{reproduce}{file}"
    dataset = next((ours for ours, theirs in NAMESAKES.items() if theirs == dataset), dataset)
    lines = [f"{reproduce}{dataset}/{model}/{layer}"]
    if not embedded_path(dataset, model, layer).is_file():
        lines.insert(0, f"stresslib extract {dataset} --model {model} --layer {layer}")
    return "\n".join(lines)


def rival(source: str, features: str) -> pd.DataFrame:
    """Return the published curves that a feature set is compared with.

    Parameters
    ----------
    source : str
        As in :data:`FIGURES`.
    features : str
        ``DATASET/MODEL/LAYER``.

    Returns
    -------
    pandas.DataFrame
        Rows of :func:`stresslib.published` with their shares: the feature set's own, else those that it stands for, else
        those of VGG-M's relu7 on VOC 2007.
    """
    table = with_shares(published())
    table = table[table["source"] == source]
    names = table["dataset"] + "/" + table["model"] + "/" + table["layer"]
    declared = (theirs for (part, theirs), ours in STAND_INS.items() if part == source and features in ours)
    dataset, rest = features.split("/", 1)
    own = (name for name in (f"{NAMESAKES.get(dataset, dataset)}/{rest}", features) if name in set(names))
    return table[names == next(own, next(declared, "voc2007/vgg-m/relu7"))]
