"""Bits: what one number of a stressed vector costs.

Below the registry and the quantizers, which both count with it.
"""

FLOAT_BITS = 32
"""Bits of a number that no quantizer touched: the paper counts float32."""

MOST_BITS = 8
"""Bits that a dimension gets at most where they are allocated: beyond, a linear classifier sees no difference."""


def dictionary_bits(n_values: int) -> int:
    """Return the bits of a number with a dictionary, ``ceil(log2(n_values))``."""
    return (int(n_values) - 1).bit_length()


def kept_bits(n_erased: int) -> int:
    """Return the bits that erasure leaves a number, ``64 - n_erased``, but at most the 32 of a float32."""
    return min(FLOAT_BITS, 64 - int(n_erased))
