"""Paper data: the figures on the paper's own networks and data sets, and what that takes."""
