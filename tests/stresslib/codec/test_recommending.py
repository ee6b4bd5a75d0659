"""Recommending a way to keep vectors: what is compared, on which rows, and when another library is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy_features import make_features

import stresslib as sl
from stresslib.cli.main import main
from stresslib.codec import recommending
from stresslib.codec.peers import Truncation, peers
from stresslib.codec.recommending import RECALL, candidates, recall, recommend


def clusters(rows: int = 240, width: int = 24, seed: int = 0) -> np.ndarray:
    """Rows around six centres, the first dimensions the widest."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(6, width))
    drawn = centres[generator.integers(6, size=rows)] + 0.5 * generator.normal(size=(rows, width))
    return (drawn * np.linspace(3, 0.1, width)).astype(np.float32)


def test_recall_by_hand() -> None:
    """Of two queries the one finds its two nearest again, the other one of them."""
    X = np.array([[0.0], [1.0], [2.0], [10.0], [0.4], [9.0]])
    base = np.array([True, True, True, True, False, False])
    decoded = X.copy()
    decoded[2] = -50  # the second nearest of 9 is gone
    assert recall(X, decoded, base, order=2) == pytest.approx((2 + 1) / 4)
    assert recall(X, X, base, order=2) == 1


def test_nothing_is_larger_than_the_budget_and_all_are_sorted() -> None:
    found = recommend(clusters(), 8, n_jobs=1, progress=False)
    table = found.table
    assert found.metric == RECALL and table["method"].iloc[-1] == "none" and table["kept"].iloc[-1] == 100
    tried = table.iloc[:-1]
    assert tried["score"].is_monotonic_decreasing
    # The last block of codes is filled up to whole bytes.
    assert tried["bytes"].max() < 8.1 and table["bytes"].iloc[-1] == 4 * 24
    assert (table["low"] <= table["score"]).all() and (table["score"] <= table["high"]).all()
    assert found.spec == next(name for name in tried["method"] if name.startswith("DR2"))
    assert {"stresslib", "faiss", "scikit-learn or NumPy"} <= set(tried["library"])


def test_labels_decide_by_the_metric_of_the_set_and_test_rows_are_not_seen() -> None:
    """Other test rows, the same recommendation to the last digit."""
    drawn = make_features(150, 30, 3)
    X = drawn.X.copy()
    X[~drawn.train] = 1
    one, two = (recommend(drawn.replace(X=rows), 6, n_jobs=1, progress=False) for rows in (drawn.X, X))
    assert one.metric == drawn.metric
    pd.testing.assert_frame_equal(one.table, two.table)
    searched = recommend(drawn.replace(X=X), 6, search=True, n_jobs=1, progress=False)
    assert searched.metric == RECALL


def test_several_labels_are_scored_by_map() -> None:
    found = recommend(make_features(150, 30, 3, multilabel=True), 6, n_jobs=1, progress=False)
    assert found.metric == "mAP" and found.table["score"].between(0, 100).all()


@pytest.mark.parametrize(
    ("scores", "rival"), [([[9, 9], [5, 6], [6, 7]], "truncation: 4 x float32"), ([[9, 9], [5, 6], [6, 5]], "")]
)
def test_another_library_is_named_where_it_is_ahead_on_every_split(scores: list[list[float]], rival: str) -> None:
    measured = np.zeros((3, 2, 3))
    measured[:, :, 2] = scores
    found = recommending._judged(["none", "DR2:8,Q2:4", Truncation(4)], measured, "accuracy", "")
    assert found.spec == "DR2:8,Q2:4" and found.rival == rival


def test_what_cannot_be_tried_is_refused_or_left_out() -> None:
    X = clusters()
    for n_bytes in (0, 96):
        with pytest.raises(ValueError, match="24 numbers takes 96 bytes as float32"):
            recommend(X, n_bytes, progress=False)
    with pytest.raises(ValueError, match="20 vectors are too few for a search; 40 are needed"):
        recommend(X[:20], 8, progress=False)
    assert candidates(24, [8], 4) == ["DR2:3,QA:8"] or all(
        int(spec[4:].split(",")[0]) <= 4 for spec in candidates(24, [8], 4)
    )
    # Neither more dimensions than there are, nor more centroids than training rows.
    for peer in peers(24, [8]):
        assert (peer.dimensions or 0) <= 24
    assert {peer.least_rows for peer in peers(24, [8]) if peer.name.startswith("faiss-pq: PQ8np")} == {256}
    tried, left_out = recommending._rivals(24, 8, 160)
    assert tried and max(peer.least_rows for peer in tried) <= 160
    assert "faiss-pq: PQ8np (needs 256 training rows)" in left_out


def test_it_says_on_how_many_rows_and_what_was_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recommending, "ROWS", 100)
    found = recommend(clusters(), 4, n_jobs=1, progress=False)
    assert found.tried == "100 of 240 rows, 3 splits; left out: other libraries, which have no setting below 8 bytes"
    labelled = recommend(make_features(150, 32, 3), 8, n_jobs=1, progress=False)
    assert labelled.tried.startswith("75 of 75 training rows, 3 splits; left out: faiss-pq")


@pytest.mark.parametrize("kind", [np.float64, np.int16])
def test_other_numbers_are_taken_and_what_is_not_finite_is_named(kind: type) -> None:
    X = np.round(10 * clusters()).astype(kind)
    one, two = (recommend(rows, 4, n_jobs=1, progress=False) for rows in (X, X.astype(np.float32)))
    pd.testing.assert_frame_equal(one.table, two.table)
    bad = clusters()
    bad[3, 5] = np.nan
    with pytest.raises(ValueError, match="X holds nan in row 3, column 5"):
        recommend(bad, 4, progress=False)


def test_without_faiss_the_others_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    rivals, left_out = recommending._rivals(64, 8, 500)
    assert left_out == "faiss, which is not installed (pip install stresslib[peers])"
    assert rivals and not any(recommending.library(peer) == "faiss" for peer in rivals)


def test_the_command_prints_how_to_go_on_and_that_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    np.save("X.npy", clusters())
    Path("labels.csv").write_text("labels\n" + "a\nb\nc\n" * 80)
    assert main(["recommend", "X.npy", "labels.csv", "--bytes", "8", "--all", "-o", "all.csv"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("tried on 120 of 120 training rows, 3 splits")
    commands = [
        line.split("to go on: stresslib ")[1].split() for line in printed.splitlines() if line.startswith("to go on")
    ]
    assert [command[0] for command in commands] == ["import", "compress"]
    for command in commands:
        assert main(command) == 0
    assert sl.codec.decompress("mine.stress").X.shape[0] == 240
    table = pd.read_csv("all.csv")
    assert list(table.columns[:3]) == ["method", "library", "bytes"] and all(name in printed for name in table["method"])
    assert main(["recommend", "X.npy", "--bytes", "96"]) == 1
    assert "takes 96 bytes" in capsys.readouterr().err
