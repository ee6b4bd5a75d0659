"""Evolution: measure lineages of networks that lose synapses in each generation, and the features of some.

Takes names of data, ways of making offspring and ways of training, and makes the results table that the page draws.
`lineages` trains, `scored` and `compressed` score; nothing here draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from stressbook.chapters.weights.evolution.compressed import measure_features
from stressbook.chapters.weights.evolution.lineages import KNOBS, Lineage, make_lineages
from stressbook.chapters.weights.evolution.names import MORE, SYNTHESIS, TUNING, VALIDATION
from stressbook.chapters.weights.evolution.scored import score_lineage
from stresslib.files import file_sha256
from stresslib.results import results_table
from stresslib.running.tasks import run_tasks

Rows = list[dict[str, Any]]


def measure(
    networks: Sequence[str],
    ways: Sequence[str],
    seeds: int,
    *,
    tuned: Sequence[str],
    deeper: Sequence[str],
    deeper_ways: Sequence[str],
    alternatives: Sequence[str],
    vectors: Sequence[str],
    compared: Sequence[str],
    generations: Sequence[int],
    specs: Sequence[str],
    repeats: int,
    **options: Any,
) -> pd.DataFrame:
    """Measure everything that the chapter shows.

    Parameters
    ----------
    networks : sequence of str
        ``DATA/ARCHITECTURE``.
    ways : sequence of str
        ``REMOVAL/FORM``: what makes offspring, and what a generation is trained by.
    seeds : int
        Number of lineages of each way.
    tuned : sequence of str
        Those of `networks` for which the number of each form is chosen on images that were held out, by lineages of a seed
        of their own. The others have the numbers of :data:`~stressbook.chapters.weights.evolution.lineages.UNTUNED`.
    deeper, deeper_ways : sequence of str
        Networks and ways of which there is one lineage each.
    alternatives : sequence of str
        ``DATA/ARCHITECTURE/REMOVAL/VARIANT``: other choices than those of `ways`, as many lineages of each. Where a form has
        no number, it takes that of the synthesis by this form.
    vectors : sequence of str
        Those of `networks` whose features are put under stresses.
    compared : sequence of str
        Of the ways, those that are compared there.
    generations : sequence of int
        Whose features are taken.
    specs : sequence of str
        Stresses of the features.
    repeats : int
        How often a random stress is drawn.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`: `n_jobs`, `store`, `progress`.

    Returns
    -------
    pandas.DataFrame
        A results table with the columns of :data:`~stressbook.chapters.weights.evolution.names.MORE`.
    """
    rows: Rows = []
    chosen: dict[tuple[str, str], str] = {}
    for network in networks:
        for way in ways:
            chosen[network, way] = way
        if network in tuned:
            found, variants = tune(network, ways, **options)
            rows += found
            chosen |= {(network, way): variant for way, variant in variants.items()}
    names = [f"{network}/{chosen[network, way]}/{seed}" for network in networks for way in ways for seed in range(seeds)]
    names += [f"{network}/{way}/0" for network in deeper for way in deeper_ways]
    names += [f"{_with_number(one, chosen)}/{seed}" for one in alternatives for seed in range(seeds)]
    names = list(dict.fromkeys(str(Lineage.parse(name)) for name in names))  # an alternative may be what was chosen
    rows += measure_lineages(names, **options)
    of_features = [
        f"{network}/{chosen[network, way]}/{seed}" for network in vectors for way in compared for seed in range(seeds)
    ]
    rows += measure_features(of_features, generations, specs, repeats=repeats, **options)
    return results_table(rows, MORE)


def measure_lineages(names: Sequence[str], **options: Any) -> Rows:
    """Score lineages; train those that are not at hand."""
    make_lineages(names, **{key: value for key, value in options.items() if key != "store"})
    settings = [{"name": name, "weights": file_sha256(Lineage.parse(name).path)} for name in names]
    scored = run_tasks(score_lineage, settings, name="generations", **options)
    return [row for rows in scored for row in rows]


def _with_number(alternative: str, chosen: dict[tuple[str, str], str]) -> str:
    """Give an alternative the number that was chosen for the synthesis by the same form, unless it has one."""
    data, architecture, removal, variant = alternative.split("/")
    form, *options = variant.split("+")
    number = chosen.get((f"{data}/{architecture}", f"{SYNTHESIS}/{form}"), "").partition("+")[2]
    if number and not any("=" in option for option in options):
        options = [number, *options]
    return "/".join((data, architecture, removal, "+".join([form, *options])))


def tune(network: str, ways: Sequence[str], **options: Any) -> tuple[Rows, dict[str, str]]:
    """Choose the number of each way on images that were held out, by one lineage for each number.

    Parameters
    ----------
    network : str
        ``DATA/ARCHITECTURE``.
    ways : sequence of str
        ``REMOVAL/FORM``. The form ``uniform`` takes the factor of ``sample``, which it is a control for, and what drops
        synapses at random takes the rate of the synthesis without stress.
    **options : Any
        As for :func:`measure`.

    Returns
    -------
    rows : list of dict
        What was tried.
    chosen : dict
        By the way, ``REMOVAL/VARIANT``: that of the best mean over generations, after training.
    """
    tried: dict[str, list[str]] = {}
    for way in ways:
        removal, form = way.split("/")
        if way in FOLLOWERS:
            continue
        knob, values = KNOBS[form]
        tried[way] = [f"{removal}/{form}+{knob}={value:g}" for value in values]
    names = [f"{network}/{one}/{TUNING}" for candidates in tried.values() for one in candidates]
    rows = measure_lineages(names, **options)
    scores: dict[str, list[float]] = {}
    for row in rows:
        if row["metric"] == VALIDATION:
            scores.setdefault(f"{row['stress']}/{row['variant']}", []).append(row["score"])
    chosen = {way: max(candidates, key=lambda one: sum(scores[one])) for way, candidates in tried.items()}
    for way, leader in FOLLOWERS.items():
        if way in ways:
            chosen[way] = f"{way}+{chosen[leader].partition('+')[2]}"
    return rows, chosen


FOLLOWERS = {f"{SYNTHESIS}/uniform": f"{SYNTHESIS}/sample", "weights-dropped/none": f"{SYNTHESIS}/none"}
"""Ways that are not tuned by themselves, and those whose numbers they take."""
