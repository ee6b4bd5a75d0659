"""Feature flow: the chapter's first figure and its headline.

Draws and says what `effects` computes.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.drawing import style


def plot(results: pd.DataFrame) -> Figure:
    """Draw nothing yet."""
    return style.panels(1)[0]


def alt_text(results: pd.DataFrame) -> str:
    """Say nothing yet."""
    return "Nothing."
