"""People: data that are somebody's own."""
