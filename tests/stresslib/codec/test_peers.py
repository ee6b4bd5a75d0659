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
    RETRIEVAL,
    Binary,
    Faiss,
    Int8,
    KMeansBins,
    Projection,
    Truncation,
    Zstd,
    measure,
    peers,
    search,
)


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
    table = measure(features, methods, n_jobs=1)
    assert table["metric"].tolist() == 5 * ["accuracy", RETRIEVAL]
    first = table[table["metric"] == "accuracy"].set_index("stress")
    assert first["bytes"].tolist() == [256, 4, 64, 4, 2]
    assert first["side_bytes"].iloc[:2].tolist() == [0, 64 * 8 * 4 + 8 + 2 * 8 * 4]
    assert (first["file_bytes"] >= 240 * first["bytes"] + first["side_bytes"]).all()
    full = sl.evaluate(features, "none")["score"].item()
    assert first["score"].iloc[0] == pytest.approx(full)
    allocated = sl.evaluate(features, "DR2:8,QA:32")["score"].item()
    assert first["score"].iloc[1] == pytest.approx(allocated, abs=1.0)
    assert table.loc[table["metric"] == RETRIEVAL, "objective_gap"].isna().all()
    pd.testing.assert_frame_equal(table, measure(features, methods, n_jobs=1))


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
