"""Parameters: what a template takes; anything else is refused in one line, before anything runs.

Between the command line and papermill: `reproduce` and `plan` call it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat

from stressbook.reproduce.catalogue import did_you_mean
from stresslib.features import SUFFIXES, absent_features, list_features

NAMES = ("dataset", "model", "layer")
"""Parameters that say which features: one name, or a list of them."""


def defaults(template: Path) -> dict[str, Any]:
    """Return the parameters of a template with their defaults, as its cell `parameters` sets them.

    Parameters
    ----------
    template : pathlib.Path
        A notebook of this project.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        When a line of the cell sets anything but a name to a constant, a list or a range.
    """
    cells = nbformat.read(template, 4).cells
    source = next(cell.source for cell in cells if "parameters" in cell.metadata.get("tags", []))
    values: dict[str, Any] = {}
    for line in ast.parse(source).body:
        if not (isinstance(line, ast.Assign) and len(line.targets) == 1 and isinstance(line.targets[0], ast.Name)):
            raise ValueError(f"{template}: {ast.unparse(line)!r} is not a parameter; write NAME = VALUE")
        try:
            values[line.targets[0].id] = _constant(line.value)
        except ValueError as error:
            raise ValueError(f"{template}: the default in {ast.unparse(line)!r} is not a constant, list or range") from error
    return values


def _constant(node: ast.expr) -> Any:
    """Return the value of an expression of literals, lists and ranges, without running it."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        arguments = [_constant(argument) for argument in node.args]
        if node.func.id == "range":
            return range(*arguments)
        if node.func.id == "list" and len(arguments) == 1:
            return list(arguments[0])
    if isinstance(node, ast.List):
        parts = [_constant(one.value) if isinstance(one, ast.Starred) else [_constant(one)] for one in node.elts]
        return [value for part in parts for value in part]
    return ast.literal_eval(node)


def check_types(name: str, given: dict[str, Any], known: dict[str, Any]) -> None:
    """Refuse parameters that a template does not have, and values of another type than its defaults.

    Parameters
    ----------
    name : str
        The figure's, for messages.
    given : dict
        Parameters of the caller's.
    known : dict
        Those of the template, as :func:`defaults` returns them.

    Raises
    ------
    ValueError
        The message says what is allowed.

    Examples
    --------
    >>> check_types("figure-4", {"values": [2, 4], "dataset": "scenes15"}, {"values": [2, 3], "dataset": ["a", "b"]})
    >>> check_types("figure-4", {"values": 4}, {"values": [2, 3]})
    Traceback (most recent call last):
    ValueError: figure-4: values=4; give a list of whole numbers, such as 'values=[2, 3]'
    """
    for parameter, value in given.items():
        if parameter not in known:
            hint = did_you_mean(parameter, known)
            raise ValueError(f"{name} has no parameter {parameter!r}; it has {', '.join(known)}{hint}")
        default = known[parameter]
        if parameter in NAMES and "dataset" in known:
            fits, form = _is_names(value), "a name or a list of names"
        else:
            fits, form = _is_like(value, default), _form(default)
        if not fits:
            raise ValueError(f"{name}: {parameter}={value!r}; give {form}, such as '{parameter}={_shown(default)}'")


def _shown(default: Any) -> str:
    if isinstance(default, list):
        return f"[{', '.join(map(_shown, default[:2]))}]"
    return default if isinstance(default, str) else json.dumps(default)


def _is_names(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(one, str) and one for one in names)


def _is_like(value: Any, default: Any) -> bool:
    if isinstance(default, list):
        # An empty default does not say what its elements would be.
        return isinstance(value, list) and all(not default or _is_like(one, default[0]) for one in value)
    if isinstance(default, float):
        return type(value) in (int, float)
    return type(value) is type(default)


def _form(default: Any) -> str:
    if isinstance(default, list):
        return f"a list of {_FORMS[type(default[0])][1]}" if default else "a list"
    return _FORMS[type(default)][0]


