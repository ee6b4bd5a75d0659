"""Claims: the sentences of the abstract and the captions, judged by one rule."""
