"""Intro: the front page."""
