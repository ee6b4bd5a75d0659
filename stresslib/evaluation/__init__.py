"""Evaluation: the classifier, the metrics, and the protocol that joins them."""
