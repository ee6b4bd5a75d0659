"""The chapter on classical features: it compares like with like, by a rule that can be checked by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import stresslib as sl
from stressbook.chapters.verdicts.classical import codeword, comparison, measure, page
from stressbook.drawing import style
from stressbook.reproduce.catalogue import figures, project_root
from stresslib.features import embedded_path
from stresslib.stress.spec import bits_per_vector

WIDTHS = {
    f"{dataset}/{name}": width
    for dataset in ("voc2007-val", "scenes15")
    for name, width in {
        "efficientnet-lite0/pooled": 1280,
        "efficientnet-lite0-untrained/pooled": 1280,
        "bossanova/pooled": 3072,
        "bossanova/pyramid": 24576,
        "bag-of-words/pooled": 1024,
        "fisher-vector/pooled": 8256,
        "bossanova+codewords=64/pooled": 192,
    }.items()
}


def test_specs_are_the_papers_grid_common_sizes_and_bits() -> None:
    made = measure.specs(3072, [1, 20], [4], [64, 4096], [256, 8192], n_train=1498)
    assert made == ["none", "DR1:64", "DR1:153", "DR1:3072", "DR2:64", "DR2:153", "Q1:4", "Q2:4", "DR2:64,Q2:16"]
    assert bits_per_vector(made[-1], 3072) == 256


def test_quick_is_a_part_of_full_on_what_is_shipped() -> None:
    """Same settings, so that each has a committed row; the page has a network, its control and classical features twice."""
    profiles = figures(project_root())["classical"]["profiles"]
    quick, full = (
        {
            (name, spec)
            for name in profile["dataset"]
            for spec in measure.specs(
                WIDTHS[name], *(profile[grid] for grid in ("steps", "values", "numbers", "bits")), n_train=1498
            )
        }
        for profile in (profiles["quick"], profiles["full"])
    )
    assert quick < full and profiles["quick"]["repeats"] <= profiles["full"]["repeats"]
    assert all(embedded_path(*name.split("/")).is_file() for name in profiles["quick"]["dataset"])
    for dataset in ("voc2007-val", "scenes15"):
        models = [name.split("/")[1] for name in profiles["full"]["dataset"] if name.startswith(dataset)]
        assert {"efficientnet-lite0", "efficientnet-lite0-untrained", "bossanova", "bag-of-words", "fisher-vector"} <= set(
            models
        )


def test_places_are_alike_in_share_in_number_and_in_bits(results: pd.DataFrame) -> None:
    """5% are 64 of 1280 and 153 of 3072; 64 and 128 dimensions both have, and 153 by chance too; 256 bits are 64 times 4."""
    both = comparison.compared(results).set_index(["way", "stress", "place"])[["kept", "kept_rival", "score_rival"]]
    expected = {
        ("share", "random-selection", 1): (80, 85, 51.0),
        ("share", "uniform-per-dimension", 4): (97, 99, 59.4),
        ("number", "random-selection", 64): (80, 70, 42.0),
        ("number", "random-selection", 128): (90, 84, 50.4),
        ("number", "random-selection", 153): (91, 85, 51.0),
        ("bits", "pca+uniform", 256): (88, 90, 54.0),
    }
    assert set(both.index) == set(expected)
    for place, row in expected.items():
        assert both.loc[place].tolist() == pytest.approx(row)


def test_counts_follow_the_rule(results: pd.DataFrame) -> None:
    said = comparison.judged_pairs(results).set_index(["way", "stress"])["where"].to_dict()
    assert said[("share", "random-selection")] == "nowhere"
    assert said[("number", "random-selection")] == "everywhere"
    assert said[("bits", "pca+uniform")] == "nowhere"
    lines = dict(line.removeprefix("- ").split(": ", 1) for line in page.verdicts(results).splitlines())
    assert lines["DR-1 at the same share of dimensions"] == (
        "ahead **nowhere in 1** of 1 pair. Furthest behind BossaNova on 15-Scenes, with 5%: 80.0% against 85.0%."
    )
    assert lines["DR-1 at the same number of dimensions"] == (
        "ahead **everywhere in 1** of 1 pair. Furthest ahead of BossaNova on 15-Scenes, with 64 dimensions: "
        "80.0% against 70.0%."
    )
    assert "Q-2 at the same share of bits" in lines and "FC at the same bits a vector" in lines


@pytest.mark.parametrize(
    ("kept", "kept_rival", "expected"),
    [
        ([90.0, 99.2], [80.0, 99.1], "everywhere"),
        ([90.0, 95.0], [80.0, 94.5], "in places"),
        ([90.0, 90.0], [80.0, 95.0], "in places"),
        ([90.9], [90.0], "nowhere"),
        ([99.9, 99.0], [99.0, 99.0], "nowhere"),
        ([101.0], [98.9], "everywhere"),
    ],
)
def test_where_a_network_is_ahead(kept: list[float], kept_rival: list[float], expected: str) -> None:
    assert comparison.ahead(kept, kept_rival) == expected


def test_table_scores_and_alt_text(results: pd.DataFrame) -> None:
    table = page.table(results)
    assert table.shape == (1, 4) and table.index.tolist() == [("15-Scenes", "BossaNova")]
    assert table[("same number", "DR-1")].item() == "+3 −0"
    small = page.scores(results, step=1, number=64, bits=256)
    expected = [3072, "60.0", "51.0 (85.0%)", "42.0 (70.0%)", "54.0 (90.0%)"]
    assert small.loc[("15-Scenes", "BossaNova")].tolist() == expected
    told = "with 64 dimensions: EfficientNet-Lite0 80.0%, BossaNova 70.0%"
    assert f"15-Scenes, DR-1 at the same number of dimensions, {told}" in page.alt_text(results)


def test_a_share_that_decides_has_the_digits_to_see_it(results: pd.DataFrame) -> None:
    """99% is where a place no longer counts: what lies just below is not printed as 99.0."""
    just_below = results.copy()
    bossanova = just_below["model"].eq("bossanova")
    just_below.loc[bossanova & just_below["stress"].eq("pca+uniform"), "score"] = 0.98998 * 60
    cell = page.scores(just_below, bits=256).loc[("15-Scenes", "BossaNova"), "FC, 256 bits"]
    assert cell == "59.4 (98.998%)"


def test_control_is_a_rival_of_the_trained_network(results: pd.DataFrame, network: pd.DataFrame) -> None:
    """By the same rule; what is said of classical features does not count it."""
    control = network.assign(model="efficientnet-lite0-untrained")
    both = pd.concat([results, control], ignore_index=True)
    judged = comparison.judged_pairs(both)
    assert set(judged["model"]) == {"efficientnet-lite0"}
    assert set(judged["model_rival"]) == {"bossanova", "efficientnet-lite0-untrained"}
    # It keeps what the trained one keeps: nowhere is that ahead.
    assert set(judged.loc[judged["model_rival"] != "bossanova", "where"]) == {"nowhere"}
    assert page.headline(both) == page.headline(results)
    assert page.verdicts(both) == page.verdicts(results) and page.verdicts(results, control=True) == ""
    assert {line.split(": ")[1] for line in page.verdicts(both, control=True).splitlines()} == {
        "ahead **nowhere in 1** of 1 pair."
    }


def test_headline_counts_pairs_by_hand(results: pd.DataFrame, bossanova: pd.DataFrame) -> None:
    """Nowhere by share, everywhere by number, nowhere by bits; beside a rival that keeps half of all, everywhere."""
    worse = bossanova.assign(model="bag-of-words")
    worse.loc[worse["stress"].ne("none"), "score"] /= 2
    said = page.headline(pd.concat([results, worse], ignore_index=True))
    assert "DR-1 at the same share of dimensions **everywhere in 1, nowhere in 1** of 2 pairs" in said
    assert "number of dimensions **everywhere in 2** of 2 pairs" in said
    assert "bits a vector **everywhere in 1, nowhere in 1** of 2 pairs" in said


def test_scores_stand_beside_the_literature(network: pd.DataFrame, bossanova: pd.DataFrame) -> None:
    tables = [bossanova, bossanova.assign(dataset="digits"), network]
    plausible = page.plausible(pd.concat(tables, ignore_index=True))
    assert plausible.index.tolist() == ["15-Scenes, BossaNova"]
    assert plausible.iloc[0, 1:].tolist() == ["60.0", "72.2 (200 words) to 74.8 (400)"]


def test_without_a_rival_there_is_nothing_to_compare(network: pd.DataFrame, bossanova: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="bossanova, bag-of-words"):
        comparison.compared(network)
    with pytest.raises(ValueError, match="no data set with a network and one of"):
        comparison.compared(pd.concat([network, bossanova.assign(dataset="digits")]))


def test_figure_draws_the_numbers(results: pd.DataFrame, tmp_path: Path) -> None:
    figure = page.plot(results)
    share, number, bits = figure.axes
    lines = {line.get_label(): line for line in share.get_lines()}
    assert lines["BossaNova"].get_ydata().tolist() == pytest.approx([85, 100]), "on the paper's grid alone"
    assert {"paper: VGG-M on VOC 2007", "paper: BossaNova on VOC 2007"} <= set(lines)
    assert lines["paper: BossaNova on VOC 2007"].get_ydata()[0] == pytest.approx(100 * 44.661324 / 51.017362)
    drawn = {line.get_label(): line for line in number.get_lines()}["EfficientNet-Lite0"]
    assert drawn.get_xdata().tolist() == [64, 128] and drawn.get_ydata().tolist() == pytest.approx([80, 90])
    assert bits.get_lines()[0].get_xdata().tolist() == [256]
    style.save(figure, results, tmp_path, "classical")
    assert (tmp_path / "classical.svg").stat().st_size > 10_000


def test_published_curve_stands_beside_the_classical_ones_alone(results: pd.DataFrame) -> None:
    points = page.agreement(results)
    assert set(points["model"]) == {"bossanova"} and set(points["published_model"]) == {"bossanova"}
    assert points["theirs"].tolist() == pytest.approx([87.54, 100], abs=0.01)
    assert page.agreement_table(points).index.names == ["ours", "metric"]


def test_explanation_of_one_codeword() -> None:
    """The bins hold the weight of the patches between their edges; real photographs."""
    pytest.importorskip("cv2")
    skimage = pytest.importorskip("skimage")
    folder = Path(skimage.__file__).parent / "data"
    paths = [folder / name for name in ("chelsea.png", "coffee.png")]
    if not all(path.is_file() for path in paths):
        pytest.skip("this scikit-image has other photographs")
    figure = codeword.plot(paths, codewords=16)
    picture, histogram, counted = figure.axes
    [centres] = picture.get_lines()
    assert len(centres.get_xdata()) > 20
    fine = sum(patch.get_height() for patch in histogram.patches if 0.4 <= patch.get_x() < 2)
    [stairs] = counted.patches
    assert sum(stairs.get_data().values) == pytest.approx(fine, rel=0.01) and fine > 0


def test_measuring_is_a_sweep_over_the_stresses_of_the_figure(small: sl.FeatureSet) -> None:
    grid = ([2, 20], [4], [8], [64])
    table = measure.measure(small, *grid, repeats=2, n_jobs=1, progress=False)
    specs = measure.specs(40, *grid, n_train=int(small.train.sum()))
    pd.testing.assert_frame_equal(table, sl.sweep(small, specs, repeats=2, n_jobs=1, progress=False))


def test_what_is_said_of_bossanova_is_what_the_registry_and_the_paper_have() -> None:
    assert "63,440 dimensions, 51.0% mAP in full" in page.published_curve()
    assert "1,024 codewords and 2 bins: 3,072 values" in page.default_bossanova()
