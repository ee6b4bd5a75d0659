"""Names: the words of the chapter's results table that measuring and drawing share.

Below everything of the chapter; nothing here computes.
"""

from __future__ import annotations

INDEPENDENT, DIVERSE, SHIFTS = "independent", "diverse", "shifts"
"""In the column `stress`: images that are found one by one, together, or as parts of a texture; of those found together,
`level` is the weight of their distance, as a share of what the unit gives for independent ones on average."""

ROUNDED, QUANTIZED = "weights-rounded", "activations-quantised"
"""In the column `stress`: `level` is the bits of a weight, or of a number between two layers."""

UNIT = "unit "
"""In the column `variant`, before the channel."""

ACTIVATION, LEAST, MOST = "activation", "least activation", "most activation"
"""In the column `metric`: mean, least and most over images, in percent of the mean that independent ones reach; of a
texture's parts, in percent of the most that an independent one reaches."""

DISTANCE, BEST = "distance", "distance, best of all"
"""In the column `metric`: root mean square difference of the two images of a set that are nearest, in percent of a
photograph's standard deviation; of the images that differ most among all that were found independently."""

DEAD = "dead"
"""In the column `metric`: 100 for a unit that cannot be brought above zero, else 0."""

KEPT, SPREAD = "activation kept", "spread"
"""In the column `metric`, before the set: mean activation of the same images under a stress, in percent of that without it;
and the standard deviation over images, in percent of their mean."""

SETS = (DIVERSE, INDEPENDENT)

VARIANCE = "variance kept"
"""In the column `metric`: of a unit by the leading principal components of its layer, averaged over places."""

MORE = ("level", "seed")
"""Columns beside those of the schema: how much of a stress, and from which noise images are found."""

COUNT = 6
"""Images of a set, as in the authors' examples."""

SHARE = 95.0
"""Percent of the mean activation of independent images that a set has to keep; fixed before the run."""


def set_metric(metric: str, kind: str) -> str:
    """Return the name of a metric of one of :data:`SETS`.

    Examples
    --------
    >>> from stressbook.chapters.units.invariances.names import KEPT, set_metric
    >>> set_metric(KEPT, "diverse")
    'activation kept, diverse'
    """
    return f"{metric}, {kind}"
