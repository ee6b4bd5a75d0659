"""Is a better network more compressible?"""
