"""The salient feature extractor: equal to the authors' networks, what it learns, scikit-learn's habits, and bad input."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import nn

from stresslib.defence import (
    SalientFeatureExtractor,
    detector,
    discriminator,
    fit_detector,
    fit_generator,
    generator,
    generator_loss,
    verdict_loss,
)

GOLD = {name: torch.from_numpy(values) for name, values in np.load(Path(__file__).with_name("authors_sfe.npz")).items()}
"""What the networks of github.com/haibinzheng/SFE (Apache-2.0) at 3765cc03 compute with weights drawn as below."""


def drawn(module: nn.Sequential, seed: int) -> nn.Sequential:
    """Give a network the weights that theirs had, drawn layer by layer as Keras orders them."""
    rng = np.random.RandomState(seed)

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.float32))

    with torch.no_grad():
        for layer in module:
            if isinstance(layer, nn.Linear):
                inputs, outputs = layer.in_features, layer.out_features
                layer.weight.copy_(tensor(rng.normal(0, math.sqrt(2 / inputs), (inputs, outputs))).T)
                layer.bias.copy_(tensor(rng.normal(0, 0.1, outputs)))
            elif isinstance(layer, nn.BatchNorm1d):
                layer.weight.copy_(tensor(rng.uniform(0.5, 1.5, layer.num_features)))
                layer.bias.copy_(tensor(rng.normal(0, 0.1, layer.num_features)))
                layer.running_mean.copy_(tensor(rng.normal(0, 0.1, layer.num_features)))
                layer.running_var.copy_(tensor(rng.uniform(0.5, 1.5, layer.num_features)))
    return module.eval()


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours.to(theirs), theirs, rtol=1e-4, atol=1e-5)


def test_the_networks_are_the_authors() -> None:
    made, judge, detecting = drawn(generator(128), 0), drawn(discriminator(128), 1), drawn(detector(256), 2)
    with torch.no_grad():
        out = made(GOLD["x"])
        close(out, GOLD["G_x"])
        close(judge(out), GOLD["D_of_Gx"])
        close(judge(GOLD["target"]), GOLD["D_of_target"])
        close(detecting(GOLD["mlp_in"]), GOLD["mlp_out"])
        total, error, verdict = GOLD["combined_total_mse_bce"]
        close(generator_loss(out, GOLD["target"], judge(out), 0.001), total)
        close(generator_loss(out, GOLD["target"], None, 0.0), error)
        close(verdict_loss(judge(out), 1.0), verdict)


def test_sizes_and_settings_are_the_authors() -> None:
    sizes = [
        sum(one.numel() for one in module.parameters()) for module in (generator(128), discriminator(128), detector(256))
    ]
    assert sizes == [841_216, 197_633, 306_049]
    assert [one.p for one in detector(256) if isinstance(one, nn.Dropout)] == [0.5, 0.5, 0.5, 0.25]
    for module, momentum in ((generator(128), 0.2), (detector(256), 0.01)):
        assert {(one.momentum, one.eps) for one in module if isinstance(one, nn.BatchNorm1d)} == {(momentum, 1e-3)}
    defaults = SalientFeatureExtractor().get_params()
    assert (defaults["steps"], defaults["batch_size"], defaults["learning_rate"]) == (25_001, 64, 1e-5)
    assert (defaults["adversarial_weight"], defaults["detector_epochs"], defaults["detector_learning_rate"]) == (
        1e-3,
        25,
        1e-4,
    )


def pairs(n: int = 300, width: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    benign = rng.normal(size=(n, width)).astype(np.float32)
    benign[:, 0] = np.abs(benign[:, 0])
    attacked = benign.copy()
    attacked[:, 0] -= 6
    return benign, attacked


def test_it_learns_what_it_is_shown() -> None:
    benign, attacked = pairs(200, 4)
    extractor = SalientFeatureExtractor(
        steps=60, batch_size=32, learning_rate=2e-2, detector_epochs=10, detector_learning_rate=0.1, progress=False
    ).fit(benign, attacked)

    def error(made: np.ndarray, truth: np.ndarray) -> float:
        return float(((made - truth) ** 2).mean())

    for rows in (benign, attacked):  # of the one number that was changed
        assert 10 * error(extractor.transform(rows)[:, 0], benign[:, 0]) < error(benign[:, 0], attacked[:, 0])
        assert 10 * error(extractor.transform_trivial(rows)[:, 0], attacked[:, 0]) < error(benign[:, 0], attacked[:, 0])
    calm, alarmed = extractor.score_samples(benign), extractor.score_samples(attacked)
    assert ((calm >= 0) & (calm <= 1)).all()
    # Where the generators are perfect, nothing is left to detect.
    assert (calm[:, None] > alarmed).mean() > 0.7


def test_without_weight_there_is_no_discriminator() -> None:
    inputs = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))

    def made(weight: float) -> torch.Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return fit_generator(inputs, inputs, steps=1, batch_size=4, learning_rate=0.01, adversarial_weight=weight)(
                inputs
            )

    with torch.random.fork_rng(devices=[]):  # by hand: the same draws, without a discriminator between them
        torch.manual_seed(0)
        module = generator(4)
        descent = torch.optim.Adam(module.parameters(), lr=0.01, betas=(0.5, 0.999), eps=1e-7)
        rows = inputs[torch.randint(8, (4,))]
        torch.nn.functional.mse_loss(module(rows), rows).backward()
        descent.step()
    torch.testing.assert_close(made(0.0), module.eval()(inputs))
    assert not torch.allclose(made(0.001), made(0.0))


def test_the_detector_learns_from_any_features() -> None:
    rng = np.random.default_rng(0)
    is_attacked = torch.arange(512) >= 256
    features = torch.from_numpy(rng.normal(100, 5, (512, 3)).astype(np.float32))
    features[is_attacked, 0] += 20
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        found = fit_detector(features, is_attacked, epochs=20, learning_rate=0.1)(features)[:, 0]
    assert found[is_attacked].mean() > 0.8 and found[~is_attacked].mean() < 0.2


def test_the_fitted_modules_are_what_the_methods_use() -> None:
    benign, attacked = pairs(40)
    extractor = SalientFeatureExtractor(steps=3, detector_epochs=1, progress=False).fit(benign, attacked)
    x = torch.from_numpy(attacked).requires_grad_()
    salient, trivial = extractor.salient_(x), extractor.trivial_(x)
    probability = extractor.detector_(torch.cat([salient, trivial], 1))
    assert np.array_equal(extractor.transform(attacked), salient.detach().numpy())
    assert np.array_equal(extractor.transform_trivial(attacked), trivial.detach().numpy())
    assert np.allclose(extractor.score_samples(attacked), 1 - probability.detach().numpy()[:, 0], atol=1e-6)
    [slope] = torch.autograd.grad(probability.sum(), x)
    assert slope.abs().sum() > 0  # an attack can go through all of it


def test_scikit_learn_s_habits_and_the_seed() -> None:
    benign, attacked = pairs(40)
    before, copies = torch.get_rng_state(), (benign.copy(), attacked.copy())
    extractor = SalientFeatureExtractor(steps=3, detector_epochs=1, progress=False, random_state=1)
    with pytest.raises(NotFittedError):
        extractor.transform(benign)
    same = clone(extractor).fit(benign, attacked).transform(benign)
    assert np.array_equal(extractor.fit_transform(benign, attacked), same)
    other = clone(extractor).set_params(random_state=2).fit(benign, attacked).transform(benign)
    assert same.dtype == np.float32 and not np.array_equal(same, other)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(benign, copies[0]) and np.array_equal(attacked, copies[1])
    assert extractor.n_features_in_ == 6 and list(extractor.get_feature_names_out()) == [f"x{place}" for place in range(6)]


def test_bad_input_is_refused() -> None:
    benign, attacked = pairs(10)
    extractor = SalientFeatureExtractor(steps=1, detector_epochs=1, progress=False)
    for rows, others, message in (
        (benign, attacked[:9], "benign is of shape \\(10, 6\\) and adversarial of shape \\(9, 6\\)"),
        (benign, attacked[:, :5], "adversarial of shape \\(10, 5\\)"),
        (benign * np.nan, attacked, "benign contains NaN"),
        (benign, attacked * np.inf, "adversarial contains infinity"),
        (benign[:1], attacked[:1], "minimum of 2 is required"),
        (np.ma.masked_less(benign, 0), attacked, "benign has .* masked"),
    ):
        with pytest.raises(ValueError, match=message):
            extractor.fit(rows, others)
    with pytest.raises(ValueError, match="6 features"):
        extractor.fit(benign, attacked).transform(benign[:, :5])
    for change in ({"adversarial_weight": 1.0}, {"steps": 0}, {"learning_rate": -1.0}, {"batch_size": 1}, {"device": 3}):
        with pytest.raises(ValueError, match=next(iter(change))):
            clone(extractor).set_params(**change).fit(benign, attacked)
    with pytest.raises(ValueError, match="not finite; a lower learning_rate"):
        clone(extractor).set_params(learning_rate=1e30, steps=5).fit(benign, attacked)
    with pytest.raises(ValueError, match="'gpu' cannot be used here"):
        clone(extractor).set_params(device="gpu").fit(benign, attacked)
