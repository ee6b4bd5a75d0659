"""Choices: which learning rates and stresses the held-out pairs chose, and from what.

A part of the page; reads the rows of `tuned`.
"""

from __future__ import annotations

import pandas as pd

from stressbook.chapters.images.salient_features.effects import called, filters, name
from stressbook.chapters.images.salient_features.names import AUC, DENOISER, RAW, SALIENT, TUNING

CHOSEN = {
    ("accuracy", SALIENT): "salient features",
    ("accuracy", DENOISER): "plain denoiser",
    (AUC, SALIENT): "detector of both",
    (AUC, RAW): "detector of raw features",
}
"""What is trained, by what it was chosen by."""


def said(results: pd.DataFrame) -> str:
    """List what was chosen on each data set, with its score, and the end of a grid where it lies there."""
    rows = results[results["variant"].eq(TUNING)]
    rows = rows.assign(filter=filters(rows))
    lines = []
    for dataset, part in rows.groupby("dataset", sort=False):
        trained = [_rate(part, metric, stress, words) for (metric, stress), words in CHOSEN.items()]
        stresses = part[part["level"].isna()]
        best = [called(str(_best(group)["filter"])) for _, group in stresses.groupby("stress", sort=False)]
        lines.append(f"- {name(str(dataset))}: learning rates {'; '.join(trained)}. Stresses: {'; '.join(best)}.")
    return "\n".join(lines) or "- Not chosen anew in this run."


def _rate(part: pd.DataFrame, metric: str, stress: str, words: str) -> str:
    tried = part[part["metric"].eq(metric) & part["stress"].eq(stress) & part["level"].notna()]
    best = _best(tried)
    at_the_end = ", the end of the grid" if best["level"] in (tried["level"].min(), tried["level"].max()) else ""
    return f"{best['level']:g} for the {words}{at_the_end}"


def _best(tried: pd.DataFrame) -> pd.Series:
    """Return the row of the highest score; of equal ones the first, as it was chosen."""
    return tried.iloc[int(tried["score"].to_numpy().argmax())]
