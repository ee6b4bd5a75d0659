"""Defence: the salient feature extractor, which takes out of a network's features what an attack has put into them.

Between a network's features and the rest of it. After the authors' code, whose networks and settings these are.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from numbers import Integral, Real

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_array, check_is_fitted, validate_data
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from stresslib.arrays import unwrapped
from stresslib.training.fit import find_device


class SalientFeatureExtractor(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Two networks on feature vectors, one that makes them benign and one that makes them attacked, and a detector on both.

    The salient network learns to return the features of the benign image for those of both images, the trivial one those of
    the attacked image. Each is a generator with a discriminator; the weights of the losses make it a denoiser in effect. The
    detector tells benign from attacked images by the outputs of both.

    Parameters
    ----------
    adversarial_weight : float, default=0.001
        Share of the discriminator's verdict in the generator's loss; the rest is the mean squared error. With 0 there is no
        discriminator: the plain denoiser.
    steps : int, default=25001
        Of each of the two trainings.
    batch_size : int, default=64
        Rows of a step, drawn with replacement.
    learning_rate : float, default=1e-5
        Of Adam, whose first momentum is 0.5.
    detector_epochs : int, default=25
        In batches of 256.
    detector_learning_rate : float, default=1e-4
        Of stochastic gradient descent with Nesterov's momentum 0.9.
    random_state : int, RandomState instance or None, default=0
        Of first weights, batches and dropout. torch's own generator is left as it was.
    device : str, optional
        Where torch computes. Default: a GPU if there is one.
    progress : bool, default=True
        Whether to show a progress bar.

    Attributes
    ----------
    salient_, trivial_ : torch.nn.Module
        The two networks, in evaluation mode, from features to features: for an attack that goes through them.
    detector_ : torch.nn.Module
        From the salient and the trivial features, side by side, to the probability (n, 1) of an attack.
    n_features_in_ : int

    See Also
    --------
    stresslib.stress.on_images.pgd : Makes the attacked images.

    Notes
    -----
    The layers are those of the authors: their first is as wide as the features, 128 in their case, and so is that with the
    hyperbolic tangent. Three things of their scripts are not followed. Their detector is trained to tell outputs of the
    salient network from outputs of the trivial one, each of benign and attacked images together; here it is trained to
    tell benign from attacked images, by both outputs. The rows that it is fitted on are of one class only, and both
    scripts end before they train. Batch normalisation keeps the unbiased variance of a batch, which is torch's way.

    References
    ----------
    Chen et al., "Salient feature extractor for adversarial defense on deep neural networks", arXiv 2105.06807, 2021;
    Information Sciences 600, 2022; github.com/haibinzheng/SFE.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.defence import SalientFeatureExtractor
    >>> rng = np.random.default_rng(0)
    >>> benign = rng.random((100, 8), np.float32)
    >>> attacked = benign + 0.5
    >>> extractor = SalientFeatureExtractor(steps=20, detector_epochs=1, progress=False).fit(benign, attacked)
    >>> extractor.transform(attacked).shape, extractor.score_samples(attacked).shape
    ((100, 8), (100,))
    """

    _parameter_constraints = {
        "adversarial_weight": [Interval(Real, 0, 1, closed="left")],
        "steps": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "detector_epochs": [Interval(Integral, 1, None, closed="left")],
        "detector_learning_rate": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
        "device": [str, None],
        "progress": ["boolean"],
    }

    def __init__(
        self,
        *,
        adversarial_weight: float = 0.001,
        steps: int = 25_001,
        batch_size: int = 64,
        learning_rate: float = 1e-5,
        detector_epochs: int = 25,
        detector_learning_rate: float = 1e-4,
        random_state: int | np.random.RandomState | None = 0,
        device: str | None = None,
        progress: bool = True,
    ) -> None:
        self.adversarial_weight = adversarial_weight
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.detector_epochs = detector_epochs
        self.detector_learning_rate = detector_learning_rate
        self.random_state = random_state
        self.device = device
        self.progress = progress

    def fit(self, benign: ArrayLike, adversarial: ArrayLike) -> SalientFeatureExtractor:
        """Train both networks, then the detector.

        Parameters
        ----------
        benign : array-like of shape (n, n_features)
            Features of images.
        adversarial : array-like of shape (n, n_features)
            Features of the same images, in the same order, after an attack.

        Returns
        -------
        SalientFeatureExtractor
            Itself.

        Raises
        ------
        ValueError
            When a parameter is out of range, the two are not pairs, hold NaN or infinity, or the loss becomes so.
        """
        self._validate_params()
        rows = unwrapped(benign, "benign")
        clean = check_array(rows, dtype=np.float32, ensure_min_samples=2, input_name="benign")
        validate_data(self, rows, skip_check_array=True)  # their number and names
        attacked = check_array(unwrapped(adversarial, "adversarial"), dtype=np.float32, input_name="adversarial")
        if clean.shape != attacked.shape:
            raise ValueError(
                f"benign is of shape {clean.shape} and adversarial of shape {attacked.shape}: each row of one is of "
                "the same image as that row of the other"
            )
        where = find_device(self.device)
        first, second = (torch.from_numpy(one).to(where) for one in (clean, attacked))
        both = torch.cat([first, second])
        with (
            torch.random.fork_rng(devices=[where] if where.type == "cuda" else []),
            tqdm(total=2 * self.steps, desc="salient and trivial", unit="step", disable=not self.progress) as bar,
        ):
            torch.manual_seed(int(check_random_state(self.random_state).randint(2**31)))
            settings = {name: getattr(self, name) for name in ("adversarial_weight", "steps", "batch_size", "learning_rate")}
            self.salient_ = fit_generator(both, torch.cat([first, first]), **settings, after_step=bar.update)
            self.trivial_ = fit_generator(both, torch.cat([second, second]), **settings, after_step=bar.update)
            truth = torch.arange(len(both), device=where) >= len(clean)
            self.detector_ = fit_detector(
                self._views(both), truth, epochs=self.detector_epochs, learning_rate=self.detector_learning_rate
            )
        return self

    def _views(self, rows: Tensor) -> Tensor:
        """Return the salient and the trivial features side by side."""
        return torch.cat([_applied(self.salient_, rows), _applied(self.trivial_, rows)], 1)

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return the salient features, for the rest of the network.

        Parameters
        ----------
        X : array-like of shape (n, n_features)

        Returns
        -------
        ndarray of shape (n, n_features), float32
        """
        rows = self._rows(X)
        return _applied(self.salient_, rows).cpu().numpy()

    def transform_trivial(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return the trivial features, in which an attack is to show.

        Parameters
        ----------
        X : array-like of shape (n, n_features)

        Returns
        -------
        ndarray of shape (n, n_features), float32
        """
        rows = self._rows(X)
        return _applied(self.trivial_, rows).cpu().numpy()

    def score_samples(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return the probability that each row is benign: low ones are likely attacks, as scikit-learn's detectors say.

        Parameters
        ----------
        X : array-like of shape (n, n_features)

        Returns
        -------
        ndarray of shape (n,), float32
            In [0, 1].
        """
        views = self._views(self._rows(X))
        return 1 - _applied(self.detector_, views)[:, 0].cpu().numpy()

    def _rows(self, X: ArrayLike) -> Tensor:
        check_is_fitted(self)
        rows = validate_data(self, unwrapped(X, "X"), dtype=np.float32, reset=False)
        return torch.from_numpy(rows).to(next(self.salient_.parameters()).device)


def generator(width: int) -> nn.Sequential:
    """Return the network from features to features, with first weights as Keras draws them."""
    layers: list[nn.Module] = []
    for before, after in pairwise((width, 256, 512, 1024)):
        # Keras keeps 0.8 of its moving averages; torch's momentum is what is new.
        layers += [nn.Linear(before, after), nn.LeakyReLU(0.2), nn.BatchNorm1d(after, eps=1e-3, momentum=0.2)]
    return _drawn(nn.Sequential(*layers, nn.Linear(1024, width), nn.Tanh(), nn.Linear(width, width)))


def discriminator(width: int) -> nn.Sequential:
    """Return the network from features to the probability that they are a target and were not made."""
    layers = [nn.Linear(width, 512), nn.LeakyReLU(0.2), nn.Linear(512, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1)]
    return _drawn(nn.Sequential(*layers, nn.Sigmoid()))


def detector(width: int) -> nn.Sequential:
    """Return the network from standardised features to the probability of an attack."""
    layers: list[nn.Module] = []
    for (before, after), dropout in zip(pairwise((width, 512, 256, 128, 64)), (0.5, 0.5, 0.5, 0.25), strict=True):
        layers += [nn.Linear(before, after), nn.ReLU(), nn.BatchNorm1d(after, eps=1e-3, momentum=0.01), nn.Dropout(dropout)]
    return _drawn(nn.Sequential(*layers, nn.Linear(64, 1), nn.Sigmoid()))


def fit_generator(
    inputs: Tensor,
    targets: Tensor,
    *,
    steps: int,
    batch_size: int = 64,
    learning_rate: float = 1e-5,
    adversarial_weight: float = 0.001,
    after_step: Callable[[], object] | None = None,
) -> nn.Module:
    """Train one network from features to features, in turns with its discriminator; draws from torch's generator.

    Parameters
    ----------
    inputs, targets : Tensor of shape (n, width)
        Row by row of the same image.
    steps, batch_size, learning_rate, adversarial_weight
        As :class:`SalientFeatureExtractor` has them.
    after_step : callable, optional
        Called after each step.

    Returns
    -------
    torch.nn.Module
        In evaluation mode.
    """
    width = inputs.shape[1]
    made = generator(width).to(inputs.device)
    judge = discriminator(width).to(inputs.device) if adversarial_weight else None
    descent = _adam(made, learning_rate)
    judge_descent = _adam(judge, learning_rate) if judge is not None else None
    for _ in range(steps):
        rows = torch.randint(len(inputs), (batch_size,)).to(inputs.device)
        x, target = inputs[rows], targets[rows]
        if judge is not None and judge_descent is not None:
            made.eval()
            with torch.no_grad():
                fake = _finite(made(x))
            for one, truth in ((target, 1.0), (fake, 0.0)):
                _descend(judge_descent, verdict_loss(_finite(judge(one)), truth))
        made.train()
        out = _finite(made(x))
        loss = generator_loss(out, target, _finite(judge(out)) if judge is not None else None, adversarial_weight)
        _descend(descent, loss)
        if after_step is not None:
            after_step()
    return made.eval()


def fit_detector(features: Tensor, attacked: Tensor, *, epochs: int = 25, learning_rate: float = 1e-4) -> nn.Module:
    """Train the network that tells attacked rows from others, on features of any kind; draws from torch's generator.

    Parameters
    ----------
    features : Tensor of shape (n, width)
        The network standardises them by their own mean and deviation.
    attacked : Tensor of shape (n,), bool
    epochs, learning_rate
        As :class:`SalientFeatureExtractor` has them.

    Returns
    -------
    torch.nn.Module
        In evaluation mode; from features to the probability (n, 1) of an attack.
    """
    truth = attacked[:, None].to(features.dtype)
    module = nn.Sequential(_Standardizing(features), detector(features.shape[1])).to(features.device)
    descent = torch.optim.SGD(module.parameters(), lr=learning_rate, momentum=0.9, nesterov=True)
    for _ in range(epochs):
        for rows in torch.randperm(len(features)).to(features.device).split(256):
            if len(rows) > 1:  # one row alone has no variance
                _descend(descent, functional.binary_cross_entropy(module(features[rows]), truth[rows]))
    return module.eval()


def generator_loss(out: Tensor, target: Tensor, judged: Tensor | None, weight: float) -> Tensor:
    """Return the mean squared error and, of `weight`, the cross entropy of the discriminator's verdict with "a target"."""
    loss = (1 - weight) * functional.mse_loss(out, target)
    return loss if judged is None else loss + weight * verdict_loss(judged, 1.0)


def verdict_loss(judged: Tensor, truth: float) -> Tensor:
    """Return the mean cross entropy of probabilities (n, 1) with one truth, 0 or 1."""
    return functional.binary_cross_entropy(judged, torch.full_like(judged, truth))


class _Standardizing(nn.Module):
    """Subtracts the mean of some rows and divides by their deviation; by 1 where they have none."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        deviation = rows.std(0, correction=0)
        self.register_buffer("mean", rows.mean(0))
        self.register_buffer("deviation", torch.where(deviation > 0, deviation, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.deviation


def _finite(out: Tensor) -> Tensor:
    if not torch.isfinite(out).all():
        raise ValueError("what the networks make is not finite; a lower learning_rate may help")
    return out


def _applied(module: nn.Module, rows: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([module(part) for part in rows.split(4096)])


def _drawn(module: nn.Sequential) -> nn.Sequential:
    for layer in module:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return module


def _adam(module: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(module.parameters(), lr=learning_rate, betas=(0.5, 0.999), eps=1e-7, fused=True)


def _descend(descent: torch.optim.Optimizer, loss: Tensor) -> None:
    descent.zero_grad()
    loss.backward()
    descent.step()
