"""The data card: what it runs, what the packing costs, how that is drawn and said, and what stands in each card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from toy_features import make_features

import stresslib as sl
from stressbook.chapters.reference.data_card import card as data_card
from stressbook.chapters.reference.data_card import measure, page
from stressbook.drawing import style
from stressbook.reproduce.catalogue import figures, project_root
from stressbook.reproduce.parameters import defaults
from stressbook.reproduce.run import reproduce
from stresslib.features import EMBEDDED, features_path, list_features
from stresslib.files import file_sha256
from stresslib.results import SETTING, results_table
from stresslib.stress.spec import parse_spec

ROOT = project_root()
LITE, SCENES = ("caltech101", "efficientnet-lite0", "pooled"), ("scenes15", "efficientnet-lite0", "pooled")


def row(names: tuple[str, str, str], stress: str, score: float, **place: Any) -> dict[str, Any]:
    common = dict(zip(("dataset", "model", "layer"), names, strict=True))
    return {**common, "n_features": 8, "stress": stress, "metric": "accuracy", "score": score, "objective_gap": 0.0, **place}


def compared(names: tuple[str, str, str], shipped: list[Any], float32: list[Any], **changes: Any) -> list[dict[str, Any]]:
    """Rows of both: the full vector, two draws of one selection, and two dictionaries."""
    rows = []
    for layer, scores in ((names[2], shipped), (names[2] + measure.FLOAT32, float32)):
        none, first, second, small, large = scores
        own = (*names[:2], layer)
        rows += [
            row(own, "none", none, **changes),
            row(own, "random-selection", first, dimensions=2, repeat=0, **changes),
            row(own, "random-selection", second, dimensions=2, repeat=1, **changes),
            row(own, "uniform-shared", small, values=2, **changes),
            row(own, "uniform-shared", large, values=8, **changes),
        ]
    return rows


@pytest.fixture
def table() -> pd.DataFrame:
    """Caltech-101: none -0.5, DR-1 (+2 and 0) +1, Q-1 -3 and +1, in its second metric 9 less; 15-Scenes: shipped alone."""
    return results_table(
        [
            *compared(LITE, [89.5, 62, 70, 37, 81], [90, 60, 70, 40, 80]),
            *compared(LITE, [80, 50, 60, 30, 70], [89, 59, 69, 39, 79], metric="mean-class-accuracy"),
            *compared(SCENES, [80, 50, 60, 30, 70], [0] * 5)[:5],
        ]
    )


def shipped() -> dict[str, Path]:
    return {name: path for name, path in list_features() if path.parent == EMBEDDED}


# What is run


def test_each_stress_has_some_settings() -> None:
    parsed = [parse_spec(spec) for spec in measure.specs(1280)]
    assert parsed[0].stress == "none" and {spec.stress for spec in parsed} == set(page.STRESSES)
    assert [spec.dimensions for spec in parsed if spec.stress == "pca"] == [64, 128, 320, 639]
    assert len(parsed) == len({str(spec) for spec in parsed})
    # The digits have 500 training rows.
    fewer = measure.specs(1280, n_train=500)
    assert set(measure.specs(1280)) - set(fewer) == {"DR2:639"}


def test_the_page_is_about_every_shipped_set() -> None:
    assert sorted(defaults(ROOT / "notebooks" / "data-card.ipynb")["dataset"]) == sorted(shipped())
    profiles = figures(ROOT)["data-card"]["profiles"]
    assert set(profiles["quick"]["dataset"]) < set(shipped()) and profiles["full"] == {"float32": True}


def test_every_shipped_set_is_compared_in_the_committed_table() -> None:
    committed = sl.read_results(ROOT / "results" / "data-card.csv")
    costs = page.costs(committed)
    assert set(costs["dataset"] + "/" + costs["model"] + "/" + costs["layer"]) == set(shipped())
    assert set(costs["stress"]) == set(page.STRESSES)
    # As the note beside the shipped files says.
    assert costs.loc[costs["stress"] == "none", "mean"].abs().max() < 0.205


# What the packing costs


def test_costs_by_hand(table: pd.DataFrame) -> None:
    """Means over draws are compared, in the first metric; a set that is there once is not."""
    costs = page.costs(table)
    assert set(costs["dataset"]) == {"caltech101"} and set(costs["layer"]) == {"pooled"}
    numbers = costs.set_index("stress")[["settings", "mean", "lowest", "highest"]]
    assert numbers.loc["none"].tolist() == [1, -0.5, -0.5, -0.5]
    assert numbers.loc["random-selection"].tolist() == [1, 1, 1, 1]
    assert numbers.loc["uniform-shared"].tolist() == [2, -1, -3, 1]
    assert page.differences(table)["metric"].tolist() == ["accuracy"] * 4 + ["mean-class-accuracy"] * 4


def test_small_table_has_the_largest_difference_of_each_stress(table: pd.DataFrame) -> None:
    small = page.table(table)
    assert small.index.tolist() == [", ".join(LITE)]
    assert small.iloc[0].to_dict() == {"full vector": -0.5, "DR-1": 1, "Q-1": -3, "full score": 90}


def test_words_have_the_tables_numbers(table: pd.DataFrame) -> None:
    text = page.headline(table)
    # |-0.5|, |1|, |-3|, |1|
    assert "Over 4 settings of 1 feature sets the scores differ by 1.38 points on average" in text and "is -0.38" in text
    assert "Full vectors differ by 0.50 at most" in text
    assert "that of Q-1, 2 values, on caltech101, efficientnet-lite0, pooled: 40.00 in float32, 37.00 as shipped" in text
    assert text.endswith("not compared: scenes15/efficientnet-lite0/pooled.")
    alt = page.alt_text(table)
    assert "full vector -0.50, -0.50, -0.50; DR-1 +1.00, +1.00, +1.00; Q-1 -3.00, -1.00, +1.00." in alt
    alone = table[table["dataset"] == "scenes15"]
    assert page.headline(alone).startswith("Not in the cache as float32") and page.costs(alone).empty


def test_every_difference_is_a_dot_in_the_colour_of_its_stress(table: pd.DataFrame) -> None:
    [ax] = page.plot(table).axes
    dots = {to_hex(line.get_color()): sorted(line.get_xdata()) for line in ax.lines if line.get_linestyle() == "None"}
    assert dots[page.NONE] == [-0.5] and dots[style.COLOURS["random-selection"].lower()] == [1]
    assert dots[style.COLOURS["uniform-shared"].lower()] == [-3, 1]
    assert len(dots) == len(page.STRESSES) and sum(map(len, dots.values())) == 4
    assert [label.get_text() for label in ax.get_yticklabels()] == ["caltech101\nefficientnet-lite0\npooled"]


def test_one_number_changes_the_figure_and_its_words(table: pd.DataFrame, tmp_path: Path) -> None:
    changed = table.copy()
    changed.loc[3, "score"] -= 2
    shown = []
    for part, results in (("one", table), ("two", changed), ("three", table)):
        (tmp_path / part).mkdir()
        style.save(page.plot(results), results, tmp_path / part, "data-card")
        files = [(tmp_path / part / f"data-card.{ending}").read_bytes() for ending in ("svg", "png", "csv")]
        shown.append([*files, page.alt_text(results), page.headline(results)])
    assert all(one != two for one, two in zip(shown[0], shown[1], strict=True))
    assert shown[0] == shown[2]


# What the sets are


def test_a_card_says_what_is_in_the_file() -> None:
    name = "voc2007-val/efficientnet-lite0/stage6@1"
    [path] = measure.paths(name)
    card, features = data_card.card(path), sl.load_features(path, normalize=False)
    assert "/".join(card.name) == name
    assert card[["train", "test", "classes", "width"]].tolist() == [2500, 2508, 20, 192]
    assert card["signed"] == "yes" and features.X.min() < 0
    assert card["SHA-256"] == file_sha256(path) and card["MB"] == round(path.stat().st_size / 1e6, 1)
    assert (card["SHA-256 of the weights"], card["images"]) == (features.provenance["weights_sha256"], "voc")
    assert card["one test image"] == "depends on its rank"


def test_a_card_says_what_one_test_image_weighs() -> None:
    """Of the smallest class of Caltech-101 one image is in the test part, of the largest 770."""
    [path] = measure.paths("caltech101/efficientnet-lite0/pooled")
    assert data_card.card(path)["one test image"] == "0.0013 to 0.99 points"


def test_cards_are_shown_small_and_whole() -> None:
    paths = measure.paths(["digits/efficientnet-lite0/pooled", "scenes15/efficientnet-lite0/pooled"])
    cards = data_card.cards(paths)
    small = data_card.overview(cards)
    assert small["SHA-256"].str.len().tolist() == [8, 8] and small["signed"].tolist() == ["no", "no"]
    assert small["train + test"].to_dict() == {
        "digits, efficientnet-lite0, pooled": "500 + 1297",
        "scenes15, efficientnet-lite0, pooled": "1498 + 2969",
    }
    whole = data_card.folded(cards)
    assert whole.count("<details>") == 2 and all(file_sha256(path) in whole for path in paths)
    assert "scikit-learn&#x27;s load_digits" in whole and "one test image: 0.077 points" in whole  # 1 of 1,297
    total = sum(round(path.stat().st_size / 1e6, 1) for path in paths)
    assert f"6,264 vectors in {total:.1f} MB" in data_card.headline(cards)


def test_a_card_of_classical_features_has_their_options() -> None:
    """What a network's card says by the hash of its weights."""
    [path] = measure.paths("scenes15/bossanova+codewords=64/pooled")
    card = data_card.card(path)
    assert card["width"] == 192 and card[["preprocessing", "SHA-256 of the weights"]].isna().all()
    assert ", codewords 64, " in card["options"]
    assert len(card["SHA-256 of the codebook"]) == 64 and "opencv" in card["made with"]


