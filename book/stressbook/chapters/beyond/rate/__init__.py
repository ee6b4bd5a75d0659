"""The score at so many bytes a vector: the paper's stress, allocated bits, and the quantizers in use today."""
