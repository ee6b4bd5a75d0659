"""Checkpoint: all that a training needs to go on after its last whole epoch, in one safetensors file.

Under `fit`. Tensors are weights, the optimiser's state and the state of the random generators; a header says which training
it is, so that no other one goes on from it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from stresslib.files import replacing

History = list[dict[str, float]]


def write_tensors(path: Path, tensors: dict[str, Tensor], description: dict[str, Any]) -> None:
    """Write tensors and one JSON text; equal values give equal bytes, and a reader sees the old file or the new one."""
    # One key, since safetensors writes several in any order. Copies, since it refuses tensors that share memory.
    copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    with replacing(path) as temporary:
        save_file(copies, temporary, metadata={"description": json.dumps(description, sort_keys=True)})


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`write_tensors` wrote.

    Raises
    ------
    ValueError
        When the file is damaged, or another program's.
    """
    try:
        with safe_open(path, "pt") as file:
            description = json.loads((file.metadata() or {})["description"])
        return load_file(path), description
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is damaged, or nothing that stresslib wrote; remove it to begin anew") from error


def save(path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, history: History, identity: str) -> None:
    """Write the state of a training after an epoch."""
    tensors = {f"module.{name}": tensor for name, tensor in module.state_dict().items()}
    numbers: dict[str, Any] = {}
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer.{index}.{key}"] = value
            else:
                numbers[f"{index}.{key}"] = value
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    write_tensors(path, tensors, {"identity": identity, "history": history, "numbers": numbers})


def resume(path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, identity: str) -> History:
    """Set a training to the state in a file, and return its history; without a file, leave all as it is.

    Raises
    ------
    ValueError
        When the file is another training's, or damaged.
    """
    if not path.exists():
        return []
    tensors, description = read_tensors(path)
    if description.get("identity") != identity:
        raise ValueError(
            f"{path} is of another training: its data, network, settings, seed or code differ; remove it to begin anew"
        )
    module.load_state_dict({name.removeprefix("module."): t for name, t in tensors.items() if name.startswith("module.")})
    state: dict[int, dict[str, Any]] = {}
    for name, value in {**tensors, **{f"optimizer.{key}": one for key, one in description["numbers"].items()}}.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    torch.set_rng_state(tensors["random.cpu"])
    if torch.cuda.is_available() and "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"])
    return list(description["history"])
