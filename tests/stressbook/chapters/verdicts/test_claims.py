"""The claims: the interval, the rule, the choice on validation rows, and that verdict and figure follow the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from places import ROOT

import stresslib as sl
from stressbook.chapters.open_questions.selection import measure as selection_measure
from stressbook.chapters.open_questions.selection import page as selection_page
from stressbook.chapters.verdicts.claims import measure as claims_measure
from stressbook.chapters.verdicts.claims import page as claims_page
from stressbook.drawing import style
from stresslib.evaluation.bootstrap import bootstrap_kept
from stresslib.evaluation.protocol import decide
from stresslib.results import FEATURES, results_table
from stresslib.stress.spec import parse_spec

RESULTS = ROOT / "results"


def read_claims(path: Path) -> pd.DataFrame:
    """A table of claims, with its intervals."""
    return sl.read_results(path, claims_measure.INTERVAL)


def write_claims(table: pd.DataFrame, path: Path) -> None:
    """The same, as CSV."""
    sl.write_results(table, path, claims_measure.INTERVAL)


def judgements(right: np.ndarray) -> np.ndarray:
    """Decision values for two classes, all rows being of class 1 in the first half and 0 in the second."""
    truth = np.arange(len(right)) < len(right) / 2
    return np.where(right == truth, 1.0, -1.0)


def test_the_interval_of_an_accuracy_is_that_of_its_binomial() -> None:
    """Beside a full score without error the kept share is the accuracy: 1.96 standard errors on either side."""
    truth = np.repeat([1, 0], 500)
    full = judgements(np.ones(1000, dtype=bool))
    stressed = judgements(np.arange(1000) % 10 != 0)
    kept, low, high = bootstrap_kept(truth, full, [stressed], "accuracy")
    error = 100 * np.sqrt(0.9 * 0.1 / 1000)
    assert kept == pytest.approx(90)
    assert (low, high) == pytest.approx((90 - 1.96 * error, 90 + 1.96 * error), abs=0.25)


def test_the_bootstrap_is_paired() -> None:
    """The same judgements with and without stress keep 100% of every resample, however few are right."""
    truth = np.repeat([1, 0], 50)
    decision = judgements(np.arange(100) % 3 == 0)
    assert bootstrap_kept(truth, decision, [decision], "mean-class-accuracy") == pytest.approx((100, 100, 100))


def test_draws_of_a_random_stress_widen_the_interval() -> None:
    """Four draws, two of which lose 10% and two nothing: the mean of three drawn anew has their unbiased variance."""
    truth = np.repeat([1, 0], 5000)
    full = judgements(np.ones(10000, dtype=bool))
    worse = judgements(np.arange(10000) % 10 != 0)
    kept, low, high = bootstrap_kept(truth, full, [full, worse, full, worse], "accuracy")
    assert kept == pytest.approx(95)
    assert low < 91 and high > 99.5
    narrow = bootstrap_kept(truth, full, [judgements(np.arange(10000) % 20 != 0)] * 4, "accuracy")
    assert narrow.high - narrow.low < 1


def test_classes_keep_their_sizes_in_a_mean_over_classes() -> None:
    """A class of one image is in every resample, so that only the large class moves the mean."""
    truth = np.array([0] + [1] * 400)
    full = np.where(truth == 1, 1.0, -1.0)
    stressed = full.copy()
    stressed[1:101] = -1
    kept, low, high = bootstrap_kept(truth, full, [stressed], "mean-class-accuracy")
    assert kept == pytest.approx(87.5)
    assert 84.5 < low < high < 90.5


def test_a_mean_average_precision_is_resampled_too() -> None:
    """Over rows, as an image may have several labels; each resample has positives and negatives of each class."""
    generator = np.random.default_rng(0)
    truth = np.where(generator.random((60, 3)) < 0.2, 1, -1)
    truth[0, 0] = 0
    full = truth + generator.normal(0, 0.5, truth.shape)
    worse = truth + generator.normal(0, 2.0, truth.shape)
    kept, low, high = bootstrap_kept(truth, full, [worse], "mAP", resamples=50)
    assert low < kept < high < 100
    assert bootstrap_kept(truth, full, [full], "mAP", resamples=20) == pytest.approx((100, 100, 100))


def test_two_runs_give_the_same_interval() -> None:
    """Every draw has a seed."""
    truth, right = np.repeat([1, 0], 50), np.arange(100) % 7 != 0
    calls = [bootstrap_kept(truth, judgements(right | True), [judgements(right)], "accuracy") for _ in range(2)]
    assert calls[0] == calls[1]


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (98.5, 99.9, "holds"),
        (98.49, 99.9, "in part"),
        (97.0, 98.5, "in part"),
        (97.0, 98.49, "does not hold"),
        (100.2, 101.0, "holds"),
    ],
)
def test_the_rule(low: float, high: float, verdict: str) -> None:
    """A claim of 99% is decided at 98.5%, the bounds included."""
    assert claims_page.verdict(low, high, paper=99.0) == verdict


def test_the_claims_are_the_published_rows() -> None:
    """What the paper keeps comes from its own table, and is what its captions say (protocol 3)."""
    paper = claims_page.judged_claims(committed()).groupby("claim", sort=False)["paper"].first().round(3).tolist()
    assert paper == [99.125, 97.841, 99.633, 99.918, 100.115]


def committed() -> pd.DataFrame:
    """The table of claims under results/."""
    return read_claims(RESULTS / "claims.csv")


def test_one_number_changes_verdict_and_figure(tmp_path: Path) -> None:
    """The page is drawn from the CSV: an interval that is edited there is another verdict and another picture."""
    table = committed()
    at = table.index[table["stress"].eq("pca+uniform") & table["values"].eq(8)][0]
    edited_set = claims_page.set_name(*table.loc[at, FEATURES])
    low, high = tmp_path / "low.csv", tmp_path / "high.csv"
    for path, bounds in ((low, (90.0, 91.0)), (high, (99.9, 100.1))):
        edited = table.copy()
        edited.loc[at, ["kept", "kept_low", "kept_high"]] = [np.mean(bounds), *bounds]
        write_claims(edited, path)
    drawn = {}
    for path, verdict in ((low, "does not hold"), (high, "holds")):
        again = read_claims(path)
        judged = claims_page.judged_claims(again)
        row = judged[judged["claim"].str.contains("circle") & judged["features"].eq(edited_set)].iloc[0]
        assert row["verdict"] == verdict
        style.save_figure(claims_page.plot(again), tmp_path, path.stem)
        drawn[verdict] = (path.with_suffix(".png").read_bytes(), claims_page.verdicts(again), claims_page.intervals(again))
    for one, other in zip(drawn["holds"], drawn["does not hold"], strict=True):
        assert one != other


def made_claims(*names: tuple[str, str, str]) -> pd.DataFrame:
    """The same made-up interval for each claim and feature set."""
    rows = []
    for dataset, model, layer in names:
        for spec, kept in [("none", 100.0), *((claim.spec(1280), 98.8) for claim in claims_measure.CLAIMS)]:
            parsed = parse_spec(spec)
            own = {
                "dataset": dataset,
                "model": model,
                "layer": layer,
                "n_features": 1280,
                "metric": "accuracy",
                "score": kept,
            }
            stress = {"stress": parsed.stress, "dimensions": parsed.dimensions, "values": parsed.dictionary_size}
            rows.append({**own, **stress, "kept": kept, "kept_low": kept - 0.1, "kept_high": kept + 0.1})
    return results_table(rows, claims_measure.INTERVAL)


def test_the_grid_has_a_mark_and_a_number_for_each_pair() -> None:
    """98.7 to 98.9: above 97.8 - 0.5 and 99.1 - 0.5, below the other three; VOC 2007 stands first, under the paper."""
    table = made_claims(("digits", "net", "fc"), ("voc2007-val", "bvlc-googlenet", "pooled"))
    head, _, paper, first, second = claims_page.grid(table).splitlines()
    assert [cell.strip() for cell in head.split("|")][2:4] == ["98.4% fewer bits", "99.1% fewer bits"]
    assert paper.startswith("| the paper: VOC 2007 · VGG-M | 99.1 | 97.8 | 99.6 | 99.9 | 100.1 |")
    cells = "| ●&nbsp;98.8 | ●&nbsp;98.8 | ○&nbsp;98.8 | ○&nbsp;98.8 | ○&nbsp;98.8 |"
    assert first == f"| VOC 2007 · GoogLeNet {cells}" and second == f"| digits · net · fc {cells}"
    said = claims_page.headline(table)
    assert "Of 10 pairs of a claim and a feature set, the claim holds in 4, holds in part in 0, does not hold in 6." in said
    assert "not possible" not in said
    fewer = claims_page.headline(table[~(table["dataset"].eq("digits") & table["dimensions"].eq(256))])
    assert "| digits · net · fc | ●&nbsp;98.8 | ●&nbsp;98.8 | – |" in fewer and "–: not possible" in fewer


def test_classical_features_are_judged_by_their_own_table(tmp_path: Path, results: pd.DataFrame) -> None:
    """By the one in the same folder; where there is none, or the claims were measured just now, there is a page."""
    without = claims_page.elsewhere(tmp_path / "claims.csv")
    assert without == claims_page.elsewhere("") and "{doc}`classical`" in without and "not testable here" in without
    sl.write_results(results, tmp_path / "classical.csv")
    said = claims_page.elsewhere(tmp_path / "claims.csv")
    assert "DR-1 at the same number of dimensions **everywhere in 1** of 1 pair" in said


def test_a_table_of_claims_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """To the byte."""
    write_claims(committed(), tmp_path / "claims.csv")
    written = pd.read_csv(tmp_path / "claims.csv", dtype="string", keep_default_na=False)
    kept = pd.read_csv(RESULTS / "claims.csv", dtype="string", keep_default_na=False)
    pd.testing.assert_frame_equal(written[list(kept)], kept)
    once = (tmp_path / "claims.csv").read_bytes()
    write_claims(read_claims(tmp_path / "claims.csv"), tmp_path / "claims.csv")
    assert (tmp_path / "claims.csv").read_bytes() == once


def test_another_table_is_refused_by_name() -> None:
    """A results table has no intervals: the message says which file, and what is missing."""
    with pytest.raises(ValueError, match=r"figure-4\.csv is not a results table .*kept_low"):
        read_claims(RESULTS / "figure-4.csv")


def test_measuring_is_the_protocol_and_the_bootstrap(small: sl.FeatureSet) -> None:
    """Score and share of a claim's setting can be worked out again, step by step."""
    table = claims_measure.measure(small, repeats=2, resamples=50, n_jobs=1, progress=False)
    full, gap = decide(small, "none")
    stressed, _ = decide(small, "Q2:4")
    truth = small.y[small.test]
    row = table[table["stress"].eq("uniform-per-dimension")].iloc[0]
    expected = bootstrap_kept(truth, full, [stressed], small.metric, resamples=50)
    assert tuple(row[claims_measure.INTERVAL]) == pytest.approx(tuple(expected))
    assert row["score"] == pytest.approx(100 * np.mean(stressed.argmax(axis=1) == truth))
    assert table.loc[table["stress"].eq("none"), "kept"].item() == 100 and gap <= 1e-4
    assert table["repeat"].isna().all()


