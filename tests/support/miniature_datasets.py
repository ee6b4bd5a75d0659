"""Writers of the paper's data sets in miniature: official layout and quirks, a few small photographs-to-be a class.

Each class has a texture of its own, so that a network's features tell the classes apart a little.
"""

from __future__ import annotations

import colorsys
import dataclasses
import functools
import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stresslib.datasets import DATASETS
from stresslib.datasets.dataset import Counts
from stresslib.datasets.paper import upmc_food101

VOC_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
    *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
SCENES = ("airport_inside", "bakery", "stairscase", "winecellar")
DISHES = ("apple_pie", "baklava", "waffles")


@dataclasses.dataclass(frozen=True)
class Miniature:
    """A data set in miniature.

    Attributes
    ----------
    name : str
        Of the real one, in ``DATASETS``.
    files : tuple of pathlib.Path
        What the official site offers: archives, and lists beside them.
    folder : pathlib.Path
        The same, unpacked.
    counts : Counts
    per_class : int
        Training images of each class.
    """

    name: str
    files: tuple[Path, ...]
    folder: Path
    counts: Counts
    per_class: int = 0


def shrink(monkeypatch: pytest.MonkeyPatch, *miniatures: Miniature) -> None:
    """Let ``DATASETS`` expect the counts of miniatures in place of the real ones."""
    for one in miniatures:
        dataset = dataclasses.replace(DATASETS[one.name], counts=one.counts)
        if one.name == "upmc-food101":
            of_class = one.counts.test // one.counts.classes
            read = functools.partial(upmc_food101, train_per_class=one.per_class, expected=(one.counts.test, of_class))
            dataset = dataclasses.replace(dataset, read=read)
        monkeypatch.setitem(DATASETS, one.name, dataset)


