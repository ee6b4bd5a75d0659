"""Levels of pixels: white is decided by type, and by the set; what has no meaning is refused with the file's name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from stresslib.images import Levels, UnreadableImageError, find_levels, open_image
from stresslib.images.preprocessing import Preprocessing

GREY = np.arange(0, 256, dtype=np.uint8).reshape(16, 16)


def save(path: Path, levels: NDArray[np.generic]) -> Path:
    Image.fromarray(levels).save(path)
    return path


def opened(path: Path, levels: Levels | None = None) -> NDArray[np.uint8]:
    return np.asarray(open_image(path, levels))[..., 0]


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("unit.tif", (GREY / 255).astype(np.float32)),
        ("bytes.tif", GREY.astype(np.float32)),
        ("floats.tif", GREY.astype(np.float32) * 257),
        ("words.png", GREY.astype(np.uint16) * 257),
        ("words.tif", GREY.astype(np.uint16) * 257),
        ("words.pgm", GREY.astype(np.uint16) * 257),
        ("long.tif", GREY.astype(np.int32)),
        ("long words.tif", GREY.astype(np.int32) * 257),
    ],
)
def test_one_picture_in_any_type_is_the_same(tmp_path: Path, name: str, levels: NDArray[np.generic]) -> None:
    path = save(tmp_path / name, levels)
    assert np.array_equal(opened(path), GREY)
    assert np.array_equal(opened(path, find_levels([path])), GREY)


def altered(value: float, kind: type = np.float32) -> NDArray[np.generic]:
    levels = (GREY / 255).astype(kind)
    levels[3, 4] = value
    return levels


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        (altered(np.nan), "NaN or infinite"),
        (altered(np.inf), "NaN or infinite"),
        (altered(-0.5), "begin at -0.5"),
        (altered(1.3), "end at 1.3; those in floating point end at 1, 255 or 65535"),
        (altered(1e6), "at most 65535"),
        (altered(-1000, np.int32), "begin at -1000"),
        (altered(2**31 - 1, np.int32), "at most 65535"),
    ],
)
def test_levels_without_a_meaning_are_refused(tmp_path: Path, levels: NDArray[np.generic], message: str) -> None:
    with pytest.raises(UnreadableImageError, match=rf"odd\.tif: .*{message}"):
        opened(save(tmp_path / "odd.tif", levels))


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_fewer_bits_in_16_are_found_by_the_set(tmp_path: Path, bits: int) -> None:
    """A dark image of the set stays dark beside a bright one."""
    whole = np.rint(GREY.astype(np.float64) * (2**bits - 1) / 255).astype(np.uint16)
    paths = [save(tmp_path / "bright.png", whole), save(tmp_path / "dark.png", whole // 4)]
    levels = find_levels(paths)
    assert levels == Levels(unsigned=2**bits - 1) and str(levels) == f"16-bit, white at {2**bits - 1}"
    assert np.abs(opened(paths[0], levels).astype(int) - GREY).max() <= 1
    assert np.abs(opened(paths[1], levels) - GREY / 4).max() <= 1


def test_the_set_decides_for_its_dark_images(tmp_path: Path) -> None:
    """Alone, an image whose levels end at 200 would be one of 8 bits."""
    dark = save(tmp_path / "dark.tif", GREY[:8].astype(np.float32))
    bright = save(tmp_path / "bright.tif", GREY.astype(np.float32) * 257)
    levels = find_levels([dark, bright])
    assert levels.floating == 65535 and opened(dark, levels).max() == 0


def test_images_of_a_set_that_disagree_are_named(tmp_path: Path) -> None:
    paths = [save(tmp_path / "unit.tif", altered(0.5)), save(tmp_path / "bytes.tif", GREY.astype(np.float32))]
    with pytest.raises(ValueError, match=r"bytes\.tif: its floating-point levels end at 255, and those of .*unit\.tif at 1"):
        find_levels(paths)


def test_a_set_of_8_bits_has_no_levels_of_its_own_and_is_not_decoded(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", GREY)
    path.write_bytes(path.read_bytes()[:60])  # the header is whole, the pixels are gone
    assert not any(find_levels([path, tmp_path / "missing.png"]))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_an_uncompressed_tiff(tmp_path: Path, orientation: int) -> None:
    """As of a PNG with the same entry: Pillow, which maps such a file, would scramble it."""
    levels = np.arange(96, dtype=np.uint8).reshape(8, 12)
    exif = Image.Exif()
    exif[274] = orientation
    for name in ("a.tif", "a.png"):
        Image.fromarray(levels).save(tmp_path / name, exif=exif)
    assert np.array_equal(opened(tmp_path / "a.tif"), opened(tmp_path / "a.png"))


@pytest.mark.parametrize("ending", ["png", "webp", "jpg"])
def test_a_broken_exif_block_does_not_make_an_image_unreadable(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    Image.new("RGB", (8, 8), "red").save(
        path, exif=b"Exif\0\0broken block", **({"lossless": True} if ending == "webp" else {})
    )
    assert opened(path).min() > 250


def test_a_fourth_band_that_is_not_transparency_changes_no_colour(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (8, 8, 4), dtype=np.uint8)
    for name, kind in (("alpha.tif", 2), ("infrared.tif", 0)):
        path = tmp_path / name
        Image.fromarray(colours).save(path)
        content = bytearray(path.read_bytes())
        place = content.find((338).to_bytes(2, "little") + (3).to_bytes(2, "little"))
        content[place + 8 : place + 10] = kind.to_bytes(2, "little")
        path.write_bytes(content)
    assert np.array_equal(np.asarray(open_image(tmp_path / "infrared.tif")), colours[..., :3])
    assert not np.array_equal(np.asarray(open_image(tmp_path / "alpha.tif")), colours[..., :3])


def test_the_limit_of_pixels_can_be_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "large.png", np.zeros((40, 40), np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UnreadableImageError, match=r"large\.png: .*1600 pixels.*set STRESSLIB_IMAGE_PIXELS to more"):
        open_image(path)
    monkeypatch.setenv("STRESSLIB_IMAGE_PIXELS", "3200")
    assert open_image(path).size == (40, 40)
    monkeypatch.setenv("STRESSLIB_IMAGE_PIXELS", "many")
    with pytest.raises(ValueError, match="STRESSLIB_IMAGE_PIXELS='many' is not a number of pixels"):
        open_image(path)


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1), (3, 2_000)])
def test_a_strip_is_cropped_before_it_is_enlarged(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """1 x 20,000 pixels would become 36 x 720,000; the crop is of the middle, in its colours."""
    made: list[int] = []
    real = Image.Image.resize

    def noted(self: Image.Image, shape: tuple[int, int], *args: object, **options: object) -> Image.Image:
        made.append(shape[0] * shape[1])
        return real(self, shape, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Image.Image, "resize", noted)
    strip = np.zeros((size[1], size[0], 3), np.uint8)
    middle = (
        (slice(size[1] // 3, -size[1] // 3), slice(None)) if size[1] > size[0] else (0, slice(size[0] // 3, -size[0] // 3))
    )
    strip[middle] = 200
    prepare = Preprocessing(32, 36, Image.Resampling.BICUBIC, (0.0,) * 3, (1.0,) * 3)
    pixels = prepare(Image.fromarray(strip), "native")
    assert pixels.shape == (3, 32, 32) and np.all(pixels == 200) and max(made) < 36 * 36 * 200
