"""Fingerprints: make prints of networks in several ways, and put them to copies of these and to other networks.

Takes names of networks and settings, and makes the results table that the page draws. `suspects` makes the copies, `heads`
the classifiers of the tie to the paper; nothing here draws.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from stressbook.chapters.weights.fingerprints import heads, networks
from stressbook.chapters.weights.fingerprints.names import HITS, MORE
from stressbook.chapters.weights.fingerprints.suspects import Suspect, Suspects, accuracies, copies, tune
from stresslib.files import file_sha256
from stresslib.results import joined_variants, result_rows, results_table
from stresslib.running.tasks import run_tasks
from stresslib.stress.on_weights import Fingerprints, fingerprint
from stresslib.training.fit import predict

Array = NDArray[Any]
Rows = list[dict[str, Any]]

DEFAULTS = {name: one.default for name, one in inspect.signature(fingerprint).parameters.items()}
"""Settings that the library has where nothing is said."""

FILTER_ALONE = "C+filter"
"""A kind of ours: the filter of LTRC without noise on the weights, to tell what each of the two does."""

_PARTS = {"delta": ("RC", "RC+GM", "LTRC"), "draws": ("RC+GM", "LTRC"), "radius": ("LTRC", FILTER_ALONE)}
"""Kinds that a setting is of."""


@dataclass(frozen=True)
class Setting:
    """How prints are made.

    Attributes
    ----------
    kind : str
        Of :data:`stresslib.stress.on_weights.fingerprints.KINDS`, or :data:`FILTER_ALONE`.
    eps, steps, delta, draws, radius
        As :func:`stresslib.stress.on_weights.fingerprint` takes them.
    """

    kind: str = "C"
    eps: float = DEFAULTS["eps"]
    steps: int = DEFAULTS["steps"]
    delta: float = DEFAULTS["delta"]
    draws: int = DEFAULTS["draws"]
    radius: float | None = DEFAULTS["radius"]

    def text(self, base: str) -> str:
        """Return the cell of the column `variant` that says of which network prints are, and how they are made."""
        parts = [f"prints of {base}", self.kind, f"eps={self.eps:g}", f"steps={self.steps}"]
        for name, kinds in _PARTS.items():
            value = getattr(self, name)
            parts += [f"{name}={value:g}"] if self.kind in kinds and value is not None else []
        return ", ".join(parts)

    def make(self, module: torch.nn.Module, count: int, shape: tuple[int, ...], seed: int) -> Fingerprints:
        """Make prints of a network."""
        options: dict[str, Any] = {**asdict(self), "shape": shape, "random_state": seed}
        if self.kind == FILTER_ALONE:
            options |= {"kind": "LTRC", "delta": 0.0, "draws": 1}
        return fingerprint(module, count, **options)


def measure(
    bases: Sequence[str],
    others: Sequence[str],
    *,
    kinds: Sequence[str],
    eps: Sequence[float],
    eps_digits: Sequence[float],
    prints: int,
    seeds: int,
    shares: Sequence[float],
    bits: Sequence[int],
    tuned: Sequence[float],
    swept: Sequence[str],
    tried_eps: Sequence[float],
    tried_steps: Sequence[int],
    tried_deltas: Sequence[float],
    tried_draws: Sequence[int],
    tried_radii: Sequence[float],
    tied: Sequence[str],
    specs: Sequence[str],
    **options: Any,
) -> pd.DataFrame:
    """Measure everything that the chapter shows.

    Parameters
    ----------
    bases : sequence of str
        Networks that prints are made of; those that this package trains and that are not at hand are trained.
    others : sequence of str
        Networks that are no copies. Prints are put to those that know the same data.
    kinds : sequence of str
        Of prints, each made with every radius of the ball about the noise.
    eps, eps_digits : sequence of float
        These radii, for networks of CIFAR-10, and for networks of digits.
    prints, seeds : int
        How many prints are made of each seed, and how many seeds there are.
    shares, bits, tuned : sequence
        Copies of each base: pruned by these shares, rounded to these bits, and pruned and trained again.
    swept : sequence of str
        Bases of which one setting at a time is changed to the values that are to be tried, on prints of other seeds; all
        but eps at the first of the radii above, the one that leaves room for change.
    tried_eps, tried_steps, tried_deltas, tried_draws, tried_radii : sequence of numbers
        As :func:`stresslib.stress.on_weights.fingerprint` takes them; a radius of 0 stands for the library's own.
    tied : sequence of str
        Bases whose vectors are put under the stresses of `specs`, too.
    specs : sequence of str
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`: `n_jobs`, `store`, `progress`.

    Returns
    -------
    pandas.DataFrame
        A results table with the columns :data:`~stressbook.chapters.weights.fingerprints.names.MORE`.
    """
    names = list(dict.fromkeys([*bases, *others]))
    running = {name: value for name, value in options.items() if name in ("n_jobs", "progress")}
    networks.make(names, **running)
    of_base = {base: copies(base, shares, bits, tuned) for base in bases}
    suspects = list(dict.fromkeys([*(one for found in of_base.values() for one in found), *map(Suspect, names)]))
    made = tune(suspects, **options)
    rows = accuracies(suspects, made, whole=networks.FILES, **options)
    rows += heads.scores([base for base in bases if base in tied], specs, **options)
    wanted = []
    for base in bases:
        put_to = [*of_base[base], *(Suspect(name) for name in names if _comparable(name, base))]
        common = {"base": base, "suspects": put_to, "count": prints}
        mine = list(specs) if base in tied else []
        balls = eps_digits if networks.data_of(base) == "digits" else eps
        main = [Setting(kind, eps=one) for one in balls for kind in kinds]
        wanted += [{**common, "setting": one, "seeds": list(range(seeds)), "specs": mine} for one in main]
        if base in swept:
            others_seeds = list(range(FIRST_OF_SWEEP, FIRST_OF_SWEEP + OF_SWEEP))
            tried = changes(balls[0], tried_eps, tried_steps, tried_deltas, tried_draws, tried_radii)
            wanted += [{**common, "setting": one, "seeds": others_seeds, "specs": []} for one in tried]
    return results_table(rows + hits(wanted, made, **options), MORE)


FIRST_OF_SWEEP, OF_SWEEP = 100, 3
"""First seed, and number of seeds, of the prints on which settings are chosen; no other prints are made of these."""


def changes(
    ball: float,
    eps: Iterable[float],
    steps: Iterable[int],
    deltas: Iterable[float],
    draws: Iterable[int],
    radii: Iterable[float],
) -> list[Setting]:
    """Return settings that differ in one thing from the library's, of the kind that it matters for.

    Parameters
    ----------
    ball : float
        The `eps` at which all but `eps` are changed.
    eps, steps, deltas, draws, radii : iterable of numbers

    Examples
    --------
    >>> from stressbook.chapters.weights.fingerprints.measure import changes
    >>> [setting.text("a") for setting in changes(0.05, [], [], [0.5], [], [])]
    ['prints of a, RC+GM, eps=0.05, steps=20, delta=0.5, draws=3']
    """
    found = [Setting("C", eps=one) for one in eps]
    found += [Setting("C", ball, steps=one) for one in steps]
    found += [Setting("RC+GM", ball, delta=one) for one in deltas]
    found += [Setting("RC+GM", ball, draws=one) for one in draws]
    # The library's own radius is written as none, so that there is one setting for it.
    found += [Setting("LTRC", ball, radius=one or None) for one in radii]
    return list(dict.fromkeys(found))


def _comparable(name: str, base: str) -> bool:
    return name != base and networks.data_of(name) == networks.data_of(base)


def hits(wanted: Sequence[dict[str, Any]], made: Suspects, **options: Any) -> Rows:
    """Make prints, and measure how many of them each network puts into their classes.

    Parameters
    ----------
    wanted : sequence of dict
        `base`, `setting` (a :class:`Setting`), `suspects`, `count` and `seeds`, and the stresses of features in `specs`.
    made : Suspects
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`.

    Returns
    -------
    list of dict
        Rows of a results table, one for each network and seed.
    """
    settings = []
    for one in wanted:
        known = {suspect.name: file_sha256(networks.find(suspect.name)) for suspect in one["suspects"]}
        changed = {"setting": asdict(one["setting"]), "suspects": [asdict(suspect) for suspect in one["suspects"]]}
        settings.append({**one, **changed, "weights": known})
    fitted: dict[str, list[heads.Head]] = {}

    def prepare(left: list[dict[str, Any]]) -> tuple[Any, ...]:
        for setting in left:
            if setting["base"] not in fitted and setting["specs"]:
                fitted[setting["base"]] = heads.fit_heads(setting["base"], setting["specs"])
        return made, fitted

    found = run_tasks(hits_of, settings, name="prints", prepare=prepare, **options)
    return [row for rows in found for row in rows]


def hits_of(
    made: Suspects,
    fitted: dict[str, list[heads.Head]],
    base: str,
    setting: dict[str, Any],
    suspects: list[dict[str, Any]],
    count: int,
    seeds: list[int],
    specs: list[str],
    weights: dict[str, str],
) -> Rows:
    """Make prints of a network in one way, and put them to suspects and to classifiers: rows of a results table."""
    module, how = made[Suspect(base)], Setting(**setting)
    shape = image_shape(base)
    groups = [how.make(module, count, shape, seed) for seed in seeds]
    images = torch.cat([group.images for group in groups])
    targets = torch.cat([group.targets for group in groups])
    together = Fingerprints(images, targets, groups[0].classes, {})
    rows: Rows = []
    for suspect in (Suspect(**one) for one in suspects):
        at = {**suspect.at, "n_features": together.classes}
        at["variant"] = joined_variants(at["variant"], how.text(base))
        rows += _by_seed(at, None, together.hits(made[suspect]), seeds)
    if specs:
        vectors = predict(module.features, images.numpy(), batch_size=250)  # type: ignore[arg-type]
        for head in fitted[base]:
            at = {**head.at, "variant": how.text(base)}
            rows += _by_seed(at, head.spec, head.guesses(vectors) == targets.numpy(), seeds)
    return rows


def _by_seed(at: dict[str, Any], spec: Any, hit: Array, seeds: Sequence[int]) -> Rows:
    parts = zip(seeds, np.split(hit, len(seeds)), strict=True)
    return [row for seed, part in parts for row in result_rows(at, spec, {HITS: float(part.mean())}, seed=seed)]


def image_shape(name: str) -> tuple[int, ...]:
    """Return the shape of the images that a network takes."""
    return (1, 16, 16) if networks.data_of(name) == "digits" else (3, 32, 32)
