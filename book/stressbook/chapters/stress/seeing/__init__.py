"""Stress made visible: on the numbers of one photograph, on what a search finds, and on a histogram."""
