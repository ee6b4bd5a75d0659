"""Notebook: what every template does: take the table of its chapter, then save and show the figure.

The cells of notebooks/ call it with the measure and the page of a chapter; it measures and draws nothing itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from IPython.display import Markdown, display
from sklearn import config_context

from stressbook.drawing.style import save
from stressbook.drawing.tables import with_dashes
from stressbook.drawing.words import small_tests
from stresslib.features import FeatureSet, load_feature_sets
from stresslib.results import read_results


def measured(
    measure: Callable[..., pd.DataFrame],
    dataset: str | Sequence[str],
    model: str | Sequence[str],
    layer: str | Sequence[str],
    *,
    also: str | Sequence[str] = (),
    results: str | os.PathLike[str] = "",
    more: Sequence[str] = (),
    **options: Any,
) -> pd.DataFrame:
    """Return the results table of a chapter: read it if one is given, otherwise measure every feature set.

    Parameters
    ----------
    measure : callable
        Takes a FeatureSet and the options, and returns a results table.
    dataset, model, layer : str or sequence of str
        As :func:`stresslib.load_feature_sets` takes them.
    also : str or sequence of str, default=()
        Further feature sets, each ``DATASET/MODEL/LAYER`` or a path.
    results : path-like, default=""
        The results table to read; when empty, the feature sets are measured.
    more : sequence of str, default=()
        Numeric columns that the table has beside those of the schema.
    **options : Any
        Passed on to `measure`; an empty `store` becomes None.

    Returns
    -------
    pandas.DataFrame
        The feature sets one after the other.

    Raises
    ------
    FileNotFoundError, ValueError
        When the table or a feature set is missing or not valid.
    """
    if results:
        return read_results(results, more)
    if "store" in options:
        options["store"] = options["store"] or None
    feature_sets = load_feature_sets(dataset, model, layer) + load_feature_sets(also, "", "")
    table = pd.concat(_measured(measure, features, options) for features in feature_sets)
    if caution := small_tests(feature_sets):
        say(caution)
    return table


def _measured(measure: Callable[..., pd.DataFrame], features: FeatureSet, options: dict[str, Any]) -> pd.DataFrame:
    """Measure a feature set; an error names it."""
    try:
        with config_context(transform_output="default"):  # stresses give arrays, whatever the reader has set
            return measure(features, **options)
    except ValueError as error:
        raise ValueError(f"{features.name}: {error}") from error


def show(page: Any, table: pd.DataFrame, output: str | os.PathLike[str], name: str, more: Sequence[str] = ()) -> None:
    """Save the figure and the table of a chapter, and show the headline above the picture.

    Parameters
    ----------
    page : module
        Has the functions `plot` and `alt_text` of the table, and perhaps `headline` and `caption`.
    table : pandas.DataFrame
        In the schema of results tables.
    output : path-like
        Folder for NAME.svg, NAME.png and NAME.csv.
    name : str
        Name of the figure in notebooks/figures.yml.
    more : sequence of str, default=()
        Numeric columns that the table has beside those of the schema.
    """
    save(page.plot(table), table, output, name, more)
    if hasattr(page, "headline") and (headline := page.headline(table)):
        say(headline)
    picture(page.alt_text(table), name, caption=page.caption(table) if hasattr(page, "caption") else "")


def picture(alt_text: str, name: str, kind: str = "svg", caption: str = "") -> None:
    """Show the picture ``NAME.KIND`` that lies beside the notebook, as a numbered figure of the book.

    Other pages refer to it by ``{numref}`fig-NAME```.

    Parameters
    ----------
    alt_text : str
        For readers who cannot see it.
    name : str
    kind : str, default="svg"
    caption : str, default=""
        One paragraph of Markdown. Default: the beginning of `alt_text`, which says what is drawn.
    """
    caption = caption or f"{re.split('[.:;] ', alt_text.removesuffix('.'), maxsplit=1)[0]}."
    say(f":::{{figure-md}} fig-{name}\n![{alt_text}]({name}.{kind})\n\n{caption}\n:::")


def say(text: str) -> None:
    """Show text in Markdown, such as the verdicts of a page."""
    display(Markdown(text))


def show_tables(tables: Mapping[str, pd.DataFrame]) -> None:
    """Show tables below each other, each under its name: a column of long names beside the numbers would not fit a page."""
    for name, table in tables.items():
        say(f"**{name}**")
        display(with_dashes(table))
