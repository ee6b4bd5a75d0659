"""The chapter on components: what each layer computes, verdicts for each outcome, the table that sorts, and a small run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from bs4 import BeautifulSoup
from places import ROOT
from torch import Tensor, nn
from torch.nn import functional

import stresslib as sl
from stressbook.chapters.units.components import effects, measure, names, overview, page, sortable, trainings, words
from stressbook.chapters.units.components.layers import (
    BinaryConv2d,
    DropConnect,
    InceptionConv2d,
    LpPool,
    Maxout,
    StochasticPool,
    TiledConv2d,
)
from stressbook.chapters.units.components.triplets import CrossEntropyAndTriplets, triplet_loss
from stressbook.chapters.units.components.variants import OPTIMIZERS, VARIANTS, find_variant, fresh
from stressbook.reproduce.comparison import drift, read_every_column
from stressbook.reproduce.parameters import defaults
from stresslib.results import SETTING, results_table
from stresslib.training.artefacts import Address
from stresslib.training.data import load_arrays

sys.path.insert(0, str(ROOT / "book" / "tools"))

import browser
import check_browser

STATISTICS = ([0.5] * 3, [0.25] * 3)


# What is drawn and said, of made-up tables


def rows_of(
    variant: str,
    accuracies: list[float],
    kept: float = 60.0,
    *,
    values: float = 90.0,
    separation: float = 30.0,
    dataset: str = "cifar10",
    parameters: int = 73_000,
    tried: tuple[float | None, ...] = (30.0, 40.0, 35.0),
) -> list[dict[str, Any]]:
    """Rows of some trainings of a variant, whose features' full score is 50%."""
    at = {"dataset": dataset, "model": "components:8", "variant": variant}
    logits, features = {**at, "layer": "logits", "n_features": 10}, {**at, "layer": "features", "n_features": 64}
    rows: list[dict[str, Any]] = []
    for place, score in enumerate(tried):
        scores = {"metric": "accuracy", "score": score} if score is not None else {"metric": "diverged", "score": 100.0}
        rows.append({**logits, **scores, "seed": 0, "stress": names.RATE, "level": [0.03, 0.1, 0.3][place]})
    for seed, accuracy in enumerate(accuracies):
        if np.isnan(accuracy):
            rows.append({**logits, "seed": seed, "stress": "none", "metric": "diverged", "score": 100.0})
            continue
        shift = 0.02 * (-1) ** seed
        rows.append(
            {**logits, "seed": seed, "stress": "none", "metric": "accuracy", "score": accuracy, "parameters": parameters}
        )
        one = {**features, "seed": seed, "stress": "none"}
        rows.append({**one, "metric": names.SEPARATION, "score": separation + shift})
        for more, score in (
            ({}, 50.0),
            ({"stress": "pca", "dimensions": 3}, (kept + shift) / 2),
            ({"stress": "pca", "dimensions": 6}, (kept + shift + 20) / 2),
            ({"stress": "uniform-per-dimension", "values": 4}, (values + shift) / 2),
            ({"stress": "uniform-per-dimension", "values": 2}, (values + shift - 10) / 2),
        ):
            rows.append({**one, "metric": "accuracy", "score": score, "objective_gap": 1e-6, **more})
    return rows


BASE = [45.0, 46.0, 47.0, 46.0, 45.0]


def made(*more: dict[str, Any], base: list[float] = BASE) -> pd.DataFrame:
    """The base network, and whatever is compared with it."""
    return results_table([*rows_of("base", base), *more], names.MORE)


def test_a_component_that_keeps_more_beyond_doubt_is_the_answer() -> None:
    table = made(
        *rows_of("triplets", [45.1, 46.1, 46.9, 46.0, 45.1], 80.0), *rows_of("dropout", [40.0, 41.0, 42.0, 41.0, 40.0], 70.0)
    )
    said = page.headline(table)
    assert said.startswith("**Triplets and dropout, beyond doubt.** Of 2 changes of one component, each trained 5 times")
    assert "keeps 60.0% of its score, **2 keep more** (triplets +20.0, dropout +10.0)" in said
    assert said.endswith("At no cost in accuracy beyond a point: triplets.")


