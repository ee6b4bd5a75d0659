"""Shared kernels: what a network can do whose layers all use one kernel, and what its features are like."""
