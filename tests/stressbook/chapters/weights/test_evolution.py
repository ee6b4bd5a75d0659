"""The chapter on evolution: units taken out, lineages by hand and in a small run, and verdicts for each outcome."""

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

import stresslib as sl
from stressbook.chapters.weights.evolution import (
    alternatives,
    compaction,
    compressed,
    effects,
    efficiency,
    lineages,
    measure,
    names,
    page,
    prepaid,
    scored,
)
from stressbook.chapters.weights.evolution.effects import DECAY, MAGNITUDE, MULTIPLICATIVE, NONE, SAMPLE, UNIFORM
from stressbook.chapters.weights.evolution.lineages import Lineage
from stressbook.drawing import outcomes
from stressbook.reproduce.comparison import drift, read_every_column
from stressbook.reproduce.parameters import defaults
from stresslib.networks import LeNet5, Standardized
from stresslib.results import SETTING, results_table
from stresslib.stress.on_weights import count_synapses, synthesize
from stresslib.stress.on_weights.synthesis import find_layers
from stresslib.training.data import load_arrays
from stresslib.training.fit import predict

OPTIONS: dict[str, Any] = {"n_jobs": 1, "progress": False}


def lenet(seed: int = 0) -> LeNet5:
    torch.manual_seed(seed)
    return LeNet5(image_size=16)


def weights(module: torch.nn.Module) -> list[torch.Tensor]:
    return [layer.weight.detach() for layer in find_layers(module).values()]


# What is taken out


@pytest.mark.parametrize("units", [None, 0.75])
def test_a_compacted_network_says_the_same(units: float | None) -> None:
    """Biases are not 0, so that a unit whose last source is gone says something, and the same for every image."""
    network, x = lenet(), torch.rand(4, 1, 16, 16)
    for state in range(5):
        network = synthesize(network, 0.6, state, units=units)
    smaller = compaction.compact(network)
    assert torch.allclose(network(x), smaller(x), atol=1e-6)
    assert count_synapses(smaller) < count_synapses(network)
    assert compaction.count_multiplications(smaller, (1, 16, 16)) < compaction.count_multiplications(network, (1, 16, 16))


def test_units_by_hand() -> None:
    """The first map leads to the second one, of it five of eighty inputs are used; units that lead nowhere go in a row."""
    network = lenet()
    first, second, third, fourth, last = find_layers(network).values()
    with torch.no_grad():
        for layer in (second, third, fourth, last):
            layer.weight.zero_()
        second.weight[3, 1] = 1  # from the first layer's map 1
        second.weight[5, 2] = 1  # leads nowhere
        third.weight[7, 3 * 4 : 4 * 4] = 0.1  # a map of 2 x 2 is four inputs
        third.weight[8, 9 * 4] = 1  # from map 9, which has no synapse but says something
        second.bias[9] = 0.5
        fourth.weight[2, 7] = fourth.weight[2, 8] = 1
        last.weight[:, 2] = 1
    x = torch.rand(2, 1, 16, 16)
    smaller = compaction.compact(network)
    shapes = [tuple(one.shape) for one in weights(smaller)]
    assert shapes == [(1, 1, 5, 5), (1, 1, 5, 5), (1, 4), (1, 1), (10, 1)]
    assert torch.allclose(network(x), smaller(x), atol=1e-6)
    assert compaction.count_multiplications(smaller, (1, 16, 16)) == 25 * 256 + 25 * 16 + 4 + 1 + 10
    with torch.no_grad():
        first.weight.zero_()
        first.bias.zero_()
    nothing = compaction.compact(network)
    assert torch.allclose(network(x), nothing(x), atol=1e-6)
    assert weights(nothing)[0].shape == (1, 1, 5, 5)


# Lineages


def test_names_of_lineages() -> None:
    lineage = Lineage.parse("cifar10:500/resnet8:8/synthesis/none+long/3")
    assert (lineage.variant, lineage.form, lineage.value, lineage.seed) == ("none+rate=0.1+long", "none", 0.1, 3)
    assert Lineage.parse(str(lineage)) == lineage and lineage.has("long") and not lineage.has("fresh")
    assert lineage.file_name == "cifar10-500--resnet8-8--synthesis--none+rate=0.1+long--3.safetensors.xz"
    assert Lineage.parse("digits/lenet5/synthesis-unscaled/none/0").generations == lineages.UNSCALED_GENERATIONS
    for bad in ("digits/lenet5/synthesis/0", "digits/lenet5/cut/none/0", "birds/lenet5/synthesis/none/0"):
        with pytest.raises(ValueError, match="is not DATA/ARCHITECTURE/REMOVAL/VARIANT/SEED"):
            Lineage.parse(bad)
    with pytest.raises(ValueError, match="there is no form 'samples'"):
        Lineage.parse("digits/lenet5/synthesis/samples/0")


