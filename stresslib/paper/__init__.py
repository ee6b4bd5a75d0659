"""The paper: its published numbers, and which of ours stands beside each."""
