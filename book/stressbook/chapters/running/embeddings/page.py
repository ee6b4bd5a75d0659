"""Embeddings: for a number of bytes the stress or library to take, what it keeps, and the lines that do it.

Reads the table of the chapter on rate, whose stresses were chosen on validation rows; nothing is measured here.
"""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.beyond.rate.measure import BUDGETS
from stressbook.chapters.beyond.rate.page import PADDING, TIE, scores_per_byte
from stressbook.drawing import style, tables
from stresslib.codec.peers import RETRIEVAL
from stresslib.results import FEATURES

OWN = ("fc", "qa")
"""Families of the methods that this library has."""

TASKS = {"classify": None, "search": RETRIEVAL}
"""What vectors are for, and the metric of the table that tells; None is that of the feature set."""


def choices(results: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return the best stress and the best other library at each number of bytes.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter on rate.
    task : {"classify", "search"}

    Returns
    -------
    pandas.DataFrame
        A row for each feature set and budget: ``features``, ``bytes``, ``spec`` and ``kept`` (percent of the score of
        float32 vectors), ``peer`` and ``peer_kept``, ``ahead`` (points of score by which the stress exceeds the other
        library) and ``pays_from``, the vectors from which the stress is smaller than float32 with all that they share.
        Budgets at which one of the two has no setting are left out.
    """
    table, metric = scores_per_byte(results), TASKS[task]
    table = tables.first_metric(table) if metric is None else table[table["metric"] == metric]
    rows = []
    for _, here in table.groupby(FEATURES, sort=False):
        own = here["family"].isin(OWN)
        for size in BUDGETS:
            near = here["total"].between(size * 0.51, size * PADDING)
            if not ((near & own).any() and (near & ~own & (here["family"] != "none")).any()):
                continue
            fits = (here["total"] <= size * PADDING) & (here["family"] != "none")
            ours, other = (part.iloc[int(part["score"].argmax())] for part in (here[fits & own], here[fits & ~own]))
            saved = 4 * ours["n_features"] - ours["total"]
            rows.append(
                {
                    "features": tables.features_name(here),
                    "bytes": size,
                    "spec": ours["spec"],
                    "kept": ours["kept"],
                    "peer": other["spec"],
                    "peer_kept": other["kept"],
                    "ahead": ours["score"] - other["score"],
                    "pays_from": math.ceil(ours["side_bytes"] / saved),
                }
            )
    return pd.DataFrame(rows)


def taken(row: pd.Series) -> str:
    """Return the method to take: the one that is ahead, both where they are level."""
    if abs(row["ahead"]) <= TIE:
        return f"{row['spec']} or {row['peer']}"
    return str(row["spec"] if row["ahead"] > 0 else row["peer"])


def table(results: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return what to take at each number of bytes, under the headings of the page."""
    found = choices(results, task)
    columns = {
        "take": [taken(row) for _, row in found.iterrows()],
        "keeps %": found[["kept", "peer_kept"]].max(axis=1).round(1).to_numpy(),
        "best stress": found["spec"].to_numpy(),
        "it keeps %": found["kept"].round(1).to_numpy(),
        "pays from, vectors": found["pays_from"].to_numpy(),
    }
    return pd.DataFrame(columns, index=pd.MultiIndex.from_frame(found[["features", "bytes"]]))


def headline(results: pd.DataFrame, size: int = 64) -> str:
    """Say in two sentences what to take for so many bytes to classify, and to search."""
    lines, gained = [], False
    for task in TASKS:
        here = choices(results, task)
        here = here[here["bytes"] == size]
        gained |= task == "search" and bool((here[["kept", "peer_kept"]] > 101).any(axis=None))
        said = [
            f"{taken(row)} keeps {max(row['kept'], row['peer_kept']):.1f} % ({row['features']})"
            for _, row in here.iterrows()
        ]
        if said:
            lines.append(f"**To {task} with {size} bytes a vector:** {'; '.join(said)}.")
    if gained:
        lines.append("More than 100 %: this search is for the same class, and does better than among the full vectors.")
    return " ".join(lines)


def plot(results: pd.DataFrame) -> Figure:
    """Draw what the best stress and the best other library keep at each number of bytes, a panel a task and feature set."""
    found = {task: choices(results, task) for task in TASKS}
    drawn = [(task, name, rows) for task, table in found.items() for name, rows in table.groupby("features", sort=False)]
    figure, axes = style.panels(len(drawn), height=3.2, sharey=False)
    for ax, (_, _, rows) in zip(axes, drawn, strict=True):
        ax.plot(rows["bytes"], rows["kept"], color="#111111", marker="o", label="best stress of this library")
        ax.plot(
            rows["bytes"], rows["peer_kept"], color="#0072B2", marker="s", linestyle="--", label="best of other libraries"
        )
        ax.set_xscale("log", base=2)
        ax.set_xticks(list(rows["bytes"]))
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        ax.set_xlabel("bytes of a vector")
    style.finish(figure, axes, [f"{task}: {name}" for task, name, _ in drawn], columns=2)
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    return f"Curves of the share of the score that is kept against bytes of a vector. {headline(results).replace('**', '')}"
