"""The page on compressing embeddings: what is named at each number of bytes, by hand."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from places import ROOT

from stressbook.chapters.running.embeddings import page
from stresslib.codec.peers import BYTES, RETRIEVAL, Truncation
from stresslib.results import read_results, result_rows, results_table
from stresslib.stress.spec import parse_spec

ORIGIN = {"dataset": "toy", "model": "drawn", "layer": "only", "n_features": 100}


@pytest.fixture
def table() -> pd.DataFrame:
    """Float32 vectors of 400 bytes; at 8 and 16 bytes a stress and a peer, in both metrics."""
    rows = []
    for metric, scores in (("accuracy", (90, 81, 80.8, 85, 88)), (RETRIEVAL, (50, 40, 41, 44, 43))):
        full, small, small_peer, large, large_peer = scores
        rows += result_rows(ORIGIN, parse_spec("none"), {metric: full / 100}, bytes=400, side_bytes=0)
        for size, ours, theirs in ((8, small, small_peer), (16, large, large_peer)):
            spec = parse_spec(f"DR2:{2 * size},Q2:16")
            rows += result_rows(ORIGIN, spec, {metric: ours / 100}, bytes=size, side_bytes=1000)
            rival = {"stress": Truncation(size // 4).name, "dimensions": size // 4}
            rows += result_rows(ORIGIN, None, {metric: theirs / 100}, bytes=size, side_bytes=0, **rival)
    return results_table(rows, BYTES)


def test_the_better_one_is_taken_and_both_where_they_are_level(table: pd.DataFrame) -> None:
    """The stress's 1,000 shared bytes are nothing over a million vectors, and one byte each over 1,000."""
    classify = page.table(table, "classify")
    assert classify.index[0] == "16 bytes" and classify.columns[-1] == "1,000,000 vectors"
    # 88 of 90; within a sixteenth of the bytes the stress of 85 is behind.
    assert classify.loc["16 bytes"].tolist() == ["truncation to 4 x float32 (97.8%)"] * 4
    assert page.taken(pd.Series({"stress": "a", "stress_kept": 98.0, "other": "b", "other_kept": 98.4})) == ["a", "b"]
    assert page.taken(pd.Series({"stress": "a", "stress_kept": 98.0, "other": "b", "other_kept": 98.6})) == ["b"]
    assert page.taken(pd.Series({"stress": "", "stress_kept": float("nan"), "other": "b", "other_kept": 95.0})) == ["b"]
    search = page.decisions(table, "search").set_index(["bytes", "vectors"])
    assert search.loc[(16, 10_000), "stress_kept"] == pytest.approx(88)
    assert page.table(table, "search").loc["16 bytes"].tolist() == ["–"] * 4, "nothing keeps 90 percent of 50"


def test_what_is_shared_counts(table: pd.DataFrame) -> None:
    heavy = table.assign(side_bytes=table["side_bytes"] * 1000)
    found = page.decisions(heavy, "classify").set_index(["bytes", "vectors"])["stress"]
    assert found[(16, 1_000)] == "" and found[(128, 10_000)] == "DR2:32,Q2:16", "100 bytes of a megabyte, and 16 of codes"
    few = page.decisions(table, "search").set_index(["bytes", "vectors"])["other"]
    assert few[(64, 1_000)] == "truncation: 4 x float32" and few[(128, 1_000)] == "", "16 bytes are an eighth of the budget"


def test_words_and_figure_hold_the_numbers(table: pd.DataFrame) -> None:
    said = page.headline(table, 16)
    assert said == (
        "**With 16 bytes a vector and 1,000,000 vectors: to classify, `truncation to 4 x float32` keeps 97.8%; "
        "to search, nothing keeps enough.**"
    )
    lines = {line.get_label(): list(line.get_ydata()) for line in page.plot(table).axes[0].get_lines()}
    assert lines["best stress of this library"][0] == pytest.approx(100 * 85 / 90)
    assert page.alt_text(table).startswith("Curves of the share of the score")


def test_the_committed_table_answers_for_64_bytes() -> None:
    table = read_results(ROOT / "results" / "rate.csv", BYTES)
    said = page.headline(table)
    assert "With 64 bytes a vector" in said and "to classify, `" in said and "to search, `" in said
    assert "```python" in page.recipes(table)


@pytest.mark.parametrize("method", ["DR2:16,QA:64", "faiss-pq: PQ8x4np", "sklearn-kmeans-bins: DR2:8, 16 bins"])
def test_the_lines_run(method: str) -> None:
    if method.startswith("faiss"):
        pytest.importorskip("faiss")
    [block] = re.findall(r"```python\n(.*?)\n```", page.recipe(method), flags=re.S)
    names = {"X": np.random.default_rng(0).normal(size=(300, 32)).astype(np.float32)}
    exec(block, names)
    assert len(names.get("decoded", names.get("codes"))) == 300
