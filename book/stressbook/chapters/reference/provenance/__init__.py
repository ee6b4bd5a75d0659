"""Provenance: when, from what and with what each committed table was made."""
