"""Invariances: how much may an image change before a unit of an early layer notices?"""
