"""The chapter on what units ignore: sizes, verdicts for each outcome, stressed networks by hand, and a small run."""

from __future__ import annotations

from collections.abc import Iterator
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
from stressbook.chapters.units.invariances import (
    dropped,
    effects,
    frontiers,
    labels,
    measure,
    names,
    networks,
    page,
    pictures,
    scores,
    sets,
    shifts,
    stressed,
    survival,
)
from stressbook.reproduce.comparison import drift, read_every_column
from stressbook.reproduce.parameters import defaults
from stresslib.extraction.registry import find_network
from stresslib.results import SETTING, results_table
from stresslib.stress.on_units import DiverseInputs, Unit
from stresslib.training.data import load_arrays
from stresslib.training.fit import predict

DIGITS = "digits/resnet8:8/twice/0/layer1.0"


def rows_of(
    layer: str,
    distances: list[float],
    *,
    alone: float = 10.0,
    most: float = 100.0,
    shift: float | None = None,
    dead: int = 0,
) -> Iterator[dict[str, Any]]:
    """Of one unit for each distance: at that distance it keeps exactly 95%; behind them some that are dead."""
    for channel in range(len(distances) + dead):
        at = sets.origin(layer, channel, 0, 3 * 19**2)
        one = {**at, "stress": names.INDEPENDENT}
        yield {**one, "metric": names.DEAD, "score": 100.0 * (channel >= len(distances))}
        if channel >= len(distances):
            continue
        found = {names.ACTIVATION: 100.0, names.LEAST: 90.0, names.MOST: most, names.DISTANCE: 5.0, names.BEST: alone}
        yield from ({**one, "metric": metric, "score": score} for metric, score in found.items())
        for level, kept, distance in ((0.2, 97.0, distances[channel] - 1), (0.8, 93.0, distances[channel] + 1)):
            found = {names.ACTIVATION: kept, names.LEAST: kept - 5, names.DISTANCE: distance}
            cells = {**at, "stress": names.DIVERSE, "level": level}
            yield from ({**cells, "metric": metric, "score": score} for metric, score in found.items())
        if shift is not None:
            for metric, score in ((names.ACTIVATION, shift + 5), (names.LEAST, shift + channel)):
                yield {**at, "stress": names.SHIFTS, "metric": metric, "score": score}


def tied_rows(layer: str, units: int, kept: float, accuracy: float, *, alone: float = 90.0) -> Iterator[dict[str, Any]]:
    """Of a network that keeps all with 8 bits, some accuracy with 3, and nothing with 2; its units keep `kept` with 3."""
    network = networks.named(networks.split_layer(layer)[0])
    at = {"dataset": network.dataset, "model": network.model, "layer": "logits", "metric": "accuracy"}
    yield {**at, "stress": "none", "score": 80.0}
    for stress in survival.STRESSES:
        for bits, share, of_set in ((8, 100.0, 100.0), (3, accuracy, kept), (2, 20.0, 5.0)):
            yield {**at, "stress": stress, "level": bits, "score": 0.8 * share}
            for channel in range(units):
                cells = {**sets.origin(layer, channel, 0, 3 * 19**2), "stress": stress, "level": bits}
                for kind, score in ((names.DIVERSE, of_set), (names.INDEPENDENT, alone)):
                    yield {**cells, "metric": names.set_metric(names.KEPT, kind), "score": score + 0.13 * channel}
                    yield {**cells, "metric": names.set_metric(names.SPREAD, kind), "score": 2.0}


def pca_rows(layer: str, shares: list[float]) -> Iterator[dict[str, Any]]:
    """Of units of whose variance this is kept, on average over two numbers of components."""
    for channel, share in enumerate(shares):
        at = {**sets.origin(layer, channel, 0, 16), "seed": None, "stress": "pca", "metric": names.VARIANCE}
        for dimensions, score in ((2, share - 10), (4, share + 10)):
            yield {**at, "dimensions": dimensions, "score": score}


def table_of(*parts: Iterator[dict[str, Any]]) -> pd.DataFrame:
    return results_table([row for part in parts for row in part], names.MORE)


SPREAD_OUT = [29.0, 30.0, 31.0, 30.5]


# What the page says of a table


