"""How much of the score comes from choosing on the test images?"""
