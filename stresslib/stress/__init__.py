"""Stress: what takes information away, each kind by a short string; of feature vectors, the paper's."""
