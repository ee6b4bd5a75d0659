"""What the paper left open: one folder for each question, and the summary of all answers."""
