"""Selection: how much of the score comes from choosing the number of values by the test score, as the paper did.

The same choice is made on a part of the training rows, and its score on the test rows is drawn with it.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import VALIDATION, Answer, data_set, on_each_data_set, sign_agreement
from stressbook.chapters.open_questions.selection.measure import STEPS
from stressbook.drawing import style, tables
from stresslib.paper.published import GRID, with_shares
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
    means = rows.groupby("features", sort=False)["optimism"].mean()
    worst = rows.iloc[rows["optimism"].argmax()]
    same = int((rows["best"] == rows["picked"]).sum())
    return Answer(
        f"{rows['optimism'].mean():.2f} points of the share kept on average, {worst['optimism']:.2f} at most",
        "So much more is kept with the number of values that is best on the test images than with one chosen without "
        f"them; the average is {on_each_data_set(means, '.2f')}",
        sign_agreement("The average", means),
        f"The most is on {data_set(worst['features'])}, with {100 * worst['step'] // GRID}% of the dimensions and "
        f"{worst['bits']} bits a value. In {same} of {len(rows)} settings both choices are the same.",
        points=float(means.abs().max()),
    )


def headline(results: pd.DataFrame) -> str:
    """Return the answer as the first paragraph of the page, in Markdown."""
    return answer(results).as_headline()


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
    figure, axes = style.panels(len(parts), height=3.2, columns=2)
    for ax, (_, part) in zip(axes, parts, strict=True):
        for step, line in zip(STEPS, ("-", "--"), strict=True):
            group, size = part[part["step"] == step], f"{100 * step // GRID}% of the dimensions"
            ax.vlines(group["bits"], group["picked_kept"], group["best_kept"], color=colour, linewidth=1)
            best, picked = f"{size}, best of the test", f"{size}, chosen on validation"
            ax.plot(group["bits"], group["best_kept"], f"^{line}", color=colour, mfc="white", label=best)
            ax.plot(group["bits"], group["picked_kept"], "o" if line == "-" else "s", color=colour, ms=5, label=picked)
        ax.set(xlabel="bits of a value")
        ax.set_xticks(sorted(part["bits"].unique()))
    style.finish(figure, axes, [str(name) for name, _ in parts], columns=2)
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    gaps = [
        f"{name}: the first keeps {part['optimism'].mean():.2f} points more on average, {part['optimism'].max():.2f} at most"
        for name, part in chosen(results).groupby("features", sort=False)
    ]
    return (
        "What is kept with the number of values that is best on the test rows, and with the one that is best on a "
        f"validation part of the training rows. {'; '.join(gaps)}."
    )
