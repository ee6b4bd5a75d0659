"""The structure of the code, drawn from the contracts that hold it."""
