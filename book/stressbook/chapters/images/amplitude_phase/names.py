"""Names: the words of the chapter's results table that measuring and drawing share.

Below everything of the chapter; nothing here computes.
"""

from __future__ import annotations

PHASE_KEPT, AMPLITUDE_KEPT = "phase-kept", "amplitude-kept"
"""In the column `stress`: images that have one part of their own and the other part of another image."""

CALIBRATION = "ECE"
"""In the column `metric`: the expected calibration error, in percent."""

AMPLITUDE_OF_ANOTHER = "amplitude-of-another"
"""In the column `stress`: a photograph that has another one's amplitude."""

OF_PHASE, OF_AMPLITUDE = "class-of-phase", "class-of-amplitude"
"""In the column `metric`: the probability of the class of the owner of the phase, or of the amplitude."""

RANKS = ("top-1", "top-2", "top-3")
"""In the column `metric`: the probabilities of the likeliest classes."""

MORE = ("level", "seed", "class")
"""Columns beside those of the schema: severity of a corruption, seed of a training, number of a class of ImageNet."""