def test_what_makes_offspring() -> None:
    ancestor = Standardized(lenet(), [0.3], [0.3])
    total = count_synapses(ancestor)
    counts = {}
    for removal in lineages.REMOVALS:
        lineage = Lineage.parse(f"digits/lenet5/{removal}/none/0")
        one = lineages.offspring(lineage, ancestor, 1)
        other = lineages.offspring(lineage, ancestor, 1, draw=1)
        counts[removal] = count_synapses(one) / total
        same = all(map(torch.equal, weights(one), weights(other)))
        assert same == (removal in scored.STEADY), removal
        child = lineages.offspring(lineage, one, 2)
        for layer, old in zip(find_layers(child).values(), weights(one), strict=True):
            assert bool(((layer.weight != 0) <= (old != 0)).all())
            assert not layer.bias[~layer.weight.flatten(1).any(1)].any()
        assert count_synapses(ancestor) == total
        if removal.startswith("weights"):
            assert count_synapses(child) == pytest.approx(total * 0.55**2, abs=3), removal
    # The mean of a draw of units has few units to average over.
    assert counts == pytest.approx(
        dict.fromkeys(counts, 0.55) | {"synthesis-unscaled": counts["synthesis-unscaled"]}, abs=0.06
    )
    assert counts["synthesis"] == pytest.approx(0.55, abs=0.01) and counts["synthesis-unscaled"] < 0.35
    strong = lineages.offspring(Lineage.parse("digits/lenet5/weights-pruned/none/0"), ancestor, 1)
    kept = torch.cat([one.flatten() for one in weights(strong)])
    old = torch.cat([one.flatten() for one in weights(ancestor)])
    assert float(old[kept != 0].abs().min()) >= float(old[kept == 0].abs().max())


def test_fresh_weights_are_other_ones_at_the_same_places() -> None:
    lineage = Lineage.parse("digits/lenet5/synthesis/none+fresh/0")
    born = lineages.offspring(lineage, lineages.first_network(lineage), 1)
    fresh = lineages.with_fresh_weights(lineage, born, 1)
    for one, other in zip(weights(born), weights(fresh), strict=True):
        assert torch.equal(one != 0, other != 0) and not torch.equal(one, other)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    bench = lineages.Bench(epochs=2, batch_size=10, rate=0.05, generations=2, held_out=20, every=4)
    monkeypatch.setitem(lineages.BENCHES, "digits", bench)
    lineages.split.cache_clear()
    yield
    lineages.split.cache_clear()


def test_a_lineage_is_kept_and_scored_right(short: None) -> None:
    """The second generation is the first draw of the trained first one; it is trained under its own stress."""
    name = "digits:200/lenet5/synthesis/sample/1"
    measure.make_lineages([name], **OPTIONS)
    path = Lineage.parse(name).path
    before = path.stat().st_mtime_ns
    measure.make_lineages([name], **OPTIONS)
    assert path.stat().st_mtime_ns == before, "what is at hand is not trained again"
    lineage, networks = Lineage.parse(name), lineages.load_lineage(name)
    assert len(networks) == 3 and not networks[0].training
    assert all(torch.equal(one, one.half().float()) for one in weights(networks[1]))
    born = lineages.offspring(lineage, networks[0], 1)
    assert all(torch.equal(one != 0, two != 0) for one, two in zip(weights(born), weights(networks[1]), strict=True))
    images = lineages.split(lineage.data, lineage.seed)
    assert len(images.train[1]) == 180 and len(images.held_out[1]) == 20 and len(images.test[1]) == 200
    rows = results_table(scored.score_lineage(name, ""), names.MORE)
    wide = rows.pivot_table(index="level", columns="metric", values="score")
    tests = load_arrays("digits")
    right = (predict(networks[1], tests.test_images[::4]).argmax(1) == tests.test_labels[::4]).mean()
    assert wide.loc[1, names.ACCURACY] == pytest.approx(100 * right)
    right = (predict(networks[1], images.held_out[0]).argmax(1) == images.held_out[1]).mean()
    assert wide.loc[1, names.VALIDATION] == pytest.approx(100 * right)
    assert wide.loc[2, names.SYNAPSES] == pytest.approx(100 * count_synapses(networks[2]) / count_synapses(networks[0]))
    draws = rows[rows["metric"].eq(names.RIGHT_AFTER) & rows["level"].eq(1)]
    right = (predict(born.eval(), tests.test_images[::4]).argmax(1) == tests.test_labels[::4]).mean()
    assert draws["repeat"].tolist() == list(range(scored.DRAWS)) and draws["score"].iloc[0] == pytest.approx(100 * right)
    assert draws["score"].max() > draws["score"].min() and right not in wide.loc[1].to_numpy() / 100, (
        "else nothing is told apart"
    )
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is damaged, or not of"):
        lineages.load_lineage(name)


