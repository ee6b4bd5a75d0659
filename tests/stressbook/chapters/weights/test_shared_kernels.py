"""The chapter on shared kernels: pages of made-up tables, verdicts for each outcome, published sizes, and small runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from places import ROOT

import stresslib as sl
from stressbook.chapters.weights.shared_kernels import (
    depth,
    effects,
    measure,
    names,
    page,
    redundancy,
    sizes,
    thinned,
    trainings,
)
from stressbook.drawing import outcomes
from stressbook.reproduce.comparison import drift, read_every_column
from stressbook.reproduce.parameters import defaults
from stresslib.results import SETTING, results_table
from stresslib.training.artefacts import Address
from stresslib.training.data import load_arrays
from stresslib.training.trained import load_trained
from stresslib.training.vectors import vectors_path

RESNET = "anchored-resnet18"
WEIGHTS = {
    f"{RESNET}:16": 3450,
    f"{RESNET}-regulated:16": 5498,
    f"{RESNET}-mixed:16": 78138,
    f"{RESNET}-mixed-regulated:16": 89018,
    f"{RESNET}-none:16": 38010,
    f"{RESNET}-mixed-none:16": 176882,
    f"{RESNET}-shared-norm:16": 2970,
    f"{RESNET}-none:5": 3965,
}
ERRORS = {
    f"{RESNET}:16": [50.0, 51, 52],
    f"{RESNET}-regulated:16": [48.0, 48, 50],
    f"{RESNET}-mixed:16": [40.0, 41, 42],
    f"{RESNET}-mixed-regulated:16": [38.0, 39.1, 40],
    f"{RESNET}-none:16": [42.0, 43, 43.5],
    f"{RESNET}-mixed-none:16": [38.0, 39, 40.1],
    f"{RESNET}-shared-norm:16": [80.0, 85, 86],
    f"{RESNET}-none:5": [55.0, 56, 58],
}


def networks(errors: dict[str, list[float]], dataset: str = "cifar10", gained: float = 20.0) -> list[dict[str, Any]]:
    """By architecture, the error of each training; pruning half costs 20, 23 and 26 points with one, 10 to 12 without."""
    rows: list[dict[str, Any]] = []
    for model, several in errors.items():
        for seed, error in enumerate(several):
            at = {"dataset": dataset, "model": model, "layer": "logits", "n_features": 10, "variant": "tuned", "seed": seed}
            count = WEIGHTS[model]
            size = {"bytes": 4 * count, "file_bytes": 4 * count + 9000}
            rows.append({**at, "stress": "none", "metric": "accuracy", "score": 100 - error, **size})
            rows.append({**at, "stress": "none", "metric": names.BATCH_STATISTICS, "score": 101 - error})
            loss = {"-none": 10 + seed, "": 20 + 3 * seed}.get(model.partition(RESNET)[2].partition(":")[0], 15)
            for level, lost in ((0, 0), (50, loss)):
                rows.append(
                    {**at, "stress": names.PRUNED, "level": level, "metric": "accuracy", "score": 100 - error - lost}
                )
            for place, layer in enumerate(("input", "first", "block-1", "features")):
                score = 10 + place * (gained + seed) / 2
                rows.append({**at, "layer": layer, "stress": "none", "metric": names.SEPARATION, "score": score})
            if seed == 0:
                for level, score in ((0.003, 20.0), (0.01, 30.0), (0.03, 25.0 if "mixed" in model else 35.0)):
                    rows.append({**at, "stress": names.RATE, "level": level, "metric": "accuracy", "score": score})
    return rows


def vectors(shift: float = 5.0) -> list[dict[str, Any]]:
    """Features of one kernel keep `shift` points more than those of unshared kernels, and fill as many dimensions."""
    rows: list[dict[str, Any]] = []
    for model, more in ((f"{RESNET}:16", shift), (f"{RESNET}-none:16", 0.0)):
        for seed in range(3):
            at = {"dataset": "cifar10", "model": model, "layer": "features", "n_features": 16, "variant": "tuned"}
            at |= {"metric": "accuracy", "objective_gap": 1e-6, "seed": seed}
            spectrum = {"variance_90": 8 + seed, "participation_ratio": 4.0, "effective_rank": 6.0 + 0.1 * seed * (more > 0)}
            rows.append({**at, "stress": "none", "score": 50.0, **spectrum})
            for stress, count in (("random-selection", 2), ("pca", 2), ("pca", 4)):
                draws = (0, 1) if stress == "random-selection" else (None,)
                score = 0.5 * (70 + count + more + 0.1 * seed * (more != 0))
                rows += [{**at, "stress": stress, "dimensions": count, "repeat": draw, "score": score} for draw in draws]
    return rows


@pytest.fixture(scope="module")
def whole() -> pd.DataFrame:
    digits = {f"{RESNET}:16": [40.0], f"{RESNET}-none:16": [6.0]}
    return results_table([*networks(ERRORS), *networks(digits, "digits"), *vectors()], names.MORE)


# What the page says of a table


def test_what_was_measured_of_a_network_by_hand(whole: pd.DataFrame) -> None:
    row = effects.by_network(whole).loc["cifar10", "plain", 2.0].to_dict()
    assert row == {"error": 52, "batch_error": 51, "parameters": 3450, "file_bytes": 22800, "lost": 26, "gained": 22}
    shown = effects.table(whole)
    assert shown.loc[("CIFAR-10", "unshared, narrow"), "weights"] == "3,965"
    assert (
        shown.loc[("CIFAR-10", "one kernel"), "rate"] == "0.03"
        and shown.loc[("CIFAR-10", "a kernel a width"), "rate"] == "0.01"
    )
    assert "Of 10 choices 0 fell on the lowest rate tried (0.003) and 7 on the highest (0.03)." in effects.at_the_edge(whole)


@pytest.mark.parametrize(
    ("sign", "ends", "expected"),
    [
        (-1, (-3.0, -0.1), outcomes.AS_EXPECTED),
        (-1, (0.1, 3.0), outcomes.OPPOSITE),
        (1, (0.1, 3.0), outcomes.AS_EXPECTED),
        (1, (-3.0, -0.1), outcomes.OPPOSITE),
        (0, (-5.0, 0.9), outcomes.AS_EXPECTED),
        (0, (-5.0, 1.1), outcomes.UNDECIDED),
        (0, (0.5, 5.0), outcomes.UNDECIDED),
        (0, (1.1, 5.0), outcomes.OPPOSITE),
        (1, (np.nan, np.nan), outcomes.UNDECIDED),
    ],
)
def test_an_interval_is_judged_by_what_was_expected(sign: int, ends: tuple[float, float], expected: str) -> None:
    assert effects.outcome(sign, *ends) == expected


def test_differences_are_paired_by_seed(whole: pd.DataFrame) -> None:
    """8, 8 and 8.5: mean 49/6, standard error 1/6 and Student's t of two degrees 4.303."""
    row = effects.judged(whole).iloc[0]
    assert [row["mean"], row["low"]] == pytest.approx([49 / 6, 49 / 6 - 4.302653 / 6], abs=1e-5)
    assert row["outcome"] == outcomes.AS_EXPECTED and row["count"] == 3
    assert effects.paired(effects.of_dataset(whole, "digits")["error"], "plain", "mixed").empty


