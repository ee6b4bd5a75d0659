"""Embeddings: what to take, to classify or to search, for so many bytes and so many vectors, and the lines that do it.

Reads the table of the chapter on rate, whose stresses were chosen on validation rows; nothing is measured here.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.beyond.rate.page import FAMILIES, OURS, TIE, compared
from stressbook.drawing import style, tables
from stresslib.codec.peers import RETRIEVAL
from stresslib.results import FEATURES

TASKS = {"classify": None, "search": RETRIEVAL}
"""What vectors are for, and the metric of the table that tells; None is that of the feature set."""

SIZES = (16, 32, 64, 128, 256, 512)
"""Bytes of a vector for which the page decides."""

VECTORS = (1_000, 10_000, 100_000, 1_000_000)
"""Sizes of a collection, over which what all vectors share is spread."""

SLACK = 1.1
"""A method may take a tenth more than the budget: settings fill it with codes alone, and what is shared comes on top."""

LEAST = 0.25
"""Share of the budget that codes have to use to search: one for the same class gains where detail is lost, others do not."""

ENOUGH = 90.0
"""Percent of the score below which nothing is recommended."""


_OWN = """```bash
stresslib import X.npy labels.csv -o mine.safetensors
stresslib compress mine.safetensors --spec {spec} -o mine.stress
```

```python
import stresslib as sl

codec = sl.codec.Codec.fit(X, "{spec}", normalize=True)
blocks = codec.encode(X)  # bytes, to keep as you like
decoded = codec.decode(blocks, len(X))
```"""

_FAISS = """```python
import faiss

faiss.normalize_L2(X)
index = faiss.index_factory(X.shape[1], "{factory}")
index.train(X)
codes = index.sa_encode(X)  # uint8, a row a vector
decoded = index.sa_decode(codes)
```"""

_BINS = """```python
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer

bins = KBinsDiscretizer(16, encode="ordinal", strategy="kmeans")
codes = make_pipeline(PCA({count}), bins).fit_transform(X).astype("uint8")
```"""


def decisions(results: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return the best stress and the best method of another library for each budget and size of a collection.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter on rate.
    task : {"classify", "search"}

    Returns
    -------
    pandas.DataFrame
        A row for each of :data:`SIZES` and :data:`VECTORS`: ``bytes``, ``vectors``; the best ``stress`` (that of the first
        feature set where they differ) and what it keeps, ``stress_kept``, in percent of the score of float32 vectors, a
        mean over the feature sets; ``other`` and ``other_kept`` likewise. Empty and NaN where nothing fits.
    """
    table = pd.concat(compared(results, TASKS[task]))
    table = table[table["family"] != "none"]
    sets, rows = table.groupby(FEATURES, sort=False).ngroups, []
    for size in SIZES:
        for count in VECTORS:
            fits = table[table["bytes"] + table["side_bytes"] / count <= SLACK * size]
            if task == "search":
                fits = fits[fits["bytes"] >= LEAST * size]
            own = fits["family"].isin(OURS)
            best = fits[own].loc[fits[own].groupby(FEATURES, sort=False)["kept"].idxmax()]
            scores = fits[~own].groupby("spec")["kept"].agg(["mean", "size"])
            others = scores.loc[scores["size"] == sets, "mean"]
            row: dict[str, Any] = {"bytes": size, "vectors": count, "stress": "", "other": ""}
            if len(best) == sets:
                row |= {"stress": best["spec"].iloc[0], "stress_kept": best["kept"].mean()}
            if len(others):
                row |= {"other": others.idxmax(), "other_kept": others.max()}
            rows.append(row)
    return pd.DataFrame(rows, columns=["bytes", "vectors", "stress", "stress_kept", "other", "other_kept"])


def taken(row: pd.Series) -> list[str]:
    """Return the methods to take: the one that is ahead, both where they are level, none where both lose too much."""
    kept = row[["stress_kept", "other_kept"]].astype(float)
    if not kept.max() >= ENOUGH:
        return []
    return [row[name] for name in ("stress", "other") if row[f"{name}_kept"] >= kept.max() - TIE]