def test_a_generation_is_trained_by_its_form(monkeypatch: pytest.MonkeyPatch, short: None) -> None:
    seen: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr(lineages, "fit", lambda module, *_, **options: seen.append((module, options)))
    for way in ("synthesis/none+rate=0.2+long", "synthesis/multiplicative", "synthesis-units/sample+factor=0.6"):
        lineage = Lineage.parse(f"digits:200/lenet5/{way}/0")
        lineages.train_generation(lineage, lineages.first_network(lineage), 1)
    (none, long), (weakened, _), (units, usual) = seen
    assert long["epochs"] == lineages.LONG * usual["epochs"] and long["optimizer"].keywords["lr"] == 0.2
    assert usual["optimizer"].keywords["lr"] == 0.05 and none.form == "none"
    assert (weakened.strength, weakened.every) == (0.8, 18)  # 180 images, by 10
    assert (units.factor, units.units) == (0.6, 0.8)


def test_a_small_run(monkeypatch: pytest.MonkeyPatch, short: None) -> None:
    """Numbers are chosen on held-out images; followers and alternatives take the chosen ones."""
    network, ways = "digits:200/lenet5", ["synthesis/sample", "synthesis/uniform", "weights-pruned/none"]
    monkeypatch.setattr(measure, "KNOBS", {"none": ("rate", (0.01, 0.1)), "sample": ("factor", (0.8, 0.9))})
    table = measure.measure(
        [network],
        ways,
        1,
        tuned=[network],
        deeper=["digits:100/lenet5"],
        deeper_ways=["synthesis/none"],
        alternatives=[f"{network}/synthesis-units/sample", f"{network}/synthesis-unscaled/none"],
        vectors=[network],
        compared=["synthesis/sample"],
        generations=[0, 1],
        specs=["none", "DR1:8"],
        repeats=2,
        **OPTIONS,
    )
    assert not table.duplicated([*SETTING, "variant", "level", "seed"]).any()
    tried = table[table["seed"].eq(names.TUNING)]
    assert not tried["metric"].eq(names.RIGHT_AFTER).any()
    means = tried[tried["metric"].eq(names.VALIDATION)].groupby(["stress", "variant"])["score"].mean()
    assert len(means) == 4
    best = means.groupby("stress").idxmax().map(lambda pair: pair[1])
    main = table[table["seed"].ne(names.TUNING) & table["layer"].eq("logits") & table["n_features"].eq(10)]
    variants = main.groupby("stress")["variant"].unique().map(sorted)
    number = best["synthesis"].partition("+")[2]
    assert variants["synthesis"] == sorted(["none+rate=0.05", best["synthesis"], f"uniform+{number}"])
    assert variants["weights-pruned"] == [best["weights-pruned"]]
    assert variants["synthesis-units"] == [f"sample+{number}"]
    of_features = table[table["layer"].eq(compressed.LAYER)]
    assert of_features["level"].tolist() == [0] * 3 + [1] * 3
    features = compressed.features(f"{network}/{best['synthesis'].join(['synthesis/', ''])}/0", 1)
    assert features.X.shape == (180 + 200, 84) and np.allclose(np.linalg.norm(features.X, axis=1), 1)
    score = sl.evaluate(features, "none")["score"].item()
    assert of_features[of_features["level"].eq(1)]["score"].iloc[0] == pytest.approx(score)


