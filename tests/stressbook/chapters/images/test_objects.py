"""The chapter on objects: what is shown to networks, stressed vectors, shifted images, and each verdict for each outcome."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from places import ROOT

from stressbook.chapters.images.objects import (
    bits,
    compressed,
    directions,
    effective,
    measure,
    moved,
    page,
    pasted,
    resolution,
    robustness,
    rows,
)
from stressbook.reproduce.comparison import drift
from stressbook.reproduce.parameters import defaults
from stresslib.images.preprocessing import Preprocessing
from stresslib.results import read_results, result_rows, results_table, write_results
from stresslib.stress.spec import parse_spec
from stresslib.training.artefacts import Address

OBJECTS = ("lemon", "vase", "zebra")
LITE0, LITE2 = "efficientnet-lite0", "efficientnet-lite2"


def sized(scores: dict[float, list[float]], model: str = LITE0, side: int = 224) -> pd.DataFrame:
    """Percent right of each object at each area."""
    table = []
    for area, of_objects in scores.items():
        for name, score in zip(OBJECTS, of_objects, strict=True):
            cells = {**pasted.Placement("size", area).cells, "side": side, "alpha_area": area / 2, "box_inside": 1.0}
            table.append(shown_row(model, "size", name, score, alpha_inside=1.0, **cells))
    return results_table(table, measure.MORE)


def shown_row(model: str, factor: str, name: str, score: float, **cells: Any) -> dict[str, Any]:
    origin = {"dataset": "mine", "model": model, "layer": "logits", "n_features": 1000}
    (row,) = result_rows(
        origin, None, {"accuracy": score / 100}, stress=f"pasted-{factor}", variant=f"object={name}", **cells
    )
    return row


def stressed(scores: dict[str, dict[float, list[float]]], model: str = LITE0) -> pd.DataFrame:
    """Percent right of each object at each area, by stress."""
    table = []
    for spec, by_area in scores.items():
        for area, of_objects in by_area.items():
            for name, score in zip(OBJECTS, of_objects, strict=True):
                cells = {**pasted.Placement("size", area).cells, "side": 224, "variant": f"object={name}"}
                origin = {"dataset": "mine", "model": model, "layer": "pooled", "n_features": 1280}
                table += result_rows(origin, parse_spec(spec), {"accuracy": score / 100}, **cells)
    return results_table(table, measure.MORE)


def small_networks(clean: dict[tuple[int, int], float], corrupted: dict[tuple[int, int], float]) -> pd.DataFrame:
    """Percent right of networks by training images and width, of two seeds that are alike."""
    table = []
    for (count, width), score in clean.items():
        of_shifts = {robustness.CLEAN: score, robustness.SHRUNK: score, **dict.fromkeys(robustness.SHIFTS, 0.0)}
        of_shifts |= dict.fromkeys(robustness.SHIFTS, corrupted[count, width])
        for stress, value in of_shifts.items():
            for seed in (0, 1):
                origin = {"dataset": "cifar10", "model": f"resnet8:{width}", "layer": "logits", "n_features": 10}
                cells = {"stress": stress, "repeat": seed, "variant": f"training={count}"}
                table += result_rows(origin, None, {"accuracy": value / 100}, **cells)
    return results_table(table, measure.MORE)


# What is shown


@pytest.fixture
def folders(tmp_path: Path) -> tuple[str, str]:
    """Two lemons and a zebra, white on transparent; a black background and a grey one."""
    for name in ("lemon/a.png", "lemon/b.png", "zebra/a.png"):
        path = tmp_path / "objects" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGBA", (40, 40), "white").save(path)
    (tmp_path / "scenes").mkdir()
    for name, colour in {"a.png": "black", "b.png": "#808080"}.items():
        Image.new("RGB", (90, 60), colour).save(tmp_path / "scenes" / name)
    return str(tmp_path / "objects"), str(tmp_path / "scenes")


def test_cut_outs_are_found_by_the_names_of_their_folders(folders: tuple[str, str]) -> None:
    found = pasted.find_cut_outs(*folders)
    assert found.objects == ("lemon/a", "lemon/b", "zebra") and found.classes == (951, 951, 340)
    assert found.dataset == "objects" and [Path(scene).name for scene in found.scenes] == ["a.png", "b.png"]
    Image.new("RGBA", (40, 40), "red").save(Path(folders[0]) / "lemon" / "a.png")
    assert pasted.find_cut_outs(*folders).digest != found.digest


def test_folders_that_cannot_be_used_are_named(folders: tuple[str, str]) -> None:
    with pytest.raises(FileNotFoundError, match=r"foreground_samples is not here; .*google-research/si-score"):
        pasted.find_cut_outs()
    (Path(folders[0]) / "zebra").rename(Path(folders[0]) / "zebre")
    with pytest.raises(ValueError, match="'zebre' is named like none of ImageNet's classes; the nearest is 'zebra'"):
        pasted.find_cut_outs(*folders)


def test_each_image_is_shown_once_and_counted_by_object(folders: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that sees a zebra in grey corners and a lemon in black ones is right of each on one background of two."""
    batches = []

    def network(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        batches.append(len(x))
        logits = torch.zeros(len(x), 1000)
        logits[torch.arange(len(x)), torch.where(x[:, 0, 0, 0] > 100, 340, 951)] = 1
        return x.mean(dim=(2, 3)), logits

    plain = Preprocessing(8, 8, Image.Resampling.BILINEAR, (0.0,) * 3, (1.0,) * 3)
    monkeypatch.setattr(pasted, "_module", lambda network_name, side: (network, plain))
    cut_outs = pasted.find_cut_outs(*folders)
    wanted = [(one, pasted.View(LITE0)) for one in (*pasted.by_size([0.05, 0.2]), *pasted.by_place([0.5]))]
    found = list(pasted.answers(cut_outs, wanted, vectors_of=[LITE0], n_jobs=1, progress=False))
    assert batches == [6, 6]  # the object in the centre at an area of 20 % is of two experiments, and shown once
    assert [one["vectors"].shape for _, _, one in found] == [(3, 2, 3)] * 3
    table = [row for placement, view, one in found for row in pasted.rows_of(cut_outs, placement, view, one)]
    assert [row["score"] for row in table] == [50.0] * 9
    assert [row["stress"] for row in table[::3]] == ["pasted-size", "pasted-size", "pasted-place"]
    assert [row["variant"] for row in table[:3]] == ["object=lemon/a", "object=lemon/b", "object=zebra"]
    assert table[0]["alpha_area"] == pytest.approx(0.05, rel=0.02) and table[0]["side"] == 224


def test_what_is_shown_to_whom() -> None:
    """Own sides are 224 and 260: the common side adds a view of the second network alone."""
    shown = measure.shown([LITE0, LITE2], [0.1, 0.2], 224, [LITE0], [0.3, 0.5], [1, 21], [LITE2], [300])
    pairs = measure.distinct(shown)
    counts: dict[Any, int] = {}
    for placement, view in pairs:
        key = (placement.factor, view.network, view.pixels)
        counts[key] = counts.get(key, 0) + 1
    assert counts == {
        ("size", LITE0, 224): 2,
        ("size", LITE2, 260): 2,
        ("size", LITE2, 224): 2,
        ("place", LITE0, 224): 4,
        ("rotation", LITE0, 224): 2,
        ("size", LITE2, 300): 2,
    }


# Vectors


def test_vectors_come_back_from_their_file(tmp_path: Path) -> None:
    X = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    vectors = compressed.Vectors(X, "mine", LITE0, 224, OBJECTS, (951, 883, 340), (0.05, 0.2))
    again = compressed.load_vectors(vectors.save(tmp_path / "v.safetensors.xz", weights="abc"))
    widest = X.max((0, 1, 2))  # of each dimension, which has 255 codes from zero up to it
    assert (np.abs(again.X - X) <= widest / 255 / 2 + 1e-4).all()
    assert (again.objects, again.classes, again.areas, again.side) == (OBJECTS, (951, 883, 340), (0.05, 0.2), 224)
    assert again.at([0.2]).X.shape == (1, 3, 4, 5) and again.at([0.2]).areas == (0.2,)


def test_the_classifier_reads_the_stressed_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of values from 0 to 4, two bins leave 1 and 3: the class of the larger number stays where the two fall apart."""
    known = SimpleNamespace(X=np.array([[0, 0], [4, 4], [9, 9]], np.float32), train=np.array([True, True, False]))
    monkeypatch.setattr(compressed, "load_features", lambda *names, normalize: known)
    monkeypatch.setattr(compressed, "_classifier", lambda model: (np.eye(2), np.array([0.0, 0.1])))
    # Two objects of class 0 on two backgrounds: apart and close; with a tie the bias decides for class 1.
    X = np.array([[[[3, 1], [1.5, 1]], [[4, 0], [3.5, 3]]]], np.float32)
    vectors = compressed.Vectors(X, "mine", LITE0, 224, ("a", "b"), (0, 0), (0.2,))
    found = results_table(compressed.under_stress(vectors, ["none", "Q2:2", "Q1:4"]), measure.MORE)
    by_stress = found.groupby("spec", sort=False)["score"].apply(list).to_dict()
    # Four bins of one dictionary: 0.5, 1.5, 2.5, 3.5; (1.5, 1) falls into one bin, as does (3.5, 3).
    assert by_stress == {"none": [100, 100], "Q2:2": [50, 50], "Q1:4": [50, 50]}
    assert found["variant"].unique().tolist() == ["object=a", "object=b"] and found["n_features"].eq(2).all()
    with pytest.raises(ValueError, match="DR1:1 leaves dimensions out"):
        compressed.under_stress(vectors, ["DR1:1"])


def test_bits_of_a_number() -> None:
    assert [compressed.bits_of(spec) for spec in ("none", "Q2:4", "Q1:16", "QB:52")] == [32, 2, 4, 12]


# Small networks


def test_shifted_images() -> None:
    images = np.random.default_rng(0).integers(1, 255, (3, 3, 32, 32), dtype=np.uint8)
    assert robustness._shifted(images, robustness.CLEAN, 3) is images
    shrunk = robustness._shifted(images, robustness.SHRUNK, 3)
    grey = (shrunk == robustness.GREY[0]).all(axis=1)
    # Half of the side is a quarter of the area, in one quarter of the square.
    quarters = grey.reshape(3, 2, 16, 2, 16).all(axis=(2, 4)).reshape(3, 4)
    assert (quarters.sum(axis=1) == 3).all()
    noisy = robustness._shifted(images, "gaussian_noise", 3)
    assert noisy.shape == images.shape and (noisy == robustness._shifted(images, "gaussian_noise", 3)).all()
    assert len(robustness.SHIFTS) == 14 and "frost" not in robustness.SHIFTS


def test_a_network_that_is_not_trained_is_named() -> None:
    (name,) = robustness.addresses([1000], [8], [0])
    assert Address.parse(name).architecture == "resnet8:8"
    with pytest.raises(FileNotFoundError, match="stresslib train cifar10:1000/resnet8:8/plain/0"):
        robustness.under_shift([name], folder="", images=10, severity=3)
    assert robustness.under_shift([], folder="", images=10, severity=3) == []


def test_what_lies_above_the_line() -> None:
    """The same accuracy under shift as without: the line is the diagonal, and nothing is above it."""
    clean = {(1000, 4): 30.0, (1000, 16): 40.0, (9000, 4): 50.0, (9000, 16): 70.0}
    table = small_networks(clean, clean)
    found = effective.with_residuals(table)
    assert len(found) == 8 and np.allclose(found["corrupted beyond"], 0, atol=1e-9)
    assert effective.line(found, "corrupted") == pytest.approx((1, 0))
    differences = dict(effective.pairs(table))
    assert differences["corrupted images: 9,000 training images, over 1,000"].tolist() == pytest.approx([20, 20, 30, 30])
    assert differences["shrunken images: width 16, over 4"].tolist() == pytest.approx([10, 10, 20, 20])
    assert np.allclose(differences["corrupted images: width 16, over 4, beyond what clean accuracy explains"], 0)


def test_a_network_above_the_line_is_seen() -> None:
    """Logits: clean -1, 1, -1, 1; shifted -1, 1 and, with more images, half more: the line lies a quarter above -1, 1."""
    low, high = 100 / (1 + np.e), 100 * np.e / (1 + np.e)
    clean = {(1000, 4): low, (1000, 16): high, (9000, 4): low, (9000, 16): high}
    raised = {key: 100 / (1 + np.exp(-(effective.logit(value) + 0.5 * (key[0] == 9000)))) for key, value in clean.items()}
    found = effective.with_residuals(small_networks(clean, raised))
    slope, level = effective.line(found, "corrupted")
    assert (slope, level) == pytest.approx((1, 0.25))
    assert (found["corrupted beyond"] > 0).tolist() == (found["count"] == 9000).tolist()


# Verdicts


def test_intervals_by_hand() -> None:
    assert rows.interval(np.array([2.0])).value == 2 and np.isnan(rows.interval(np.array([2.0])).low)
    found = rows.interval(np.array([0.0, 0.0, 3.0]))
    assert found.value == 1 and (found.low, found.high) == (0, 3)
    ratio = rows.interval(np.array([[1.0, 2.0], [3.0, 6.0]]), lambda means: means[..., 0] / means[..., 1])
    assert ratio == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("small", "large", "verdict"),
    [
        ([10, 20, 30], [50, 60, 70], "as expected"),
        ([50, 60, 70], [10, 20, 30], "**the other way**"),
        ([0, 50, 50], [50, 0, 50], "undecided"),
    ],
)
def test_a_direction_is_judged_by_its_interval(small: list[float], large: list[float], verdict: str) -> None:
    table = sized({0.05: small, 0.2: [99, 99, 99], 0.3: large})
    (one,) = directions.judged(table, "size")
    assert one.verdict == verdict and one.found.value == pytest.approx(np.mean(large) - np.mean(small))
    assert f": {verdict}, by" in directions.sentences(table, "size")
    assert (one.expected in directions.not_reproduced(table)) == (verdict != "as expected")
    assert directions.sentences(table, "place") == "- Not measured in this run."


def test_nothing_that_did_not_reproduce() -> None:
    table = sized({0.05: [0, 0, 0], 0.3: [50, 50, 50]})
    assert directions.not_reproduced(table) == "- Nothing: every direction came out as expected."


def test_the_centre_is_compared_with_the_border_and_with_what_is_visible() -> None:
    """Of 100 % in the centre, 80 % beside it and 30 % at the border."""
    table = []
    for placement in pasted.by_place([0.1, 0.3, 0.5, 0.7, 0.9]):
        off = max(abs(placement.x - 0.5), abs(placement.y - 0.5))
        score, inside = (100, 1.0) if off == 0 else (80, 1.0) if off < 0.3 else (30, 0.6)
        cells = {**placement.cells, "side": 224, "box_inside": inside, "alpha_inside": inside, "alpha_area": 0.1}
        table += [shown_row(LITE0, "place", name, score, **cells) for name in OBJECTS]
    found = results_table(table, measure.MORE)
    assert [one.found.value for one in directions.judged(found, "place")] == [70, 20]
    assert measure.parts(found).places and not measure.parts(found).rotations
    assert moved.place_map(found).loc[LITE0].to_numpy()[2].tolist() == [30, 80, 100, 80, 30]
    assert "30 to 100%, most at 50% from the left and 50% from the top" in moved.places_alt_text(found)
    assert moved.plot_places(found).axes


def test_upright_is_compared_with_upside_down() -> None:
    """All angles within 41 degrees of upright are right, and none of the others."""
    table = [
        shown_row(LITE0, "rotation", name, 100 if min(one.rotation, 360 - one.rotation) <= 41 else 0, side=224, **one.cells)
        for one in pasted.by_rotation(range(1, 361, 20))
        for name in OBJECTS
    ]
    found = results_table(table, measure.MORE)
    (one,) = directions.judged(found, "rotation")
    assert one.found == (100, 100, 100)
    assert "100% at 1°, 0% at 61°" in moved.rotations_alt_text(found) and moved.plot_rotations(found).axes


def test_resolutions_are_a_quarter_off_at_least() -> None:
    """For a network of 260 pixels, 300 is not yet higher, and 224 not yet lower."""
    sides = {160: 10.0, 224: 20.0, 260: 30.0, 300: 99.0, 380: 50.0}
    table = pd.concat([sized({0.05: [score] * 3, 0.3: [90] * 3}, LITE2, side) for side, score in sides.items()])
    found = directions.judged(table, "resolution")
    assert [(one.expected.rpartition(": ")[2], one.found.value) for one in found] == [
        ("380 pixels, over its own 260", 20),
        ("its own 260 pixels, over 160", 20),
    ]
    shown = resolution.by_side(table)
    assert shown.loc[(LITE2, 260)].tolist()[::2] == [30, 90] and resolution.plot(table).axes
    assert "objects up to 5%: 10% at 160" in resolution.alt_text(table)


def test_networks_are_compared_at_one_resolution_and_at_their_own() -> None:
    table = pd.concat(
        [sized({0.2: [50, 50, 50]}), sized({0.2: [40, 40, 40]}, LITE2, 224), sized({0.2: [70, 70, 70]}, LITE2, 260)]
    )
    found = directions.judged(table, "network")
    assert [one.found.value for one in found] == [20, -10]
    assert [one.verdict for one in found] == ["as expected", "**the other way**"]
    assert resolution.networks(table).loc["EfficientNet-Lite2"].tolist() == [
        "40.0 (40.0 to 40.0)",
        "70.0 (70.0 to 70.0)",
        260,
    ]


def test_small_objects_that_lose_first() -> None:
    """Large objects keep all of 80 %, small ones half of 40 %: 50 points more. Four bits are not coarse."""
    full = {0.05: [40, 40, 40], 0.2: [60, 60, 60], 0.3: [80, 80, 80]}
    half = {0.05: [20, 20, 20], 0.2: [60, 60, 60], 0.3: [80, 80, 80]}
    table = stressed({"none": full, "Q2:4": half, "Q2:16": {area: [0, 0, 0] for area in full}})
    (one,) = directions.judged(table, "bits")
    assert one.found == (50, 50, 50)
    kept = bits.kept(table).set_index("spec")
    assert kept.loc["Q2:4", ["small", "large"]].tolist() == [50, 100] and kept.loc["Q2:16", "large"] == 0
    assert bits.table(table).index[0] == ("EfficientNet-Lite0", "Q-2", 2.0) and bits.plot(table).axes
    assert bits.agreement(table) == ""
    assert "large objects keep 50.0 points more" in bits.alt_text(table)
    both = pd.concat([table, sized({0.05: [40, 40, 30]})])
    assert "2 of 3 scores are the same" in bits.agreement(both) and "differs by 3.33 points" in bits.agreement(both)


# The page


def test_the_page_of_a_quick_run_draws_the_shipped_vectors() -> None:
    table = stressed({"none": {0.05: [0, 50, 100], 0.3: [100, 100, 100]}, "Q2:4": {0.05: [0, 0, 0], 0.3: [100, 100, 100]}})
    assert page.headline(table) == (
        "**Of objects that cover 5% of a picture, EfficientNet-Lite0 names 50% rightly, of those that cover 30% 100%.** "
        "With other objects than these 3 the first two could be 0 to 100% and 100 to 100%."
    )
    assert "rises from 50% at 5% to 100% at 30%" in page.alt_text(table) and page.plot(table).axes
    assert page.table(table)["EfficientNet-Lite0"].tolist() == [50, 100]
    assert measure.parts(table) == (False, False, False, False)
    assert page.confounded(table) == "" and "3 objects" in page.caption(table)


def test_images_stand_before_vectors() -> None:
    """Rows of images and of their stored vectors are one curve, not two."""
    table = pd.concat(
        [sized({0.05: [10, 10, 10], 0.3: [90, 90, 90]}), stressed({"none": {0.05: [0, 0, 0], 0.3: [0, 0, 0]}})]
    )
    assert page.table(table)["EfficientNet-Lite0"].tolist() == [10, 90]
    assert page.by_object(table)["fills of its box"].tolist() == [50, 50, 50]


def test_the_table_survives_its_file_and_the_comparison(tmp_path: Path) -> None:
    """Rows that differ in their area alone are two settings; a score that moved is reported with it."""
    clean = {(1000, 4): 30.0, (9000, 4): 50.0}
    table = pd.concat([sized({0.05: [10, 20, 30], 0.3: [90, 90, 90]}), small_networks(clean, clean)], ignore_index=True)
    write_results(table, tmp_path / "t.csv", measure.MORE)
    again = read_results(tmp_path / "t.csv", measure.MORE)
    assert drift(again, again) == []
    off = again.assign(score=again["score"].where(again["area"].ne(0.3) | again["variant"].ne("object=vase"), 70.0))
    (line,) = drift(again, off)
    assert "variant=object=vase area=0.3" in line and "score was 90, is 70" in line
    assert len(drift(again[again["area"].ne(0.3)], again)) == 3


def test_examples_are_of_photographs_that_libraries_bring() -> None:
    assert len(page.examples().axes) == 6


def test_defaults_are_the_full_run() -> None:
    known = defaults(ROOT / "notebooks" / "objects.ipynb")
    shown = measure.shown(
        *(known[name] for name in ("networks", "areas", "common", "moved", "places", "rotations", "resized", "sides"))
    )
    # Six views of nine sizes, of which two networks have one side; 25 places, 18 angles, and three sides of the sizes.
    assert len(measure.distinct(shown)) == 6 * 9 + 25 + 18 + 3 * 9
    assert len(robustness.addresses(known["counts"], known["widths"], known["seeds"])) == 3 * 3
