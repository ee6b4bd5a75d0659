"""Names: the words of the chapter's results table that measuring and drawing share.

Below everything of the chapter; nothing here computes.
"""

from __future__ import annotations

SYNTHESIS, UNSCALED, UNITS = "synthesis", "synthesis-unscaled", "synthesis-units"
"""In the column `stress`: a draw of synapses, strong ones likelier; by the unscaled formula; of whole units first."""

PRUNED, PRUNED_BY_LAYER, DROPPED = "weights-pruned", "weights-pruned-by-layer", "weights-dropped"
"""In the column `stress`: the weakest synapses go, of the network or of each layer; or synapses at random."""

ACCURACY, RIGHT_AFTER, VALIDATION = "accuracy", "accuracy-right-after", "accuracy-on-validation"
"""In the column `metric`: after a generation's training, right after the step that made it, and on images for tuning."""

SYNAPSES, AT_WORK, MULTIPLICATIONS = "synapses", "synapses-at-work", "multiplications"
"""In the column `metric`, in percent of the ancestor: weights that are not 0; those of them between units that have both
inputs and outputs; multiplications for an image when all other units are removed."""

MORE = ("level", "seed")
"""Columns beside those of the schema: the generation, and the seed of a lineage."""

TUNING = 100
"""Seed of the lineages on which strengths and rates are chosen; no other is of this seed."""
