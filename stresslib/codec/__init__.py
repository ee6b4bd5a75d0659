"""The codec: stressed features as small as they are counted, in one checked file; and what that really costs.

After `spec`, beside `evaluation`: packing -> codec -> container -> accounting, each built on the one before.
"""

from stresslib.codec.accounting import accounting
from stresslib.codec.codec import Codec
from stresslib.codec.container import CompressedFeatures, compress, decompress
from stresslib.codec.packing import PACKINGS, pack_bits, pack_radix, radix_digits, unpack_bits, unpack_radix

__all__ = [
    "PACKINGS",
    "Codec",
    "CompressedFeatures",
    "accounting",
    "compress",
    "decompress",
    "pack_bits",
    "pack_radix",
    "radix_digits",
    "unpack_bits",
    "unpack_radix",
]
