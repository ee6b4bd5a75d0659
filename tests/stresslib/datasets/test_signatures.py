"""Signatures: the layouts of the field, the normalisation of SigNet's authors to the digit, the sound one, and bad input."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from drawn_signatures import drawn, write_signatures
from PIL import Image

from stresslib.datasets.signatures import LAYOUTS, centre_on_canvas, normalize_signature, read_signatures

GOLD = np.load(Path(__file__).with_name("authors_signatures.npz"))
"""What the authors' code makes of drawn pages: theirs is `preprocess_signature` at 6f8f438 with scikit-image 0.26."""

CASES = {"syn": "syn", "syn_smallcanvas": "syn", "syn_nocrop": "syn", "synthin": "synthin"}


@pytest.mark.parametrize("case", CASES)
def test_the_authors_way_is_theirs_to_the_digit(case: str) -> None:
    page, canvas = GOLD[f"{CASES[case]}_in_u8"], tuple(GOLD[f"{case}_canvas_hw"].tolist())
    before = page.copy()
    whole = normalize_signature(page, canvas, faithful=True, size=(170, 242))
    assert np.array_equal(whole, GOLD[f"{case}_resized170x242_u8"])
    if f"{case}_normalized_u8" in GOLD:
        assert np.array_equal(centre_on_canvas(page, canvas, faithful=True), GOLD[f"{case}_normalized_u8"])
    if f"{case}_out_u8" in GOLD:
        assert np.array_equal(normalize_signature(page, canvas, faithful=True), GOLD[f"{case}_out_u8"])
    assert np.array_equal(page, before)


def test_the_sound_way_keeps_what_the_authors_lose() -> None:
    page, canvas = GOLD["synthin_in_u8"], (200, 320)
    sound, theirs = (normalize_signature(page, canvas, faithful).astype(float).sum() for faithful in (False, True))
    # Strokes of 3 pixels: blurred they are brighter than the threshold of the raw page, and their ends are cropped off.
    assert sound > 1.3 * theirs
    ink = (255.0 - page)[page <= GOLD["synthin_facts"][0]].sum()
    on_canvas = (255.0 - centre_on_canvas(page, canvas)).sum()
    assert on_canvas == pytest.approx(ink, rel=0.01)


def test_a_block_is_centred_whole_and_keeps_its_size() -> None:
    page = np.full((100, 200), 250, np.uint8)
    page[10:31, 20:61] = 80  # 21 x 41, far from the middle
    page[12:29, 22:59] = 50
    centred = centre_on_canvas(page, (101, 201))
    rows, columns = np.nonzero(centred < 255)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (40, 60, 80, 120)
    assert np.array_equal(centred[40:61, 80:121], page[10:31, 20:61])
    # The box of what the authors' blur finds lacks its last row and column.
    theirs = centre_on_canvas(page, (101, 201), faithful=True)
    assert (theirs < 255).sum() < 21 * 41


def test_where_there_is_no_room_the_centre_gives_way() -> None:
    page = np.full((60, 100), 255, np.uint8)
    page[5:55, 5:15] = page[50:55, 5:95] = 0
    centred = centre_on_canvas(page, (60, 100))
    assert (centred < 255).sum() == (page < 255).sum()


