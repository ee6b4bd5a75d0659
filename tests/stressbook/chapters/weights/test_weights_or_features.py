"""Weights or features: bytes by a stated rule, the cheapest setting and the front, and what the page says of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from stressbook.chapters.weights.weights_or_features import choices, measure, page
from stressbook.chapters.weights.weights_or_features.names import CHOICE, MORE
from stressbook.chapters.weights.weights_or_features.sizes import model_bytes, side_bytes, vector_bytes
from stresslib.networks import CifarResNet
from stresslib.results import read_results, result_rows, results_table, write_results
from stresslib.stress.on_weights import prune, round_weights
from stresslib.stress.spec import parse_spec

NETWORK = "digits/resnet8:8/twice/0"
SMALLER = "digits/lenet5/plain/0"


def made(scores: dict[tuple[str, str], float], *, file: int = 1_000_000, also: float | None = None) -> pd.DataFrame:
    """A table of one network: scores by what is done to weights and features; a rounded network takes a quarter."""
    rows = []
    for (done, spec), score in scores.items():
        origin = {"dataset": "digits", "model": NETWORK, "layer": "features", "n_features": 64}
        cells = {"bytes": vector_bytes(spec, 64), "side_bytes": side_bytes(spec, 64)}
        cells["file_bytes"] = file // (4 if done == "round:8" else 1)
        both = {"accuracy": score, CHOICE: score}
        rows += result_rows(origin, parse_spec(spec), both, variant=f"weights={done}", **cells)
    if also is not None:
        origin = {"dataset": "digits", "model": SMALLER, "layer": "features", "n_features": 64}
        cells = {"bytes": 256, "side_bytes": 0, "file_bytes": file // 100}
        rows += result_rows(origin, parse_spec("none"), {"accuracy": also, CHOICE: also}, variant="weights=none", **cells)
    return results_table(rows, MORE)


PLAIN = {("none", "none"): 0.9, ("round:8", "none"): 0.895, ("none", "Q2:4"): 0.895, ("round:8", "Q2:4"): 0.895}


# Bytes


def test_bytes_of_a_network_worked_out_by_hand() -> None:
    """A convolution of 2 x 3 x 1 x 1 numbers, one of them zero, and a norm of two channels with its statistics."""
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1, bias=False), torch.nn.BatchNorm2d(2))
    module[0].weight.data = torch.tensor([0.0, 1, 2, 3, 4, 5]).reshape(2, 3, 1, 1)
    norm = 4 * 2 * 4
    assert model_bytes(module) == norm + (6 + 5 * 32 + 7) // 8  # a bit for each of the six, and five of 32 bits
    assert model_bytes(module, bits=4) == norm + 2 * 4 + 6 * 4 // 8  # two steps; dense, 24 bits, is less than 6 + 20


def test_a_stressed_network_takes_fewer_bytes_and_one_whose_layers_share_a_kernel_stores_it_once() -> None:
    module = CifarResNet(8, 8)
    sizes = [model_bytes(module), model_bytes(prune(module, 0.5)), model_bytes(round_weights(module, 8), 8)]
    assert sizes == sorted(sizes, reverse=True) and sizes[2] < sizes[0] / 3
    shared = torch.nn.Sequential(torch.nn.Linear(8, 8, bias=False), torch.nn.Linear(8, 8, bias=False))
    shared[1].weight = shared[0].weight
    assert model_bytes(shared) == 8 * 8 * 4


def test_what_can_be_done_to_weights_is_said() -> None:
    for wrong in ("round:1", "prune:2", "prune", "shrink:3", "round:four"):
        with pytest.raises(ValueError, match=r"can be done to no weights: none, prune:SHARE, round:BITS"):
            measure.stressed(torch.nn.Linear(4, 2), wrong)


# Choices


def test_the_cheapest_setting_and_the_crossing_worked_out_by_hand() -> None:
    _, base, rows = next(choices.groups(made(PLAIN)))
    few = choices.cheapest(rows, base, 1000)["total"]
    assert few.to_dict() == {
        "nothing": 1_000_000 + 256_000,
        "features alone": 1_000_000 + 16_000 + 512,
        "weights alone": 250_000 + 256_000,
        "both": 250_000 + 16_000 + 512,
    }
    # 750,000 bytes fewer for the network, 240 for each vector, and 512 for the dictionaries.
    assert choices.crossing(rows, base) == (750_000 + 512) / 240


def test_what_loses_too_much_is_not_chosen_and_what_choosing_costs_is_seen() -> None:
    table = made({**PLAIN, ("none", "Q2:2"): 0.885, ("none", "DR2:2"): 0.5})
    _, base, rows = next(choices.groups(table))
    assert choices.cheapest(rows, base, 10**9).loc["features alone", "values"] == 4
    lucky = table["variant"].eq("weights=none") & table["values"].eq(2) & table["metric"].eq(CHOICE)
    table.loc[lucky, "score"] = 90.0
    _, base, rows = next(choices.groups(table))
    chosen = choices.cheapest(rows, base, 10**9).loc["features alone"]
    assert chosen["values"] == 2 and chosen["lost"] == pytest.approx(1.5)


@pytest.mark.parametrize(("together", "expected"), [(0.89, 0.0), (0.84, 5.0)])
def test_losses_that_add_up_leave_no_excess(together: float, expected: float) -> None:
    _, _, rows = next(choices.groups(made({**PLAIN, ("round:8", "Q2:4"): together})))
    assert choices.excess(rows).tolist() == pytest.approx([expected])


def test_the_front_has_no_point_that_a_cheaper_one_beats() -> None:
    _, _, rows = next(choices.groups(made(PLAIN, also=0.95)))
    best = choices.front(rows, 1)
    assert best["model"].tolist() == [SMALLER]
    _, _, rows = next(choices.groups(made(PLAIN, also=0.5)))
    best = choices.front(rows, 1000)
    assert best["total"].is_monotonic_increasing and best["chosen_by"].is_monotonic_increasing
    assert best["model"].tolist() == [SMALLER, NETWORK, NETWORK]  # 266,000 bytes; both, 266,512; features alone say no more


# The page


def test_the_page_says_which_is_cheaper_in_either_direction() -> None:
    crossed = made(PLAIN)
    assert page.headline(crossed).startswith("**With few images the weights, from 3,127 on the features.**")
    assert page.verdicts(crossed).count("as expected") == 2
    small = made(PLAIN, file=10_000)
    assert page.headline(small).startswith("**The features, from 1,000 to 1,000,000 images.**")
    assert "1,000 images: the weights were to save more than the other: **the other way**" in page.verdicts(small)


def test_the_page_says_whether_losses_add_up() -> None:
    assert "as both alone, summed" in page.verdicts(made(PLAIN))
    assert "more than both alone" in page.verdicts(made({**PLAIN, ("round:8", "Q2:4"): 0.8}))
    better = {**PLAIN, ("round:8", "none"): 0.8, ("none", "Q2:4"): 0.8, ("round:8", "Q2:4"): 0.8}
    assert "less than both alone" in page.verdicts(made(better))


def test_the_page_draws_and_names_other_networks() -> None:
    table = made(PLAIN, also=0.85)
    assert len(page.plot(table).axes) >= 3 and "our LeNet-5" in page.smaller(table)
    assert page.smaller(made(PLAIN)) == ""
    assert not page.has_others(table)
    other = table.assign(dataset="cifar10", model="cifar10:5000/lenet5/twice/0")
    both = pd.concat([table, other], ignore_index=True)
    first, second = page.plot(both), page.plot(both, others=True)
    assert page.has_others(both) and len(second.axes) == len(first.axes) == len(page.plot(table).axes)
    assert "trained here on CIFAR-10, 1,000 images" in page.alt_text(both, others=True)
    assert "CIFAR-10" not in page.alt_text(both)
    assert page.table(table).loc[("our ResNet-8", "1,000", "both"), "size"] == "267 kB"
    assert "both 267 kB" in page.alt_text(table) and "4 pairs" in page.caption(made(PLAIN))


def test_a_small_run_scores_a_shipped_network_and_survives_its_file(tmp_path: Path) -> None:
    specs = ["none", "DR2:8,Q2:4", "DR2:33"]  # of 32 numbers
    table = measure.measure([NETWORK], [], ["none", "round:3"], specs, n_jobs=1, progress=False)
    scores = table.set_index(["variant", "stress", "metric"])["score"]
    assert scores["weights=none", "none", "accuracy"] > 97
    assert scores["weights=round:3", "pca+uniform", "accuracy"] < scores["weights=none", "none", "accuracy"]
    assert table["bytes"].drop_duplicates().tolist() == [128, 2]
    path = tmp_path / "t.csv"
    write_results(table, path, MORE)
    assert page.headline(read_results(path, MORE)) == page.headline(table)
