"""Classical features: counts that can be done by hand, a codebook that is the same bytes, and a command that goes on."""

from __future__ import annotations

import builtins
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open

import stresslib as sl
from stresslib.classical import (
    METHODS,
    ClassicalExtractor,
    Codebook,
    DenseSift,
    Mixture,
    codebook_of,
    find_method,
    is_method,
    learn_codebook,
    learn_mixture,
    load_codebook,
)
from stresslib.classical.coding import PYRAMID, bag_of_words, bossanova, cells, fisher_vector, nearest
from stresslib.cli.main import main
from stresslib.datasets import ImageSet, from_folder
from stresslib.extraction import extract, job
from stresslib.images.decode import UnreadableImageError

pytest.importorskip("cv2")

TINY = "bossanova+codewords=8+components=4+sample=400"
TINY_FISHER = "fisher-vector+codewords=3+components=4+sample=400"
OPTIONS = {"neighbours": 2, "bins": 2, "alpha_min": 0.4, "alpha_max": 2.0, "weight": 0.1}


def book(centres: Any, spread: Any) -> Codebook:
    centres = np.asarray(centres, dtype=np.float32)
    identity = np.eye(centres.shape[1], dtype=np.float32)
    return Codebook(identity, centres, np.asarray(spread, dtype=np.float32))


def drawn(n: int = 40, m: int = 6, d: int = 3, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any], Codebook]:
    """Draw descriptors, their places and a codebook."""
    generator = np.random.default_rng(seed)
    words = book(generator.normal(size=(m, d)), generator.uniform(0.5, 1.5, m))
    return generator.normal(size=(n, d)), generator.random((n, 2)), words


def textured(path: Path, seed: int, side: int = 64) -> None:
    """Draw a picture whose stripes say its class: even seeds lie, odd ones stand."""
    generator = np.random.default_rng(seed)
    stripes = 127 + 100 * np.sin(np.arange(side) * (0.3 + 0.4 * generator.random()))
    picture = np.tile(stripes, (side, 1)) + generator.normal(0, 12, (side, side))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(picture if seed % 2 else picture.T, 0, 255).astype(np.uint8)).save(path)


@pytest.fixture
def pictures(tmp_path: Path) -> ImageSet:
    """Sixteen pictures of two classes, half of them for training."""
    for number in range(16):
        textured(tmp_path / "pictures" / ("lying", "standing")[number % 2] / f"{number:02d}.png", number)
    return from_folder(tmp_path / "pictures")


# --- coding -------------------------------------------------------------------------------------------------------


def slow_bossanova(descriptors: Any, places: Any, words: Codebook, levels: Any, o: dict[str, Any]) -> NDArray[Any]:
    """Code one descriptor after the other, as the definition reads."""
    vectors = []
    for rows, columns in levels:
        for row in range(rows):
            for column in range(columns):
                vector = np.zeros((len(words.centres), o["bins"] + 1))
                for x, (down, right) in zip(descriptors, places, strict=True):
                    if not (row / rows <= down < (row + 1) / rows and column / columns <= right < (column + 1) / columns):
                        continue
                    distance = [math.dist(x, centre) for centre in words.centres]
                    near = sorted(range(len(distance)), key=distance.__getitem__)[: o["neighbours"]]
                    share = {m: math.exp(-((distance[m] / words.spread[m]) ** 2)) for m in near}
                    for m in near:
                        weight = share[m] / sum(share.values())
                        vector[m, -1] += o["weight"] * weight
                        for b in range(o["bins"]):
                            low, high = (
                                o["alpha_min"] + edge * (o["alpha_max"] - o["alpha_min"]) / o["bins"] for edge in (b, b + 1)
                            )
                            if low * words.spread[m] <= distance[m] < high * words.spread[m]:
                                vector[m, b] += weight
                vectors.append(vector / len(descriptors))
    return np.array(vectors)


@given(
    st.integers(1, 6), st.integers(1, 5), st.floats(0, 0.9), st.floats(1, 3), st.integers(0, 50), st.sampled_from((1, 2, 3))
)
def test_bossanova_is_what_the_definition_says(
    neighbours: int, bins: int, low: float, high: float, seed: int, levels: int
) -> None:
    options = {"neighbours": neighbours, "bins": bins, "alpha_min": low, "alpha_max": high, "weight": 0.3}
    descriptors, places, words = drawn(seed=seed)
    made = bossanova(words.squared_distances(descriptors), words, places, PYRAMID[:levels], **options)
    expected = slow_bossanova(descriptors, places, words, PYRAMID[:levels], options)
    # Distances are float32 there: one that lies on the edge of a bin may fall on the other side.
    assert np.mean(np.abs(made - expected) > 1e-5) < 0.05
    np.testing.assert_allclose(made[..., -1], expected[..., -1], atol=1e-5)


