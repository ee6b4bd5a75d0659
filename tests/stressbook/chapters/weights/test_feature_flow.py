"""The chapter on feature flow: filters that go, what is chosen, verdicts for each outcome, and a small run."""

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
from stressbook.chapters.weights.feature_flow import (
    compressed,
    effects,
    features,
    filters,
    layers,
    measure,
    names,
    others,
    page,
    scores,
)
from stressbook.chapters.weights.feature_flow.choice import chosen, validated
from stressbook.chapters.weights.feature_flow.trainings import ScaleNorm, Training, full_names, load_part, split, train
from stressbook.reproduce.comparison import drift, read_every_column
from stressbook.reproduce.parameters import defaults
from stresslib.networks import CifarResNet, SmallVGG, Standardized
from stresslib.results import SETTING, results_table
from stresslib.stress.on_weights import FeatureFlow
from stresslib.training.artefacts import Address
from stresslib.training.data import load_arrays
from stresslib.training.trained import load_trained
from stresslib.training.vectors import vectors_path

LEVELS = (10, 30, 50, 70, 90)


def rows_of(
    method: str,
    clean: list[float],
    lost: float,
    *,
    strength: float = 0.01,
    epochs: int = 10,
    model: str = "resnet8:8",
    dataset: str = "cifar10",
    dead: float = 0.0,
    turn: float = 50.0,
    rule: str = "scale-layer",
) -> Iterator[dict[str, Any]]:
    """Of one training for each clean accuracy: each ten percent of filters cost `lost` points, down to 10."""
    variant = str(Training(method, strength, epochs))
    for seed, right in enumerate(clean):
        at = {"dataset": dataset, "model": model, "layer": "logits", "variant": variant, "seed": seed}
        whole: dict[str, Any] = {**at, "stress": "none"}
        yield {**whole, "metric": "accuracy", "score": right}
        if seed == 0:
            yield {**whole, "metric": names.VALIDATION, "score": right}
        for kind in ("norm", "scale", "folded", "weights"):
            yield {**whole, "metric": f"{names.DEAD}{kind}", "score": dead}
        for one in filters.RULES:
            for level in LEVELS:
                left = max(right - lost * level / 10 - 3 * (one != rule), 10.0)
                cells = {**at, "stress": f"{names.PRUNED}{one}", "level": level}
                if seed == 0 and level in (30, 50, 70):
                    yield {**cells, "metric": names.VALIDATION, "score": left}
                if one in (rule, "norm-layer", "folded-global"):
                    for metric, score in (
                        ("accuracy", left),
                        (names.PARAMETERS, 100 - level),
                        (names.WORK, 100 - level / 2),
                    ):
                        yield {**cells, "metric": metric, "score": score}
        yield {
            **at,
            "stress": f"{names.PRUNED}{rule}{names.TUNED}",
            "level": 50,
            "metric": "accuracy",
            "score": right - lost,
        }
        for place, node in enumerate(("bn1", "layer1.0", "layer2.0"), start=1):
            there = {**whole, "layer": f"{place} {node}", "n_features": 8}
            found = {names.SEPARATION: 40 + place + lost, names.DIMENSIONS: 10 * lost, names.PARTICIPATION: 5 * lost}
            if place > 1:
                found |= {names.LENGTH: 10 * lost, names.RELATIVE: 20 * lost}
            if place == 2:
                found |= {names.SECOND: 5 * lost, names.ANGLE: turn}
            yield from ({**there, "metric": metric, "score": score} for metric, score in found.items())


def vectors_of(method: str, shares: list[float]) -> Iterator[dict[str, Any]]:
    """Of features that score 50 and keep these shares of it, in percent, under each stress."""
    for seed, share in enumerate(shares):
        at = {"dataset": "cifar10", "model": "resnet8:8", "layer": "features", "n_features": 32, "metric": "accuracy"}
        at |= {"variant": str(Training(method, 0.01, 10)), "seed": seed}
        yield {**at, "stress": "none", "score": 50.0}
        for dimensions in (4, 8):
            yield {**at, "stress": "pca", "dimensions": dimensions, "score": share / 2}
            for repeat in (0, 1):
                score = share / 2 + (1 if repeat else -1)
                cells = {"stress": "random-selection", "dimensions": dimensions, "repeat": repeat, "score": score}
                yield {**at, **cells}


