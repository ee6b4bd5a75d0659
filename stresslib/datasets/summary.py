"""Summary: one line that says what was taken from a user's images or labels, and what was not.

Made from a feature set's own description, so that it can be said again of any file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NAMED = 5
"""The most classes that are named."""


def summary(classes: Sequence[str], train: int, test: int, metric: str, provenance: Mapping[str, Any]) -> str:
    """Return what a feature set holds: classes, rows of each part, metric, where the split is from, what was left out.

    Parameters
    ----------
    classes : sequence of str
    train, test : int
        Rows.
    metric : str
    provenance : mapping
        As :func:`stresslib.extract` and ``stresslib import`` write it.

    Returns
    -------
    str

    Examples
    --------
    >>> summary(["cat", "dog"], 9, 3, "accuracy", {"split": "column split", "left_out": {".heic": 6, "hidden": 2}})
    '2 classes (cat, dog), 9 training and 3 test rows, accuracy; split: column split; left out: 8 files (.heic 6, hidden 2)'
    """
    names = ", ".join([*classes[:NAMED], *(["..."] if len(classes) > NAMED else [])])
    parts = [f"{len(classes)} classes ({names}), {train} training and {test} test rows, {metric}"]
    parts += [f"{key}: {provenance[key]}" for key in ("split", "incomplete", "levels") if key in provenance]
    if files := provenance.get("left_out"):
        counts = ", ".join(f"{reason} {count}" for reason, count in files.items())
        parts.append(f"left out: {_files(sum(files.values()))} ({counts})")
    if skipped := provenance.get("skipped"):
        parts.append(f"left out: {_files(len(skipped))} that could not be read")
    why = provenance.get("why_left_out", {})
    if absent := provenance.get("classes_left_out"):
        named = ", ".join(f"{label} ({why[label]})" if label in why else label for label in absent)
        parts.append(f"left out: class{'es' if len(absent) > 1 else ''} {named}")
    return "; ".join(parts)


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"
