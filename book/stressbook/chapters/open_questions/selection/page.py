"""Selection: how much of the score comes from choosing the number of values by the test score, as the paper did.

The same choice is made on a part of the training rows, and its score on the test rows is drawn with it.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import VALIDATION, Answer, Finding, say_findings, sign_agreement
from stressbook.chapters.open_questions.selection.measure import STEPS
from stressbook.drawing import style, tables
from stresslib.paper.published import GRID, with_shares
from stresslib.results import TOLERANCE
from stresslib.stress.spec import bits_per_vector

STRESS = "pca+uniform"


def chosen(results: pd.DataFrame) -> pd.DataFrame:
    """Choose the number of values for each size and number of bits, by the test score and by the validation score.

    Parameters
    ----------
    results : pandas.DataFrame
        Of :func:`~stressbook.chapters.open_questions.selection.measure.measure`.

    Returns
    -------
    pandas.DataFrame
        One row for each feature set, size and bits of a value: the number of values that is best on the test rows, and
        what it keeps there (`best`, `best_kept`); the one that is best on the validation rows, and what it keeps on the
        test rows (`picked`, `picked_kept`); and the `optimism`, in points. Ties go to the smallest number.
    """
    table = tables.first_metric(with_shares(results))
    table = table[table["stress"] == STRESS].copy()
    table["bits"] = [bits_per_vector(f"Q2:{count}", 1) for count in table["values"]]
    validating = table["dataset"].str.endswith(VALIDATION)
    held_out = table[validating].assign(dataset=table["dataset"].str.removesuffix(VALIDATION))
    key = ["dataset", "model", "layer", "step", "values"]
    both = table[~validating].merge(held_out[[*key, "kept"]], on=key, suffixes=("", "_validation"))
    rows = []
    places = ["dataset", "model", "layer", "step", "bits"]
    for (dataset, model, layer, step, bits), group in both.groupby(places, sort=False):
        # A stable sort: ties go to the first, which has the fewest values.
        best = group.sort_values("kept", ascending=False, kind="stable").iloc[0]
        picked = group.sort_values("kept_validation", ascending=False, kind="stable").iloc[0]
        rows.append(
            {
                "features": f"{dataset}, {model}, {layer}",
                "step": step,
                "bits": bits,
                "best": best["values"],
                "best_kept": best["kept"],
                "picked": picked["values"],
                "picked_kept": picked["kept"],
                "optimism": best["kept"] - picked["kept"],
            }
        )
    return pd.DataFrame(rows)


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the results: how much better does a choice on the test rows look than one made without them?"""
    rows = chosen(results)
    mean, worst = rows["optimism"].mean(), rows.iloc[rows["optimism"].argmax()]
    return Answer(
        "How much of the paper's score comes from choosing the number of values on the test images?",
        say_findings(results, _find),
        f"optimism {mean:+.2f} points on average, at most {worst['optimism']:+.2f} ({worst['features']}, "
        f"{100 * worst['step'] // GRID}% of the dimensions, {worst['bits']} bits a value)",
        sign_agreement(rows.groupby("features", sort=False)["optimism"].mean().tolist()),
    )


def _find(results: pd.DataFrame) -> Finding:
    rows = chosen(results)
    mean, most = rows["optimism"].mean(), rows["optimism"].max()
    if mean > TOLERANCE:
        share = "Some of it"
    elif most > TOLERANCE:
        share = "Little"
    else:
        share = "Almost none"
    same = int((rows["best"] == rows["picked"]).sum())
    sentence = (
        f"{share}: the number of values that is best on the test images keeps {mean:.2f} points more on average than one "
        f"chosen without them, at most {most:.2f}"
    )
    return Finding(share, sentence, f"Both choices are the same {same} times of {len(rows)}.")


def headline(results: pd.DataFrame) -> str:
    """Return the answer as the first paragraph of the page, in Markdown."""
    return answer(results).as_paragraph()


def verdicts(results: pd.DataFrame) -> str:
    """Say how optimistic the choice on the test rows was, as a Markdown list."""
    lines = []
    for name, rows in chosen(results).groupby("features", sort=False):
        worst = rows.sort_values("optimism", kind="stable").iloc[-1]
        same = (rows["best"] == rows["picked"]).sum()
        at = f"{100 * worst['step'] // GRID}% of the dimensions, {worst['bits']} bits a value"
        lines.append(
            f"- {name}: the choice on the test rows is better by {rows['optimism'].mean():.2f} points on average, at most "
            f"by **{worst['optimism']:.2f}** ({at}). Both choices are the same {same} times of {len(rows)}."
        )
    return "\n".join(lines)


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return both choices, to two decimals."""
    rows = chosen(results)
    rows["step"] = [f"{100 * step // GRID}%" for step in rows["step"]]
    rows = rows.set_index(["features", "step", "bits"]).rename_axis(["features", "dimensions", "bits of a value"])
    return rows.rename(columns=lambda name: name.replace("_", " ")).round(2)


def plot(results: pd.DataFrame) -> Figure:
    """Draw what both choices keep on the test rows.

    Parameters
    ----------
    results : pandas.DataFrame
        See :func:`chosen`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = chosen(results)
    colour = style.COLOURS[STRESS]
    parts = list(rows.groupby("features", sort=False))
    figure, axes = style.panels(len(parts), height=3.2)
    for ax, (_, part) in zip(axes, parts, strict=True):
        for step, line in zip(STEPS, ("-", "--"), strict=True):
            group, size = part[part["step"] == step], f"{100 * step // GRID}% of the dimensions"
            ax.vlines(group["bits"], group["picked_kept"], group["best_kept"], color=colour, linewidth=1)
            best, picked = f"{size}, best of the test", f"{size}, chosen on validation"
            ax.plot(group["bits"], group["best_kept"], f"^{line}", color=colour, mfc="white", label=best)
            ax.plot(group["bits"], group["picked_kept"], "o" if line == "-" else "s", color=colour, ms=5, label=picked)
        ax.set(xlabel="bits of a value")
        ax.set_xticks(sorted(part["bits"].unique()))
    style.finish(figure, axes, [str(name) for name, _ in parts])
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    return (
        "What is kept with the number of values that is best on the test rows, and with the one that is best on a "
        "validation part of the training rows. " + verdicts(results).replace("- ", "").replace("**", "").replace("\n", " ")
    )
