"""``stresslib list``: what is at hand, and what can be got.

Reads the registries of data sets, networks and classical features, and the user's cache; changes nothing.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import click

from stresslib.cli.command import Command
from stresslib.cli.registered import registered_command


@click.command("list", cls=Command, examples="list")
def command() -> None:
    _features()
    _datasets()
    _networks()
    _trained()
    _classical()
    _figures()


def _features() -> None:
    from stresslib.features import list_features
    from stresslib.features.library import EMBEDDED, shadowed

    print("features at hand:")
    for name, path in list_features():
        print(f"  {name}  ({'shipped' if path.parent == EMBEDDED else f'yours, {path}'})")
    for name, path in shadowed():
        print(f"  not found by its name, which is that of shipped features: {name}  (yours, {path})")


def _datasets() -> None:
    from stresslib.datasets import DATASETS

    print("data sets:")
    for dataset in DATASETS.values():
        print(f"  {dataset.name}  ({_state(dataset)})\n    {dataset.about}\n    from {dataset.source}")


def _networks() -> None:
    from stresslib.extraction import NETWORKS

    try:
        print(f"networks:  (PyTorch: {version('torch')})")
    except PackageNotFoundError:
        print("networks:  (PyTorch: not here; pip install stresslib[torch])")
    for network in NETWORKS.values():
        print(f"  {network.name}  ({_state(network)})\n    {network.about}\n    from {network.source}")
        print(f"    layers {', '.join(network.layers)}, or any node of its graph")
    print("  timm:NAME  (any network of timm, such as timm:resnet50.a1_in1k; pip install stresslib[timm])")


def _trained() -> None:
    from stresslib.training.artefacts import SHIPPED, list_trained

    print("networks trained here:")
    for name, path in list_trained():
        print(f"  {name}  ({'shipped' if path.parent == SHIPPED else path})")
    print("  DATA/ARCHITECTURE/RECIPE/SEED  (any that 'stresslib train' can make)")


def _classical() -> None:
    from stresslib.classical import LAYERS, METHODS
    from stresslib.classical.methods import options as method_options

    here = "present" if find_spec("cv2") else "not here; pip install stresslib[classical]"
    print(f"classical features, their codebook learnt from the data set  (OpenCV: {here}):")
    for method in METHODS.values():
        print(f"  {method.name}\n    {method.about}")
        print(f"    layers {', '.join(f'{layer} ({method.width(layer):,} values)' for layer in LAYERS)}")
        settings = (f"{name}={getattr(method, name):g}" for name in method_options(method.kind))
        print(f"    set by +NAME=NUMBER behind the name: {', '.join(settings)}")


def _figures() -> None:
    """Name the figures that `reproduce` offers; there are none outside of a checkout."""
    try:
        reproduce = registered_command("reproduce")
    except ValueError:
        return
    for parameter in reproduce.params:
        if parameter.name == "figure":
            names = [item.value for item in parameter.shell_complete(click.Context(reproduce), "")]
            print(f"figures: {', '.join(names)}")


def _state(thing: Any) -> str:
    size = "size unknown" if thing.size is None else f"{thing.size / 1e6:,.0f} MB"
    return f"{'present' if thing.present() else 'not here'}, {size}"