def test_validation_rows_are_training_rows(small: sl.FeatureSet) -> None:
    """No test row, every class in both parts, another name, and the same split for the same seed."""
    part = small.validation()
    rows = {row.tobytes() for row in small.X[small.train]}
    assert {row.tobytes() for row in part.X} == rows and len(part.X) == small.train.sum()
    assert part.test.sum() == pytest.approx(small.train.sum() / 3, abs=1)
    assert part.name.startswith(f"{small.provenance['dataset']}-validation/")
    assert part.digest == small.validation().digest != small.validation(random_state=1).digest


def selection_table() -> pd.DataFrame:
    """Two sizes of a made-up set, four dictionaries of 2 bits and fewer, and validation scores that choose another one."""
    rows = []
    for dataset, scores in (("made", [50, 80, 90, 70]), ("made-validation", [50, 85, 80, 70])):
        own = {"dataset": dataset, "model": "m", "layer": "l", "n_features": 40, "metric": "accuracy"}
        rows.append({**own, "stress": "none", "score": 100.0})
        for size in (4, 8):
            for count, score in zip((2, 3, 4, 5), scores, strict=True):
                rows.append({**own, "stress": "pca+uniform", "dimensions": size, "values": count, "score": score})
    return sl.results.results_table(rows)


def test_the_choice_by_hand(tmp_path: Path) -> None:
    """Of 3 and 4 values, which cost 2 bits, the test rows would take 4 and the validation rows take 3: 10 points less."""
    rows = selection_page.chosen(selection_table())
    two_bits = rows[rows["bits"] == 2].iloc[0]
    assert (two_bits["best"], two_bits["picked"]) == (4, 3)
    assert (two_bits["best_kept"], two_bits["picked_kept"], two_bits["optimism"]) == (90, 80, 10)
    assert rows["bits"].tolist() == [1, 2, 3] * 2
    assert "10.00 at most" in selection_page.answer(selection_table()).answer
    assert "3" in selection_page.table(selection_table()).to_string()
    style.save_figure(selection_page.plot(selection_table()), tmp_path, "one")
    assert "validation" in selection_page.alt_text(selection_table())


