"""Preprocessing: every kind of image file becomes RGB or an error with its name; both ways from pixels to input."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision import models

from stresslib.extraction.registry import NETWORKS
from stresslib.images.decode import UnreadableImageError, open_image
from stresslib.images.preprocessing import WAYS, Preprocessing, read_input

SIZES = [(300, 200), (201, 333), (224, 224), (256, 256), (257, 640), (97, 61), (500, 33)]
"""Width and height: landscape, portrait, square, already resized, odd, smaller than the crop, elongated."""


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def colour(path: Path, place: tuple[int, int] = (0, 0)) -> tuple[int, ...]:
    image = open_image(path)
    assert image.mode == "RGB"
    value = image.getpixel(place)
    assert isinstance(value, tuple)
    return value


# --- open_image: modes ------------------------------------------------------------------------------------------


def test_rgb_is_left_as_it_is(tmp_path: Path) -> None:
    image = noise(9, 7)
    assert np.array_equal(np.asarray(open_image(saved(image, tmp_path / "a.png"))), np.asarray(image))


def test_grey_is_repeated_in_three_channels(tmp_path: Path) -> None:
    assert colour(saved(Image.new("L", (3, 2), 77), tmp_path / "a.png")) == (77, 77, 77)


@pytest.mark.parametrize(
    ("mode", "pixel", "expected"),
    [
        ("LA", (40, 255), 40),
        ("LA", (40, 0), 255),
        ("LA", (0, 51), 204),
        ("RGBA", (10, 20, 30, 0), 255),
        ("RGBA", (0, 0, 0, 51), 204),
    ],
)
def test_transparency_is_laid_on_white(tmp_path: Path, mode: str, pixel: tuple[int, ...], expected: int) -> None:
    assert colour(saved(Image.new(mode, (3, 2), pixel), tmp_path / "a.png")) == (expected,) * 3


def test_opaque_rgba_keeps_its_colours(tmp_path: Path) -> None:
    assert colour(saved(Image.new("RGBA", (3, 2), (10, 20, 30, 255)), tmp_path / "a.png")) == (10, 20, 30)


def palette_image() -> Image.Image:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    return image


def test_palette_gives_its_colours(tmp_path: Path) -> None:
    path = saved(palette_image(), tmp_path / "a.png")
    assert (colour(path, (0, 0)), colour(path, (1, 0))) == ((255, 0, 0), (0, 0, 255))


@pytest.mark.parametrize("name", ["a.png", "a.gif"])
def test_transparent_palette_entry_becomes_white(tmp_path: Path, name: str) -> None:
    path = saved(palette_image(), tmp_path / name, transparency=0)
    assert (colour(path, (0, 0)), colour(path, (1, 0))) == ((255, 255, 255), (0, 0, 255))


def test_transparent_key_colour_becomes_white(tmp_path: Path) -> None:
    path = saved(Image.new("RGB", (3, 2), (1, 2, 3)), tmp_path / "a.png", transparency=(1, 2, 3))
    assert colour(path) == (255, 255, 255)


def test_cmyk_jpeg_is_converted(tmp_path: Path) -> None:
    path = saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), tmp_path / "a.jpg", quality=95)
    red, green, blue = colour(path)
    assert red > 245 and green < 10 and blue < 10


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_16_bits_are_scaled_to_8(tmp_path: Path, ending: str) -> None:
    levels = np.array([[0, 100, 257, 514, 32896, 65535]], dtype=np.uint16)
    image = open_image(saved(Image.fromarray(levels), tmp_path / f"a.{ending}"))
    assert image.mode == "RGB"
    assert np.asarray(image)[0, :, 0].tolist() == [0, 0, 1, 2, 128, 255]


def test_a_dark_16_bit_image_stays_dark(tmp_path: Path) -> None:
    """The scale is the file's, not its brightest pixel's: a night shot must not come out brighter than a day shot."""
    levels = np.array([[0, 128, 255]], dtype=np.uint16)
    image = open_image(saved(Image.fromarray(levels), tmp_path / "a.png"))
    assert np.asarray(image).max() <= 1


def test_1_bit_is_black_and_white(tmp_path: Path) -> None:
    image = Image.new("1", (2, 1), 0)
    image.putpixel((1, 0), 1)
    path = saved(image, tmp_path / "a.png")
    assert (colour(path, (0, 0)), colour(path, (1, 0))) == ((0, 0, 0), (255, 255, 255))


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), name) for name in ("red", "blue")]
    assert colour(saved(frames[0], tmp_path / "a.gif", save_all=True, append_images=frames[1:])) == (255, 0, 0)


def left_red_right_blue() -> Image.Image:
    image = Image.new("RGB", (64, 32), "blue")
    image.paste("red", (0, 0, 32, 32))
    return image


def exif(tag: int, kind: int, value: bytes) -> bytes:
    """Two EXIF entries: `tag` with a 4-byte `value` of a TIFF type, and orientation 6 (turn by 90 degrees to the right)."""
    entries = struct.pack("<HHI", tag, kind, 1) + value + struct.pack("<HHII", 274, 3, 1, 6)
    return b"Exif\0\0" + b"II*\0\x08\0\0\0" + struct.pack("<H", 2) + entries + bytes(4)


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    orientation = Image.Exif()
    orientation[274] = 6
    path = saved(left_red_right_blue(), tmp_path / "a.jpg", exif=orientation, quality=95)
    image = open_image(path)
    assert image.size == (32, 64)
    top, bottom = colour(path, (16, 8)), colour(path, (16, 56))
    assert top[0] > 240 and top[2] < 15 and bottom[2] > 240 and bottom[0] < 15


@pytest.mark.parametrize(
    "body", [exif(282, 7, b"abc\0"), exif(282, 2, b"abc\0"), exif(271, 12, bytes(4))], ids=["bytes", "text", "number"]
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_faulty_exif_never_raises_anything_else(tmp_path: Path, body: bytes) -> None:
    """Cameras write wrong EXIF types beside a sound picture: it is read, or the error names the file."""
    path = saved(left_red_right_blue(), tmp_path / "odd.jpg", exif=body)
    try:
        assert open_image(path).size in ((64, 32), (32, 64))
    except UnreadableImageError as error:
        assert "odd.jpg" in str(error)


# --- open_image: errors -----------------------------------------------------------------------------------------


def jpeg_bytes() -> bytes:
    stream = io.BytesIO()
    noise(64, 64).save(stream, "JPEG")
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [jpeg_bytes()[:-800], jpeg_bytes()[:200], b"not an image\n" * 50, b""],
    ids=["truncated", "header-only", "text", "empty"],
)
def test_unreadable_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(content)
    with pytest.raises(UnreadableImageError, match=r"broken\.jpg"):
        open_image(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match=r"gone\.jpg: there is no such image"):
        open_image(tmp_path / "gone.jpg")


def test_folder_in_place_of_an_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(UnreadableImageError, match=r"folder\.jpg"):
        open_image(tmp_path / "folder.jpg")


def test_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(noise(40, 40), tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UnreadableImageError, match=r"bomb\.png"):
        open_image(path)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_any_damaged_bytes_give_an_image_or_its_name(tmp_path: Path) -> None:
    """A decoder's own exceptions never escape: with on_error="skip" they would end a run of hours."""
    random = np.random.default_rng(0)
    for name in ("a.jpg", "a.png", "a.gif", "a.bmp", "a.webp", "a.tif", "a.ppm"):
        whole = saved(noise(12, 10), tmp_path / name).read_bytes()
        for _ in range(60):
            damaged = bytearray(whole)
            for place in random.integers(0, min(len(whole), 120), size=3):
                damaged[place] = random.integers(256)
            (tmp_path / name).write_bytes(damaged)
            try:
                assert open_image(tmp_path / name).mode == "RGB"
            except UnreadableImageError as error:
                assert name in str(error)


