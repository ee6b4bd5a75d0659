"""The page on compressing embeddings: what is named at each number of bytes, by hand."""

from __future__ import annotations

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
    classify, search = page.table(table, "classify"), page.table(table, "search")
    assert classify["take"].tolist() == ["DR2:16,Q2:16 or truncation: 2 x float32", "truncation: 4 x float32"]
    assert classify["keeps %"].tolist() == [90.0, 97.8] and classify["it keeps %"].tolist() == [90.0, 94.4]
    assert search["take"].tolist() == ["truncation: 2 x float32", "DR2:32,Q2:16"]
    assert search["keeps %"].tolist() == [82.0, 88.0]
    # 400 - 8 bytes are saved a vector, and 1,000 are shared.
    assert classify["pays from, vectors"].tolist() == [3, 3]


def test_words_and_figure_hold_the_numbers(table: pd.DataFrame) -> None:
    said = page.headline(table, 16)
    assert said.startswith("**To classify with 16 bytes a vector:** truncation: 4 x float32 keeps 97.8 %")
    assert "**To search with 16 bytes a vector:** DR2:32,Q2:16 keeps 88.0 %" in said
    lines = {line.get_label(): list(line.get_ydata()) for line in page.plot(table).axes[0].get_lines()}
    assert lines["best stress of this library"] == pytest.approx([90.0, 100 * 85 / 90])
    assert page.alt_text(table).startswith("Curves of the share of the score")


def test_the_committed_table_answers_for_64_bytes() -> None:
    table = read_results(ROOT / "results" / "rate.csv", BYTES)
    said = page.headline(table)
    assert said.count("64 bytes a vector:") == 2 and "%" in said