def made(plain: float = 6.0, flow: float = 3.0, slimming: float = 5.0, **options: Any) -> pd.DataFrame:
    """A table in which a way of training loses so many points for ten percent of filters."""
    rows = [
        *rows_of("plain", [60.0, 61.0, 62.0], plain, turn=60),
        *rows_of("slimming", [60.0, 61.2, 62.1], slimming),
        *rows_of("flow", [60.1, 61.0, 61.9], flow, **options),
    ]
    return results_table(rows, names.MORE)


# What the page says of a table


def test_scores_by_hand() -> None:
    """Without a filter 60, then 3 points less for each tenth: 51, 45, 39 and 33. One point is a third of a tenth."""
    row = scores.usual(made()).loc["cifar10", "resnet8:8", "flow", 0]
    assert row["pruned"] == pytest.approx((51.1 + 45.1 + 39.1 + 33.1) / 4) and row["pruned 70"] == pytest.approx(39.1)
    assert row["parameters"] == pytest.approx(10 / 3) and row["work"] == pytest.approx(10 / 6)
    assert row["parameters from plain"] == pytest.approx(1.1 / 3 * 10)  # plain has 60, a tenth less
    assert row["tuned"] == pytest.approx(57.1)
    assert row[names.LENGTH] == 60 and row[names.RELATIVE] == 60 and row[names.ANGLE] == 90


def test_a_curve_that_never_falls_or_begins_below() -> None:
    left = {names.PARAMETERS: [100.0, 40.0], names.WORK: [100.0, 30.0]}
    curve = pd.DataFrame({"accuracy": [80.0, 79.5], **left}, index=[0, 50])
    assert scores.removed_at(curve, 79.0).tolist() == [60, 70]
    assert scores.removed_at(curve, 81.0).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("flow", "said", "outcome"),
    [
        (3.0, "**Yes, pruning hurts less.**", "as expected"),
        (7.0, "**No, pruning hurts more.**", "**the other way**"),
        (6.0, "**Undecided by these trainings.**", "undecided"),
    ],
)
def test_the_headline_and_the_verdict_follow_the_interval(flow: float, said: str, outcome: str) -> None:
    table = made(flow=flow)
    assert page.headline(table).startswith(said)
    found = effects.judged(table).set_index("place")
    assert found.loc[4, "outcome"] == outcome and found.loc[4, "than"] == "plain"
    assert found.loc[3, "outcome"] == "as expected"  # clean accuracy is a tenth off
    assert (f"{scores.MEASURES['pruned']} was to be higher" in effects.not_reproduced(table)) == (outcome != "as expected")


def test_two_networks_may_disagree() -> None:
    other = [*rows_of("plain", [60.0, 61, 62], 3, model="vgg:8"), *rows_of("flow", [60.0, 61, 62.1], 4, model="vgg:8")]
    table = pd.concat([made(), results_table(other, names.MORE)])
    assert page.headline(table).startswith("**Pruning hurts less on 1, more on 1 of 2 networks.**")
    assert len(page.plot(table).axes) == 2
    assert "; VGG-like on CIFAR-10 -" in effects.verdicts(table)


def test_clean_accuracy_may_cost_a_point_and_no_more() -> None:
    for cost, outcome in ((0.5, "as expected"), (4.0, "**the other way**")):
        rows = [*rows_of("plain", [60.0, 61, 62], 5), *rows_of("flow", [60 - cost, 61.1 - cost, 62 - cost], 4)]
        found = effects.judged(results_table(rows, names.MORE)).set_index("place")
        assert found.loc[3, "outcome"] == outcome


