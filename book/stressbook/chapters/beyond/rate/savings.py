"""Savings: the fewest bits with which Q-A loses no more than the paper's headline stress.

The part of the chapter's page about going beyond the paper; stresses were chosen on validation rows, and are scored on test
rows.
"""

from __future__ import annotations

import pandas as pd

from stressbook.chapters.beyond.rate.measure import fewest_bits, validation_rows
from stressbook.chapters.beyond.rate.page import TIE, scores_per_byte
from stressbook.drawing import tables
from stresslib.results import FEATURES
from stresslib.stress.spec import FLOAT_BITS


def savings(results: pd.DataFrame) -> pd.DataFrame:
    """Set the stresses of fewest bits beside the paper's.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each feature set and stress of :func:`~stressbook.chapters.beyond.rate.measure.fewest_bits`: `spec`,
        `bits` of a vector, `of_paper` (these in percent of the paper's), `rate` (percent of all bits saved),
        `score_validation`, `score` on test rows, and `kept` (percent of the score without a stress).
    """
    tested = tables.first_metric(scores_per_byte(results))
    key = [*FEATURES, "spec"]
    table = fewest_bits(validation_rows(results)).merge(
        tested[[*key, "score", "kept"]], on=key, suffixes=("_validation", "")
    )
    table["features"] = table["dataset"] + ", " + table["model"] + ", " + table["layer"]
    paper = table[table["what"] == "paper"].set_index("features")["bits"]
    table["of_paper"] = 100 * table["bits"] / table["features"].map(paper)
    table["rate"] = 100 * (1 - table["bits"] / (FLOAT_BITS * table["n_features"].astype(float)))
    columns = ["spec", "bits", "of_paper", "rate", "score_validation", "score", "kept"]
    return table.set_index(["features", "what"])[columns]


def by_features(results: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return :func:`savings` to two decimals, a table a feature set, under the headings of the page."""
    names = {
        "of_paper": "% of the paper's bits",
        "rate": "% of bits saved",
        "score_validation": "validation score",
        "score": "test score",
        "kept": "% of score kept",
    }
    shown = savings(results).rename(columns=names)
    shown[list(names.values())] = shown[list(names.values())].map("{:.2f}".format)
    return {
        str(name): rows.droplevel("features").rename_axis(None) for name, rows in shown.groupby(level="features", sort=False)
    }


def verdicts(results: pd.DataFrame) -> str:
    """Say by how many bits Q-A undercuts the paper's headline stress, as a Markdown list."""
    lines = []
    for name, rows in savings(results).groupby(level="features", sort=False):
        found = rows.droplevel("features").to_dict("index")
        paper, ours = found["paper"], found.get("qa")
        if ours is None:
            lines.append(
                f"- {name}: **no gain**. No QA of the sizes tried scores on validation rows what {paper['spec']} does."
            )
            continue
        line = (
            f"- {name}: **{ours['spec']}** has {ours['bits']} bits, {ours['of_paper']:.0f}% of the {paper['bits']} of "
            f"{paper['spec']} ({ours['rate']:.2f}% of all bits saved, not {paper['rate']:.2f}%). On test rows it scores "
            f"{ours['score']:.2f}, {_difference(ours['score'] - paper['score'])} the paper's {paper['score']:.2f}"
        )
        if "fc" in found:
            fewer = found["fc"]
            line += f"; FC itself gets there with {fewer['bits']} bits ({fewer['spec']}), and scores {fewer['score']:.2f}"
        lines.append(line + ".")
    return "\n".join(lines)


def _difference(points: float) -> str:
    words = f"{abs(points):.2f} points {'above' if points > 0 else 'below'}"
    return words if abs(points) > TIE else f"level with ({words})"
