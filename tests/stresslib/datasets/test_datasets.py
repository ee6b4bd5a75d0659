"""Data sets: folders, CSVs and archives become the same ImageSet everywhere, and harm nothing on the way."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from places import SHARED
from sklearn.datasets import load_digits

from stresslib.datasets import ImageSet, archives, from_csv, from_folder, load_images
from stresslib.datasets.archives import unpack
from stresslib.datasets.downloads import fetch

SHARED_DATA = SHARED / "data"


def image_bytes(seed: int = 0, kind: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4), (seed % 256, 50, 200)).save(stream, kind)
    return stream.getvalue()


def make_images(root: Path, names: Iterable[str]) -> Path:
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(image_bytes(number))
    return root


def class_names(label: str, count: int) -> list[str]:
    return [f"{label}/image_{number:04d}.jpg" for number in range(1, count + 1)]


def split_of(images: ImageSet) -> dict[str, bool]:
    return dict(zip(images.files, images.train.tolist(), strict=True))


# --- folders ----------------------------------------------------------------------------------------------------


def test_class_folders(tmp_path: Path) -> None:
    """One folder a class; names sorted, with forward slashes; half of each class trains, rounded down."""
    images = from_folder(make_images(tmp_path / "pets", [*class_names("dog", 5), *class_names("cat", 4), "cat/notes.txt"]))
    assert (images.name, images.classes, images.metric, len(images)) == ("pets", ("cat", "dog"), "accuracy", 9)
    assert list(images.files) == sorted([*class_names("cat", 4), *class_names("dog", 5)])
    assert [images.classes[number] for number in images.y] == [name.split("/")[0] for name in images.files]
    assert [int(images.train[images.y == number].sum()) for number in (0, 1)] == [2, 2]
    assert all((images.root / name).is_file() for name in images.files)


def test_train_and_test_folders_are_the_split(tmp_path: Path) -> None:
    names = [f"{part}/{name}" for part in ("train", "test") for label in "ab" for name in class_names(label, 3)]
    images = from_folder(make_images(tmp_path, names))
    assert images.classes == ("a", "b")
    assert split_of(images) == {name: name.startswith("train/") for name in names}
    assert [images.classes[number] for number in images.y] == [name.split("/")[1] for name in images.files]


def test_drawn_split_is_the_documented_one(tmp_path: Path) -> None:
    """One RandomState(seed), class by class in sorted order: the split of a published result can be drawn by hand."""
    root = make_images(tmp_path, [*class_names("b", 6), *class_names("a", 8)])
    for seed in (0, 7):
        generator = np.random.RandomState(seed)
        expected = {}
        for label, count in (("a", 8), ("b", 6)):
            order = generator.permutation(count)
            expected.update({name: place in order[:3] for place, name in enumerate(class_names(label, count))})
        assert split_of(from_folder(root, train_per_class=3, seed=seed)) == expected


def test_drawn_split_is_pinned(tmp_path: Path) -> None:
    """The rows that seed 0 gives, in numbers: neither an edit nor another NumPy moves them unnoticed."""
    images = from_folder(make_images(tmp_path, [*class_names("a", 8), *class_names("b", 6)]), train_per_class=3)
    assert np.flatnonzero(images.train).tolist() == [1, 2, 6, 9, 11, 12]


def test_split_does_not_depend_on_the_file_systems_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_images(tmp_path, [*class_names("a", 9), *class_names("b", 9), *class_names("c", 9)])
    first = from_folder(root)
    for name in ("iterdir", "rglob"):
        real = getattr(Path, name)

        def shuffled(self: Path, *args: Any, real: Any = real) -> Iterator[Path]:
            found = list(real(self, *args))
            random.Random(1).shuffle(found)
            return iter(found)

        monkeypatch.setattr(Path, name, shuffled)
    second = from_folder(root)
    assert (first.files, first.classes) == (second.files, second.classes)
    assert np.array_equal(first.y, second.y) and np.array_equal(first.train, second.train)


def test_thirty_per_class_train_and_the_rest_test(tmp_path: Path) -> None:
    counts = {"a": 31, "b": 34, "c": 40}
    images = from_folder(
        make_images(tmp_path, [name for label, n in counts.items() for name in class_names(label, n)]), train_per_class=30
    )
    assert [int(images.train[images.y == number].sum()) for number in range(3)] == [30, 30, 30]
    assert [int((~images.train)[images.y == number].sum()) for number in range(3)] == [1, 4, 10]


def test_left_out_folders_are_not_classes(tmp_path: Path) -> None:
    """And they do not shift the draws of the classes that stay."""
    root = make_images(tmp_path, [*class_names("a", 6), *class_names("b", 6)])
    expected = split_of(from_folder(root))
    make_images(root, class_names("BACKGROUND", 6))
    images = from_folder(root, leave_out=("BACKGROUND",))
    assert (images.classes, split_of(images)) == (("a", "b"), expected)


def test_hidden_files_are_not_images(tmp_path: Path) -> None:
    """A Mac leaves ._image.jpg beside image.jpg on foreign disks: no image, and it would shift the split."""
    root = make_images(tmp_path, [*class_names("a", 4), *class_names("b", 4)])
    expected = from_folder(root)
    (root / "a" / "._image_0001.jpg").write_bytes(b"\0\x05\x16\x07\0\x02\0\0Mac OS X")
    (root / ".thumbnails").mkdir()
    (root / ".thumbnails" / "a.jpg").write_bytes(image_bytes())
    assert from_folder(root).files == expected.files


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        from_folder(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "no images"),
        (["loose.jpg"], "no images"),
        (class_names("cat", 4), "only one class, 'cat'"),
        ([*class_names("cat", 4), *class_names("dog", 1)], r"class 'dog' .* has 1 image"),
        (["train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg"], "test has no images of class 'b'"),
        (["train/a/1.jpg", "test/a/1.jpg", "test/b/1.jpg"], "train has no images of class 'b'"),
    ],
)
def test_folders_that_are_not_a_data_set(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        from_folder(make_images(tmp_path, names))
    assert str(tmp_path) in str(caught.value)


def test_too_few_images_for_the_split(tmp_path: Path) -> None:
    root = make_images(tmp_path, [*class_names("a", 31), *class_names("b", 30)])
    with pytest.raises(ValueError, match=r"class 'b' .* has 30 image\(s\); the split needs at least 31"):
        from_folder(root, train_per_class=30)


# --- CSV --------------------------------------------------------------------------------------------------------


def make_csv(tmp_path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "photos" / "labels.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def test_csv_with_one_label_an_image(tmp_path: Path) -> None:
    path = make_csv(tmp_path, "file,labels,split", "b.jpg,dog,train", "a.jpg,cat,train", "d.jpg,dog,test", "c.jpg,cat,test")
    images = from_csv(path)
    assert (images.name, images.root, images.metric) == ("photos", path.parent, "accuracy")
    assert (images.files, images.classes) == (("a.jpg", "b.jpg", "c.jpg", "d.jpg"), ("cat", "dog"))
    assert (images.y.tolist(), images.train.tolist()) == ([0, 1, 0, 1], [True, True, False, False])


def test_csv_with_many_labels(tmp_path: Path) -> None:
    """1 has the label, 0 difficult, -1 not; val and test are both scored on; a class without positives there is left out."""
    path = make_csv(
        tmp_path,
        "file,labels,difficult,split",
        "1.jpg,cat|dog,,train",
        "2.jpg,dog,cat,train",
        "3.jpg,,,train",
        "4.jpg,cat,dog,val",
        "5.jpg,dog | cat,,test",
        "6.jpg,,,test",
        "7.jpg,owl,,train",
    )
    images = from_csv(path)
    assert (images.metric, images.classes) == ("mAP", ("cat", "dog"))
    assert images.provenance["classes_left_out"] == ["owl"]
    assert images.train.tolist() == [True, True, True, False, False, False, True]
    assert images.y.tolist() == [[1, 1], [0, 1], [-1, -1], [1, 0], [1, 1], [-1, -1], [-1, -1]]


def test_csv_without_split_draws_half_by_the_seed(tmp_path: Path) -> None:
    lines = [f"{number:02d}.jpg,{'cat' if number % 2 else 'dog'}" for number in range(20)]
    path = make_csv(tmp_path, "file,labels", *lines)
    expected = np.zeros(20, dtype=bool)
    expected[np.random.RandomState(3).permutation(20)[:10]] = True
    assert np.array_equal(from_csv(path, seed=3).train, expected)
    again = make_csv(tmp_path, "file,labels", *reversed(lines))
    assert np.array_equal(from_csv(again, seed=3).train, expected)


@pytest.mark.parametrize("column", ["labels", "label"])
def test_csv_column_label(tmp_path: Path, column: str) -> None:
    """The singular passes for the plural, and stays good under its own name."""
    lines = ["file,label,split", "a.jpg,cat,train", "b.jpg,dog,train", "c.jpg,cat,test", "d.jpg,dog,test"]
    assert from_csv(make_csv(tmp_path, *lines), labels=column).classes == ("cat", "dog")


def test_csv_with_byte_order_mark(tmp_path: Path) -> None:
    """As Excel saves it."""
    lines = ["file,labels,split", "a.jpg,cat,train", "b.jpg,dog,train", "c.jpg,cat,test", "d.jpg,dog,test"]
    assert from_csv(make_csv(tmp_path, *lines, encoding="utf-8-sig")).files[0] == "a.jpg"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["name,labels", "a.jpg,cat"], "no column 'file'; it has name, labels"),
        (["file,kind", "a.jpg,cat"], "no column 'labels'; it has file, kind"),
        (["file,labels,split", "a.jpg,cat,holdout"], "split 'holdout' is unknown; allowed are train"),
        (["file,labels,split", "a.jpg,cat|dog,train", "b.jpg,cat,train", "c.jpg,dog,test"], "no class has a positive"),
        (["file,labels"], "no lines|no images"),
    ],
)
def test_csv_errors_name_file_and_value(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        from_csv(make_csv(tmp_path, *lines))
    assert "labels.csv" in str(caught.value)


def test_csv_that_lists_an_image_twice(tmp_path: Path) -> None:
    """It could stand in both parts of the split, and be learned by heart."""
    lines = ["file,labels,split", "a.jpg,cat,train", "b.jpg,dog,train", "a.jpg,cat,test", "d.jpg,dog,test"]
    with pytest.raises(ValueError, match=r"a\.jpg"):
        from_csv(make_csv(tmp_path, *lines))


def test_csv_accuracy_of_many_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="exactly one label"):
        from_csv(make_csv(tmp_path, "file,labels,split", "a.jpg,cat|dog,train", "b.jpg,cat,test"), metric="accuracy")


def test_missing_csv(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        from_csv(tmp_path / "nowhere.csv")


# --- names ------------------------------------------------------------------------------------------------------


def test_unknown_name_gets_a_hint() -> None:
    with pytest.raises(FileNotFoundError, match="did you mean 'caltech101'"):
        load_images("caltech11")
    with pytest.raises(FileNotFoundError, match="scenes15"):
        load_images("nothing like it")


def test_load_images_takes_a_folder_or_a_csv(tmp_path: Path) -> None:
    root = make_images(tmp_path / "pets", [*class_names("a", 4), *class_names("b", 4)])
    assert load_images(root, train_per_class=1).train.sum() == 2
    lines = ["file,kind,split", "a.jpg,cat,train", "b.jpg,dog,train", "c.jpg,cat,test", "d.jpg,dog,test"]
    assert load_images(make_csv(tmp_path, *lines), labels="kind").classes == ("cat", "dog")


def test_name_without_official_download_asks_for_an_archive() -> None:
    with pytest.raises(FileNotFoundError, match="--archive"):
        load_images("scenes15")


# --- digits -----------------------------------------------------------------------------------------------------


def test_digits_need_no_archive(own_cache: Path) -> None:
    """50 of each digit train; the pixels are scikit-learn's, on the scale of 255, and the bytes the same everywhere."""
    images = load_images("digits")
    assert (images.name, images.metric, images.classes) == ("digits", "accuracy", tuple("0123456789"))
    assert np.bincount(images.y[images.train]).tolist() == [50] * 10
    assert len(images) == 1797 and images.root.is_relative_to(own_cache)
    bunch = load_digits()
    for file, number in list(zip(images.files, images.y, strict=True))[::100]:
        row = int(Path(file).stem)
        assert number == bunch.target[row]
        pixels = np.asarray(Image.open(images.root / file))
        assert np.array_equal(pixels, np.rint(bunch.images[row] * 255 / 16))
    content = b"".join((images.root / file).read_bytes() for file in images.files)
    assert hashlib.sha256(content).hexdigest() == "81fbfecfa5e137c174bc2434852057fca008c3907c33cb6949920d2fd78544dd"