def test_strength_and_rule_are_the_best_on_validation_images() -> None:
    """The stronger one loses less; another rule costs it three points at each share, and none at no share."""
    rows = [*rows_of("flow", [60.0], 5, strength=0.1), *rows_of("flow", [60.0], 4, strength=0.3, rule="norm-global")]
    table = results_table(rows, names.MORE)
    (best,) = chosen(table).to_dict("records")
    assert (best["strength"], best["rule"]) == (0.3, "norm-global")
    assert best["score"] == pytest.approx((60 + 48 + 40 + 32) / 4)
    assert len(validated(table)) == 2 * len(filters.RULES)
    assert "at their end: feature flow on ResNet-8 on CIFAR-10 (largest)." in others.edges(table)
    assert others.edges(made()) == ""
    # No test image has a say.
    table.loc[table["metric"].eq("accuracy"), "score"] = 0
    assert chosen(table).to_dict("records") == [best]


def test_choices_made_the_other_way() -> None:
    extra = [*rows_of("flow-l2", [60.1, 61.0, 62.0], 5), *rows_of("flow-angle", [60.1, 61.0, 62.0], 2)]
    extra += rows_of("flow-equal", [60.0, 61.0, 62.0], 3)
    said = others.alternatives_verdicts(pd.concat([made(), results_table(extra, names.MORE)]))
    assert "equal shapes alone: +0.0 (-0.2 to +0.2) points, undecided." in said
    assert "ResNet-8 on CIFAR-10, L2 norm: -" in said and said.count("**worse**.") == 1 and said.count("**better**.") == 1
    assert others.alternatives_verdicts(made()) == "- Not measured in this run."


def test_one_rule_for_all_is_beside_the_own_one() -> None:
    table = others.rules(made())
    assert table.loc[("ResNet-8 on CIFAR-10", "weights, each layer", 50), "feature flow"] == pytest.approx(43.0)
    assert table.columns.tolist() == ["weight decay", "slimming", "feature flow"]
    assert others.choices(made()).loc[("ResNet-8 on CIFAR-10", "feature flow", 10), "filters ranked by"] == "scale"


def test_whether_filters_died_in_a_longer_training() -> None:
    assert others.long_verdict(made()).startswith("- Not tested")
    for dead, said in ((30.0, "**Filters died**"), (0.0, "**No more filters died than without it**")):
        rows = [*rows_of("plain", [70.0], 5, epochs=50), *rows_of("flow", [70.0], 5, epochs=50, dead=dead)]
        assert said in others.long_verdict(pd.concat([made(), results_table(rows, names.MORE)]))


def test_dimensions_by_depth() -> None:
    assert "dimensions for 90% of the variance -30.0 (-30.0 to -30.0) points, **fewer**" in layers.verdicts(made())
    assert "**more**" in layers.verdicts(made(flow=8.0)) and "undecided" in layers.verdicts(made(flow=6.0))
    assert layers.table(made(), "cifar10", "resnet8:8").loc[("weight decay", "layer1.0"), "turn (degrees)"] == 108


@pytest.mark.parametrize(
    ("shares", "said"),
    [([95.0, 96, 97.5], "**keeps more**"), ([80.0, 81, 82.5], "**keeps less**"), ([90.0, 90.2, 93], "undecided")],
)
def test_what_features_keep(shares: list[float], said: str) -> None:
    table = results_table([*vectors_of("plain", [90.0, 91, 92]), *vectors_of("flow", shares)], names.MORE)
    assert features.kept(table)["kept"].iloc[0] == pytest.approx(shares[0])
    assert f"points of the kept share, {said}; DR-2" in features.verdicts(table)
    assert "Full scores are 50.0% and 50.0%." in features.verdicts(table)