def test_one_histogram_by_hand() -> None:
    """Two words at 0 and 10 of spread 1 and 2; descriptors at 1, 1.5 and 7."""
    words = book([[0.0], [10.0]], [1.0, 2.0])
    squares = words.squared_distances(np.array([[1.0], [1.5], [7.0]]))
    made = 3 * bossanova(squares, words, np.full((3, 2), 0.5), **{**OPTIONS, "neighbours": 1})[0]
    # At 1 and 1.5 spreads of the first word: one in each bin. At 3/2 = 1.5 spreads of the second: its second bin.
    np.testing.assert_allclose(made, [[1, 1, 0.2], [0, 1, 0.1]], rtol=1e-6)
    shared = 2 * bossanova(words.squared_distances(np.array([[4.0], [5.0]])), words, np.full((2, 2), 0.5), **OPTIONS)[0]
    # Both words share both: at 4, exp(-16) to exp(-9); at 5, exp(-25) to exp(-25/4). All are more than 2 spreads away.
    weights = np.array([1 / (1 + math.exp(16 - 9)), 1 / (1 + math.exp(25 - 6.25))])
    np.testing.assert_allclose(shared, [[0, 0, 0.1 * weights.sum()], [0, 0, 0.1 * (2 - weights.sum())]], atol=1e-7)


def test_bag_of_words_counts() -> None:
    words = book([[0.0, 0.0], [4.0, 0.0], [9.0, 9.0]], np.ones(3))
    squares = words.squared_distances(np.array([[1.0, 0.0], [3.0, 0.0], [5.0, 1.0], [0.0, 1.0]]))
    assert bag_of_words(squares, np.full((4, 2), 0.5))[0, :, 0].tolist() == [0.5, 0.5, 0.0]


@given(st.integers(0, 30), st.integers(1, 4))
def test_counts_sum_at_each_level(seed: int, neighbours: int) -> None:
    """Every descriptor counts once at each level, and no histogram holds more than its word got."""
    descriptors, places, words = drawn(seed=seed)
    squares = words.squared_distances(descriptors)
    made = bossanova(squares, words, places, PYRAMID, **{**OPTIONS, "neighbours": neighbours})
    counted = bag_of_words(squares, places, PYRAMID)
    for level in (slice(0, 1), slice(1, 5), slice(5, 8)):
        assert made[level, :, -1].sum() == pytest.approx(OPTIONS["weight"])
        assert counted[level].sum() == pytest.approx(1)
        np.testing.assert_allclose(made[level].sum(axis=0), made[0], atol=1e-12)
    assert (made[..., :-1].sum(axis=-1) <= made[..., -1] / OPTIONS["weight"] + 1e-12).all()


def test_the_order_of_descriptors_does_not_matter() -> None:
    descriptors, places, words = drawn(n=200, m=20)
    order = np.random.default_rng(1).permutation(200)
    made = [
        bossanova(words.squared_distances(descriptors[rows]), words, places[rows], PYRAMID, **OPTIONS)
        for rows in (np.arange(200), order)
    ]
    np.testing.assert_allclose(*made, atol=1e-12)


def test_a_region_without_descriptors_is_zero() -> None:
    descriptors, _, words = drawn()
    made = bossanova(words.squared_distances(descriptors), words, np.full((40, 2), 0.1), PYRAMID, **OPTIONS)
    assert made.shape == (8, 6, 3)
    assert [bool(cell.any()) for cell in made] == [True, True, False, False, False, True, False, False]


def test_cells_at_the_edges() -> None:
    """A place of 1 is in the last cell."""
    assert cells(np.array([[0.0, 0.0], [1.0, 1.0], [0.5, 0.49]])).tolist() == [[0, 1, 5], [0, 4, 7], [0, 3, 6]]