def test_a_component_that_changes_nothing_is_not() -> None:
    table = made(*rows_of("dropout", [45.5, 45.0, 47.5, 46.5, 44.0], 60.0))
    assert page.headline(table).startswith("**None beyond doubt.** Of 1 changes")
    assert effects.moved(effects.differences(effects.drawn(table), "accuracy"), 1, surely=False) == []
    assert "Of 4 intervals 0 miss zero" in effects.by_chance(table)


def test_one_training_cannot_tell() -> None:
    table = made(*rows_of("dropout", [44.0], 90.0), base=[45.0])
    assert page.headline(table).startswith("**Undecided by one training.** 1 changes")
    assert effects.by_chance(table) == "One training each has no interval: nothing can be told from this run."
    assert "(one training each) points, undecided" in effects.verdicts(table)
    assert len(page.plot(table).axes) == 2 and "one training" in page.caption(table)


@pytest.mark.parametrize(
    ("variant", "shift", "kept", "outcome"),
    [
        ("dropout", 0.0, 80.0, "as expected"),
        ("dropout", 0.0, 40.0, "**the other way**"),
        ("dropout", 0.0, 60.0, "undecided"),
        ("no-decay", 0.0, 40.0, "as expected"),
        ("elu", -0.5, 60.0, "as expected"),
        ("elu", -4.0, 60.0, "**the other way**"),
        ("no-norm", -9.0, 60.0, "as expected"),
        ("maxout", 3.0, 60.0, "as expected"),
    ],
)
def test_expectations_are_judged(variant: str, shift: float, kept: float, outcome: str) -> None:
    noise = [0.01, -0.02, 0.01, 0.0, 0.0]
    table = made(*rows_of(variant, [one + shift + more for one, more in zip(BASE, noise, strict=True)], kept))
    found = effects.judged(table)
    first = next(place for place, one in enumerate(effects.EXPECTED) if one.variant == variant)
    place = first if variant != "no-norm" else first + 7
    assert effects.EXPECTED[place].variant == variant
    assert found.loc[place, "outcome"] == outcome
    assert (effects._said(place) in effects.not_reproduced(table)) == (outcome != "as expected")


def test_each_expectation_is_of_a_component_that_is_there() -> None:
    assert {one.variant for one in effects.EXPECTED} <= set(VARIANTS) == set(words.COMPONENTS)
    assert len({(one.variant, one.measure) for one in effects.EXPECTED}) == len(effects.EXPECTED)
    assert effects.not_reproduced(made()) == "- Nothing: every one was as expected."
    assert effects.verdicts(made()) == "- Nothing was compared in this run."


def test_many_looks_make_a_finding_less_sure() -> None:
    """Holm: the least of three chances counts threefold, the next twofold; none is surer than one before it."""
    found = effects.holm(pd.Series([0.02, np.nan, 0.3, 0.04], index=list("abcd")))
    assert found.dropna().to_dict() == pytest.approx({"a": 0.06, "c": 0.3, "d": 0.08})
    assert np.isnan(found["b"])


def test_what_diverged_is_said_and_left_out_of_the_means() -> None:
    table = made(
        *rows_of("no-norm", [np.nan, np.nan, np.nan, np.nan, np.nan], tried=(10.0, None, None)),
        *rows_of("elu", [45.0, np.nan, 47.0, 46.0, 45.0]),
    )
    said = effects.diverged(table)
    assert "- no batch norm: **5 of 5 trainings diverged**." in said and "- ELU: **1 of 5 trainings diverged**." in said
    assert "- no batch norm: the training diverged at 2 of the rates tried." in said
    assert np.isnan(effects.differences(effects.drawn(table), "accuracy").loc["no-norm", "mean"])
    assert effects.judged(table).index.map(lambda place: effects.EXPECTED[place].variant).unique().tolist() == ["elu"]
    row = cells(table, "no batch norm")
    assert row[2:6] == ["diverged"] * 4
    assert page.headline(table) and len(overview.plot(table).axes) == 2
    assert effects.diverged(made()) == "- No training diverged, at any rate."