def test_the_size_lies_between_two_weights() -> None:
    units = scores.by_unit(table_of(rows_of("resnet20/layer1.2", [30.0, 40.0], shift=60.0, dead=1)))
    assert units["size"].tolist() == pytest.approx([30, 40]) and units["first"].tolist() == [5, 5]
    assert units["shift"].tolist() == [60, 61] and units["linear"].iloc[0] == pytest.approx(scores.linear_size())
    assert labels.sides(table_of(rows_of("resnet20/layer1.2", [30.0]))) == {("cifar10", "resnet20", "layer1.2"): 19}


def test_a_set_that_no_weight_keeps_has_no_size() -> None:
    points = pd.DataFrame({"activation": [90.0, 80.0], "distance": [10.0, 20.0]}, index=[0.1, 0.2])
    assert scores.size_at(points, 95.0) == 0
    table = table_of(rows_of("resnet20/layer1.2", [30.0]))
    assert scores.drawn_level(table, "resnet20/layer1.2", 0) == 0
    table.loc[table["stress"].eq(names.DIVERSE) & table["metric"].eq(names.ACTIVATION), "score"] = 94.0
    assert scores.drawn_level(table, "resnet20/layer1.2", 0) is None


def test_a_linear_unit_by_hand() -> None:
    """Three images at 60 degrees to the weights, half of which they keep, are an equilateral triangle on a circle."""
    assert scores.linear_size(50.0, 3) == pytest.approx(50 * np.sqrt(0.75) * np.sqrt(3))
    lower = scores.by_unit(table_of(rows_of("resnet20/layer1.2", [30.0], most=105.0)))["linear"].iloc[0]
    assert lower == pytest.approx(scores.linear_size(100 * 95 / 105)) and lower > scores.linear_size()


@pytest.mark.parametrize(
    ("distances", "said", "outcome"),
    [
        (SPREAD_OUT, "**Much: in every layer more than geometry allows a linear unit.**", "as expected"),
        ([12.0, 13.0, 14.0], "**Little: in every layer less than geometry allows a linear unit.**", "**the other way**"),
        ([10.0, 24.0, 40.0], "**Undecided by these units.**", "undecided"),
    ],
)
def test_the_headline_and_the_verdict_follow_the_interval(distances: list[float], said: str, outcome: str) -> None:
    table = table_of(rows_of("resnet20/layer1.2", distances))
    assert page.headline(table).startswith(said)
    found = effects.judged(table).set_index("place")
    assert found.loc[page.BEYOND, "outcome"] == outcome
    assert ("a linear unit's was to be higher" in effects.not_reproduced(table)) == (outcome != "as expected")


def test_two_layers_may_disagree_and_linear_ones_are_a_check() -> None:
    table = table_of(
        rows_of("resnet20/layer1.2", SPREAD_OUT),
        rows_of("resnet20/layer2.0", [12.0, 13.0, 14.0]),
        rows_of("bvlc-googlenet/conv1", [24.1, 24.2, 24.3]),
    )
    assert page.headline(table).startswith(
        "**It depends: more than geometry allows a linear unit in 1 of 2 layers, less in 1.**"
    )
    assert "distance of **24.2** on average (24.1 to 24.3); by the formula it is **24.2**." in effects.linear_check(table)
    assert effects.linear_check(table_of(rows_of("resnet20/layer1.2", [30.0]))) == ""
    deeper = effects.judged(table).set_index("place").loc[2]
    assert deeper["where"] == "ResNet-20, stage 2 against ResNet-20, stage 1" and deeper["outcome"] == "**the other way**"


@pytest.mark.parametrize(("pooled", "outcome"), [(35.0, "as expected"), (25.0, "**the other way**"), (30.1, "undecided")])
def test_two_networks_are_compared_where_they_see_as_much(pooled: float, outcome: str) -> None:
    table = table_of(
        rows_of("bvlc-googlenet/conv2", [pooled + one for one in (-0.5, 0, 0.5)], shift=pooled),
        rows_of("efficientnet-lite0/_blocks.3._bn0", [29.5, 30.0, 30.5], shift=30.0),
    )
    found = effects.judged(table).set_index("place")["outcome"]
    assert found[3] == outcome and found[5] == outcome
    assert "GoogLeNet, convolution 2 against EffNet-Lite0, block 3" in effects.verdicts(table)


def test_dead_units_are_said_and_left_out() -> None:
    table = table_of(rows_of("resnet20/layer1.2", [30.0, 31.0], dead=2))
    assert page.dead(table) == "2 units are alive; dead, and left out, are 2 of ResNet-20, stage 1."
    assert page.table(table)["units"].tolist() == [2]
    assert page.dead(table_of(rows_of("resnet20/layer1.2", [30.0]))).endswith("none that was looked at is dead.")


