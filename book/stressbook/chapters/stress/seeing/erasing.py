"""Erasing: the numbers of one photograph while their lowest bits fall away, as steps that a slider turns over.

An element of the chapter's page, in HTML. Without a script all steps stand below each other.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from stressbook.chapters.stress.seeing.crops import Vectors
from stressbook.chapters.stress.seeing.vector import SHOWN
from stresslib.stress.spec import bits_per_vector, make_stress

STEPS = (0, 44, 46, 48, 49, 50, 51, 52, 53, 54)
"""Erased bits of 64: below 29 nothing changes, since the network's numbers have 32; from 52 on the fraction is gone."""

WIDTH, HEIGHT = 640, 120

_SCRIPT = """<script>(() => {
  const box = document.currentScript.previousElementSibling, label = box.querySelector("label");
  const slider = label.querySelector("input"), steps = [...box.querySelectorAll("figure")];
  const show = () => {
    steps.forEach((step, place) => step.classList.toggle("away", place !== slider.valueAsNumber));
    slider.setAttribute("aria-valuetext", steps[slider.valueAsNumber].querySelector("figcaption").textContent);
  };
  slider.addEventListener("input", show);
  label.hidden = false;
  show();
})()</script>"""

_STYLE = """<style>
.erasing figure { margin: 0 0 .8rem; }
.erasing svg { display: block; height: auto; width: 100%; }
.erasing code { overflow-wrap: anywhere; white-space: normal; }
.erasing label:not([hidden]) { display: block; }
.erasing input { display: block; width: 100%; }
.erasing s { color: var(--pst-color-text-muted, #555); }
@media screen { .erasing .away { display: none; } }
</style>"""


def stressed(vector: Vectors, erased: int) -> Vectors:
    """Return a vector without its lowest bits.

    Parameters
    ----------
    vector : ndarray of shape (d,)
    erased : int
        Of the 64 bits of each number.
    """
    found: Vectors = make_stress(f"QB:{erased}" if erased else "none").fit_transform(vector[None])[0]
    return found


def bits_of(number: float) -> str:
    """Return the 64 bits of a number, the sign first.

    Examples
    --------
    >>> from stressbook.chapters.stress.seeing.erasing import bits_of
    >>> bits_of(-1.5)[:14]
    '10111111111110'
    """
    return f"{np.float64(number).view(np.uint64):064b}"


def slider(vector: Vectors, steps: Sequence[int] = STEPS) -> str:
    """Return the steps, each with bars for the first numbers, and the bits of the largest of these; and what turns them.

    Parameters
    ----------
    vector : ndarray of shape (d,)
        Of unit norm.
    steps : sequence of int, default=STEPS
        Erased bits.

    Returns
    -------
    str
        HTML.
    """
    figures = "".join(_step(vector, erased) for erased in steps)
    control = f'<label hidden>Bits erased<input type="range" min="0" max="{len(steps) - 1}" value="0"></label>'
    return f'{_STYLE}<div class="erasing">{control}{figures}</div>{_SCRIPT}'


def _step(vector: Vectors, erased: int) -> str:
    after = stressed(vector, erased)
    shown, highest = after[:SHOWN], float(vector[:SHOWN].max())
    bits = bits_of(shown[int(np.argmax(vector[:SHOWN]))])
    shown_bits = f"{bits[: 64 - erased]}<s>{bits[64 - erased :]}</s>" if erased else bits
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(alt_text(vector, erased))}">'
        f'<path d="{_bars(vector[:SHOWN], highest)}" fill="currentColor" opacity=".2"/>'
        f'<path d="{_bars(shown, highest)}" fill="currentColor"/>'
        f"</svg><code>{shown_bits}</code><figcaption>{caption(vector, erased)}</figcaption></figure>"
    )


def _bars(numbers: Vectors, highest: float) -> str:
    room = WIDTH / SHOWN
    tops = HEIGHT * (1 - np.asarray(numbers, dtype=np.float64) / (1.02 * highest))
    return "".join(
        f"M{place * room + 2:g} {HEIGHT}V{top:.1f}h{room - 4:g}V{HEIGHT}z"
        for place, top in enumerate(tops)
        if top < HEIGHT - 0.05
    )


def caption(vector: Vectors, erased: int) -> str:
    """Say how many bits are gone and how far the vector turned."""
    after = stressed(vector, erased).astype(np.float64)
    cosine = float(after @ vector / (np.linalg.norm(after) * np.linalg.norm(vector)))
    left = bits_per_vector(f"QB:{erased}", 1) if erased else 32
    return f"{erased} of 64 bits erased, {left} of 32 left to store; cosine to the vector before: {cosine:.4f}"


def alt_text(vector: Vectors, erased: int) -> str:
    """Describe a step in words, from its data."""
    shown = stressed(vector, erased)[:SHOWN]
    return f"Bars for the first {len(shown)} numbers with {erased} bits erased: {len(np.unique(shown))} different values"
