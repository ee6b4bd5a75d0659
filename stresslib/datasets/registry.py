"""The registry: the data sets that are known by name, the paper's own and those that stand in for them.

Each entry has the facts of a data set, its reader and its official files; loading looks names up here.
"""

from __future__ import annotations

from stresslib.datasets import paper, stand_ins, voc2007
from stresslib.datasets.dataset import Counts, Dataset
from stresslib.datasets.downloads import Download

_VOC2007 = Counts(train=5011, test=4952, classes=20)
_VOC2007_VAL = Counts(train=2501, test=2510, classes=20)
_MIT67 = Counts(train=5360, test=1340, classes=67)
_FOOD101 = Counts(train=75_750, test=25_250, classes=101)
_FOOD101_10 = Counts(train=3750, test=1250, classes=10)

# Addresses and hashes from torchvision 0.29 (datasets/voc.py), sizes from keras.io's guide to object detection with
# KerasHub, which prints both downloads.
_TRAINVAL = Download(
    "https://thor.robots.ox.ac.uk/pascal/VOC/voc2007/VOCtrainval_06-Nov-2007.tar",
    "md5:c52e279531787c972589f7e41ab4ae64",
    "torchvision",
    460_032_000,
)
_TEST = Download(
    "https://thor.robots.ox.ac.uk/pascal/VOC/voc2007/VOCtest_06-Nov-2007.tar",
    "md5:b6e924de25625d8de591ea690078ad9f",
    "torchvision",
    451_020_800,
)

DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            name="voc2007",
            about=f"Pascal VOC 2007: {_VOC2007.images:,} photographs, {_VOC2007.classes} classes, several on one; trainval "
            "trains, test tests; mAP",
            source="http://host.robots.ox.ac.uk/pascal/VOC/voc2007/",
            read=voc2007.voc2007,
            licence="photographs from Flickr, to be used under Flickr's terms, says its page",
            note="An image may show several classes. An object that is marked as difficult is neither right nor wrong. "
            "Among equal scores the order of the images decides.",
            cite="everingham2010",
            downloads=(_TRAINVAL, _TEST),
            counts=_VOC2007,
        ),
        Dataset(
            name="voc2007-val",
            about=f"Pascal VOC 2007 without its test images: {_VOC2007_VAL.images:,} photographs, {_VOC2007_VAL.classes} "
            "classes, several on one; train trains, val tests; mAP",
            source="http://host.robots.ox.ac.uk/pascal/VOC/voc2007/",
            read=voc2007.voc2007_val,
            licence="photographs from Flickr, to be used under Flickr's terms, says its page",
            note="The paper's data, labels and metric on the official split of its training half: half of the images train. "
            "What is shipped was computed from a public copy whose JPEGs are re-encoded at full size.",
            cite="everingham2010",
            downloads=(_TRAINVAL,),
            counts=_VOC2007_VAL,
        ),
        Dataset(
            name="mit67",
            about=f"MIT-67, Indoor Scene Recognition: {_MIT67.images:,} listed images of {_MIT67.classes} classes, about "
            f"{_MIT67.train // _MIT67.classes} of each train, {_MIT67.test // _MIT67.classes} test; accuracy",
            # On 30 September 2026 the archive's address answered 404, says github.com/Ryth0312/stable-datasets (its
            # documentation of Indoor67).
            source="https://web.mit.edu/torralba/www/indoor.html; where its archive is gone, ask the authors, or give "
            "a copy",
            read=paper.mit67,
            licence="for research purposes only, says its page",
            note=f"The archive has 15,620 images; the authors' two lists name {_MIT67.images:,} of them, and the others are "
            "left out.",
            cite="quattoni2009",
            # The authors publish no hashes. The archive's is that of github.com/visym/vipy (vipy/data/mit67.py), its size
            # that of a download of 2020 (Content-Length). Those of the lists are in github.com/Ryth0312/stable-datasets
            # (stable_datasets/images/indoor67.py).
            downloads=(
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
            counts=_MIT67,
        ),
        Dataset(
            name="food101",
            about=f"Food-101 of ETH Zurich, not the paper's: {_FOOD101.images:,} photographs of {_FOOD101.classes} dishes; "
            f"{_FOOD101.train // _FOOD101.classes} of each train, {_FOOD101.test // _FOOD101.classes} test; accuracy",
            source="https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/",
            read=paper.food101,
            licence="images from Foodspotting; what goes beyond scientific fair use is to be settled with their owners, say "
            "its authors",
            note="It is not the paper's, whose published scores fit the set of the same name from UPMC. Its training images "
            "were left uncleaned on purpose.",
            cite="bossard2014",
            # Address and hash from torchvision 0.29 (datasets/food101.py), the size from logs of 2019 (Content-Length).
            downloads=(
                Download(
                    "http://data.vision.ee.ethz.ch/cvl/food-101.tar.gz",
                    "md5:85eeb15f3717b99a5da872d97d918f87",
                    "torchvision",
                    4_996_278_331,
                ),
            ),
            counts=_FOOD101,
        ),
        Dataset(
            name="food101-10",
            about=f"ten classes of Food-101 of ETH Zurich: {_FOOD101_10.images:,} photographs at full size; "
            f"{_FOOD101_10.train // 10} of each train, {_FOOD101_10.test // 10} test; accuracy",
            source="https://github.com/srohit0/food_mnist; give a copy of it, or a folder with its images and meta",
            read=paper.food101_10,
            licence="images from Foodspotting; what goes beyond scientific fair use is to be settled with their owners, say "
            "its authors",
            note="Half of the images of the ten classes that come first by name; each trains or tests as in the official "
            "lists of Food-101.",
            cite="bossard2014",
            counts=_FOOD101_10,
        ),
        Dataset(
            name="upmc-food101",
            about="UPMC Food-101, which the paper's counts fit: about 90,600 images of 101 dishes; "
            f"{paper.UPMC_TRAIN_PER_CLASS} per class train (seed 0; the authors' draw is unknown), the rest test; accuracy",
            # The address is that of github.com/Cadene/torchnet-vision (datasets/upmcfood101.lua); users found it dead in
            # 2023 (github.com/Vincent-ZHQ/UniS-MMC, issue 1). Nobody publishes its hash.
            source="http://visiir.lip6.fr/explore, out of reach since 2023; ask the authors (X. Wang, D. Kumar, N. Thome, "
            "M. Cord, F. Precioso, 2015), or give a copy",
            read=paper.upmc_food101,
            licence="none known; the images come from a web search",
            note="They were found by the name of each dish, so some show something else. Copies differ in their numbers, "
            "and how the authors drew the training images is unknown.",
            cite="wang2015",
            downloads=(Download("http://visiir.lip6.fr/data/public/UPMC_Food101.tar.gz"),),
        ),
        Dataset(
            name="caltech101",
            about=f"8,677 images, 101 object classes; {stand_ins.CALTECH101_TRAIN_PER_CLASS} per class train (seed 0), the "
            "rest test; mean class accuracy",
            source="https://data.caltech.edu/records/mzrjq-6wc02",
            read=stand_ins.caltech101,
            licence="CC BY 4.0",
            note="The class of clutter is left out. Most objects are alone and in the centre. Many of its classes are "
            "ImageNet's too.",
            cite="feifei2004",
            downloads=(
                Download(
                    "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip",
                    "md5:3138e1922a9193bfa496528edbbc45d0",
                    "CaltechDATA",
                ),
            ),
        ),
        Dataset(
            name="scenes15",
            about="15 scene classes, about 100 per class train; accuracy",
            source="no official download; give an archive of scenes15/{train,test}/CLASS/IMAGE",
            read=stand_ins.scenes15,
            licence="none stated",
            note="The copy at hand is grey, was squashed to 200 × 200 pixels and re-encoded as WebP; exact duplicates "
            "between the training and test parts were removed. Some of the images are from {cite:t}`oliva2001` and "
            "{cite:t}`feifei2005`.",
            cite="lazebnik2006",
        ),
        Dataset(
            name="coco",
            about="197 images with Pascal VOC's labels; mAP; too small to quote",
            source="no official download; give an archive of coco/labels.csv and its images",
            read=stand_ins.coco,
            licence="annotations CC BY 4.0; photographs from Flickr, each under a licence of its own",
            note="A sample of COCO with the labels of VOC 2007, to try images with several labels. It is far too small to "
            "quote.",
        ),
        Dataset(
            name="digits",
            about="1,797 handwritten digits of 8 x 8 pixels, from scikit-learn, far from ImageNet's photographs; "
            f"{stand_ins.DIGITS_TRAIN_PER_CLASS} per class train (seed 0), the rest test; accuracy",
            source="scikit-learn, which stresslib installs",
            read=stand_ins.digits,
            licence="UCI's is CC BY 4.0; scikit-learn, which brings them, names none",
            note="The 8 × 8 levels of grey are enlarged to the size of a photograph: nothing in ImageNet looks like them.",
            cite="alpaydin1998,pedregosa2011",
            write=stand_ins.write_digits,
        ),
    )
}
"""The data sets by their names."""
