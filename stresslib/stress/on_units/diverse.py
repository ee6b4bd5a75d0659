"""Diverse inputs: several images that one unit answers alike, as different from each other as can be.

Stress on units: what differs between them is what the unit ignores. After the authors' code, to the digit.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm import tqdm

from stresslib.stress.on_units.unit import Unit

History = list[dict[str, float]]


@dataclass(frozen=True)
class DiverseInputs:
    """Images that one unit answers.

    Attributes
    ----------
    images : Tensor of shape (n, C, H, W)
        As the network takes them, of the unit's receptive field.
    activations : Tensor of shape (n,)
        What the unit gives for each, before its rectifier.
    distances : Tensor of shape (n, n)
        Root mean square differences, of pixels or of an earlier layer.
    history : list of dict
        Of each step, before it: ``loss``, mean ``activation`` and least ``distance``.
    dead : bool
        Whether the unit has no gradient, or was never brought above 0: what it ignores is then everything, and it is not to
        be counted.
    """

    images: Tensor
    activations: Tensor
    distances: Tensor
    history: History
    dead: bool

    @property
    def min_distance(self) -> float:
        """Least distance of two images."""
        count = len(self.distances)
        return float(self.distances[*torch.triu_indices(count, count, offset=1)].min())


def diverse_inputs(
    module: nn.Module,
    node: str,
    channel: int,
    n: int = 6,
    diversity: float = 1.0,
    distance: str = "pixels",
    *,
    norm: float | None = None,
    image_size: int | None = None,
    steps: int = 1000,
    patience: int = 100,
    learning_rate: float = 1.0,
    random_state: int = 0,
    progress: bool = False,
) -> DiverseInputs:
    """Find images that a unit answers most, and that differ most.

    The mean activation plus `diversity` times the least distance of two images rises by Adam, from noise. Each image keeps
    its norm; the gradient is smoothed in the Fourier domain, as :func:`precondition` does.

    Parameters
    ----------
    module : torch.nn.Module
        As it is in evaluation mode; it is left as it is. Its images are centred at 0, as standardised ones are.
    node : str
        Name of a node of its graph, or of the part of the network that ends there. A rectifier is read before it rectifies,
        as the authors read all units.
    channel : int
        From 0.
    n : int, default=6
        Images, at least 2.
    diversity : float, default=1.0
        Weight of the distance; 0 gives independent ascents, which find less of what differs.
    distance : str, default="pixels"
        Between pixels, or between the outputs of an earlier node, whose units that see more than the image are left out.
    norm : float, optional
        Length of an image's vector of pixels. Default: half of that of a standardised photograph, whose values have a mean
        square of 1. The authors take half of the mean length of photographs of that size.
    image_size : int, optional
        Side of the images, where it is not to be that of the receptive field, or there is none.
    steps : int, default=1000
        At most.
    patience : int, default=100
        An ascent stops when a moving average of the loss (0.9) has not fallen below its least value in more steps than that.
    learning_rate : float, default=1.0
    random_state : int, default=0
        Of the noise.
    progress : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    DiverseInputs

    Raises
    ------
    ValueError
        When there is no such node or channel (the nearest is named), a number is out of range, or the node has no receptive
        field and no image size is given.

    Warns
    -----
    UserWarning
        When the unit is dead.

    Notes
    -----
    The authors also have the likelihood of the images under a PixelCNN++, with a weight of 0 or 1e-4; it is not here, since
    its weights have no place to be fetched from.

    References
    ----------
    Cadena et al., "Diverse feature visualizations reveal invariances in early layers of deep neural networks", ECCV 2018;
    github.com/sacadena/diverse_feature_vis.

    Examples
    --------
    >>> import torch
    >>> from stresslib.networks import CifarResNet
    >>> from stresslib.stress.on_units import diverse_inputs
    >>> found = diverse_inputs(CifarResNet(8), "layer1.0.conv1", 3, n=3, steps=5)
    >>> found.images.shape, len(found.history)
    (torch.Size([3, 3, 5, 5]), 5)
    """
    unit = Unit(module, node, channel, distance=distance, image_size=image_size)
    found = search(
        unit,
        n,
        diversity,
        norm=norm,
        steps=steps,
        patience=patience,
        learning_rate=learning_rate,
        random_state=random_state,
        progress=progress,
    )
    if found.dead:
        why = "was not brought above 0" if found.history else "has no gradient"
        warnings.warn(f"channel {channel} of node {node!r} is dead: it {why}; do not count it", stacklevel=2)
    return found


def search(
    unit: Unit,
    n: int,
    diversity: float,
    *,
    norm: float | None = None,
    steps: int = 1000,
    patience: int = 100,
    learning_rate: float = 1.0,
    random_state: int = 0,
    progress: bool = False,
) -> DiverseInputs:
    """Do what :func:`diverse_inputs` does, for a unit that is read already, and without a warning.

    Parameters
    ----------
    unit : Unit
        To be searched more than once, such as with several weights of the distance.
    n, diversity, norm, steps, patience, learning_rate, random_state, progress
        As for :func:`diverse_inputs`.

    Returns
    -------
    DiverseInputs

    Raises
    ------
    ValueError
        When a number is out of range.

    Examples
    --------
    >>> from stresslib.networks import CifarResNet
    >>> from stresslib.stress.on_units import Unit, search
    >>> unit = Unit(CifarResNet(8), "layer1.0.conv1", 3)
    >>> [len(search(unit, 2, diversity, steps=3).history) for diversity in (0.0, 1.0)]
    [3, 3]
    """
    if n < 2:
        raise ValueError(f"n={n}: distances need two images at least")
    if not diversity >= 0:
        raise ValueError(f"diversity={diversity!r}: it is at least 0")
    _check(norm, steps, patience, learning_rate)
    length = 0.5 * math.sqrt(math.prod(unit.shape)) if norm is None else norm
    generator = torch.Generator().manual_seed(random_state)
    raw = torch.randn(n, *unit.shape, generator=generator).to(unit.device)
    start = normed(raw, length).requires_grad_()
    [slope] = torch.autograd.grad(unit(start).sum(), start, allow_unused=True, materialize_grads=True)
    alive = bool(slope.any())
    history = ascend(
        raw,
        lambda free: normed(free, length),
        lambda images: objective(unit, images, diversity),
        steps=steps if alive else 0,
        patience=patience,
        learning_rate=learning_rate,
        progress=progress,
    )
    images = normed(raw, length)
    with torch.no_grad():
        activations, features = unit.read(images)
    return DiverseInputs(images, activations, _distances(features), history, not alive or bool((activations <= 0).all()))


def objective(unit: Unit, images: Tensor, diversity: float) -> tuple[Tensor, dict[str, float]]:
    """Return the loss of a set of images, and its parts: mean activation and least distance."""
    activations, features = unit.read(images)
    first, second = torch.triu_indices(len(images), len(images), offset=1)
    nearest = _rms(features[first] - features[second]).amin()
    activation = activations.mean()
    loss = -activation - diversity * nearest
    return loss, {"loss": loss.item(), "activation": activation.item(), "distance": nearest.item()}


def ascend(
    raw: Tensor,
    images_of: Callable[[Tensor], Tensor],
    loss_of: Callable[[Tensor], tuple[Tensor, dict[str, float]]],
    *,
    steps: int,
    patience: int,
    learning_rate: float,
    progress: bool,
) -> History:
    """Lower a loss of images, in place of what they are made of, and return what each step found before it."""
    descent = torch.optim.Adam([raw], lr=learning_rate)
    history: History = []
    average, least, waited = 0.0, math.inf, 0
    for step in tqdm(range(steps), desc="ascent", unit="step", disable=not progress):
        free = raw.detach().requires_grad_()
        made = images_of(free)
        images = made.detach().requires_grad_()
        loss, facts = loss_of(images)
        if not math.isfinite(facts["loss"]):
            raise ValueError(f"the loss is not finite in step {step + 1}; look at the network's weights")
        [gradient] = torch.autograd.grad(loss, images)
        # Between the loss and the projection, so that the step on the raw images is along the sphere.
        [raw.grad] = torch.autograd.grad(made, free, precondition(gradient))
        descent.step()
        history.append(facts)
        average = 0.9 * average + 0.1 * facts["loss"] if step else facts["loss"]
        waited = 0 if average < least else waited + 1
        least = min(least, average)
        if waited > patience:
            break
    return history


def precondition(gradient: Tensor) -> Tensor:
    """Divide the spectrum of a gradient by the root of the frequency, so that low frequencies rise as fast as high ones.

    Photographs have more of the low ones. The filter is 1 over the root of the frequency, of which 1 is the least that
    counts, and its mean is 1.

    Parameters
    ----------
    gradient : Tensor of shape (N, C, H, W)
        With respect to images.

    Returns
    -------
    Tensor of shape (N, C, H, W)

    References
    ----------
    github.com/sacadena/diverse_feature_vis.

    Examples
    --------
    >>> import torch
    >>> from stresslib.stress.on_units import precondition
    >>> precondition(torch.ones(1, 1, 2, 2)).round(decimals=3)
    tensor([[[[1.0410, 1.0410],
              [1.0410, 1.0410]]]])
    """
    if gradient.ndim != 4:
        raise ValueError(f"a gradient of shape {tuple(gradient.shape)}: (N, C, H, W) is needed")
    # Frequencies of an axis of n pixels: 0, 1, ..., up to n / 2, and down to 1.
    squares = [torch.minimum(torch.arange(side), side - torch.arange(side)) ** 2 for side in gradient.shape[-2:]]
    frequency = (squares[0][:, None] + squares[1]).to(gradient).sqrt()
    response = frequency.clamp(min=1).rsqrt()
    return torch.fft.ifft2(torch.fft.fft2(gradient) * (response / response.mean())).real


def normed(raw: Tensor, length: float) -> Tensor:
    """Return images of one length."""
    return raw * (length / raw.square().sum((1, 2, 3), keepdim=True).sqrt())


def _check(norm: float | None, steps: int, patience: int, learning_rate: float) -> None:
    """Raise a ValueError unless the numbers of an ascent are in range."""
    if norm is not None and not 0 < norm < math.inf:
        raise ValueError(f"norm={norm!r}: it is above 0")
    if steps < 1 or patience < 0 or not learning_rate > 0:
        raise ValueError(
            f"steps={steps}, patience={patience} and learning_rate={learning_rate!r}: at least 1, at least 0 and above 0"
        )


def _rms(differences: Tensor) -> Tensor:
    return differences.flatten(1).square().mean(1).sqrt()


def _distances(features: Tensor) -> Tensor:
    return torch.stack([_rms(features - one) for one in features])
