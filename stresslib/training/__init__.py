"""Training: data as arrays, one fit that can be stopped and resumed, and trained networks that are found by name.

Above networks and stress; chapters evaluate what is trained here.
"""
