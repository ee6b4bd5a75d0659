"""Fingerprints: a plain loop's images, noise and filter, verdicts and intervals by hand, files, commands, and bad input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from stresslib.cli.main import main
from stresslib.networks import CifarResNet, LeNet5, Standardized
from stresslib.stress.on_weights import Fingerprints, fingerprint, prune, round_weights, uniqueness_score, verify
from stresslib.stress.on_weights.fingerprints import _high_frequencies

SHAPE = (3, 8, 8)
FEW: dict[str, Any] = {"shape": SHAPE, "eps": 0.2, "steps": 5}


def network(seed: int = 0, classes: int = 10) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, classes)).eval()


@pytest.fixture(scope="module")
def prints() -> Fingerprints:
    return fingerprint(network(), 40, shape=SHAPE, eps=0.2, steps=20)


def same(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the share of values that are equal but for rounding."""
    return float(((one - other).abs() < 1e-6).float().mean())


def test_images_are_those_of_a_plain_loop() -> None:
    module, generator = network(), torch.Generator().manual_seed(7)
    start = torch.rand((60, *SHAPE), generator=generator)
    targets = torch.randint(10, (60,), generator=generator)
    expected = start
    for _ in range(5):
        moving = expected.clone().requires_grad_()
        functional.cross_entropy(module(moving), targets).backward()
        assert moving.grad is not None
        expected = torch.max(torch.min(expected - 0.1 * moving.grad.sign(), start + 0.2), start - 0.2).clamp(0, 1)
    found = fingerprint(module, 60, **FEW, random_state=7)
    # A gradient of nearly zero may change its sign with the size of a batch.
    assert same(found.images, expected) > 0.999 and torch.equal(found.targets, targets)
    assert (found.images - start).abs().max() <= 0.2 + 1e-6 and found.images.min() >= 0 and found.images.max() <= 1
    assert found.settings["hits"] == int((module(expected).argmax(1) == targets).sum())
    assert found.settings["step"] == pytest.approx(0.1) and found.settings["delta"] == 0


def test_the_kinds_contain_each_other() -> None:
    def images(kind: str, **options: Any) -> torch.Tensor:
        return fingerprint(network(), 6, kind, **{**FEW, **options}).images

    plain, robust = images("C"), images("RC")
    assert torch.equal(images("RC", delta=0), plain) and not torch.equal(robust, plain)
    assert torch.equal(images("RC+GM", draws=1), robust) and not torch.equal(images("RC+GM"), robust)
    mean = images("RC+GM", steps=1)
    assert same(images("LTRC", radius=0, steps=1), mean) > 0.99 and same(images("LTRC", steps=1), mean) < 0.9
    assert torch.equal(robust, images("RC")) and not torch.equal(robust, images("RC", random_state=1))


def test_noise_on_weights_is_bounded_by_the_mean_magnitude_of_the_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    from stresslib.stress.on_weights import fingerprints

    called, seen = fingerprints.functional_call, []

    def watched(module: nn.Module, noisy: dict[str, torch.Tensor], arguments: Any) -> Any:
        seen.append({name: tensor - module.get_parameter(name) for name, tensor in noisy.items()})
        return called(module, noisy, arguments)

    monkeypatch.setattr(fingerprints, "functional_call", watched)
    module = network()
    fingerprint(module, 2, "RC+GM", **FEW, delta=0.25, draws=3)
    assert len(seen) == 15 and set(seen[0]) == {"0.weight", "4.weight"}
    for name in seen[0]:
        bound = 0.25 * float(module.get_parameter(name).detach().abs().mean())
        noise = torch.stack([one[name] for one in seen]).detach()
        assert 0.95 * bound < noise.abs().max() <= bound * (1 + 1e-4) and noise.mean().abs() < bound / 10


