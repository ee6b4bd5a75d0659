"""Evolution: the chapter's first figure."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.drawing import style


def plot(results: pd.DataFrame) -> Figure:
    """Draw."""
    figure, _ = style.panels(1)
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe."""
    return "None yet."
