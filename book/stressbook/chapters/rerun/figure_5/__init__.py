"""Figure 5: fewer dimensions and fewer values together."""
