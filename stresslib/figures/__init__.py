"""Figures: one module for each, a pure ``plot(results)`` that draws a results table beside the published curves."""
