"""Summary: what the chapter found, and what is otherwise than the indices' authors have it."""

from __future__ import annotations

import pandas as pd

from stressbook.chapters.beyond.separation.choices import WITHIN, choices
from stressbook.chapters.beyond.separation.layers import called, trends
from stressbook.chapters.beyond.separation.scores import ORDERED, PRIMARY, correlations


def headline(results: pd.DataFrame) -> str:
    """Say in two sentences what was found, as the page's first paragraph."""
    found = correlations(results).xs(PRIMARY, level="index")
    low, high = found["spearman"].min(), found["spearman"].max()
    span = f"{low:.2f}" if len(found) == 1 else f"{low:.2f} to {high:.2f}"
    if low >= ORDERED:
        said = "orders stresses as the classifier does"
    elif low >= 0.5:
        said = "orders stresses in part as the classifier does"
    else:
        said = "does not everywhere order stresses as the classifier does"
    picked = choices(results)["lost"].unstack("chosen by")  # noqa: PD010
    some = {way: _part(int((picked[way] <= WITHIN).sum()), len(picked)) for way in (PRIMARY, "validation")}
    line = f"**Without a classifier, the separation index of the training rows {said} (rank correlation {span}).** Of the "
    line += (
        f"stresses that it chooses, the fewest bits within a point of the index, {some[PRIMARY]} lose at most a point of "
    )
    line += f"the test score; of those that validation chooses, {some['validation']}."
    return line


def _part(some: int, of: int) -> str:
    return {0: "none", of: "all"}.get(some, f"{some} of {of}")


def not_reproduced(results: pd.DataFrame) -> str:
    """List what is otherwise than the indices' authors have it, as Markdown."""
    lines = []
    for row in trends(results).to_dict("records"):
        name = f"{row['metric']} of {called(row['dataset'], row['network'])}"
        went = f"({row['first']:.1f} to {row['last']:.1f})"
        if row["trained"] and row["trend"] != "rises":
            lines.append(f"- {name} {row['trend']} with depth, though the network is trained {went}.")
        if not row["trained"] and row["trend"] == "rises":
            lines.append(f"- {name} rises with depth {went}, though the network is not trained.")
    for row in correlations(results).xs(PRIMARY, level="index").reset_index().to_dict("records"):
        if not row["spearman"] >= ORDERED:
            line = f"- On {row['features']}, {PRIMARY} orders the settings by {row['spearman']:.2f} as the score does"
            lines.append(f"{line}, not by {ORDERED}.")
    for row in choices(results).xs(PRIMARY, level="chosen by").reset_index().to_dict("records"):
        if row["lost"] > WITHIN:
            lines.append(f"- On {row['features']}, what {PRIMARY} chooses loses {row['lost']:.2f} points, not one.")
    return "\n".join(lines) or "- Nothing: all of it did."
