"""A setting that stands in two of the committed tables has one score."""

from __future__ import annotations

from itertools import combinations

import pandas as pd
from places import ROOT

from stressbook.reproduce.comparison import FURTHER_KEYS
from stresslib.results import SETTING


def test_a_setting_of_two_tables_has_one_score() -> None:
    """Same vectors, stress, seed, metric, variant and level, to the last digit; tables are of one run or another."""
    tables = {}
    for path in sorted((ROOT / "results").glob("*.csv")):
        table = pd.read_csv(path, keep_default_na=False, dtype="string")
        if {"score", *SETTING} <= set(table.columns):
            keys = {key: table[key].replace("nan", "") if key in table else "" for key in FURTHER_KEYS}
            tables[path.stem] = table.assign(**keys)
    shared, differing = 0, []
    for (one, first), (other, second) in combinations(tables.items(), 2):
        both = first.merge(second, on=[*SETTING, *FURTHER_KEYS], suffixes=("", "_other"))
        shared += len(both)
        unequal = both[both["score"] != both["score_other"]]
        differing += [f"{one}, {other}: {row.to_dict()}" for _, row in unequal.iterrows()]
    assert shared > 1000
    assert not differing, f"{len(differing)} of {shared} shared settings differ, such as {differing[0]}"
