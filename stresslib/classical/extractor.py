"""The classical extractor: turns image files into vectors by descriptors, codebook and coding, on all cores.

It has the interface of a network's extractor, so that `stresslib.extract`, above, writes the files of both.
"""

from __future__ import annotations

import json
import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TypeVar

import joblib
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from stresslib.classical.codebook import Mixture, learn_codebook, learn_mixture, load_codebook
from stresslib.classical.descriptors import opencv
from stresslib.classical.methods import LAYERS, Method, find_method, options
from stresslib.datasets.imageset import ImageSet
from stresslib.digests import STRESSLIB
from stresslib.files import cache_dir, file_sha256, text_sha256
from stresslib.images.decode import UnreadableImageError

T = TypeVar("T")

_LIBRARIES = ("stresslib", "pillow", "numpy", "scikit-learn")


class ClassicalExtractor:
    """Layers of one classical method, with the codebook of one data set, as a function from image files to vectors.

    Parameters
    ----------
    model : str
        Name of a method, as :func:`find_method` accepts it.
    layers : sequence of {"pooled", "pyramid"}
    codebook : path-like
        File of the codebook, as :func:`codebook_of` writes it.

    Attributes
    ----------
    layers : tuple of str
    provenance : dict
        What a feature set says of the method that made it: options, how the codebook was learnt, its hash, and versions.
    machine : str
        The processor, for a report of speed.

    Raises
    ------
    ValueError
        On an unknown method, option or layer, or a codebook of another kind or size; the message lists what there is.

    Examples
    --------
    >>> from stresslib.classical import ClassicalExtractor, codebook_of, find_method
    >>> book = codebook_of(images, find_method("bossanova"))                    # doctest: +SKIP
    >>> ClassicalExtractor("bossanova", ["pooled"], book)(["cat.jpg"])[0].shape   # doctest: +SKIP
    (1, 3072)
    """

    batch_size = 1
    """Images that a core processes at once."""

    def __init__(self, model: str, layers: Sequence[str], codebook: str | os.PathLike[str]) -> None:
        self.method = find_method(model)
        self.layers = checked_layers(model, layers)
        self.codebook, learnt = load_codebook(codebook)
        if isinstance(self.codebook, Mixture) != self.method.mixture:
            if self.method.mixture:
                raise ValueError(f"{codebook} is not a mixture of Gaussians, which {model} needs")
            raise ValueError(f"{codebook} is a mixture of Gaussians, and {model} needs a codebook")
        if len(self.codebook.centres) != self.method.codewords:
            raise ValueError(f"{codebook} has {len(self.codebook.centres)} codewords; {model} has {self.method.codewords}")
        self.machine = f"{joblib.cpu_count()} core(s)"
        self.provenance = {
            **learnt,
            "versions": {**{name: version(name) for name in _LIBRARIES}, "opencv": opencv().__version__},
            "options": {name: getattr(self.method, name) for name in options(self.method.kind)},
            "codebook_sha256": file_sha256(codebook),
        }

    def __call__(self, paths: Sequence[str | os.PathLike[str]]) -> list[NDArray[np.float32]]:
        """Extract the vectors of image files.

        Parameters
        ----------
        paths : sequence of path-like

        Returns
        -------
        list of ndarray of shape (n, d), float32
            One a layer.

        Raises
        ------
        UnreadableImageError
            On the first file that cannot be decoded or has no descriptors.
        """
        found = [vectors for _, vectors, _ in self.batches([Path(path) for path in paths])]
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]

    def batches(
        self, paths: Sequence[Path], *, skip: bool = False
    ) -> Iterator[tuple[list[int], list[NDArray[np.float32]], list[str]]]:
        """Extract image by image, on all cores, as :meth:`stresslib.Extractor.batches` does."""

        def one(path: Path) -> list[NDArray[np.float32]] | UnreadableImageError:
            try:
                descriptors, places = self.method.descriptors(path)
            except UnreadableImageError as error:
                if not skip:
                    raise
                return error
            return [self.method.code(descriptors, places, self.codebook, layer)[None] for layer in self.layers]

        for row, made in enumerate(_in_order(one, paths)):
            if isinstance(made, UnreadableImageError):
                yield [], [], [str(made)]
            else:
                yield [row], made, []


