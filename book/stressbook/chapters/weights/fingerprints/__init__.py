"""Does a network leave fingerprints by which its copies are told from others?"""
