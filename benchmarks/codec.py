"""Speed and size of the codec, compared with faiss's ScalarQuantizer and memcpy in the same run.

    python benchmarks/codec.py [faiss] [packing] [streaming] [sizes] [--rows 60000] [--stream 1.0]

Each part writes ``codec-PART.csv`` into --output, by default benchmarks/results, which the book's page on performance shows.

The rows of 15-Scenes, 1,280 numbers each, are repeated. Both sides quantize each dimension between its own minimum and
maximum into the same number of values, and write the same number of bits; both use every core, and write to new memory. Each
time is the best of several runs, ours and the peer alternating. Packing alone runs on one thread, as memcpy does.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pandas as pd

import stresslib as sl
from stresslib.codec.bits import code_type
from stresslib.codec.packing import pack, unpack
from stresslib.files import write_text

PEERS = {
    256: ("SQ8", faiss.ScalarQuantizer.QT_8bit),
    64: ("SQ6", faiss.ScalarQuantizer.QT_6bit),
    16: ("SQ4", faiss.ScalarQuantizer.QT_4bit),
}
SIZES = ["DR2:128,Q2:27", "DR2:128,QA:640", "DR2:128,Q2:256", "Q2:4", "Q2:27", "Q2:256", "Q1:8", "QB:56", "QB:52"]
BLOCK = 1 << 20


def in_turn(ways: dict[str, Callable[[], Any]], rounds: int = 7) -> dict[str, float]:
    """Return the best time of each way in seconds; the first run of each is a warm-up and does not count."""
    seconds = dict.fromkeys(ways, np.inf)
    for number in range(rounds + 1):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            if number:
                seconds[name] = min(seconds[name], time.perf_counter() - begun)
    return seconds


def against_faiss(f: sl.FeatureSet, options: Any) -> pd.DataFrame:
    """Return GB of float32 a second, to codes of 8, 6 and 4 bits and back."""
    X = np.resize(f.X, (options.rows, f.X.shape[1]))
    print(f"{X.shape[0]} x {X.shape[1]}, faiss {faiss.__version__} ({faiss.get_compile_options().strip()})", flush=True)
    rows, size, copy = [], X.nbytes / 1e9, np.empty_like(X)
    for values, (name, kind) in PEERS.items():
        peer = faiss.ScalarQuantizer(X.shape[1], kind)
        peer.train(X[:4467])
        codec = sl.codec.Codec.fit(X[:4467], f"Q2:{values}")
        theirs, ours = peer.compute_codes(X), codec.encode(X)
        if abs(sum(map(len, ours)) / theirs.nbytes - 1) > 0.001:
            raise SystemExit(f"{name}: {sum(map(len, ours))} bytes, but the peer has {theirs.nbytes}")
        ways: dict[str, dict[str, Callable[[], Any]]] = {
            "encode": {"ours": lambda c=codec: c.encode(X), "peer": lambda p=peer: p.compute_codes(X)},
            "decode": {"ours": lambda c=codec, o=ours: c.decode(o, len(X)), "peer": lambda p=peer, t=theirs: p.decode(t)},
        }
        for what, both in ways.items():
            best = in_turn(both | {"memcpy": lambda: np.copyto(copy, X)})
            speeds = {f"{way} GB/s": size / seconds for way, seconds in best.items()}
            bits, ratio = (values - 1).bit_length(), best["peer"] / best["ours"]
            rows.append({"peer": name, "bits": bits, "what": what, **speeds, "ratio": ratio})
    return pd.DataFrame(rows)


def packing(f: sl.FeatureSet, options: Any) -> pd.DataFrame:
    """Return GB of codes a second, packed and unpacked block by block as in a file, and their ratio to memcpy."""
    rows, codes = [], np.random.default_rng(0).integers(0, 256, 1 << 26, dtype=np.uint8)
    copy, size = np.empty_like(codes), codes.nbytes / 1e9
    ways = [(f"{bits} bits", bits, 1 << bits, "bits") for bits in range(1, 9)]
    ways += [(f"radix {base}", (base - 1).bit_length(), base, "radix") for base in (3, 5, 27)]
    for name, bits, base, way in ways:
        blocks = (codes % base if base < 256 else codes).astype(code_type(bits)).reshape(-1, 1, BLOCK)
        packed = [pack(block, bits, base, way) for block in blocks]

        def each(work: Callable[..., Any], items: Any, *more: Any, settings: Any = (bits, base, way)) -> None:
            for one in items:
                work(one, *more, *settings)

        best = in_turn(
            {
                "pack": lambda b=blocks, e=each: e(pack, b),
                "unpack": lambda p=packed, e=each: e(unpack, p, (1, BLOCK)),
                "memcpy": lambda: np.copyto(copy, codes),
            },
            rounds=5,
        )
        speeds = {f"{what} GB/s": size / best[what] for what in best}
        ratios = {f"{what} / memcpy": best["memcpy"] / best[what] for what in ("pack", "unpack")}
        bits_each = 8 * sum(map(len, packed)) / codes.size
        rows.append({"packing": name, "bits a code": bits_each, **speeds, **ratios})
    return pd.DataFrame(rows)


def sizes(f: sl.FeatureSet, options: Any) -> pd.DataFrame:
    """Return bytes of a vector: as counted, packed in each way, in the file, and the limit of the entropy."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for spec in SIZES:
            for way in sl.codec.PACKINGS:
                begun = time.perf_counter()
                path = sl.codec.compress(f, spec, Path(folder) / "f.stress", packing=way)
                written = time.perf_counter() - begun
                begun = time.perf_counter()
                compressed = sl.codec.CompressedFeatures(path)
                for _ in compressed.blocks():
                    pass
                read = time.perf_counter() - begun
                row = sl.codec.accounting(f, spec, packings=[way], path=path).iloc[0]
                rows.append(
                    {
                        "spec": spec,
                        "packing": way,
                        "counted": row["paper_bits"] / 8,
                        "entropy": row["entropy_bits"] / 8,
                        "packed": row["packed_bits"] / 8,
                        "of entropy": row["packed_bits"] / row["entropy_bits"],
                        "shared": row["side_bits"] / 8,
                        "file": row["file_bytes"] / len(f.X),
                        "pays from": row["pays_from"],
                        "reduction pays from": row["reduction_pays_from"],
                        "fit and write s": written,
                        "read s": read,
                    }
                )
            print(pd.DataFrame(rows[-len(sl.codec.PACKINGS) :]).to_string(index=False, header=spec == SIZES[0]), flush=True)
    return pd.DataFrame(rows)


