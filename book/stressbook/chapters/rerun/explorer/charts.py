"""Interactive: the pages whose charts react, the stress explorer and the front page.

Vega-Lite by Altair; the data lie in the page, and `book/_static/vega` has the scripts. Nothing is loaded from elsewhere,
and where scripts are off the fragments stay hidden: the static pictures are what is seen.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from stressbook.chapters.rerun.explorer.page import (
    ENLARGED,
    PAPER,
    PAPER_WIDTH,
    STEPS,
    feature_sets,
    mark,
    palette,
    paper_settings,
    spec_of,
)
from stressbook.chapters.rerun.figure_5 import page
from stressbook.drawing import style, words
from stressbook.drawing.tables import drawn, named, sets
from stresslib.features import embedded_path
from stresslib.paper.published import FEATURES, with_shares
from stresslib.results import read_results
from stresslib.stress.spec import FLOAT_BITS, bits_per_vector

COLUMNS = ["spec", "stress", "dimensions", "values", "bits", "score", "kept", "draws", "front"]
"""What a setting has in the page; the rest is the same for its whole feature set."""

DARK = {
    "random-selection": "#FF8A3D",
    "pca": "#56B4E9",
    "uniform-shared": "#E18AD4",
    "uniform-per-dimension": "#35C79A",
    "bit-erasure": "#BDBDBD",
    "pca+uniform": "#DFA75E",
}
"""The colours of :data:`stressbook.drawing.style.COLOURS` on a dark page: the same hues, lighter."""

SCRIPTS = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js", "explorer.js")
"""What a page loads, from the folder book/_static/vega."""

_FLOAT = 99  # where the map puts settings without a dictionary: past every number of values

_CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": "sans-serif",
    "aria": False,  # the page says in words and in a table what the marks show; hundreds of named marks would drown it
    "view": {"stroke": None},
    "axis": {
        **dict.fromkeys(("labelColor", "titleColor", "domainColor", "tickColor", "gridColor"), "currentColor"),
        "gridOpacity": 0.15,
        "labelFontSize": 12,
        "titleFontSize": 13,
        "titleFontWeight": "normal",
    },
    "legend": {"labelColor": "currentColor", "titleColor": "currentColor", "labelFontSize": 12, "titleFontSize": 12},
    "text": {"color": "currentColor", "fontSize": 12},
}
"""Text and axes take the colour of the page, light or dark: the charts are drawn as SVG, on no background."""


def charts() -> dict[str, Any]:
    """Return the two linked charts as Vega-Lite: the map and the score over bits.

    Returns
    -------
    dict
        ``"map"`` and ``"bits"``. Their data sets are named ``settings`` and ``paper``; the page's script puts the rows of
        the chosen feature set there, and sets the parameters `budget`, `best`, `pointed`, `full`, `lowest`, `highest`
        and `aligned`.
    """
    both = {"map": _map_chart(), "bits": _bits_chart()}
    return {name: chart.configure(**_CONFIG).to_dict() for name, chart in both.items()}


def _parameters() -> list[Any]:
    first = {"budget": 640, "best": "", "pointed": "", "full": 40960, "lowest": ENLARGED, "highest": 101, "aligned": True}
    return [alt.param(name=name, value=value) for name, value in first.items()]


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("spec:N", title="stress"),
        alt.Tooltip("of:N", title="on"),
        alt.Tooltip("dimensions_said:N", title="dimensions"),
        alt.Tooltip("values_said:N", title="values"),
        alt.Tooltip("bits_said:N", title="bits"),
        alt.Tooltip("kept:Q", title="score kept (%)", format=".2f"),
        alt.Tooltip("score:Q", title="score (%)", format=".2f"),
        alt.Tooltip("draws:Q", title="draws"),
    ]


def _map_chart() -> Any:
    cells = (
        alt.Chart(alt.NamedData("settings"))
        .transform_filter(alt.FieldOneOfPredicate("stress", ["none", "pca", "uniform-per-dimension", "pca+uniform"]))
        .transform_calculate(
            row="datum.dimensions === null ? datum.width + 0.5 : datum.dimensions",
            column=f"datum.values === null ? {_FLOAT} : datum.values",
            both=f"datum.stress === '{page.STRESS}' ? 1 : 0",
        )
        # Sizes that were measured without a dictionary alone would be rows of one cell; the other chart has them.
        .transform_joinaggregate(combined="sum(both)")
        .transform_joinaggregate(here="sum(both)", groupby=["row"])
        .transform_filter("datum.combined == 0 || datum.here > 0 || datum.dimensions === null")
        .encode(
            x=alt.X("column:O", title="values per dimension").axis(
                labelExpr=f"datum.value == {_FLOAT} ? 'float32' : datum.label",
                values=[2, 4, 8, 12, 16, 20, 24, _FLOAT],
                labelAngle=0,
                labelOverlap="greedy",
                labelSeparation=8,
                ticks=False,
                domain=False,
            ),
            y=alt.Y("row:O", title="principal components", sort="descending").axis(
                labelExpr="datum.value % 1 ? 'all' : format(datum.value, ',')", labelOverlap=True, ticks=False, domain=False
            ),
        )
    )
    kept = cells.mark_rect(cornerRadius=1).encode(
        color=alt.Color("kept:Q", legend=None).scale(type="threshold", domain=STEPS, range=palette()),
        opacity=alt.condition("datum.bits <= budget", alt.value(1), alt.value(0.38)),
        tooltip=_tooltip(),
    )
    # The two frames lie on top of the cells and let the pointer through to them.
    frame = cells.mark_rect(filled=False, stroke="currentColor", tooltip=None)
    chosen = frame.transform_filter("datum.spec === best").encode(strokeWidth=alt.value(3))
    pointed = frame.transform_filter("datum.spec === pointed").encode(strokeWidth=alt.value(1.5))
    return (
        alt.layer(kept, chosen, pointed)
        .properties(width="container", height=alt.Step(18), autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
        .add_params(*_parameters())
    )


def _bits_chart() -> Any:
    x = (
        alt.X("place:Q", title="bits per vector")
        .scale(type="log", nice=False)
        .axis(values=[2.0**power for power in range(2, 24, 2)], format=",", labelOverlap="greedy", grid=False)
    )
    y = (
        alt.Y("kept:Q", title="score kept (% of full score)")
        .scale(zero=False, nice=False, domainMin=alt.expr("lowest"), domainMax=alt.expr("highest"))
        .axis(tickCount=8)
    )
    ours = alt.Chart(alt.NamedData("settings")).transform_calculate(place="datum.bits").encode(x, y)
    # The paper's vectors are longer: its settings stand at the same share of our bits, or at their own number.
    paper = (
        alt.Chart(alt.NamedData("paper"))
        .transform_calculate(place="aligned ? datum.bits * full / datum.full : datum.bits")
        .encode(x, y)
    )
    colours = alt.Color("stress:N", title=None).scale(
        domain=[*words.LABELS], range=[f"var(--{_variable(name)})" for name in words.LABELS]
    )
    labels = json.dumps({name: label.split()[0] for name, label in words.LABELS.items()})
    colours = colours.legend(
        orient="top", columns=6, labelExpr=f"{labels}[datum.label]", symbolType="circle", symbolOpacity=1
    )
    its_mark = f"datum.spec === '{mark(PAPER_WIDTH)}'"
    line: dict[str, Any] = {"interpolate": "step-after", "color": "currentColor", "clip": True, "tooltip": None}
    ring: dict[str, Any] = {"filled": False, "stroke": "currentColor", "clip": True, "tooltip": None}
    layers = [
        paper.mark_point(filled=False, size=16, strokeWidth=0.8, clip=True, opacity=0.55).encode(
            color=colours, tooltip=_tooltip()
        ),
        paper.transform_filter("datum.front").mark_line(strokeWidth=1, strokeDash=[4, 3], **line),
        ours.transform_filter("datum.stress !== 'none'")
        .mark_point(filled=True, size=26, clip=True)
        .encode(
            color=colours,
            opacity=alt.condition("datum.bits <= budget", alt.value(1), alt.value(0.3)),
            tooltip=_tooltip(),
        ),
        ours.transform_filter("datum.front").mark_line(strokeWidth=2, **line),
        ours.transform_filter("datum.stress === 'none'")
        .mark_point(shape="diamond", size=70, filled=True, color="currentColor")
        .encode(tooltip=_tooltip()),
        paper.transform_filter(its_mark).mark_point(shape="square", size=110, strokeWidth=2, **ring),
        paper.transform_filter(its_mark).mark_text(
            align="left", dx=9, dy=16, text=alt.expr("'paper: ' + format(datum.bits, ',') + ' bits'"), clip=True
        ),
        ours.transform_filter("datum.spec === best").mark_point(shape="circle", size=150, strokeWidth=2.5, **ring),
        ours.transform_filter("datum.spec === pointed").mark_point(shape="circle", size=90, strokeWidth=1.5, **ring),
        alt.Chart(alt.NamedData("settings"))
        .transform_aggregate(cheapest="min(bits)")
        .transform_filter("budget >= datum.cheapest")
        .transform_calculate(place="budget")
        .mark_rule(color="currentColor", strokeDash=[2, 2], tooltip=None)
        .encode(x),
    ]
    return (
        alt.layer(*layers)
        .properties(width="container", height=360, autosize=alt.AutoSizeParams(type="fit", contains="padding"))
        .add_params(*_parameters())
    )


def _variable(stress: str) -> str:
    return "stress-" + stress.replace("+", "-and-")


def contents(settings: pd.DataFrame) -> dict[str, Any]:
    """Return what the page holds: every setting, and the charts.

    Parameters
    ----------
    settings : pandas.DataFrame
        Of :func:`gather`.

    Returns
    -------
    dict
        JSON alone. ``sets`` has an entry for each feature set, with ``rows`` in the order of ``columns``; ``first`` is the
        budget to begin with, and ``paper`` says whose settings stand beside every other, and what no other of them beats.
    """
    sets = []
    for rows in feature_sets(settings):
        dataset, model, layer = rows[FEATURES].iloc[0]
        table = rows[COLUMNS].astype({"front": int}).round({"score": 4, "kept": 4}).astype(object)
        sets.append(
            {
                "dataset": dataset,
                "model": model,
                "layer": layer,
                "published": bool(rows["published"].all()),
                "shipped": embedded_path(dataset, model, layer).is_file(),
                "metric": rows["metric"].iloc[0],
                "width": int(rows["n_features"].iloc[0]),
                "rows": table.where(table.notna(), None).to_numpy().tolist(),
            }
        )
    width = sets[0]["width"]
    place = next(place for place, one in enumerate(sets) if one["published"] and _joined(one) == PAPER)
    paper = paper_settings(settings)
    return {
        "columns": COLUMNS,
        "sets": sets,
        "paper": {"set": place, "stress": page.STRESS, "front": paper.loc[paper["front"], "spec"].tolist()},
        "first": bits_per_vector(mark(width), width),
        "enlarged": ENLARGED,
        "picture": "explorer.svg",
        "charts": charts(),
    }


def _joined(one: dict[str, Any]) -> str:
    return "/".join(one[name] for name in FEATURES)


def fragment(settings: pd.DataFrame, scripts: str = "../../_static/vega") -> str:
    """Return the page's HTML: controls, charts, data and the script tags.

    Parameters
    ----------
    settings : pandas.DataFrame
        Of :func:`gather`.
    scripts : str, default="../../_static/vega"
        Where the folder of the scripts lies, as seen from the page. Where it does not, the fragment stays hidden and the
        page's static picture is what is seen.
    """
    return _page("explorer", _CONTROLS.replace("CLASSES", _classes()), contents(settings), scripts)


def _page(name: str, body: str, data: dict[str, Any], scripts: str) -> str:
    inlined = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")
    tags = [f'<script defer src="{scripts}/{file}"></script>' for file in SCRIPTS]
    look = f'<link rel="stylesheet" href="{scripts}/explorer.css"><style>{_style()}</style>'
    data_tag = f'<script type="application/json">{inlined}</script>'
    return "\n".join([look, f'<div class="explorer" data-chart="{name}" hidden>', body, data_tag, "</div>", *tags, ""])


def _classes() -> str:
    """Return the legend of the map, which wraps where the page is narrow."""
    bounds = ["below", *(f"{step:g} to" for step in STEPS)]
    ends = [*(f" {step:g}" for step in STEPS), ""]
    names = [f"{start}{end}" for start, end in zip(bounds, ends, strict=True)]
    names[-1] = f"{STEPS[-1]:g} and more"
    items = (f'<li><i style="background:{hue}"></i>{name}</li>' for hue, name in zip(palette(), names, strict=True))
    return f'<ul class="classes" id="explorer-classes">{"".join(items)}</ul>'


def _style() -> str:
    light, dark = (
        ";".join(f"--{name}:{colour}" for name, colour in _colours(hues).items()) for hues in (style.COLOURS, DARK)
    )
    return f".explorer{{{light}}}html[data-theme=dark] .explorer{{{dark}}}"


def _colours(hues: dict[str, Any]) -> dict[str, Any]:
    """Return the variables of the style: a colour for each stress, and for each curve of the front page."""
    curves = {"series-0": hues[page.STRESS], "series-1": hues["pca"], "series-paper": "currentColor"}
    return {_variable(name): colour for name, colour in hues.items()} | curves


_CONTROLS = """<form class="controls">
<div class="control"><label for="explorer-dataset">Data set</label><select id="explorer-dataset"></select></div>
<div class="control"><label for="explorer-network">Network and layer</label><select id="explorer-network"></select></div>
<div class="control wide"><label for="explorer-budget">Budget: bits per vector</label>
<div class="budget"><input type="range" id="explorer-budget" min="0" max="400" step="1">
<input type="number" id="explorer-bits" min="1" step="1" aria-label="Budget in bits per vector, as a number"></div></div>
<div class="control"><label for="explorer-aligned">The paper's settings stand at</label><select id="explorer-aligned">
<option value="share">the same share of the full vector</option>
<option value="bits">their own number of bits</option></select></div>
<div class="control"><label class="check"><input type="checkbox" id="explorer-enlarged" checked>
<span id="explorer-enlarged-said"></span></label></div>
</form>
<div class="best"><p id="explorer-best" role="status"></p>
<div class="command" id="explorer-to-copy"><code id="explorer-command" tabindex="0"></code>
<button type="button" id="explorer-copy">Copy the command</button><span id="explorer-copied" role="status"></span></div>
<p id="explorer-note"></p></div>
<div class="views">
<div class="view"><p class="title">Dimensions and values: score kept (% of full score)</p>
CLASSES
<div class="chart" id="explorer-map" role="img"></div>
<p id="explorer-empty" hidden>No setting of this feature set has principal components, or a dictionary for each
dimension.</p></div>
<div class="view"><p class="title">Score over bits. Line: what no other setting beats; open and dashed: the paper</p>
<div class="chart" id="explorer-chart" role="img"></div></div>
</div>
<details><summary>What no other setting beats, as a table</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Settings that no other beats"><table><thead><tr>
<th scope="col">stress</th><th scope="col">bits</th><th scope="col">of the full vector (%)</th>
<th scope="col">score kept (%)</th><th scope="col">score (%)</th></tr></thead>
<tbody id="explorer-front"></tbody></table></div>
</details>"""


def front_series(folder: str | Path) -> list[dict[str, Any]]:
    """Return the curves of the front page's chart: ours of Figure 5, and the paper's.

    Parameters
    ----------
    folder : path-like
        Holds figure-5.csv, as results/ does.

    Returns
    -------
    list of dict
        `name`, `published`, the `full` bits of a vector, and `rows`: `spec`, `bits`, `share` (percent of the full bits),
        `kept` (percent of the full score) and `front`, by bits.
    """
    ours = with_shares(drawn(read_results(Path(folder) / "figure-5.csv")))
    tables = [(named(rows), False, rows) for _, rows in sets(ours)]
    tables.append(("paper: VGG-M on VOC 2007", True, page.reference()))
    series = []
    for name, is_published, table in tables:
        rows = page.priced(table).rename(columns={"share": "exact"})
        rows["spec"] = [str(spec_of(row)) for row in rows.to_dict("records")]
        rows["share"], rows["kept"] = rows["exact"].round(4), rows["kept"].round(4)
        rows["front"] = rows["front"].astype(bool)
        series.append(
            {
                "name": name,
                "published": is_published,
                "full": FLOAT_BITS * int(rows["n_features"].iloc[0]),
                "rows": rows[["spec", "bits", "share", "kept", "front"]].to_dict("records"),
            }
        )
    return series


def front_chart(series: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the front page's chart as Vega-Lite: score kept over the share of the bits, with a movable line.

    Parameters
    ----------
    series : list of dict
        Of :func:`front_series`. The page's script puts their rows into the data set named ``curves``, each with the
        `name` of its series, whether that is `published`, and its bits in words (`bits_said`); it sets the parameter
        `share`.
    """
    names = [one["name"] for one in series]
    hues = ["var(--series-paper)" if one["published"] else f"var(--series-{place})" for place, one in enumerate(series)]
    lowest = math.floor(min(row["kept"] for one in series for row in one["rows"] if row["front"]))
    colour = alt.Color("name:N", title=None).scale(domain=names, range=hues)
    colour = colour.legend(orient="top", direction="vertical", labelLimit=0, symbolType="circle", symbolOpacity=1)
    base = alt.Chart(alt.NamedData("curves")).encode(
        alt.X("share:Q", title="bits kept (% of the full vector)")
        .scale(type="log", nice=False)
        .axis(values=page.TICKS, format="~g", grid=False, labelOverlap=False),
        alt.Y("kept:Q", title="score kept (%)").scale(zero=False, nice=False, domainMin=lowest).axis(tickCount=6),
        color=colour,
    )
    tooltip = [
        alt.Tooltip("name:N", title="features"),
        alt.Tooltip("spec:N", title="stress"),
        alt.Tooltip("bits_said:N", title="bits"),
        alt.Tooltip("share:Q", title="bits kept (%)", format=".2f"),
        alt.Tooltip("kept:Q", title="score kept (%)", format=".1f"),
    ]
    best_under = base.transform_filter("datum.front && datum.share <= share")
    best_under = best_under.transform_window(
        place="row_number()", sort=[alt.SortField("bits", order="descending")], groupby=["name"]
    )
    layers = [
        base.mark_point(filled=True, size=14, opacity=0.35, clip=True).encode(tooltip=tooltip),
        base.transform_filter("datum.front")
        .mark_line(interpolate="step-after", clip=True, tooltip=None)
        .encode(
            strokeDash=alt.condition("datum.published", alt.value([4, 3]), alt.value([1, 0])),
            strokeWidth=alt.condition("datum.published", alt.value(1.5), alt.value(2.6)),
        ),
        best_under.transform_filter("datum.place == 1")
        .mark_point(filled=True, size=110, opacity=1, stroke="currentColor", strokeWidth=1.5)
        .encode(fillOpacity=alt.condition("datum.published", alt.value(0), alt.value(1)), tooltip=tooltip),
        alt.Chart(alt.InlineData([{}]))
        .transform_calculate(share="share")
        .mark_rule(color="currentColor", strokeDash=[2, 2], tooltip=None)
        .encode(alt.X("share:Q")),
    ]
    chart = (
        alt.layer(*layers)
        .resolve_scale(color="shared")
        .properties(width="container", height=300, autosize=alt.AutoSizeParams(type="fit", contains="padding"))
        .add_params(alt.param(name="share", value=FRONT_SHARE))
    )
    return dict(chart.configure(**_CONFIG).to_dict())


FRONT_SHARE = 1.57
"""Percent of the bits at which the front page begins: the paper's quoted setting and ours cost 1.560 and 1.5625."""


def front_fragment(folder: str | Path, scripts: str = "../../_static/vega", picture: str = "figure-5.svg") -> str:
    """Return the front page's HTML: one slider, the chart, and what each curve keeps there.

    Parameters
    ----------
    folder : path-like
        Holds figure-5.csv, as results/ does.
    scripts : str, default="../../_static/vega"
        As of :func:`fragment`.
    picture : str, default="figure-5.svg"
        Name of the static picture that the chart stands for where scripts are on.
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
    return _page("front", _FRONT, data, scripts)


_FRONT = """<div class="chart" id="front-chart" role="img"></div>
<label for="front-share">Keep <span id="front-said"></span> of the bits</label>
<div class="budget"><input type="range" id="front-share" min="0" max="300" step="1"></div>
<table><thead><tr><th scope="col">features</th><th scope="col">stress</th><th scope="col">bits</th>
<th scope="col">score kept</th></tr></thead><tbody id="front-best"></tbody></table>
<p id="front-words" role="status" class="sr-only visually-hidden"></p>"""
