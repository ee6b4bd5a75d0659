"""Images per second of the extractor, beside the plain way: one image after the other, then batches in float32.

    python benchmarks/extraction.py [--images 256]

The peer is efficientnet_lite_pytorch's own module, called on the same inputs in its default memory layout. Vectors must
agree: cosine at least 0.99999 in float32, 0.999 in bfloat16.
"""

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
import skimage
import torch

import stresslib as sl
from stresslib.extraction.registry import find_network
from stresslib.images.preprocessing import read_input

PHOTOGRAPHS = ["astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "page.png", "rocket.jpg"]
BATCH = 32


def plain(paths: list[Path]) -> np.ndarray:
    """Pooled vectors as a short script would compute them."""
    network = find_network("efficientnet-lite0")
    module, _ = network.load()
    vectors = []
    with torch.inference_mode():
        for start in range(0, len(paths), BATCH):
            inputs = [read_input(path, network.preprocessing, "paper") for path in paths[start : start + BATCH]]
            maps = module.extract_features(torch.from_numpy(np.stack(inputs)))
            vectors.append(maps.mean((2, 3)).numpy())
    return np.concatenate(vectors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=256)
    count = parser.parse_args().images
    folder = Path(skimage.__file__).parent / "data"
    paths = list(itertools.islice(itertools.cycle(folder / name for name in PHOTOGRAPHS), count))
    ways = {"peer, float32": plain}
    for precision in ("float32", "bfloat16"):
        ways[f"stresslib, {precision}"] = sl.Extractor("efficientnet-lite0", precision=precision)
    speeds, reference = {}, None
    for name, way in ways.items():
        way(paths[:BATCH])
        begun = time.perf_counter()
        vectors = way(paths)
        speeds[name] = count / (time.perf_counter() - begun)
        if reference is None:
            reference = vectors
        norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(reference, axis=1)
        cosine = float(((vectors * reference).sum(axis=1) / norms).min())
        ratio = speeds[name] / speeds["peer, float32"]
        print(f"{name:20s} {speeds[name]:7.1f} images/s   x{ratio:.2f}   least cosine {cosine:.6f}", flush=True)
        if cosine < (0.999 if "bfloat16" in name else 0.99999):
            raise SystemExit(f"{name}: vectors differ from the peer's")


if __name__ == "__main__":
    main()
