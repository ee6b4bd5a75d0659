"""Page: not yet."""
