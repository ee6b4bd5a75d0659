"""How much of the loss under random selection is regularisation?"""
