"""Weights under stress: what a network still knows when its weights are pruned, rounded, shared or regularised."""
