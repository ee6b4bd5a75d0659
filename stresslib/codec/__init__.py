"""The codec: stressed features as small as they are counted, in one checked file; and what that really costs.

Each builds on those before: bits, radix, compressors -> packing; reducers, coders -> codec -> format -> writing, reading ->
accounting. Beside them, `peers` measures other ways to make vectors small.

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
from stresslib.codec.bits import pack_bits, unpack_bits
from stresslib.codec.codec import Codec
from stresslib.codec.packing import PACKINGS
from stresslib.codec.radix import pack_radix, radix_digits, unpack_radix
from stresslib.codec.reading import CompressedFeatures, decompress
from stresslib.codec.writing import compress

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
