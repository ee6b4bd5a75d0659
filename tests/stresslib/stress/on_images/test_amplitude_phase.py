"""Amplitude and phase: what is exchanged, the axes of the transform, clipping, draws, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torchvision.transforms import v2

from stresslib.stress.on_images import AmplitudePhasePairs, AmplitudePhaseSingle, RandomOperation, operations, recombine


def images(count: int = 4, shape: tuple[int, ...] = (3, 12, 9), seed: int = 0) -> torch.Tensor:
    return torch.rand((count, *shape), generator=torch.Generator().manual_seed(seed))


def test_the_transform_goes_over_channels_height_and_width() -> None:
    a, b = images(4).double(), images(4, seed=1).double()
    axes = (1, 2, 3)
    amplitude, phase = torch.fft.fftn(a, dim=axes), torch.fft.fftn(b, dim=axes)
    whole = torch.fft.ifftn(amplitude.abs() * torch.exp(1j * phase.angle()), dim=axes)
    assert torch.allclose(recombine(a, b), whole.real, atol=1e-12)
    assert torch.allclose(recombine(a[0], b[0]), recombine(a, b)[0], atol=1e-12)
    assert torch.allclose(recombine(b, b), b, atol=1e-12)


def test_a_worked_out_example() -> None:
    # Two pixels: a sum and a difference. The amplitudes are 3 and 1, the signs of the other's plus and minus.
    assert torch.allclose(
        recombine(torch.tensor([[[2.0, 1.0]]]), torch.tensor([[[0.1, 0.5]]])), torch.tensor([[[1.0, 2.0]]])
    )


def test_what_leaves_the_range_is_not_clipped() -> None:
    mixed = recombine(images(8), images(8, seed=1))
    assert mixed.min() < 0 and mixed.max() > 1


def test_pairs_keep_the_phase_of_each_image() -> None:
    batch = images(6)
    torch.manual_seed(3)
    mixed = AmplitudePhasePairs(probability=1)(batch)
    torch.manual_seed(3)
    torch.rand(1)
    partners = torch.randperm(6)
    assert torch.allclose(mixed, recombine(batch[partners], batch))


def test_pairs_mix_a_batch_with_their_probability() -> None:
    generator = torch.Generator().manual_seed(0)
    transform = AmplitudePhasePairs(generator=generator)
    batch = images(3)
    mixed = sum(not torch.equal(transform(batch), batch) for _ in range(200))
    assert 75 < mixed < 125  # 100 expected: 120, less those whose partners are themselves
    assert torch.equal(AmplitudePhasePairs(probability=0)(batch), batch)


def test_a_single_image_is_clipped_and_has_whole_levels() -> None:
    altered = AmplitudePhaseSingle(generator=torch.Generator().manual_seed(0))(
        images(64, (3, 16, 16)).mul(255).round() / 255
    )
    assert altered.min() >= 0 and altered.max() <= 1
    assert AmplitudePhaseSingle()(images(2, (5, 3, 8, 8))).shape == (2, 5, 3, 8, 8)
    assert AmplitudePhaseSingle()(images(2, (1, 8, 8))).shape == (2, 1, 8, 8)


@pytest.mark.parametrize("transform", [AmplitudePhasePairs(1.0), AmplitudePhaseSingle(), RandomOperation()])
def test_torch_s_seed_decides_and_the_input_stays(transform: torch.nn.Module) -> None:
    batch = images(6, (3, 16, 16))
    copy = batch.clone()
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(transform(batch))
    assert torch.equal(batch, copy)
    assert torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])


def test_they_stand_in_a_chain_of_torchvision_s() -> None:
    photograph = Image.fromarray((images(1, (12, 9, 3))[0].numpy() * 255).astype(np.uint8))
    chain = v2.Compose([AmplitudePhaseSingle(), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
    assert chain(photograph).shape == (3, 12, 9)
    assert AmplitudePhaseSingle()(photograph.convert("L")).mode == "L"
    assert v2.Compose([AmplitudePhasePairs(1.0)])(images(4)).shape == (4, 3, 12, 9)


def levels(tensor: torch.Tensor) -> np.ndarray:
    return (tensor[0] * 255).round().byte().permute(1, 2, 0).numpy()


@pytest.mark.parametrize("strength", [0.4, 2.9])
def test_operations_are_pillow_s(strength: float) -> None:
    smooth = Image.fromarray((images(1, (8, 8, 3))[0].numpy() * 200 + 20).astype(np.uint8)).resize((32, 32))
    batch = torch.tensor(np.asarray(smooth)).permute(2, 0, 1)[None].float() / 255
    many, plus = torch.tensor([strength]), torch.tensor([1.0])
    affine, bilinear = Image.Transform.AFFINE, Image.Resampling.BILINEAR
    expected = {
        "autocontrast": ImageOps.autocontrast(smooth),
        "equalize": ImageOps.equalize(smooth),
        "posterize": ImageOps.posterize(smooth, 4 - int(strength * 4 / 10)),
        "solarize": ImageOps.solarize(smooth, 256 - int(strength * 256 / 10)),
        "rotate": smooth.rotate(int(strength * 3), resample=bilinear),
        "shear_x": smooth.transform((32, 32), affine, (1, strength * 0.03, 0, 0, 1, 0), resample=bilinear),
        "shear_y": smooth.transform((32, 32), affine, (1, 0, 0, strength * 0.03, 1, 0), resample=bilinear),
        "translate_x": smooth.transform((32, 32), affine, (1, 0, int(strength * 32 / 30), 0, 1, 0), resample=bilinear),
        "translate_y": smooth.transform((32, 32), affine, (1, 0, 0, 0, 1, int(strength * 32 / 30)), resample=bilinear),
    }
    for name, operation in operations.OPERATIONS.items():
        ours, theirs = levels(operation(batch, many, plus)), np.asarray(expected[name])
        inner = np.abs(ours.astype(int) - theirs)[5:-5, 5:-5]  # Pillow treats the border otherwise
        assert inner.max() <= 1, name


@pytest.mark.parametrize(
    ("amplitude", "phase", "message"),
    [
        (images(2), images(2, (3, 8, 9)), r"differ in shape: \(2, 3, 12, 9\) and \(2, 3, 8, 9\); resize one"),
        (images(1)[0, 0], images(1)[0, 0], r"shape \(12, 9\)"),
        (images(1).byte(), images(1), "torch.uint8"),
        (images(1) * torch.nan, images(1), "NaN"),
    ],
)
def test_bad_input_is_one_line(amplitude: torch.Tensor, phase: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recombine(amplitude, phase)


def test_transforms_name_what_they_cannot_take() -> None:
    with pytest.raises(ValueError, match="pairs are drawn from a batch"):
        AmplitudePhasePairs()(images(1)[0])
    with pytest.raises(ValueError, match=r"probability=1\.5"):
        AmplitudePhasePairs(1.5)
    for transform in (AmplitudePhaseSingle(), RandomOperation()):
        for bad, message in (
            (np.zeros((3, 4, 4)), "the images are ndarray; a PIL image, or floating point"),
            (images(1)[0, 0], r"shape \(12, 9\)"),
            (images(1).mul(255).byte(), "the images are a torch.uint8"),
            (torch.full((3, 4, 4), torch.nan), "an image holds NaN"),
        ):
            with pytest.raises(ValueError, match=message):
                transform(bad)
    with pytest.raises(ValueError, match="an image holds NaN"):
        AmplitudePhasePairs(1.0)(torch.full((2, 3, 4, 4), torch.nan))


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 7, 5), (3, 1, 9), (3, 31, 33), (4, 6, 2)])
def test_odd_shapes_and_one_channel_are_recombined(shape: tuple[int, ...]) -> None:
    one, other = images(3, shape).double(), images(3, shape, seed=1).double()
    assert torch.allclose(recombine(one, one), one, atol=1e-12)
    amplitude = torch.fft.fftn(recombine(one, other), dim=(1, 2, 3)).abs()
    assert torch.allclose(amplitude, torch.fft.fftn(one, dim=(1, 2, 3)).abs(), atol=1e-9)
    assert AmplitudePhasePairs(1.0)(one).shape == one.shape
