"""Does the definition of average precision matter to the claims?"""
