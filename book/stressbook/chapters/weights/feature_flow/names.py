"""Names: the words of the chapter's results table that measuring and drawing share.

Below everything of the chapter; nothing here computes.
"""

from __future__ import annotations

VALIDATION = "accuracy, validation"
"""In the column `metric`: on images that neither trained nor test."""

PRUNED, TUNED = "filters ", ", tuned"
"""In the column `stress`: before the rule by which filters went, and behind it, where the network was trained on."""

PARAMETERS, WORK = "parameters left", "multiplications left"
"""In the column `metric`: percent of those of the whole network."""

DEAD = "near dead, "
"""In the column `metric`, before the score of a filter, or ``weights``: percent that are near dead."""

LENGTH, RELATIVE, SECOND, ANGLE = "length", "length / size", "second difference", "turn"
"""In the column `metric`: of a layer's features, in hundredths; the turn in percent of a half turn."""

SEPARATION, DIMENSIONS, PARTICIPATION = "SI(5)", "dimensions for 90%", "participation ratio"
"""In the column `metric`: of a layer's features, averaged over places; the latter two in percent of its channels."""

MORE = ("level", "seed")
"""Columns beside those of the schema: percent of filters pruned, and seed of a training."""
