"""Seeing: pictures of what a stress does to the numbers of a photograph, to its nearest neighbours, and to a histogram.

One module a picture; `crops` has what they are made of, `frame` their common look.
"""
