"""Pasting: the numbers of the authors' own tests, the two shares inside, the data set's files, and bad input."""

from __future__ import annotations

import csv
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from places import ROOT

from stresslib.cli.main import main
from stresslib.stress.on_images import paste
from stresslib.stress.on_images.pasted_sets import FACTORS, write_pasted_set


def disk(side: int = 60) -> Image.Image:
    image = Image.new("RGBA", (side, side))
    ImageDraw.Draw(image).ellipse((0, 0, side - 1, side - 1), fill=(255, 0, 0, 255))
    return image


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authors' sample objects and backgrounds."""
    archive = ROOT.parent / "shared" / "data" / "siscore_samples.tar"
    if not archive.exists():
        pytest.skip(f"{archive} is not here")
    folder = tmp_path_factory.mktemp("samples")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / "siscore_samples"


def test_the_numbers_of_the_authors_tests(samples: Path) -> None:
    bagel = Image.open(samples / "foreground_samples" / "bagel" / "bagel1.png")
    beach = Image.open(samples / "background_samples" / "beach2.jpg")
    side = min(beach.size)
    beach = beach.crop((0, 0, side, side)).resize((1000, 1000), Image.Resampling.BILINEAR)
    as_it_is = bagel.width * bagel.height / 1e6
    corner = bagel.width / 2000, bagel.height / 2000
    assert np.mean(np.asarray(paste(bagel, beach, as_it_is, corner).image)) == pytest.approx(148.089, abs=0.001)
    # Its top left corner is at (141, 158) when its centre is the background's.
    pasted = np.asarray(paste(bagel, beach, as_it_is).image)
    changed = (pasted != np.asarray(beach)).any(axis=2)
    seen = np.asarray(bagel.getchannel("A")) > 128
    assert changed[158 : 158 + bagel.height, 141 : 141 + bagel.width][seen].mean() > 0.99
    assert not changed[:158].any() and not changed[:, :141].any()


def test_how_much_of_its_box_an_object_fills(samples: Path) -> None:
    background = Image.new("RGB", (1000, 1000))
    for name, share in {"bagel": 0.765, "zebra": 0.391, "koala": 0.582}.items():
        found = Image.open(samples / "foreground_samples" / name / f"{name}1.png")
        assert paste(found, background, 0.5).alpha_area / 0.5 == pytest.approx(share, abs=0.004)


def test_sizes_places_and_shares() -> None:
    background = Image.new("RGB", (200, 100))
    pasted = paste(disk(), background, area=0.18)
    assert pasted.image.size == (200, 100) and pasted.image.mode == "RGB"
    assert pasted.box_inside == pasted.alpha_inside == 1
    assert pasted.alpha_area == pytest.approx(0.18 * np.pi / 4, rel=0.03)
    assert pasted.image.getpixel((100, 50)) == (255, 0, 0) and pasted.image.getpixel((50, 50)) == (0, 0, 0)
    assert background.getextrema() == ((0, 0),) * 3
    corner = paste(disk(), background, area=0.18, centre=(0, 0))
    assert corner.box_inside == 0.25 and corner.alpha_inside == pytest.approx(0.25, abs=0.01)
    assert corner.alpha_area == pasted.alpha_area


def test_a_turned_box_leaves_the_image_before_its_object_does() -> None:
    pasted = paste(disk(), Image.new("RGB", (100, 100)), area=1.0, rotation=45)
    assert pasted.box_inside == pytest.approx(0.5, abs=0.02) and pasted.alpha_inside > 0.98


def test_corners_are_cut_towards_zero() -> None:
    square, background = Image.new("RGBA", (61, 61), "red"), Image.new("RGB", (100, 100))
    for centre, first, last in (((0.5, 0.5), 19, 79), ((0, 0), 0, 30)):
        red = np.argwhere(np.asarray(paste(square, background, 0.61**2, centre).image)[..., 0])
        assert (red.min(), red.max()) == (first, last)


def test_rotation_is_counterclockwise() -> None:
    arrow = Image.new("RGBA", (40, 40), (0, 0, 0, 255))
    arrow.paste((255, 255, 255, 255), (30, 0, 40, 40))  # the right edge
    turned = paste(arrow, Image.new("RGB", (100, 100)), area=0.16, rotation=90).image
    assert turned.getpixel((50, 33)) == (255, 255, 255) and turned.getpixel((50, 66)) == (0, 0, 0)


def test_an_object_larger_than_the_background_is_made_to_fit() -> None:
    assert paste(disk(500), Image.new("RGB", (50, 50)), area=0.25).box_inside == 1
    assert paste(disk(60).resize((180, 20)), Image.new("RGB", (60, 60)), area=1.0).box_inside == pytest.approx(
        1 / 3, abs=0.02
    )


