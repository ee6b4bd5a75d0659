"""Folders of images: splits under any name, the debris of systems, links, files that are no images; all of it is said."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image

from stresslib.datasets import from_folder, load_images

CLASSES = ("cat", "dog")


def fill(root: Path, names: Iterable[str]) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"image")
    return root


def of_classes(*folders: str, count: int = 3, classes: Iterable[str] = CLASSES) -> list[str]:
    return [f"{folder}/{label}/{number}.png" for folder in folders for label in classes for number in range(count)]


@pytest.mark.parametrize(
    ("train", "test"),
    [("train", "val"), ("Train", "Test"), ("Training", "Testing"), ("TRAIN", "validation"), ("train", "dev")],
)
def test_folders_of_a_split_are_never_classes(tmp_path: Path, train: str, test: str) -> None:
    images = from_folder(fill(tmp_path, of_classes(train, test)))
    assert images.classes == CLASSES
    assert [name.startswith(f"{train}/") for name in images.files] == images.train.tolist()
    assert images.provenance["split"] == f"folders {train} and {test}"


@pytest.mark.parametrize(("third", "count"), [("val", 6), ("extra", 6), ("valid", 6)])
def test_a_third_folder_is_said_to_be_left_out(tmp_path: Path, third: str, count: int) -> None:
    images = from_folder(fill(tmp_path, of_classes("train", "test", third)))
    assert len(images) == 12 and images.provenance["left_out"] == {f"folder {third}": count}


@pytest.mark.parametrize(
    "folders",
    [
        of_classes("train", "Training"),
        of_classes("train", "val", "validation"),
        of_classes("train", "holdout"),
        of_classes("val", "test"),
        [*of_classes("val"), "cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"],
        [*of_classes("train"), "unlabelled/1.png", "unlabelled/2.png"],
        [f"{label}/{part}/{n}.png" for label in CLASSES for part in ("train", "test") for n in range(2)],
        ["train/1.png", "val/2.png", "train/3.png", "test/4.png"],
    ],
)
def test_what_is_nearly_a_split_is_refused_with_the_right_form(tmp_path: Path, folders: list[str]) -> None:
    with pytest.raises(ValueError, match="/train/CLASS"):
        from_folder(fill(tmp_path, folders))


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    images = from_folder(fill(tmp_path, [f"{label}/{n}.png" for label in ("car", "train") for n in range(4)]))
    assert images.classes == ("car", "train")


def test_classes_may_have_folders_in_them(tmp_path: Path) -> None:
    names = [f"{label}/{year}/{n}.png" for label in CLASSES for year in (2019, 2020) for n in range(2)]
    assert len(from_folder(fill(tmp_path, names))) == 8


def test_debris_is_left_out_wherever_it_is(tmp_path: Path) -> None:
    """A copy in a hidden folder would stand in training and in test."""
    root = fill(tmp_path, [f"{label}/{n}.png" for label in CLASSES for n in range(4)])
    expected = from_folder(root).files
    for name in (".thumbnails/1.png", "@eaDir/1.png", "__MACOSX/1.png", ".AppleDouble/1.png", "Thumbs.db", "desktop.ini"):
        fill(root, [name, f"cat/{name}", f"dog/deeper/{name}"])
    fill(root, ["cat/.DS_Store", "cat/._1.png", "readme.txt"])
    images = from_folder(root)
    assert images.files == expected
    assert images.provenance["left_out"] == {"beside the class folders": 1, "hidden": 20}


@pytest.mark.parametrize("ending", [".jfif", ".JPE", ".pgm", ".pbm", ".pnm", ".avif", ".jp2", ".tga"])
def test_all_that_pillow_reads_is_taken(tmp_path: Path, ending: str) -> None:
    images = from_folder(fill(tmp_path, [f"{label}/{n}{ending}" for label in CLASSES for n in range(2)]))
    assert len(images) == 4 and "left_out" not in images.provenance


def test_what_is_left_out_is_counted_by_its_ending(tmp_path: Path) -> None:
    root = fill(tmp_path, [f"{label}/{n}.png" for label in CLASSES for n in range(2)])
    fill(root, ["cat/1.heic", "cat/2.HEIC", "dog/notes.txt", "dog/scan", "dog/clip.mpg", "meta/list.csv", "meta/a.mat"])
    (root / "cat" / "gone.png").symlink_to(root / "nowhere.png")
    assert from_folder(root).provenance["left_out"] == {
        ".csv": 1, ".heic": 2, ".mat": 1, ".mpg": 1, ".txt": 1, "broken links": 1, "no ending": 1,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["bird/1.heic", "bird/1", "bird/deeper/1.cr2", "bird/1.dcm"])
def test_a_class_without_a_readable_image_is_an_error(tmp_path: Path, name: str) -> None:
    root = fill(tmp_path, [f"{label}/{n}.png" for label in CLASSES for n in range(2)])
    with pytest.raises(ValueError, match=r"class 'bird' in .* has no file that can be read as an image"):
        from_folder(fill(root, [name]))


def test_linked_folders_are_followed_and_loops_are_not(tmp_path: Path) -> None:
    fill(tmp_path / "elsewhere", ["a/1.png", "a/2.png"])
    root = fill(tmp_path / "root", [f"{label}/{n}.png" for label in CLASSES for n in range(2)])
    (root / "cat" / "more").symlink_to(tmp_path / "elsewhere" / "a")
    (root / "owl").symlink_to(tmp_path / "elsewhere" / "a")
    (root / "dog" / "loop").symlink_to(root)
    (root / "dog" / "self").symlink_to(root / "dog")
    images = from_folder(root)
    assert [name for name in images.files if name.startswith(("cat/", "owl/"))] == [
        "cat/0.png", "cat/1.png", "cat/more/1.png", "cat/more/2.png", "owl/1.png", "owl/2.png",
    ]  # fmt: skip
    assert images.provenance["left_out"] == {"links to folders that are read already": 2}


def test_a_link_to_what_is_read_anyway_is_no_further_image(tmp_path: Path) -> None:
    """One picture would stand in both parts of the split, or under two labels; links to elsewhere count."""
    root = fill(tmp_path, [f"{label}/{n}.png" for label in CLASSES for n in range(2)] + [".store/8.png", "cat/.store/9.png"])
    (root / "tom").symlink_to("cat")
    (root / "cat" / "7.png").symlink_to("0.png")
    (root / "cat" / "8.png").symlink_to(root / ".store" / "8.png")
    (root / "cat" / "9.png").symlink_to(Path(".store") / "9.png")
    images = from_folder(root)
    assert [name for name in images.files if name.startswith("cat/")] == [f"cat/{n}.png" for n in (0, 1, 8, 9)]
    assert images.classes == CLASSES
    assert images.provenance["left_out"] == {
        "hidden": 2, "links to folders that are read already": 1, "links to images that are read already": 1,
    }  # fmt: skip


@pytest.mark.parametrize("place", ["", "cat", "cat/deeper"])
def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its images would vanish. The system is played, since nothing is closed to root."""
    import os

    root = fill(tmp_path, [f"{label}/deeper/{n}.png" for label in CLASSES for n in range(2)])
    real = os.scandir

    def closed(path: str | Path) -> object:
        if Path(path) == root / place:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(PermissionError, match=f"cannot read the folder {root / place}: Permission denied"):
        from_folder(root)


def test_a_folder_of_a_data_sets_name_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for label in CLASSES:
        (tmp_path / "digits" / label).mkdir(parents=True)
        for number in range(2):
            Image.new("L", (8, 8), number).save(tmp_path / "digits" / label / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"digits is a data set and a folder here; write \./digits for the folder"):
        load_images("digits")
    assert load_images("./digits").classes == CLASSES
