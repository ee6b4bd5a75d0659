"""Charts: the charts of the pages that react, the explorer and the front page, as Vega-Lite made by Altair.

The scripts of the page fill in the rows that `fragments` puts beside them, and set the parameters.
"""

from __future__ import annotations

import json
import math
from typing import Any

import altair as alt

from stressbook.chapters.rerun.explorer.page import ENLARGED, STEPS, palette
from stressbook.chapters.rerun.explorer.settings import PAPER_WIDTH, PEERS, quoted_spec
from stressbook.chapters.rerun.figure_5.page import STRESS, TICKS
from stressbook.drawing import words

ON_MAP = ["pca", "uniform-per-dimension", "pca+uniform"]
"""The stresses that have a place on the map."""

FRONT_SHARE = 1.57
"""Percent of the bits at which the front page begins: the paper's quoted setting and ours cost 1.560 and 1.5625."""

_DIAGONAL_CROSS = "M-.6,-.9L0,-.3L.6,-.9L.9,-.6L.3,0L.9,.6L.6,.9L0,.3L-.6,.9L-.9,.6L-.3,0L-.9,-.6Z"
_STAR = "M0,-1L.25,-.3L1,-.3L.4,.15L.6,.9L0,.45L-.6,.9L-.4,.15L-1,-.3L-.25,-.3Z"
_BAR = "M-1,-.3L1,-.3L1,.3L-1,.3Z"
SHAPES = [
    "square",
    "triangle-up",
    "diamond",
    _STAR,
    "triangle-down",
    "triangle-left",
    "triangle-right",
    "cross",
    _DIAGONAL_CROSS,
]
"""Shape of each of :data:`~stressbook.chapters.rerun.explorer.settings.PEERS`; the stresses are discs."""

_FLOAT = 99  # the column of the map for settings without a dictionary, beyond every number of values

_CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": "sans-serif",
    "aria": False,  # the page has the marks in words and in a table; hundreds of named marks would hide these
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
"""Text and axes take the colour of the page, light or dark: the charts are SVG without a background."""


def charts() -> dict[str, Any]:
    """Return the two linked charts as Vega-Lite: the map and the score over bits.

    Returns
    -------
    dict
        ``"map"`` and ``"bits"``. The page's script puts the rows of the chosen feature set, of its peers and of the paper
        into the data sets named ``settings``, ``peers`` and ``paper``, and sets the parameters `budget`, `best`, `pointed`,
        `full`, `lowest`, `highest` and `aligned`.
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
        .transform_filter(alt.FieldOneOfPredicate("stress", ["none", *ON_MAP]))
        .transform_calculate(
            row="datum.dimensions === null ? datum.width + 0.5 : datum.dimensions",
            column=f"datum.values === null ? {_FLOAT} : datum.values",
            both=f"datum.stress === '{STRESS}' ? 1 : 0",
        )
        # Sizes measured only without a dictionary would be rows of a single cell; the other chart has them.
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
    # The two frames lie on top of the cells without a tooltip of their own, so that the pointer reaches the cells.
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
        .scale(type="log", nice=False, padding=6)
        .axis(values=[2.0**power for power in range(2, 24, 2)], format=",", labelOverlap="greedy", grid=False)
    )
    y = (
        alt.Y("kept:Q", title="score kept (% of full score)")
        .scale(zero=False, nice=False, domainMin=alt.expr("lowest"), domainMax=alt.expr("highest"))
        .axis(tickCount=8)
    )
    ours = alt.Chart(alt.NamedData("settings")).transform_calculate(place="datum.bits").encode(x, y)
    # The paper's vectors are longer: its settings are drawn at the same share of our bits, or at their own number.
    paper = (
        alt.Chart(alt.NamedData("paper"))
        .transform_calculate(place="aligned ? datum.bits * full / datum.full : datum.bits")
        .encode(x, y)
    )
    colours = alt.Color("stress:N", title=None).scale(
        domain=[*words.LABELS], range=[f"var(--{css_variable(name)})" for name in words.LABELS]
    )
    labels = json.dumps({stress: words.paper_name(stress) for stress in words.LABELS})
    colours = colours.legend(
        orient="top", columns=6, labelExpr=f"{labels}[datum.label]", symbolType="circle", symbolOpacity=1
    )
    peers = alt.Chart(alt.NamedData("peers")).transform_calculate(place="datum.bits").encode(x, y)
    shapes = alt.Shape("kind:N", title="other libraries").scale(domain=[*PEERS.values()], range=SHAPES)
    shapes = shapes.legend(
        orient="bottom", columns=3, symbolFillColor="currentColor", symbolStrokeColor="currentColor", symbolSize=70
    )
    its_mark = f"datum.spec === '{quoted_spec(PAPER_WIDTH)}'"
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
        peers.mark_point(filled=True, size=55, color="currentColor", clip=True).encode(
            shape=shapes,
            opacity=alt.condition("datum.bits <= budget", alt.value(0.9), alt.value(0.3)),
            tooltip=[
                alt.Tooltip("method:N", title="method"),
                alt.Tooltip("of:N", title="on"),
                alt.Tooltip("bits_said:N", title="bits"),
                alt.Tooltip("kept:Q", title="score kept (%)", format=".2f"),
                alt.Tooltip("score:Q", title="score (%)", format=".2f"),
            ],
        ),
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
        .properties(width="container", height=430, autosize=alt.AutoSizeParams(type="fit", contains="padding"))
        .add_params(*_parameters())
    )


def css_variable(stress: str) -> str:
    """Return the name of the CSS variable that holds the colour of a stress."""
    return "stress-" + stress.replace("+", "-and-")


def front_chart(series: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the front page's chart as Vega-Lite: score kept over the share of the bits, with a movable line.

    Parameters
    ----------
    series : list of dict
        As :func:`~stressbook.chapters.rerun.explorer.fragments.front_series` returns them. The page's script puts their
        rows into the data set named ``curves``, each with the `name` of its series, whether that is `published`, and its
        bits in words (`bits_said`); it sets the parameter `share`.
    """
    names = [one["name"] for one in series]
    hues = ["var(--series-paper)" if one["published"] else f"var(--series-{place})" for place, one in enumerate(series)]
    lowest = math.floor(min(row["kept"] for one in series for row in one["rows"] if row["front"]))
    colour = alt.Color("name:N", title=None).scale(domain=names, range=hues)
    colour = colour.legend(orient="top", direction="vertical", labelLimit=0, symbolType="circle", symbolOpacity=1)
    base = alt.Chart(alt.NamedData("curves")).encode(
        alt.X("share:Q", title="bits kept (% of the full vector)")
        .scale(type="log", nice=False)
        .axis(values=TICKS, format="~g", grid=False, labelOverlap=False),
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
        base.transform_filter("datum.quoted")
        .mark_point(shape="diamond", filled=True, size=190, opacity=1, stroke="currentColor", strokeWidth=1.8)
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
