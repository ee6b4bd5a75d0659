"""The paper's own data sets: official layouts and their quirks become the same ImageSet by every way in."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import os
import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from miniature_datasets import (
    VOC_CLASSES,
    Miniature,
    shrink,
    texture,
    write_food101,
    write_mit67,
    write_upmc_food101,
    write_voc2007,
    write_voc2007_val,
)

from stresslib.cli.main import main
from stresslib.datasets import DATASETS, ImageSet, from_folder, load_images
from stresslib.datasets.dataset import Counts
from stresslib.datasets.downloads import Download
from stresslib.datasets.paper import upmc_food101
from stresslib.datasets.parts import Parts
from stresslib.features import FeatureSet
from stresslib.images.decode import UnreadableImageError, open_image

WRITERS = {
    "voc2007": write_voc2007,
    "voc2007-val": write_voc2007_val,
    "mit67": write_mit67,
    "food101": write_food101,
    "upmc-food101": write_upmc_food101,
}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Miniature]:
    """Write a data set in miniature, and let stresslib expect its counts."""

    def write(name: str, **options: Any) -> Miniature:
        miniature = WRITERS[name](tmp_path / name, **options)
        shrink(monkeypatch, miniature)
        return miniature

    return write


def same(one: ImageSet, other: ImageSet) -> bool:
    return (
        (one.name, one.files, one.classes, one.metric) == (other.name, other.files, other.classes, other.metric)
        and np.array_equal(one.y, other.y)
        and np.array_equal(one.train, other.train)
        and all((one.root / name).read_bytes() == (other.root / name).read_bytes() for name in one.files)
    )


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


# --- every way in -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITERS)
def test_archives_folders_and_memory_give_the_same(written: Callable[..., Miniature], name: str) -> None:
    """And what they give passes the check that an extraction begins with."""
    miniature = written(name)
    images = load_images(name, archive=miniature.files)
    assert images.root.is_relative_to(os.environ["STRESSLIB_CACHE"])
    assert same(load_images(name, archive=miniature.folder), images)
    assert same(load_images(name), images)
    train = int(images.train.sum())
    assert Counts(train, len(images) - train, len(images.classes)) == miniature.counts
    FeatureSet(np.zeros((len(images), 1)), images.y, images.train, images.metric, images.classes)


def test_provenance_names_each_file_and_its_hash(written: Callable[..., Miniature]) -> None:
    from stresslib.files import file_sha256

    mit67 = written("mit67")
    provenance = load_images("mit67", archive=[str(path) for path in mit67.files]).provenance
    assert provenance["archive"] == "indoorCVPR_09.tar, TrainImages.txt, TestImages.txt"
    assert provenance["archive_sha256"] == ", ".join(map(file_sha256, mit67.files))
    # Found again without being named, it is the same data set still.
    assert load_images("mit67").provenance == provenance
    assert load_images("mit67", archive=mit67.folder).provenance["archive"] == "mit67"


@pytest.mark.parametrize("name", ["mit67", "food101"])
def test_a_folder_of_images_and_lists_beside_it(written: Callable[..., Miniature], tmp_path: Path, name: str) -> None:
    """As in ``--archive Images/ TrainImages.txt TestImages.txt``, the lists being anywhere."""
    miniature = written(name)
    expected = load_images(name, archive=miniature.folder)
    lists = sorted(miniature.folder.rglob("[Tt]*.txt"), reverse=True)
    elsewhere = [shutil.move(path, tmp_path / path.name) for path in lists if path.name != "README.txt"]
    assert same(load_images(name, archive=[expected.root, *elsewhere]), expected)


def test_a_list_given_by_itself_comes_before_the_folders_own(written: Callable[..., Miniature], tmp_path: Path) -> None:
    mit67 = written("mit67")
    shutil.move(mit67.folder / "TestImages.txt", tmp_path / "TestImages.txt")
    (mit67.folder / "TestImages.txt").write_text("bakery/gone.jpg")
    assert len(load_images("mit67", archive=[mit67.folder, tmp_path / "TestImages.txt"])) == 40


def test_present_once_it_was_loaded_and_until_it_is_gone(written: Callable[..., Miniature]) -> None:
    food101 = written("food101")
    assert not DATASETS["food101"].present() and DATASETS["digits"].present()
    load_images("food101", archive=food101.folder)
    assert DATASETS["food101"].present()
    shutil.rmtree(food101.folder)
    assert not DATASETS["food101"].present()


def test_a_failed_load_is_not_remembered(written: Callable[..., Miniature]) -> None:
    food101 = written("food101")
    next(food101.folder.glob("images/*/*.jpg")).unlink()
    with pytest.raises(ValueError, match="food-101"):
        load_images("food101", archive=food101.folder)
    assert not DATASETS["food101"].present()


# --- Pascal VOC 2007 --------------------------------------------------------------------------------------------


def test_voc_labels_are_those_of_the_lists(written: Callable[..., Miniature]) -> None:
    """Images of both parts in the order of their ids, which decides among ties; 1, -1, and 0 for difficult."""
    voc = written("voc2007")
    images = load_images("voc2007", archive=voc.files)
    assert images.metric == "mAP" and images.classes == VOC_CLASSES
    assert images.files == tuple(f"JPEGImages/{5 + 2 * number:06d}.jpg" for number in range(80))
    assert set(np.unique(images.y)) == {-1, 0, 1}
    lists = voc.folder / "ImageSets" / "Main"
    for column, label in enumerate(VOC_CLASSES):
        for part, trains in (("trainval", True), ("test", False)):
            rows = [line.split() for line in (lists / f"{label}_{part}.txt").read_text().splitlines()]
            of_part = images.train == trains
            ids = [Path(file).stem for file, chosen in zip(images.files, of_part, strict=True) if chosen]
            assert [image for image, _ in rows] == ids
            assert [int(value) for _, value in rows] == images.y[of_part, column].tolist()
    # The parts are mixed: their order is no accident.
    assert images.train[:40].any() and not images.train[:40].all()


def test_voc_lists_have_the_official_width(written: Callable[..., Miniature]) -> None:
    """As in ``000012 -1`` and ``000032  1``."""
    voc = written("voc2007", classes=("boat", "train"), trainval=8, test=8)
    text = (voc.folder / "ImageSets" / "Main" / "boat_trainval.txt").read_text()
    assert re.search(r"^\d{6} -1$", text, re.M) and re.search(r"^\d{6}  1$", text, re.M)


def test_voc_in_a_folder_for_each_part(written: Callable[..., Miniature], tmp_path: Path) -> None:
    """As some copies have it: the images stand in the order of their ids still, not of the folders."""
    voc = written("voc2007", classes=("boat", "train"), trainval=8, test=8)
    expected = load_images("voc2007", archive=voc.files)
    for path in voc.files:
        with tarfile.open(path) as tar:
            tar.extractall(tmp_path / "copy" / path.stem, filter="data")
    images = load_images("voc2007", archive=tmp_path / "copy")
    assert [Path(name).name for name in images.files] == [Path(name).name for name in expected.files]
    assert np.array_equal(images.y, expected.y) and np.array_equal(images.train, expected.train)
    assert all((images.root / name).is_file() for name in images.files)


def test_voc_2012_beside_it_is_another_data_set(written: Callable[..., Miniature]) -> None:
    voc = written("voc2007", classes=("boat", "train"), trainval=8, test=8)
    other = voc.folder.parent / "VOC2012" / "ImageSets" / "Main"
    other.mkdir(parents=True)
    (other / "aeroplane_trainval.txt").write_text("2008_000008 -1\n")
    assert load_images("voc2007", archive=voc.folder.parent).classes == ("boat", "train")


def test_voc_one_archive_alone(written: Callable[..., Miniature]) -> None:
    voc = written("voc2007")
    with pytest.raises(ValueError, match=r"VOCtrainval_06-Nov-2007\.tar has no list ImageSets/Main/aeroplane_test\.txt"):
        load_images("voc2007", archive=voc.files[0])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("000005", "000004", r"only one of .*train_trainval\.txt and boat_trainval\.txt lists image 00000[45]"),
        ("000005 ", "000005\t2", r"train_trainval\.txt, line 1: '000005\\t2.*' is not an image and its label"),
        ("000005 ", "000005 000007 ", r"train_trainval\.txt, line 1: .* is not an image and its label"),
        ("000005 ", "../000005 ", r"train_trainval\.txt, line 1: .* is not an image and its label"),
        ("000009", "000005", r"train_trainval\.txt, line 3: image 000005 is listed more than once"),
    ],
)
def test_voc_lists_that_are_wrong(written: Callable[..., Miniature], old: str, new: str, message: str) -> None:
    voc = written("voc2007", classes=("boat", "train"), trainval=8, test=1)
    path = voc.folder / "ImageSets" / "Main" / "train_trainval.txt"
    path.write_text("".join(f"{5 + 2 * number:06d} {-1:2d}\n" for number in range(9)))
    path.with_name("boat_trainval.txt").write_text(path.read_text())
    edit(path, old, new)
    with pytest.raises(ValueError, match=message):
        load_images("voc2007", archive=voc.folder)


def test_voc_image_that_is_missing_or_in_both_parts(written: Callable[..., Miniature]) -> None:
    voc = written("voc2007", classes=("boat", "train"), trainval=8, test=8)
    images = load_images("voc2007", archive=voc.folder)
    lost = images.root / np.array(images.files)[~images.train][0]
    lost.rename(lost.with_suffix(".lost"))
    with pytest.raises(ValueError, match=rf"JPEGImages has no {lost.name}, which .*boat_test\.txt lists"):
        load_images("voc2007", archive=voc.folder)
    lost.with_suffix(".lost").rename(lost)
    lists = voc.folder / "ImageSets" / "Main"
    for label in images.classes:
        with (lists / f"{label}_trainval.txt").open("a") as stream:
            stream.write(f"{lost.stem} -1\n")
    with pytest.raises(ValueError, match=rf"boat_trainval\.txt and .*boat_test\.txt both list image {lost.stem}"):
        load_images("voc2007", archive=voc.folder)


def test_voc_val_is_the_official_split_of_the_first_archive(written: Callable[..., Miniature]) -> None:
    voc = written("voc2007-val")
    images = load_images("voc2007-val", archive=voc.files)
    assert len(voc.files) == 1 and images.name == "voc2007-val" and images.metric == "mAP"
    lists = voc.folder / "ImageSets" / "Main"
    for number, label in enumerate(images.classes):
        for part, rows in (("train", images.train), ("val", ~images.train)):
            found = [f"{Path(name).stem} {sign:2d}" for name, sign in zip(images.files, images.y[:, number], strict=True)]
            assert [line for line, chosen in zip(found, rows, strict=True) if chosen] == sorted(
                (lists / f"{label}_{part}.txt").read_text().splitlines()
            )


@pytest.mark.parametrize("name", ["voc2007", "voc2007-val"])
def test_voc_with_images_missing_is_taken_when_it_is_said(written: Callable[..., Miniature], name: str) -> None:
    voc = written(name, classes=("boat", "train"), trainval=16, test=16)
    whole = load_images(name, archive=voc.folder)
    lost = [whole.root / file for file in np.array(whole.files)[~whole.train][1:3]]
    for path in lost:
        path.unlink()
    with pytest.raises(ValueError, match=rf"has no {lost[0].name}, which .* \(2 missing in all\); --incomplete"):
        load_images(name, archive=voc.folder)
    images = load_images(name, archive=voc.folder, incomplete=True)
    assert set(whole.files) - set(images.files) == {path.relative_to(whole.root).as_posix() for path in lost}
    assert all(path.stem in images.provenance["missing"].split(", ") for path in lost)
    assert images.provenance["incomplete"].startswith("2 images missing: ")
    # What was said once holds for the place that it was said of.
    assert load_images(name).files == images.files


def test_voc_with_images_missing_in_the_lists_too(written: Callable[..., Miniature]) -> None:
    """Then the counts tell, and the official ids tell which: each of 000001 to 009963 is in train, val or test."""
    voc = written("voc2007-val", classes=("boat", "train"), trainval=16, test=16)
    image = load_images("voc2007-val", archive=voc.folder).files[0]
    (voc.folder / image).unlink()
    for path in (voc.folder / "ImageSets" / "Main").glob("*.txt"):
        kept = [line for line in path.read_text().splitlines() if not line.startswith(Path(image).stem)]
        path.write_text("\r\n".join(kept))  # lists edited on another system
    with pytest.raises(ValueError, match=r"some of it is missing, .*; --incomplete"):
        load_images("voc2007-val", archive=voc.folder)
    images = load_images("voc2007-val", archive=voc.folder, incomplete=True)
    assert len(images) == 15 and Path(image).stem in images.provenance["missing"].split(", ")


def test_voc_image_in_no_list(written: Callable[..., Miniature]) -> None:
    voc = written("voc2007-val", classes=("boat", "train"), trainval=16, test=16)
    (voc.folder / "JPEGImages" / "000002.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match=r"000002\.jpg is in no list of .*Main"):
        load_images("voc2007-val", archive=voc.folder)


@pytest.mark.parametrize(("sign", "message"), [("-1", "no positive image"), (" 0", "only difficult images")])
@pytest.mark.parametrize("part", ["train", "val"])
def test_voc_class_without_positives(written: Callable[..., Miniature], sign: str, message: str, part: str) -> None:
    voc = written("voc2007-val", classes=("boat", "train"), trainval=16, test=16)
    path = voc.folder / "ImageSets" / "Main" / f"boat_{part}.txt"
    path.write_text(path.read_text().replace("  1\n", f" {sign}\n"))
    with pytest.raises(ValueError, match=rf"boat_{part}\.txt: class boat has {message}"):
        load_images("voc2007-val", archive=voc.folder)


def lose(lists: Path, *names: str) -> Path:
    """Let the positives of some lists be none; return the last list."""
    for name in names:
        path = lists / name
        path.write_text(path.read_text().replace("  1\n", " -1\n"))
    return path


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "image that is not there": (
        lambda voc: (voc / "JPEGImages" / "000005.jpg").unlink(),
        r"JPEGImages has no 000005\.jpg, which \S+boat_train\.txt lists \(1 missing in all\); --incomplete",
    ),
    "image in no list": (
        lambda voc: shutil.copy(voc / "JPEGImages" / "000005.jpg", voc / "JPEGImages" / "000006.jpg"),
        r"000006\.jpg is in no list of \S+Main",
    ),
    "class without positives in both parts": (
        lambda voc: lose(voc / "ImageSets" / "Main", "boat_train.txt", "boat_val.txt"),
        r"boat_train\.txt: class boat has no positive image; at least one that is not difficult is needed",
    ),
    "class without positives in val": (
        lambda voc: lose(voc / "ImageSets" / "Main", "train_val.txt"),
        r"train_val\.txt: class train has no positive image; at least one that is not difficult is needed",
    ),
    "class with difficult objects only": (
        lambda voc: edit(lose(voc / "ImageSets" / "Main", "boat_val.txt"), "-1", " 0"),
        r"boat_val\.txt: class boat has only difficult images; at least one that is not difficult is needed",
    ),
    "list of one part only": (
        lambda voc: (voc / "ImageSets" / "Main" / "boat_val.txt").unlink(),
        r"has no list ImageSets/Main/boat_val\.txt",
    ),
    "empty list": (
        lambda voc: (voc / "ImageSets" / "Main" / "boat_val.txt").write_bytes(b"\r\n"),
        r"boat_val\.txt is empty; a list of images is needed",
    ),
    "list that is not text": (
        lambda voc: (voc / "ImageSets" / "Main" / "boat_val.txt").write_bytes(b"\xff\xfe0\x000\x00"),
        r"boat_val\.txt is not UTF-8 text",
    ),
    "truncated archive": (
        lambda voc: halve(voc.parents[1] / "VOCtrainval_06-Nov-2007.tar"),
        r"VOCtrainval_06-Nov-2007\.tar is damaged or unsafe: unexpected end of data",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_voc_fault_is_one_clear_line(written: Callable[..., Miniature], fault: str) -> None:
    """It names the file; and nothing of the broken copy is remembered."""
    voc = written("voc2007-val", classes=("boat", "train"), trainval=16, test=1)
    spoil, message = BROKEN[fault]
    spoil(voc.folder)
    with pytest.raises(ValueError, match=message) as caught:
        load_images("voc2007-val", archive=voc.files[0] if fault == "truncated archive" else voc.folder)
    assert "\n" not in str(caught.value)
    assert not DATASETS["voc2007-val"].present()


@pytest.mark.parametrize("place", ["a header", "an image", "the end between two files", "the marks of the end"])
def test_voc_archive_cut_anywhere_is_damaged(written: Callable[..., Miniature], own_cache: Path, place: str) -> None:
    """A cut between two members leaves a file that tarfile takes for a whole one."""
    [archive] = written("voc2007-val", classes=("boat", "train"), trainval=16, test=1).files
    with tarfile.open(archive) as tar:
        member, end = tar.getmembers()[5], tar.offset
    cut = {"a header": member.offset + 100, "an image": member.offset_data + 10, "the end between two files": member.offset}
    archive.write_bytes(archive.read_bytes()[: cut.get(place, end)])
    with pytest.raises(ValueError, match=r"VOCtrainval_06-Nov-2007\.tar is damaged"):
        load_images("voc2007-val", archive=archive)
    assert not list((own_cache / "datasets").iterdir())


def test_voc_line_ends_of_several_systems_change_nothing(written: Callable[..., Miniature]) -> None:
    """Mixed in one list, with blank lines and a mark of the byte order."""
    voc = written("voc2007-val", classes=("boat", "train"), trainval=16, test=1)
    expected = load_images("voc2007-val", archive=voc.folder)
    for path in (voc.folder / "ImageSets" / "Main").glob("*_*.txt"):
        ends = itertools.cycle([b"\r\n", b"\n", b"\r", b" \r\n\r\n"])
        content = b"".join(line + next(ends) for line in path.read_bytes().splitlines())
        path.write_bytes(b"\xef\xbb\xbf" + content.rstrip())
    assert same(load_images("voc2007-val", archive=voc.folder), expected)


def test_voc_class_whose_images_are_all_lost(written: Callable[..., Miniature]) -> None:
    """An incomplete copy is taken, but not one from which a class cannot be learnt."""
    voc = written("voc2007-val", classes=("boat", "train", "bird"), trainval=24, test=1)
    images = load_images("voc2007-val", archive=voc.folder)
    boats = images.train & (images.y[:, images.classes.index("boat")] == 1)
    for name in np.array(images.files)[boats]:
        (images.root / name).unlink()
    with pytest.raises(ValueError, match=r"boat_train\.txt: class boat has no positive image"):
        load_images("voc2007-val", archive=voc.folder, incomplete=True)


def test_voc_shadows_of_another_system_are_no_images(written: Callable[..., Miniature]) -> None:
    """macOS packs ._NAME beside each NAME."""
    voc = written("voc2007-val", classes=("boat", "train"), trainval=16, test=1)
    expected = load_images("voc2007-val", archive=voc.folder)
    for path in (voc.folder / "JPEGImages" / "000005.jpg", voc.folder / "ImageSets" / "Main" / "boat_val.txt"):
        path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07")
    assert same(load_images("voc2007-val", archive=voc.folder), expected)


def test_incomplete_is_for_data_sets_with_a_name(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="incomplete is for data sets that have a name"):
        load_images(tmp_path, incomplete=True)


# --- MIT-67 -----------------------------------------------------------------------------------------------------


def test_mit67_is_what_the_lists_name(written: Callable[..., Miniature]) -> None:
    """Whatever their order and letters: unlisted images are left out, and a file keeps its own name."""
    mit67 = written("mit67")
    images = load_images("mit67", archive=mit67.files)
    assert images.metric == "accuracy" and len(list(images.root.glob("*/*"))) > len(images)
    listed = {
        entry: list_name.startswith("Train")
        for list_name in ("TrainImages.txt", "TestImages.txt")
        for entry in (mit67.folder / list_name).read_text().split("\n")
    }
    assert "stairscase/stairscase with blanks.jpg" in listed
    found = dict(zip(images.files, images.train.tolist(), strict=True))
    assert {name.casefold(): trains for name, trains in found.items()} == listed
    assert "bakery/BAKERY_0006.JPG" in images.files and list(images.files) == sorted(images.files)
    assert [images.classes[number] for number in images.y] == [name.split("/")[0] for name in images.files]
    assert all((images.root / name).is_file() for name in images.files)


def test_mit67_odd_files_are_decoded(written: Callable[..., Miniature]) -> None:
    """A GIF and a PNG that are called .jpg, a grey image, and one that the camera turned: upright RGB all of them."""
    mit67 = written("mit67")
    images = load_images("mit67", archive=mit67.files)
    odd = {
        "airport_inside/airport_inside_gif.jpg": (b"GIF8", (64, 48)),
        "bakery/bakery_png.jpg": (b"\x89PNG", (64, 48)),
        "stairscase/stairscase with blanks.jpg": (b"\xff\xd8", (64, 48)),
        "winecellar/winecellar_turned.jpg": (b"\xff\xd8", (48, 64)),
    }
    for name, (magic, size) in odd.items():
        assert name in images.files and (images.root / name).read_bytes().startswith(magic)
        image = open_image(images.root / name)
        assert (image.mode, image.size) == ("RGB", size)
    png = np.asarray(open_image(images.root / "bakery/bakery_png.jpg"))
    assert np.array_equal(png, np.asarray(texture(1, 0)))
    for name in images.files:
        assert open_image(images.root / name).mode == "RGB"


def test_mit67_corrupt_image_is_left_to_the_extractor(written: Callable[..., Miniature]) -> None:
    """It counts as an image here, and ``--on-error`` decides there."""
    mit67 = written("mit67", corrupt=True)
    images = load_images("mit67", archive=mit67.files)
    assert len(images) == 40
    with pytest.raises(UnreadableImageError, match=r"airport_inside_0001\.jpg"):
        open_image(images.root / "airport_inside/airport_inside_0001.jpg")


@pytest.mark.parametrize("missing", ["TrainImages.txt", "TestImages.txt"])
def test_mit67_without_a_list(written: Callable[..., Miniature], missing: str) -> None:
    mit67 = written("mit67")
    given = [path for path in mit67.files if path.name != missing]
    with pytest.raises(ValueError, match=rf"indoorCVPR_09\.tar.* has no list {missing}; give that file too.*torralba"):
        load_images("mit67", archive=given)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"TestImages\.txt is empty"),
        ("\n \n", r"TestImages\.txt is empty"),
        ("bakery/bakery_0007.jpg\nbakery\n", r"TestImages\.txt, line 2: 'bakery' is not CLASS/IMAGE"),
        ("\nImages/bakery/bakery_0001.jpg", r"line 2: .* is not CLASS/IMAGE"),
        ("bakery/", r"line 1: 'bakery/' is not CLASS/IMAGE"),
        ("../x.jpg", r"line 1: '\.\./x\.jpg' leads out of the folder"),
        ("bakery/../../x.jpg", r"line 1: .* leads out of the folder"),
        ("/etc/passwd", r"line 1: '/etc/passwd' leads out of the folder"),
        ("bakery/gone.jpg", r"Images has no bakery/gone\.jpg, which .*TestImages\.txt, line 1, lists"),
        (
            "bakery/bakery_0001.jpg",
            r"TestImages\.txt, line 1: bakery/bakery_0001\.jpg is listed in .*TrainImages\.txt, line",
        ),
        # Another spelling of the same file is the same image.
        ("Bakery/BAKERY_0001.jpg", r"bakery/bakery_0001\.jpg is listed in .*TrainImages\.txt, line"),
        ("bakery/bakery_0007.jpg\nbakery/bakery_0007.jpg", r"line 2: .* is listed in .*TestImages\.txt, line 1 too"),
    ],
)
def test_mit67_lists_that_are_wrong(written: Callable[..., Miniature], text: str, message: str) -> None:
    mit67 = written("mit67")
    (mit67.folder / "TestImages.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_images("mit67", archive=mit67.folder)


def test_mit67_list_that_is_not_text(written: Callable[..., Miniature]) -> None:
    mit67 = written("mit67")
    (mit67.folder / "TestImages.txt").write_bytes("caf\u00e9/1.jpg".encode("latin-1"))
    with pytest.raises(ValueError, match=r"TestImages\.txt is not UTF-8 text"):
        load_images("mit67", archive=mit67.folder)


def test_mit67_spelling_that_fits_two_files(written: Callable[..., Miniature]) -> None:
    mit67 = written("mit67")
    image = mit67.folder / "Images" / "bakery" / "BAKERY_0006.JPG"
    shutil.copy(image, image.with_name("bakery_0006.JPG"))
    with pytest.raises(ValueError, match=r"several files bakery/bakery_0006\.jpg that differ in upper and lower case"):
        load_images("mit67", archive=mit67.folder)
    shutil.copy(image, image.with_name("bakery_0006.jpg"))
    assert "bakery/bakery_0006.jpg" in load_images("mit67", archive=mit67.folder).files


# --- the two Food-101 -------------------------------------------------------------------------------------------


def test_food101_with_images_missing_is_taken_when_it_is_said(written: Callable[..., Miniature]) -> None:
    food = written("food101")
    lost = food.folder / "images" / load_images("food101", archive=food.folder).files[0]
    lost.unlink()
    with pytest.raises(ValueError, match=rf"has no .*{lost.name}.*--incomplete"):
        load_images("food101", archive=food.folder)
    images = load_images("food101", archive=food.folder, incomplete=True)
    assert images.provenance["missing"] == f"{lost.parent.name}/{lost.name}"


def test_food101_has_the_split_of_its_lists(written: Callable[..., Miniature]) -> None:
    food101 = written("food101")
    images = load_images("food101", archive=food101.files)
    listed = json.loads((food101.folder / "meta" / "train.json").read_text())
    trained = {name for name, trains in zip(images.files, images.train, strict=True) if trains}
    assert trained == {f"{name}.jpg" for names in listed.values() for name in names}
    assert [images.classes[number] for number in images.y] == [name.split("/")[0] for name in images.files]


def test_upmc_food101_pools_its_parts_and_draws_by_the_seed(written: Callable[..., Miniature], tmp_path: Path) -> None:
    """The drawn split does not depend on whether the copy has two parts: it is that of the pooled folder."""
    upmc = written("upmc-food101")
    images = load_images("upmc-food101", archive=upmc.files)
    pooled = tmp_path / "images"
    for path in sorted((upmc.folder / "images").glob("*/*/*.jpg")):
        (pooled / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, pooled / path.parent.name)
    plain = from_folder(pooled, train_per_class=6, seed=0)
    trained = {Path(name).name for name, trains in zip(images.files, images.train, strict=True) if trains}
    assert trained == {Path(name).name for name, trains in zip(plain.files, plain.train, strict=True) if trains}
    again = load_images("upmc-food101", archive=pooled)
    assert (again.files, again.train.tolist()) == (plain.files, plain.train.tolist())
    for seed in (0, 3):
        drawn = upmc_food101(Parts("pooled", (pooled,)), train_per_class=4, seed=seed, expected=(15, 5))
        assert drawn.train.tolist() == from_folder(pooled, train_per_class=4, seed=seed).train.tolist()
    assert images.train.sum() == 18 and "unknown" in images.provenance["split"]


def test_upmc_food101_draw_is_pinned(written: Callable[..., Miniature]) -> None:
    """In numbers, worked out by hand from seed 0: neither an edit nor another NumPy moves it unnoticed."""
    images = load_images("upmc-food101", archive=written("upmc-food101").files)
    tests = [name for name, trains in zip(images.files, images.train, strict=True) if not trains]
    assert [re.sub(r"\D", "", name) for name in tests] == ["3", "7", "0", "5", "2", "4", "5", "6", "8"]


def test_upmc_food101_other_counts_are_a_warning(written: Callable[..., Miniature], monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of it differ; the provenance says how this one compares with what the paper's scores fit."""
    upmc = written("upmc-food101")
    read = functools.partial(upmc_food101, train_per_class=6)
    monkeypatch.setitem(DATASETS, "upmc-food101", dataclasses.replace(DATASETS["upmc-food101"], read=read, counts=None))
    with pytest.warns(UserWarning, match=r"9 test images, 3 of them of class 1, apple_pie; .* fit 29,998 and 333"):
        images = load_images("upmc-food101", archive=upmc.files)
    assert "29,998 and 333" in images.provenance["counts"]


