"""Names: the words of the chapter's results table that measuring and drawing share.

Below everything of the chapter; nothing here computes.
"""

from __future__ import annotations

FORMS = {
    "resnet8": "plain",
    "resnet8-contextual": "context",
    "resnet8-late-norm": "late",
    "resnet8-contextual-late-norm": "both",
}
"""Which of the four networks an architecture is, without its width."""

RATE = "learning-rate"
"""In the column `stress`: a short training with that rate, scored on training images that it was not shown."""

FIRST = "first-weights"
"""In the column `variant`: of the network before its training; the others are of the trained one."""

RADIUS, ENERGY = "field-radius", "field-energy"
"""In the column `metric`: of the effective receptive field, its radius in percent of the image's side, and the percent of it
that a pixel has, which lies `x` columns and `y` rows from the unit."""

DROPPED, DROPPED_AT_RANDOM = "branch-dropped", "channels-dropped"
"""In the column `stress`: one dilation's channels of a layer are zero, or as many random ones; `level` is the dilation."""

KEPT, KEPT_AT_RANDOM = "branch-kept", "channels-kept"
"""In the column `stress`: one dilation's channels of a layer are all that is left, or as many random ones."""

SEPARATION = "SI(5)"

STAGES = ("layer1", "layer2", "layer3")
"""Of a network, by the names of its modules."""

MORE = ("level", "seed", "x", "y")
"""Columns beside those of the schema: a learning rate, or a dilation, 0 where nothing is dropped; the seed of a training;
and the place of a pixel."""
