"""Is the cliff of erased bits a loss of information, or of scale?"""
