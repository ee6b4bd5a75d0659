"""timm's networks, by names such as ``timm:resnet50.a1_in1k``; timm is an optional extra.

The registry of networks calls this for names that begin with ``timm:``.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from stresslib.extraction.network import TIMM as PREFIX
from stresslib.extraction.network import Network
from stresslib.files import cache_dir
from stresslib.images.preprocessing import Preprocessing


def timm_network(name: str) -> Network:
    """Return one of timm's networks, whose weights come from Hugging Face's hub.

    Its layers ``map``, ``pooled`` and ``logits`` are timm's ``forward_features``, the input of its classifier and its
    output; any other layer goes by its name in timm with ``model.`` before it. A map has the shape that timm gives it: for
    some networks it is not channels first, or it is a sequence of tokens.

    Parameters
    ----------
    name : str
        ``timm:`` and a name of timm's, with or without the tag of its weights.

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        When timm is not installed or does not know the network, or when the network wants an input, or has a file of
        weights, of a kind that is not supported here.
    """
    try:
        import timm
        from huggingface_hub import hf_hub_download, try_to_load_from_cache
    except ModuleNotFoundError as error:
        raise ValueError(f"network {name!r} needs timm, which is not installed: pip install stresslib[timm]") from error
    theirs = name.removeprefix(PREFIX)
    try:
        config = timm.get_pretrained_cfg(theirs, allow_unregistered=False)
    except RuntimeError as error:
        near = difflib.get_close_matches(theirs, timm.list_models(pretrained=True), n=1)
        hint = f"; did you mean '{PREFIX}{near[0]}'?" if near else ""
        raise ValueError(f"network {name!r} is unknown to timm {timm.__version__}{hint}") from error
    hub, file = config.hf_hub_id, config.hf_hub_filename or "model.safetensors"
    if not hub or not file.endswith(".safetensors"):
        raise ValueError(f"network {name!r} has no weights in safetensors on timm's hub")

    def weights() -> Path:
        by_hand = cache_dir() / "weights" / f"timm--{theirs}.safetensors"
        cached = try_to_load_from_cache(hub, file)
        return by_hand if by_hand.is_file() or not isinstance(cached, str) else Path(cached)

    def fetch(path: Path) -> None:
        try:
            hf_hub_download(hub, file)
        except Exception as error:  # several HTTP libraries are in use, each with exceptions of its own
            raise OSError(
                f"the weights of {name} are not here and cannot be fetched from https://huggingface.co/{hub} "
                f"({type(error).__name__}); download its {file} elsewhere and put it at {path}"
            ) from error

    def read(path: Path, module: nn.Module) -> Mapping[str, torch.Tensor]:
        # timm converts some state dicts as it loads them.
        overlay = {"state_dict": load_file(path)}
        made = timm.create_model(theirs, pretrained=True, pretrained_cfg_overlay=overlay)
        return {f"model.{key}": value for key, value in made.state_dict().items()}

    return Network(
        name,
        lambda: _Named(timm.create_model(theirs, pretrained=False)),
        weights,
        {"map": "map", "pooled": "pooled", "logits": "logits"},
        _preprocessing(name, timm.data.resolve_data_config(pretrained_cfg=config.to_dict())),
        f"timm's {theirs}",
        source=f"https://huggingface.co/{hub}, {config.license or 'no licence stated'}",
        fetch=fetch,
        read=read,
    )


class _Named(nn.Module):
    """A network of timm's, with a node for each of the three outputs that all of them have."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model: Any = model
        self.map, self.pooled, self.logits = nn.Identity(), nn.Identity(), nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.map(self.model.forward_features(x))
        self.pooled(self.model.forward_head(features, pre_logits=True))
        return self.logits(self.model.forward_head(features))


def _preprocessing(name: str, config: Mapping[str, Any]) -> Preprocessing:
    channels, height, width = config["input_size"]
    resample = getattr(Image.Resampling, str(config["interpolation"]).upper(), None)
    if (channels, height) != (3, width) or config["crop_mode"] != "center" or resample is None:
        raise ValueError(
            f"network {name!r} wants an input that is not supported here: size {config['input_size']}, "
            f"crop_mode {config['crop_mode']!r}, interpolation {config['interpolation']!r}; allowed are squares of three "
            "channels, center, and Pillow's filters"
        )
    mean, std = ([255 * value for value in config[key]] for key in ("mean", "std"))
    size = math.floor(height / config["crop_pct"])
    return Preprocessing(height, size, resample, (mean[0], mean[1], mean[2]), (std[0], std[1], std[2]))