def test_upmc_food101_class_with_too_few_images(written: Callable[..., Miniature]) -> None:
    upmc = written("upmc-food101")
    for path in sorted((upmc.folder / "images").glob("*/baklava/*.jpg"))[:3]:
        path.unlink()
    with pytest.raises(ValueError, match=r"class 'baklava' in .*images has 6 .*; 6 train, and at least one must test"):
        load_images("upmc-food101", archive=upmc.folder)
    shutil.rmtree(upmc.folder / "images")
    with pytest.raises(ValueError, match=r"UPMC_Food101 has no folder images"):
        load_images("upmc-food101", archive=upmc.folder)


# --- what is not the whole data set -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["voc2007", "voc2007-val", "mit67", "food101"])
def test_counts_are_checked(written: Callable[..., Miniature], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    miniature = written(name)
    expected = dataclasses.replace(miniature.counts, test=miniature.counts.test + 1)
    monkeypatch.setitem(DATASETS, name, dataclasses.replace(DATASETS[name], counts=expected))
    with pytest.raises(ValueError) as caught:
        load_images(name, archive=miniature.folder)
    message = str(caught.value)
    assert str(miniature.folder) in message and f"has {miniature.counts}, and {name} has {expected}" in message
    assert not DATASETS[name].present()


def test_official_counts() -> None:
    """VOC 2007 and MIT-67 are those of protocol 1.3."""
    assert DATASETS["voc2007"].counts == Counts(5011, 4952, 20)
    assert DATASETS["voc2007-val"].counts == Counts(2501, 2510, 20)
    assert DATASETS["food101-10"].counts == Counts(10 * 375, 10 * 125, 10)
    assert DATASETS["mit67"].counts == Counts(67 * 80, 67 * 20, 67)
    assert DATASETS["food101"].counts == Counts(101 * 750, 101 * 250, 101)


@pytest.mark.parametrize("name", WRITERS)
def test_archive_of_another_data_set(written: Callable[..., Miniature], tmp_path: Path, name: str) -> None:
    written(name)
    archive = tmp_path / "other.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(__file__, "readme/readme.py")
    with pytest.raises(ValueError, match=rf"other\.tar has no .*; it is not an archive of {name}, or not all of it"):
        load_images(name, archive=archive)


@pytest.mark.parametrize("name", WRITERS)
def test_truncated_archive(written: Callable[..., Miniature], own_cache: Path, name: str) -> None:
    miniature = written(name)
    archive = miniature.files[0]
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=rf"{re.escape(archive.name)} is damaged"):
        load_images(name, archive=miniature.files)
    assert not list((own_cache / "datasets").iterdir())