def test_digits_are_written_once_and_as_a_whole(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*args: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", full_disk)
        with pytest.raises(OSError, match="No space left"):
            load_images("digits")
    assert not list((own_cache / "datasets").iterdir())
    root = load_images("digits").root
    (root / "mark").touch()
    assert load_images("digits").root == root and (root / "mark").exists()


def test_digits_with_an_archive_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"digits comes without an archive; leave .*mine\.tar out"):
        load_images("digits", archive=tmp_path / "mine.tar")


# --- archives ---------------------------------------------------------------------------------------------------

SAFE = {f"set/{label}/{number}.jpg": image_bytes(number) for label in "ab" for number in range(3)}


def member(name: str, content: bytes = b"evil", **attributes: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    for key, value in attributes.items():
        setattr(info, key, value)
    info.size = len(content) if info.isreg() else 0
    return info, content


def make_tar(
    path: Path, contents: dict[str, bytes], extra: Sequence[tuple[tarfile.TarInfo, bytes]] = (), mode: str = "w"
) -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for info, content in [*(member(name, content) for name, content in contents.items()), *extra]:
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return path


def make_zip(path: Path, contents: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in contents.items():
            bundle.writestr(name, content)
    return path


def everything_below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize("name", ["safe.tar", "safe.tar.gz", "safe.tar.xz", "safe.zip"])
def test_archive_is_unpacked_once(tmp_path: Path, own_cache: Path, name: str) -> None:
    if name.endswith("zip"):
        archive = make_zip(tmp_path / name, SAFE)
    else:
        archive = make_tar(tmp_path / name, SAFE, mode=f"w:{name.split('.')[2]}" if name.count(".") > 1 else "w")
    folder, sha256 = unpack(archive)
    assert folder.is_relative_to(own_cache)
    assert {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.jpg")} == SAFE
    assert sha256 == (hashlib.sha256(archive.read_bytes()).hexdigest(),)
    (folder / "set" / "mark").touch()
    assert unpack(archive) == (folder, sha256)
    assert (folder / "set" / "mark").exists()


def test_another_archive_of_the_same_name_gets_its_own_folder(tmp_path: Path) -> None:
    first = unpack(make_tar(tmp_path / "set.tar", SAFE))[0]
    second = unpack(make_tar(tmp_path / "set.tar", {"set/a/new.jpg": b"new"}))[0]
    assert first != second
    assert [path.name for path in second.rglob("*.jpg")] == ["new.jpg"]


UNSAFE = {
    "climbing": [member("../../evil.jpg")],
    "climbing-inside": [member("set/../../../evil.jpg")],
    "absolute": [member("{outside}/evil.jpg")],
    "symlink": [member("set/link", type=tarfile.SYMTYPE, linkname="../../../outside")],
    "symlink-absolute": [member("set/link", type=tarfile.SYMTYPE, linkname="{outside}")],
    "write-through-symlink": [
        member("set/link", type=tarfile.SYMTYPE, linkname="{outside}"),
        member("set/link/evil.jpg"),
    ],
    "hardlink": [member("set/link", type=tarfile.LNKTYPE, linkname="../../../secret.txt")],
    "device": [member("set/device", type=tarfile.CHRTYPE, devmajor=1, devminor=3)],
    "pipe": [member("set/pipe", type=tarfile.FIFOTYPE)],
}


@pytest.mark.parametrize("kind", UNSAFE)
def test_unsafe_tar_is_refused(tmp_path: Path, own_cache: Path, kind: str) -> None:
    """Nothing is written outside of the cache, and nothing half-unpacked stays in it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    extra = []
    for info, content in UNSAFE[kind]:
        info = info.replace(name=info.name.format(outside=outside), linkname=info.linkname.format(outside=outside))
        extra.append((info, content))
    archive = make_tar(tmp_path / "unsafe.tar", SAFE, extra)
    before = everything_below(tmp_path)
    with pytest.raises(ValueError, match=r"unsafe\.tar"):
        unpack(archive)
    assert everything_below(tmp_path) - before <= {own_cache, own_cache / "datasets"}
    assert (tmp_path / "secret.txt").read_text() == "secret"


@pytest.mark.parametrize("name", ["../../evil.jpg", "set/../../../evil.jpg", "{outside}/evil.jpg"])
def test_unsafe_zip_is_refused(tmp_path: Path, own_cache: Path, name: str) -> None:
    archive = make_zip(tmp_path / "unsafe.zip", {**SAFE, name.format(outside=tmp_path): b"evil"})
    before = everything_below(tmp_path)
    with pytest.raises(ValueError, match=r"unsafe\.zip"):
        unpack(archive)
    assert everything_below(tmp_path) - before <= {own_cache, own_cache / "datasets"}


def test_unsafe_tar_within_a_zip_is_refused(tmp_path: Path, own_cache: Path) -> None:
    inner = make_tar(tmp_path / "inner.tar.gz", SAFE, UNSAFE["climbing"], mode="w:gz")
    archive = make_zip(tmp_path / "outer.zip", {"set/inner.tar.gz": inner.read_bytes()})
    before = everything_below(tmp_path)
    with pytest.raises(ValueError, match=r"outer\.zip"):
        unpack(archive)
    assert everything_below(tmp_path) - before <= {own_cache, own_cache / "datasets"}


NOISE = {f"set/{label}/{number}.bin": random.Random(number).randbytes(3000) for label in "ab" for number in range(3)}


@pytest.mark.parametrize("left", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("ending", ["", ":gz", ":xz", ":bz2"])
def test_truncated_tar_is_refused(tmp_path: Path, own_cache: Path, ending: str, left: float) -> None:
    archive = make_tar(tmp_path / "cut.tar", NOISE, mode=f"w{ending}")
    content = archive.read_bytes()
    archive.write_bytes(content[: int(left * len(content))] if ending else content[: int(left * 6 * 3584) + 700])
    with pytest.raises(ValueError, match=r"cut\.tar"):
        unpack(archive)
    assert not list((own_cache / "datasets").glob("*"))


@pytest.mark.parametrize("length", [3 * 3584, 3 * 3584 + 100])
def test_tar_truncated_between_members_is_refused(tmp_path: Path, length: int) -> None:
    """Python's tarfile takes the end of the file there as the end of the archive: half of a data set, without a word."""
    archive = make_tar(tmp_path / "cut.tar", NOISE)
    archive.write_bytes(archive.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"cut\.tar"):
        unpack(archive)


@pytest.mark.parametrize("kind", ["zip", "tar:gz", "tar:xz", "tar:bz2"])
def test_damaged_archive_is_named(tmp_path: Path, own_cache: Path, kind: str) -> None:
    """Whatever the decompressor says about it."""
    archive = tmp_path / "damaged.archive"
    if kind == "zip":
        make_zip(archive, {"a/1.txt": b"some text, again and again " * 400})
        places = range(40, 200)
    else:
        make_tar(archive, NOISE, mode=f"w:{kind[4:]}")
        places = range(6000, 6200)
    content = bytearray(archive.read_bytes())
    for place in places:
        if place < len(content) - 100:
            content[place] ^= 0xA5
    archive.write_bytes(content)
    with pytest.raises((ValueError, OSError), match=r"damaged\.archive"):
        unpack(archive)
    assert not list((own_cache / "datasets").glob("*"))


def test_missing_archive(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.tar"):
        load_images("scenes15", archive=tmp_path / "gone.tar")


@pytest.mark.parametrize("content", [b"", b"no archive at all" * 100])
def test_file_that_is_not_an_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "thing.tar").write_bytes(content)
    with pytest.raises(ValueError, match=r"thing\.tar is neither a tar nor a zip"):
        unpack(tmp_path / "thing.tar")


def test_archive_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"set\.tar has no folder scenes15"):
        load_images("scenes15", archive=make_tar(tmp_path / "set.tar", SAFE))


def test_several_processes_may_unpack_at_once(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "set.tar", {f"set/a/{number}.jpg": b"x" * 2000 for number in range(300)})
    with ThreadPoolExecutor(4) as pool:
        folders = {folder for folder, _ in pool.map(unpack, [archive] * 4)}
    assert len(folders) == 1
    assert len(list(folders.pop().rglob("*.jpg"))) == 300


def test_several_archives_share_a_folder(tmp_path: Path) -> None:
    """In whatever order they are named; one of them alone has another."""
    first = make_tar(tmp_path / "first.tar", {"set/a/1.jpg": b"1"})
    second = make_zip(tmp_path / "second.zip", {"set/b/2.jpg": b"2"})
    folder, hashes = unpack(first, second)
    assert sorted(path.name for path in folder.rglob("*.jpg")) == ["1.jpg", "2.jpg"]
    assert hashes == tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in (first, second))
    assert unpack(second, first) == (folder, hashes[::-1])
    assert unpack(first)[0] != folder


def test_damaged_one_of_several_leaves_nothing(tmp_path: Path, own_cache: Path) -> None:
    good, bad = make_tar(tmp_path / "good.tar", SAFE), make_tar(tmp_path / "bad.tar", NOISE)
    bad.write_bytes(bad.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"bad\.tar"):
        unpack(good, bad)
    assert not list((own_cache / "datasets").iterdir())


def bomb(path: Path, kind: str) -> Path:
    """Make an archive of a few kB that unpacks to 20 MB, or says so, or hides it in an archive inside or behind its end."""
    zeros = bytes(20_000_000)
    if kind == "zip":
        return make_zip(path, {"set/zeros": zeros})
    if kind == "inside":
        inner = make_tar(path.with_suffix(".inner"), {"zeros": zeros}, mode="w:gz")
        return make_zip(path, {"set/inner.tar.gz": inner.read_bytes()})
    if kind == "said":
        with tarfile.open(path, "w") as tar:
            info = tarfile.TarInfo("set/zeros")
            info.size = 50 << 30
            tar.addfile(info)
        return path
    if kind == "behind":
        plain = make_tar(path.with_suffix(".plain"), {"set/a": b"a"})
        path.write_bytes(gzip.compress(plain.read_bytes() + zeros))
        return path
    return make_tar(path, {"set/zeros": zeros}, mode=f"w:{kind}")


@pytest.mark.parametrize("kind", ["zip", "gz", "xz", "bz2", "inside", "said", "behind"])
def test_decompression_bomb_is_refused(tmp_path: Path, own_cache: Path, kind: str) -> None:
    archive = bomb(tmp_path / "bomb.archive", kind)
    with pytest.raises(ValueError, match=r"(bomb\.archive|inner\.tar\.gz) would unpack to .* unpack it yourself"):
        unpack(archive)
    assert not list((own_cache / "datasets").iterdir())


def test_archive_may_be_too_large_whatever_its_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LARGEST", 17_999)
    with pytest.raises(ValueError, match=r"set\.tar would unpack to 1\.8e-05 GB or more"):
        unpack(make_tar(tmp_path / "set.tar", NOISE))
    monkeypatch.setattr(archives, "LARGEST", 18_000)
    assert unpack(tmp_path / "set.tar")[0].is_dir()


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_full_disk_is_noticed_before_unpacking(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    make = make_tar if kind == "tar" else make_zip
    archive = make(tmp_path / f"set.{kind}", {name: content * 200 for name, content in NOISE.items()})
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=3_500_000))
    with pytest.raises(OSError, match=rf"set\.{kind}.*0\.0036 GB are needed, and 0\.0035 GB are free in {own_cache}"):
        unpack(archive)
    assert not list((own_cache / "datasets").iterdir())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=3_700_000))
    unpack(archive)