# --- the paper's way --------------------------------------------------------------------------------------------

IDENTITY = Preprocessing(32, 40, Image.Resampling.BICUBIC, (0.0,) * 3, (1.0,) * 3)
"""No normalisation, so that a test sees pixels."""


@pytest.mark.parametrize(("width", "height"), [(300, 200), (61, 97), (32, 32), (20, 9), (1, 50)])
def test_paper_equals_pillows_floating_point_bicubic(width: int, height: int) -> None:
    """Protocol 1.2: bicubic with antialiasing in floating point, channel by channel, in the order RGB."""
    image = noise(width, height)
    made = IDENTITY(image, "paper")
    assert (made.shape, made.dtype) == ((3, 32, 32), np.float32)
    for channel, levels in zip(made, image.split(), strict=True):
        expected = levels.convert("F").resize((32, 32), Image.Resampling.BICUBIC)
        assert np.array_equal(channel, np.asarray(expected))


@pytest.mark.parametrize(("width", "height"), [(300, 200), (61, 97), (20, 9)])
def test_paper_agrees_with_torchs_antialiased_bicubic(width: int, height: int) -> None:
    """A second implementation (a = -0.5, support widened when shrinking), which drops what lies outside as Pillow does."""
    image = noise(width, height)
    pixels = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None].float()
    theirs = torch.nn.functional.interpolate(pixels, (32, 32), mode="bicubic", antialias=True)[0].numpy()
    assert np.abs(IDENTITY(image, "paper") - theirs).max() < 1e-2


