"""Figure 4: fewer values for each number."""
