"""Signatures that are drawn here: each writer has a curve, each signature trembles, a forgery has it a little wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def drawn(writer: int, number: int, *, forged: bool = False, height: int = 120, width: int = 260) -> np.ndarray:
    """Return a signature as grey levels (H, W), dark ink on bright paper."""
    own, hand = np.random.default_rng(writer), np.random.default_rng([writer, number, forged])
    steps = np.linspace(0, 1, 60)
    rates, phases = own.integers(2, 9, 3), own.uniform(0, 6, 3)
    phases = phases + hand.normal(0, 0.6 if forged else 0.15, 3)
    swing = np.sin(2 * np.pi * rates[:, None] * steps + phases[:, None]).mean(0)
    x = width * (0.15 + 0.7 * steps) + hand.normal(0, 2)
    y = height * (0.5 + 0.35 * swing) + hand.normal(0, 2)
    page = Image.new("L", (width, height), 240)
    ImageDraw.Draw(page).line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=30, width=5)
    return np.asarray(page)


def write_signatures(
    folder: Path, form: str, writers: int, genuine: int, forged: int, *, first: int = 1, inverted: bool = False
) -> None:
    """Write signatures of some writers, from a first one on, under the names that :func:`name_of` makes of a form."""
    for writer in range(first, first + writers):
        for fake, count in ((False, genuine), (True, forged)):
            for number in range(1, count + 1):
                path = folder / name_of(form, writer, number, fake)
                path.parent.mkdir(parents=True, exist_ok=True)
                page = drawn(writer, number, forged=fake)
                Image.fromarray(255 - page if inverted else page).save(path)


def name_of(form: str, writer: int, number: int, forged: bool) -> str:
    """Return a name: `form` has ``{w}`` and ``{n}``, and where the kinds differ ``[genuine|forged]``."""
    while "[" in form:
        before, _, rest = form.partition("[")
        kinds, _, after = rest.partition("]")
        form = before + kinds.split("|")[forged] + after
    return form.format(w=writer, n=number)