def test_figures_show_the_table_and_the_check_reads_it(tmp_path: Path) -> None:
    table = pd.concat([made(), results_table([*vectors_of("plain", [90.0]), *vectors_of("flow", [95.0])], names.MORE)])
    (ax,) = page.plot(table).axes
    thick = [line for line in ax.lines if line.get_label() == "feature flow"]
    assert thick[0].get_ydata().tolist() == pytest.approx([61, 58, 52, 46, 40, 34])
    assert "feature flow 61.0% at 0%, 52.0% at 30%" in page.alt_text(table)
    assert len(layers.plot(table).axes) == 4 and "weight decay 120, 120" in layers.alt_text(table)
    assert features.plot(table).axes[1].lines[0].get_ydata().tolist() == pytest.approx([90, 90])
    sl.write_results(table, tmp_path / "feature-flow.csv", names.MORE)
    again = sl.read_results(tmp_path / "feature-flow.csv", names.MORE)
    assert effects.verdicts(again) == effects.verdicts(table)
    again = read_every_column(tmp_path / "feature-flow.csv")
    assert drift(again, again) == []


# What is measured


def two_layers() -> nn.Module:
    """A VGG of width 2, of whose first convolution filter 1 is the least by weights, and filter 0 by its scale."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SmallVGG(2, 1).eval()
    first, norm = network.layers[0], network.layers[1]
    with torch.no_grad():
        first.weight[0], first.weight[1] = 1.0, 0.5  # type: ignore[index,union-attr]
        norm.weight[0], norm.weight[1] = 0.1, 1.0  # type: ignore[index,union-attr]
    return network


def test_filters_go_by_weights_scale_or_both() -> None:
    network = two_layers()
    gone = {
        rule: filters.prune_filters(network, 0.5, f"{rule}-layer").layers[1].kept.flatten().tolist()  # type: ignore[index,union-attr]
        for rule in filters.SCORES
    }
    assert gone == {"norm": [1, 0], "scale": [0, 1], "folded": [0, 1]}
    assert not isinstance(network.layers[1], filters.PrunedNorm)  # type: ignore[index]


def test_what_goes_makes_zeros_and_stays_so_in_training() -> None:
    network = filters.prune_filters(CifarResNet(8, 4), 0.5, "norm-layer").train()
    x = torch.rand(8, 3, 32, 32)
    descent = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(2):
        descent.zero_grad()
        network(x).square().sum().backward()
        descent.step()
    norm = network.layer1[0].bn1  # type: ignore[index,union-attr]
    made = norm(torch.rand(2, 4, 5, 5))
    assert (made.abs().sum((0, 2, 3)) == 0).tolist() == (norm.kept.flatten() == 0).tolist()
    assert int(norm.kept.sum()) == 2


def test_shortcuts_keep_their_channels_unless_all_may_go() -> None:
    network = CifarResNet(8, 4)
    assert list(filters.inner(network)) == [f"layer{stage}.0.conv1" for stage in (1, 2, 3)]
    assert list(filters.inner(SmallVGG(2))) == list(filters.layers(SmallVGG(2)))
    everything = filters.prune_filters(network, 0.5, "norm-layer-all")
    assert sum(isinstance(one, filters.PrunedNorm) for one in everything.modules()) == 7


def test_each_layer_keeps_a_filter_and_the_share_is_of_all() -> None:
    for scope in filters.SCOPES:
        pruned = filters.prune_filters(SmallVGG(4), 1.0, f"norm-{scope}")
        kept = [int(one.kept.sum()) for one in pruned.modules() if isinstance(one, filters.PrunedNorm)]
        assert kept == [1] * 6
    pruned = filters.prune_filters(SmallVGG(4), 0.25, "norm-global")
    assert sum(int((one.kept == 0).sum()) for one in pruned.modules() if isinstance(one, filters.PrunedNorm)) == 14


def test_what_is_left_by_hand() -> None:
    """Half of the first block's inner filters: 4 of 4 x 4 x 9 weights in and out each, and 4 numbers of normalisation."""
    network = Standardized(CifarResNet(8, 4), [2.0] * 3, [1.0] * 3)
    whole = sum(one.numel() for one in network.parameters())
    assert filters.remaining(filters.prune_filters(network, 0.0, "norm-layer"), 32) == (1, 1)
    parameters, _ = filters.remaining(filters.prune_filters(network, 0.5, "norm-layer"), 32)
    gone = [2 * 4 * 9 + 2 * 4 * 9 + 2 * 2, 4 * 4 * 9 + 4 * 8 * 9 + 2 * 4, 8 * 8 * 9 + 8 * 16 * 9 + 2 * 8]
    assert parameters == pytest.approx(1 - sum(gone) / whole)
    # Where a whole chain goes but for one filter, multiplications are those of the ways that are left.
    _, work = filters.remaining(filters.prune_filters(SmallVGG(2, 1), 1.0, "norm-layer"), 8)
    left, of = 9 * (64 + 64 + 16 + 16 + 4 + 4) + 10, 9 * (64 * (2 + 4) + 16 * (8 + 16) + 4 * (32 + 64)) + 80
    assert work == pytest.approx(left / of)


