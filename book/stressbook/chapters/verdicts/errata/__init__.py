"""Errata: what the published numbers say about themselves."""
