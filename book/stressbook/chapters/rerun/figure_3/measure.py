"""Figure 3: measure the score with fewer dimensions on several data sets; the stresses are those of Figure 2.

Takes a feature set and makes a results table; `page` draws it.
"""

from stressbook.chapters.rerun.figure_2.measure import measure, specs

__all__ = ["measure", "specs"]