def test_the_stresses_to_choose_from() -> None:
    """The sizes of the paper's marks, and its numbers of values."""
    specs = selection_measure.specs(4096)
    assert specs[:2] == ["none", "DR2:409,Q2:2"] and "DR2:819,Q2:24" in specs and len(specs) == 59


def test_claims_of_more_components_than_training_rows_are_left_out(small: sl.FeatureSet, tmp_path: Path) -> None:
    """Of 40 dimensions they keep 4 and 8; six training rows have six components. The figure says so in the row's place."""
    chosen = np.flatnonzero(small.train)[:6].tolist() + np.flatnonzero(small.test).tolist()
    few = small.replace(
        X=small.X[chosen], y=small.y[chosen], train=np.arange(len(chosen)) < 6, provenance={"dataset": "few"}
    )
    options = {"repeats": 1, "resamples": 20, "n_jobs": 1, "progress": False}
    tables = [claims_measure.measure(features, **options) for features in (few, small)]
    assert set(tables[0].loc[tables[0]["stress"] == "pca+uniform", "dimensions"]) == {4}
    judged = claims_page.judged_claims(pd.concat(tables))
    assert judged[judged["claim"].str.contains("cross")]["dataset"].tolist() == ["toy"]
    figure = claims_page.plot(pd.concat(tables))
    assert sum(text.get_text() == "not possible" for ax in figure.axes for text in ax.texts) == 1


def test_the_claims_of_rows_with_several_labels() -> None:
    """On VOC 2007's shipped features, few of them: score and interval are those of the ranking, difficult entries aside."""
    voc = sl.load_features("voc2007-val", "bvlc-googlenet")
    kept = np.random.default_rng(0).permutation(len(voc.X))[:1200]
    few = voc.replace(X=voc.X[kept], y=voc.y[kept], train=voc.train[kept], files=())
    table = claims_measure.measure(few, repeats=1, resamples=30, n_jobs=1, progress=False)
    decision, _ = decide(few, "Q2:4")
    row = table[table["stress"] == "uniform-per-dimension"].iloc[0]
    assert row["score"] == pytest.approx(100 * np.mean(sl.average_precision(few.y[few.test], decision)))
    assert row["kept_low"] < row["kept"] < row["kept_high"]
    assert (few.y[few.test] == 0).any() and len(claims_page.judged_claims(table)) == 5
