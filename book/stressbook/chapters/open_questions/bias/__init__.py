"""Is quantisation a hidden bias of the classifier?"""