def test_a_descriptor_far_from_all_words_is_shared_without_a_warning() -> None:
    words = book([[0.0], [1.0]], [0.01, 0.01])
    made = bossanova(words.squared_distances(np.array([[500.0]])), words, np.full((1, 2), 0.5), **OPTIONS)
    assert np.isfinite(made).all() and made.sum() == pytest.approx(0.1)


def test_nearest_takes_all_where_there_are_no_more() -> None:
    assert sorted(nearest(np.array([[3.0, 1.0, 2.0]]), 2)[0].tolist()) == [1, 2]
    assert nearest(np.array([[3.0, 1.0]]), 5).tolist() == [[0, 1]]


def slow_fisher(descriptors: Any, mixture: Mixture) -> NDArray[Any]:
    """Sum over one descriptor after the other, as the definition reads."""
    weights, means, deviations = [], [], []
    for share, centre, variance in zip(mixture.shares, mixture.centres, mixture.variances, strict=True):
        gamma = [
            share
            * math.prod(
                math.exp(-((x - mu) ** 2) / (2 * v)) / math.sqrt(2 * math.pi * v)
                for x, mu, v in zip(row, centre, variance, strict=True)
            )
            for row in descriptors
        ]
        weights.append(gamma)
        means.append(
            [[(x - mu) / math.sqrt(v) for x, mu, v in zip(row, centre, variance, strict=True)] for row in descriptors]
        )
        deviations.append([[z * z - 1 for z in row] for row in means[-1]])
    gamma = np.array(weights) / np.sum(weights, axis=0)
    root = np.sqrt(mixture.shares)[:, None]
    return np.concatenate(
        [
            (gamma.mean(axis=1) - mixture.shares) / root[:, 0],
            ((gamma[..., None] * means).mean(axis=1) / root).ravel(),
            -((gamma[..., None] * deviations).mean(axis=1) / root / math.sqrt(2)).ravel(),
        ]
    )


def gaussians(m: int = 3, d: int = 2, seed: int = 0) -> Mixture:
    generator = np.random.default_rng(seed)
    shares = generator.dirichlet(np.full(m, 5.0))
    return Mixture(np.eye(d), generator.normal(size=(m, d)), generator.uniform(0.5, 2, (m, d)), shares)


@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 50))
def test_a_fisher_vector_is_what_the_definition_says(m: int, d: int, seed: int) -> None:
    mixture = gaussians(m, d, seed)
    descriptors = np.random.default_rng(seed + 1).normal(size=(7, d))
    places = np.random.default_rng(seed).random((7, 2))
    made = fisher_vector(descriptors, mixture, places, PYRAMID[:2])
    assert made.shape == (5, m * (2 * d + 1))
    np.testing.assert_allclose(made[0], slow_fisher(descriptors, mixture), atol=1e-10)
    for cell in range(1, 5):
        rows = cells(places, PYRAMID[:2])[:, 1] == cell
        expected = slow_fisher(descriptors[rows], mixture) if rows.any() else np.zeros(made.shape[1])
        np.testing.assert_allclose(made[cell], expected, atol=1e-10)


def test_the_mean_of_a_fisher_vector_is_a_derivative() -> None:
    """Of the mean log-likelihood along a mean, by differences."""
    mixture, descriptors = gaussians(), np.random.default_rng(5).normal(size=(20, 2))
    made = fisher_vector(descriptors, mixture, np.full((20, 2), 0.5))[0, 3:9].reshape(3, 2)
    step = 1e-5
    for word in range(3):
        for axis in range(2):
            centres = mixture.centres + step * (np.arange(3)[:, None] == word) * (np.arange(2) == axis)
            moved = Mixture(mixture.components, centres, mixture.variances, mixture.shares)
            slope = (moved.gaussians().score(descriptors) - mixture.gaussians().score(descriptors)) / step
            scaled = slope * math.sqrt(mixture.variances[word, axis] / mixture.shares[word])
            assert made[word, axis] == pytest.approx(scaled, rel=1e-3, abs=1e-5)


# --- descriptors --------------------------------------------------------------------------------------------------


