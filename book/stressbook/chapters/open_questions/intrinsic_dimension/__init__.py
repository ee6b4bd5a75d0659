"""Can a curve be predicted from the features alone?"""
