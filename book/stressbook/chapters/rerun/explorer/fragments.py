"""Fragments: the HTML of the pages that react, the explorer and the front page: controls, charts, data and scripts.

Filled into the templates beside this module from `settings` and `charts`. The data lie in the page, `book/_static/vega` has
the scripts, and nothing is loaded from elsewhere. Without scripts a fragment stays hidden, and the static picture is shown.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stressbook.chapters.rerun.explorer.charts import FRONT_SHARE, ON_MAP, charts, css_variable, front_chart
from stressbook.chapters.rerun.explorer.page import ENLARGED, STEPS, palette
from stressbook.chapters.rerun.explorer.settings import by_feature_set, is_paper, paper_settings, quoted_spec
from stressbook.chapters.rerun.figure_5.page import STRESS, priced, reference
from stressbook.drawing import style, words
from stressbook.drawing.tables import feature_sets, features_title, first_metric
from stresslib.features import embedded_path
from stresslib.paper.published import with_shares
from stresslib.results import FEATURES, read_results
from stresslib.stress.spec import bits_per_vector

COLUMNS = ["spec", "stress", "dimensions", "values", "bits", "score", "kept", "draws", "front"]
"""Columns of a setting in the page; the others are the same for its whole feature set."""

DARK = {
    "random-selection": "#FF8A3D",
    "pca": "#56B4E9",
    "uniform-shared": "#E18AD4",
    "uniform-per-dimension": "#35C79A",
    "bit-erasure": "#BDBDBD",
    "pca+uniform": "#DFA75E",
}
"""The colours of :data:`stressbook.drawing.style.COLOURS` on a dark page: the same hues, lighter."""

PEER_COLUMNS = ["method", "kind", "bits", "score", "kept"]
"""Columns of a peer's setting in the page."""

SCRIPTS = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js", "explorer.js")
"""The scripts of a page, from the folder book/_static/vega."""

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def contents(settings: pd.DataFrame, peers: pd.DataFrame) -> dict[str, Any]:
    """Return the data of the explorer's page: every setting, and the charts.

    Parameters
    ----------
    settings, peers : pandas.DataFrame
        As :func:`~stressbook.chapters.rerun.explorer.settings.gather` and ``peers`` of that module return them.

    Returns
    -------
    dict
        Values that JSON can hold. ``sets`` has an entry for each feature set, with ``rows`` in the order of ``columns``,
        and ``peers`` in that of ``peer_columns``; ``first`` is the budget to begin with; ``paper`` has the place of the
        feature set that all others are compared with, and the specs on its front.
    """
    sets = by_feature_set(settings)
    paper = paper_settings(settings)
    width = int(sets[0]["n_features"].iloc[0])
    return {
        "columns": COLUMNS,
        "peer_columns": PEER_COLUMNS,
        "sets": [_feature_set(rows, peers) for rows in sets],
        "paper": {
            "set": next(place for place, rows in enumerate(sets) if is_paper(rows)),
            "stress": STRESS,
            "front": paper.loc[paper["front"], "spec"].tolist(),
        },
        "on_map": ON_MAP,
        "first": bits_per_vector(quoted_spec(width), width),
        "enlarged": ENLARGED,
        "picture": "explorer.svg",
        "charts": charts(),
    }


def _feature_set(rows: pd.DataFrame, peers: pd.DataFrame) -> dict[str, Any]:
    dataset, model, layer = rows[FEATURES].iloc[0]
    width = int(rows["n_features"].iloc[0])
    published, same = bool(rows["published"].all()), [*FEATURES, "metric"]
    others = peers[(peers[same] == rows[same].iloc[0]).all(axis=1) & (not published)]
    table = rows[COLUMNS].astype({"front": int}).round({"score": 4, "kept": 4}).astype(object)
    return {
        "dataset": dataset,
        "model": model,
        "layer": layer,
        "published": published,
        "shipped": embedded_path(dataset, model, layer).is_file(),
        "metric": rows["metric"].iloc[0],
        "width": width,
        "full": bits_per_vector("none", width),
        "rows": table.where(table.notna(), None).to_numpy().tolist(),
        "peers": others[PEER_COLUMNS].round({"score": 4, "kept": 4}).astype(object).to_numpy().tolist(),
    }


