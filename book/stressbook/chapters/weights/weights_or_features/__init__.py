"""Which costs less: fewer bytes for the weights of a network, or for the features that it computes?"""