def _in_order(function: Callable[[Path], T], paths: Sequence[Path]) -> Iterator[T]:
    """Apply a function to each path, in one thread a core, and yield the results in order, a few images ahead at most."""
    cores = joblib.cpu_count()
    # OpenCV and NumPy release Python's lock. One thread an image, so that vectors do not depend on the number of cores.
    with threadpool_limits(1), _one_thread_in_opencv(), ThreadPoolExecutor(cores) as pool:
        waiting = iter(paths)
        ahead: deque[Future[T]] = deque(pool.submit(function, path) for path in islice(waiting, 4 * cores))
        try:
            while ahead:
                yield ahead.popleft().result()
                ahead.extend(pool.submit(function, path) for path in islice(waiting, 1))
        finally:
            for future in ahead:
                future.cancel()


@contextmanager
def _one_thread_in_opencv() -> Iterator[None]:
    cv2 = opencv()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def checked_layers(model: str, layers: Sequence[str]) -> tuple[str, ...]:
    """Return the layers as a tuple, or raise a ValueError that lists what the method has."""
    for layer in layers:
        if layer not in LAYERS:
            raise ValueError(f"{model} has no layer {layer!r}; it has {', '.join(LAYERS)}")
    if not layers or len(set(layers)) < len(layers):
        raise ValueError(f"layers {', '.join(layers) or '(none)'}: at least one is needed, and each once")
    return tuple(layers)


_CODEBOOK_OPTIONS = ("codewords", "components", "sample", "seed", "side", "step", "root")
"""Options that a codebook depends on; methods that differ only in others share it."""

_CODEBOOK_MODULES = ("stresslib/classical/codebook.py", "stresslib/classical/descriptors.py", "stresslib/images/decode.py")
"""Modules that a codebook depends on."""


def codebook_of(images: ImageSet, method: Method, *, skip: bool = False, progress: bool = True) -> Path:
    """Return the file of the codebook of a data set's training images; learn the codebook if there is none yet.

    Parameters
    ----------
    images : ImageSet
    method : Method
    skip : bool, default=False
        Whether unreadable training images are left out.
    progress : bool, default=True

    Returns
    -------
    pathlib.Path
        In the user's cache; its name contains a hash of the code, the options, and the names, sizes and modification times
        of the training images.

    Raises
    ------
    UnreadableImageError
        On a training image that cannot be decoded, unless `skip` is set.
    ValueError
        When the training images have fewer descriptors than the codebook has codewords.
    """
    settings = {name: getattr(method, name) for name in _CODEBOOK_OPTIONS}
    names = [name for name, train in zip(images.files, images.train, strict=True) if train]
    paths = [images.root / name for name in names]
    stamps = [f"{path.stat().st_size} {path.stat().st_mtime_ns}" if path.exists() else "" for path in paths]
    learn = learn_mixture if method.mixture else learn_codebook
    key = text_sha256(
        STRESSLIB.digest(*_CODEBOOK_MODULES), learn.__name__, json.dumps(settings, sort_keys=True), *names, *stamps
    )
    file = cache_dir() / "codebooks" / f"{images.name}--{method.codewords}-{key[:12]}.safetensors"
    if file.is_file():
        return file
    per_image = math.ceil(method.sample / len(paths))
    places = {path: place for place, path in enumerate(paths)}

    def sample(path: Path) -> NDArray[np.float32]:
        try:
            descriptors, _ = method.descriptors(path)
        except UnreadableImageError:
            if not skip:
                raise
            return np.empty((0, 128), dtype=np.float32)
        # Each image has a seed of its own, so that images can be described in any order.
        order = np.random.default_rng([method.seed, places[path]]).permutation(len(descriptors))
        return descriptors[np.sort(order[:per_image])]

    label = f"{images.name}: codebook"
    samples = list(tqdm(_in_order(sample, paths), label, len(paths), unit="image", disable=not progress))
    book = learn(samples, method.codewords, method.components, seed=method.seed)
    return book.save(file, {"codebook": {"dataset": images.name, "images": len(paths), **settings}})