def explorer_fragment(settings: pd.DataFrame, peers: pd.DataFrame, scripts: str = "../../_static/vega") -> str:
    """Return the HTML of the explorer: controls, charts, data and script tags.

    Parameters
    ----------
    settings, peers : pandas.DataFrame
        As :func:`contents` takes them.
    scripts : str, default="../../_static/vega"
        Path from the page to the folder of the scripts. If it is wrong, the fragment stays hidden, and the page shows its
        static picture.

    Returns
    -------
    str
    """
    return _filled("explorer.html.j2", contents(settings, peers), scripts, legend=_legend())


def _filled(template: str, data: dict[str, Any], scripts: str, **values: Any) -> str:
    # Inside a script element only the end tag has to be escaped.
    inlined = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")
    paths = [f"{scripts}/{name}" for name in SCRIPTS]
    return _TEMPLATES.get_template(template).render(
        data=inlined,
        stylesheet=f"{scripts}/explorer.css",
        scripts=paths,
        light=_colours(style.COLOURS),
        dark=_colours(DARK),
        **values,
    )


def _legend() -> list[tuple[str, str]]:
    """Return the colour and the range of kept shares of each class of the map."""
    ranges = [f"{low:g} to {high:g}" for low, high in itertools.pairwise(STEPS)]
    return list(zip(palette(), [f"below {STEPS[0]:g}", *ranges, f"{STEPS[-1]:g} and more"], strict=True))


def _colours(hues: dict[str, Any]) -> dict[str, Any]:
    """Return the CSS variables of the colours: one for each stress, and one for each curve of the front page."""
    curves = {"series-0": hues[STRESS], "series-1": hues["pca"], "series-paper": "currentColor"}
    return {css_variable(stress): colour for stress, colour in hues.items()} | curves


def front_series(folder: str | Path) -> list[dict[str, Any]]:
    """Return the curves of the front page's chart: that of Figure 5's first feature set, and the paper's.

    Parameters
    ----------
    folder : path-like
        Holds figure-5.csv, as results/ does.

    Returns
    -------
    list of dict
        `name`, `published`, the `full` bits of a vector, and `rows`: `spec`, `bits`, `share` (percent of the full bits),
        `kept` (percent of the full score), `front`, and whether it is `quoted` in the paper's abstract, by bits.
    """
    ours = with_shares(first_metric(read_results(Path(folder) / "figure-5.csv")))
    curves = [(features_title(rows), False, rows) for _, rows in list(feature_sets(ours))[:1]]
    paper = reference()
    curves.append((f"paper: {words.network_on_data(paper)}", True, paper))
    series = []
    for name, is_published, table in curves:
        rows = priced(table)
        rows["share"], rows["kept"] = rows["share"].round(4), rows["kept"].round(4)
        rows["front"] = rows["front"].astype(bool)
        width = int(rows["n_features"].iloc[0])
        rows["quoted"] = rows["spec"].eq(quoted_spec(width)).astype(bool)
        series.append(
            {
                "name": name,
                "published": is_published,
                "full": bits_per_vector("none", width),
                "rows": rows[["spec", "bits", "share", "kept", "front", "quoted"]].to_dict("records"),
            }
        )
    return series


def front_fragment(folder: str | Path, scripts: str = "../../_static/vega", picture: str = "figure-5.svg") -> str:
    """Return the HTML of the front page's chart: a slider, the chart, and what each curve keeps there.

    Parameters
    ----------
    folder : path-like
        Holds figure-5.csv, as results/ does.
    scripts : str, default="../../_static/vega"
        As :func:`explorer_fragment` takes it.
    picture : str, default="figure-5.svg"
        Name of the static picture that the chart replaces.

    Returns
    -------
    str
    """
    series = front_series(folder)
    shares = [row["share"] for one in series for row in one["rows"]]
    data = {
        "columns": list(series[0]["rows"][0]),
        "series": [{**one, "rows": [list(row.values()) for row in one["rows"]]} for one in series],
        "chart": front_chart(series),
        "lowest": min(shares),
        "highest": max(shares),
        "first": FRONT_SHARE,
        "picture": picture,
    }
    quoted = [f"{one['name']} {row['kept']:.2f}%" for one in series for row in one["rows"] if row["quoted"]]
    return _filled("front.html.j2", data, scripts, quoted=quoted)