def test_the_place_on_the_page_does_not_matter_and_proportions_stay() -> None:
    page = np.pad(drawn(1, 1), 20, constant_values=240)
    moved = np.roll(page, (9, -14), axis=(0, 1))
    assert np.array_equal(normalize_signature(page, (200, 300)), normalize_signature(moved, (200, 300)))
    block = np.full((100, 100), 255, np.uint8)
    block[30:70, 30:70] = 0
    rows, columns = np.nonzero(normalize_signature(block, (300, 500)) > 127)
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 1


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (np.full((50, 90), 255, np.uint8), "the page is empty: each pixel of it is 255"),
        (np.full((50, 90, 3), 255, np.uint8), r"in colour, of shape \(50, 90, 3\); make it grey"),
        (np.full((50, 90), 0.5), "float64 of shape .* of 8 bits"),
        (np.zeros((0, 5), np.uint8), "uint8 of shape"),
        (240 + np.indices((50, 90)).sum(0).astype(np.uint8) % 9, "no signature to be seen: what is dark is . levels"),
        (255 - drawn(1, 1), "% of the scan is dark, as if it were inverted; give 255 - image"),
    ],
)
def test_a_page_that_cannot_be_is_refused(page: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        normalize_signature(page)


def test_what_the_authors_cannot_do_is_said() -> None:
    page = np.full((80, 120), 255, np.uint8)
    page[40, 20:100] = 100  # a hair: the blur leaves nothing that is as dark
    with pytest.raises(ValueError, match="as dark as the threshold, 100: strokes are too thin, or of one level"):
        normalize_signature(page, (200, 300), faithful=True)
    assert normalize_signature(page, (200, 300)).any()
    with pytest.raises(ValueError, match=r"has \d+ x \d+ pixels, more than the canvas of 60 x 100; give one that holds"):
        normalize_signature(drawn(1, 1), (60, 100))
    with pytest.raises(ValueError, match="height and width are at least 1"):
        normalize_signature(page, (0, 10))
    with pytest.raises(ValueError, match=r"at most \(170, 242\)"):
        normalize_signature(page, size=(224, 224))


FORMS = {
    "cedar": ("[full_org/original|full_forg/forgeries]_{w}_{n}.png", (24, 24)),
    "gpds": ("{w:03d}/[c|cf]-{w:03d}-{n:02d}.jpg", (24, 30)),
    "mcyt75": ("{w:04d}/{w:04d}[v|f]{n:02d}.bmp", (15, 15)),
    "bhsig260": ("Bengali/{w:03d}/B-S-{w:03d}-[G|F]-{n:02d}.tif", (24, 30)),
    "bhsig260-bengali": ("{w:03d}/B-S-{w:03d}-[G|F]-{n:02d}.tif", (24, 30)),
    "bhsig260-hindi": ("{w:03d}/H-S-{w:03d}-[G|F]-{n:02d}.tif", (24, 30)),
    "folders": ("ann{w}/[genuine|forged]/{n}.png", (3, 2)),
    "sigcomp2011": ("train/[genuine|forgery]/{w:03d}/{n}.png", (3, 2)),
    "four-small": ("dataset1/[genuine|forgery]/001{n:02d}{w:03d}.png", (3, 2)),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_layout_is_found_by_its_names(name: str, tmp_path: Path) -> None:
    form, (genuine, forged) = FORMS[name]
    write_signatures(tmp_path, form, 2, 3, 2, inverted=LAYOUTS[name].inverted)
    (tmp_path / "Thumbs.db").touch()
    (tmp_path / "README.txt").touch()
    (tmp_path / "._x.png").touch()
    found = read_signatures(tmp_path, incomplete=True)
    assert found.name == name and found.counts == (2, 6, 4) and len(found) == 10
    assert np.bincount(found.writer).tolist() == [5, 5] and np.bincount(found.writer[found.forged]).tolist() == [2, 2]
    assert found.scan(0).mean() > 127, "dark ink on bright paper"
    assert found.canvas == (LAYOUTS[name].canvas or (120, 260))
    if LAYOUTS[name].whole(2) is not None:
        whole = LAYOUTS[name].whole(2)
        with pytest.raises(
            ValueError, match=f"2 writers, 6 genuine and 4 forged signatures; a whole copy of {name} has {whole}"
        ):
            read_signatures(tmp_path)
    assert LAYOUTS[name].each in (None, (genuine, forged))


def test_a_whole_copy_needs_no_word(tmp_path: Path) -> None:
    write_signatures(tmp_path, FORMS["gpds"][0], 2, 24, 30)
    assert read_signatures(tmp_path).counts == (2, 48, 60)


def test_the_split_of_a_set_is_kept(tmp_path: Path) -> None:
    write_signatures(tmp_path, "train/[genuine|forgery]/{w:03d}/{n}.png", 1, 2, 1)
    shutil.move(tmp_path / "train", tmp_path / "kept")
    write_signatures(tmp_path, "test/[genuine|forgery]/00{w}/{n}.png", 2, 2, 1)
    shutil.rmtree(tmp_path / "test" / "genuine" / "001")
    shutil.rmtree(tmp_path / "test" / "forgery" / "001")
    shutil.move(tmp_path / "kept", tmp_path / "train")
    found = read_signatures(tmp_path, incomplete=True)
    assert found.writers == ("001", "002")
    assert found.test.tolist() == (found.writer == 1).tolist()


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    write_signatures(tmp_path, "w{w}/[genuine|forged]/{n}.png", 3, 3, 2)
    return tmp_path


def test_pictures_are_normalised_one_by_one(folders: Path) -> None:
    found = read_signatures(folders)
    pictures = found.pictures(size=(170, 242))
    assert pictures.shape == (15, 1, 170, 242) and pictures.dtype == np.uint8
    assert np.array_equal(pictures[4, 0], normalize_signature(found.scan(4), (120, 260), size=(170, 242)))
    Image.new("L", (9, 9), 255).save(folders / "w2" / "genuine" / "1.png")
    with pytest.raises(
        ValueError, match=r"1 of 15 signatures cannot be normalised, the first is .*w2/genuine/1\.png: the page"
    ):
        read_signatures(folders).pictures()


def test_a_colour_scan_is_read_as_grey(folders: Path) -> None:
    page = drawn(1, 1)
    Image.fromarray(np.stack([page] * 3, axis=-1)).save(folders / "w1" / "genuine" / "1.png")
    found = read_signatures(folders)
    assert np.array_equal(found.scan(found.files.index("w1/genuine/1.png")), page)


def test_copies_count_once(folders: Path) -> None:
    shutil.copy(folders / "w1/genuine/1.png", folders / "w1/genuine/9.png")
    found = read_signatures(folders)
    assert len(found) == 15 and found.left_out == {"copies": 1}


@pytest.mark.parametrize(
    ("copy", "message"),
    [
        ("w2/genuine/9.png", "as genuine of w1 and as genuine of w2; take one of them out"),
        ("w1/forged/9.png", "as a forgery of w1 and as genuine of w1"),
    ],
)
def test_a_copy_that_contradicts_is_refused(folders: Path, copy: str, message: str) -> None:
    shutil.copy(folders / "w1/genuine/1.png", folders / copy)
    with pytest.raises(ValueError, match=message):
        read_signatures(folders)


def test_sets_that_overlap_name_nobody_twice(tmp_path: Path) -> None:
    write_signatures(tmp_path, "dataset1/[genuine|forgery]/001{n:02d}{w:03d}.png", 2, 3, 2)
    # In another set, writer 1 is called 7 and writer 8 is new.
    for old, new, number in ((1, 7, 1), (1, 7, 2)):
        target = tmp_path / f"dataset3/genuine/001{number:02d}{new:03d}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tmp_path / f"dataset1/genuine/001{number:02d}{old:03d}.png", target)
    for number in (1, 2):
        Image.fromarray(drawn(8, number)).save(tmp_path / f"dataset3/genuine/001{number:02d}008.png")
    found = read_signatures(tmp_path, incomplete=True)
    assert found.writers == ("dataset1/001", "dataset1/002", "dataset3/008")
    assert found.left_out == {"of writers who are there by another name": 2}


def test_writers_without_references_are_named(folders: Path) -> None:
    for number in (2, 3):
        (folders / f"w2/genuine/{number}.png").unlink()
    with pytest.raises(ValueError, match="writer w2 has one genuine signature; at least two are needed"):
        read_signatures(folders)
    (folders / "w2/genuine/1.png").unlink()
    with pytest.raises(ValueError, match="writer w2 has forged signatures and no genuine one"):
        read_signatures(folders)


def test_folders_that_are_none_are_refused(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(ValueError, match=r"holds no images; put signatures as .*WRITER/genuine/\* and WRITER/forged/\*"):
        read_signatures(empty)
    with pytest.raises(FileNotFoundError, match="there is no such folder of signatures"):
        read_signatures(empty / "x")
    Image.new("L", (9, 9)).save(empty / "x.png")
    with pytest.raises(ValueError, match="named as in none of the layouts sigcomp2011, four-small, cedar"):
        read_signatures(empty)
    with pytest.raises(ValueError, match="there is no layout 'sedar'; the nearest is 'cedar'"):
        read_signatures(folders, layout="sedar")
    Image.new("L", (9, 9)).save(folders / "stray.png")
    with pytest.raises(ValueError, match=r"stray\.png is not named as in .*; 1 of 16 images"):
        read_signatures(folders)