def test_paper_uses_the_whole_image() -> None:
    """Nothing is cropped and the aspect is not kept: marks in all four corners of a wide image are still there."""
    image = Image.new("RGB", (320, 64), "white")
    for corner in ((0, 0), (280, 0), (0, 56), (280, 56)):
        image.paste("black", (*corner, corner[0] + 40, corner[1] + 8))
    made = IDENTITY(image, "paper")
    assert all(made[:, row, column].max() < 40 for row in (0, -1) for column in (0, -1))
    assert made[:, 16, 16].min() > 250


def test_paper_overshoots_at_a_hard_edge() -> None:
    """Values beyond 0 to 255 are kept: the paper's code resizes in single precision and does not clip."""
    made = IDENTITY(left_red_right_blue().resize((16, 16), Image.Resampling.NEAREST), "paper")
    assert made.max() > 256 and made.min() < -1


@pytest.mark.parametrize("width", [64, 96])
def test_paper_reproduces_a_linear_ramp(width: int) -> None:
    """Bicubic interpolation is exact for a straight line, away from the border; a shift of half a pixel would show."""
    ramp = np.broadcast_to(np.arange(width, dtype=np.uint8)[None, :, None], (48, width, 3))
    made = IDENTITY(Image.fromarray(np.ascontiguousarray(ramp)), "paper")
    expected = (np.arange(32) + 0.5) * width / 32 - 0.5
    assert np.abs(made - expected)[:, :, 3:-3].max() < 1e-3