def test_each_expectation_has_its_verdict(whole: pd.DataFrame) -> None:
    said, missed = effects.verdicts(whole, "error"), effects.not_reproduced(whole)
    assert (
        "- Error of *one kernel* higher than of *unshared, of one width* (it has a sixteenth of the kernels): CIFAR-10"
        in said
    )
    assert "CIFAR-10 +8.2 (+7.4 to +8.9) as expected; Digits +34.0 (one training each) undecided." in said
    assert "*unshared, narrow* (at about" in said and "pruned to" not in said, "of networks that were not measured"
    assert missed.startswith("- CIFAR-10: loss of accuracy when half of the weights are pruned of *a kernel a width, reg")
    assert "It was a difference of +0.0 points (+0.0 to +0.0): undecided." in missed and "Digits" not in missed
    three = networks({f"{RESNET}:16": [50.0, 51, 52], f"{RESNET}-none:16": [42.0, 43.1, 44]})
    assert effects.not_reproduced(results_table(three, names.MORE)) == "- Nothing: every direction was as expected."
    one = results_table(networks({f"{RESNET}:16": [50.0], f"{RESNET}-none:16": [42.0]}), names.MORE)
    assert effects.not_reproduced(one) == "- One training of each network leaves everything undecided."
    assert "CIFAR-10 +12.0 (" in effects.verdicts(whole, "lost")
    assert "CIFAR-10 +21.0 (+18.5 to +23.5) as expected" in effects.verdicts(whole, "gained")
    assert "**the other way**" in effects.verdicts(results_table(networks(ERRORS, gained=-20), names.MORE), "gained")


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        (
            ERRORS,
            "**No, one kernel is not enough.** On CIFAR-10, one kernel for all layers, 3,450 weights in all, errs in 51.0%",
        ),
        (ERRORS, "50% of the weights of the widening network, **recovers it**: 39.0% against 39.0%"),
        (
            ERRORS,
            "fewer errors than a narrow network that shares nothing, a difference of -5.3 points (-6.8 to -3.9).",
        ),
        ({f"{RESNET}:16": [40.0, 41], f"{RESNET}-none:16": [50, 51.1]}, "**Yes, one kernel is enough.**"),
        ({f"{RESNET}:16": [40.0, 60], f"{RESNET}-none:16": [50, 51.1]}, "**Undecided by so few trainings.**"),
        ({**ERRORS, f"{RESNET}-mixed-regulated:16": [58.0, 59, 61]}, "**does not recover it**"),
        ({**ERRORS, f"{RESNET}-mixed-regulated:16": [30.0, 39, 50]}, "may recover it"),
        ({**ERRORS, f"{RESNET}-none:5": [45.0, 46, 46.5]}, "one kernel makes **more errors than** a narrow"),
        ({**ERRORS, f"{RESNET}-none:5": [45.0, 56, 51]}, "errors that cannot be told from those of a narrow"),
    ],
)
def test_the_headline_answers_the_question(errors: dict[str, list[float]], said: str) -> None:
    assert said in page.headline(results_table(networks(errors), names.MORE))