def test_rates_at_the_ends_are_counted() -> None:
    table = made(*rows_of("elu", BASE, tried=(50.0, 40.0, 30.0)), *rows_of("adam", BASE, tried=(20.0, 30.0, 40.0)))
    assert "Of 3 components 1 did best at the lowest of three rates and 1 at the highest" in effects.edges(table)
    assert effects.rates(table).loc["Adam"].tolist() == [20, 30, 40]


def test_the_count_of_each_measure() -> None:
    counts = effects.counted(made(*rows_of("dropout", [one - 5 for one in BASE], 80.0), *rows_of("elu", BASE, 60.0)))
    assert counts.loc["score kept at 5% of the dimensions"].tolist() == [1, 0, 1, 0, 1]


def test_the_page_is_about_cifar10_where_it_was_measured() -> None:
    table = pd.concat([made(), results_table(rows_of("base", [90.0], dataset="digits"), names.MORE)])
    assert effects.drawn(table)["accuracy"].mean() == pytest.approx(45.8)
    assert page.small(table).loc[("Digits", "base network"), "accuracy"] == 90
    assert page.small(made()).empty
    assert effects.drawn(results_table(rows_of("base", [90.0], dataset="digits"), names.MORE))["accuracy"].tolist() == [90]


def test_ranks_over_components() -> None:
    rows = [
        rows_of(one, [acc] * 2, kept) for one, acc, kept in (("elu", 40.0, 50.0), ("lp", 42.0, 55.0), ("adam", 44.0, 58.0))
    ]
    table = made(*[row for part in rows for row in part], base=[46.0, 46.0])
    assert (
        "Right more often, at 5% of the dimensions: keeps **more**. Rank correlation over 4 networks +1.00"
        in overview.verdict(table)
    )
    assert "Better separated, at 5% of the dimensions: undecided" in overview.verdict(table)  # all alike
    assert overview.verdict(made()) == "- Of fewer than four networks nothing is said."
    assert "rank correlation of what they change" not in overview.elsewhere(table)  # of three changes


def test_figures_show_the_table_and_the_check_reads_it(tmp_path: Path) -> None:
    table = made(*rows_of("elu", [one + 2 for one in BASE], 70.0), *rows_of("dropout", BASE, 60.0))
    left, _ = page.plot(table).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["ELU", "dropout", "regularisation", "activation"]
    points = [line.get_xydata().tolist() for line in left.lines if line.get_marker() == "o"]
    assert points[0] == [[2.0, 1.0]] and points[1] == [[0.0, 3.0]]
    assert "ELU +2.0 (+2.0 to +2.0)" in page.alt_text(table) and "accuracy 47.8%" in overview.alt_text(table)
    sl.write_results(table, tmp_path / "components.csv", names.MORE)
    again = sl.read_results(tmp_path / "components.csv", names.MORE)
    assert effects.verdicts(again) == effects.verdicts(table)
    again = read_every_column(tmp_path / "components.csv")
    assert drift(again, again) == []


# The table that sorts


def cells(table: pd.DataFrame, component: str, times: pd.Series | None = None) -> list[str]:
    """The texts of a row of the table."""
    html = BeautifulSoup(sortable.fragment(table, pd.Series(dtype=float) if times is None else times), "html.parser")
    (row,) = [row for row in html.select("tbody tr") if row.th.contents[0].strip() == component]  # type: ignore[union-attr]
    return [cell.text for cell in row.find_all(["th", "td"])]