def test_missing_part_is_named_before_anything_is_unpacked(written: Callable[..., Miniature], own_cache: Path) -> None:
    mit67 = written("mit67")
    with pytest.raises(FileNotFoundError, match=r"Test\.txt: there is no such archive, list or folder"):
        load_images("mit67", archive=[*mit67.files[:2], "Test.txt"])
    assert not own_cache.exists()


# --- downloads --------------------------------------------------------------------------------------------------


def offer(
    monkeypatch: pytest.MonkeyPatch,
    miniature: Miniature,
    serve: Any,
    cut: int | None = None,
    hashed: bool = True,
) -> list[Any]:
    """Serve the files of a miniature, the last one's first answer cut short, as the official downloads."""
    from stresslib.files import file_sha256

    servers, downloads = [], []
    for path in miniature.files:
        servers.append(serve(path.read_bytes(), cut if path == miniature.files[-1] else None))
        url = servers[-1].url.replace("set.zip", path.name)
        known = f"sha256:{file_sha256(path)}" if hashed else None
        downloads.append(Download(url, known, "the test", path.stat().st_size))
    dataset = dataclasses.replace(DATASETS[miniature.name], downloads=tuple(downloads))
    monkeypatch.setitem(DATASETS, miniature.name, dataset)
    return servers