@pytest.mark.parametrize(
    ("shared", "with_their_own", "said"),
    [
        ([80.0, 85, 86], 0.0, "difference of +32.7 points (+26.9 to +38.4): **private norms are better**."),
        ([80.0, 85, 86], -33.0, "in each use: 49.7% and 50.0%, a difference of -0.3 points (-6.1 to +5.4): undecided."),
        ([80.0, 85, 86], -33.0, "what has to be private is the **mean and deviation**"),
        ([40.0, 41, 41.5], 0.0, "**a shared norm is better**"),
        ([40.0, 61, 50], 0.0, "): undecided."),
        ([80.0], 0.0, "undecided by one training each"),
    ],
)
def test_private_norms_against_a_shared_one(shared: list[float], with_their_own: float, said: str) -> None:
    rows = networks({f"{RESNET}:16": [50.0, 51, 52], f"{RESNET}-shared-norm:16": shared})
    for row in rows:
        row["score"] -= with_their_own * (row["metric"] == names.BATCH_STATISTICS and "norm" in row["model"])
    found = effects.norms(results_table(rows, names.MORE))
    assert said in found and ("has to be private" in found) == (with_their_own < 0)


@pytest.mark.parametrize(
    ("shift", "said"),
    [(5.0, "**more redundant**, by DR-1 and DR-2"), (-5.0, "**less redundant**, by DR-1 and DR-2"), (0.0, "undecided")],
)
def test_redundancy_is_judged_in_both_directions(shift: float, said: str) -> None:
    table = results_table([*networks(ERRORS), *vectors(shift)], names.MORE)
    assert f"- One kernel against unshared, of one width: {said}" in redundancy.verdicts(table)
    shares = redundancy.curves(table)
    assert shares.loc[("none", 0.0)].tolist() == [72, 74, 72] and shares.columns[0] == ("pca", 12.5)
    assert redundancy.measured(table).loc[("none", 1.0), "variance_90"] == pytest.approx(900 / 16)
    assert redundancy.table(table).loc["one kernel", "full score"] == 50


def test_a_page_without_features() -> None:
    table = results_table(networks(ERRORS), names.MORE)
    assert redundancy.verdicts(table) == "No features were measured." and redundancy.table(table).empty
    assert not redundancy.plot(table).axes[0].get_legend_handles_labels()[0] and redundancy.alt_text(table)


def test_separation_by_layer(whole: pd.DataFrame) -> None:
    assert "- One kernel: highest in the features, 41.5%; features 41.5%." in depth.verdicts(whole)
    falling = results_table(networks(ERRORS, gained=-8), names.MORE)
    assert "- One kernel: highest behind the first layer" in depth.verdicts(falling)
    assert depth.by_layer(whole).loc[("plain", 1.0)].tolist() == [10, 20.5, 31, 41.5]


