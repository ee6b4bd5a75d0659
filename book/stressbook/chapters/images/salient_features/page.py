"""Salient features: the chapter's first figure and its headline."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.drawing import style


def plot(results: pd.DataFrame) -> Figure:
    """Draw the accuracies."""
    figure, _ = style.page_wide(1)
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure."""
    return f"{len(results)} rows."
