"""Stress on feature vectors: fewer dimensions, fewer values, fewer bits."""
