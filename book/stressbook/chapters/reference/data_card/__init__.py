"""Data card: the shipped feature sets, and what their 8 bits cost."""