@pytest.mark.parametrize(("shift", "outcome"), [(95.0, "as expected"), (50.0, "**the other way**")])
def test_some_units_may_ignore_shifts(shift: float, outcome: str) -> None:
    said = shifts.verdicts(table_of(rows_of("resnet20/layer1.2", [30.0, 31.0], shift=shift)))
    assert said.splitlines()[0].endswith(f"{outcome}.") and f"keeps **{shift + 1:.0f}%**" in said
    assert shifts.verdicts(table_of(rows_of("resnet20/layer1.2", [30.0]))) == "- Not measured in this run."


@pytest.mark.parametrize(
    ("kept", "accuracy", "outcome"),
    [(98.0, 97.0, "as expected"), (80.0, 97.0, "**the other way**"), (95.9, 97.0, "undecided")],
)
def test_sets_are_judged_where_the_accuracy_just_holds(kept: float, accuracy: float, outcome: str) -> None:
    layer = "resnet20/layer1.2"
    table = table_of(rows_of(layer, SPREAD_OUT[:3]), tied_rows(layer, 3, kept, accuracy))
    found = effects.judged(table).set_index("place")["outcome"]
    assert found[6] == outcome and found[7] == outcome
    assert f"rounded weights of 3 bits: the accuracy keeps {accuracy:.1f}%" in survival.verdicts(table)
    less = table_of(rows_of(layer, SPREAD_OUT[:3]), tied_rows(layer, 3, kept, 90.0))
    assert "rounded weights of 8 bits" in survival.verdicts(less)
    assert survival.verdicts(table_of(rows_of(layer, [30.0]))) == "- Not measured in this run."


@pytest.mark.parametrize(
    ("shares", "outcome"),
    [
        ([90.0, 80, 70, 60, 50, 40, 30, 20], "as expected"),
        ([20.0, 30, 40, 50, 60, 70, 80, 90], "**the other way**"),
        ([50.0, 80, 40, 70, 45, 75, 42, 77], "undecided"),
    ],
)
def test_units_that_components_drop(shares: list[float], outcome: str) -> None:
    layer = "resnet20/layer1.2"
    table = table_of(rows_of(layer, [20.0 + place for place in range(8)]), pca_rows(layer, shares))
    assert effects.judged(table).set_index("place").loc[9, "outcome"] == outcome
    assert dropped.table(table).iloc[0].tolist() == [8, np.mean(shares[:2]).round(1), np.mean(shares[-2:]).round(1)]


def test_figures_show_the_table_and_the_check_reads_it(tmp_path: Path) -> None:
    layer = "resnet20/layer1.2"
    table = table_of(
        rows_of(layer, SPREAD_OUT, shift=60.0),
        rows_of(DIGITS, [20.0]),
        tied_rows(layer, 4, 98.0, 97.0),
        pca_rows(layer, [90.0, 80, 70, 60]),
    )
    (ax,) = page.plot(table).axes
    assert ax.lines[0].get_xdata().tolist() == pytest.approx(SPREAD_OUT)
    assert "ResNet-20, stage 1 (19 px): 30 on average, from 29 to 31, of a linear unit 24" in page.alt_text(table)
    assert len(frontiers.plot(table).axes) == 1 and "100% at 5%, 97% at 29%, 93% at 31%" in frontiers.alt_text(table)
    assert shifts.plot(table).axes[0].lines[0].get_xdata().tolist() == [60, 61, 62, 63]
    assert len(survival.plot(table).axes) == 2 and "keep 100% and 100% with 8, 98% and 97% with 3" in survival.alt_text(
        table
    )
    sl.write_results(table, tmp_path / "invariances.csv", names.MORE)
    again = sl.read_results(tmp_path / "invariances.csv", names.MORE)
    assert effects.verdicts(again) == effects.verdicts(table)
    every = read_every_column(tmp_path / "invariances.csv")
    assert drift(every, every) == []


def test_without_textures_and_stresses_the_page_says_so() -> None:
    table = table_of(rows_of(DIGITS, [20.0, 21.0]))
    for module in (shifts, survival):
        assert not any(ax.lines for ax in module.plot(table).axes)
        assert module.caption(table).endswith("in this run.") and "empty panel" in module.alt_text(table)
    assert dropped.table(table).empty and page.plot(table).axes