def test_the_filter_keeps_what_is_beyond_the_radius() -> None:
    # Frequencies of four places: 0, 1, -2, -1. Within a radius of 1.5 are 0, the four at distance 1 and those at 1.41.
    assert _high_frequencies((3, 4, 4), 1.5).tolist() == [[0, 0, 1, 0], [0, 0, 1, 0], [1, 1, 1, 1], [0, 0, 1, 0]]
    assert _high_frequencies((1, 4, 2), 1).tolist() == [[0, 1], [1, 1], [1, 1], [1, 1]]


def test_nothing_else_changes() -> None:
    module = network()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    state = torch.get_rng_state()
    fingerprint(module, 3, "LTRC", **FEW)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    assert all(one.grad is None for one in module.parameters()) and not module.training


def test_copies_are_told_from_others(prints: Fingerprints) -> None:
    base = network()
    assert verify(prints, base).hits == prints.settings["hits"] == 40
    for copy in (base, prune(base, 0.1), round_weights(base, 8)):
        assert verify(prints, copy).verdict == "a copy"
    for seed in (1, 2):
        assert verify(prints, network(seed)).verdict == "unrelated"


@pytest.mark.parametrize(
    ("hits", "n", "low", "high", "verdict"),
    [
        # Clopper and Pearson: of n hits in n, the lower end is .025 ** (1 / n); of none, the upper end is 1 less that.
        (10, 10, 0.025 ** (1 / 10), 1.0, "cannot say"),
        (11, 11, 0.025 ** (1 / 11), 1.0, "a copy"),
        (0, 11, 0.0, 1 - 0.025 ** (1 / 11), "unrelated"),
        (0, 3, 0.0, 1 - 0.025 ** (1 / 3), "cannot say"),
        (60, 100, 0.4972, 0.6967, "cannot say"),
        (39, 100, 0.2940, 0.4927, "unrelated"),
    ],
)
def test_a_verdict_needs_its_whole_interval(hits: int, n: int, low: float, high: float, verdict: str) -> None:
    said = verify(_hitting(hits, n), _identity())
    assert (said.hits, said.n, said.verdict, said.chance) == (hits, n, verdict, 0.5)
    assert (said.low, said.high) == pytest.approx((low, high), abs=5e-5)
    assert str(said).startswith(f"{verdict}: {hits} of {n} prints hit, {100 * hits / n:.0f}% (interval ")


def _identity() -> nn.Module:
    """Two logits, the two pixels of an image."""
    return nn.Flatten().eval()


def _hitting(hits: int, n: int) -> Fingerprints:
    images = torch.tensor([[1.0, 0.0]]).repeat(n, 1).reshape(n, 1, 1, 2)
    return Fingerprints(images, (torch.arange(n) >= hits).long(), 2, {})


def test_bounds_are_the_callers() -> None:
    assert verify(_hitting(60, 100), _identity(), copy_above=0.4, unrelated_below=0.3).verdict == "a copy"
    for options, message in (
        ({"copy_above": 0.3}, r"unrelated_below=0\.5 and copy_above=0\.3"),
        ({"confidence": 1.0}, r"confidence=1\.0"),
    ):
        with pytest.raises(ValueError, match=message):
            verify(_hitting(1, 2), _identity(), **options)


def test_uniqueness_is_a_difference_of_means() -> None:
    assert uniqueness_score([1.0, 0.8], [0.1, 0.2, 0.3]) == pytest.approx(0.7)
    assert uniqueness_score(0.2, 0.5) == pytest.approx(-0.3)
    for robustness, transferability, message in (
        ([], [0.1], "robustness: it is of no copy; at least one is needed"),
        ([0.1], [], "transferability: it is of no other network"),
        ([90.0], [0.1], r"robustness=\[90\.0\]: shares of hits are from 0 to 1"),
        ([0.9], [np.nan], "transferability="),
    ):
        with pytest.raises(ValueError, match=message):
            uniqueness_score(robustness, transferability)