def test_near_dead_by_weights_and_as_they_act() -> None:
    network = two_layers()
    with torch.no_grad():
        network.layers[1].weight[0] = 1e-4  # type: ignore[index,union-attr]
    found = filters.near_dead(network)
    assert (found["norm"], found["scale"], found["folded"]) == pytest.approx((0, 1 / 28, 1 / 28))
    with torch.no_grad():
        network.layers[1].weight[0] = 0.05  # type: ignore[index,union-attr]
    assert filters.near_dead(network)["scale"] == 0  # a twentieth is small, and not dead
    assert found["weights"] > 9 / sum(one.numel() for one in network.parameters())


def test_what_is_added_to_the_loss() -> None:
    network = Standardized(CifarResNet(8, 2, 1), [0.0], [1.0])
    slimming = Training("slimming", 0.5, 1).regularizer(network, "resnet8:2")
    assert isinstance(slimming, ScaleNorm) and float(slimming(network).detach()) == pytest.approx(0.5 * 30)
    assert Training("plain", 0.1, 1).regularizer(network, "resnet8:2") is None
    given = {
        method: Training(method, 0.1, 1).regularizer(network, "resnet8:2")
        for method in ("flow", "flow-angle", "flow-l2", "flow-equal", "flow-length", "flow-curvature", "flow-blocks")
    }
    assert all(isinstance(one, FeatureFlow) for one in given.values())
    said = {method: repr(one) for method, one in given.items()}
    assert "length=0.1, curvature=0.1, norm=1, kind='differences', between='pooled'" in said["flow"]
    assert "kind='angle'" in said["flow-angle"] and "norm=2" in said["flow-l2"] and "'equal'" in said["flow-equal"]
    assert "length=0.1, curvature=0.0" in said["flow-length"] and "length=0.0, curvature=0.1" in said["flow-curvature"]
    assert said["flow-blocks"].count("network.") == 4 and said["flow"].count("network.") == len(full_names("resnet8:2")) == 7


@pytest.mark.parametrize("text", ["flow+0.1", "flow+epochs=3", "other+0.1+epochs=3", "flow+-1+epochs=3"])
def test_a_training_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not METHOD\+STRENGTH"):
        Training.parse(text)


def test_validation_images_neither_train_nor_test() -> None:
    training, held_out = split("digits:800", 150, 1)
    assert np.array_equal(training.train_images, load_arrays("digits:800", seed=1).train_images)
    whole = load_arrays("digits").train_images
    rows = {one.tobytes() for one in whole}
    seen, kept = ({one.tobytes() for one in images} for images in (training.train_images, held_out.test_images))
    assert not seen & kept and kept <= rows and len(held_out.test_labels) == 150
    assert np.array_equal(load_part("digits:800", 1).train_labels, training.train_labels)