UNPACKING = """
import sys, time
from pathlib import Path
from stresslib.datasets.archives import filling
with filling(Path(sys.argv[1])) as inside:
    (inside / "half.jpg").write_bytes(b"half")
    print("filling", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_is_swept(tmp_path: Path, own_cache: Path) -> None:
    """And what a living one fills is not."""
    folder = own_cache / "datasets"
    command = [sys.executable, "-c", UNPACKING, os.fspath(folder / "set")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == b"filling\n"
            unpack(make_tar(tmp_path / "first.tar", SAFE))
            assert len(list(folder.glob(".unpacking-*/files/half.jpg"))) == 1
        finally:
            process.kill()
    assert len(list(folder.glob(".unpacking-*"))) == 1
    unpack(make_tar(tmp_path / "second.tar", NOISE))
    assert not list(folder.glob(".unpacking-*"))


# --- Caltech-101 ------------------------------------------------------------------------------------------------


def caltech_files() -> dict[str, bytes]:
    names = [*class_names("accordion", 33), *class_names("zebra", 32)]
    return {name: image_bytes(number) for number, name in enumerate(names)}


def official_zip(path: Path, contents: dict[str, bytes], by_mac: bool) -> Path:
    """The layout of caltech-101.zip: the images lie in a tar.gz of their own, beside a Mac's shadows of each file."""
    clutter = {name: image_bytes() for name in class_names("BACKGROUND_Google", 35)}
    inner = make_tar(
        path.with_suffix(".inner"),
        {f"101_ObjectCategories/{name}": content for name, content in {**contents, **clutter}.items()},
        mode="w:gz",
    )
    annotations = make_tar(path.with_suffix(".annotations"), {"Annotations/zebra/annotation_0001.mat": b"MATLAB"})
    files = {
        "caltech-101/101_ObjectCategories.tar.gz": inner.read_bytes(),
        "caltech-101/Annotations.tar": annotations.read_bytes(),
        "caltech-101/show_annotation.m": b"function show_annotation",
    }
    shadow = b"\0\x05\x16\x07\0\x02\0\0Mac OS X        \0\x02"
    shadows = {f"__MACOSX/caltech-101/._{name.split('/')[1]}": shadow for name in files} if by_mac else {}
    return make_zip(path, {**files, **shadows})


