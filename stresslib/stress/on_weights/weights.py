"""Weights: which parameters of a network are its synapses, as opposed to biases and to scales of normalisation.

What every stress on weights acts on.
"""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvTransposeNd

_NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def weights_of(module: nn.Module) -> dict[str, tuple[nn.Parameter, int]]:
    """Return the kernels and matrices of a network: its parameters of two or more dimensions, but for normalisation's.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    dict of str to (torch.nn.Parameter, int)
        By their names, each once also where several layers share it; and along which dimension its output channels are.

    Raises
    ------
    ValueError
        When there are none, or one is not finite.

    Examples
    --------
    >>> from torch import nn
    >>> from stresslib.stress.on_weights.weights import weights_of
    >>> list(weights_of(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 2))))
    ['0.weight', '3.weight']
    """
    found: dict[str, tuple[nn.Parameter, int]] = {}
    seen = set()
    for prefix, layer in module.named_modules():
        if isinstance(layer, _NORMS):
            continue
        for name, parameter in layer.named_parameters(recurse=False):
            if parameter.ndim >= 2 and id(parameter) not in seen:
                seen.add(id(parameter))
                full = f"{prefix}.{name}" if prefix else name
                if not parameter.isfinite().all():
                    raise ValueError(f"{full} holds NaN or infinity")
                found[full] = (parameter, 1 if isinstance(layer, _ConvTransposeNd) else 0)
    if not found:
        raise ValueError(f"a {type(module).__name__} without kernels or matrices has no weights to put under stress")
    return found