def test_the_grid_and_the_descriptors(tmp_path: Path) -> None:
    textured(tmp_path / "a.png", 1, side=48)
    descriptors, places = DenseSift(step=8, patches=(16, 32), root=False)(tmp_path / "a.png")
    # (48 - 16) / 8 + 1 = 5 patches a side, and (48 - 32) / 8 + 1 = 3; the whole patch lies inside.
    assert descriptors.shape == (25 + 9, 128) and descriptors.dtype == np.float32
    np.testing.assert_allclose(sorted(set(places[:25, 0] * 48)), [8, 16, 24, 32, 40], rtol=1e-5)
    np.testing.assert_allclose(sorted(set(places[25:, 1] * 48)), [16, 24, 32], rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(descriptors, axis=1), 1, rtol=1e-5)
    rooted, _ = DenseSift(step=8, patches=(16, 32))(tmp_path / "a.png")
    np.testing.assert_allclose(rooted, np.sqrt(descriptors / descriptors.sum(axis=1, keepdims=True)), rtol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(rooted, axis=1), 1, rtol=1e-5)


def test_descriptors_see_the_direction_of_stripes_in_the_right_place(tmp_path: Path) -> None:
    """Left half standing, right half lying stripes: descriptors of one half are alike, of the other not."""
    waves = 127 + 100 * np.sin(0.6 * np.arange(64))
    both = np.concatenate([np.tile(waves, (64, 1)), np.tile(waves, (64, 1)).T], axis=1)
    Image.fromarray(both.astype(np.uint8)).save(tmp_path / "two.png")
    descriptors, places = DenseSift(patches=(16,))(tmp_path / "two.png")
    left, right = (descriptors[rows].mean(axis=0) for rows in (places[:, 1] < 0.4, places[:, 1] > 0.6))
    assert left @ left > 0.6 and right @ right > 0.6 and left @ right < 0.4