def test_published_numbers_are_beside_ours(whole: pd.DataFrame) -> None:
    assert page.published(whole).loc["one kernel"].tolist() == [38.6, 51.0]
    assert page.published_verdict(whole) == "Of 10 pairs of networks 9 are in the authors' order, by mean errors."
    opposite = whole.assign(score=100 - whole["score"])
    assert page.published_verdict(opposite) == "Of 10 pairs of networks 0 are in the authors' order, by mean errors."


def test_sizes_are_the_published_ones() -> None:
    table, said = sizes.table(), sizes.verdict()
    assert table.loc["DACNN14", "ours"] == "167,396" and table.loc["DACNN34", "ours"] == "172,260"
    assert table.loc["MIX14", "ours"] == "4,744,100" and "**167,396**" in said and "**4,744,100**" in said
    for label, row in table.iterrows():
        ours = [int(cell.replace(",", "")) / 1e6 for cell in row.iloc[:2] if cell]
        assert min(abs(one / float(row.iloc[2]) - 1) for one in ours) < 0.08, label
    assert sizes.removed() == pytest.approx({"mixed-regulated": 49.98, "plain": 98.50}, abs=0.01)
    assert sizes.second_table().loc["DACNN, plain"].tolist() == [98.5, 10.2, "98.5"]


def test_figures_show_the_table(whole: pd.DataFrame, tmp_path: Path) -> None:
    left, right = page.plot(whole).axes
    assert left.get_title().startswith("CIFAR-10") and left.get_xscale() == "log"
    drawn = [line.get_xydata().tolist() for line in left.lines]
    assert [[3450, 51]] in drawn and [[3450, 50], [3450, 51], [3450, 52]] in drawn
    assert len(right.lines) == len(sizes.PLOT)
    assert len(depth.plot(whole).axes[0].lines) == 3 * 4 and len(thinned.plot(whole).axes[1].lines) == 3 * 4
    assert len(redundancy.plot(whole).axes) == 4
    for text in (page.caption(whole), depth.caption(whole), thinned.caption(whole), redundancy.caption(whole)):
        assert text.endswith(".")
    assert "one kernel 3,450 weights, 51.0%" in page.alt_text(whole) and "MIX18 4.91 million" in page.alt_text(whole)
    assert "one kernel 23.0 at 50%" in thinned.alt_text(whole) and "DR-1 77.1%" in redundancy.alt_text(whole)
    assert "20.5% behind the first layer" in depth.alt_text(whole)
    sl.write_results(whole, tmp_path / "shared-kernels.csv", names.MORE)
    again = sl.read_results(tmp_path / "shared-kernels.csv", names.MORE)
    assert effects.verdicts(again, "error") == effects.verdicts(whole, "error")
    assert redundancy.verdicts(again) == redundancy.verdicts(whole)
    again = read_every_column(tmp_path / "shared-kernels.csv")
    assert drift(again, again) == [] and not again.duplicated([*SETTING, "variant", "level", "seed"]).any()


# What is measured


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    brief = replace(trainings.COURSES["digits"], epochs=2, tried_on=40, tried_epochs=1, judged_on=20)
    monkeypatch.setitem(trainings.COURSES, "digits", brief)
    monkeypatch.setattr(trainings, "RATES", (0.01, 0.03))
    monkeypatch.setitem(measure.TESTS, "digits", (80, 40))