def test_a_card_of_an_incomplete_copy_names_what_is_missing() -> None:
    facts = ["incomplete", "images that are missing"]
    [half, whole] = measure.paths(["voc2007-val/bvlc-googlenet/pooled", "digits/efficientnet-lite0/pooled"])
    incomplete, missing = data_card.card(half)[facts]
    assert incomplete.startswith("3 images missing: 2,500 training and 2,508 test images") and missing.count(", ") == 2
    assert data_card.card(whole)[facts].isna().all()
    assert f"images that are missing: {missing}" in data_card.folded(data_card.cards([half]))


def test_a_card_of_vectors_without_a_history(tmp_path: Path) -> None:
    path = make_features(multilabel=True).save(tmp_path / "own.safetensors")
    card = data_card.card(path)
    assert card[["images", "split", "SHA-256 of the weights", "made with"]].isna().all()
    assert card["metric"] == "mAP" and card.name == ("toy", "drawn", "only")


# The originals and the page


def test_originals_come_from_the_cache(small: sl.FeatureSet) -> None:
    assert measure.original(small) is None
    path = features_path("toy", "drawn", "only")
    small.save(path)
    exact = measure.original(small)
    assert exact is not None and exact.name == "toy/drawn/only-float32"
    np.testing.assert_allclose(exact.X, small.X, atol=1e-7)
    assert exact.metric == small.metric and exact.classes == small.classes
    make_features(n=96).save(path)
    with pytest.raises(ValueError, match="other images or another split than toy/drawn/only"):
        measure.original(small)


