"""The paper's figures, run again."""
