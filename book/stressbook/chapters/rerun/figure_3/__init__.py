"""Figure 3: fewer dimensions on other data sets."""
