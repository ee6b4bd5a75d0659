"""Does compressibility depend on the number of training images?"""