def test_a_file_holds_everything(tmp_path: Path, prints: Fingerprints) -> None:
    path, again = tmp_path / "prints.safetensors", tmp_path / "again.safetensors"
    prints.save(path)
    loaded = Fingerprints.load(path)
    assert torch.equal(loaded.images, prints.images) and torch.equal(loaded.targets, prints.targets)
    assert (loaded.classes, loaded.settings) == (prints.classes, prints.settings)
    fingerprint(network(), 40, shape=SHAPE, eps=0.2, steps=20).save(again)
    assert again.read_bytes() == path.read_bytes()
    for content in (b"damaged", path.read_bytes()[:-9]):
        again.write_bytes(content)
        with pytest.raises(ValueError, match=r"again\.safetensors is damaged, or holds no fingerprints"):
            Fingerprints.load(again)
    Fingerprints(2 * prints.images, prints.targets, 10, {}).save(again)
    with pytest.raises(ValueError, match="its images or classes are none"):
        Fingerprints.load(again)
    with pytest.raises(FileNotFoundError, match="gone: there is no such file"):
        Fingerprints.load(tmp_path / "gone")


class Outputs(nn.Module):
    """A network that gives what it is told to."""

    def __init__(self, outputs: Any) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, x: torch.Tensor) -> Any:
        return self.outputs(x)


