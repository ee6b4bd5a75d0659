"""Separation: does an index of the features alone, without a classifier, say how far they can be compressed?

In the order of the page: `measure`, with `networks` of its own; the index by layer (`layers`), beside the score over the
grid of Figure 5 (`scores`), as a way to choose (`choices`, `costs`), for a regression (`smoothness`); and the `summary`.
"""

from stresslib.figures.separation import choices, costs, layers, measure, networks, scores, smoothness, summary

__all__ = ["choices", "costs", "layers", "measure", "networks", "scores", "smoothness", "summary"]