@pytest.mark.usefixtures("short")
def test_a_small_run_is_scored_right() -> None:
    options: dict[str, Any] = {"n_jobs": 1, "progress": False}
    plain, pruned = f"digits:60/{RESNET}:4/tuned", f"digits:60/{RESNET}-none:4/pruned-to-{RESNET}"
    table = measure.measure(
        [plain, pruned], 2, shipped=[plain], shares=[0, 50], vectors=[plain], sixteenths=[8], repeats=2, **options
    )
    tests, module = load_arrays("digits"), load_trained(f"{plain}/1")
    with torch.inference_mode():
        right = (module(torch.from_numpy(tests.test_images[:80])).argmax(1).numpy() == tests.test_labels[:80]).mean()
    rows = table[table["layer"].eq("logits") & table["stress"].eq("none") & table["metric"].eq("accuracy")]
    assert rows["score"].tolist()[2] == pytest.approx(100 * right)
    assert rows["bytes"].tolist()[:2] == [4 * 366, 4 * 366]  # 438 with three channels
    assert rows["file_bytes"].iloc[1] > rows["file_bytes"].iloc[0]
    tried = table[table["stress"].eq(names.RATE)]
    assert tried["level"].unique().tolist() == [0.01, 0.03] and set(tried["seed"]) == {0.0}
    assert trainings.describe(f"{plain}/1")["rate"] == trainings.describe(f"{plain}/0")["rate"]
    assert trainings.describe(f"{pruned}/0")["rate"] == trainings.describe(f"digits:60/{RESNET}-none:4/tuned/0")["rate"]
    assert trainings.describe(f"{pruned}/0")["removed"] == pytest.approx(1 - 366 / 2526)
    layers = table[table["metric"].eq(names.SEPARATION) & table["model"].eq(f"{RESNET}:4") & table["seed"].eq(0)]
    assert layers["layer"].unique().tolist() == ["input", "first", *(f"block-{i}" for i in range(1, 9)), "features"]
    features = table[table["layer"].eq("features") & table["metric"].eq("accuracy")]
    assert features["spec"].tolist() == ["none", "DR1:2", "DR1:2", "DR2:2"] * 2
    assert features["variance_90"].notna().tolist() == [True, False, False, False] * 2
    kept = measure.vectors(f"{plain}/0")
    assert kept.X.shape == (80, 4) and features["score"].iloc[0] == sl.evaluate(kept, "none")["score"].item()


def test_the_rate_is_the_one_that_does_best_on_images_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    monkeypatch.setattr(trainings, "_fit", lambda _, data, course, rate, *more: seen.append(rate) or shown.append(data))
    monkeypatch.setattr(trainings, "predict", lambda _, images: np.eye(10)[np.full(len(images), 3 * (seen[-1] == 0.01))])
    shown: list[Any] = []
    rate, tried = trainings._rate(Address.parse(f"digits/{RESNET}:4/tuned/0"), trainings.COURSES["digits"])
    assert seen == list(trainings.RATES) and rate == 0.01, "21 of 200 are a 3, and 20 a 0"
    assert tried["0.01"] > tried["0.03"] == tried["0.003"] and len(shown[0].train_labels) == 800


@pytest.mark.usefixtures("short")
def test_pruned_weights_stay_zero_while_the_others_learn() -> None:
    name = f"digits:60/{RESNET}-none:4/pruned-to-{RESNET}/0"
    trainings.make_network(name)
    half, done = load_trained(f"digits:60/{RESNET}-none:4/tuned-half/0"), load_trained(name)
    before, after = half.network.shared.kernels[3].weight, done.network.shared.kernels[3].weight  # type: ignore[union-attr, index]
    gone = after == 0
    assert 0 < int(gone.sum()) < gone.numel() and not (before == 0).any()
    assert before[gone].abs().max() <= before.abs().max() and (after[~gone] != before[~gone]).any()  # type: ignore[index, operator]
    written = trainings.make_network(name).find().stat().st_mtime_ns
    trainings.make_networks([name], n_jobs=1, progress=False)
    assert Address.parse(name).find().stat().st_mtime_ns == written, "what is at hand is not trained again"


def test_layers_are_those_of_the_network() -> None:
    module = trainings._fresh(f"{RESNET}:4", load_arrays("digits"), 0).eval()
    images = load_arrays("digits").test_images[:6]
    found = measure.layers(module, images)
    with torch.inference_mode():
        assert np.allclose(found["features"], module.network.features((torch.from_numpy(images) - module.mean) / module.std))  # type: ignore[union-attr, operator]
    assert found["block-1"].shape == (6, 4 * 16) and found["block-8"].shape == (6, 4 * 4)
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in module.modules()), "none is left behind"


def test_quick_is_a_part_of_full_on_what_is_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profiles = yaml.safe_load((ROOT / "notebooks" / "figures.yml").read_text())["shared-kernels"]["profiles"]
    known = defaults(ROOT / "notebooks" / "shared-kernels.ipynb")
    full, quick = {**known, **profiles["full"]}, {**known, **profiles["quick"]}
    for key, value in profiles["quick"].items():
        assert set(value) <= set(full[key]) if isinstance(value, list) else value <= full[key], key
    monkeypatch.setenv("STRESSLIB_CACHE", str(tmp_path / "empty"))
    for one in quick["shipped"]:
        load_trained(f"{one}/0")
        assert set(trainings.describe(f"{one}/0")["tried"]) == {f"{rate:g}" for rate in trainings.RATES}
    for one in quick["vectors"]:
        assert vectors_path(f"{one}/0").suffix == ".xz"