@pytest.mark.parametrize("name", ["voc2007", "mit67"])
def test_official_files_are_fetched_once(
    written: Callable[..., Miniature],
    monkeypatch: pytest.MonkeyPatch,
    serve: Any,
    name: str,
) -> None:
    miniature = written(name)
    servers = offer(monkeypatch, miniature, serve)
    images = load_images(name)
    assert same(images, load_images(name, archive=miniature.files))
    assert same(load_images(name), images)
    assert [server.ranges for server in servers] == [[None]] * len(servers)
    assert images.provenance["checksum"].count("sha256 as the test has it") == len(servers)


def test_each_archive_resumes_by_itself(
    written: Callable[..., Miniature],
    monkeypatch: pytest.MonkeyPatch,
    serve: Any,
) -> None:
    """The second breaks: the first is not fetched again, and of the second only the rest."""
    voc = written("voc2007")
    # A multiple of what is written at once.
    servers = offer(monkeypatch, voc, serve, cut=1 << 16)
    with pytest.raises(OSError, match=r"VOCtest_06-Nov-2007\.tar.*Try again.*host\.robots\.ox\.ac\.uk"):
        load_images("voc2007")
    assert not DATASETS["voc2007"].present()
    assert len(load_images("voc2007")) == 80
    assert [server.ranges for server in servers] == [[None], [None, f"bytes={1 << 16}-"]]