def texture(number: int, seed: int, size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Draw stripes whose colour, width and direction are the class's; their place and some noise are the image's."""
    generator = np.random.default_rng([number, seed])
    rows, columns = np.mgrid[: size[1], : size[0]]
    angle = 2.4 * number
    wave = np.sin((np.cos(angle) * columns + np.sin(angle) * rows) / (1.5 + number % 4) + generator.uniform(0, 6))
    colour = np.array(colorsys.hsv_to_rgb(0.618 * number % 1, 0.8, 1))
    pixels = 128 + 100 * wave[:, :, None] * colour + generator.normal(0, 12, (*wave.shape, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def write_voc2007(
    root: Path, *, classes: Sequence[str] = VOC_CLASSES, trainval: int = 40, test: int = 40, seed: int = 0
) -> Miniature:
    """Write Pascal VOC 2007: two archives, ids of the two parts mixed, two classes on each image, some labels difficult."""
    folder = root / "VOCdevkit" / "VOC2007"
    generator = np.random.default_rng(seed)
    trains = generator.permutation(np.arange(trainval + test) < trainval)
    ids = [f"{5 + 2 * number:06d}" for number in range(len(trains))]
    content: dict[str, dict[str, bytes]] = {"trainval": {}, "test": {}}
    labels: dict[str, dict[str, list[int]]] = {"trainval": {}, "test": {}}
    for number, image in enumerate(ids):
        part = "trainval" if trains[number] else "test"
        # Each class in turn, so that none lacks a positive.
        turn = len(labels[part])
        shown = [turn % len(classes), (turn + 1 + turn // len(classes)) % len(classes)]
        row = np.full(len(classes), -1)
        row[shown] = 1
        if turn % 5 == 4:
            row[(turn + 2) % len(classes)] = 0 if row[(turn + 2) % len(classes)] < 0 else 1
        labels[part][image] = row.tolist()
        picture = Image.new("RGB", (64, 48))
        for place, label in enumerate(shown):
            picture.paste(texture(label, number, (32, 48)), (32 * place, 0))
        content[part][f"JPEGImages/{image}.jpg"] = encoded(picture)
        content[part][f"Annotations/{image}.xml"] = b"<annotation/>\n"
    for part, rows in labels.items():
        content[part][f"ImageSets/Main/{part}.txt"] = _text(rows)
        content[part][f"ImageSets/Layout/{part}.txt"] = _text(list(rows)[:2])
        for place, label in enumerate(classes):
            # As published: the label two characters wide.
            column = _text(f"{image} {row[place]:2d}" for image, row in rows.items())
            content[part][f"ImageSets/Main/{label}_{part}.txt"] = column
            if part == "trainval":
                halves = {"train": list(rows)[: trainval // 2], "val": list(rows)[trainval // 2 :]}
                for half, images in halves.items():
                    content[part][f"ImageSets/Main/{label}_{half}.txt"] = _text(
                        f"{image} {rows[image][place]:2d}" for image in images
                    )
    archives = []
    for part, files in content.items():
        _write(folder, files)
        members = {f"VOCdevkit/VOC2007/{name}": text for name, text in files.items()}
        archives.append(_pack(root / f"VOC{part}_06-Nov-2007.tar", members))
    return Miniature("voc2007", tuple(archives), folder, Counts(trainval, test, len(classes)))


def write_voc2007_val(root: Path, **options: Any) -> Miniature:
    """Write Pascal VOC 2007 as :func:`write_voc2007` does, of which the first archive is enough here."""
    whole = write_voc2007(root, **options)
    train = whole.counts.train // 2
    counts = Counts(train, whole.counts.train - train, whole.counts.classes)
    return dataclasses.replace(whole, name="voc2007-val", files=whole.files[:1], counts=counts)


def write_mit67(
    root: Path, *, classes: Sequence[str] = SCENES, train: int = 6, test: int = 4, corrupt: bool = False
) -> Miniature:
    """Write MIT-67: the archive of images and two lists, with images of other kinds than their names say.

    At most one image of a class is odd: a GIF and a PNG that are called .jpg, a grey one, one whose camera noted a rotation,
    names with blanks or in capitals. With `corrupt`, a training image is cut short.
    """
    images: dict[str, bytes] = {}
    lists: dict[str, list[str]] = {"TrainImages.txt": [], "TestImages.txt": []}
    for number, label in enumerate(classes):
        for place in range(train + test + 2):
            picture = texture(number, place)
            name, content = f"{label}_{place:04d}.jpg", encoded(picture)
            if place == 0:
                turned = Image.Exif()
                turned[274] = 6
                name, content = [
                    (f"{label}_gif.jpg", encoded(picture, "GIF")),
                    (f"{label}_png.jpg", encoded(picture, "PNG")),
                    (f"{label} with blanks.jpg", encoded(picture.convert("L"))),
                    (f"{label}_turned.jpg", encoded(picture, exif=turned)),
                ][number % 4]
            if place == 1 and corrupt and number == 0:
                content = content[: len(content) // 2]
            listed = f"{label}/{name}"
            # The list's letters are not the file's.
            images[f"{label}/{name.upper() if place == train else name}"] = content
            if place < train + test:  # the others are on no list
                lists["TrainImages.txt" if place < train else "TestImages.txt"].append(listed)
    _write(root / "Images", images)
    generator = np.random.default_rng(0)
    for name, entries in lists.items():
        # In no order, and no line end behind the last.
        (root / name).write_text("\n".join(entries[place] for place in generator.permutation(len(entries))))
    archive = _pack(root / "indoorCVPR_09.tar", {f"Images/{name}": content for name, content in images.items()})
    counts = Counts(train * len(classes), test * len(classes), len(classes))
    return Miniature("mit67", (archive, *(root / name for name in lists)), root, counts, train)


def write_food101(root: Path, *, classes: Sequence[str] = DISHES, train: int = 6, test: int = 3) -> Miniature:
    """Write Food-101 of ETH Zurich: one archive with lists that leave the ending out."""
    files: dict[str, bytes] = {"README.txt": b"Food-101\n"}
    parts: dict[str, dict[str, list[str]]] = {"train": {}, "test": {}}
    for number, label in enumerate(classes):
        names = [f"{label}/{1000 + 7 * place}" for place in range(train + test)]
        files.update({f"images/{name}.jpg": encoded(texture(number, place)) for place, name in enumerate(names)})
        parts["train"][label], parts["test"][label] = names[test:], names[:test]
    for part, by_class in parts.items():
        files[f"meta/{part}.txt"] = _text(name for names in by_class.values() for name in names)
        files[f"meta/{part}.json"] = json.dumps(by_class).encode()
    files["meta/classes.txt"] = _text(classes)
    _write(root / "food-101", files)
    archive = _pack(root / "food-101.tar.gz", {f"food-101/{name}": content for name, content in files.items()})
    counts = Counts(train * len(classes), test * len(classes), len(classes))
    return Miniature("food101", (archive,), root / "food-101", counts, train)


def write_upmc_food101(root: Path, *, classes: Sequence[str] = DISHES, train: int = 6, test: int = 3) -> Miniature:
    """Write UPMC Food-101: one archive, in two parts of its own that are not the paper's split, and texts beside."""
    files: dict[str, bytes] = {}
    for number, label in enumerate(classes):
        for place in range(train + test):
            picture = texture(number, place)
            # Numbers without leading zeros, the two parts mixed, a grey image now and then.
            content = encoded(picture.convert("L") if place == 2 else picture)
            files[f"images/{'test' if place % 4 == 3 else 'train'}/{label}/{label}_{place}.jpg"] = content
    files["texts/train_titles.csv"] = b"title,image\n"
    _write(root / "UPMC_Food101", files)
    archive = _pack(root / "UPMC_Food101.tar.gz", files)
    counts = Counts(train * len(classes), test * len(classes), len(classes))
    return Miniature("upmc-food101", (archive,), root / "UPMC_Food101", counts, train)


def _text(texts: Iterable[str]) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _pack(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path
