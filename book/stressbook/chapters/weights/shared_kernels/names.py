"""Names: what the table of the chapter calls things, for those that measure and those that draw."""

from __future__ import annotations

MORE = ("level", "seed", "bytes", "file_bytes", "variance_90", "participation_ratio", "effective_rank")
"""Columns of numbers beside those of the schema. `level` is a learning rate or the share of the weights that is pruned, in
percent; `bytes` of parameters, four each; `file_bytes` of the state dict in a file; the last three are of the spectrum."""

RATE = "learning-rate"
"""In the column `stress`: a short training with that rate, scored on training images that it was not shown."""

PRUNED = "weights-pruned"

BATCH_STATISTICS = "accuracy-batch-statistics"
"""Accuracy where each normalisation uses the mean and deviation of 500 test images, instead of those kept from training."""

SEPARATION = "SI(5)"