def test_the_table_is_whole_without_scripts() -> None:
    table = made(*rows_of("tiled", [one + 2 for one in BASE], 70.0, parameters=288_000))
    assert cells(table, "base network", pd.Series({"base": 1.0, "tiled": 1.31}))[2:8] == [
        "45.8",
        "30.0",
        "60.0",
        "90.0",
        "73,000",
        "× 1.00",
    ]
    row = cells(table, "tiled", pd.Series({"base": 1.0, "tiled": 1.31}))
    assert row[1] == "convolution" and row[2] == "47.8+2.0 to +2.0" and row[6:8] == ["288,000", "× 1.31"]
    html = BeautifulSoup(sortable.fragment(table, sortable.steps(Path("nowhere.csv"))), "html.parser")
    assert html.select_one(".filter")["hidden"] == "" and "×" not in html.tbody.text  # type: ignore[index,union-attr]
    assert all(head["scope"] == "col" for head in html.select("thead th"))
    assert [link["href"] for link in html.select("tbody a")] == ["layers.html", "shared-kernels.html"]
    assert "aria-sort" in html.script.text and "http" not in html.script.text  # type: ignore[union-attr]
    assert html.label.input["type"] == "search"  # type: ignore[union-attr,index]


PAGE = """<!DOCTYPE html><html lang="en"><head><title>A page</title><link rel="icon" href="data:,">
<style>.skip:not(:focus) {{ position: absolute; top: -99px }} body {{ background: #fff; color: #000 }}</style></head>
<body><div role="region" aria-label="First"><a class="skip" href="#main-content">Skip to the text</a></div>
<main id="main-content" tabindex="-1"><div class="bd-article-container"><article><h1>A page</h1>
{}</article></div></main></body></html>"""


@pytest.mark.skipif(browser.executable() is None, reason="no Chromium or Chrome is installed (apt-get install chromium)")
def test_the_table_sorts_and_filters_in_a_browser(tmp_path: Path) -> None:
    table = made(*rows_of("elu", BASE, 70.0), *rows_of("dropout", BASE, 50.0), *rows_of("no-norm", [np.nan] * 5))
    for name in ("layers", "feature-flow", "evolution"):
        (tmp_path / f"{name}.html").write_text(PAGE.format(name))
    path = tmp_path / "components.html"
    path.write_text(PAGE.format(sortable.fragment(table, pd.Series(dtype=float))))
    names_shown = "rows => rows.filter(row => !row.hidden).map(row => row.cells[0].firstChild.textContent.trim())"
    with browser.chromium() as started:
        opened = started.new_page()
        opened.goto(path.as_uri())
        kept = opened.get_by_role("button", name="kept at 5%")
        found = []
        for _ in range(3):
            kept.click()
            found.append(
                (opened.eval_on_selector_all("tbody tr", names_shown), opened.get_attribute("th:nth-child(5)", "aria-sort"))
            )
        opened.get_by_label("Show components with").fill("regular drop")
        shown = opened.eval_on_selector_all("tbody tr", names_shown), opened.inner_text("[role=status]")
        [visit] = check_browser.visit_pages(started, tmp_path, [path], None)
    assert found == [
        (["ELU", "base network", "dropout", "no batch norm"], "descending"),
        (["dropout", "base network", "ELU", "no batch norm"], "ascending"),
        (["base network", "ELU", "dropout", "no batch norm"], "none"),
    ]
    assert shown == (["dropout"], "1 of 4 shown")
    assert visit.faults == []


def test_links_lead_to_pages_of_the_book() -> None:
    there = words.pages()
    assert {"shared-kernels", "solver", "bias", "referee"} <= there
    for one in words.COMPONENTS.values():
        assert words.address(one) == (f"{one.page}.html" if one.page.removeprefix("../") in there else "")
    assert set(words.AXES) == {one.axis for one in words.COMPONENTS.values()}
    assert words.address(words.Component("a", "base", "b", "no-such-page", "c")) == ""


