"""Run it: the chapters on what a run takes, here, on a cluster, and on the paper's own data."""
