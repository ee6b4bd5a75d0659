"""Performance: the speed of the solver and of the codec beside named peers."""