_FORMS = {
    bool: ("true or false", "true or false"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("text", "names"),
}


def check_features(values: dict[str, Any], *, extracts: bool = False) -> None:
    """Refuse data sets, networks and layers that are unknown, and features that are not at hand.

    Parameters
    ----------
    values : dict
        All parameters of a run.
    extracts : bool, default=False
        Whether the run would extract what is absent.

    Raises
    ------
    ValueError
        On an unknown name; the message has the most similar one.
    FileNotFoundError
        On absent features; the message has the command that makes them.
    """
    dataset, model, layer = (values.get(name, "") for name in NAMES)
    also = values.get("also", [])  # feature sets that a page shows beside its own
    for name in [*_listed(dataset), *also]:
        _check_form(name)
    absent = [*absent_features(dataset, model, layer), *absent_features(also, "", "")]
    if "dataset" not in values and "model" in values:
        _check_model(values["model"])
    for names in absent:
        _check_names(*names)
    if absent and not extracts:
        missing = ", ".join("/".join(names) for names in absent)
        hints = (_layer_hint(network, one_layer) for _, network, one_layer in absent)
        hint = next(filter(None, hints), "")
        raise FileNotFoundError(f"there are no features {missing}; make them with '{' && '.join(_commands(absent))}'{hint}")


def _listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names


def _check_form(name: str) -> None:
    """Refuse a name that looks like a file or like DATASET/MODEL/LAYER, and is neither."""
    if Path(name).is_file():
        return
    if name.endswith(SUFFIXES):
        raise FileNotFoundError(f"{name}: there is no such file of features")
    if "/" in name and len(name.split("/")) != 3:
        raise ValueError(f"{name!r} is neither a feature file nor DATASET/MODEL/LAYER")


def _check_names(dataset: str, model: str, layer: str) -> None:
    """Refuse an unknown data set, network or method, and a layer that a method does not have."""
    from stresslib.datasets import DATASETS

    known = dict.fromkeys([*DATASETS, *(name.split("/")[0] for name, _ in list_features())])
    if dataset not in known and not Path(dataset).exists():
        raise ValueError(f"data set {dataset!r} is unknown; there are {', '.join(known)}{did_you_mean(dataset, known)}")
    _check_model(model)
    from stresslib.classical import is_method
    from stresslib.classical.extractor import checked_layers

    if is_method(model):
        checked_layers(model, [layer])


def _check_model(model: str) -> None:
    from stresslib.classical import METHODS, find_method, is_method

    if is_method(model):
        find_method(model)
        return
    from stresslib.extraction import NETWORKS

    if model not in NETWORKS and not model.startswith("timm:"):  # timm's names are looked up when the network is made
        known = [*NETWORKS, *METHODS]
        raise ValueError(
            f"network {model!r} is unknown; there are {', '.join(known)}, timm:NAME{did_you_mean(model, known)}"
        )


def _layer_hint(model: str, layer: str) -> str:
    """Ask for a similar layer where a network has no alias of this name; any node of its graph may be meant, too."""
    from stresslib.extraction import NETWORKS

    layers = NETWORKS[model].layers if model in NETWORKS else ()
    return "" if layer.partition("@")[0] in layers else did_you_mean(layer, layers)


def _commands(absent: list[tuple[str, str, str]]) -> list[str]:
    """Return the commands that make absent features, one for each data set and network."""
    from stresslib.datasets import DATASETS

    commands = []
    for (dataset, model), layers in by_network(absent).items():
        known = DATASETS.get(dataset)
        needs = known is not None and not known.downloads and known.write is None and not known.present()
        archive = f" --archive {dataset}.tar" if needs else ""
        commands.append(f"stresslib extract {dataset}{archive} --model {model} --layer {' '.join(layers)}")
    return commands


def by_network(absent: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str], list[str]]:
    """Return the layers to extract by data set and network: one pass over the images gives all of them.

    Parameters
    ----------
    absent : iterable of (str, str, str)
        As :func:`stresslib.features.absent_features` returns them.

    Returns
    -------
    dict

    Examples
    --------
    >>> by_network([("voc2007", "vgg-m", "relu6"), ("voc2007", "vgg-m", "relu7")])
    {('voc2007', 'vgg-m'): ['relu6', 'relu7']}
    """
    layers: dict[tuple[str, str], list[str]] = {}
    for dataset, model, layer in absent:
        layers.setdefault((dataset, model), []).append(layer)
    return layers
