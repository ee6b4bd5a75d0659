"""Reduce first, or quantise first?"""
