"""Names: what the table of the chapter calls things, for those that measure and those that draw."""

from __future__ import annotations

MORE = ("bytes", "side_bytes", "file_bytes")
"""Columns of numbers beside those of the schema: of one vector, of what all vectors share, and of the network."""

CHOICE = "accuracy-chosen-by"
"""In the column `metric`: on the images by which a setting is chosen; plain accuracy is on others."""

AS_TRAINED = "weights=none"
"""In the column `variant`: nothing is done to the weights."""