def test_dead_address_says_whom_to_ask_and_leaves_nothing(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    dead = Download("http://127.0.0.1:9/UPMC_Food101.tar.gz")
    monkeypatch.setitem(DATASETS, "upmc-food101", dataclasses.replace(DATASETS["upmc-food101"], downloads=(dead,)))
    with pytest.raises(OSError, match=r"127\.0\.0\.1:9/UPMC_Food101\.tar\.gz.*--archive FILE.*ask the authors"):
        load_images("upmc-food101")
    assert not [path for path in own_cache.rglob("*") if path.is_file()]


def test_unknown_hash_is_called_unverified_and_remembered(
    written: Callable[..., Miniature],
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    serve: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    upmc = written("upmc-food101")
    offer(monkeypatch, upmc, serve, hashed=False)
    images = load_images("upmc-food101")
    assert "unverified" in capsys.readouterr().out and "unverified" in images.provenance["checksum"]
    record = json.loads((own_cache / "archives" / "UPMC_Food101.tar.gz.json").read_text())
    assert record["sha256"] == images.provenance["archive_sha256"] and record["verified"] is False


# --- the command line -------------------------------------------------------------------------------------------


def test_command_line_takes_several_parts(
    written: Callable[..., Miniature], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """They reach the reader: of one part alone it names what is missing, of both nothing is, and the layer is next."""
    voc = written("voc2007")
    command = ["extract", "voc2007", "--archive", str(voc.files[0])]
    network = ["--model", "efficientnet-lite0", "--layer", "no-such-layer"]
    assert main([*command, *network]) == 1
    assert "aeroplane_test.txt" in capsys.readouterr().err
    assert main([*command, str(voc.files[1]), *network]) == 1
    assert "no-such-layer" in capsys.readouterr().err
    assert main(["extract", str(tmp_path), "--archive", "x.tar", *network]) == 1
    assert "is a path, and needs no archive" in capsys.readouterr().err


# --- the registry -----------------------------------------------------------------------------------------------


def test_every_data_set_says_where_it_is_from() -> None:
    for dataset in DATASETS.values():
        assert dataset.about and dataset.source and dataset.licence and dataset.note
        for download in dataset.downloads:
            assert download.url.startswith("http") and download.path.name == download.name
            if download.known_hash is not None:
                algorithm, _, digest = download.known_hash.partition(":")
                assert len(digest) == {"md5": 32, "sha1": 40, "sha256": 64}[algorithm] and download.published_by
    assert DATASETS["voc2007"].size == 460_032_000 + 451_020_800
    assert DATASETS["food101"].size == 4_996_278_331
    # Of the lists, of the archive, and of what is not downloaded, no size is known.
    assert [DATASETS[name].size for name in ("mit67", "upmc-food101", "scenes15", "digits")] == [None] * 4


def test_hashes_are_those_that_torchvision_has() -> None:
    voc = pytest.importorskip("torchvision.datasets.voc")
    food101 = pytest.importorskip("torchvision.datasets.food101")
    ours = {download.name: download for name in ("voc2007", "food101") for download in DATASETS[name].downloads}
    for key in ("2007", "2007-test"):
        theirs = voc.DATASET_YEAR_DICT[key]
        assert ours[theirs["filename"]].known_hash == f"md5:{theirs['md5']}"
    assert ours["food-101.tar.gz"].known_hash == f"md5:{food101.Food101._MD5}"
