"""Signatures: are people whom no network saw verified by features that were learned from others, and in how many bytes?"""