def short(method: str) -> str:
    """Return the name of a method as the page has it.

    Examples
    --------
    >>> from stressbook.chapters.running.embeddings.page import short
    >>> short("faiss-pq: PQ16np"), short("sentence-transformers: int8"), short("DR2:128,QA:512")
    ('faiss PQ16np', 'int8', 'DR2:128,QA:512')
    """
    family, _, setting = method.partition(": ")
    if family == "sklearn-kmeans-bins":
        return f"{setting.partition(',')[0]}, k-means bins"
    if family in ("sklearn-projection", "truncation"):
        return f"{FAMILIES[family]} to {setting}"
    return f"faiss {setting}" if family.startswith("faiss-") else setting or method


def table(results: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return what to take, and what it keeps: a row for each number of bytes, a column for each number of vectors."""
    rows = decisions(results, task)
    said = [
        f"{' or '.join(map(short, methods))} ({row[['stress_kept', 'other_kept']].max():.1f}%)" if methods else "–"
        for _, row in rows.iterrows()
        for methods in [taken(row)]
    ]
    cells = rows.assign(said=said).pivot_table(index="bytes", columns="vectors", values="said", aggfunc="first")
    cells = cells.rename(columns="{:,} vectors".format, index="{} bytes".format)
    return cells.rename_axis(None).rename_axis(None, axis=1)


def chosen(results: pd.DataFrame, size: int = 64, vectors: int = VECTORS[-1]) -> dict[str, pd.Series]:
    """Return the row of :func:`decisions` for a budget and a collection, for each task."""
    found = {task: decisions(results, task) for task in TASKS}
    return {
        task: rows[(rows["bytes"] == size) & (rows["vectors"] == vectors)].iloc[0]
        for task, rows in found.items()
        if len(rows)
    }


def headline(results: pd.DataFrame, size: int = 64, vectors: int = VECTORS[-1]) -> str:
    """Say what to take for so many bytes and vectors to classify, and to search."""
    lines, gained = [], False
    for task, row in chosen(results, size, vectors).items():
        kept = row[["stress_kept", "other_kept"]].max()
        methods = " or ".join(f"`{short(method)}`" for method in taken(row))
        lines.append(f"to {task}, {methods} keeps {kept:.1f}%" if methods else f"to {task}, nothing keeps enough")
        gained |= bool(kept > 101)
    text = f"**With {size} bytes a vector and {vectors:,} vectors: {'; '.join(lines)}.**"
    if gained:
        text += " (More than 100%: the search is for rows of the same class, which are easier to find where detail is lost.)"
    return text


def recipes(results: pd.DataFrame) -> str:
    """Return the lines that do what :func:`headline` recommends, as Markdown."""
    methods = dict.fromkeys(method for row in chosen(results).values() for method in taken(row))
    return "\n\n".join(filter(None, map(recipe, methods)))


def recipe(method: str) -> str:
    """Return the commands and lines of Python for a method; empty for one that needs none, or is seldom the best."""
    family, _, setting = method.partition(": ")
    if not setting:
        return f"`{method}` with this library:\n\n{_OWN.format(spec=method)}"
    if family.startswith("faiss-"):
        return f"`{setting}` with faiss, on vectors of unit length:\n\n{_FAISS.format(factory=setting)}"
    if family == "sklearn-kmeans-bins":
        count = setting.partition(",")[0].removeprefix("DR2:")
        return f"k-means bins with scikit-learn, two of its codes a byte:\n\n{_BINS.format(count=count)}"
    return ""


def plot(results: pd.DataFrame) -> Figure:
    """Draw what the best stress and the best other library keep at each number of bytes, a panel a task and feature set."""
    drawn = [(task, rows) for task, metric in TASKS.items() for rows in compared(results, metric)]
    figure, axes = style.panels(len(drawn), height=3.2, sharey=False)
    for ax, (_, rows) in zip(axes, drawn, strict=True):
        for own, label, look in ((True, "best stress of this library", "o-"), (False, "best of other libraries", "s--")):
            here = rows[(rows["family"] != "none") & (rows["family"].isin(OURS) == own)]
            kept = pd.Series(
                {size: here.loc[here["total"].between(size / 2, SLACK * size), "kept"].max() for size in SIZES}
            ).dropna()
            ax.plot(kept.index, kept, look, color="#111111" if own else "#0072B2", label=label)
        ax.set_xscale("log", base=2)
        ax.set_xticks(list(SIZES))
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        ax.set_xlabel("bytes of a vector, without what all vectors share")
    style.finish(figure, axes, [f"{task}: {tables.features_title(rows)}" for task, rows in drawn], columns=2)
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    said = headline(results).replace("**", "").replace("`", "")
    return f"Curves of the share of the score that is kept against bytes of a vector. {said}"
