"""Units and layers under stress: what a unit ignores, and what a layer adds."""
