"""Reproduce: templates run with parameters, their results kept and checked."""
