"""Images under stress: what a network makes of photographs that are altered before it sees them."""
