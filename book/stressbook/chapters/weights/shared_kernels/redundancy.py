"""Redundancy: what features keep with fewer dimensions, and how evenly these vary, shared kernels against unshared ones.

From the table of `measure` to the chapter's tie to the paper.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.images.amplitude_phase.effects import name
from stressbook.chapters.weights.shared_kernels.depth import PANELS
from stressbook.chapters.weights.shared_kernels.effects import FORMS, UNSHARED, means_of, order, paired, with_forms
from stressbook.chapters.weights.shared_kernels.page import COLOURS
from stressbook.drawing import style
from stressbook.drawing.outcomes import UNDECIDED, interval, spread
from stressbook.drawing.words import LABELS, paper_name
from stresslib.training.vectors import LAYER

STRESSES = ("random-selection", "pca")
SPECTRUM = {
    "variance_90": "for 90% of the variance",
    "participation_ratio": "participation ratio",
    "effective_rank": "effective rank",
}
"""Columns of the table, and what the page calls them: numbers of dimensions."""


def _rows(results: pd.DataFrame) -> pd.DataFrame:
    rows = with_forms(results)
    return rows[rows["layer"].eq(LAYER) & rows["metric"].eq("accuracy")]


def curves(results: pd.DataFrame) -> pd.DataFrame:
    """Return the share of the full score that features keep, in percent.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `form` and `seed`; columns `stress` and percent of the dimensions. Means over draws.
    """
    rows = _rows(results)
    key = ["form", "seed"]
    full = rows[rows["stress"].eq("none")].set_index(key)["score"]
    rows = rows[rows["stress"].isin(STRESSES)]
    rows = rows.assign(percent=100 * rows["dimensions"].astype(float) / rows["n_features"].astype(float))
    wide = rows.pivot_table(index=key, columns=["stress", "percent"], values="score")
    return 100 * wide.div(full, axis=0)


def plot(results: pd.DataFrame) -> Figure:
    """Draw what is kept against the share of the dimensions: a row for each stress, a column for each kind of network."""
    table = curves(results)
    figure, axes = style.page_wide(4, height=2.4)
    for row, stress in enumerate(STRESSES):
        for column, forms in enumerate(PANELS.values()):
            ax = axes[2 * row + column]
            style.draw_full_score(ax)
            if stress not in table.columns.unique("stress"):
                continue
            for form in order(set(forms) & set(table.index.unique("form"))):
                shares, colour = table.loc[form][stress], COLOURS[form]
                for _, one in shares.iterrows():
                    ax.plot(shares.columns, one, color=colour, linewidth=0.8, alpha=0.5)
                look = {"linestyle": "--" if "none" in form else "-"}
                ax.plot(shares.columns, shares.mean(), color=colour, label=FORMS[form], **{**style.OURS, **look})
            ax.set_xscale("log", base=2)
            ax.set_xticks(list(table[stress].columns), [f"{percent:g}%" for percent in table[stress].columns])
            ax.tick_params(labelsize=style.SMALL)
    figure.supxlabel("dimensions kept", fontsize=style.SMALL)
    figure.supylabel("score kept (% of full score)", fontsize=style.SMALL)
    titles = [f"{paper_name(stress)}, {title}" for stress in STRESSES for title in PANELS]
    style.add_titles_and_legend(figure, axes, titles, columns=2)
    return figure


def measured(results: pd.DataFrame) -> pd.DataFrame:
    """Return what says how redundant features are, a row for each `form` and `seed`.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        The mean share kept under each stress; `full`, the full score; and, of the spectrum, numbers of dimensions as a
        percentage of those that there are.
    """
    rows = _rows(results)
    none = rows[rows["stress"].eq("none")].set_index(["form", "seed"])
    kept = curves(results).T.groupby("stress").mean().T.reindex(columns=list(STRESSES))
    spectrum = none[list(SPECTRUM)].div(none["n_features"].astype(float), axis=0) * 100
    return pd.concat([kept, spectrum], axis=1).assign(full=none["score"])


def verdicts(results: pd.DataFrame) -> str:
    """Say whether features of shared kernels are more or less redundant than those of unshared ones, as a Markdown list.

    More redundant: more of the score is kept with fewer dimensions, or fewer dimensions hold the variance. It counts where
    the 95% interval of the paired differences leaves out zero.
    """
    table, lines = measured(results), []
    for form, than in UNSHARED.items():
        found = {column: interval(paired(table[column].dropna(), form, than)) for column in (*STRESSES, *SPECTRUM)}
        if any(pd.isna(mean) for mean, _, _ in found.values()):
            continue
        more = [column for column, (_, low, high) in found.items() if (low > 0 if column in STRESSES else high < 0)]
        less = [column for column, (_, low, high) in found.items() if (high < 0 if column in STRESSES else low > 0)]
        if more and less:
            verdict = f"more redundant by {_listed(more)}, less by {_listed(less)}"
        elif more or less:
            verdict = f"**{'more' if more else 'less'} redundant**, by {_listed(more or less)}"
        else:
            verdict = UNDECIDED
        points = ", ".join(f"{_called(column)} {spread(*numbers)}" for column, numbers in found.items())
        lines.append(f"- {FORMS[form][0].upper()}{FORMS[form][1:]} against {FORMS[than]}: {verdict}. In points: {points}.")
    return "\n".join(lines) or "No features were measured."


def _called(column: str) -> str:
    return paper_name(column) if column in LABELS else SPECTRUM[column]


def _listed(columns: list[str]) -> str:
    *first, last = [_called(column) for column in columns]
    return f"{', '.join(first)} and {last}" if first else last


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`measured` as means over trainings, to one decimal, under the headings of the page."""
    means = measured(results).groupby("form").mean()
    named = {stress: f"{paper_name(stress)}, kept" for stress in STRESSES}
    named |= {column: f"{said}, % of dimensions" for column, said in SPECTRUM.items()}
    return means.loc[order(means.index)].rename(index=FORMS, columns={**named, "full": "full score"}).round(1)


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows."""
    return (
        f"{name('cifar10')}: the score that features keep with fewer dimensions, at random (DR-1) or the leading principal "
        "components (DR-2). Thin lines are trainings, thick ones means; dashed networks share nothing."
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    said = "; ".join(
        f"{FORMS[form]} {', '.join(f'{paper_name(stress)} {row[stress]:.1f}%' for stress in STRESSES)}"
        for form, row in means_of(measured(results)).items()
    )
    return f"Shares of the full score that features keep, means over the numbers of dimensions: {said or 'none measured'}."
