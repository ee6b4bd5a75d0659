"""Does the paper's combined stress have one dictionary, or one for each component?"""
