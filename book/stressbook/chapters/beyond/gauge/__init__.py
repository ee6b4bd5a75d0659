"""Gauge: all stresses of the book on one scale, and whether they predict each other."""