# What the page says of a table


def lines(
    way: str, retrained: list[float], born: list[float], dataset: str = "mnist", units_at_work: float = 1.0
) -> list[dict[str, Any]]:
    """By lineage, the accuracy in two generations: one point more, then one less; ancestors have 95."""
    removal, variant = way.split("/")
    form, *options = variant.split("+")
    knob = lineages.KNOBS[form][0]
    rows = []
    for seed, (after, right_after) in enumerate(zip(retrained, born, strict=True)):
        at = {"dataset": dataset, "model": "lenet5", "layer": "logits", "n_features": 10, "stress": removal, "seed": seed}
        at |= {"variant": "+".join([form, f"{knob}=0.5", *options])}
        for level, shift in ((0, 0), (1, 1), (2, -1)):
            share = 100 * 0.5**level
            cells = {**at, "level": level}
            scores = {names.ACCURACY: after + shift if level else 95.0, names.SYNAPSES: share}
            scores |= {names.AT_WORK: share * units_at_work**level, names.MULTIPLICATIONS: share**0.5 * 10}
            rows += [{**cells, "metric": metric, "score": score} for metric, score in scores.items()]
            for draw in range(2 if level else 0):
                score = right_after + shift + (1 if draw else -1)
                rows.append({**cells, "repeat": draw, "metric": names.RIGHT_AFTER, "score": score})
    return rows


def vectors(way: str, shares: list[float], dataset: str = "mnist", level: int = 0) -> list[dict[str, Any]]:
    """By lineage, the percent of its full score, 80, that each keeps under DR-1, of two draws, and under Q-2."""
    rows = []
    for seed, share in enumerate(shares):
        at = {"dataset": dataset, "model": "lenet5", "layer": "features", "n_features": 84, "metric": "accuracy"}
        at |= {"variant": f"{way.partition('/')[2]}+factor=0.5", "seed": seed, "level": level, "objective_gap": 1e-6}
        rows.append({**at, "stress": "none", "score": 80.0})
        for draw, shift in enumerate((-0.8, 0.8)):
            cells = {"stress": "random-selection", "dimensions": 8, "repeat": draw}
            rows.append({**at, **cells, "score": 0.8 * share + shift})
        rows.append({**at, "stress": "uniform-per-dimension", "values": 4, "score": 0.8 * 99})
    return rows


BORN = {NONE: [60.0, 61, 62], SAMPLE: [70.0, 71.2, 71.9], UNIFORM: [69.0, 72, 71], DECAY: [61.0, 60, 62]}
AFTER = {NONE: [90.0, 91, 92], SAMPLE: [88.0, 89.1, 89.9], UNIFORM: [90.0, 90, 90], DECAY: [90.0, 92, 91]}


def made(**changes: list[dict[str, Any]]) -> pd.DataFrame:
    rows = [row for way, born in BORN.items() for row in lines(way, AFTER[way], born)]
    rows += lines(MULTIPLICATIVE, [92.0, 93.1, 93.9], [60.0, 61.1, 62.1])
    rows += lines(MAGNITUDE, [93.0, 94, 95], [85.0, 85, 85])
    rows += [row for several in changes.values() for row in several]
    return results_table(rows, names.MORE)


def test_what_was_measured_by_hand() -> None:
    """The mean over two generations is what was put in; draws a point above and below are their mean."""
    found = effects.by_lineage(effects.by_generation(made())).loc["mnist", NONE, 0.0]
    assert found.to_dict() == {"right_after": 60, "retrained": 90, "ancestor": 95, "last": 89}
    assert "differ by at most 0% between" in effects.counts(made())
    assert effects.table(made()).loc[("MNIST", "sample"), "right after"] == 71.0


@pytest.mark.parametrize(
    ("sign", "ends", "expected"),
    [
        (1, (0.1, 3.0), outcomes.AS_EXPECTED),
        (1, (-0.1, 3.0), outcomes.UNDECIDED),
        (1, (-3.0, -0.1), outcomes.OPPOSITE),
        (0, (-0.9, 5.0), outcomes.AS_EXPECTED),
        (0, (-1.1, 5.0), outcomes.UNDECIDED),
        (0, (-5.0, -1.1), outcomes.OPPOSITE),
        (1, (np.nan, np.nan), outcomes.UNDECIDED),
    ],
)
def test_an_interval_is_judged_by_what_was_expected(sign: int, ends: tuple[float, float], expected: str) -> None:
    assert outcomes.outcome(sign, *ends) == expected


