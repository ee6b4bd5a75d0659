"""Components: one small network, one part of it changed at a time; which part makes features compressible?"""