def test_images_lie_beside_the_table_and_are_drawn_by_size(tmp_path: Path) -> None:
    layer = "resnet20/layer1.2"
    table = table_of(rows_of(DIGITS, [20.0]), rows_of(layer, [29.0, 31.0]))
    images = {f"{layer}/{channel}": np.full((7, 15, 15, 3), channel, np.uint8) for channel in (0, 1)}
    images[f"{DIGITS}/0"] = np.zeros((7, 7, 7, 1), np.uint8)
    pictures.save_images(images, tmp_path / "invariances.safetensors")
    again = pictures.load_images(tmp_path / "invariances.csv")
    assert all(np.array_equal(again[name], one) for name, one in images.items())
    assert [channel for _, channel, _ in pictures.ordered(table, again)] == [1, 0]
    assert len(pictures.plot(table, again).axes) == 14
    few = {name: one for name, one in again.items() if name.startswith("digits/")}
    assert [layer for layer, _, _ in pictures.ordered(table, few)] == [DIGITS]
    assert "ResNet-20, stage 1, unit 1: distance 31%" in pictures.alt_text(table, again)
    with pytest.raises(FileNotFoundError, match=r"other\.safetensors is not there; 'stresslib reproduce other"):
        pictures.load_images(tmp_path / "other.csv")


# What is measured


def test_a_photograph_becomes_what_the_network_expects() -> None:
    """White, in each network's own numbers: 255, less its mean, over its standard deviation, blue first for Caffe's."""
    white = (1 - torch.tensor(networks.MEAN)) / torch.tensor(networks.STD)
    for name, expected in (("bvlc-googlenet", [151, 138, 132]), ("efficientnet-lite0", [1, 1, 1])):
        seen = networks.Photographs(nn.Identity(), find_network(name).preprocessing)(white[None, :, None, None])
        assert seen.flatten().tolist() == pytest.approx(expected, abs=1e-3)


def test_the_most_different_images_keep_the_activation_on_average() -> None:
    places = torch.tensor([0.0, 1.0, 4.0, 9.0])
    found = DiverseInputs(places, torch.tensor([1.0, 0.8, 0.9, 0.1]), (places[:, None] - places).abs(), [], False)
    assert sets.most_different(found, 2, 0.95) == [0, 2]
    assert sets.most_different(found, 2, 0.55) == [0, 3]
    assert sets.most_different(found, 3, 0.99) == [0, 1, 2]  # none keeps it: those that are answered most


def test_activations_go_to_equal_steps_of_their_range() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU(), nn.Conv2d(1, 1, 1, bias=False)).eval()
    for layer in (network[0], network[2]):
        nn.init.ones_(layer.weight)  # type: ignore[arg-type]
    rounded = stressed.quantize_activations(network, np.array([[[[-1.0, 0.0, 3.0]]]], np.float32), 2)
    x = torch.tensor([[[[-2.0, 0.4, 1.6, 2.6, 9.0]]]])
    assert rounded(x).flatten().tolist() == [0, 0, 2, 3, 3]
    assert network(x).flatten().tolist() == pytest.approx([0, 0.4, 1.6, 2.6, 9.0])
    with pytest.raises(ValueError, match="bits=0"):
        stressed.quantize_activations(network, np.zeros((1, 1, 1, 1), np.float32), 0)