def test_each_outcome() -> None:
    said = effects.verdicts(made())
    assert "sample +10.0 (+9.7 to +10.4) as expected, decay +0.0 (-2.5 to +2.5) undecided" in said
    assert "(the authors' claim, at equal numbers of synapses). MNIST: sample -2.0 (-2.2 to -1.8) **the other way**" in said
    assert "no stress -3.0 (-3.0 to -3.0) **the other way**" in said, "lower by more than a point"
    missed = effects.not_reproduced(made())
    assert (
        "- Accuracy after retraining higher than with no stress: **the other way**: sample on MNIST. undecided: decay"
        in missed
    )
    assert "multiplicative" not in missed.split("no stress: ")[2].split("\n")[0]
    assert "by about 0.38 points right after a step, or 0.25 after retraining" in effects.resolution(made())
    one = results_table([*lines(NONE, [90.0], [60.0]), *lines(SAMPLE, [91.0], [70.0])], names.MORE)
    assert "sample +10.0 (one lineage each) undecided" in effects.verdicts(one)
    assert effects.resolution(one) == "One lineage tells no difference from chance."
    good = [*lines(NONE, [90.0, 91], [60.0, 61]), *lines(SAMPLE, [92.0, 93.01], [70.0, 71.01])]
    assert effects.not_reproduced(results_table(good, names.MORE)) == "- Nothing: every direction was as expected."


@pytest.mark.parametrize(
    ("after", "born", "said"),
    [
        ([92.0, 93.1], [70.0, 71.1], "**Yes, at birth and after their own training.**"),
        ([89.0, 93.0], [70.0, 71.1], "**At birth yes, after their own training undecided.**"),
        ([92.0, 93.1], [50.0, 51.1], "**After their own training yes, at birth undecided.**"),
        ([80.0, 81.1], [50.0, 51.1], "*sample* is behind no stress (-10.0 points"),
        ([89.0, 93.0], [70.0, 71.1], "*sample* is not to be told from no stress"),
        ([80.0, 81.1], [50.0, 51.1], "**Undecided.** On MNIST"),
        (
            [92.0, 93.1],
            [70.0, 71.1],
            "has 90.5% with as few synapses; *sample* differs from that by +2.0 points",
        ),
        ([80.0, 81.1], [70.0, 71.1], "*sample* differs from that by -10.0 points, -10.6 to -9.3"),
    ],
)
def test_the_headline_answers_the_question(after: list[float], born: list[float], said: str) -> None:
    rows = [*lines(NONE, [90.0, 91], [60.0, 61]), *lines(SAMPLE, after, born), *lines(MAGNITUDE, [90.0, 91], [80.0, 80])]
    assert said in page.headline(results_table(rows, names.MORE))


def test_published_factors_stand_beside_ours() -> None:
    """The last generation is the one nearest to 33: 4 times fewer, a point below its mean, 6 below the ancestor."""
    said = page.published(made())
    assert "40 times fewer for AlexNet and 33 times fewer for YOLOv2" in said
    assert "- MNIST, no stress: 4 times fewer at 90.0%, 5.0 points below its ancestor." in said


def test_choices_are_compared_with_their_alternatives() -> None:
    """Unscaled: between the ancestor and the first generation of no stress; the others in pairs."""
    rows = [
        *lines(f"{NONE}+long", [93.0, 94.1, 94.9], [61.0, 62, 63]),
        *lines(f"{NONE}+fresh", [80.0, 81.1, 81.9], [10.0] * 3),
    ]
    rows += lines("synthesis-unscaled/none", [90.0, 91, 92], [20.0] * 3)
    table = made(more=rows)
    found = alternatives.compared(table).set_index("place")
    assert found.loc[0, "mean"] == pytest.approx(0) and np.isnan(found.loc[0, "born"])
    assert found.loc[3, "mean"] == pytest.approx(-10, abs=0.1) and np.isnan(found.loc[3, "born"])
    assert found.loc[4, "mean"] == pytest.approx(3, abs=0.1) and found.loc[4, "born"] == pytest.approx(1)
    said = alternatives.verdicts(table)
    assert "**Better after retraining**: training for long, no stress (MNIST)." in said
    assert "**Worse after retraining**: offspring that start from fresh weights (MNIST)." in said
    assert alternatives.verdicts(made()) == "No alternative was measured."
    assert alternatives.table(table).loc[("offspring that start from fresh weights", "MNIST"), "right after"] == "–"
    # Halfway in logarithms is halfway in accuracy; fewer synapses than were known are left out.
    index = pd.MultiIndex.from_product([[0], [0, 1, 2]], names=["seed", "level"])
    columns = [names.SYNAPSES, names.ACCURACY]
    theirs = pd.DataFrame([[100.0, 90.0], [25.0, 80.0], [4.0, 70.0]], index, columns)
    mine = pd.DataFrame([[100.0, 90.0], [50.0, 86.0], [2.0, 0.0]], index, columns)
    assert alternatives.at_equal_synapses(mine, theirs).tolist() == pytest.approx([1.0])


