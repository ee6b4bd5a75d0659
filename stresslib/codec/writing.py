"""Writing a file: a feature set under a stress, packed block by block.

Above `codec.format`, beside `codec.reading`.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from stresslib.codec.bits import pack_bits
from stresslib.codec.codec import Codec
from stresslib.codec.format import CHECKSUM_BYTES, LabelForm, checksum, header_bytes, index_entry, index_entry_bytes
from stresslib.features import FeatureSet
from stresslib.files import replacing
from stresslib.stress.spec import Spec


def compress(
    features: FeatureSet,
    spec: str | Spec | Codec,
    path: str | os.PathLike[str],
    *,
    packing: str = "bits",
    normalize: bool = False,
    block_rows: int | None = None,
    random_state: int = 0,
) -> Path:
    """Write a feature set under a stress as one small file.

    Parameters
    ----------
    features : FeatureSet
        May be memory-mapped and larger than memory; only DR2 and QA need its training rows in memory.
    spec : str or Codec
        The stress, fitted on the training rows; or one that was fitted before, perhaps read from another file.
    path : path-like
        Conventionally ``*.stress``. An existing file is replaced at once, never left half-written.
    packing, normalize, block_rows, random_state
        As for :meth:`Codec.fit`; with a Codec they are its own.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
        When the stress cannot be fitted on the features, or was fitted on rows of another width.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import stresslib as sl
    >>> f = sl.load_features("scenes15", "efficientnet-lite0")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = sl.codec.compress(f, "Q2:4", Path(folder) / "scenes15.stress")
    ...     some = sl.codec.CompressedFeatures(path)[[4000, 7]]
    >>> np.array_equal(some, sl.make_stress("Q2:4").fit(f.X[f.train]).transform(f.X[[4000, 7]]))
    True
    """
    if isinstance(spec, Codec):
        codec = spec
    else:
        codec = Codec.fit(
            features, spec, packing=packing, normalize=normalize, block_rows=block_rows, random_state=random_state
        )
    codec.check_width(features.X)
    header, arrays = header_bytes(codec, features), _array_bytes(codec, features)
    n_blocks = -(-len(features.X) // codec.block_rows)
    index = bytearray()
    with replacing(path) as temporary, open(temporary, "wb") as stream:
        stream.write(header + checksum(header) + arrays + checksum(arrays))
        index_start = stream.tell()
        stream.write(bytes(n_blocks * index_entry_bytes(codec) + CHECKSUM_BYTES))
        for block in codec.encode_blocks(features.X):
            stream.write(block)
            index += index_entry(codec, block)
        stream.seek(index_start)
        stream.write(index + checksum(index))
    return Path(path)


def _array_bytes(codec: Codec, features: FeatureSet) -> bytes:
    """Return what all vectors share, labels and split as bytes."""
    labels = LabelForm(len(features.X), features.metric, len(features.classes))
    parts = [part.to_bytes(codec.side[part.name]) for part in codec.side_parts]
    parts += [labels.to_bytes(features.y), pack_bits(features.train.astype(np.uint8), 1).tobytes()]
    return b"".join(parts)
