"""Feature flow: measure networks that were trained in several ways, whole, pruned, layer by layer, and their features.

Takes names of networks and trainings, and makes the results table that the page draws. `trainings` trains, `inspected` and
`compressed` measure; nothing here draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from stressbook.chapters.weights.feature_flow.choice import chosen
from stressbook.chapters.weights.feature_flow.compressed import measure_vectors
from stressbook.chapters.weights.feature_flow.inspected import examine, validate
from stressbook.chapters.weights.feature_flow.names import MORE
from stressbook.chapters.weights.feature_flow.trainings import make_networks
from stresslib.files import file_sha256
from stresslib.results import results_table
from stresslib.running.tasks import run_tasks
from stresslib.training.artefacts import Address

Rows = list[dict[str, Any]]

FIXED_RULES = ("norm-layer", "folded-global")
"""Rules by which filters go whatever did best on validation images: the one that is usual, and the one that sees most."""


def measure(
    networks: Sequence[str],
    tried: Sequence[str],
    seeds: int,
    *,
    epochs: Sequence[int],
    alternatives: Sequence[str],
    long: Sequence[str],
    long_epochs: int,
    shares: Sequence[int],
    few: Sequence[int],
    validation: Sequence[int],
    tests: int,
    tuning: int,
    vectors: Sequence[str],
    specs: Sequence[str],
    repeats: int,
    **options: Any,
) -> pd.DataFrame:
    """Measure everything that the chapter shows.

    Parameters
    ----------
    networks : sequence of str
        ``DATA/ARCHITECTURE``; networks that are not at hand are trained.
    tried : sequence of str
        Trainings, such as ``plain`` and ``flow+0.1``; of each method the strength is chosen on validation images, of the
        network of seed 0.
    seeds : int
        Number of trainings by each method with the strength chosen.
    epochs : sequence of int
        Of these, for each of the networks.
    alternatives : sequence of str
        ``DATA/ARCHITECTURE/METHOD``: methods that are trained with the strength that ``flow`` got.
    long : sequence of str
        Likewise: methods of one longer training each, with the strength chosen.
    long_epochs : int
    shares, few : sequence of int
        Percent of filters that go, by the rule chosen, and by others.
    validation : sequence of int
        Validation images, for each of the networks.
    tests : int
        Test images at most.
    tuning : int
        Epochs of training after half of the filters went.
    vectors : sequence of str
        Networks whose features are put under stresses: ``DATA/ARCHITECTURE/METHOD`` for all seeds with the strength chosen,
        or addresses.
    specs : sequence of str
    repeats : int
        How often a random stress is drawn.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`: `n_jobs`, `store`, `progress`.

    Returns
    -------
    pandas.DataFrame
        A results table with the columns of :data:`~stressbook.chapters.weights.feature_flow.names.MORE`.
    """
    rows: Rows = []
    for network, length, count in zip(networks, epochs, validation, strict=True):
        found = _validated([f"{network}/{one}+epochs={length}/0" for one in tried], count, few, options)
        best = chosen(results_table(found, MORE))
        variants = dict(zip(best["method"], best["variant"], strict=True))
        others = [f"{one}{variants['flow'].removeprefix('flow')}" for one in _methods(alternatives, network)]
        longer = [f"{variants[one].partition('+epochs')[0]}+epochs={long_epochs}" for one in _methods(long, network)]
        found += _validated([f"{network}/{one}/0" for one in (*others, *longer)], count, few, options)
        tests_of: list[dict[str, Any]] = [
            {"name": f"{network}/{row['variant']}/{seed}", "rule": row["rule"]}
            for row in chosen(results_table(found, MORE)).to_dict("records")
            for seed in range(1 if row["variant"] in longer else seeds)
        ]
        make_networks([one["name"] for one in tests_of], **_how(options))
        settings = [
            {
                **one,
                "weights": _weights(one["name"]),
                "shares": list(shares),
                "others": [*FIXED_RULES, f"{one['rule']}-all"],
                "few": list(few),
                "count": tests,
                "tuning": tuning,
            }
            for one in tests_of
        ]
        rows += found
        rows += [row for part in run_tasks(examine, settings, name=f"{network}, examined", **options) for row in part]
    table = results_table(rows, MORE)
    rows += measure_vectors(_addresses(vectors, table, seeds), specs=specs, repeats=repeats, **options)
    return results_table(rows, MORE)


def _methods(names: Iterable[str], network: str) -> list[str]:
    return [one.rpartition("/")[2] for one in names if one.rpartition("/")[0] == network]


def _validated(names: Sequence[str], count: int, shares: Sequence[int], options: dict[str, Any]) -> Rows:
    make_networks(names, **_how(options))
    settings = [{"name": name, "weights": _weights(name), "count": count, "shares": list(shares)} for name in names]
    return [row for part in run_tasks(validate, settings, name="validated", **options) for row in part]


def _addresses(vectors: Iterable[str], table: pd.DataFrame, seeds: int) -> list[str]:
    names = []
    for one in vectors:
        if one.count("/") == 3:
            names.append(one)
            continue
        data, architecture, method = one.split("/")
        best = chosen(table)
        best = best[best["dataset"].eq(data.partition(":")[0]) & best["model"].eq(architecture) & best["method"].eq(method)]
        usual = best.sort_values("epochs")["variant"].iloc[0]
        names += [f"{data}/{architecture}/{usual}/{seed}" for seed in range(seeds)]
    return names


def _weights(name: str) -> str:
    return file_sha256(Address.parse(name).find())


def _how(options: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key in ("n_jobs", "progress")}
