"""Options: what several commands take, with one wording, one default and one completion for all of them.

Between click and the commands; those of stressbook use it too.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

import stresslib as sl

SPECS = "stress, such as none, DR1:64, DR2:64, Q1:8, Q2:8, QB:52 or DR2:64,Q2:27"
"""Help of an argument or option that is a stress."""

SEEDS = 2**32
"""How many seeds NumPy's generators have."""

Callback = TypeVar("Callback", bound=Callable[..., Any])


def completions(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """Return what a shell offers for an incomplete word: the names that begin with it."""
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def trained_at_hand(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the trained networks that an incomplete word may become."""
    from stresslib.training.artefacts import list_trained

    return completions((name for name, _ in list_trained()), incomplete)


def _features_at_hand(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from stresslib.features import list_features

    names = completions((name for name, _ in list_features()), incomplete)
    return names or [CompletionItem(incomplete, type="file")]


features_argument = click.argument(
    "features", help="DATASET/MODEL/LAYER, or the path of a feature file", shell_complete=_features_at_hand
)
"""The features that a command takes."""

raw_option = click.option("--raw", is_flag=True, help="do not divide rows by their L2 norm first")


def protocol_options(run: Callback) -> Callback:
    """Give a command the options of the paper's protocol: ``C``, ``bias``, ``raw`` and ``seed``."""
    for option in (  # the last is the first to be put on a function, as with decorators
        click.option("--seed", type=int, default=0, show_default=True, help="of random stresses"),
        raw_option,
        click.option("--bias", is_flag=True, help="give the linear SVM a bias"),
        click.option("--C", "C", type=float, default=1.0, show_default=True, help="of the linear SVM"),
    ):
        run = option(run)
    return run


def load_protocol(
    features: str, specs: Iterable[str], C: float, bias: bool, raw: bool, seed: int, repeats: int = 1
) -> tuple[sl.FeatureSet, sl.LinearSVM]:
    """Load the features and make the classifier that the options of the protocol ask for, once all options are valid.

    Raises
    ------
    ValueError, OSError
        On the first argument or option that is wrong; the message names it.
    """
    if not 0 < C < math.inf:
        raise ValueError(f"--C {C}; give a number above 0, such as 1")
    loaded = load_to_stress(features, specs, seed, repeats)
    return loaded if raw else loaded.normalized(), sl.LinearSVM(C=C, fit_intercept=bias)


def load_to_stress(features: str, specs: Iterable[str], seed: int, repeats: int = 1) -> sl.FeatureSet:
    """Load features as they are, once it is known that every stress can be put on them.

    Raises
    ------
    ValueError, OSError
        As :func:`load_protocol`.
    """
    loaded = sl.load_features(features, normalize=False)
    from stresslib.stress.spec import bits_per_vector, parse_spec  # scikit-learn comes with it, and takes a while

    for spec in map(parse_spec, specs):
        bits_per_vector(spec, loaded.X.shape[1])  # it refuses more dimensions than there are
        if spec.is_random and not 0 <= seed <= SEEDS - repeats:
            raise ValueError(f"--seed {seed}; seeds are from 0 to {SEEDS - 1}, and each repeat takes the next one")
    return loaded


def backend_options(run: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a cluster, and run it with the tasks going there."""

    @click.option(
        "--backend",
        type=click.Choice(["local", "dask"]),
        default="local",
        show_default=True,
        help="the cores of this machine, or the workers of a Dask cluster",
    )
    @click.option(
        "--scheduler", metavar="tcp://HOST:8786", help="of that cluster; without it, workers are started on this machine"
    )
    @functools.wraps(run)
    def connected_run(*, backend: str, scheduler: str | None, **options: Any) -> Any:
        from stresslib.running.cluster import connected

        with connected(backend, scheduler):
            return run(**options)

    return connected_run