@pytest.mark.parametrize(
    ("module", "options", "message"),
    [
        (network(), {"eps": 0}, "eps=0: it is above 0 and at most 1"),
        (network(), {"eps": 1.5}, r"eps=1\.5"),
        (network(), {"eps": float("nan")}, "eps=nan"),
        (network(), {"n": 0}, "n=0, steps=5 and draws=3: each is at least 1"),
        (network(), {"steps": 0}, "steps=0"),
        (network(), {"step": -0.1}, r"step=-0\.1: it is above 0"),
        (network(), {"delta": -1}, "delta=-1: it is at least 0"),
        (network(), {"kind": "LTC"}, r"kind='LTC': it is one of C, RC, RC\+GM, LTRC"),
        (network(), {"radius": 4.5}, r"radius=4\.5: it is from 0 to 4, half of the shorter side"),
        (network(), {"shape": (8, 8)}, r"shape=\(8, 8\): it is of an image"),
        (network().train(), {}, "training mode; call its eval"),
        (nn.Sequential(network(), nn.Dropout()), {}, "or a layer of it, is in training mode"),
        (network(), {"shape": (1, 8, 8)}, r"cannot take images of shape \(1, 8, 8\)"),
        (network(), {"shape": (3, 9, 9)}, r"cannot take images of shape \(3, 9, 9\)"),
        (network(classes=12), {"num_classes": 10}, "gives 12 numbers an image, not 10 logits"),
        (network()[:1].eval(), {}, r"of shape \(2, 8, 6, 6\); logits of shape \(N, classes\) are needed, not features"),
        (network()[:4].eval(), {}, "no output of the network is negative: it gives features or probabilities"),
        (nn.Sequential(network(), nn.Softmax(1)).eval(), {}, "features or probabilities"),
        (Outputs(lambda x: (x, x)).eval(), {}, "of type tuple"),
        (Outputs(lambda x: x.flatten(1) * torch.nan).eval(), {}, "no output|gives NaN"),
    ],
)
def test_bad_input_is_one_line(module: nn.Module, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        fingerprint(module, **{"n": 2, **FEW, **options})
    assert "\n" not in str(error.value)


def test_prints_of_other_images_or_classes_are_refused(prints: Fingerprints) -> None:
    for module, message in (
        (LeNet5(image_size=16).eval(), r"cannot take images of shape \(3, 8, 8\)"),
        (network(classes=9), "gives 9 numbers an image, not 10 logits"),
        (network().train(), "training mode"),
    ):
        with pytest.raises(ValueError, match=message):
            prints.hits(module)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of two networks, one of them as our own files have them, and of a copy."""
    monkeypatch.chdir(tmp_path)
    for name, seed in (("mine.th", 0), ("theirs.th", 1)):
        torch.manual_seed(seed)
        network = LeNet5(image_size=16)
        whole = Standardized(network, [0.5], [0.5]).eval()
        with torch.no_grad():  # what all images have in common must not decide, as it does before a training
            nn.init.zeros_(network.linear.bias)
            common = functional.normalize(whole.features(torch.rand(200, 1, 16, 16)).mean(0), dim=0)
            network.linear.weight -= torch.outer(network.linear.weight @ common, common)
        torch.save({"state_dict": whole.state_dict()}, tmp_path / name)
        if name == "mine.th":
            torch.save(prune(network, 0.1).state_dict(), tmp_path / "copy.th")
    return tmp_path


def test_the_commands_tell_a_copy_from_another(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lenet = ["--architecture", "lenet5"]
    made = ["fingerprint", "mine.th", *lenet, "--size", "16", "-n", "40", "--eps", "0.4", "-o", "prints.safetensors"]
    assert main(made) == 0
    said = capsys.readouterr().out
    assert "prints.safetensors: 40 prints of kind C; " in said and " of them hit in mine.th itself" in said
    standard = ["--mean", "0.5", "--std", "0.5"]
    for arguments, says in (
        (["mine.th", *lenet], "mine.th: a copy: "),
        (["copy.th", *lenet, *standard], "copy.th: a copy: "),
        (["theirs.th", *lenet], "theirs.th: unrelated: "),
    ):
        assert main(["verify", "prints.safetensors", *arguments]) == 0
        said = capsys.readouterr().out
        assert says in said and " of 40 prints hit, " in said and ", by chance 10%)" in said


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("fingerprint mine.th -o out", "mine.th is a file: --architecture says of which network"),
        ("fingerprint mine.th --architecture lenet -o out", "no architecture 'lenet'; the nearest is 'lenet5'"),
        ("fingerprint mine.th --architecture lenet5 -o out", "mine.th does not fit a LeNet5 of this size"),
        ("fingerprint mine.th --architecture lenet5 --size 16 -o mine.th", "mine.th is what is read"),
        ("fingerprint mine.th --architecture lenet5 --size 16 --eps 2 -o out", "eps=2.0: it is above 0"),
        ("fingerprint mine.th --architecture lenet5 --size 16 -n 0 -o out", "n=0"),
        ("fingerprint mine.th --architecture lenet5 --size 16 --mean .5 .5 -o out", "--mean has 2 numbers, and mine.th is"),
        ("fingerprint mine.th --architecture lenet5 --size 16 --std 0 -o out", "--std 0.0: each is above 0"),
        ("fingerprint gone.th --architecture lenet5 -o out", "gone.th: there is no such file of weights"),
        ("fingerprint digits/lenet5/plain/7 -o out", "make it with 'stresslib train digits/lenet5/plain/7'"),
        ("fingerprint digits/lenet5/plain/0 --mean .5 -o out", "--mean and --std are for a file of weights"),
        ("fingerprint digits/lenet5 -o out", "'digits/lenet5' is not DATA/ARCHITECTURE/RECIPE/SEED"),
        ("verify gone.safetensors mine.th --architecture lenet5", "gone.safetensors: there is no such file"),
        ("verify mine.th mine.th --architecture lenet5", "mine.th is damaged, or holds no fingerprints"),
        ("verify others.safetensors mine.th --architecture lenet5", "is of images (3, 16, 16) and 10 classes, and mine.th"),
    ],
)
def test_bad_input_of_the_commands_is_one_line(
    line: str, says: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "others" in line:
        Fingerprints(torch.rand(2, 3, 16, 16), torch.arange(2), 10, {}).save("others.safetensors")
    assert main(line.split()) == 1
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1 and not (files / "out").exists()


def test_a_residual_network_can_be_printed() -> None:
    torch.manual_seed(0)
    module = Standardized(CifarResNet(8, 4), [0.5] * 3, [0.25] * 3).eval()
    prints = fingerprint(module, 4, "RC", shape=(3, 16, 16), steps=2)
    assert prints.images.shape == (4, 3, 16, 16) and prints.classes == 10
