"""Weights under stress: what is left of a network when its weights are shaped, shared, thinned out or made noisy."""
