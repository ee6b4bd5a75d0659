"""The page past one machine: its arithmetic by hand, and speeds that are measured."""

from __future__ import annotations

import math

import pandas as pd
import pytest

import stresslib as sl
from stressbook.chapters.running.scale import measure, page


def test_storage_by_hand() -> None:
    """1,280 numbers of 32 bits; 27 values are 5 bits each; a thousand vectors of 80 bytes are 80 kB."""
    table = page.storage(["none", "Q2:27", "DR2:128,Q2:27"], 1280, 1e9)
    assert table["bits a vector"].tolist() == [40960, 6400, 640]
    assert table["gigabytes"].tolist() == [5120, 800, 80]
    assert table["percent of float32"].tolist() == [100, 15.62, 1.56]


def test_time_by_hand() -> None:
    """At 100 a second 8.64 million images are a machine's day."""
    table = page.time_needed(8_640_000, {"extract": 100.0, "score": 200.0})
    assert table["machine-hours"].tolist() == [24, 12] and table["machines for one day"].tolist() == [1, 0.5]
    said = page.headline(8_640_000, table, page.storage(["none", "Q2:2"], 1000, 8_640_000), "float32 on cpu")
    assert said.startswith("**8,640,000 images are 24 hours of a machine") and "one day of 1 of them" in said
    assert "35 GB in float32 and 1 GB under Q2:2" in said


def test_fits_beyond_what_was_measured_follow_its_power() -> None:
    """Seconds that grow as the square of the rows: ten times as many take a hundred times as long."""
    sizes = [10, 20, 40, 80]
    scaling = pd.DataFrame({"what grows": "rows", "size": sizes, "seconds": [size**2 / 100 for size in sizes]})
    table = page.fitting(scaling, [40, 80, 800])
    assert table["seconds a setting"].tolist() == pytest.approx([16, 64, 6400])
    assert table["known by"].tolist() == ["measured", "measured", "its power 2.00"]


def test_speeds_are_measured(small: sl.FeatureSet) -> None:
    assert 100 < measure.scoring(small, "DR2:8,Q2:4", seconds=0.02) < math.inf
    speed, machine = measure.extraction("efficientnet-lite0", 4)
    assert 0 < speed < math.inf and machine.endswith(("cpu", "cuda"))
