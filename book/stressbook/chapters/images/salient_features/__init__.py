"""Do salient features defend a network?"""
