"""Parameters: what a template takes, and one line for what it cannot take, before anything runs.

Between the command line and papermill; `reproduce` calls it.
"""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import nbformat

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
        When the cell has anything else than names with constants, lists and ranges.
    """
    cells = nbformat.read(template, 4).cells
    source = next(cell.source for cell in cells if "parameters" in cell.metadata.get("tags", []))
    values: dict[str, Any] = {}
    for line in ast.parse(source).body:
        if not (isinstance(line, ast.Assign) and len(line.targets) == 1 and isinstance(line.targets[0], ast.Name)):
            raise ValueError(f"{template}: {ast.unparse(line)!r} is no parameter; a parameter is NAME = VALUE")
        try:
            values[line.targets[0].id] = _constant(line.value)
        except ValueError as error:
            raise ValueError(f"{template}: the default in {ast.unparse(line)!r} is no constant, list or range") from error
    return values


def _constant(node: ast.expr) -> Any:
    """Return what an expression of literals, lists and ranges stands for; nothing is run to know a default."""
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
    """Refuse parameters that a template has not, and values that are of another type than its defaults.

    Parameters
    ----------
    name : str
        The figure's, for messages.
    given : dict
    known : dict
        As :func:`defaults` returns it.

    Raises
    ------
    ValueError
        In one line, with what is allowed.

    Examples
    --------
    >>> check_types("figure-4", {"values": [2, 4], "dataset": "scenes15"}, {"values": [2, 3], "dataset": ["a", "b"]})
    >>> check_types("figure-4", {"values": 4}, {"values": [2, 3]})
    Traceback (most recent call last):
    ValueError: figure-4: values=4; it is a list of whole numbers, such as 'values=[2, 3]'
    """
    for parameter, value in given.items():
        if parameter not in known:
            raise ValueError(f"{name} has no parameter {parameter!r}; it has {', '.join(known)}{near(parameter, known)}")
        default = known[parameter]
        if parameter in NAMES and "dataset" in known:
            fits, form = _is_names(value), "a name or a list of names"
        else:
            fits, form = _is_like(value, default), _form(default)
        if not fits:
            raise ValueError(f"{name}: {parameter}={value!r}; it is {form}, such as '{parameter}={_shown(default)}'")


def _shown(default: Any) -> str:
    if isinstance(default, list):
        return f"[{', '.join(map(_shown, default[:2]))}]"
    return default if isinstance(default, str) else json.dumps(default)


def _is_names(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(one, str) and one for one in names)


def _is_like(value: Any, default: Any) -> bool:
    if isinstance(default, list):
        # An empty list says nothing about what it would hold.
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
        On a name that is none; the message has the nearest one.
    FileNotFoundError
        On absent features; the message has the command that makes them.
    """
    chosen = [tuple(values.get(name, "") for name in NAMES), (values.get("also", []), "", "")]
    for name in (name for datasets, *_ in chosen for name in ([datasets] if isinstance(datasets, str) else datasets)):
        if name.endswith(SUFFIXES) and not Path(name).is_file():
            raise FileNotFoundError(f"{name}: there is no such file of features")
        if "/" in name and len(name.split("/")) != 3 and not Path(name).is_file():
            raise ValueError(f"{name!r} is neither a feature file nor DATASET/MODEL/LAYER")
    absent = [names for dataset, model, layer in chosen for names in absent_features(dataset, model, layer)]
    if "dataset" not in values and "model" in values:
        _check_model(values["model"])
    hints = [_check_names(*names) for names in absent]
    if absent and not extracts:
        missing, hint = ", ".join("/".join(names) for names in absent), next(filter(None, hints), "")
        raise FileNotFoundError(f"there are no features {missing}; make them with '{' && '.join(_commands(absent))}'{hint}")


def _check_names(dataset: str, model: str, layer: str) -> str:
    """Refuse names that are none; return a question about a layer, as any node of a network may be one."""
    from stresslib.classical import is_method
    from stresslib.classical.extractor import checked_layers
    from stresslib.datasets import DATASETS
    from stresslib.extraction import NETWORKS

    known = dict.fromkeys([*DATASETS, *(name.split("/")[0] for name, _ in list_features())])
    if dataset not in known and not Path(dataset).exists():
        raise ValueError(f"data set {dataset!r} is unknown; there are {', '.join(known)}{near(dataset, known)}")
    _check_model(model)
    if is_method(model):
        checked_layers(model, [layer])
    layers = NETWORKS[model].layers if model in NETWORKS else ()
    return "" if layer.partition("@")[0] in layers else near(layer, layers)


def _check_model(model: str) -> None:
    from stresslib.classical import METHODS, find_method, is_method
    from stresslib.extraction import NETWORKS

    if is_method(model):
        find_method(model)
    elif model not in NETWORKS and not model.startswith("timm:"):  # timm's names are looked up when the network is made
        known = [*NETWORKS, *METHODS]
        raise ValueError(f"network {model!r} is unknown; there are {', '.join(known)}, timm:NAME{near(model, known)}")


def _commands(absent: Sequence[tuple[str, str, str]]) -> list[str]:
    from stresslib.datasets import DATASETS

    layers: dict[tuple[str, str], list[str]] = {}
    for dataset, model, layer in absent:
        layers.setdefault((dataset, model), []).append(layer)
    commands = []
    for (dataset, model), wanted in layers.items():
        known = DATASETS.get(dataset)
        needs = known is not None and not known.downloads and known.write is None and not known.present()
        archive = f" --archive {dataset}.tar" if needs else ""
        commands.append(f"stresslib extract {dataset}{archive} --model {model} --layer {' '.join(wanted)}")
    return commands


def near(name: str, known: Iterable[str]) -> str:
    """Return a question that names the nearest of some names; empty where none is near."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""