def own_memory() -> int:
    """Return the bytes of this process's memory that no file backs; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def streaming(f: sl.FeatureSet, options: Any) -> pd.DataFrame:
    """Return the growth of memory while mapped features of two sizes are compressed and decompressed, and GB a second."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for part in (0.25, 1.0):
            n, d = int(part * options.stream * 1e9 / 4 / 1024), 1024
            X = np.lib.format.open_memmap(Path(folder) / "X.npy", "w+", np.float32, (n, d))
            generator = np.random.default_rng(0)
            for start in range(0, n, 4096):
                X[start : start + 4096] = generator.random((len(X[start : start + 4096]), d), dtype=np.float32)
            X.flush()
            f = sl.FeatureSet(np.load(Path(folder) / "X.npy", mmap_mode="r"), np.arange(n) % 2, np.arange(n) // 2 % 2 == 0)
            f.digest  # noqa: B018, reads all of it before the clock starts
            path = Path(folder) / "f.stress"
            tasks: dict[str, Callable[[], Any]] = {
                "compress": lambda f=f, p=path: sl.codec.compress(f, "Q2:16", p, normalize=True),
                "decompress": lambda p=path: sl.codec.CompressedFeatures(p).save(p.with_suffix(".safetensors")),
            }
            for name, task in tasks.items():
                before, peak, done = own_memory(), [0], threading.Event()

                def watch(peak: list[int] = peak, done: threading.Event = done) -> None:
                    while not done.wait(0.005):
                        peak[0] = max(peak[0], own_memory())

                watcher = threading.Thread(target=watch)
                watcher.start()
                begun = time.perf_counter()
                task()
                seconds = time.perf_counter() - begun
                done.set()
                watcher.join()
                grown = max(0, peak[0] - before) / 1e6
                rows.append({"what": name, "GB": X.nbytes / 1e9, "GB/s": X.nbytes / 1e9 / seconds, "MB of memory": grown})
    return pd.DataFrame(rows)


PARTS = {"faiss": against_faiss, "packing": packing, "streaming": streaming, "sizes": sizes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="default: all")
    parser.add_argument("--rows", type=int, default=60_000, help="rows of the comparison with faiss")
    parser.add_argument("--stream", type=float, default=1.0, help="GB of the features that are compressed from the disk")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    f = sl.load_features("scenes15", "efficientnet-lite0")
    for name in options.parts or PARTS:
        table = PARTS[name](f, options)
        print(table.round(2).to_string(index=False), flush=True)
        write_text(options.output / f"codec-{name}.csv", table.to_csv(index=False, lineterminator="\n", float_format="%.6g"))


if __name__ == "__main__":
    main()
