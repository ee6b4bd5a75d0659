"""Signatures are verified by features that were learned from other people, and their templates are put under stress."""
