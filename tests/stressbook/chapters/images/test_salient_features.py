"""The chapter on salient features: verdicts of made-up tables in each direction, filters by hand, and a small run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from places import ROOT
from torch import nn

import stresslib as sl
from stressbook.chapters.images.salient_features import (
    choices,
    defended,
    depth,
    detectors,
    effects,
    filters,
    layers,
    measure,
    names,
    page,
    pictures,
    victims,
)
from stressbook.drawing import outcomes
from stressbook.reproduce.comparison import drift, read_every_column
from stressbook.reproduce.parameters import defaults
from stresslib.defence import SalientFeatureExtractor
from stresslib.results import SETTING, result_rows, results_table
from stresslib.stress.on_images import fgsm
from stresslib.stress.spec import make_stress, parse_spec
from stresslib.training.data import load_arrays

ACCURACIES = {
    "none": {"benign": 98.0, "pgd": 2.0, "fgsm": 20.0, "pgd-wider": 0.0, "adaptive": 2.0, "worst": 1.0},
    "salient": {"benign": 98.0, "pgd": 80.0, "fgsm": 60.0, "pgd-wider": 50.0, "adaptive": 10.0, "worst": 6.0},
    "trivial": {"benign": 20.0, "pgd": 2.0},
    "denoiser": {"benign": 97.0, "pgd": 60.0, "fgsm": 60.0, "pgd-wider": 40.0, "adaptive": 20.0, "worst": 5.0},
    "Q2:4": {"benign": 97.0, "pgd": 2.0, "fgsm": 21.0, "pgd-wider": 0.0, "adaptive": 2.0, "worst": 0.0},
    "DR2:9,Q2:4": {"benign": 96.0, "pgd": 9.0, "fgsm": 21.0, "pgd-wider": 0.0, "adaptive": 7.0, "worst": 4.0},
}
AREAS = {"salient": 99.0, "none": 90.0, "maximum-softmax": 60.0}


def rows_of(accuracies: dict[str, dict[str, float]], areas: dict[str, float], data: str, seeds: int) -> list[dict[str, Any]]:
    """Every training has the scores given, half a point more or less in turns; 1,000 images."""
    rows: list[dict[str, Any]] = []
    for seed in range(seeds):
        at = {"dataset": data, "model": "lenet5", "n_features": 84, "seed": seed, "images": 1000, "level": 0.1}
        shift = (seed - (seeds - 1) / 2) / 2
        for name, by_attack in accuracies.items():
            spec = None if name in effects.FILTERS else parse_spec(name)
            more = {} if spec else {"stress": name}
            for attack, score in by_attack.items():
                cells = {**at, **more, "layer": "logits", "variant": attack}
                rows += result_rows(cells, spec, {"accuracy": min(max(score + shift, 0), 100) / 100})
        for name, area in areas.items():
            for attack in detectors.SHOWN:
                cells = {**at, "stress": name, "layer": "detector", "variant": attack}
                rows += result_rows(cells, None, {"AUC": (area + shift / 10) / 100, "missed": (100 - area) / 100})
        for layer, lost in (("input", 1), ("features", 40)):
            for attack, score in (("benign", 95), ("pgd", 95 - lost)):
                cells = {**at, "stress": "none", "layer": layer, "variant": attack}
                rows += result_rows(cells, None, {"separation-index": score / 100})
    return rows


@pytest.fixture(scope="module")
def whole() -> pd.DataFrame:
    rows = [*rows_of(ACCURACIES, AREAS, "cifar10", 3), *rows_of(ACCURACIES, AREAS, "digits", 1)]
    return results_table(rows, names.MORE)


def changed(name: str, **scores: float) -> pd.DataFrame:
    accuracies = {**ACCURACIES, name: {**ACCURACIES[name], **{key.replace("_", "-"): one for key, one in scores.items()}}}
    return results_table(rows_of(accuracies, AREAS, "cifar10", 3), names.MORE)


# What the page says of a table


def test_a_difference_and_its_interval_by_hand(whole: pd.DataFrame) -> None:
    """78 points in each of three trainings: only the images scatter, 801 right and 201 wrong, and 21 and 981, of 1,002."""
    row = effects.judged(whole).iloc[0]
    half = 100 * 1.96 * np.sqrt((801 * 201 + 21 * 981) / 1002**3)
    assert [row["mean"], row["low"], row["high"]] == pytest.approx([78, 78 - half, 78 + half])
    assert row["outcome"] == outcomes.AS_EXPECTED and row["count"] == 3
    values = pd.Series([1.0, 2.0, 3.0])
    half = np.sqrt((4.302653**2) / 3 + 1.96**2 * 4)
    assert outcomes.interval(values, 4.0) == pytest.approx((2, 2 - half, 2 + half), abs=1e-4)


@pytest.mark.parametrize(
    ("sign", "ends", "expected"),
    [
        (1, (0.1, 3.0), outcomes.AS_EXPECTED),
        (1, (-3.0, -0.1), outcomes.OPPOSITE),
        (1, (-1.0, 1.0), outcomes.UNDECIDED),
        (-1, (-3.0, -0.1), outcomes.AS_EXPECTED),
        (-1, (0.1, 3.0), outcomes.OPPOSITE),
        (0, (-0.9, 5.0), outcomes.AS_EXPECTED),
        (0, (-5.0, -1.1), outcomes.OPPOSITE),
        (0, (-1.1, 5.0), outcomes.UNDECIDED),
        (1, (np.nan, np.nan), outcomes.UNDECIDED),
    ],
)
def test_an_interval_is_judged_by_what_was_expected(sign: int, ends: tuple[float, float], expected: str) -> None:
    assert outcomes.outcome(sign, *ends) == expected


def test_none_of_all_images_is_no_certainty() -> None:
    assert effects.image_variance("accuracy", 0.0, 200) == pytest.approx(1e4 * 201 / 202**3)


def test_rows_stand_in_the_order_of_the_table() -> None:
    """Where a second data set has further layers, they stay where they are."""
    rows = rows_of(ACCURACIES, AREAS, "cifar10", 1) + rows_of(ACCURACIES, AREAS, "digits", 1)
    more = {"dataset": "digits", "metric": "separation-index", "stress": "none", "seed": 0.0, "score": 90.0}
    middle = [{**more, "layer": "pool", "variant": attack} for attack in ("benign", "pgd")]
    table = results_table([*rows[:-2], *middle, *rows[-2:]], names.MORE)
    assert effects.separation(table).loc["digits"].index.tolist() == ["input", "pool", "features"]
    assert detectors.table(table).index.unique("dataset").tolist() == ["CIFAR-10", "Digits"]


def test_each_panel_names_its_own_filters() -> None:
    other = {("DR2:16" if name == "Q2:4" else name): scores for name, scores in ACCURACIES.items()}
    rows = [*rows_of(other, AREAS, "cifar10", 1), *rows_of(ACCURACIES, AREAS, "digits", 1)]
    upper, lower = page.plot(results_table(rows, names.MORE)).axes
    assert [ax.get_yticklabels()[3].get_text() for ax in (upper, lower)] == ["DR-2, 16 dimensions", "Q-2, 4 values"]


def test_the_caption_says_what_the_strongest_is_of(whole: pd.DataFrame) -> None:
    assert "through another filter, and through this one." in page.caption(whole)
    partial = whole.assign(variant=whole["variant"].replace("worst", names.PARTIAL))
    assert "none was made through another." in page.caption(partial)
    assert page.headline(partial) == page.headline(whole)


def test_confidence_that_misleads_is_told() -> None:
    assert detectors.turned(results_table(rows_of(ACCURACIES, AREAS, "mnist", 3), names.MORE)) == ""
    fooled = results_table(rows_of(ACCURACIES, {**AREAS, "maximum-softmax": 20.0}, "mnist", 3), names.MORE)
    assert "with an area of MNIST 80%, and miss others" in detectors.turned(fooled)


@pytest.mark.parametrize(
    ("worst", "outcome", "said"),
    [
        (6.0, "broken", "**Not against an attack that knows them.**"),
        (70.0, "holds", "**Yes, against every attack that was tried.**"),
        (48.0, "undecided", "**Undecided.**"),
    ],
)
def test_a_defence_is_broken_holds_or_cannot_be_told(worst: float, outcome: str, said: str) -> None:
    """Half of 98 is 49."""
    table = changed("salient", worst=worst)
    stands = effects.standing(table).set_index("filter")
    assert stands.loc["salient", "outcome"] == outcome and "trivial" not in stands.index
    assert page.headline(table).startswith(said)
    assert f"the strongest attack leaves **{worst:.0f}%**" in page.headline(table)
    assert ("CIFAR-10 **broken**" in page.answers(table)) == (outcome == "broken")


def test_the_headline_counts_data_sets() -> None:
    held = {**ACCURACIES, "salient": {**ACCURACIES["salient"], "worst": 90.0}}
    rows = [*rows_of(ACCURACIES, AREAS, "cifar10", 3), *rows_of(held, AREAS, "mnist", 3)]
    said = page.headline(results_table(rows, names.MORE))
    assert (
        said.startswith("**Not on all data against an attack that knows them.**")
        and "On 1 of 2 data sets the strongest" in said
    )
    assert "A plain denoiser of the same cost, without a discriminator, has 60% and 5%." in said


def test_verdicts_in_both_directions(whole: pd.DataFrame) -> None:
    fixed = effects.verdicts(whole, "fixed")
    assert "than with no filter (the claim of the authors): CIFAR-10 +78.0 (+75.4 to +80.6) as expected; Digits" in fixed
    assert "than with the plain denoiser (what a discriminator is there for): CIFAR-10 +20.0" in fixed
    assert "Digits +78.0 (one training each) undecided" in fixed
    worse = effects.verdicts(changed("salient", pgd=40.0), "fixed")
    assert "CIFAR-10 -20.0 (-24.3 to -15.7) **the other way**" in worse
    detector = effects.verdicts(whole, "detector")
    assert "than with raw features" in detector and "CIFAR-10 +9.0" in detector
    stress = effects.verdicts(whole, "stress")
    assert "CIFAR-10, Q-2, 4 values -78.0" in stress and "CIFAR-10, FC, 9 dimensions, 4 values -71.0" in stress
    missed = effects.not_reproduced(whole)
    assert "strongest attack higher than with no filter: CIFAR-10, Q-2, 4 values -0.8" in missed
    assert "attack that was shown higher than with no filter: Digits +78.0 (one training each) undecided." in missed


def test_nothing_missed_is_said_so() -> None:
    accuracies = {name: dict(scores) for name, scores in ACCURACIES.items() if name in ("none", "salient")}
    accuracies["salient"]["benign"] = 99.9
    table = results_table(rows_of(accuracies, AREAS, "mnist", 3), names.MORE)
    assert effects.not_reproduced(table) == "- Nothing: every direction was as expected."


def test_the_three_answers(whole: pd.DataFrame) -> None:
    said = page.answers(whole).splitlines()
    assert said[0].startswith(
        "- **Against a fixed attack**: CIFAR-10 better, +78.0 (+75.4 to +80.6) points; Digits undecided"
    )
    assert said[1].startswith("- **Without an attack**: CIFAR-10 undecided, +0.0 (-1.3 to +1.3) points;")
    assert "CIFAR-10 **broken**, 98% without an attack and 6% under the strongest; Digits undecided" in said[2]
    assert "raw features: CIFAR-10 better, +9.0" in said[3] and "probability: CIFAR-10 better, +39.0" in said[3]
    worse = results_table(rows_of(ACCURACIES, {**AREAS, "none": 99.9}, "cifar10", 3), names.MORE)
    assert "raw features: CIFAR-10 **worse**, -0.9" in page.answers(worse)
    assert "- **Without an attack**: CIFAR-10 **worse**, -18.0" in page.answers(changed("salient", benign=80.0))
    assert "- **Without an attack**: CIFAR-10 no worse, +1.4" in page.answers(changed("salient", benign=99.4))
    assert page.missed(whole).startswith(
        "CIFAR-10: salient and trivial features 1%, raw features 10%, largest probability 40%"
    )


def test_tables_and_figures_show_the_table(whole: pd.DataFrame, tmp_path: Path) -> None:
    shown = page.table(whole, "cifar10")
    assert shown.loc["FC, 9 dimensions, 4 values", "strongest"] == 4 and np.isnan(shown.loc["trivial features", "adaptive"])
    upper, _ = page.plot(whole).axes
    assert [label.get_text() for label in upper.get_yticklabels()][:2] == ["no filter", "salient features"]
    assert upper.lines[4].get_xdata().tolist() == pytest.approx([80, 6])
    assert "salient features 98, 80 and 6%" in page.alt_text(whole)
    assert detectors.plot(whole).axes[0].lines[0].get_xdata()[0] == pytest.approx(99)
    assert detectors.table(whole).loc[("CIFAR-10", "missed", "raw features"), "FGSM"] == 10
    assert "PGD (shown): salient and trivial features 99" in detectors.alt_text(whole)
    assert depth.plot(whole).axes[0].lines[1].get_ydata().tolist() == pytest.approx([94, 55])
    assert "takes 1.0 points of the index in the pixels and 40.0 in the last vectors, more in each" in depth.verdict(whole)
    sl.write_results(whole, tmp_path / "salient-features.csv", names.MORE)
    again = sl.read_results(tmp_path / "salient-features.csv", names.MORE)
    assert effects.verdicts(again) == effects.verdicts(whole) and page.headline(again) == page.headline(whole)
    every = read_every_column(tmp_path / "salient-features.csv")
    assert drift(every, every) == []


# Filters


@pytest.mark.parametrize("spec", ["Q2:3", "DR2:4", "DR2:4,Q2:3"])
def test_a_stress_as_a_filter_is_the_stress_and_lets_a_gradient_through(spec: str) -> None:
    rng = np.random.default_rng(0)
    known, asked = (rng.normal(size=(n, 8)).astype(np.float32) for n in (50, 6))
    between = filters.StressFilter(spec, known)
    x = torch.from_numpy(asked).requires_grad_()
    out = between(x)
    steps = dict(make_stress(spec).fit(known).steps)
    basis = steps["DR2"].components_ if "DR2" in steps else np.eye(8)
    stressed = make_stress(spec).fit(known).transform(asked)
    assert np.allclose(out.detach().numpy(), stressed @ basis, atol=1e-5)
    [slope] = torch.autograd.grad(out[:, 0].sum(), x)
    assert np.allclose(slope.numpy(), (basis.T @ basis)[0], atol=1e-5)  # as if the quantiser were not there


def test_the_class_an_attack_is_the_likeliest_above_the_limit() -> None:
    network = victims.Victim("digits", 0).load()
    x, _ = victims.Victim("digits", 0).tests()
    filtered = filters.Filtered(network, nn.Identity()).eval()
    with torch.no_grad():
        assert torch.allclose(filtered(x), network(x))
        alarm = defended.Unsure(network)
        heard = alarm(network.features(x))  # type: ignore[operator]
        limit = float(heard.median())
        logits = filters.Watched(filtered, alarm, limit)(x)
    assert logits.shape == (len(x), 11) and torch.equal(logits[:, :-1], filtered(x).detach())
    assert torch.equal(logits.argmax(1) == 10, heard > limit)
    assert torch.allclose(heard, -network(x).softmax(1).amax(1))


def test_an_alarm_is_the_log_odds_of_the_detector() -> None:
    rng = np.random.default_rng(0)
    benign = rng.normal(size=(40, 5)).astype(np.float32)
    extractor = SalientFeatureExtractor(steps=2, detector_epochs=1, progress=False, device="cpu").fit(benign, benign + 1)
    views = filters.Views(extractor.salient_, extractor.trivial_)
    heard = filters.Alarm(views, extractor.detector_).eval()(torch.from_numpy(benign))
    assert torch.allclose(1 - heard.sigmoid(), torch.from_numpy(extractor.score_samples(benign)), atol=1e-6)


def test_equal_cost_draws_nothing() -> None:
    before = torch.get_rng_state()
    made, judged = 84 * 256 + 256 * 512 + 512 * 1024 + 1024 * 84 + 84 * 84, 84 * 512 + 512 * 256 + 256
    assert filters.equal_steps(84, 300) == round(300 * (4 * made + 9 * judged) / (3 * made))
    assert torch.equal(torch.get_rng_state(), before)


# What is measured


def test_pairs_are_of_the_same_images_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = dataclasses.replace(victims.BENCHES["digits"], pairs=30, held_out=20)
    monkeypatch.setitem(victims.BENCHES, "digits", bench)
    pairs = victims.attacked_pairs("digits", 1, "")
    order = np.random.default_rng(1).permutation(50)
    part, network = load_arrays("digits:50", seed=1), victims.Victim("digits", 1).load()
    with torch.no_grad():
        features = network.features(victims.in_range(part.train_images[order])).numpy()  # type: ignore[operator]
    assert np.allclose(pairs["benign"], features, atol=1e-5)
    assert np.array_equal(pairs["labels"], part.train_labels[order])
    assert not np.allclose(pairs["attacked"], features, atol=0.1)


def test_a_small_run_is_scored_right(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = dataclasses.replace(
        victims.BENCHES["digits"], pairs=60, held_out=40, tests=50, steps=3, attack_steps=2, specs=("Q2:2",)
    )
    monkeypatch.setitem(victims.BENCHES, "digits", bench)
    grid: dict[str, Any] = {"rates": [1e-3, 1e-2], "detector_rates": [0.1], "candidates": ["Q2:16", "DR2:1", "DR2:40"]}
    table = measure.measure(["digits"], 1, denoise=True, **grid, ensemble=False, n_jobs=1, progress=False)
    without = measure.measure(
        ["digits"],
        1,
        denoise=False,
        rates=[],
        detector_rates=[],
        candidates=[],
        ensemble=False,
        n_jobs=1,
        progress=False,
    )
    assert not {"transferred", "worst"} & set(without["variant"]) and "denoiser" not in set(without["stress"])
    assert not table.duplicated([*SETTING, "variant", "level", "seed"]).any()
    x, y = victims.Victim("digits", 0).tests()
    network = victims.Victim("digits", 0).load()
    found = effects.means(table, "accuracy").loc["digits"]
    with torch.no_grad():
        right = network(x).argmax(1) == y
    assert found.loc["none", "benign"] == pytest.approx(100 * right.double().mean())
    step = fgsm(network, x, y, 0.15)
    assert found.loc["none", "fgsm"] == pytest.approx(100 * (network(step).argmax(1) == y).double().mean())
    assert found.loc["none", "adaptive"] == found.loc["none", "pgd"]
    strongest = found[["pgd", "transferred", "adaptive", "worst"]].dropna()
    assert (strongest["worst"] <= strongest.min(axis=1)).all()
    assert set(strongest.index) == {"none", "salient", "denoiser", "Q2:16", "DR2:40"}  # one dimension is too few
    assert set(found.index) - set(strongest.index) == {"trivial", "denoiser-equal-steps"}
    tried = table[table["variant"].eq(names.TUNING)]
    said = choices.said(table)
    rates = tried[tried["stress"].eq("salient") & tried["metric"].eq("accuracy")].set_index("level")["score"]
    assert said.startswith(f"- Digits: learning rates {rates.idxmax():g} for the salient features, the end of the grid")
    missed, past = effects.means(table, "missed").loc["digits"], effects.means(table, "AUC").loc["digits"]
    held_out = torch.from_numpy(victims.attacked_pairs("digits", 0, "")["benign"][60:])
    with torch.no_grad():  # one benign held-out image in twenty is less sure than this
        limit = torch.quantile(network.network.linear(held_out).softmax(1).amax(1), 0.05)
        logits = network(step)
        unheard = (logits.argmax(1) != y) & (logits.softmax(1).amax(1) >= limit)
    assert missed.loc["maximum-softmax", "fgsm"] == pytest.approx(100 * unheard.double().mean())
    assert 0 < unheard.double().mean() < (logits.argmax(1) != y).double().mean()
    assert past.loc["maximum-softmax", "adaptive-both"] == past.loc["maximum-softmax", "pgd"]
    by_layer = effects.separation(table).loc["digits"]
    assert by_layer.index.tolist() == ["input", "pool 1", "pool 2", "dense 120", "features"]
    assert by_layer.loc["input", "benign"] == 100 * sl.separation_index(x.flatten(1).numpy(), y.numpy())


class Silent(nn.Module):
    """An alarm that never rises."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(features))


