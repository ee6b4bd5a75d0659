"""Synthesis: draws an offspring of a network, which keeps strong synapses likelier than weak ones (StressedNets).

Stress on weights, once a generation; and the same stress in each step of a training, so that the network is ready for it. A
synapse is a weight of a convolution or a linear layer that is not 0.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterator
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

Layers = dict[str, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear]

FORMS = ("none", "sample", "uniform", "decay", "multiplicative")
"""Of :class:`StressedTraining`."""

STRENGTHS = {"decay": 2e-3, "multiplicative": 0.8}
"""Defaults of its strength."""


def synthesize(
    module: nn.Module, factor: float, random_state: int = 0, *, rescaled: bool = True, units: float | None = None
) -> nn.Module:
    """Draw an offspring: a copy of a network that keeps each synapse with a probability that rises with its strength.

    Parameters
    ----------
    module : torch.nn.Module
        The ancestor, which is left as it is.
    factor : float
        Of the environment, above 0 and at most 1: the share of the synapses that is kept in the mean of all draws.
    random_state : int, default=0
        Another one for each generation: by the same draws, what survived once is likelier to survive again.
    rescaled : bool, default=True
        Whether all probabilities are multiplied by one number, and cut at 1, so that the expected share is `factor`.
        Else they are multiplied by `factor` itself, and fewer synapses are kept.
    units : float, optional
        Whole units (a filter, or a row of a linear layer, with its bias) are drawn first; this share of the synapses of all
        layers but the last survives that in the mean. It is from `factor` to 1: the draw of synapses within the units that
        are left brings the share to `factor`. Default: synapses only.

    Returns
    -------
    torch.nn.Module
        In the ancestor's mode. A unit without any synapse has a bias of 0.

    Raises
    ------
    ValueError
        When a share is out of range, the network has no synapses, or a layer would be left without.

    Notes
    -----
    A synapse of weight w is kept with a probability that is proportional to exp(abs(w) / Z - 1), where Z is the largest
    strength in its layer; a unit likewise, by the sum of the strengths of its synapses. The units of the last layer, the
    classes, all stay. No code of the authors is public. The formula is that of a third party, github.com/csxeba/nervous, who
    multiplies it by the factor as it is; since it is between 1 / e and 1, a factor of .55 then keeps about a third. There,
    the strengths of a unit's synapses are truncated to whole numbers, by which all units of weights below 1 are equal; here
    they are not.

    References
    ----------
    Shafiee et al., "StressedNets: Efficient feature representations via stress-induced evolutionary synthesis of deep neural
    networks", arXiv 1801.05387.

    Examples
    --------
    >>> from stresslib.networks import LeNet5
    >>> from stresslib.stress.on_weights import count_synapses, synthesize
    >>> ancestor = LeNet5()
    >>> bool(abs(count_synapses(synthesize(ancestor, 0.55)) / count_synapses(ancestor) - 0.55) < 0.02)
    True
    """
    _check_shares(factor, units)
    offspring = deepcopy(module)
    layers = find_layers(offspring)
    # Not PyTorch's generator: of the same seed, the draws would be those that the first weights came from.
    random = np.random.default_rng(random_state)

    def uniform(like: Tensor) -> Tensor:
        return torch.from_numpy(random.random(tuple(like.shape), dtype=np.float32)).to(like.device)

    with torch.no_grad():
        drawn = _draw(_probabilities(layers, factor, units, rescaled), uniform)
        for (name, layer), kept in zip(layers.items(), drawn, strict=True):
            if not kept.any():
                raise ValueError(
                    f"random_state={random_state}: the draw leaves layer {name!r} without synapses; "
                    f"draw another, or take a factor above {factor:g}"
                )
            layer.weight.mul_(kept)
            if layer.bias is not None:
                layer.bias.mul_(kept.flatten(1).any(1))
    return offspring


def count_synapses(module: nn.Module) -> int:
    """Return the number of weights of convolutions and linear layers that are not 0.

    Raises
    ------
    ValueError
        When there is no such layer.

    Examples
    --------
    >>> from stresslib.networks import LeNet5
    >>> from stresslib.stress.on_weights import count_synapses
    >>> count_synapses(LeNet5())
    61470
    """
    return sum(int(torch.count_nonzero(layer.weight)) for layer in find_layers(module).values())


class StressedTraining(nn.Module):
    """A network that is trained under stress: the synapses that its offspring may lack are missing, or weakened, already.

    It stands for the network in a training, :func:`stresslib.training.fit.fit` or any other, and trains it in place. In
    evaluation mode it is the network. Whatever the form, a synapse that is not there, a weight of 0, gets no gradient and
    stays at 0, so that this is also how an offspring is trained.

    Parameters
    ----------
    module : torch.nn.Module
        The network.
    form : {"sample", "uniform", "decay", "multiplicative", "none"}, default="sample"
        - ``sample``: in each step, forward and backward pass go through a draw of the coming synthesis. A synapse that is
          missing in it gets no gradient.
        - ``uniform``: likewise, but every synapse is kept with the same probability, whatever its strength: DropConnect,
          with which ``sample`` is to be compared.
        - ``decay``: in each step, a weight w that the synthesis keeps with probability p gets the additional gradient
          strength * (1 - p) * w.
        - ``multiplicative``: between epochs, the synapses that a draw of the coming synthesis lacks are multiplied by the
          strength.
        - ``none``: no stress; what is not there stays away.
    factor : float, default=0.55
        As in :func:`synthesize`. A milder stress than that of the coming synthesis has a larger one.
    units : float, optional
        As in :func:`synthesize`.
    strength : float, optional
        Of ``decay``, at least 0, by default .002; of ``multiplicative``, above 0 and below 1, by default .8.
    every : int, optional
        Steps in an epoch, which ``multiplicative`` needs.

    Raises
    ------
    ValueError
        When there is no such form, a number is out of range or not of that form, or the network has no synapses.

    Notes
    -----
    The authors say of their stress only that it is imposed on the synapses during training, so all forms are guesses:
    ``sample`` is the coming change itself, ``decay`` its mean as a pull, and ``multiplicative`` what the third party's code
    (github.com/csxeba/nervous) means to do. Draws come from torch's generator, and steps are counted in a buffer, so a
    training that was stopped goes on as it would have.

    References
    ----------
    Shafiee et al., arXiv 1801.05387. Wan et al., "Regularization of neural networks using DropConnect", ICML 2013.

    Examples
    --------
    >>> from stresslib.networks import LeNet5
    >>> from stresslib.stress.on_weights import StressedTraining, synthesize
    >>> from stresslib.training.data import load_arrays
    >>> from stresslib.training.fit import fit
    >>> digits = load_arrays("digits:100")
    >>> ancestor = LeNet5(image_size=16)
    >>> stressed = StressedTraining(ancestor, "sample", factor=0.55)
    >>> history = fit(stressed, digits.train_images, digits.train_labels, epochs=1, progress=False)
    >>> offspring = synthesize(ancestor, factor=0.55)
    """

    steps: Tensor

    def __init__(
        self,
        module: nn.Module,
        form: str = "sample",
        factor: float = 0.55,
        *,
        units: float | None = None,
        strength: float | None = None,
        every: int | None = None,
    ) -> None:
        super().__init__()
        _check_shares(factor, units)
        if form not in FORMS:
            near = difflib.get_close_matches(form, FORMS, n=1)
            hint = f"the nearest is {near[0]!r}" if near else f"there are {', '.join(FORMS)}"
            raise ValueError(f"there is no form {form!r}; {hint}")
        if strength is not None:
            if form not in STRENGTHS:
                raise ValueError(f"strength={strength}: the form {form!r} has none")
            if not (0 <= strength < math.inf if form == "decay" else 0 < strength < 1):
                allowed = "at least 0" if form == "decay" else "above 0 and below 1"
                raise ValueError(f"strength={strength}: of the form {form!r}, it is {allowed}")
        if units is not None and form == "uniform":
            raise ValueError(f"units={units}: the form 'uniform' draws synapses alone")
        if (every is not None) != (form == "multiplicative") or (every is not None and every < 1):
            raise ValueError(
                f"every={every}: the steps in an epoch, at least 1, which the form multiplicative needs, and no other"
            )
        find_layers(module)
        self.module = module
        self.form, self.factor, self.units, self.every = form, factor, units, every
        self.strength: float = STRENGTHS.get(form, 0.0) if strength is None else strength
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        """Return the network's logits, in training mode under stress."""
        if not self.training:
            return self.module(x)
        if self.every is not None and self.steps > 0 and self.steps % self.every == 0:
            self._weaken()
        self.steps += 1
        return functional_call(self.module, dict(self._stressed()), (x,))

    def _stressed(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the parameters as the network sees them, by their names."""
        layers = find_layers(self.module)
        probabilities = _probabilities(layers, self.factor, self.units, True) if self.form in ("sample", "decay") else []
        drawn = _draw(probabilities, torch.rand_like) if self.form == "sample" else []
        if self.form == "uniform":
            drawn = [(torch.rand_like(layer.weight) < self.factor) & (layer.weight != 0) for layer in layers.values()]
        for place, (name, layer) in enumerate(layers.items()):
            prefix = f"{name}." if name else ""
            there = layer.weight.detach() != 0
            kept = drawn[place] if drawn else there
            weight = layer.weight * kept
            if self.form == "decay" and weight.requires_grad:
                unit, synapse = probabilities[place]
                weight.register_hook((self.strength * (1 - unit * synapse) * layer.weight.detach()).add)
            yield f"{prefix}weight", weight
            if layer.bias is not None:
                exists, stays = there.flatten(1).any(1), kept.flatten(1).any(1)
                yield f"{prefix}bias", torch.where(exists, layer.bias * stays, layer.bias.detach())

    @torch.no_grad()
    def _weaken(self) -> None:
        layers = find_layers(self.module)
        drawn = _draw(_probabilities(layers, self.factor, self.units, True), torch.rand_like)
        for layer, kept in zip(layers.values(), drawn, strict=True):
            layer.weight.mul_(torch.where(kept, 1.0, self.strength))

    def extra_repr(self) -> str:
        """Return the parameters, for repr."""
        return f"form={self.form!r}, factor={self.factor}, units={self.units}, strength={self.strength}, every={self.every}"


def synaptic_probability(strength: Tensor) -> Tensor:
    """Return exp(s / Z - 1) of each of a layer's strengths s, Z being the largest; 0 where there is nothing.

    Parameters
    ----------
    strength : Tensor
        Of the synapses of a layer, or of its units; not negative.

    Returns
    -------
    Tensor of the same shape

    Examples
    --------
    >>> import torch
    >>> from stresslib.stress.on_weights.synthesis import synaptic_probability
    >>> synaptic_probability(torch.tensor([0.0, 1.0, 2.0]))
    tensor([0.0000, 0.6065, 1.0000])
    """
    return torch.where(strength > 0, (strength / strength.max() - 1).exp(), 0.0)


def find_layers(module: nn.Module) -> Layers:
    """Return the layers that have synapses, each weight once, by their names.

    Raises
    ------
    ValueError
        When there is none.
    """
    layers: Layers = {}
    seen: set[int] = set()
    for name, child in module.named_modules():
        if isinstance(child, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear) and id(child.weight) not in seen:
            seen.add(id(child.weight))
            layers[name] = child
    if not layers:
        raise ValueError(f"{type(module).__name__} has no convolution and no linear layer, so it has no synapses")
    return layers


def rescale(probability: Tensor, count: Tensor, total: float) -> Tensor:
    """Multiply probabilities by one number, none going beyond 1, so that they add up to a total.

    Parameters
    ----------
    probability : Tensor of shape (n,)
        Not negative.
    count : Tensor of shape (n,)
        How often each counts in the sum.
    total : float
        At most the sum of the counts of all that are above 0; else those become 1.

    Returns
    -------
    Tensor of shape (n,)

    Examples
    --------
    >>> import torch
    >>> from stresslib.stress.on_weights.synthesis import rescale
    >>> rescale(torch.tensor([0.9, 0.3, 0.2, 0.1]), torch.ones(4), 2.2)
    tensor([1.0000, 0.6000, 0.4000, 0.2000])
    """
    weighted, whole = count * probability, count.sum()
    capped = torch.zeros_like(probability, dtype=torch.bool)
    while True:
        # Sums by products: to pick the numbers out would take most of the time of a step of a training.
        free = (~capped).to(probability.dtype)
        rest = float(weighted @ free)
        if rest <= 0:
            return (probability > 0).to(probability.dtype)
        # Too small as long as some that it takes for uncapped go beyond 1, so that what it caps is capped rightly.
        scaled = probability * ((total - float(whole - count @ free)) / rest)
        beyond = (scaled >= 1) | capped
        if torch.equal(beyond, capped):
            return scaled.masked_fill(capped, 1.0)
        capped = beyond


def _probabilities(layers: Layers, factor: float, units: float | None, rescaled: bool) -> list[tuple[Tensor, Tensor]]:
    """Return of each layer the probabilities of its units, (out, 1, ...), and of the synapses within units that are kept."""
    strengths = [layer.weight.detach().abs() for layer in layers.values()]
    for name, strength in zip(layers, strengths, strict=True):
        if not (strength.max() > 0 and torch.isfinite(strength).all()):
            raise ValueError(f"layer {name!r} has no synapses, or weights that are not finite")
    present = [(strength > 0).double() for strength in strengths]
    of_units = [torch.ones_like(_by_unit(strength)) for strength in strengths]
    if units is not None:
        hidden, counts = [_by_unit(strength) for strength in strengths[:-1]], [_by_unit(there) for there in present[:-1]]
        of_units[:-1] = _expecting(hidden, counts, units, float(sum(count.sum() for count in counts)), rescaled)
    counts = [unit * there for unit, there in zip(of_units, present, strict=True)]
    of_synapses = _expecting(strengths, counts, factor, float(sum(there.sum() for there in present)), rescaled)
    return list(zip(of_units, of_synapses, strict=True))


def _expecting(strengths: list[Tensor], counts: list[Tensor], share: float, of: float, rescaled: bool) -> list[Tensor]:
    """Return the probabilities with which a share of some number is kept in the mean; or the share of each probability."""
    probabilities = [synaptic_probability(strength) for strength in strengths]
    if not rescaled or not probabilities:
        return [share * probability for probability in probabilities]
    flat, count = (torch.cat([part.flatten() for part in parts]).double() for parts in (probabilities, counts))
    scaled = rescale(flat, count, share * of).split([strength.numel() for strength in strengths])
    return [part.view(strength.shape).to(strength.dtype) for part, strength in zip(scaled, strengths, strict=True)]


def _draw(probabilities: list[tuple[Tensor, Tensor]], uniform: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """Return of each layer which synapses a draw keeps."""
    return [(uniform(synapse) < synapse) & (uniform(unit) < unit) for unit, synapse in probabilities]


def _by_unit(of_synapses: Tensor) -> Tensor:
    """Return sums over the synapses of each unit, (out, 1, ...)."""
    return of_synapses.sum(tuple(range(1, of_synapses.ndim)), keepdim=True)


def _check_shares(factor: float, units: float | None) -> None:
    if not 0 < factor <= 1:
        raise ValueError(f"factor={factor}: the share of the synapses that is kept is above 0 and at most 1")
    if units is not None and not factor <= units <= 1:
        raise ValueError(f"units={units}: the share that survives the draw of units is from factor={factor} to 1")
