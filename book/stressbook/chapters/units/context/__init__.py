"""Context: does a convolution with several dilations see more, and is that what raises the score?"""