def test_steps_are_read_where_they_were_measured(tmp_path: Path) -> None:
    (tmp_path / "steps.csv").write_text("variant,milliseconds,ratio\nbase,40,1\nmaxout,60,1.5\n")
    assert sortable.steps(tmp_path / "steps.csv")["maxout"] == 1.5
    assert sortable.steps(tmp_path / "none.csv").empty
    assert sortable.changes(["base", "elu"]).loc["ELU"].tolist() == ["activation", "an exponential below zero"]


# What is measured


def test_a_tiled_convolution_with_equal_tiles_is_a_plain_one() -> None:
    torch.manual_seed(0)
    tiled, x = TiledConv2d(3, 4), torch.rand(2, 3, 8, 8)
    for tile in tiled.tiles[1:]:
        tile.load_state_dict(tiled.tiles[0].state_dict())
    kernel: Tensor = tiled.tiles[0].weight  # type: ignore[assignment]
    assert torch.allclose(tiled(x), functional.conv2d(x, kernel, padding=1), atol=1e-6)
    with torch.no_grad():
        tiled.tiles[3].weight.zero_()  # type: ignore[operator,union-attr]
    zero = tiled(x).abs().sum((0, 1)) == 0
    assert zero.nonzero().remainder(2).unique().tolist() == [1] and int(zero.sum()) == 16


def test_an_inception_weighs_what_a_plain_convolution_does() -> None:
    assert sum(one.numel() for one in InceptionConv2d(6, 8).parameters()) == 6 * 8 * 9
    assert InceptionConv2d(6, 8)(torch.rand(1, 6, 5, 5)).shape == (1, 8, 5, 5)
    with pytest.raises(ValueError, match="out_channels=6: four branches"):
        InceptionConv2d(6, 6)


def test_binary_weights_have_one_magnitude_a_channel_and_a_gradient() -> None:
    layer = BinaryConv2d(1, 1, (1, 2), bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[[[1.0, -3.0]]]]))
    out = layer(torch.tensor([[[[1.0, 10.0]]]]))
    assert out.item() == pytest.approx(2 - 20)
    out.sum().backward()
    assert layer.weight.grad is not None and layer.weight.grad.flatten().tolist() == [1, 10]


def test_pooling_by_hand() -> None:
    x = torch.tensor([[[[1.0, 3.0], [0.0, 0.0]]]])
    assert LpPool()(x).item() == pytest.approx(np.sqrt(10 / 4), abs=1e-5)
    pool = StochasticPool().eval()
    assert pool(x).item() == pytest.approx((1 + 9) / 4)
    assert pool(torch.zeros(1, 1, 2, 2)).item() == 0
    torch.manual_seed(0)
    drawn = StochasticPool()(x.expand(4000, 1, 2, 2)).flatten()
    assert set(drawn.tolist()) == {1.0, 3.0} and float((drawn == 3).float().mean()) == pytest.approx(0.75, abs=0.03)
    last = torch.tensor([[[[0.0, 0.0], [0.0, 2.0]]]], requires_grad=True)
    StochasticPool()(last).sum().backward()
    assert last.grad is not None and last.grad.flatten().tolist() == [0, 0, 0, 1]


def test_maxout_and_dropconnect() -> None:
    assert Maxout()(torch.tensor([1.0, 5.0, 2.0, 3.0]).reshape(1, 4, 1, 1)).flatten().tolist() == [2, 5]
    layer, x = DropConnect(100, 1, bias=False), torch.ones(1, 100)
    nn.init.ones_(layer.weight)
    torch.manual_seed(0)
    assert layer.eval()(x).item() == 100
    assert {layer.train()(x).item() % 2 for _ in range(5)} == {0.0} and layer(x).item() != layer(x).item()


