"""The chapter on amplitude and phase: networks and features of made-up tables, verdicts for each outcome, and small runs."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from places import ROOT

import stresslib as sl
from stressbook.chapters.images.amplitude_phase import (
    by_kind,
    compressibility,
    corrupted,
    effects,
    measure,
    names,
    page,
    pictures,
)
from stressbook.chapters.images.amplitude_phase.photographs import mixed, square
from stressbook.drawing import outcomes
from stressbook.reproduce.comparison import drift, read_every_column
from stressbook.reproduce.parameters import defaults
from stresslib.features.featureset import unit_rows
from stresslib.results import SETTING, results_table
from stresslib.stress.on_images import recombine
from stresslib.training.data import load_arrays
from stresslib.training.fit import predict
from stresslib.training.trained import load_trained, train
from stresslib.training.vectors import trained_vectors, vectors_path

KINDS = ("contrast", "fog", "saturate")  # the last one is extra


def networks(
    errors: dict[str, list[float]], clean: dict[str, list[float]] | None = None, dataset: str = "cifar10"
) -> list[dict[str, Any]]:
    """By recipe, the error of each training under corruption: 10 less at severity 1, 10 more at 2; fog has 4 more."""
    rows: list[dict[str, Any]] = []
    for recipe, several in errors.items():
        for seed, error in enumerate(several):
            at = {
                "dataset": dataset,
                "model": "resnet8",
                "layer": "logits",
                "n_features": 10,
                "variant": recipe,
                "seed": seed,
            }
            right = (clean or {}).get(recipe, [70.0] * len(several))[seed]
            for stress, score in (("none", right), ("phase-kept", 90 - error), ("amplitude-kept", error)):
                rows.append({**at, "stress": stress, "metric": "accuracy", "score": score})
            rows.append({**at, "stress": "none", "metric": "ECE", "score": 3.0})
            for (place, kind), level in itertools.product(enumerate(KINDS), (1, 2)):
                shown = error + 4 * (place == 1) + (10 if level == 2 else -10)
                cells = {**at, "stress": kind, "level": level}
                rows.append({**cells, "metric": "accuracy", "score": 100 - shown})
                rows.append({**cells, "metric": "ECE", "score": shown / 4})
    return rows


def vectors(shares: dict[str, list[float]], dataset: str = "cifar10", lost: float = 10.0) -> list[dict[str, Any]]:
    """By recipe, the percent of its full score, 60, that each training keeps; corrupted, of 30, `lost` points less."""
    rows: list[dict[str, Any]] = []
    for recipe, several in shares.items():
        for seed, share in enumerate(several):
            at = {"model": "resnet8", "layer": "features", "n_features": 64, "variant": recipe, "seed": seed}
            at |= {"metric": "accuracy", "objective_gap": 1e-6}
            plain = {**at, "dataset": dataset}
            rows.append({**plain, "stress": "none", "score": 60.0})
            for draw in (0, 1):
                cells = {"stress": "random-selection", "dimensions": 6, "repeat": draw}
                rows.append({**plain, **cells, "score": 0.6 * share + (1 if draw else -1)})
            for cells in ({"stress": "pca", "dimensions": 6}, {"stress": "pca+uniform", "dimensions": 6, "values": 4}):
                rows.append({**plain, **cells, "score": 0.6 * share})
            for level, kind in ((0, ""), (1, "+fog"), (1, "+contrast"), (2, "+fog"), (2, "+contrast")):
                full = 60.0 if level == 0 else 30.0
                keeps = share if level == 0 else share - lost
                there = {**at, "dataset": f"{dataset}{kind}", "level": level}
                rows.append({**there, "stress": "none", "score": full})
                for size in (8, 16):
                    cells = {"stress": "pca+uniform", "dimensions": size, "values": 4}
                    rows.append({**there, **cells, "score": full * keeps / 100})
    return rows


def photographs() -> list[dict[str, Any]]:
    """Of a cat, a cup and a temple: the phase wins twice, the amplitude once, and three times it is something else."""
    names, classes = ("cat", "cup", "temple"), {"cat": 285, "cup": 968, "temple": 663}
    rows: list[dict[str, Any]] = []
    seen = {("cat", "cup"): 285, ("cat", "temple"): 285, ("cup", "cat"): 285}
    for phase, amplitude in itertools.product(names, repeat=2):
        at = {"dataset": "photographs", "model": "net", "layer": "logits", "n_features": 1000}
        at |= {"variant": f"phase={phase}, amplitude={amplitude}"}
        at |= {"stress": "none" if phase == amplitude else "amplitude-of-another"}
        first = classes[phase] if phase == amplitude else seen.get((phase, amplitude), 1)
        for rank, (number, score) in enumerate([(first, 50.0), (2, 20.0), (3, 10.0)], start=1):
            rows.append({**at, "metric": f"top-{rank}", "class": number, "score": score})
        if phase != amplitude:
            of_phase = 50.0 if first == classes[phase] else 5.0
            of_amplitude = 50.0 if first == classes[amplitude] else 4.0
            rows.append({**at, "metric": "class-of-phase", "class": classes[phase], "score": of_phase})
            rows.append({**at, "metric": "class-of-amplitude", "class": classes[amplitude], "score": of_amplitude})
    return rows


ERRORS = {
    "twice": [50.0, 52.0, 51.0],
    "operations": [45.0, 46.0, 47.0],
    "apr-p": [40.0, 43.0, 41.5],
    "apr-s": [40.0, 41.0, 42.5],
    "apr-sp": [35.0, 37.0, 36.5],
}
CLEAN = {"twice": [70.0, 71, 70], "apr-p": [67.0, 67, 67], "apr-s": [70.0, 71.2, 70.1], "apr-sp": [71.0, 69, 70]}
SHARES = {"twice": [90.0, 91, 92], "apr-p": [93.0, 94.2, 94.9], "apr-sp": [90.0, 92, 91]}


@pytest.fixture(scope="module")
def whole() -> pd.DataFrame:
    rows = [*networks(ERRORS, CLEAN), *networks({"twice": [20.0], "apr-p": [15.0]}, dataset="digits")]
    rows += [*vectors(SHARES), *photographs()]
    return results_table(rows, names.MORE)


# What the page says of a table


def test_what_was_measured_of_a_network_by_hand(whole: pd.DataFrame) -> None:
    """Contrast has the error of the recipe, fog 4 more: their mean is 2 more; the extra corruption is apart."""
    table = effects.by_network(whole)
    found = table.loc["cifar10", "apr-p", 1.0].to_dict()
    assert found.pop("ece_corrupted") == pytest.approx(45 / 4)
    assert found == {"clean": 67, "corrupted": 45, "extra": 43, "ece": 3, "phase": 47, "amplitude": 43}
    assert table.index.unique("dataset").tolist() == ["cifar10", "digits"]
    assert effects.table(whole)["error"].tolist()[:5] == [53.0, 48.0, 43.5, 43.2, 38.2]


@pytest.mark.parametrize(
    ("sign", "ends", "expected"),
    [
        (-1, (-3.0, -0.1), outcomes.AS_EXPECTED),
        (-1, (-3.0, 0.1), outcomes.UNDECIDED),
        (-1, (0.1, 3.0), outcomes.OPPOSITE),
        (1, (0.1, 3.0), outcomes.AS_EXPECTED),
        (1, (-3.0, -0.1), outcomes.OPPOSITE),
        (0, (-0.9, 5.0), outcomes.AS_EXPECTED),
        (0, (-1.1, 5.0), outcomes.UNDECIDED),
        (0, (-5.0, -1.1), outcomes.OPPOSITE),
        (1, (np.nan, np.nan), outcomes.UNDECIDED),
    ],
)
def test_an_interval_is_judged_by_what_was_expected(sign: int, ends: tuple[float, float], expected: str) -> None:
    assert outcomes.outcome(sign, *ends) == expected


def test_differences_are_paired_by_seed(whole: pd.DataFrame) -> None:
    """-10, -9 and -9.5, whose mean is -9.5 and standard error 0.5 / sqrt(3); t of 2 degrees is 4.303."""
    row = effects.judged(whole).set_index(["place", "dataset", "recipe"]).loc[(0, "cifar10", "apr-p")]
    half = 4.302653 * 0.5 / np.sqrt(3)
    assert [row["mean"], row["low"], row["high"]] == pytest.approx([-9.5, -9.5 - half, -9.5 + half], abs=1e-5)
    assert row["outcome"] == outcomes.AS_EXPECTED and row["count"] == 3
    assert effects.paired(effects.by_network(whole).loc["digits"]["clean"], "apr-s", "twice").empty


def test_verdicts_and_what_did_not_reproduce(whole: pd.DataFrame) -> None:
    said, missed = effects.verdicts(whole), page.not_reproduced(whole)
    assert "APR-P -3.3 (-4.8 to -1.9) **the other way**, APR-S +0.1 (-0.1 to +0.3) as expected" in said
    assert "- CIFAR-10, APR-P: clean accuracy was to be not lower by more than 1 point than with originals twice." in missed
    assert "- Digits, APR-P: error over corruptions" in missed and "(one training each): undecided." in missed
    assert "CIFAR-10, APR-S:" not in missed
    fine = results_table(networks({"twice": [50.0, 52.0], "apr-p": [40.0, 42.1]}), names.MORE)
    assert page.not_reproduced(fine) == "- Nothing: every direction was as expected."


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        (ERRORS, "**Yes, against corruptions.** On CIFAR-10, APR-SP brings the mean error over 2 corruptions from 53.0%"),
        ({"twice": [50, 52], "apr-p": [40, 42.1], "apr-s": [40, 70]}, "**APR-P does, of APR-P and APR-S.**"),
        ({"twice": [50, 52], "apr-p": [40, 60]}, "**Undecided.**"),
        ({"twice": [50.0], "apr-p": [40.0]}, "by -10.0 points (one training each)"),
    ],
)
def test_the_headline_answers_the_question(errors: dict[str, list[float]], said: str) -> None:
    assert said in page.headline(results_table(networks(errors), names.MORE))


def test_operations_are_told_from_recombination(whole: pd.DataFrame) -> None:
    assert "recombination adds -4.8 points (-5.6 to -4.1)." in page.headline(whole)
    same = {**ERRORS, "apr-s": [46.0, 45.0, 47.0]}
    assert ": undecided." in page.headline(results_table(networks(same), names.MORE))


def test_directions_are_compared_with_the_published_ones(whole: pd.DataFrame) -> None:
    said = page.published_verdict(whole)
    assert said.startswith("CIFAR-10: 3 of 3 change in the authors' direction, the best is APR-SP; Digits: 1 of 1 change")
    assert page.published(whole).loc["APR-SP"].tolist()[:2] == [65.0, 38.2]


def test_changes_by_corruption(whole: pd.DataFrame) -> None:
    table = by_kind.changes(whole)
    assert table.index.tolist() == ["contrast", "fog", "saturate"]
    assert table.loc["fog"].tolist() == pytest.approx([55, -5, -9.5, 17 / 3 - 15.5, -44 / 3 - 1 / 6], abs=0.02)
    worse = whole.copy()
    at = worse["stress"].eq("fog") & worse["variant"].eq("apr-p") & worse["metric"].eq("accuracy")
    worse.loc[at, "score"] -= 30
    said = by_kind.verdicts(worse)
    assert "APR-P: fewer errors under 2 of 3, most so under contrast (-9.5 points); **more** under fog +20.5." in said


def test_shares_kept_are_of_the_own_full_score(whole: pd.DataFrame) -> None:
    """Two draws a point above and below are one mean; APR-P keeps 3, 3.2 and 2.9 points more."""
    shares = compressibility.kept(whole)
    assert shares.loc["cifar10", "apr-p", 1.0].tolist() == pytest.approx([94.2, 94.2, 94.2, 60])
    said = compressibility.verdicts(whole)
    assert "- CIFAR-10, APR-P: **keeps more under DR-1, DR-2, FC**. Points of the kept share: DR-1 +3.0 (+2.7" in said
    assert "APR-SP: no change beyond the scatter of trainings." in said


@pytest.mark.parametrize(
    ("lost", "said"),
    [(10.0, "**corrupted images lose more**"), (-10.0, "**clean images lose more**"), (0.0, "undecided")],
)
def test_corruption_crossed_with_bits(lost: float, said: str) -> None:
    """Of 30 points, 80 percent are 24: above chance 14 of 20 are kept. Of clean images 90 percent of 60: 44 of 50."""
    table = results_table([*networks(ERRORS), *vectors({"twice": [90.0, 90.0]}, lost=lost)], names.MORE)
    assert f"- CIFAR-10, originals twice: {said}." in compressibility.crossed_verdicts(table)
    if lost == 10:
        assert compressibility.losses(table)["difference"].tolist() == pytest.approx([-10, -10])
        assert compressibility.losses(table, "above_chance")["difference"].tolist() == pytest.approx([70 - 88] * 2)
    assert compressibility.crossed(table)["bits"].unique().tolist() == [2048, 16, 32]


def test_whom_a_network_follows(whole: pd.DataFrame) -> None:
    assert pictures.followed(whole) == {"pairs": 6, "phase": 2, "amplitude": 1, "neither": 3, "likelier": 5}
    assert "in the owner of the phase in **2**" in pictures.verdicts(whole)
    assert pictures.answers(whole, "cup", "cat")[0] == ("Egyptian cat", 50.0)
    assert "phase of the cup, amplitude of the cat: Egyptian cat, 50%." in pictures.alt_text(whole)


def test_figures_show_the_table(whole: pd.DataFrame, tmp_path: Path) -> None:
    left, right = page.plot(whole).axes
    assert [label.get_text() for label in left.get_yticklabels()] == [effects.RECIPES[one] for one in ERRORS]
    assert right.lines[0].get_ydata().tolist() == pytest.approx([100 - 211 / 3, 43, 63])
    assert len(by_kind.plot(whole).axes[0].texts) == 3 * 5
    assert len(compressibility.plot_crossed(whole).axes) == 2
    assert len(compressibility.plot(whole).axes[0].get_xticks()) == 3
    sl.write_results(whole, tmp_path / "amplitude-phase.csv", names.MORE)
    again = sl.read_results(tmp_path / "amplitude-phase.csv", names.MORE)
    assert effects.verdicts(again) == effects.verdicts(whole)
    assert compressibility.crossed_verdicts(again) == compressibility.crossed_verdicts(whole)
    # The check finds the severities and trainings by themselves, and each column of numbers has a tolerance.
    again = read_every_column(tmp_path / "amplitude-phase.csv")
    assert drift(again, again) == []
    moved = again.copy()
    moved.loc[again["stress"].eq("fog") & again["level"].eq(2) & again["seed"].eq(1), "score"] += 1
    lines = drift(again, moved)
    assert len(lines) == 2 * len(ERRORS) and all("level=2.0 seed=1.0: score was" in line for line in lines)


def test_the_photographs_are_drawn_with_each_others_amplitude(tmp_path: Path) -> None:
    rows = [{**row, "variant": row["variant"].replace("cup", "coffee").replace("=cat", "=chelsea")} for row in photographs()]
    figure = pictures.plot(results_table(rows, names.MORE), ["chelsea.png", "coffee.png"])
    shown = figure.axes[4].images[0].get_array()
    assert np.array_equal(shown, mixed(square("coffee.png"), square("chelsea.png")))
    assert figure.axes[4].get_title() == "phase of the cat,\namplitude of the coffee"
    with pytest.raises(FileNotFoundError, match=r"tea\.png"):
        square("tea.png")


# What is measured


def test_partners_show_something_else() -> None:
    labels = load_arrays("digits").test_labels
    partners = corrupted.draw_partners(labels)
    assert (labels[partners] != labels).all() and np.array_equal(partners, corrupted.draw_partners(labels))
    assert len(set(partners.tolist())) > len(labels) / 2


def test_the_phase_stays_and_the_amplitude_is_the_partners() -> None:
    """The first keyword of `recombine` is whose amplitude it is: exchanged the other way round, both scores would be."""
    images = np.random.default_rng(0).uniform(0.45, 0.55, (3, 1, 8, 8)).astype(np.float32)
    made = torch.from_numpy(corrupted.exchanged(images, np.array([1, 2, 0])))
    both = torch.from_numpy(images)
    assert torch.allclose(made[0], recombine(both[1], both[0]), atol=1e-6)
    spectrum = torch.fft.fftn(made[0].double()).abs()
    assert torch.allclose(spectrum, torch.fft.fftn(both[1].double()).abs(), atol=1e-4)


def test_corrupted_images_are_as_they_came() -> None:
    """Grey stays grey, colour is corrupted as such, and the same again; black and white images of 8 bits are one kind."""
    grey = load_arrays("digits").test_images[:4]
    made = corrupted.corrupted(grey, "gaussian_noise", 3, "imagenet")
    assert made.shape == grey.shape and made.dtype == np.uint8
    assert np.array_equal(made, corrupted.corrupted(grey, "gaussian_noise", 3, "imagenet"))
    levels = np.rint(255 * grey).astype(np.uint8)
    assert np.array_equal(made, corrupted.corrupted(levels, "gaussian_noise", 3, "imagenet"))
    assert (
        np.abs(made - 255 * grey).mean()
        < np.abs(corrupted.corrupted(grey, "gaussian_noise", 5, "imagenet") - 255 * grey).mean()
    )
    color = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)
    assert corrupted.corrupted(color, "contrast", 1, "cifar").shape == color.shape


def test_a_small_run_is_scored_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one tiny network: its accuracy, and that of a classifier of its features before and after a corruption."""
    few = corrupted.Bench("imagenet", ("contrast", "pixelate"), count=60, vectors=40)
    monkeypatch.setitem(corrupted.BENCHES, "digits", few)
    options: dict[str, Any] = {"n_jobs": 1, "progress": False}
    table = measure.measure(
        ["digits:40/lenet5"],
        ["plain"],
        1,
        corruptions=["contrast", "saturate"],
        severities=[5],
        crossed=["contrast"],
        ladder=["none", "Q2:2"],
        vectors=["digits:40/lenet5"],
        compared=["plain"],
        specs=["none", "DR1:8"],
        repeats=2,
        photographs=[],
        model="efficientnet-lite0",
        **options,
    )
    name = "digits:40/lenet5/plain/0"
    tests, module = load_arrays("digits"), load_trained(name)
    assert not table.duplicated([*SETTING, "variant", "level", "seed"]).any()
    with torch.inference_mode():
        guessed = module(torch.from_numpy(tests.test_images)).argmax(1).numpy()
    at = table["layer"].eq("logits") & table["metric"].eq("accuracy")
    clean = table.loc[at & table["stress"].eq("none"), "score"].item()
    assert clean == pytest.approx(100 * (guessed == tests.test_labels).mean())
    assert set(table.loc[at, "stress"]) == {"none", "phase-kept", "amplitude-kept", "contrast"}  # no colour to saturate
    vectors = trained_vectors(name, 40)
    part = load_arrays("digits:40").train_images
    assert np.allclose(vectors.X[:40], module.features(torch.from_numpy(part)).detach().numpy(), atol=1e-5)
    of_vectors = table[table["layer"].eq("features") & table["level"].isna()]
    assert of_vectors["repeat"].fillna(-1).tolist() == [-1, 0, 1]
    assert of_vectors["score"].iloc[0] == sl.evaluate(vectors.normalized(), "none")["score"].item()
    both = table[table["layer"].eq("features") & table["level"].notna()]
    assert both["dataset"].tolist() == ["digits", "digits", "digits+contrast", "digits+contrast"]
    classifier = sl.LinearSVM().fit(unit_rows(vectors.X[:40]), vectors.y[:40])
    shown = corrupted.corrupted(tests.test_images[:60], "contrast", 5, "imagenet")
    seen = classifier.predict(unit_rows(predict(module.features, shown)))
    assert both["score"].tolist()[2] == pytest.approx(100 * (seen == tests.test_labels[:60]).mean())
    assert vectors_path(name).is_file()  # kept for the next run


