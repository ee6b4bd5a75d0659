"""The chapter on signatures in miniature: digits in the place of writers, drawn signatures, rules of its verdicts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn_signatures import write_signatures

from stressbook.chapters.people.signatures import measure, people
from stresslib.evaluation.writer_dependent import Decisions


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return measure.measure(
        people.digits(),
        ["pixels", "writers"],
        [8, 21, 84],
        draws=2,
        count=20,
        classifiers=["", "linear"],
        n_jobs=1,
        progress=False,
    )


def test_digits_are_told_apart_better_by_what_was_learned_from_others(table: pd.DataFrame) -> None:
    means = table[(table["metric"] == "eer-random") & table["variant"].isna()].groupby("model")["score"].mean()
    assert means["writers"] < 25
    (row,) = table[table["metric"] == "eer-difference"].to_dict("records")
    eer = table[(table["metric"] == "eer") & (table["stress"] == "none") & table["variant"].isna()]
    both = eer.groupby("model")["score"].mean()
    assert row["score"] == pytest.approx(both["writers"] - both["pixels"])
    assert row["score_low"] <= row["score"] + 15 and row["score_low"] <= row["score_high"]


def test_each_setting_has_its_size_and_is_there_once(table: pd.DataFrame) -> None:
    stressed = table[(table["metric"] == "eer") & (table["stress"] != "none")]
    assert set(stressed["spec"]) == {
        "DR2:8,Q2:27", "DR1:2", "DR2:2", "DR2:16,Q2:16", "DR1:5", "DR2:5", "DR2:42,Q2:16", "DR1:21", "DR2:21",
        "Q1:4", "Q2:4", "Q1:256", "Q2:256",
    }  # fmt: skip
    assert stressed.set_index("spec")["bytes"].to_dict()["DR2:16,Q2:16"] == 8
    keys = ["model", "stress", "dimensions", "values", "repeat", "metric", "variant", "seed"]
    assert not table.duplicated(keys).any()
    (packed,) = table[table["metric"] == "packed"].to_dict("records")
    assert packed["file_bytes"] == 5 * -(-8 * 5 // 8) and packed["side_bytes"] > 8 * 84 * 4
    assert set(table[table["metric"] == "linked"]["bytes"]) == {8, 32, 4 * 84}
    assert table["score"].dropna().between(-100, 100).all()


def test_an_interval_decides_and_may_leave_it_open() -> None:
    assert measure.judged(0.2, 0.8, limit=1.0) == "holds"
    assert measure.judged(0.2, 1.8, limit=1.0) == "cannot tell"
    assert measure.judged(1.2, 1.8, limit=1.0) == "does not hold"


def test_resamples_are_people_with_all_of_theirs() -> None:
    good, bad = [np.array([2.0, 1.0])], [np.array([-1.0, -2.0])]
    found = Decisions([*good, *bad], [], [*bad, *good])
    rates = measure.resampled_errors([found], np.array([[0, 0], [1, 1], [0, 1]]))
    assert rates.tolist() == [0, 100, 50]
    assert np.array_equal(measure.resamples(19, 5), measure.resamples(19, 5))


def test_the_smallest_size_is_where_the_error_first_rises_too_far() -> None:
    rows = [("none", 8192, 10.0), ("q", 2048, 10.5), ("q", 512, 11.5), ("q", 256, 10.0), ("p", 64, 30.0)]
    table = pd.DataFrame(rows, columns=["stress", "bytes", "score"]).assign(
        metric="eer", model=measure.LEARNED, variant=None, seed=0
    )
    found = measure.smallest_size(table)
    assert found["q"] == 2048, "what is good again below a size that is not does not count"
    assert np.isnan(found["p"])


def test_drawn_signatures_go_the_whole_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part, first in (("train", 1), ("test", 4)):
        form = f"sigcomp2011-dutch/{part}/[genuine|forgery]/" + "{w:03d}/{n}.png"
        write_signatures(tmp_path, form, 3, 10, 2, first=first, inverted=True)
    monkeypatch.setattr(people, "WIDTH", 3)
    monkeypatch.setattr(people, "EPOCHS", 1)
    with pytest.raises(ValueError, match="a whole copy of sigcomp2011 has 64 writers"):
        people.signatures(tmp_path)
    read = people.signatures(tmp_path, incomplete=True)
    assert np.unique(read.writer).size == 3 and not set(read.writer) & set(read.learned_writer) and read.negative.all()
    for kind in ("pixels", "oriented-gradients", "untrained", "writers-and-forgeries"):
        found = people.features_of(read, kind)
        assert len(found["verified"]) == 36 and len(found["learned"]) == 36 and np.isfinite(found["verified"]).all()
        scores = Decisions(**measure.decisions(read, found))
        assert [len(one) for one in scores.skilled] == [2, 2, 2] and 0 <= measure.errors(scores)["eer"] <= 100
    assert not list((tmp_path / "cache").rglob("*.unfinished")), "nothing that was learned from signatures is kept"
    lost = measure.lost_ink(tmp_path, incomplete=True)
    assert list(lost) == ["sigcomp2011"] and lost["sigcomp2011"] > 0
    held = people.held_out(read, every=3)
    assert not set(held.writer) & set(read.writer) and not set(held.writer) & set(held.learned_writer)