def test_variance_of_a_unit_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two equal units and a small third one: one component has all of the two, and nothing of the third."""
    vectors = np.zeros((4, 4))
    vectors[:, 0] = vectors[:, 1] = [1, -1, 1, -1]
    vectors[:, 2] = [0.1, 0.1, -0.1, -0.1]
    monkeypatch.setattr(stressed, "averages", lambda *_: vectors)
    rows = stressed.variance(DIGITS, "", [0, 2, 3], [1, 4])
    assert [(row["variant"], row["spec"] if "spec" in row else row["dimensions"]) for row in rows] == [
        ("unit 0", 1),
        ("unit 2", 1),
    ]
    assert [row["score"] for row in rows] == pytest.approx([100, 0])


def test_channels_are_nested_and_a_wrong_node_is_named() -> None:
    assert sets.channels_of(DIGITS, 3, 0) == sets.channels_of(DIGITS, 5, 0)[:3]
    assert sorted(sets.channels_of(DIGITS, 99, 1)) == list(range(8))
    with pytest.raises(ValueError, match=r"no node 'layer1\.9'; the nearest is"):
        sets.channels_of("digits/resnet8:8/twice/0/layer1.9", 3, 0)
    with pytest.raises(ValueError, match="it is NETWORK/NODE, such as resnet20"):
        networks.split_layer("resnet20")


OPTIONS: dict[str, Any] = {
    "steps": [5],
    "alone": 8,
    "diversities": [0.8, 0.2],
    "shifted": [DIGITS],
    "shifted_units": 1,
    "shift_steps": 2,
    "tied": [DIGITS],
    "bits": [4],
    "tests": 100,
    "dimensions": [2],
    "shown": 2,
    "seed": 0,
    "n_jobs": 1,
    "progress": False,
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alone": 5}, "alone=5: a set has 6 images"),
        ({"diversities": [0.0, 1.0]}, "they are above 0"),
        ({"tied": ["digits/resnet8:8/twice/0/layer2.0"]}, "it is one of the layers"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure.measure([DIGITS], 2, **{**OPTIONS, **change})


def test_the_file_of_resnet20_is_named_where_it_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STRESSLIB_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"resnet20-12fca82f\.th is not there; download it from https"):
        networks.load("resnet20")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / networks.PUBLISHED).write_bytes(b"no weights")
    with pytest.raises(ValueError, match="is damaged"):
        networks.weights_of("resnet20")


def test_a_small_run_is_scored_right() -> None:
    made = measure.measure([DIGITS], 2, **OPTIONS)
    table = made.table
    assert not table.duplicated([*SETTING, "variant", "level", "seed"]).any()
    assert len(scores.by_unit(table)) == 2 and table["stress"].eq(names.SHIFTS).sum() == 2
    assert sorted(table.loc[table["stress"].eq(names.DIVERSE), "level"].unique()) == [0.2, 0.8]
    assert {one.shape for one in made.images.values()} == {(7, 7, 7, 1)} and len(made.images) == 2
    # The images are those that the table speaks of.
    layer, _, channel = next(iter(made.images)).rpartition("/")
    mean, std = networks.colours("digits/resnet8:8/twice/0")
    seen = (made.images[f"{layer}/{channel}"].transpose(0, 3, 1, 2) / 255 - mean) / std
    unit = Unit(networks.load("digits/resnet8:8/twice/0"), "layer1.0", int(channel))
    values = unit(torch.from_numpy(seen).float()).detach()
    assert values[0] >= 0.9 * values.max()
    # The accuracy is that of the network with rounded weights.
    data, module = load_arrays("digits"), stressed.stressed("digits/resnet8:8/twice/0", names.ROUNDED, 4)
    right = predict(module, data.test_images[:100]).argmax(1) == data.test_labels[:100]
    rows = table[table["metric"].eq("accuracy") & table["stress"].eq(names.ROUNDED)]
    assert rows["score"].tolist() == [pytest.approx(100 * right.mean())]
    for text in (page.headline(table), effects.verdicts(table), survival.verdicts(table), page.dead(table)):
        assert text
    again = measure.measure([DIGITS], 2, **OPTIONS).table
    pd.testing.assert_frame_equal(table, again)


def test_a_dead_unit_has_no_set(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = networks.load("digits/resnet8:8/twice/0")
    with torch.no_grad():
        for norm in (whole.get_submodule("layer1.0.bn2"), whole.get_submodule("bn1")):
            norm.weight[3], norm.bias[3] = 0.0, -1.0  # type: ignore[index,operator]
    monkeypatch.setattr(networks, "load", lambda name: whole)
    found = sets.find(DIGITS, "", 3, 8, [0.2], 3, 0, 0)
    assert [row["score"] for row in found["rows"]] == [100] and "diverse" not in found


def test_quick_is_a_part_of_full_on_what_is_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profiles = yaml.safe_load((ROOT / "notebooks" / "figures.yml").read_text())["invariances"]["profiles"]
    known = defaults(ROOT / "notebooks" / "invariances.ipynb")
    full, quick = {**known, **profiles["full"]}, {**known, **profiles["quick"]}
    for name, value in profiles["quick"].items():
        assert set(value) <= set(full[name]) if isinstance(value, list) else value <= full[name], name
    steps = dict(zip(full["layers"], full["steps"], strict=True))
    assert dict(zip(quick["layers"], quick["steps"], strict=True)).items() <= steps.items()
    monkeypatch.setenv("STRESSLIB_CACHE", str(tmp_path / "empty"))
    for layer in quick["layers"]:
        networks.load(networks.split_layer(layer)[0])