@pytest.mark.parametrize("area", [0, -0.1, 1.01, float("nan")])
def test_an_area_out_of_range_is_refused(area: float) -> None:
    with pytest.raises(ValueError, match=f"area={area}: it is above 0 and at most 1"):
        paste(disk(), Image.new("RGB", (50, 50)), area)


@pytest.mark.parametrize(
    ("foreground", "options", "message"),
    [
        (Image.new("RGB", (9, 9)), {}, "the foreground is RGB, without transparency"),
        (Image.new("RGBA", (9, 9)), {}, "transparent all over"),
        (disk(), {"area": 1e-6}, "leaves nothing of a foreground of 60 x 60 pixels"),
        (disk(), {"centre": (0.5, 1.2)}, r"centre=\(0\.5, 1\.2\)"),
        (disk(), {"rotation": float("inf")}, "rotation=inf"),
    ],
)
def test_bad_input_is_one_line(foreground: Image.Image, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paste(foreground, Image.new("RGB", (50, 50)), **options)  # type: ignore[arg-type]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two classes, of two objects and one; three backgrounds."""
    for number, name in enumerate(("ball/one.png", "ball/two.png", "coin/one.png")):
        path = tmp_path / "objects" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        disk(30 + number).save(path)
    (tmp_path / "scenes").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Image.new("RGB", (70, 50), f"#{name[0] * 6}").save(tmp_path / "scenes" / name)
    (tmp_path / "scenes" / ".hidden").write_text("")
    return tmp_path / "objects", tmp_path / "scenes"


def test_the_command_writes_the_authors_files(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["paste", *map(str, folders), "-o", str(out), "--factor", "size"]) == 0
    assert "48 images" in capsys.readouterr().out
    with open(out / "metadata.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0])[:11] == [
        "image_id",
        "x_coord",
        "y_coord",
        "area",
        "rotation",
        "foreground_class",
        "foreground_instance",
        "background",
        "bg_resolution_width",
        "bg_resolution_height",
        "pct_inside_image",
    ]
    # Areas are the outer loop, then objects by class and name, then two backgrounds as numpy.random.seed(0) draws them.
    random = np.random.RandomState(0)
    drawn = [str(one) for _ in range(3) for one in random.choice(3, 2, replace=False)]
    assert [row["background"] for row in rows[:6]] == drawn == [row["background"] for row in rows[6:12]]
    assert [row["foreground_class"] + row["foreground_instance"] for row in rows[:6]] == ["00", "00", "01", "01", "10", "10"]
    assert [row["area"] for row in rows[::6]] == ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8"]
    last = out / "coin" / "47.jpg"
    assert Image.open(last).size == (512, 512) and len(list(out.glob("*/*.jpg"))) == 48
    assert (out / "backgrounds.csv").read_text() == "int,label\n0,a.png\n1,b.png\n2,c.png\n"
    assert (out / "foreground_classes_metadata_indices.csv").read_text() == "int,label\n0,ball\n1,coin\n"


def test_the_authors_settings() -> None:
    counts = {name: len(one.places) * len(one.areas) * len(one.rotations) for name, one in FACTORS.items()}
    assert counts == {"size": 8, "location": 441, "rotation": 72}
    assert (FACTORS["location"].side, FACTORS["rotation"].rotations[-1]) == (500, 341)


def test_folders_without_images_are_named(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    objects, scenes = folders
    for arguments, message in [
        ((tmp_path / "empty", scenes), "empty has no image in folders"),
        ((objects, tmp_path / "empty"), "empty has no image; backgrounds are needed"),
        ((tmp_path / "none", scenes), "none is not a folder"),
        ((scenes, scenes), "scenes has no image in folders"),
    ]:
        with pytest.raises(ValueError, match=message):
            write_pasted_set(*arguments, tmp_path / "out", "size", progress=False)
    Image.new("RGB", (9, 9)).save(objects / "coin" / "two.png")
    with pytest.raises(ValueError, match=r"two\.png: the foreground is RGB"):
        write_pasted_set(objects, scenes, tmp_path / "out", "size", progress=False)
    (objects / "coin" / "two.png").write_text("no image")
    with pytest.raises(ValueError, match=r"two\.png"):
        write_pasted_set(objects, scenes, tmp_path / "out", "size", progress=False)
    with pytest.raises(ValueError, match="factor='colour'"):
        write_pasted_set(objects, scenes, tmp_path / "out", "colour", progress=False)
