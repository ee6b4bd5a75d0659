"""The codec: stressed features as small as they are counted, in one checked file; and what that really costs.

After `spec`, beside `evaluation`: packing -> codec -> container -> accounting, each built on the one before.

Examples
--------
>>> import tempfile
>>> import stresslib as sl
>>> f = sl.load_features("scenes15", "efficientnet-lite0")
>>> with tempfile.TemporaryDirectory() as folder:
...     path = sl.codec.compress(f, "DR1:64,Q2:4", f"{folder}/scenes15.stress")
...     8 * sl.codec.CompressedFeatures(path).packed_bytes / len(f.X), sl.codec.decompress(path).X.shape
(128.0, (4467, 64))
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