def test_triplets_by_hand() -> None:
    """Two of a class at right angles, a third of another beside the first: squared distances 2, 0 and 2."""
    features = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])
    loss = triplet_loss(features, torch.tensor([0, 0, 1]), 0.5)
    assert loss.item() == pytest.approx(((2 - 0 + 0.5) + (2 - 2 + 0.5)) / 2)
    assert triplet_loss(features, torch.tensor([0, 1, 2]), 0.5).item() == 0
    last = nn.Linear(2, 2)
    criterion, labels = CrossEntropyAndTriplets(last), torch.tensor([0, 0, 1])
    logits = last(features)
    assert criterion(logits, labels).item() == pytest.approx(functional.cross_entropy(logits, labels).item() + loss.item())
    assert repr(criterion) == "CrossEntropyAndTriplets(margin=0.5)"


def test_a_product_of_spectra_is_the_convolution() -> None:
    """Fast computation by the Fourier transform changes no number, so it has no row of its own."""
    torch.manual_seed(0)
    x, kernel = torch.rand(1, 1, 8, 8, dtype=torch.float64), torch.rand(1, 1, 3, 3, dtype=torch.float64)
    there, turned = torch.zeros(8, 8, dtype=torch.float64), kernel[0, 0].flip(0, 1)
    there[:3, :3] = turned
    product = torch.fft.irfft2(torch.fft.rfft2(x[0, 0]) * torch.fft.rfft2(there), s=(8, 8))
    assert torch.allclose(product[2:, 2:], functional.conv2d(x, kernel)[0, 0])


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_takes_images_and_has_as_many_features(name: str) -> None:
    module, x = fresh(name, "components:4", STATISTICS, 10), torch.rand(2, 3, 16, 16)
    assert module.eval().features(x).shape == (2, 32) and module(x).shape == (2, 10)
    loss = VARIANTS[name].criterion(module) or functional.cross_entropy
    loss(module.train()(x), torch.tensor([0, 0])).backward()
    assert all(one.grad is not None for one in module.parameters())
    assert len(VARIANTS[name].rates) == 3


