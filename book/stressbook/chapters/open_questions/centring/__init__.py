"""Does it matter that the principal components keep the mean?"""