def test_a_descriptor_sees_its_patch_and_nothing_far_from_it(tmp_path: Path) -> None:
    """A patch of 16 pixels reaches 8 from its centre, and half a cell and the smoothing a little further."""
    picture = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    made = []
    for reach in (64, 20, 4):
        beyond = np.maximum(*np.abs(np.indices((64, 64)) - 31.5)) > reach
        Image.fromarray(np.where(beyond, 255 - picture // 2, picture)).save(tmp_path / "a.png")
        descriptors, places = DenseSift(patches=(16,))(tmp_path / "a.png")
        [middle] = descriptors[np.abs(places - 0.5).max(axis=1) < 0.01]
        made.append(middle)
    np.testing.assert_array_equal(made[1], made[0])
    assert np.abs(made[2] - made[0]).max() > 0.05


def test_large_images_are_reduced(tmp_path: Path) -> None:
    textured(tmp_path / "large.png", 1, side=512)
    with Image.open(tmp_path / "large.png") as large:
        large.crop((0, 0, 512, 256)).save(tmp_path / "wide.png")
    made, _ = DenseSift(side=128, step=8, patches=(16,))(tmp_path / "wide.png")
    assert len(made) == 15 * 7  # of 128 x 64 pixels


@pytest.mark.parametrize(
    ("size", "expected"),
    [((15, 80), r"small\.png: its 15 x 80 pixels .* 16 x 16"), ((64, 64), r"small\.png: an even surface")],
)
def test_an_image_with_nothing_to_describe_is_named(tmp_path: Path, size: tuple[int, int], expected: str) -> None:
    Image.new("L", size, 90).save(tmp_path / "small.png")
    with pytest.raises(UnreadableImageError, match=expected):
        DenseSift()(tmp_path / "small.png")


def test_without_opencv_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name == "cv2":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    textured(tmp_path / "a.png", 1)
    with pytest.raises(OSError, match=r"stresslib\[classical\]"):
        DenseSift()(tmp_path / "a.png")


# --- codebook -----------------------------------------------------------------------------------------------------


def test_codebook_finds_clusters_and_their_spread() -> None:
    """Four clouds of descriptors, each of another deviation in one of the 128 directions."""
    generator = np.random.default_rng(0)
    middles = np.zeros((4, 128))
    middles[range(4), range(4)] = 5
    deviations = np.array([0.1, 0.2, 0.3, 0.4])
    clouds = [middles[k] + generator.normal(0, deviations[k] / math.sqrt(128), (400, 128)) for k in range(4)]
    made = learn_codebook(clouds, 4, components=0)
    order = [int(np.argmin(np.linalg.norm(made.centres - middle, axis=1))) for middle in middles]
    assert sorted(order) == [0, 1, 2, 3]
    np.testing.assert_allclose(made.spread[order], deviations, rtol=0.05)
    squares = made.squared_distances(np.concatenate(clouds))
    assert (squares.argmin(axis=1) == np.repeat(order, 400)).all()
    assert learn_codebook(clouds, 4, components=3).centres.shape == (4, 3)


def test_principal_components_keep_distances_of_what_varies_there() -> None:
    """Five directions vary, about a mean that is none of them."""
    generator = np.random.default_rng(0)
    sample = generator.normal(size=(300, 5)) @ generator.normal(size=(5, 128)) + generator.normal(0, 9, 128)
    whole, reduced = (learn_codebook([sample], 6, components=count) for count in (0, 5))
    np.testing.assert_allclose(reduced.components @ reduced.components.T, np.eye(5), atol=1e-5)
    pair = [np.linalg.norm(np.diff(made.reduce(sample[:2]), axis=0)) for made in (whole, reduced)]
    assert pair[1] == pytest.approx(pair[0], rel=1e-4)


def test_a_word_with_one_descriptor_gets_a_spread() -> None:
    far = np.zeros((1, 128))
    far[0, 0] = 50
    made = learn_codebook([np.random.default_rng(0).normal(0, 0.1, (60, 128)), far], 2, components=0)
    assert (made.spread > 0).all() and np.isfinite(made.spread).all()
    assert (learn_codebook([np.ones((10, 128))], 1, components=0).spread > 0).all()


def test_too_few_descriptors() -> None:
    with pytest.raises(ValueError, match="have 5 descriptors, for 8 codewords"):
        learn_codebook([np.ones((5, 128))], 8)


def test_codebook_is_of_training_images_alone_and_the_same_bytes(pictures: ImageSet, own_cache: Path) -> None:
    path = codebook_of(pictures, find_method(TINY), progress=False)
    before = path.read_bytes()
    assert path.parent == own_cache / "codebooks" and load_codebook(path)[1]["codebook"]["images"] == pictures.train.sum()
    path.unlink()
    test_image = pictures.root / pictures.files[int(np.flatnonzero(~pictures.train)[0])]
    Image.new("L", (64, 64), 7).save(test_image)
    assert codebook_of(pictures, find_method(TINY), progress=False) == path and path.read_bytes() == before
    trained = pictures.root / pictures.files[int(np.flatnonzero(pictures.train)[0])]
    textured(trained, 77)
    assert codebook_of(pictures, find_method(TINY), progress=False) != path


def test_both_methods_share_a_codebook(pictures: ImageSet) -> None:
    names = (TINY, TINY.replace("bossanova", "bag-of-words"), f"{TINY}+bins=4")
    assert len({codebook_of(pictures, find_method(name), progress=False) for name in names}) == 1
    assert codebook_of(pictures, find_method("bossanova+codewords=8+components=4"), progress=False).is_file()


def test_a_mixture_is_learnt_kept_and_not_taken_for_a_codebook(pictures: ImageSet) -> None:
    """Two blobs are found again; the file gives back what was learnt; either kind is refused where the other is needed."""
    generator = np.random.default_rng(0)
    blobs = [generator.normal(centre, 0.1, (200, 2)) for centre in (0.0, 3.0)]
    learnt = learn_mixture(blobs, 2, 0)
    np.testing.assert_allclose(np.sort(learnt.centres[:, 0]), [0, 3], atol=0.05)
    np.testing.assert_allclose(learnt.variances, 0.01, atol=0.003)
    np.testing.assert_allclose(learnt.shares, 0.5, atol=1e-6)
    mixture, words = (codebook_of(pictures, find_method(name), progress=False) for name in (TINY_FISHER, TINY))
    kept, provenance = load_codebook(mixture)
    assert isinstance(kept, Mixture) and kept.variances.shape == (3, 4) and provenance["codebook"]["codewords"] == 3
    before = mixture.read_bytes()
    mixture.unlink()
    assert codebook_of(pictures, find_method(TINY_FISHER), progress=False).read_bytes() == before
    alike = find_method(TINY.replace("bossanova", "fisher-vector"))
    assert codebook_of(pictures, alike, progress=False) != words
    with pytest.raises(ValueError, match="is not a mixture of Gaussians"):
        ClassicalExtractor(TINY_FISHER, ["pooled"], words)
    with pytest.raises(ValueError, match="is a mixture of Gaussians"):
        ClassicalExtractor(TINY, ["pooled"], mixture)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_descriptors_that_are_all_the_same_have_no_mixture() -> None:
    """Their spread is rounding alone, here some hundredths either side of 0."""
    alike = np.repeat(1000 * np.random.default_rng(0).random((1, 128)), 80, axis=0)
    with pytest.raises(ValueError, match=r"too similar for 16 Gaussians; take more images, or fewer .*codewords=8"):
        learn_mixture([alike], 16, 8)


def test_fisher_vectors_from_the_command_line(pictures: ImageSet) -> None:
    """Signs stay under the square root; the classes of stripes are told apart."""
    assert main(["extract", str(pictures.root), "--model", TINY_FISHER]) == 0
    made = sl.load_features("pictures", TINY_FISHER, normalize=False)
    assert made.X.shape == (16, 3 * 9) and (made.X < 0).any() and (made.X > 0).any()
    assert made.provenance["options"] == {**made.provenance["options"], "codewords": 3, "power": 0.5}
    assert "bins" not in made.provenance["options"]
    path = pictures.root / pictures.files[0]
    descriptors, places = find_method(TINY_FISHER).descriptors(path)
    mixture, _ = load_codebook(codebook_of(pictures, find_method(TINY_FISHER), progress=False))
    assert isinstance(mixture, Mixture)
    signed = fisher_vector(descriptors, mixture, places)[0]
    np.testing.assert_allclose(made.X[0], np.sign(signed) * np.sqrt(np.abs(signed)), rtol=1e-5, atol=1e-7)
    assert sl.evaluate(sl.load_features("pictures", TINY_FISHER), "none")["score"].item() == 100


def test_damaged_codebook_is_named(tmp_path: Path) -> None:
    (tmp_path / "book.safetensors").write_bytes(b"no codebook")
    with pytest.raises(ValueError, match=r"book\.safetensors is damaged"):
        load_codebook(tmp_path / "book.safetensors")


# --- names --------------------------------------------------------------------------------------------------------


def test_names_and_widths() -> None:
    assert [METHODS[name].name for name in METHODS] == ["bossanova", "bag-of-words", "fisher-vector"]
    assert find_method("fisher-vector").width("pooled") == 64 * (2 * 64 + 1)
    assert find_method("fisher-vector+codewords=2+components=0").width("pyramid") == 8 * 2 * (2 * 128 + 1)
    assert is_method("bossanova+bins=4") and not is_method("vgg-m")
    for codewords, bins in ((3965, 1), (1586, 4), (793, 9)):
        assert find_method(f"bossanova+codewords={codewords}+bins={bins}").width("pyramid") == 63_440
    assert find_method("bag-of-words+codewords=200").width("pyramid") == 1600
    assert find_method("bossanova+root=0+weight=0.5").descriptors.root is False


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bossa", "there are bossanova, bag-of-words"),
        ("bossanova+word=3", "no option 'word'; it has codewords"),
        ("bag-of-words+bins=3", "no option 'bins'"),
        ("fisher-vector+neighbours=3", "no option 'neighbours'"),
        ("bossanova+codeword=3", "did you mean 'codewords'"),
        ("bossanova+codewords=3.5", "codewords is a whole number"),
        ("bossanova+root=2", "root is 0 or 1"),
        ("bossanova+codewords=0", "codewords=0; at least 1"),
        ("bossanova+alpha_min=3", "alpha_min=3.0 and alpha_max=2.0"),
        ("bossanova+components=200", "components=200"),
        ("bossanova+power=2", "power=2.0"),
        ("bossanova+bins=2", "a method has one name, this one's is 'bossanova'"),
        ("bossanova+bins=4+codewords=8", "'bossanova[+]codewords=8[+]bins=4'"),
    ],
)
def test_wrong_names_say_what_is_allowed(name: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        find_method(name)


# --- extraction ---------------------------------------------------------------------------------------------------


def test_extract_from_the_command_line(pictures: ImageSet, capsys: pytest.CaptureFixture[str]) -> None:
    """The same command as for a network; the classes of stripes are told apart."""
    assert main(["extract", str(pictures.root), "--model", TINY, "--layer", "pooled", "pyramid"]) == 0
    printed = capsys.readouterr().out
    assert "16 x 24, 2 classes" in printed and "16 x 192, 2 classes" in printed
    made = sl.load_features("pictures", TINY, normalize=False)
    assert made.provenance["options"]["codewords"] == 8 and len(made.provenance["codebook_sha256"]) == 64
    assert made.provenance["versions"]["opencv"] and "weights_sha256" not in made.provenance
    wide = sl.load_features("pictures", TINY, "pyramid", normalize=False)
    np.testing.assert_array_equal(made.X, wide.X[:, :24])
    words = (made.X.reshape(16, 8, 3) ** 2).sum(axis=1)[:, 2]
    np.testing.assert_allclose(words, 0.001, rtol=1e-5)
    assert sl.evaluate(sl.load_features("pictures", TINY), "none")["score"].item() == 100
    assert main(["evaluate", f"pictures/{TINY}/pooled", "DR2:4,Q2:8"]) == 0


def test_two_extractions_are_the_same_bytes(
    pictures: ImageSet, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = extract(pictures, TINY, output=tmp_path / "a.safetensors", progress=False).read_bytes()
    shutil.rmtree(own_cache)
    monkeypatch.setattr("stresslib.classical.extractor.joblib.cpu_count", lambda: 3)
    assert extract(pictures, TINY, output=tmp_path / "b.safetensors", progress=False).read_bytes() == first


def test_a_stopped_extraction_goes_on(pictures: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = extract(pictures, TINY, output=tmp_path / "whole.safetensors", progress=False).read_bytes()
    monkeypatch.setattr(job, "SHARD", 4)
    real, seen = DenseSift.__call__, []

    def stops(self: DenseSift, path: Path) -> Any:
        seen.append(path)
        if pictures.root / pictures.files[9] == path:
            raise KeyboardInterrupt
        return real(self, path)

    monkeypatch.setattr(DenseSift, "__call__", stops)
    with pytest.raises(KeyboardInterrupt):
        extract(pictures, TINY, output=tmp_path / "part.safetensors", progress=False)
    shards = next(tmp_path.glob("part*.shards"))
    assert len(list(shards.glob("*.safetensors"))) == 2
    seen.clear()
    monkeypatch.setattr(DenseSift, "__call__", lambda self, path: (seen.append(path), real(self, path))[1])
    path = extract(pictures, TINY, output=tmp_path / "part.safetensors", progress=False)
    assert path.read_bytes() == whole and len(seen) == 8 and not shards.exists()


def test_an_image_with_nothing_to_describe_stops_or_is_left_out(pictures: ImageSet, tmp_path: Path) -> None:
    for row in (int(np.flatnonzero(mask)[0]) for mask in (pictures.train, ~pictures.train)):
        Image.new("L", (64, 64), 7).save(pictures.root / pictures.files[row])
    with pytest.raises(UnreadableImageError, match="an even surface"):
        extract(pictures, TINY, output=tmp_path / "x.safetensors", progress=False)
    path = extract(pictures, TINY, output=tmp_path / "x.safetensors", on_error="skip", progress=False)
    made = sl.load_features(path)
    assert len(made.X) == 14 and len(made.provenance["skipped"]) == 2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"layer": "fc6"}, "no layer 'fc6'; it has pooled, pyramid"),
        ({"layer": ["pooled", "pooled"]}, "each once"),
        ({"preprocessing": "native"}, "no choice of preprocessing"),
        ({"precision": "bfloat16"}, "no choice of preprocessing"),
        ({"engine": "openvino"}, "no choice of preprocessing"),
        ({"model": "bossanova+codewords=100000"}, "for 100000 codewords"),
    ],
)
def test_wrong_options_of_extract(pictures: ImageSet, options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        extract(pictures, **{"model": TINY, "progress": False, **options})


def test_a_method_is_not_a_network() -> None:
    with pytest.raises(ValueError, match=r"'bossanova' is not a network.*stresslib\.extract"):
        sl.Extractor("bossanova")


def test_extractor_for_files_of_ones_own(pictures: ImageSet, tmp_path: Path) -> None:
    file = codebook_of(pictures, find_method(TINY), progress=False)
    path = extract(pictures, TINY, output=tmp_path / "x.safetensors", progress=False)
    paths = [pictures.root / name for name in pictures.files[:3]]
    [made] = ClassicalExtractor(TINY, ["pooled"], file)(paths)
    np.testing.assert_array_equal(made, sl.load_features(path, normalize=False).X[:3])
    with pytest.raises(ValueError, match="has 8 codewords; bossanova has 1024"):
        ClassicalExtractor("bossanova", ["pooled"], file)
    with safe_open(file, "np") as tensors:
        assert json.loads(tensors.metadata()["stresslib"])["codebook"]["codewords"] == 8
