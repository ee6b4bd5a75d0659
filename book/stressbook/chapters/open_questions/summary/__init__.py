"""What the paper left open: all answers in one table."""