def keys(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cubic convolution kernel with a = -0.5 (R. Keys, 1981)."""
    x = np.abs(x)
    return np.where(x <= 1, 1.5 * x**3 - 2.5 * x**2 + 1, np.where(x <= 2, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2, 0))


def imresize(pixels: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Resize as MATLAB's imresize documents: bicubic, the kernel stretched when shrinking, mirrored at the border."""
    for axis in (0, 1):
        count = pixels.shape[axis]
        scale = size / count
        stretch = min(scale, 1)
        weights = np.zeros((size, count))
        for row in range(size):
            centre = (row + 0.5) / scale - 0.5
            places = np.arange(np.floor(centre - 2 / stretch), np.ceil(centre + 2 / stretch) + 1).astype(int)
            near = keys((places - centre) * stretch)
            mirrored = places % (2 * count)
            np.add.at(weights[row], np.where(mirrored < count, mirrored, 2 * count - 1 - mirrored), near / near.sum())
        pixels = np.moveaxis(np.tensordot(weights, pixels, (1, axis)), 0, axis)
    return pixels


def test_keys_weights_halfway() -> None:
    """Enlarged to twice the size, a pixel has a quarter's weights: -9/128, 111/128, 29/128 and -3/128."""
    assert keys(np.array([-1.25, -0.25, 0.75, 1.75])).tolist() == [-9 / 128, 111 / 128, 29 / 128, -3 / 128]
    levels = np.array([10, 80, 30, 200, 90, 40, 250, 0], dtype=np.uint8)
    image = Image.fromarray(np.broadcast_to(levels[None, :, None], (8, 8, 3)).copy())
    made = Preprocessing(16, 16, Image.Resampling.BICUBIC, (0.0,) * 3, (1.0,) * 3)(image, "paper")
    expected = levels[2:6] @ np.array([-9, 111, 29, -3]) / 128
    assert np.abs(made[:, :, 7] - expected).max() < 1e-4


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    """Photographs in scikit-image's wheel: a cat, and one with hard edges."""
    data = pytest.importorskip("skimage.data")
    return [Image.fromarray(getattr(data, name)()) for name in ("chelsea", "astronaut")]


def test_paper_is_imresize_but_for_the_border(photos: list[Image.Image]) -> None:
    """MATLAB mirrors the image there, Pillow drops what lies outside: the two outer rows and columns differ."""
    prepare = Preprocessing(224, 256, Image.Resampling.BICUBIC, (0.0,) * 3, (1.0,) * 3)
    largest = []
    for image in photos:
        theirs = imresize(np.asarray(image, dtype=np.float64), 224).transpose(2, 0, 1)
        difference = np.abs(prepare(image, "paper") - theirs)
        assert difference[:, 2:-2, 2:-2].max() < 1e-4
        assert difference.mean() < 0.011
        largest.append(difference.max())
    assert np.abs(np.array(largest) - [1.43, 11.06]).max() < 0.01


def test_matlab_is_imresize_to_the_border(photos: list[Image.Image]) -> None:
    """Shrunk, enlarged, and both at once."""
    prepare = Preprocessing(224, 256, Image.Resampling.BICUBIC, (0.0,) * 3, (1.0,) * 3)
    for image in (*photos, photos[0].crop((0, 0, 90, 120)), photos[0].crop((0, 0, 80, 290)), photos[0].crop((5, 5, 8, 7))):
        theirs = imresize(np.asarray(image, dtype=np.float64), 224).transpose(2, 0, 1)
        assert np.abs(prepare(image, "matlab") - theirs).max() < 0.01


def test_resizing_8_bits_would_round_and_clip(photos: list[Image.Image]) -> None:
    """By .3 grey levels on average, as rounding does, but by 14 where an edge overshoots."""
    prepare = Preprocessing(224, 256, Image.Resampling.BICUBIC, (0.0,) * 3, (1.0,) * 3)
    largest = []
    for image in photos:
        rounded = np.asarray(image.resize((224, 224), Image.Resampling.BICUBIC), dtype=np.float64).transpose(2, 0, 1)
        difference = np.abs(prepare(image, "paper") - rounded)
        assert 0.25 < difference.mean() < 0.31
        largest.append(difference.max())
    assert np.abs(np.array(largest) - [1.43, 14.30]).max() < 0.01


def test_normalisation_is_per_channel_on_the_scale_of_255() -> None:
    prepare = Preprocessing(8, 8, Image.Resampling.BICUBIC, (10.0, 20.0, 30.0), (1.0, 2.0, 4.0))
    for way in WAYS:
        made = prepare(Image.new("RGB", (9, 9), (11, 24, 42)), way)
        assert np.abs(made - np.array([1, 2, 3])[:, None, None]).max() < 1e-4
        assert made.flags.c_contiguous


def test_efficientnet_lite_input_is_rgb_minus_127_over_128() -> None:
    made = NETWORKS["efficientnet-lite0"].preprocessing(Image.new("RGB", (50, 30), (255, 127, 0)), "paper")
    assert made.shape == (3, 224, 224)
    assert np.abs(made - np.array([1, 0, -127 / 128])[:, None, None]).max() < 1e-4


@pytest.mark.parametrize("way", ["paper", "native"])
def test_caffes_input_is_bgr_less_the_mean_colour(way: str) -> None:
    prepare = NETWORKS["bvlc-googlenet"].preprocessing
    made = prepare(Image.new("RGB", (50, 30), (10, 20, 30)), way)
    assert made.shape == (3, 224, 224) and made.flags.c_contiguous
    assert np.abs(made - np.array([30 - 104, 20 - 117, 10 - 123])[:, None, None]).max() < 1e-4


def test_matconvnets_input_is_rgb_from_0_to_255() -> None:
    """The network subtracts its average image itself."""
    for name in ("vgg-m", "vgg-m-128", "googlenet"):
        made = NETWORKS[name].preprocessing(Image.new("RGB", (50, 30), (10, 20, 30)), "paper")
        assert made.shape == (3, 224, 224)
        assert np.abs(made - np.array([10, 20, 30])[:, None, None]).max() < 1e-4


# --- the native way ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("alexnet", models.AlexNet_Weights.IMAGENET1K_V1),
        ("torchvision-googlenet", models.GoogLeNet_Weights.IMAGENET1K_V1),
        ("resnet50", models.ResNet50_Weights.IMAGENET1K_V1),
    ],
)
def test_native_equals_torchvisions_own_transforms(name: str, weights: models.WeightsEnum, width: int, height: int) -> None:
    """Down to the rounding of the size and of the crop's corner."""
    image = noise(width, height)
    theirs = weights.transforms()(image).numpy()
    made = NETWORKS[name].preprocessing(image, "native")
    assert made.shape == theirs.shape
    assert np.abs(made - theirs).max() < 1e-5


def test_read_input_decodes_and_prepares(tmp_path: Path) -> None:
    path = saved(noise(30, 20), tmp_path / "a.png")
    assert np.array_equal(read_input(path, IDENTITY, "paper"), IDENTITY(noise(30, 20), "paper"))
