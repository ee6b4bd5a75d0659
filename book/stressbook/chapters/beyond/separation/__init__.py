"""The separation index: what distances among the training vectors say of a classifier's score."""
