"""Units and layers under stress: what a unit ignores, what context adds, and which component does what."""
