"""The chapter on context: made-up tables, verdicts for each outcome, fields and branches by hand, and small runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from places import ROOT
from torch import nn
from torch.nn import functional

import stresslib as sl
from stressbook.chapters.units.context import (
    branches,
    costs,
    dropped,
    effects,
    fields,
    measure,
    names,
    page,
    seen,
    sizes,
    trainings,
)
from stressbook.drawing.outcomes import AS_EXPECTED, OPPOSITE, UNDECIDED
from stressbook.reproduce.comparison import drift, read_every_column
from stressbook.reproduce.parameters import defaults
from stresslib.networks import CifarResNet, ContextualConv2d, Standardized
from stresslib.results import SETTING, results_table
from stresslib.training.artefacts import Address
from stresslib.training.data import load_arrays
from stresslib.training.trained import load_trained
from stresslib.training.vectors import trained_vectors

MODELS = {form: f"{architecture}:8" for architecture, form in names.FORMS.items()}


def of_network(
    form: str,
    seed: int,
    accuracy: float,
    *,
    radius: float = 20.0,
    beyond: float = 5.0,
    features: float = -2.0,
    dataset: str = "cifar10",
) -> list[dict[str, Any]]:
    """A network whose radius grows by half, whose branches cost so much more than 10 points, and whose halves score so."""
    at = {"dataset": dataset, "model": MODELS[form], "variant": "tuned-sgd", "seed": seed}
    rows: list[dict[str, Any]] = [{**at, "layer": "logits", "stress": "none", "metric": "accuracy", "score": accuracy}]
    if seed == 0:
        for rate, score in ((0.03, 30.0), (0.1, 35.0), (0.3, 36.0 if form == "late" else 20.0)):
            rows.append({**at, "stress": names.RATE, "level": rate, "metric": "accuracy", "score": score})
    for stage, levels in zip(names.STAGES, (4, 3, 2), strict=True):
        there = {**at, "layer": stage, "n_features": 8}
        for variant, times in ((names.FIRST, 1.0), ("tuned-sgd", 1.5)):
            rows.append({**there, "variant": variant, "stress": "none", "metric": names.RADIUS, "score": times * radius})
        rows.append({**there, "stress": names.DROPPED, "level": 0, "metric": "accuracy", "score": 60.0})
        rows.append({**there, "stress": "none", "metric": names.SEPARATION, "score": 40.0})
        for level in range(1, levels + 1):
            cells = {"level": level, "metric": "accuracy", "dimensions": 6}
            rows.append({**there, **cells, "stress": names.DROPPED, "score": 50.0 - beyond})
            rows += [
                {**there, **cells, "stress": names.DROPPED_AT_RANDOM, "repeat": draw, "score": 49.0 + 2 * draw}
                for draw in (0, 1)
            ]
            kept = {"level": level, "metric": names.SEPARATION, "dimensions": 2}
            rows.append({**there, **kept, "stress": names.KEPT, "score": 20.0 + level})
            rows.append({**there, **kept, "stress": names.KEPT_AT_RANDOM, "repeat": 0, "score": 22.0})
    there = {**at, "layer": "features", "n_features": 32, "metric": "accuracy"}
    rows.append({**there, "stress": "none", "score": 60.0})
    rows.append({**there, "stress": "pca", "dimensions": 16, "score": 59.0})
    rows += [{**there, "stress": "random-selection", "dimensions": 16, "repeat": i, "score": 49.0 + 2 * i} for i in (0, 1)]
    rows += [
        {**there, "stress": names.KEPT, "level": i, "dimensions": 16, "score": 50.0 + features + (i - 1.5)} for i in (1, 2)
    ]
    return rows


def maps(dataset: str = "cifar10") -> list[dict[str, Any]]:
    """One pixel for plain networks, five for contextual ones."""
    rows: list[dict[str, Any]] = []
    for form, places in (("plain", [(0, 0)]), ("context", [(0, 0), (-4, 0), (4, 0), (0, -4), (0, 4)])):
        for variant in (names.FIRST, "tuned-sgd"):
            at = {"dataset": dataset, "model": MODELS[form], "variant": variant, "layer": "layer1", "stress": "none"}
            rows += [{**at, "metric": names.ENERGY, "score": 100 / len(places), "x": x, "y": y} for x, y in places]
    return rows


def made(context: float = 2.0, norm: float = 0.0, scatter: float = 0.1, **changed: float) -> pd.DataFrame:
    """A table in which each change brings so many points, give or take, and the contextual field is half as wide again."""
    rows = maps()
    for seed in range(3):
        base, noise = 50.0 + seed, scatter * (seed - 1)
        for form, score in (
            ("plain", base),
            ("late", base + norm + noise),
            ("context", base + context - noise),
            ("both", base + context + norm + 0.5 * noise),
        ):
            is_context = form in ("context", "both")
            options: dict[str, Any] = {"radius": (30.0 if is_context else 20.0) + 0.1 * seed * is_context}
            if is_context:
                options |= {"beyond": 5 + 0.1 * seed, "features": -3 + 0.1 * seed, **changed}
            else:
                options |= {"beyond": 1.0}
            rows += of_network(form, seed, score, **options)
    return results_table(rows, names.MORE)


@pytest.fixture(scope="module")
def whole() -> pd.DataFrame:
    digits = [row for form in MODELS for row in of_network(form, 0, 95.0, dataset="digits")]
    return pd.concat([made(), results_table(digits, names.MORE)])


# What the page says of a table


def test_what_was_measured_of_a_network_by_hand(whole: pd.DataFrame) -> None:
    row = effects.by_network(whole).loc["cifar10", "context", 1.0].to_dict()
    assert row == pytest.approx(
        {"accuracy": 53, "first": 30.1, "trained": 45.15, "grown": 15.05, "branch": 5.1, "features": -2.9}
    )
    lost = effects.losses(whole).loc["cifar10", "context", 0.0, "layer2", 3.0].to_dict()
    assert lost == {"branch": 15, "random": 10, "beyond": 5}
    assert effects.features(whole).loc["cifar10", "plain", 0.0].to_dict() == {
        "all": 60,
        "dilation 1": 47.5,
        "dilation 2": 48.5,
        "pca": 59,
        "random": 50,
        "branch": 48,
    }
    shown = effects.table(whole)
    assert shown.loc[("CIFAR-10", "plain, norm after"), "rate"] == "0.3"
    assert shown.loc[("CIFAR-10", "plain, norm before"), "rate"] == "0.1" and len(shown) == 8
    assert "Of 8 choices 0 fell on the lowest rate tried (0.03) and 2 on the highest (0.3)" in effects.at_the_edge(whole)


def test_the_two_changes_are_taken_apart_by_seed() -> None:
    """Of four networks at 50, 51, 54 and 58: 2.5 by the norm, 5.5 by the convolution, and 3 more than the sum."""
    table = pd.Series(
        [50.0, 51, 54, 58], pd.MultiIndex.from_product([["plain", "late", "context", "both"], [0]], names=["form", "seed"])
    )
    found = {key: effects.contrast(table, weights).item() for key, (_, weights) in effects.CONTRASTS.items()}
    assert found == {
        "together": 8,
        "context": 5.5,
        "context before": 4,
        "context after": 7,
        "norm": 2.5,
        "norm plain": 1,
        "norm context": 4,
        "interaction": 3,
        "plain alone": 50,
        "context alone": 54,
    }
    assert effects.contrast(table.drop("both", level="form"), effects.CONTRASTS["context"][1]).empty


@pytest.mark.parametrize(
    ("context", "norm", "scatter", "said"),
    [
        (2.0, 0.0, 0.1, "**There is a gain, and it is the convolution's.**"),
        (2.0, 2.0, 0.1, "**There is a gain, and it is the convolution's, and the norm's as well.**"),
        (0.0, 2.0, 0.1, "**There is a gain, but it is the moved norm's, and not the convolution's beyond doubt.**"),
        (-2.0, 0.0, 0.1, "**Context costs accuracy here.**"),
        (-2.0, 2.0, 0.1, "**Context costs accuracy here; the moved norm gains.**"),
        (0.0, -2.0, 0.1, "**The moved norm costs accuracy here, and the convolution gains nothing beyond doubt.**"),
        (0.0, 0.0, 0.1, "**Undecided: no gain beyond doubt.**"),
    ],
)
def test_the_headline_follows_the_intervals(context: float, norm: float, scatter: float, said: str) -> None:
    text = page.headline(made(context, norm, scatter))
    assert text.startswith(said)
    assert "A contextual network sees further: by +15.1 (" in text


def test_a_gain_whose_it_cannot_be_told() -> None:
    assert page._answer({"together": 1, "context": 0, "norm": 0}) == "There is a gain, and whose it is stays undecided"
    only = made()
    assert page.headline(only[~only["model"].str.contains("late")]).startswith("**Not measured:**")


@pytest.mark.parametrize(
    ("context", "scatter", "outcome"), [(2.0, 0.1, AS_EXPECTED), (-2.0, 0.1, OPPOSITE), (0.1, 5.0, UNDECIDED)]
)
def test_the_claim_is_judged_by_the_interval(context: float, scatter: float, outcome: str) -> None:
    table = made(context, scatter=scatter)
    found = effects.judged(table).set_index("place")
    assert found.loc[2, "outcome"] == outcome
    assert ("*The convolution, norm before*: accuracy higher" in effects.not_reproduced(table)) == (outcome != AS_EXPECTED)


def test_every_expectation_is_judged_and_said(whole: pd.DataFrame) -> None:
    found = effects.judged(whole)
    assert found.groupby("dataset").size().to_dict() == dict.fromkeys(("cifar10", "digits"), len(effects.EXPECTED))
    of_cifar = found[found["dataset"].eq("cifar10")]
    assert of_cifar["outcome"].tolist() == [AS_EXPECTED] * len(effects.EXPECTED)
    assert found[found["dataset"].eq("digits")]["outcome"].eq(UNDECIDED).all()
    assert effects.not_reproduced(whole) == "- Nothing: every direction was as expected."
    digits = whole[whole["dataset"].eq("digits")]
    assert effects.not_reproduced(digits) == "- One training of each network leaves everything undecided."
    said = effects.verdicts(whole, "accuracy")
    assert said.count("\n") == 3 and "- *The norm*: accuracy not lower by more than 1 point (our guess" in said
    assert "- *The plain network*: growth of the radius in training higher than 0 (" in effects.verdicts(whole, "grown")
    assert "Digits +0.0 (one training each) undecided" in said
    alone = whole[whole["model"].eq(MODELS["plain"])]
    assert effects.verdicts(alone, "accuracy") == "- Not measured in this run."
    assert seen.kept(alone) == "Plain and contextual networks were not both measured."


@pytest.mark.parametrize(("beyond", "said"), [(5.0, "**more**"), (-5.0, "**less**")])
def test_a_branch_against_random_channels(beyond: float, said: str) -> None:
    table = made(beyond=beyond)
    assert f"contextual, norm before {beyond:+.1f} ({beyond:+.1f} to {beyond:+.1f}) points, {said}." in dropped.by_stage(
        table
    )
    assert effects.judged(table).set_index("place").loc[7, "outcome"] == (AS_EXPECTED if beyond > 0 else OPPOSITE)


def test_tables_of_branches(whole: pd.DataFrame) -> None:
    shown = dropped.separations(whole)
    assert shown.loc[("stage 1", "dilation 4")].tolist() == ["2", "24.0", "22.0", "40.0"] and len(shown) == 9
    assert dropped.features_table(whole).loc[("CIFAR-10", "contextual, norm before"), "a random half"] == 50


def test_figures_show_the_table_and_the_check_reads_it(whole: pd.DataFrame, tmp_path: Path) -> None:
    above, below = page.plot(whole).axes
    assert [line.get_xdata()[0] for line in above.lines if line.get_marker() == "|"] == pytest.approx([51, 51, 53, 53])
    theirs = [line for line in below.lines if line.get_label() == "the authors', on ImageNet"]
    assert theirs[0].get_xdata() == pytest.approx([1.15, 0.71, 0.58]) and set(theirs[0].get_ydata()) == {0}
    assert "contextual, norm before 53.0%" in page.alt_text(whole) and "3 trainings" in page.caption(whole)
    assert page.effects_table(whole).loc["the convolution", "Digits"] == "+0.0 (one training each)"
    found = seen.maps(whole)
    assert found["trained", "context"].loc[-4, 0] == 20 and found["first", "plain"].loc[-4, 0] == 0
    assert len(seen.plot_maps(whole).axes) == 5 and "contextual, after training: 20% within" in seen.maps_alt_text(whole)
    radii = seen.plot(whole).axes[1]
    thick = [line for line in radii.lines if line.get_label() == "plain, norm before"]
    assert thick[0].get_ydata() == pytest.approx([30, 30, 30]) and radii.get_ylim()[1] > 45
    assert f"is {30.1 / 20:.2f} times as wide" in seen.kept(
        whole
    ) and "after training, plain, norm after: 30.0" in seen.alt_text(whole)
    panel = dropped.plot(whole).axes[0]
    thick = [line for line in panel.lines if str(line.get_label()).endswith(": these channels")]
    assert thick[1].get_ydata() == pytest.approx([15.1] * 4)
    assert "stage 1 dilation 1 15.1 against 10.0" in dropped.alt_text(whole)
    for said in (seen.caption, seen.maps_caption, dropped.caption):
        assert "CIFAR-10" in said(whole)
    sl.write_results(whole, tmp_path / "context.csv", names.MORE)
    again = sl.read_results(tmp_path / "context.csv", names.MORE)
    assert effects.verdicts(again, *effects.MEASURES) == effects.verdicts(whole, *effects.MEASURES)
    again = read_every_column(tmp_path / "context.csv")
    assert drift(again, again) == [] and not again.duplicated([*SETTING, "variant", "level", "seed", "x", "y"]).any()


def test_one_training_of_each_is_no_interval(whole: pd.DataFrame) -> None:
    digits = whole[whole["dataset"].eq("digits")]
    digits = pd.concat([digits, results_table(maps("digits"), names.MORE)])
    assert page.headline(digits).startswith("**Undecided: no gain beyond doubt.**")
    assert page.caption(digits).startswith("Above: one training of each network.")
    assert len(page.plot(digits).axes) == 2 and len(seen.plot_maps(digits).axes) == 5


def test_costs_are_read_or_said_to_be_missing(tmp_path: Path) -> None:
    nothing = costs.cost(tmp_path / "none.csv")
    assert "were not measured" in costs.headline(nothing) and costs.table(nothing).empty
    path = tmp_path / "costs.csv"
    path.write_text(
        "what,channels,side,levels,batch,pass,ratio,memory\n"
        "small,8,32,4,256,forward,4,\nsmall,8,32,4,256,step,3.5,1.25\nsmall,,32,,256,forward,3,\nsmall,,32,,256,step,2.5,1.5\n"
    )
    made = costs.cost(path)
    assert "small takes **2.5 times** as long for a step of training, 3.0 times for a forward pass, and 1.50 times" in (
        costs.headline(made)
    )
    row = costs.table(made).loc[("small", "8 channels of 32 × 32, 4 dilations")]
    assert row.to_dict() == {"time, forward": "4.00", "time, step": "3.50", "memory": "1.25"}


def test_published_sizes_are_those_of_the_plain_networks() -> None:
    shown = sizes.table()
    assert shown["weights, contextual"].tolist() == ["25,557,032", "44,549,160", "60,192,808"]
    assert shown["weights, torchvision's ResNet"].tolist() == shown["weights, contextual"].tolist()
    assert shown["gain"].tolist() == ["+1.15", "+0.71", "+0.58"]


# What is measured


def test_the_channels_of_a_dilation() -> None:
    assert [one.tolist() for one in branches.groups(8, 4)] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert [len(one) for one in branches.groups(16, 3)] == [8, 4, 4]
    assert [len(branch.weight) for branch in ContextualConv2d(1, 16, 3).branches] == [8, 4, 4]  # type: ignore[arg-type]


def small(**changes: Any) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return Standardized(CifarResNet(8, 4, 1, 3, **changes), [0.5], [0.5]).eval()


def test_a_layer_without_channels_is_scored_by_the_rest_of_the_network() -> None:
    module, images = small(levels=(4, 3, 2)), torch.rand(6, 1, 16, 16)
    labels = np.array([0, 0, 1, 1, 2, 2])
    rows = branches.measure_branches(module, {"model": "x"}, images, labels, 1, 0)
    found = {(row["layer"], row["stress"], row.get("level")): row for row in rows if "repeat" not in row}
    network: Any = module.network
    for place, stage in enumerate(names.STAGES):
        x = module.network.bn1(network.conv1((images - 0.5) / 0.5)).relu()  # type: ignore[union-attr,operator]
        for before in names.STAGES[:place]:
            x = getattr(network, before)(x)
        block = getattr(network, stage)[0]
        hidden = block.bn1(block.conv1(x)).relu()
        some = branches.groups(hidden.shape[1], 4 - place)[1]
        hidden[:, some] = 0
        shortcut = functional.pad(x[:, :, :: block.stride, :: block.stride], (0, 0, 0, 0, *[block.added // 2] * 2))
        x = (block.bn2(block.conv2(hidden)) + shortcut).relu()
        for after in names.STAGES[place + 1 :]:
            x = getattr(network, after)(x)
        guessed = network.linear(x.mean((2, 3))).argmax(1).numpy()
        row = found[stage, names.DROPPED, 2]
        assert row["score"] == pytest.approx(100 * (guessed == labels).mean())
        assert row["dimensions"] == hidden.shape[1] - len(some)
        whole = module(images).argmax(1).numpy()
        assert found[stage, names.DROPPED, 0]["score"] == pytest.approx(100 * (whole == labels).mean())
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in module.modules())


def test_random_groups_have_the_sizes_of_the_branches_and_more_draws_change_none() -> None:
    module, images, labels = small(), torch.rand(12, 1, 8, 8), np.repeat([0, 1], 6)
    once, twice = (branches.measure_branches(module, {}, images, labels, draws, 3) for draws in (1, 2))
    assert [row for row in twice if row.get("repeat") != 1] == once
    sizes_of = {
        kind: sorted(row["dimensions"] for row in once if row["stress"] == kind and row["level"])
        for kind in (names.DROPPED, names.DROPPED_AT_RANDOM)
    }
    assert sizes_of[names.DROPPED] == sizes_of[names.DROPPED_AT_RANDOM]


def test_what_a_unit_sees_is_wider_with_context() -> None:
    images = torch.rand(4, 1, 32, 32)
    found = {}
    for levels in ((1, 1, 1), (4, 3, 2)):
        module = fields.with_statistics(small(levels=levels), images)
        rows, map_ = fields.measure_fields(module, {"model": "x"}, images)
        assert [row["layer"] for row in rows] == list(names.STAGES) and map_.shape == (19, 19)
        assert map_.sum() == pytest.approx(1)  # nothing of the first stage's field is beyond the map
        found[levels] = rows[0]["score"]
        seen_by = np.argwhere(map_ > 0)
        assert np.abs(seen_by - 9).max() == (9 if levels[0] == 4 else 3)
    assert found[4, 3, 2] > found[1, 1, 1] * 1.2
    (row,) = fields.map_rows({}, np.array([[0.0, 0.0], [0.25, 0.0]]))
    assert (row["x"], row["y"], row["score"]) == (-1, 0, 25.0)


def test_first_weights_take_the_statistics_of_images() -> None:
    images = torch.rand(50, 1, 16, 16)
    module: Any = fields.with_statistics(small(), images)
    with torch.no_grad():
        out = module.network.bn1(module.network.conv1((images - 0.5) / 0.5))
    assert out.mean().item() == pytest.approx(0, abs=1e-3) and out.std().item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("name", ["digits/resnet8:4/plain/0", "mnist/resnet8:4/tuned-sgd/0"])
def test_a_training_that_is_none(name: str) -> None:
    with pytest.raises(ValueError, match=r"the recipe is tuned-sgd, and the data are cifar10 or digits"):
        trainings.make_network(name)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"'digits/vgg:4/tuned-sgd': the architecture is one of resnet8, "):
        measure.measure(["digits/vgg:4/tuned-sgd"], 1, shipped=[], draws=1, repeats=1)
    with pytest.raises(ValueError, match=r"draws=0 and repeats=1: each is at least 1"):
        measure.measure([], 1, shipped=[], draws=0, repeats=1)


def test_a_small_run_is_scored_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(trainings.COURSES, "digits", trainings.Course(1, 50, tried_on=50, tried_epochs=1, judged_on=40))
    monkeypatch.setitem(measure.VECTORS, "digits", 90)
    monkeypatch.setitem(measure.DROPS, "digits", 100)
    monkeypatch.setattr(trainings, "RATES", (0.03, 0.1))
    forms = ["digits:90/resnet8:4/tuned-sgd", "digits:90/resnet8-contextual:4/tuned-sgd"]
    table = measure.measure(forms, 2, shipped=[], draws=1, repeats=1, n_jobs=1, progress=False)
    assert not table.duplicated([*SETTING, "variant", "level", "seed", "x", "y"]).any()
    assert table["seed"].dropna().unique().tolist() == [0, 1]
    name = f"{forms[1]}/1"
    module, tests = load_trained(name), load_arrays("digits")
    with torch.inference_mode():
        guessed = module(torch.from_numpy(tests.test_images)).argmax(1).numpy()
    at = table["model"].eq("resnet8-contextual:4") & table["seed"].eq(1)
    rows = table[at & table["layer"].eq("logits") & table["stress"].eq("none")]
    assert rows["score"].item() == pytest.approx(100 * (guessed == tests.test_labels).mean())
    # Every network of a form has the rate that the first one chose.
    about = [trainings.describe(f"{forms[1]}/{seed}") for seed in (0, 1)]
    assert set(about[0]["tried"]) == {"0.03", "0.1"} and about[1] == {"rate": about[0]["rate"], "tried": {}}
    # A branch's features are its columns, scored like any others.
    features = trained_vectors(name, 90).normalized()
    score = sl.evaluate(features.replace(X=features.X[:, 8:]), "none")["score"].item()
    kept = table[at & table["layer"].eq("features") & table["stress"].eq(names.KEPT) & table["level"].eq(2)]
    assert kept["score"].item() == score and kept["dimensions"].item() == 8 and kept["n_features"].item() == 16
    assert page.headline(table).startswith("**Not measured:**")
    # The same again is the same network, bit for bit.
    path = Address.parse(name).kept
    before = path.read_bytes()
    path.unlink()
    trainings.make_network(name)
    assert path.read_bytes() == before


def test_quick_is_a_part_of_full_on_what_is_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profiles = yaml.safe_load((ROOT / "notebooks" / "figures.yml").read_text())["context"]["profiles"]
    known = defaults(ROOT / "notebooks" / "context.ipynb")
    full, quick = {**known, **profiles["full"]}, {**known, **profiles["quick"]}
    for name, value in profiles["quick"].items():
        assert set(value) <= set(full[name]) if isinstance(value, list) else value <= full[name], name
    monkeypatch.setenv("STRESSLIB_CACHE", str(tmp_path / "empty"))
    for one in quick["shipped"]:
        assert trainings.describe(f"{one}/0")["rate"] in trainings.RATES
        load_trained(f"{one}/0")
