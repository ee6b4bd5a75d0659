"""The stress explorer: every measured setting in one interactive page."""
