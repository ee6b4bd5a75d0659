"""Corruptions: the bytes of the benchmarks' own code, the functions that it calls, and bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from places import ROOT

from stresslib.stress.on_images import CORRUPTIONS, corrupt, filters

SIDES = {"cifar": 32, "imagenet": 224}
GOLD = np.load(Path(__file__).with_name("authors_corruptions.npz"))
"""What make_cifar_c.py and make_imagenet_c.py make of `made_up`, with ImageMagick 6.9, after ``numpy.random.seed(11)``: of
each corruption and severity, 4 x 4 pixels. Impulse noise is missing: scikit-image draws it otherwise now."""


def made_up(side: int) -> np.ndarray:
    """Slopes, with a white and a black corner, in whole numbers."""
    rows, columns, channels = np.mgrid[:side, :side, :3]
    image = ((rows * 7 + columns * 5 + channels * 60 + (rows * columns) // 9) % 256).astype(np.uint8)
    image[: side // 4, : side // 4] = 255
    image[-(side // 4) :, : side // 4] = 0
    return image


@pytest.mark.parametrize("key", [key for key in GOLD.files if not key.endswith("jpeg_compression")])
def test_the_authors_code_gives_the_same_levels(key: str) -> None:
    scale, name = key.split(".")
    side = SIDES[scale]
    step = side // 4
    severities = range(1, 6) if scale == "cifar" else [5]
    for severity in severities:
        ours = corrupt(made_up(side), name, severity, scale=scale, random_state=11)[step // 2 :: step, step // 2 :: step]
        theirs = GOLD[key][severity - 1]
        assert np.abs(ours.astype(int) - theirs).max() <= (scale == "imagenet"), f"severity {severity}"


@pytest.mark.parametrize("scale", SIDES)
def test_jpeg_bytes_are_near_those_of_another_libjpeg(scale: str) -> None:
    step = SIDES[scale] // 4
    ours = corrupt(made_up(SIDES[scale]), "jpeg_compression", 3, scale=scale)[step // 2 :: step, step // 2 :: step]
    assert np.abs(ours.astype(int) - GOLD[f"{scale}.jpeg_compression"][2]).max() <= 4


@pytest.mark.parametrize("file", ["cifar", "imagenet"])
def test_the_constants_are_the_published_ones(file: str) -> None:
    path = ROOT.parent / "shared" / "gold" / "corruption_params.json"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    published = json.loads(path.read_text())[f"make_{file}_c.py"]
    for name, corruption in CORRUPTIONS.items():
        for severity in range(1, 6):
            text = published[name][severity - 1]
            ours = corruption.constants(severity, file)
            if name == "zoom_blur":
                theirs = tuple(eval(text, {"np": np}))
                ours = tuple(np.arange(1, *ours))
            elif name == "elastic_transform":
                side = {"cifar": 32, "imagenet": 244}[file]
                theirs = eval(text, {"IMSIZE": 32})
                ours = tuple(side * share for share in ours)
            else:
                theirs = eval(text, {})
                theirs = theirs if isinstance(theirs, tuple) else (theirs,)
            assert ours == theirs, (name, severity)


def test_frost_alone_is_missing_of_the_15() -> None:
    assert sum(not corruption.extra for corruption in CORRUPTIONS.values()) == 14
    assert [name for name, corruption in CORRUPTIONS.items() if corruption.extra] == [
        "speckle_noise",
        "gaussian_blur",
        "spatter",
        "saturate",
    ]
    with pytest.raises(ValueError, match="photographs of frost that are not ours to ship"):
        corrupt(made_up(32), "frost")


def test_zoom_blur_has_the_factors_that_rounding_gives() -> None:
    counts = {
        scale: [len(np.arange(1, *CORRUPTIONS["zoom_blur"].constants(s, scale))) for s in range(1, 6)] for scale in SIDES
    }
    assert counts == {"cifar": [7, 12, 16, 21, 26], "imagenet": [12, 16, 11, 13, 11]}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_seed_decides_and_the_image_stays(name: str) -> None:
    image = made_up(32)[:28]  # another size, not square
    first = corrupt(image, name, 4, scale="cifar", random_state=1)
    assert np.array_equal(image, made_up(32)[:28])
    assert first.shape == image.shape and first.dtype == np.uint8
    assert np.array_equal(first, corrupt(image, name, 4, scale="cifar", random_state=1))
    same = np.array_equal(first, corrupt(image, name, 4, scale="cifar", random_state=2))
    assert same == CORRUPTIONS[name].deterministic


def test_images_may_share_a_generator() -> None:
    random = np.random.RandomState(0)
    first, second = (corrupt(made_up(32), "shot_noise", 1, random_state=random) for _ in range(2))
    assert np.array_equal(first, corrupt(made_up(32), "shot_noise", 1)) and not np.array_equal(first, second)


def test_impulse_noise_sets_half_of_its_share_to_white() -> None:
    image = np.full((224, 224, 3), 100, np.uint8)
    noisy = corrupt(image, "impulse_noise", 5)
    assert (noisy == 255).mean() == pytest.approx(0.135, abs=0.003)
    assert (noisy == 0).mean() == pytest.approx(0.135, abs=0.003)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("side", [8, 16])
def test_small_images_and_flat_ones_are_corrupted_too(name: str, side: int) -> None:
    for level in (0, 255):
        assert corrupt(np.full((side, side, 3), level, np.uint8), name, 5, scale="cifar").shape == (side, side, 3)


@pytest.mark.parametrize("scale", SIDES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 2), (31, 33)])
def test_odd_shapes_are_corrupted_too(shape: tuple[int, int], scale: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for name in CORRUPTIONS:
        assert corrupt(image, name, 5, scale=scale).shape == (*shape, 3), name


def test_colours_are_those_of_scikit_image() -> None:
    color = pytest.importorskip("skimage.color")
    colours = np.concatenate([np.random.default_rng(0).random((400, 3)), np.eye(3), np.zeros((1, 3)), np.full((1, 3), 0.5)])
    assert np.array_equal(filters.rgb_to_hsv(colours), color.rgb2hsv(colours))
    hsv = filters.rgb_to_hsv(colours)
    assert np.array_equal(filters.hsv_to_rgb(hsv), color.hsv2rgb(hsv))


def test_edges_and_distances_are_those_of_opencv() -> None:
    cv2 = pytest.importorskip("cv2")
    for seed in range(5):
        noise = filters.gaussian(np.random.default_rng(seed).normal(0.65, 0.3, (64, 48)), 1.5)
        gray = (np.where(noise < 0.69, 0, noise) * 255).astype(np.uint8)
        theirs = cv2.Canny(gray, 50, 150)
        ours = filters.edges(gray, 50, 150)
        assert np.array_equal(ours, theirs > 0)
        distance = np.minimum(cv2.distanceTransform(255 - theirs, cv2.DIST_L2, 5), filters.MUCH)
        assert np.abs(filters.distance_to_edges(ours) - distance).max() < 1e-3
        assert np.array_equal(filters.equalized(gray), cv2.equalizeHist(gray))
        assert np.array_equal(filters.box_blurred(gray), cv2.blur(gray, (3, 3)))


@pytest.mark.slow
def test_corruptions_and_pasting_need_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from stresslib.stress.on_images import CORRUPTIONS, corrupt, paste\n"
        "from stresslib.stress.on_images.pasted_sets import write_pasted_set\n"
        "from stresslib.evaluation.calibration import brier_score\n"
        "from stresslib.training.artefacts import list_trained"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("image", "name", "options", "message"),
    [
        (made_up(8), "gausian_noise", {}, "no corruption 'gausian_noise'; the nearest is 'gaussian_noise'"),
        (made_up(8), "xyz", {}, "there are gaussian_noise, shot_noise"),
        (made_up(8), "fog", {"severity": 0}, "severity=0: it is 1, 2, 3, 4 or 5"),
        (made_up(8), "fog", {"severity": 6}, "severity=6"),
        (made_up(8), "fog", {"severity": 2.5}, r"severity=2\.5"),
        (made_up(8), "fog", {"scale": "tiny"}, "scale='tiny': it is 'cifar' or 'imagenet'"),
        (made_up(8)[..., 0], "fog", {}, r"shape \(8, 8\); .* repeat a gray image's channel three times"),
        (made_up(8)[..., :1], "fog", {}, "repeat a gray image's channel three times"),
        (made_up(8).transpose(2, 0, 1), "fog", {}, r"shape \(3, 8, 8\); an array of shape \(H, W, 3\)"),
        (made_up(8)[:0], "fog", {}, r"shape \(0, 8, 3\)"),
        (made_up(8) / 255, "fog", {}, "of type float64; levels from 0 to 255 as uint8"),
        (np.full((8, 8, 3), np.nan), "fog", {}, "holds NaN"),
        ("a.png", "fog", {}, "the image is a str"),
    ],
)
def test_bad_input_is_one_line(image: object, name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        corrupt(image, name, **options)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