def test_a_small_run_is_scored_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "COUNT", 100)
    table = measure.measure(
        ["digits:100/resnet8:2"],
        ["plain+0.0005", "flow+0.01"],
        2,
        epochs=[1],
        alternatives=["digits:100/resnet8:2/flow-angle"],
        long=["digits:100/resnet8:2/flow"],
        long_epochs=2,
        shares=[50],
        few=[50],
        validation=[100],
        tests=200,
        tuning=1,
        vectors=["digits:100/resnet8:2/plain+0.0005+epochs=1/0"],
        specs=["none", "DR2:2"],
        repeats=1,
        n_jobs=1,
        progress=False,
    )
    assert not table.duplicated([*SETTING, "variant", "level", "seed"]).any()
    counts = table[table["metric"].eq("accuracy") & table["stress"].eq("none") & table["layer"].eq("logits")]
    assert counts.groupby("variant").size().to_dict() == {
        "plain+0.0005+epochs=1": 2,
        "flow+0.01+epochs=1": 2,
        "flow-angle+0.01+epochs=1": 2,
        "flow+0.01+epochs=2": 1,
    }
    at = table["variant"].eq("flow+0.01+epochs=1") & table["seed"].eq(1)
    rule = table.loc[at & table["stress"].str.endswith(names.TUNED), "stress"].item().removesuffix(names.TUNED)
    tests, module = load_arrays("digits"), load_trained("digits:100/resnet8:2/flow+0.01+epochs=1/1")
    pruned = filters.prune_filters(module, 0.5, rule.removeprefix(names.PRUNED))
    with torch.inference_mode():
        guessed = pruned(torch.from_numpy(tests.test_images[:200])).argmax(1).numpy()
    score = table.loc[at & table["stress"].eq(rule) & table["metric"].eq("accuracy"), "score"].item()
    assert score == pytest.approx(100 * (guessed == tests.test_labels[:200]).mean())
    of_vectors = table[table["layer"].eq("features")]
    assert of_vectors["spec"].tolist() == ["none", "DR2:2"] and of_vectors["n_features"].tolist() == [8, 8]
    assert page.headline(table) and layers.table(table, "digits", "resnet8:2").shape == (14, 7)
    # The same again is the same network, bit for bit, and one that is there is not trained again.
    path = Address.parse("digits:100/resnet8:2/flow+0.01+epochs=1/1").kept
    before = path.read_bytes()
    path.unlink()
    train("digits:100/resnet8:2/flow+0.01+epochs=1/1")
    assert path.read_bytes() == before
    other = "digits:100/resnet8:2/plain+0.1+epochs=1/1"  # more weight decay makes smaller weights
    train(other)
    sizes = [
        float(load_trained(one).network.linear.weight.detach().norm())  # type: ignore[union-attr,operator]
        for one in (other, other.replace("0.1", "0.0005"))
    ]
    assert sizes[0] < sizes[1]


def test_quick_is_a_part_of_full_on_what_is_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profiles = yaml.safe_load((ROOT / "notebooks" / "figures.yml").read_text())["feature-flow"]["profiles"]
    known = defaults(ROOT / "notebooks" / "feature-flow.ipynb")
    full, quick = {**known, **profiles["full"]}, {**known, **profiles["quick"]}
    for name, value in profiles["quick"].items():
        if name != "vectors":
            assert set(value) <= set(full[name]) if isinstance(value, list) else value <= full[name], name
    monkeypatch.setenv("STRESSLIB_CACHE", str(tmp_path / "empty"))
    for one in quick["tried"]:
        load_trained(f"{quick['networks'][0]}/{one}+epochs={quick['epochs'][0]}/0")
    table = sl.read_results(ROOT / "results" / "feature-flow.csv", names.MORE)
    best = chosen(table)
    tried = best[best["dataset"].eq("digits") & best["method"].isin(scores.COMPARED)]
    assert [f"{one}+epochs=15" for one in quick["tried"]] == tried["variant"].tolist()
    for one in quick["vectors"]:
        assert vectors_path(one).is_file()