def test_what_raises_no_alarm_is_missed_only_where_it_is_wrong() -> None:
    victim = victims.Victim("digits", 0)
    network, (x, y) = victim.load(), victim.tests()
    pairs = defended.Pairs(torch.rand(9, 84), torch.rand(9, 84), y[:9], learnt=4)
    step = fgsm(network, x, y, 0.1)
    static = {names.BENIGN: x, **dict.fromkeys((names.STATIC, names.STEP, names.WIDER), step)}
    raw = {names.RAW: filters.Filtered(network, nn.Identity()).eval()}
    rows = defended._detectors({}, victim, 0, raw, {names.CONFIDENCE: Silent()}, static, y, pairs)
    wrong = float((network(step).argmax(1) != y).double().mean())
    assert 0 < wrong < 1
    assert {row["score"] for row in rows if row["metric"] == names.MISSED} == {100 * wrong}
    assert {row["score"] for row in rows if row["metric"] == names.AUC} == {50.0}
    assert [row["score"] for row in rows if row["metric"] == "alarms"] == [0.0]


def test_outputs_of_layers_end_with_the_features() -> None:
    network = victims.Victim("digits", 0).load()
    x, _ = victims.Victim("digits", 0).tests()
    found = layers.outputs(network, x[:3], layers.LAYERS["lenet5"])
    assert [one.shape[1] for one in found.values()] == [256, 384, 64, 120, 84]
    assert torch.equal(found["features"], network.features(x[:3]).detach())  # type: ignore[operator]


