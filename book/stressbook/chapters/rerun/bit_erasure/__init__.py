"""The supplement's erased bits."""