def test_variants_differ_from_the_base_in_what_they_say() -> None:
    def count(name: str) -> int:
        return sum(one.numel() for one in fresh(name, "components:8", STATISTICS, 10).parameters())

    kernels = 9 * 8 * (8 * 2 + 16 * 2 + 16 * 4 + 32 * 4 + 32 * 8 + 64 * 8)
    assert count("base") == 9 * 3 * 8 + kernels + 2 * (8 + 2 * 16 + 2 * 32 + 2 * 64) + 650
    assert count("inception") == count("dilated") == count("strided") == count("binary") == count("base")
    assert count("tiled") == count("base") + 3 * kernels
    assert count("no-norm") == count("base") - (8 + 2 * 16 + 2 * 32 + 2 * 64)
    assert count("separable") < count("low-rank") < count("network-in-network") < count("base") < count("maxout")
    same = fresh("dropout", "components:8", STATISTICS, 10, seed=3), fresh("base", "components:8", STATISTICS, 10, seed=3)
    assert all(torch.equal(one, other) for one, other in zip(*(module.parameters() for module in same), strict=True))
    assert find_variant("adam").rates == (0.003, 0.01, 0.03) and set(OPTIMIZERS) == {"momentum", "plain", "adam"}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: find_variant("maxxout"), "there is no component 'maxxout'; the nearest is 'maxout'"),
        (lambda: find_variant("qqqq"), "there is no component 'qqqq'; there are base, tiled"),
        (lambda: fresh("base", "resnet8:8", STATISTICS, 10), "'resnet8:8' is not components:WIDTH"),
        (lambda: fresh("base", "components:6", STATISTICS, 10), "width=6: it is a multiple of 4"),
        (
            lambda: trainings.make_network("mnist/components:4/base/0"),
            "no course for the data set 'mnist'; there are cifar10",
        ),
        (lambda: run(seeds=0), "seeds=0 and tests=200: each is at least 1"),
        (lambda: run(twentieths=[0]), r"twentieths=\[0\]: 0 is not from 1 to 20"),
        (lambda: run(variants=["dropuot"]), "the nearest is 'dropout'"),
    ],
)
def test_bad_input_is_named_with_its_cure(call: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()


def run(**changed: Any) -> pd.DataFrame:
    """A small run."""
    options: dict[str, Any] = {
        "network": "digits:100/components:4",
        "variants": ["base", "dropout"],
        "seeds": 2,
        "small": "digits:100/components:4",
        "few": [],
        "tests": 200,
        "twentieths": [2, 20],
        "values": [4],
        "n_jobs": 1,
        "progress": False,
    }
    options |= changed
    return measure.measure(**options)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Trainings of an epoch, kept in a folder of the test's own."""
    monkeypatch.setenv("STRESSLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(trainings.COURSES, "digits", trainings.Course(1, 50, tried_on=50, tried_epochs=1, judged_on=50))


@pytest.mark.usefixtures("short")
def test_a_small_run_is_scored_right() -> None:
    table = run()
    assert not table.duplicated([*SETTING, "variant", "level", "seed"]).any()
    assert table[table["stress"].eq(names.RATE)].groupby("variant").size().to_dict() == {"base": 3, "dropout": 3}
    name = "digits:100/components:4/dropout/1"
    tests, module = load_arrays("digits"), trainings.load_network(name)
    guessed = module(torch.from_numpy(tests.test_images[:200])).argmax(1).numpy()
    at = table["variant"].eq("dropout") & table["seed"].eq(1) & table["layer"].eq("logits")
    assert table.loc[at, "score"].item() == pytest.approx(100 * (guessed == tests.test_labels[:200]).mean())
    of_features = table[table["variant"].eq("base") & table["seed"].eq(0) & table["layer"].eq("features")]
    assert of_features["spec"].tolist() == ["none", "none", "DR2:3", "DR2:32", "Q2:4"]
    assert of_features.set_index("metric").loc[names.SEPARATION, "score"] > 0
    assert (
        trainings.describe(name)["rate"]
        == trainings.describe(name.replace("/1", "/0"))["rate"]
        in find_variant("base").rates
    )
    # The same again is the same network, bit for bit.
    path = Address.parse(name).kept
    before = path.read_bytes()
    path.unlink()
    trainings.make_network(name)
    assert path.read_bytes() == before
    assert page.headline(table) and sortable.fragment(table, pd.Series(dtype=float))


@pytest.mark.usefixtures("short")
def test_a_training_that_diverges_is_a_row_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VARIANTS, "no-norm", VARIANTS["no-norm"].__class__({"norm": False}, decay=1e30))
    table = run(variants=["base", "no-norm"])
    assert effects.by_network(table).xs("no-norm", level="variant")["diverged"].all()
    assert effects.diverged(table) == "- no batch norm: **2 of 2 trainings diverged**."
    rows = table[table["variant"].eq("no-norm") & table["stress"].eq("none")]
    assert rows["metric"].tolist() == ["diverged"] * 2 and rows["seed"].tolist() == [0, 1]


def test_quick_is_a_part_of_full_on_what_is_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profiles = yaml.safe_load((ROOT / "notebooks" / "figures.yml").read_text())["components"]["profiles"]
    known = defaults(ROOT / "notebooks" / "components.ipynb")
    full, quick = {**known, **profiles["full"]}, {**known, **profiles["quick"]}
    assert full["variants"] == list(VARIANTS) and full["seeds"] >= 3
    for name, value in profiles["quick"].items():
        assert set(value) <= set(full[name]), name
    monkeypatch.setenv("STRESSLIB_CACHE", str(tmp_path / "empty"))
    for one in quick["few"]:
        assert trainings.load_network(f"{quick['small']}/{one}/0").training is False