@pytest.mark.parametrize("by_mac", [False, True], ids=["plain", "as-published"])
def test_official_caltech101_equals_a_plain_tar(tmp_path: Path, by_mac: bool) -> None:
    """Same names, labels and split, so that features of either match the shipped ones."""
    contents = caltech_files()
    plain = load_images(
        "caltech101",
        archive=make_tar(tmp_path / "caltech101.tar", {f"caltech101/{n}": c for n, c in reversed(contents.items())}),
    )
    archive = official_zip(tmp_path / "caltech-101.zip", contents, by_mac)
    official = load_images("caltech101", archive=archive)
    assert official.classes == plain.classes == ("accordion", "zebra")
    assert official.files == plain.files == tuple(sorted(contents))
    assert np.array_equal(official.y, plain.y) and np.array_equal(official.train, plain.train)
    assert official.metric == "mean-class-accuracy"
    assert official.train.sum() == 60
    assert official.provenance["archive_sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert all((official.root / name).read_bytes() == contents[name] for name in official.files)


def test_macs_own_zip_of_the_folder(tmp_path: Path) -> None:
    """Finder puts a shadow ._NAME of every file below __MACOSX, which sorts first."""
    contents = {f"caltech101/{name}": content for name, content in caltech_files().items()}
    shadows = {f"__MACOSX/{name.replace('image_', '._image_')}": b"\0\x05\x16\x07" for name in contents}
    images = load_images("caltech101", archive=make_zip(tmp_path / "caltech101.zip", {**shadows, **contents}))
    assert images.files == tuple(sorted(caltech_files()))


def test_options_that_a_named_set_fixes_are_refused(tmp_path: Path) -> None:
    """Silently ignored, seed=1 would give the results of seed 0 under another name."""
    archive = make_tar(tmp_path / "caltech101.tar", {f"caltech101/{n}": c for n, c in caltech_files().items()})
    with pytest.raises((TypeError, ValueError), match="seed"):
        load_images("caltech101", archive=archive, seed=1)


# --- downloads --------------------------------------------------------------------------------------------------


def hash_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def files_below(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def test_fetch_downloads_once(own_cache: Path, serve: Any) -> None:
    content = random.Random(0).randbytes(100_000)
    server = serve(content)
    for _ in range(2):
        path = fetch(server.url, hash_of(content), "set.zip")
        assert path.is_relative_to(own_cache) and path.read_bytes() == content
    assert server.ranges == [None]
    assert files_below(own_cache) == {"set.zip": len(content)}


def test_fetch_goes_on_where_the_connection_broke(own_cache: Path, serve: Any) -> None:
    content = random.Random(0).randbytes(4 << 20)
    server = serve(content, cut=2 << 20)
    with pytest.raises(OSError, match="--archive"):
        fetch(server.url, hash_of(content), "set.zip")
    assert fetch(server.url, hash_of(content), "set.zip").read_bytes() == content
    assert server.ranges == [None, f"bytes={2 << 20}-"]
    assert server.sent == len(content)
    assert files_below(own_cache) == {"set.zip": len(content)}


def test_fetch_keeps_what_came_before_the_break(serve: Any) -> None:
    """All but one network buffer: on a line that breaks every few hundred kB a download must still end."""
    content = random.Random(0).randbytes(800_000)
    server = serve(content, cut=400_000)
    with pytest.raises(OSError, match="Try again"):
        fetch(server.url, hash_of(content), "set.zip")
    assert fetch(server.url, hash_of(content), "set.zip").read_bytes() == content
    assert server.sent - len(content) <= 1 << 16


def test_fetch_takes_a_part_that_was_complete_already(own_cache: Path, serve: Any) -> None:
    """Killed between the last byte and the renaming: the answer to the Range request is 416, and nothing is lost."""
    content = random.Random(0).randbytes(100_000)
    server = serve(content)
    (own_cache / "archives").mkdir(parents=True)
    (own_cache / "archives" / "set.zip.part").write_bytes(content)
    assert fetch(server.url, hash_of(content), "set.zip").read_bytes() == content
    assert server.sent == 0


def test_fetch_of_another_file_leaves_nothing(own_cache: Path, serve: Any) -> None:
    """A wrong hash: neither the file nor its part stays, so that the next try starts clean."""
    server = serve(b"something else")
    with pytest.raises(OSError, match="--archive") as caught:
        fetch(server.url, hash_of(b"what was published"), "set.zip")
    assert server.url in str(caught.value) and "hash" in str(caught.value)
    assert files_below(own_cache) == {}


def test_fetch_from_a_server_that_is_down(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/set.zip"
    with pytest.raises(OSError, match="--archive") as caught:
        fetch(url, hash_of(b""), "set.zip")
    assert url in str(caught.value)
    assert files_below(own_cache) == {}


def test_fetch_names_what_the_server_refused(serve: Any) -> None:
    server = serve(b"")  # every GET is answered by 416
    with pytest.raises(OSError, match=r"416|[Rr]ange") as caught:
        fetch(server.url, hash_of(b"x"), "set.zip")
    assert server.url in str(caught.value) and "--archive" in str(caught.value)


def test_fetch_without_a_known_hash_keeps_the_first(own_cache: Path, serve: Any) -> None:
    """Later uses, and later downloads, are held against it: neither a damaged file nor another one passes unnoticed."""
    content = random.Random(0).randbytes(100_000)
    server = serve(content)
    path = fetch(server.url, None, "set.zip")
    record = own_cache / "archives" / "set.zip.json"
    first = {"sha256": hashlib.sha256(content).hexdigest(), "url": server.url, "verified": False}
    assert json.loads(record.read_text()) == first
    assert fetch(server.url, None, "set.zip").read_bytes() == content and server.ranges == [None]
    path.write_bytes(content[:-1])
    with pytest.raises(OSError, match=r"set\.zip has SHA-256 .* remove it to fetch it anew, or .*set\.zip\.json to accept"):
        fetch(server.url, None, "set.zip")
    path.unlink()
    server.content = b"something else"
    with pytest.raises(OSError, match=first["sha256"]):
        fetch(server.url, None, "set.zip")
    assert json.loads(record.read_text()) == first
    record.unlink()
    assert fetch(server.url, None, "set.zip").read_bytes() == b"something else"


def test_fetch_notices_a_full_disk_first(own_cache: Path, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(bytes(100_000_000))
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=90_000_000))
    with pytest.raises(OSError, match=r"0\.1 GB are needed, and 0\.09 GB are free in .*STRESSLIB_CACHE"):
        fetch(server.url, hash_of(b""), "set.zip")
    assert files_below(own_cache) == {}


# --- the development archives -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One cache for this module: 128 MB are unpacked once, and removed at the end."""
    folder = tmp_path_factory.mktemp("shared-cache")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def shared_set(name: str, file: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> ImageSet:
    if not (SHARED_DATA / file).is_file():
        pytest.skip(f"no {file} beside this checkout")
    monkeypatch.setenv("STRESSLIB_CACHE", os.fspath(cache))
    return load_images(name, archive=SHARED_DATA / file)


def test_caltech101_of_the_paper_scale(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = shared_set("caltech101", "caltech101.tar", shared_cache, monkeypatch)
    assert (len(images), len(images.classes), int(images.train.sum())) == (8677, 101, 3030)
    assert np.bincount(images.y[images.train]).tolist() == [30] * 101
    assert np.bincount(images.y[~images.train]).min() >= 1
    assert images.metric == "mean-class-accuracy"


def test_scenes15(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = shared_set("scenes15", "scenes15.tar", shared_cache, monkeypatch)
    assert (len(images.classes), int(images.train.sum()), int((~images.train).sum())) == (15, 1498, 2969)
    assert images.metric == "accuracy"


def test_coco_is_multi_label(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = shared_set("coco", "coco-multilabel.tar", shared_cache, monkeypatch)
    assert len(images) == 197 and images.metric == "mAP"
    assert images.y.shape == (197, len(images.classes)) and set(np.unique(images.y)) <= {-1, 0, 1}
    for part in (images.train, ~images.train):
        assert all(((images.y[part] == sign).any(axis=0)).all() for sign in (1, -1))
    assert (images.y == 1).sum(axis=1).max() > 1


def test_csv_that_is_not_text_or_has_a_short_line_is_named(tmp_path: Path) -> None:
    path = make_csv(tmp_path, "file,labels", "a.jpg,cat", "b.jpg")
    with pytest.raises(ValueError, match=r"line 3: 2 columns are needed"):
        from_csv(path)
    path.write_bytes("file,labels\ncaf\u00e9.jpg,cat\n".encode("latin-1"))
    with pytest.raises(ValueError, match=f"{path.name} is not UTF-8 text"):
        from_csv(path)