def test_what_was_tried() -> None:
    rows = []
    for value, score in ((0.55, 80.0), (0.75, 91.0), (0.9, 90.0)):
        at = {"dataset": "mnist", "model": "lenet5", "layer": "logits", "stress": "synthesis", "metric": names.VALIDATION}
        rows.append({**at, "variant": f"sample+factor={value}", "seed": names.TUNING, "level": 0, "score": score})
    found = effects.tuned(made(more=rows)).loc[("MNIST", "sample")]
    assert found["chosen"] == "factor 0.75" and found["tried"].startswith("0.55: 80.0, ")
    assert effects.tuned(made()).empty
    assert effects.by_generation(made(more=rows)).equals(effects.by_generation(made())), "tuning counts nowhere else"


@pytest.mark.parametrize(
    ("shares", "verdict", "summary"),
    [
        ([93.0, 94.2, 94.9], "**keeps more** under DR-1, +3.0 (", "**In part: never for worse.** Of 2 comparisons"),
        ([87.0, 88.2, 88.9], "**keeps less** under DR-1, -3.0 (", "**No: where anything is certain, it costs.**"),
        ([80.0, 91.0, 99.0], "", "**Not beyond the scatter of lineages.**"),
    ],
)
def test_whether_stress_is_prepaid(shares: list[float], verdict: str, summary: str) -> None:
    table = made(more=[*vectors(NONE, [90.0, 91, 92]), *vectors(SAMPLE, shares)])
    kept = prepaid.kept(table)
    assert kept.loc[("mnist", 0, SAMPLE, 0)].tolist() == pytest.approx([shares[0], 99, 80])
    expected = f"- MNIST, ancestors, sample: {verdict}" if verdict else "- All: undecided."
    assert prepaid.verdicts(table).startswith(expected)
    assert summary in prepaid.summary(table)
    assert prepaid.table(table).loc[("MNIST", "ancestors", "no stress"), "DR-1"] == 91
    assert "sample: DR-1" in prepaid.alt_text(table)


def test_counts_and_speed() -> None:
    units = lines("synthesis-units/none", [90.0], [60.0], units_at_work=0.5)
    table = made(more=units)
    counted = efficiency.counted(table)
    assert counted.loc[(efficiency.BY_UNITS, 2), [names.SYNAPSES, names.AT_WORK]].tolist() == [4, 16]
    assert counted.loc[(efficiency.BY_UNITS, 2), names.MULTIPLICATIONS] == pytest.approx(2)
    nothing = pd.DataFrame()
    assert "`python benchmarks/offspring.py` does." in efficiency.headline(table, nothing)
    assert efficiency.untouched(nothing) == ""
    measured = pd.DataFrame(
        [
            [way, form, generation, batch, 100.0, 1 + generation * (batch == 256) * (form == "compacted")]
            for way in efficiency.KINDS
            for form in ("as it is", "compacted")
            for generation in (0, 1, 2)
            for batch in (1, 256)
        ],
        columns=["way", "form", "generation", "batch", "images/s", "ratio"],
    )
    said = efficiency.headline(table, measured)
    assert "whole units drawn first, generation 2 has 4 times fewer synapses, 16 times fewer at work and 2.0 times" in said
    assert said.count("**3.0 times as fast**") == 2
    assert "are 1.00 to 1.00 times as fast" in efficiency.untouched(measured)
    left, right = efficiency.plot(table, measured).axes
    assert right.lines[-1].get_ydata().tolist() == [1, 2, 3] and len(left.lines) == 4
    assert efficiency.table(measured).loc[("synapses drawn", "compacted", "batches of 256"), 2] == "3.00"