def test_an_attacked_image_is_known_before_and_not_after() -> None:
    shown = pictures.examples(2)
    assert len(shown) == 2
    for one in shown:
        assert one.said[0][0] != one.said[1][0] and 0 < np.abs(one.after - one.before).max() <= 0.15 + 1e-6
    assert "is taken for a" in pictures.alt_text(shown) and len(pictures.plot(shown).axes) == 6


def test_absent_weights_are_named_with_their_cure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STRESSLIB_CACHE", str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match=rf"{tmp_path}/weights/resnet20-12fca82f\.th is not there.*download .*akamaster"
    ):
        victims.make_pairs("cifar10", 1, n_jobs=1, progress=False)


def test_quick_is_a_part_of_full_on_what_is_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profiles = yaml.safe_load((ROOT / "notebooks" / "figures.yml").read_text())["salient-features"]["profiles"]
    known = defaults(ROOT / "notebooks" / "salient-features.ipynb")
    full, quick = {**known, **profiles["full"]}, {**known, **profiles["quick"]}
    for name, value in profiles["quick"].items():
        assert set(value) <= set(full[name]) if isinstance(value, list) else value <= full[name], name
    monkeypatch.setenv("STRESSLIB_CACHE", str(tmp_path / "empty"))
    for data in quick["networks"]:
        victims.Victim(data, 0).load()
