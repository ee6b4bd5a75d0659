"""Signatures: verify people whom no network saw, by several kinds of features, and put their templates under stress.

Takes names of data sets, and makes the results table that the page draws. `kinds` makes features, `machines` verifies,
`templates` is about sizes; nothing here draws.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stressbook.chapters.people.signatures.kinds import (
    fixed_features,
    forms,
    model_name,
    network_features,
)
from stressbook.chapters.people.signatures.machines import LEVELS, LINEAR, judge, resampled_people, roles_of
from stressbook.chapters.people.signatures.names import (
    CHANCE,
    CHANGE,
    DIFFERENCE,
    EER,
    FEWER,
    FIXED,
    FORGERIES,
    INK,
    KEPT,
    LEARNED,
    LINKED,
    MORE,
    PACKED,
    TRADE,
    TRAINING,
    UNTAKEN,
    VALIDATION,
)
from stressbook.chapters.people.signatures.people import Array, People, held_out, load_people
from stressbook.chapters.people.signatures.templates import combined, file_sizes, headline, linked, specs
from stresslib.results import joined_variants, results_table
from stresslib.running.tasks import run_tasks
from stresslib.stress.spec import bits_per_vector, parse_spec

Rows = list[dict[str, Any]]

FACTORS = ("0.25", "1", "4")
"""Widths of the machines that are tried on signatures."""

VALIDATION_DRAWS = 5


def measure(
    sets: Sequence[str],
    kinds: Sequence[str],
    seeds: Mapping[str, int],
    *,
    folder: str | os.PathLike[str] = "",
    rates: Sequence[float],
    width: int,
    epochs: int,
    references: Sequence[int],
    draws: Mapping[str, int],
    sizes: Mapping[str, Sequence[int]],
    linked_sizes: Sequence[int],
    resamples: int,
    incomplete: bool = False,
    **options: Any,
) -> pd.DataFrame:
    """Measure everything that the chapter shows.

    Parameters
    ----------
    sets : sequence of str
        As :func:`~stressbook.chapters.people.signatures.people.load_people` takes them.
    kinds : sequence of str
        Of features, ``writers`` among them.
    seeds : mapping of str to int
        For each set the number of trainings, and of untrained networks.
    folder, incomplete
        As for :func:`~stressbook.chapters.people.signatures.people.load_people`.
    rates : sequence of float
        Learning rates that are tried on people who are held out.
    width, epochs : int
        Of the networks on signatures.
    references : sequence of int
        Genuine signatures that enrol a person: the first number everywhere, the others for whole vectors alone.
    draws : mapping of str to int
        Of references, for each set.
    sizes : mapping of str to sequence of int
        Bytes of a signature's vector in a template, for each set.
    linked_sizes : sequence of int
        Bytes of the vectors of two databases that are joined.
    resamples : int
        Of the people who are verified.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`: `n_jobs`, `store` and `progress`.

    Returns
    -------
    pandas.DataFrame
        A results table with the columns :data:`~stressbook.chapters.people.signatures.names.MORE`, in percent; scores are
        means over draws, and over trainings where `seed` is empty.

    Raises
    ------
    ValueError
        When the features that are learned from writers are not among the kinds, a person has fewer than four references, or
        as the reader of signatures raises it.
    FileNotFoundError
        When there are no signatures; the message says where they are to be put.
    """
    if LEARNED not in kinds:
        raise ValueError(f"kinds={list(kinds)}: {LEARNED} is what the others are compared with, and has to be among them")
    if references[0] < 4:
        raise ValueError(
            f"references={list(references)}: the first is at least 4, so that the file of one person has two classes"
        )
    rows: Rows = []
    for name in sets:
        people = load_people(name, folder, incomplete=incomplete)
        run = _Run(people, seeds[name], width, epochs, references[0], draws[name], resamples, options)
        there = [kind for kind in kinds if kind != FORGERIES or people.have_choices]
        chosen, tried = run.choices(there, rates)
        rows += tried
        features = {kind: run.features(kind, chosen[kind][0]) for kind in there}
        rows += run.learned(features)
        rows += run.kinds(features, chosen, references)
        if people.are_signatures:
            rows += run.as_published(folder, incomplete, [kind for kind in there if kind in FIXED[:2]], chosen)
        vectors = [one["features"] for one in features[LEARNED]]
        rows += run.stressed(vectors, chosen[LEARNED][1], sizes[name])
        rows += run.joined(vectors, linked_sizes)
    return results_table(rows, MORE)


class _Run:
    """What all measurements of one data set have in common."""

    def __init__(
        self,
        people: People,
        seeds: int,
        width: int,
        epochs: int,
        references: int,
        draws: int,
        resamples: int,
        options: dict[str, Any],
    ) -> None:
        self.people, self.seeds, self.width, self.epochs = people, seeds, width, epochs
        self.references, self.draws, self.resamples, self.options = references, draws, resamples, options
        self.roles = roles_of(people)
        self.made: dict[str, dict[str, Array]] = {}
        # Trainings are drawn anew with the people, so that both count in an interval.
        self.trainings = np.random.default_rng(1).integers(seeds, size=(resamples, seeds))

    def fixed(self, people: People, kind: str) -> dict[str, Array]:
        """Return for each form of a kind that learns nothing the features of all pictures."""
        wanted = list(forms(people, kind, ()))
        options = {"libraries": ["scikit-image"], **self.options}
        (made,) = run_tasks(
            fixed_features, [{"kind": kind, "wanted": wanted}], people.pictures, name=f"{people.name}, {kind}", **options
        )
        return dict(zip(wanted, made, strict=True))

    def networks(self, people: People, kind: str, wanted: Sequence[str], seeds: int) -> list[dict[str, Any]]:
        """Return for each form and seed of a network the features of all pictures, and the accuracy of a training."""
        settings = [
            {"kind": kind, "form": form, "seed": seed, "width": self.width, "epochs": self.epochs}
            for form in wanted
            for seed in range(seeds)
        ]
        return run_tasks(network_features, settings, people, name=f"{people.name}, {kind}", **self.options)

    def features(self, kind: str, form: str) -> list[dict[str, Any]]:
        """Return the features of everybody by the form that was chosen, and by each network of it."""
        if kind in FIXED:
            return [{"features": self.made[kind][form], "accuracy": None}]
        return self.networks(self.people, kind, [form], self.seeds)

    def choices(self, kinds: Sequence[str], rates: Sequence[float]) -> tuple[dict[str, tuple[str, str]], Rows]:
        """Return for each kind its form and its machine that do best on people who are held out, and what was tried."""
        self.made = {kind: self.fixed(self.people, kind) for kind in kinds if kind in FIXED}
        usual = {kind: (forms(self.people, kind, rates)[0], "1") for kind in kinds}
        if not self.people.have_choices:
            return usual, []
        part, where = held_out(self.people)
        roles, rows, chosen = roles_of(part), [], {}
        for kind in kinds:
            if kind == FORGERIES:
                continue
            scores: dict[tuple[str, str], float] = {}
            # What learns nothing from signatures is of all pictures already.
            if kind in FIXED:
                made = {form: one[where] for form, one in self.made[kind].items()}
            else:
                tried = forms(self.people, kind, rates)
                several = self.networks(part, kind, tried, seeds=1)
                made = {form: one["features"] for form, one in zip(tried, several, strict=True)}
            for form, vectors in made.items():
                found = self._judged(roles, [vectors], [{"machine": factor} for factor in FACTORS], kind, VALIDATION_DRAWS)
                for factor, (judged,) in zip(FACTORS, found, strict=True):
                    scores[form, factor] = judged["metrics"][EER]
                    variant = joined_variants(f"form={form}" if form else "", f"gamma={factor}/d")
                    cells = self._cells(kind, vectors.shape[1], seed=None if kind in FIXED else 0)
                    rows.append({**cells, "variant": variant, "metric": VALIDATION, "score": scores[form, factor]})
            chosen[kind] = min(scores, key=scores.__getitem__)
        return {kind: chosen.get(kind, chosen[LEARNED]) for kind in kinds}, rows

    def learned(self, features: dict[str, list[dict[str, Any]]]) -> Rows:
        """Return how well networks know the people that they learned from."""
        return [
            {**self._cells(kind, one["features"].shape[1], seed), "metric": TRAINING, "score": one["accuracy"]}
            for kind, several in features.items()
            for seed, one in enumerate(several)
            if one["accuracy"] is not None
        ]

    def kinds(
        self,
        features: dict[str, list[dict[str, Any]]],
        chosen: dict[str, tuple[str, str]],
        references: Sequence[int],
    ) -> Rows:
        """Return the errors of each kind, and how they differ from those of what was learned."""
        rows: Rows = []
        resampled: dict[tuple[str, str], Array] = {}
        scores: dict[tuple[str, str], float] = {}
        for kind, several in features.items():
            vectors = [one["features"] for one in several]
            usual = chosen[kind][1]
            variants = {"": {"machine": usual}, LINEAR: {"machine": LINEAR}}
            variants |= {f"references={one}": {"machine": usual, "references": one} for one in references[1:]}  # type: ignore[dict-item]
            found = self._judged(self.roles, vectors, list(variants.values()), kind)
            for variant, trainings in zip(variants, found, strict=True):
                cells = {**self._cells(kind, vectors[0].shape[1]), "variant": variant or None}
                means = _means(trainings)
                resampled[kind, variant], scores[kind, variant] = self._pooled(trainings), means[EER]
                rows += [
                    {**cells, "metric": metric, "score": score, **(_band(resampled[kind, variant]) if metric == EER else {})}
                    for metric, score in means.items()
                ]
                if len(trainings) > 1:
                    rows += [
                        {**cells, "seed": seed, "metric": EER, "score": one["metrics"][EER]}
                        for seed, one in enumerate(trainings)
                    ]
                if variant == "":
                    curve = np.mean([one["trade"] for one in trainings], axis=0)
                    rows += [
                        {**cells, "metric": TRADE, "level": level, "score": score}
                        for level, score in zip(LEVELS, curve, strict=True)
                    ]
        pairs = [(DIFFERENCE, (LEARNED, variant), (kind, variant)) for kind, variant in scores if kind != LEARNED]
        pairs += [(FEWER, (kind, one), (kind, "")) for kind, one in scores if one.startswith("references=")]
        for metric, one, other in pairs:
            kind, variant = other if metric == DIFFERENCE else one
            cells = {**self._cells(kind, features[kind][0]["features"].shape[1]), "variant": variant or None}
            band = _band(resampled[one] - resampled[other])
            rows.append({**cells, "metric": metric, "score": scores[one] - scores[other], **band})
        return rows

    def as_published(
        self,
        folder: str | os.PathLike[str],
        incomplete: bool,
        kinds: Iterable[str],
        chosen: dict[str, tuple[str, str]],
    ) -> Rows:
        """Return what the authors' normalisation changes for kinds that learn nothing, and the ink that it loses."""
        theirs = load_people(self.people.name, folder, incomplete=incomplete, faithful=True)
        left, all_ink = (one.pictures.sum(axis=(1, 2, 3), dtype=float) for one in (theirs, self.people))
        # Theirs loses a row and a column of every box: what is equal was refused, and taken the sound way.
        taken = (theirs.pictures != self.people.pictures).any(axis=(1, 2, 3))
        lost = 100 * float(np.mean(1 - left[taken] / all_ink[taken])) if taken.any() else 0.0
        cells = {"dataset": self.people.name, "stress": "none", "variant": "faithful"}
        rows: Rows = [{**cells, "metric": INK, "score": lost}]
        rows.append({**cells, "metric": UNTAKEN, "score": 100 * float(np.mean(~taken))})
        for kind in kinds:
            form, machine = chosen[kind]
            vectors = [self.made[kind][form], self.fixed(theirs, kind)[form]]
            ours, published = self._judged(self.roles, vectors, [{"machine": machine}], kind)[0]
            change = published["resampled"] - ours["resampled"]
            score = published["metrics"][EER]
            there = {**self._cells(kind, vectors[0].shape[1]), "variant": "faithful"}
            rows.append({**there, "metric": EER, "score": score, **_band(published["resampled"])})
            rows.append({**there, "metric": CHANGE, "score": score - ours["metrics"][EER], **_band(change)})
        return rows

    def stressed(self, vectors: list[Array], machine: str, sizes: Sequence[int]) -> Rows:
        """Return the errors of learned features in fewer bytes, and the file of one person."""
        width, n_learned = vectors[0].shape[1], int((~self.people.verified).sum())
        names = specs(width, n_learned, sizes)
        settings = [{"spec": parse_spec(one), "machine": machine} for one in ("none", *names)]
        whole, *found = self._judged(self.roles, vectors, settings, f"{LEARNED} under stress")
        before, usual = self._pooled(whole), _means(whole)[EER]
        rows: Rows = []
        for name, trainings in zip(names, found, strict=True):
            cells = {**self._cells(LEARNED, width), **_stress_cells(name, width)}
            after, score = self._pooled(trainings), _means(trainings)[EER]
            rows.append({**cells, "metric": EER, "score": score, **_band(after)})
            rows.append({**cells, "metric": CHANGE, "score": score - usual, **_band(after - before)})
            if name == headline(width, n_learned):
                kept = 100 * ((100 - after) / (100 - before) - 1)
                share = 100 * ((100 - score) / (100 - usual) - 1)
                rows.append({**cells, "metric": KEPT, "score": share, **_band(kept)})
                whole_file, side = file_sizes(self.roles, vectors[0], parse_spec(name), self.references)
                sizes_of = {"file_bytes": whole_file, "side_bytes": side, "score": 100 * side / whole_file}
                rows.append({**cells, "metric": PACKED, **sizes_of})
        return rows

    def joined(self, vectors: list[Array], sizes: Sequence[int]) -> Rows:
        """Return how often two databases of the same people are joined, by the bytes of a vector."""
        width, n_learned = vectors[0].shape[1], int((~self.people.verified).sum())
        names = ["none", *(combined(size) for size in sizes if 2 * size <= min(width, n_learned))]
        people = resampled_people(self.people.count, self.resamples)
        rows: Rows = []
        for name in names:
            settings = [{"features": one, "spec": parse_spec(name)} for one in vectors]
            hits = np.stack(run_tasks(linked, settings, self.roles, name=f"{self.people.name}, linked", **self.options))
            resampled = hits @ people.T / self.people.count
            cells = {**self._cells(LEARNED, width), **_stress_cells(name, width)}
            rows.append({**cells, "metric": LINKED, "score": float(hits.mean()), **_band(self._drawn(resampled))})
        chance = {**self._cells(LEARNED, width), "metric": CHANCE, "score": 100 / self.people.count}
        return [*rows, chance]

    def _judged(
        self,
        roles: dict[str, Array],
        vectors: Sequence[Array],
        settings: Sequence[dict[str, Any]],
        name: str,
        draws: int | None = None,
    ) -> list[list[dict[str, Any]]]:
        """Return for each setting what each training's features give."""
        usual = {"spec": parse_spec("none"), "references": self.references}
        usual |= {"draws": draws or self.draws, "resamples": self.resamples}
        found = [
            run_tasks(
                judge,
                [{**usual, **one} for one in settings],
                roles,
                each,
                name=f"{self.people.name}, {name}",
                **self.options,
            )
            for each in vectors
        ]
        return [list(one) for one in zip(*found, strict=True)]

    def _pooled(self, trainings: Sequence[dict[str, Any]]) -> Array:
        """Return the equal error rate of each resample of people and trainings."""
        return self._drawn(np.stack([one["resampled"] for one in trainings]))

    def _drawn(self, resampled: Array) -> Array:
        """Return means over trainings that are drawn anew for each resample; a kind without trainings has one."""
        if len(resampled) == 1:
            return np.asarray(resampled[0])
        return np.take_along_axis(resampled.T, self.trainings, axis=1).mean(axis=1)

    def _cells(self, kind: str, n_features: int, seed: int | None = None) -> dict[str, Any]:
        named = {"dataset": self.people.name, "model": model_name(self.people, kind, self.width), "layer": "features"}
        return {**named, "n_features": n_features, "stress": "none", "bytes": 4 * n_features, "seed": seed}


def _means(trainings: Sequence[dict[str, Any]]) -> dict[str, float]:
    return {name: float(np.mean([one["metrics"][name] for one in trainings])) for name in trainings[0]["metrics"]}


def _band(resampled: Array) -> dict[str, float]:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return {"score_low": float(low), "score_high": float(high)}


def _stress_cells(name: str, width: int) -> dict[str, Any]:
    return {**parse_spec(name).cells, "bytes": bits_per_vector(name, width) / 8}
