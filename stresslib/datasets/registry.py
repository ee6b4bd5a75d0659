"""The named data sets: the paper's own and those that stand in for them, and where each comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stresslib.datasets import paper, stand_ins
from stresslib.datasets.downloads import Download
from stresslib.datasets.imageset import ImageSet
from stresslib.datasets.parts import Parts
from stresslib.files import cache_dir, write_json


@dataclass(frozen=True)
class Counts:
    """How many images a data set has in each part, and how many classes."""

    train: int
    test: int
    classes: int

    def __str__(self) -> str:
        return f"{self.train:,} training and {self.test:,} test images of {self.classes} classes"


@dataclass(frozen=True)
class Dataset:
    """What is fixed about a named data set.

    Attributes
    ----------
    name : str
    about : str
        One line: size, split, metric.
    source : str
        Where it comes from: its official page, or whom to ask.
    read : callable
        Makes the ImageSet from the parts of the data set.
    downloads : tuple of Download
        The official files, where there are any.
    counts : Counts or None
        What a whole copy has; another one is refused.
    write : callable or None
        Writes the images into an empty folder, where they come with a library: no archive then.
    """

    name: str
    about: str
    source: str
    read: Callable[[Parts], ImageSet]
    downloads: tuple[Download, ...] = ()
    counts: Counts | None = None
    write: Callable[[Path], None] | None = None

    @property
    def size(self) -> int | None:
        """Bytes to download, where the size of each file is known."""
        sizes = [download.size for download in self.downloads]
        return sum(size or 0 for size in sizes) if sizes and None not in sizes else None

    def present(self) -> bool:
        """Whether :func:`load_images` finds the images on this machine: they were loaded before, or come with a library."""
        return self.write is not None or self.remembered() is not None

    def remembered(self) -> tuple[Parts, dict[str, Any]] | None:
        """Return the parts that were read last, and what is known of them, unless one is gone."""
        try:
            found = json.loads(self._memory.read_text(encoding="utf-8"))
            parts = Parts(found["given"], tuple(map(Path, found["places"])))
            return (parts, found["provenance"]) if all(place.exists() for place in parts.places) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remember(self, parts: Parts, provenance: dict[str, Any]) -> None:
        """Note where the data set is, so that it is found without being named again."""
        places = [os.fspath(place.resolve()) for place in parts.places]
        write_json(self._memory, {"given": parts.given, "places": places, "provenance": provenance})

    @property
    def _memory(self) -> Path:
        return cache_dir() / "datasets" / f"{self.name}.json"


DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "voc2007",
            "Pascal VOC 2007: 9,963 photographs, 20 classes, several on one; trainval trains, test tests; mAP",
            "http://host.robots.ox.ac.uk/pascal/VOC/voc2007/",
            paper.voc2007,
            # Addresses and hashes from torchvision 0.29 (datasets/voc.py), sizes from keras.io's guide to object
            # detection with KerasHub, which prints both downloads.
            (
                Download(
                    "https://thor.robots.ox.ac.uk/pascal/VOC/voc2007/VOCtrainval_06-Nov-2007.tar",
                    "md5:c52e279531787c972589f7e41ab4ae64",
                    "torchvision",
                    460_032_000,
                ),
                Download(
                    "https://thor.robots.ox.ac.uk/pascal/VOC/voc2007/VOCtest_06-Nov-2007.tar",
                    "md5:b6e924de25625d8de591ea690078ad9f",
                    "torchvision",
                    451_020_800,
                ),
            ),
            Counts(5011, 4952, 20),
        ),
        Dataset(
            "mit67",
            "MIT-67, Indoor Scene Recognition: 6,700 listed images of 67 classes, about 80 of each train, 20 test; accuracy",
            # On 30 September 2026 the archive's address answered 404, says github.com/Ryth0312/stable-datasets (its
            # documentation of Indoor67).
            "https://web.mit.edu/torralba/www/indoor.html; where its archive is gone, ask the authors, or give a copy",
            paper.mit67,
            # The authors publish no hashes. The archive's is that of github.com/visym/vipy (vipy/data/mit67.py), its size
            # that of a download of 2020 (Content-Length). Those of the lists are in github.com/Ryth0312/stable-datasets
            # (stable_datasets/images/indoor67.py).
            (
                Download(
                    "http://groups.csail.mit.edu/vision/LabelMe/NewImages/indoorCVPR_09.tar",
                    "sha1:0b252516e746ba428b96af408d2e8162d9b08ac5",
                    "vipy",
                    2_592_010_240,
                ),
                Download(
                    "https://web.mit.edu/torralba/www/TrainImages.txt",
                    "sha256:7ec85f88735739d8159061e4bcf6a9765aab8606ab444605b3f8e0641be0260e",
                    "stable-datasets",
                ),
                Download(
                    "https://web.mit.edu/torralba/www/TestImages.txt",
                    "sha256:906c529a5a0918feec371de5b07a465ddb1f15ebaebc90a33cc321c371133bf1",
                    "stable-datasets",
                ),
            ),
            Counts(5360, 1340, 67),
        ),
        Dataset(
            "food101",
            "Food-101 of ETH Zurich, not the paper's: 101,000 photographs of 101 dishes; 750 of each train, 250 test; "
            "accuracy",
            "https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/",
            paper.food101,
            # Address and hash from torchvision 0.29 (datasets/food101.py), the size from logs of 2019 (Content-Length).
            (
                Download(
                    "http://data.vision.ee.ethz.ch/cvl/food-101.tar.gz",
                    "md5:85eeb15f3717b99a5da872d97d918f87",
                    "torchvision",
                    4_996_278_331,
                ),
            ),
            Counts(75_750, 25_250, 101),
        ),
        Dataset(
            "upmc-food101",
            "UPMC Food-101, which the paper's counts fit: about 90,600 images of 101 dishes; 600 per class train (seed 0; "
            "the authors' draw is unknown), the rest test; accuracy",
            # The address is that of github.com/Cadene/torchnet-vision (datasets/upmcfood101.lua); users found it dead in
            # 2023 (github.com/Vincent-ZHQ/UniS-MMC, issue 1). Nobody publishes its hash.
            "http://visiir.lip6.fr/explore, out of reach since 2023; ask the authors (X. Wang, D. Kumar, N. Thome, M. Cord, "
            "F. Precioso, 2015), or give a copy",
            paper.upmc_food101,
            (Download("http://visiir.lip6.fr/data/public/UPMC_Food101.tar.gz"),),
        ),
        Dataset(
            "caltech101",
            "8,677 images, 101 object classes; 30 per class train (seed 0), the rest test; mean class accuracy",
            "https://data.caltech.edu/records/mzrjq-6wc02",
            stand_ins.caltech101,
            (
                Download(
                    "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip",
                    "md5:3138e1922a9193bfa496528edbbc45d0",
                    "CaltechDATA",
                ),
            ),
        ),
        Dataset(
            "scenes15",
            "15 scene classes, about 100 per class train; accuracy",
            "no official download; give an archive of scenes15/{train,test}/CLASS/IMAGE",
            stand_ins.scenes15,
        ),
        Dataset(
            "coco",
            "197 images with Pascal VOC's labels; mAP; too small to quote",
            "no official download; give an archive of coco/labels.csv and its images",
            stand_ins.coco,
        ),
        Dataset(
            "digits",
            "1,797 handwritten digits of 8 x 8 pixels, from scikit-learn, far from ImageNet's photographs; 50 per class "
            "train (seed 0), the rest test; accuracy",
            "scikit-learn, which stresslib installs",
            stand_ins.digits,
            write=stand_ins.write_digits,
        ),
    )
}
"""The named data sets by their names."""
