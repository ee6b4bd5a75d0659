"""All stresses on one scale: doses by hand, nothing outside what was measured, correlations only where they can be told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT

import stresslib as sl
from stressbook.chapters.beyond.gauge import doses, page, prediction
from stressbook.chapters.beyond.gauge.stresses import STRESSES, Source, Stress, bits, level
from stressbook.drawing.outcomes import AS_EXPECTED, OPPOSITE
from stresslib.results import results_table

CURVES = st.lists(st.tuples(st.integers(1, 60), st.floats(0, 110)), min_size=1, max_size=12)


def row(score: float, stress: str = "none", **more: object) -> dict[str, object]:
    known = {"dataset": "digits", "model": "net", "layer": "logits", "n_features": 10, "metric": "accuracy"}
    return {**known, "stress": stress, "score": score, **more}


def write(folder: Path, name: str, rows: list[dict[str, object]], more: tuple[str, ...] = ("level",)) -> None:
    sl.write_results(results_table(rows, more), folder / f"{name}.csv", more)


PRUNED = Stress("pruned", "weights", "of the weights", 50, (Source("some", ("weights-pruned",), level(100)),))
"""A stress for a table of a few rows."""


def test_doses_are_those_worked_out_by_hand(tmp_path: Path) -> None:
    """Full score 80: 79.2, 76 and 72 are 99, 95 and 90%."""
    scores = {0.2: 80.0, 0.4: 78.4, 0.6: 70.4}  # 100, 98 and 88%
    write(tmp_path, "some", [row(80.0), *(row(one, "weights-pruned", level=share) for share, one in scores.items())])
    curves = doses.curves(tmp_path, [PRUNED])
    assert curves["dose"].tolist() == [20, 40, 60] and curves["kept"].tolist() == pytest.approx([100, 98, 88])
    [found] = doses.matrix(curves, [PRUNED]).to_dict("records")
    assert found["dose_99"] == pytest.approx(30)  # half way from 100 to 98
    assert found["dose_95"] == pytest.approx(46)  # three tenths of the way from 98 to 88
    assert found["dose_90"] == pytest.approx(56)
    assert {found[f"where_{one}"] for one in doses.LEVELS} == {"reached"}
    assert found["scale"] == "% of the weights" and found["chapter"] == "some" and found["doses"] == 3


def test_nothing_is_extrapolated(tmp_path: Path) -> None:
    """A network that bears all, and one that bears nothing, have the ends of the grid as bounds; so has a single dose."""
    rows = [row(50.0), row(50.0, model="weak"), row(50.0, model="once")]
    rows += [row(50.0, "weights-pruned", level=share) for share in (0.1, 0.3)]
    rows += [row(10.0, "weights-pruned", level=share, model="weak") for share in (0.1, 0.3)]
    rows += [row(46.0, "weights-pruned", level=0.7, model="once")]
    write(tmp_path, "some", rows)
    table = doses.matrix(doses.curves(tmp_path, [PRUNED]), [PRUNED]).set_index("network")
    assert table.loc["net", ["dose_99", "where_99"]].tolist() == [30, "beyond"]
    assert table.loc["weak", ["dose_90", "where_90"]].tolist() == [10, "below"]
    assert table.loc["once", ["where_95", "where_90"]].tolist() == ["below", "beyond"]
    html = BeautifulSoup(page.fragment(table.reset_index(), ["some"]), "html.parser")
    assert [cell.text for cell in html.select("tbody tr:nth-child(2) td[data-value]")] == ["< 10.0"] * 3
    assert {link["href"] for link in html.select("tbody a")} == {"some.html"}


def test_what_rises_is_levelled_and_what_is_chosen_is_the_best() -> None:
    dose, kept = doses.monotone([10, 20, 30, 30], [90, 96, 80, 84])
    assert dose.tolist() == [10, 20, 30] and kept.tolist() == [93, 93, 82]
    assert doses.monotone([10, 20, 30, 30], [90, 96, 80, 84], chosen=True)[1].tolist() == [96, 96, 84]


@given(CURVES, st.booleans())
def test_a_dose_lies_in_the_grid_and_more_of_the_score_never_allows_more(
    curve: list[tuple[int, float]], chosen: bool
) -> None:
    dose, kept = doses.monotone(*zip(*curve, strict=True), chosen=chosen)
    assert (np.diff(kept) <= 1e-9).all() and (np.diff(dose) > 0).all()
    found = [doses.largest_dose(dose, kept, percent) for percent in doses.LEVELS]
    assert all(dose[0] <= one <= dose[-1] for one, _ in found)
    assert found[0][0] <= found[1][0] <= found[2][0]
    for (one, where), percent in zip(found, doses.LEVELS, strict=True):
        at = float(np.interp(one, dose, kept))
        assert at == pytest.approx(percent, abs=1e-6) if where == "reached" else (at < percent) == (where == "below")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([(10, "reached"), (30, "reached"), (20, "reached")], (20, "reached")),
        (
            [(10, "reached"), (60, "beyond"), (20, "reached")],
            (20, "reached"),
        ),  # whatever the second one is, 20 is the middle
        ([(15, "beyond"), (60, "beyond"), (20, "reached")], (20, "beyond")),
        ([(15, "below"), (60, "below"), (5, "reached")], (15, "below")),
        ([(15, "beyond"), (60, "below"), (5, "reached")], (5, "between")),  # at least 5, and at most 60
    ],
)
def test_a_median_says_what_bounds_leave_open(found: list[tuple[float, str]], said: tuple[float, str]) -> None:
    rows = [{"stress": "s", "doses": 3, "dose_95": dose, "where_95": where} for dose, where in found]
    [middle] = doses.medians(pd.DataFrame([*rows, {**rows[0], "doses": 2}]), 95).to_dict("records")
    assert (middle["dose"], middle["where"]) == said and middle["networks"] == 3


def test_bits_are_counted_as_the_paper_does() -> None:
    rows = pd.DataFrame({"spec": ["DR2:4", "Q2:16", "DR2:4,Q2:16"], "n_features": [16, 16, 16]})
    assert bits(rows, rows).tolist() == [75.0, 87.5, 96.875]


def test_of_two_tables_the_finer_one_counts_and_a_missing_one_is_named(tmp_path: Path) -> None:
    stress = Stress(
        "pruned", "weights", "of the weights", 50, (*PRUNED.sources, Source("finer", ("weights-pruned",), level()))
    )
    write(tmp_path, "some", [row(80.0), row(80.0, "weights-pruned", level=0.2)])
    assert doses.missing(tmp_path, [stress]) == ["finer"] and "`finer`" in page.left_out(["finer"])
    assert doses.curves(tmp_path, [stress])["chapter"].tolist() == ["some"]
    write(tmp_path, "finer", [row(80.0), *(row(80.0, "weights-pruned", level=share) for share in (20.0, 30.0))])
    assert doses.curves(tmp_path, [stress])["chapter"].tolist() == ["finer", "finer"]


def test_one_network_has_one_name_in_all_tables() -> None:
    names = {"layer": "features", "variant": "", "level": np.nan}
    assert doses.network_name({**names, "model": "digits/resnet8:8/twice/0"}) == "resnet8:8, twice"
    assert doses.network_name({**names, "model": "resnet8:8", "layer": "logits", "variant": "twice"}) == "resnet8:8, twice"


def points(first: list[float], second: list[float]) -> pd.DataFrame:
    networks = [f"net {one}" for one in range(len(first))]
    frame = pd.DataFrame({"dataset": "digits", "network": networks, "chapter": "some"})
    return pd.concat([frame.assign(stress="a", kept=first), frame.assign(stress="b", kept=second)])


def test_correlations_are_those_of_scipy_and_few_networks_tell_nothing() -> None:
    from scipy import stats

    one, two = [1.0, 2, 3, 4, 5, 6, 7, 8], [2.0, 1, 3, 4, 5, 7, 6, 8]
    [found] = prediction.correlations(points(one, two)).to_dict("records")
    assert found["spearman"] == pytest.approx(stats.spearmanr(one, two).statistic)
    assert found["kendall"] == pytest.approx(stats.kendalltau(one, two).statistic) == found["within"]
    assert found["low"] <= found["spearman"] <= found["high"] and found["outcome"] == AS_EXPECTED
    assert prediction.correlations(points(one, one[::-1]))["outcome"].tolist() == [OPPOSITE]
    few = prediction.correlations(points(one[:4], two[:4]))
    assert few["outcome"].tolist() == ["cannot tell"] and few["spearman"].isna().all() and few["networks"].tolist() == [4]
    assert "a and b (4)" in page.untold(few) and "cannot tell" in page.agreement(few)


def test_networks_of_different_data_are_not_compared_within() -> None:
    """Alike over all, since one data set is easy; the other way in each."""
    frame = points([1, 2, 3, 11, 12, 13], [3, 2, 1, 13, 12, 11]).assign(
        dataset=["x"] * 3 + ["y"] * 3 + ["x"] * 3 + ["y"] * 3
    )
    [found] = prediction.correlations(frame).to_dict("records")
    assert found["spearman"] > 0 and found["within"] == -1


def test_networks_are_compared_at_one_dose_and_only_where_it_was_passed() -> None:
    curve = {"stress": "pruned", "dataset": "digits", "chapter": "some"}
    rows = [{**curve, "network": "in", "dose": dose, "kept": kept} for dose, kept in ((40, 100), (60, 90))]
    rows += [{**curve, "network": "out", "dose": dose, "kept": 90} for dose in (10, 20)]
    assert prediction.withstood(pd.DataFrame(rows), [PRUNED])[["network", "kept"]].to_numpy().tolist() == [["in", 95.0]]


def test_the_list_names_tables_that_are_chapters_and_each_stress_once() -> None:
    known = set(page.pages_of(ROOT / "results"))
    assert {source.table for stress in STRESSES for source in stress.sources} <= known
    assert len({stress.name for stress in STRESSES}) == len(STRESSES)


def test_the_page_of_the_committed_tables() -> None:
    """Every stress whose tables are there has a row, an entry in the alternative text, and a place in the picture."""
    table = doses.matrix(doses.curves(ROOT / "results"))
    missing = set(doses.missing(ROOT / "results"))
    there = {stress.name for stress in STRESSES if not {source.table for source in stress.sources} <= missing}
    assert set(table["stress"]) == there
    assert not table.duplicated(["stress", "dataset", "network"]).any()
    said = page.alt_text(table)
    assert all(f"{name} (" in said for name in there)
    labels = [label.get_text() for ax in page.plot(table).axes for label in ax.get_yticklabels()]
    assert sorted(labels) == sorted(label for label in labels if label.split(" (")[0].split(", to ")[0] in there)
    assert len(labels) == len(there)
    shared = table[table["common"]]
    assert all(shared[f"dose_{one}"].between(0, 100).all() for one in doses.LEVELS)
