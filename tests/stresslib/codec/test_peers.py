"""The peers of the codec: codes worked out by hand, bytes that are those of files, and settings that fit their budget."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pandas as pd
import pytest
from toy_features import make_features

import stresslib as sl
from stresslib.codec.peers import (
    LVQ,
    RECALL,
    RETRIEVAL,
    VOTES,
    Binary,
    Eden,
    Faiss,
    Int8,
    KMeansBins,
    LloydBins,
    Peer,
    Projection,
    RaBitQ,
    Truncation,
    TurboQuant,
    Zstd,
    measure,
    measuring,
    peers,
    search,
)
from stresslib.codec.peers.rotated import Rotated


@pytest.fixture(scope="module")
def features() -> sl.FeatureSet:
    return make_features(n=240, d=64, classes=3)


def test_without_faiss_the_cure_is_named(features: sl.FeatureSet, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "faiss":
            raise ModuleNotFoundError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"pip install stresslib\[peers\]"):
        measure(features, [Faiss("faiss-sq", "SQ8")], n_jobs=1)


def test_codes_of_peers_by_hand() -> None:
    X = np.array([[0, 1, -1, 2, 0, 0, 0, 1], [255, -1, 1, 0, 0, 0, 0, 1]], dtype=np.float32)
    int8, binary = Int8(), Binary()
    int8.fit(X)
    assert np.frombuffer(int8.encode(X), dtype=np.int8).reshape(2, -1)[:, 0].tolist() == [-128, 127]
    np.testing.assert_allclose(int8.decode(int8.encode(X), 2)[:, 1:], X[:, 1:], atol=2 / 255 + 1e-6)
    binary.fit(X)
    assert binary.encode(X) == bytes([0b01010001, 0b10100001])
    np.testing.assert_allclose(binary.decode(binary.encode(X), 2)[0] * np.sqrt(8), [-1, 1, -1, 1, -1, -1, -1, 1])
    short = Truncation(2)
    assert short.encode(X) == np.array([[0, 1], [255, -1]], dtype=np.float32).tobytes()
    random = Projection(3, "float16")
    random.fit(X)
    assert len(random.encode(X)) == 2 * 3 * 2 and len(random.side()) == 4 * 3 * 8


def test_zstd_gives_back_the_halved_numbers() -> None:
    pytest.importorskip("zstandard")
    X = np.random.default_rng(0).random((7, 5), dtype=np.float32)
    zstd = Zstd()
    np.testing.assert_array_equal(zstd.decode(zstd.encode(X), 7), X.astype(np.float16).astype(np.float32))


def test_bins_of_k_means_take_four_bits(features: sl.FeatureSet) -> None:
    bins = KMeansBins(6)
    bins.fit(features.X[features.train])
    assert len(bins.encode(features.X)) == 240 * 6 // 2
    exact = sl.PrincipalComponents(6).fit(features.X[features.train]).transform(features.X)
    assert np.corrcoef(bins.decode(bins.encode(features.X), 240).ravel(), exact.ravel())[0, 1] > 0.98


def test_bytes_are_those_of_files(features: sl.FeatureSet) -> None:
    pytest.importorskip("faiss")
    methods = [
        "none",
        "DR2:8,QA:32",
        Faiss("faiss-sq", "SQ8"),
        Faiss("faiss-itq", "ITQ32,LSH", 32),
        Faiss("faiss-pq", "PQ4x4np"),
    ]
    table = measure(features, methods, n_jobs=1, seeds=2, resamples=50)
    # The one that draws has two seeds.
    assert table["metric"].tolist() == 6 * ["accuracy", RETRIEVAL, RECALL, f"{VOTES}accuracy"]
    assert table["repeat"].tolist()[-8:] == 4 * [0] + 4 * [1] and table["repeat"].iloc[:-8].isna().all()
    first = table[table["metric"] == "accuracy"].set_index("stress")
    assert first["bytes"].tolist() == [256, 4, 64, 4, 2, 2]
    assert first["side_bytes"].iloc[:2].tolist() == [0, 64 * 8 * 4 + 8 + 2 * 8 * 4]
    assert (first["file_bytes"] >= 240 * first["bytes"] + first["side_bytes"]).all()
    full = sl.evaluate(features, "none")["score"].item()
    assert first["score"].iloc[0] == pytest.approx(full)
    allocated = sl.evaluate(features, "DR2:8,QA:32")["score"].item()
    assert first["score"].iloc[1] == pytest.approx(allocated, abs=1.0)
    assert table.loc[table["metric"] != "accuracy", "objective_gap"].isna().all()
    assert (table["score_low"] <= table["score"]).all() and (table["score"] <= table["score_high"]).all()
    assert (table["score_low"] < table["score_high"])[table["score"] < 100].all()
    searched = table[table["stress"] == "none"].set_index("metric")["score"]
    assert searched[RECALL] == 100 and searched[RETRIEVAL] == pytest.approx(
        100 * search(features.X, features.y, features.train)
    )
    pd.testing.assert_frame_equal(table, measure(features, methods, n_jobs=1, seeds=2, resamples=50))


def test_only_what_is_asked_for_is_scored(features: sl.FeatureSet) -> None:
    rows = measure(features, ["none"], n_jobs=1, classification=False)
    assert "accuracy" not in set(rows["metric"]) and rows[["score_low", "score_high"]].isna().all(axis=None)
    assert measure(features, ["none"], n_jobs=1, retrieval=False)["metric"].tolist() == ["accuracy"]


def test_neighbours_vote_and_the_nearer_decide_between_equals() -> None:
    y = np.array([0, 1, 2, 1, 0])
    votes = measuring._votes(y, np.array([[0, 1, 2, 3], [1, 0, 3, 4]]))
    assert votes.argmax(axis=1).tolist() == [1, 1] and votes.round(1).tolist() == [[1, 2, 1], [2, 2, 0]]
    several = np.array([[1, -1], [0, 1], [1, 1]])  # what is difficult has no vote
    assert measuring._votes(several, np.array([[0, 1, 2]])).round(1).tolist() == [[2, 2]]


ON_COMPONENTS = [LVQ(4, 0, 12), LVQ(2, 2, 12), LVQ(3), LloydBins(48, 12)]
ROTATED = [kind(bits, 12) for kind in (TurboQuant, Eden, RaBitQ) for bits in (1, 2, 4, 8)]


@pytest.mark.parametrize("peer", [*ON_COMPONENTS, *ROTATED], ids=str)
def test_vectors_come_back_from_components(features: sl.FeatureSet, peer: Peer) -> None:
    """As many bytes as the name says; the more bits, the nearer; rows one by one as all together; the seed decides."""
    if peer in ROTATED:
        pytest.importorskip("faiss")
    X, train = features.X, features.train
    peer = peer.seeded(0)
    peer.fit(X[train])
    codes, width = peer.encode(X), peer.dimensions or 64
    decoded = peer.decode(codes, len(X))
    exact = sl.PrincipalComponents(peer.dimensions).fit(X[train]).transform(X) if peer.dimensions else X
    assert decoded.shape == exact.shape and decoded.dtype == np.float32
    if isinstance(peer, LVQ):
        bits, constant = peer.bits + peer.residual_bits, 4
    elif isinstance(peer, Rotated):
        bits, constant = peer.bits, 2
    else:
        bits, constant = 4, 0
    assert len(codes) == len(X) * (constant + -(-width * bits // 8))
    error = ((decoded - exact) ** 2).sum() / ((exact - exact[train].mean(axis=0)) ** 2).sum()
    assert error < {1: 0.5, 2: 0.25, 3: 0.08, 4: 0.02, 8: 1e-3}[bits]
    # Products of matrices round as they like, so that a row by itself may lie in the next bin.
    one = peer.decode(peer.encode(X[5:6]), 1)
    assert np.abs(one - decoded[5]).max() <= np.abs(exact).max() * 2.0**-bits
    other = peer.seeded(1)
    other.fit(X[train])
    assert (other.encode(X) == codes) is not peer.is_random
    assert len(peer.side()) >= 4 * width


def test_shared_components_are_the_leading_ones(features: sl.FeatureSet) -> None:
    X = features.X[features.train]
    alone, together = LVQ(4, 0, 12), LVQ(4, 0, 12)
    alone.fit(X)
    together.fit_on(sl.PrincipalComponents(30).fit(X), X)
    np.testing.assert_allclose(alone.decode(alone.encode(X), len(X)), together.decode(together.encode(X), len(X)), atol=0.02)


def test_range_of_a_vector_by_hand() -> None:
    """Of mean zero: from -3 to 3 in steps of 2; then what is left, from -1 to 1, in steps of 2/3."""
    X = np.array([[-3, 0.4, 3, -1.2], [3, -0.4, -3, 1.2], [0, 0, 0, 0]], dtype=np.float32)
    one, two = LVQ(2), LVQ(2, 2)
    for peer in (one, two):
        peer.fit(X)
    assert one.decode(one.encode(X), 3)[0].tolist() == [-3, 1, 3, -1]
    np.testing.assert_allclose(two.decode(two.encode(X), 3)[0], [-3 + 1 / 3, 1 - 1 / 3, 3 + 1 / 3, -1 - 1 / 3], atol=1e-6)
    assert not one.decode(one.encode(X), 3)[2].any(), "all equal"


def test_faiss_peers_are_deterministic(features: sl.FeatureSet) -> None:
    pytest.importorskip("faiss")
    for factory in ("OPQ4_16,PQ4x4np", "PCA16,RQ2x4", "PCAR24,RaBitQ", "LSH32rt"):
        codes = []
        for _ in range(2):
            peer = Faiss("faiss", factory)
            peer.fit(features.X[features.train])
            codes.append(peer.encode(features.X))
        assert codes[0] == codes[1], factory


def test_peers_fit_in_their_budget() -> None:
    """What the names say: no code is longer than the budget."""
    faiss = pytest.importorskip("faiss")
    for size in (8, 64, 512):
        for peer in peers(1280, [size]):
            if isinstance(peer, LVQ | Rotated | LloydBins) and peer.dimensions and size < 512:
                # Components need as many rows: here as many as numbers.
                rows = np.random.default_rng(0).normal(size=(peer.dimensions, peer.dimensions)).astype(np.float32)
                peer.fit(rows)
                assert 0.7 * size < len(peer.encode(rows)) / len(rows) <= size, peer
            if isinstance(peer, Faiss):
                assert size / 2 < faiss.index_factory(1280, peer.factory).sa_code_size() <= size, peer
    every = peers(1280, [8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096])
    assert len({peer.name for peer in every}) == len(every)


def test_search_by_hand() -> None:
    """Relevant at the places 1 and 3, (1 + 2/3) / 2; at the place 2, 1/2; nowhere, which does not count."""
    X = np.array([[0.0], [1.0], [2.0], [0.4], [2.2], [0.0]])
    train = np.array([True, True, True, False, False, False])
    y = np.array([1, 0, 1, 1, 0, 7])
    assert search(X, y, train) == pytest.approx((5 / 6 + 1 / 2) / 2)
    several = np.array([[1, -1], [-1, 1], [1, 1], [1, -1], [-1, 1], [-1, -1]])
    # Now the third row is relevant to both: the places 1 and 3; 1 and 2.
    assert search(X, several, train) == pytest.approx((5 / 6 + 1) / 2)
