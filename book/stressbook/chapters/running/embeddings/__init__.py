"""Compress your embeddings: which method for how many bytes, to classify and to search."""