def test_networks_that_are_at_hand_are_not_trained_again() -> None:
    path = train("digits:20/lenet5/plain/0", precision="float32", progress=False)
    before = path.stat().st_mtime_ns
    corrupted.make_networks(["digits:20/lenet5/plain/0"], n_jobs=1, progress=False)
    assert path.stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="was trained on 20 images"):
        trained_vectors("digits:20/lenet5/plain/0", 30)


def test_quick_is_a_part_of_full_on_what_is_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profiles = yaml.safe_load((ROOT / "notebooks" / "figures.yml").read_text())["amplitude-phase"]["profiles"]
    known = defaults(ROOT / "notebooks" / "amplitude-phase.ipynb")
    full, quick = {**known, **profiles["full"]}, {**known, **profiles["quick"]}
    for name, value in profiles["quick"].items():
        assert set(value) <= set(full[name]) if isinstance(value, list) else value <= full[name], name
    monkeypatch.setenv("STRESSLIB_CACHE", str(tmp_path / "empty"))
    for network, recipe in itertools.product(quick["networks"], quick["recipes"]):
        load_trained(f"{network}/{recipe}/0")
    for network, recipe in itertools.product(quick["vectors"], quick["compared"]):
        assert vectors_path(f"{network}/{recipe}/0").is_file()