def test_figures_show_the_table_and_the_check_reads_it(tmp_path: Path) -> None:
    table = made(more=[*vectors(NONE, [90.0, 91, 92]), *vectors(SAMPLE, [93.0, 94, 95])])
    left, right = page.plot(table).axes
    assert left.lines[0].get_ydata().tolist()[1:] == pytest.approx([62, 60])
    assert right.lines[0].get_ydata().tolist() == pytest.approx([95, 92, 90])
    assert right.lines[0].get_xdata().tolist() == pytest.approx([1, 2, 4])
    assert [line.get_label() for line in right.lines] == [
        effects.WAYS[way] for way in effects.order([*BORN, MULTIPLICATIVE, MAGNITUDE])
    ]
    assert "no stress from 95.0% to 90.0%" in page.alt_text(table) and "down to 4 times fewer" in page.alt_text(table)
    assert len(prepaid.plot(table).axes[0].get_xticks()) == 2
    assert "means of 3 lineages" in page.caption(table)
    path = tmp_path / "evolution.csv"
    sl.write_results(table, path, names.MORE)
    assert effects.verdicts(sl.read_results(path, names.MORE)) == effects.verdicts(table)
    again = read_every_column(path)
    assert drift(again, again) == []
    moved = again.copy()
    moved.loc[moved["level"].eq(2) & moved["seed"].eq(1) & moved["metric"].eq(names.RIGHT_AFTER), "score"] += 1
    assert len(drift(again, moved)) == 2 * 6


def test_quick_is_a_part_of_full_on_what_is_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profiles = yaml.safe_load((ROOT / "notebooks" / "figures.yml").read_text())["evolution"]["profiles"]
    known = defaults(ROOT / "notebooks" / "evolution.ipynb")
    full, quick = {**known, **profiles["full"]}, {**known, **profiles["quick"]}
    for name, value in profiles["quick"].items():
        assert set(value) <= set(full[name]) if isinstance(value, list) else value <= full[name], name
    assert not set(quick["networks"]) & set(full["tuned"]), "what is tuned has other numbers"
    monkeypatch.setenv("STRESSLIB_CACHE", str(tmp_path / "empty"))
    size = 0
    for way in quick["ways"]:
        lineage = Lineage.parse(f"{quick['networks'][0]}/{way}/0")
        assert lineage.path.parent == lineages.SHIPPED and len(lineages.load_lineage(str(lineage))) == 8
        size += lineage.path.stat().st_size
    assert size < 400_000


def test_the_settings_in_the_text_are_those_of_the_code() -> None:
    cells = yaml.safe_load((ROOT / "notebooks" / "evolution.ipynb").read_text(encoding="utf-8"))["cells"]
    text = " ".join(" ".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown").split())
    known = defaults(ROOT / "notebooks" / "evolution.ipynb")
    said = {2: "two", 3: "three", 5: "five", 6: "six", 7: "seven"}
    mnist, digits, cifar = (lineages.BENCHES[name] for name in ("mnist", "digits", "cifar10"))
    assert f"keeps {100 * lineages.FACTOR:.0f}% of its synapses in the mean" in text
    assert f"of which {100 * lineages.UNIT_SHARE:.0f}% of the synapses survive" in text
    epochs = f"{said[mnist.epochs]} on MNIST, {said[digits.epochs]} on digits, {said[cifar.epochs]} on CIFAR-10"
    assert f"{epochs}. Alternative: {said[lineages.LONG]} times as many" in text
    assert f"on {mnist.held_out:,} images that are held out" in text
    assert known["networks"] == ["mnist:6000/lenet5", "digits/lenet5"] and mnist.held_out == 1000
    assert "on 5,000 images of MNIST and on 1,000 of scikit-learn's digits" in text
    assert f"{said[known['seeds']]} lineages of {said[mnist.generations]} generations" in text
    assert known["deeper"] == ["cifar10:10000/resnet8:8"] and f"one lineage of {said[cifar.generations]} generations" in text
    assert f"a mean over {said[scored.DRAWS]} draws, on the first {scored.SEEN:,} of these" in text
    assert mnist.every == cifar.every == 4 and "every fourth test image of MNIST and CIFAR-10" in text