def test_template_has_the_numbers_of_a_sweep(tmp_path: Path, small: sl.FeatureSet) -> None:
    """From features and their originals; then from a table that has no originals."""
    small.save(features_path("toy", "drawn", "only"))
    mine = str(small.save_compact(tmp_path / "mine.safetensors.xz"))
    packed = sl.load_features(mine)
    exact = measure.original(packed)
    assert exact is not None
    specs = measure.specs(40, n_train=int(small.train.sum()))
    expected = pd.concat([sl.sweep(one, specs, progress=False) for one in (packed, exact)], ignore_index=True)
    sl.write_results(expected.iloc[: len(specs)], tmp_path / "packed.csv")
    shown = []
    for folder, changes in (("out", {"float32": True, "repeats": 1}), ("alone", {"results": str(tmp_path / "packed.csv")})):
        executed = reproduce("data-card", parameters={"dataset": [mine], **changes}, output=tmp_path / folder)
        shown.append(json.dumps([cell.get("outputs") for cell in nbformat.read(executed, 4).cells]))
    made = sl.read_results(tmp_path / "out" / "data-card.csv")
    pd.testing.assert_frame_equal(made[SETTING], expected[SETTING])
    assert made["score"].to_numpy() == pytest.approx(expected["score"].to_numpy(), abs=1e-5)
    assert file_sha256(mine) in shown[0] and "**1 feature sets** of toy" in shown[0]
    assert page.alt_text(made) in shown[0] and page.headline(made) in shown[0]
    for ending in ("svg", "png"):
        assert (tmp_path / "out" / f"data-card.{ending}").stat().st_size > 5_000
    assert "so no figure" in shown[1] and "so no figure" not in shown[0]
    assert (tmp_path / "alone" / "data-card.csv").read_bytes() == (tmp_path / "packed.csv").read_bytes()
