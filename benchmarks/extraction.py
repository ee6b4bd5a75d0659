"""Images per second of the extractor, beside what a user would pick on a CPU.

    python benchmarks/extraction.py [speed] [shares] [--images 128] [--threads N] [--batches 1 4 16 64] [--models ...]

Each part writes ``extraction-PART.csv`` into --output, by default benchmarks/results, which the book's page on performance
reads. Speed is measured from JPEG files to vectors, and of the network alone, from inputs in memory. It needs the extras
``fast``, ``peers`` and ``timm``; a way whose package or weights are not there is left out, and said to be.

The peers are a plain loop in PyTorch (float32, and bfloat16 by autocast with channels last), timm's network of the same
name with the same weights (of EfficientNet-Lite0 its entry has our layers in our order; it has no GoogLeNet of 2014), and
ONNX Runtime and OpenVINO on the same exported layer. ONNX Runtime computes no bfloat16 on a CPU. All read their images by
the same function; all but the plain loop decode in as many threads as there are cores, ahead of the network. Each way runs
in a process of its own, and its faster run of two counts. Cosines are with the plain loop in float32.
"""

import argparse
import functools
import importlib.util
import itertools
import json
import math
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skimage
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

import stresslib as sl
from stresslib.extraction import extractor as ours
from stresslib.extraction.graph import best_precision, cut
from stresslib.extraction.registry import find_network
from stresslib.files import write_text
from stresslib.images import open_image
from stresslib.images.preprocessing import read_input

MODELS = ("efficientnet-lite0", "bvlc-googlenet")
BATCHES = (1, 4, 16, 64)
RUNS = 2
LEAST = {"float32": 0.99999, "bfloat16": 0.999}
"""The least cosine at which a way counts as one that computes the same."""

PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")
SHAPE = (500, 375)
"""Width and height of the files, as most photographs of VOC 2007 have them."""

Compute = Callable[[np.ndarray], np.ndarray]
"""From a batch of inputs to its vectors."""


def write_photographs(folder: Path, count: int) -> list[Path]:
    """JPEG files, each another cut-out of a photograph that comes with scikit-image."""
    random, paths = np.random.default_rng(0), []
    for number, name in zip(range(count), itertools.cycle(PHOTOGRAPHS), strict=False):
        whole = Image.open(Path(skimage.__file__).parent / "data" / name).convert("RGB")
        scale = random.uniform(0.5, 1) * min(whole.width / SHAPE[0], whole.height / SHAPE[1])
        width, height = (scale * side for side in SHAPE)
        left, top = random.uniform(0, whole.width - width), random.uniform(0, whole.height - height)
        paths.append(folder / f"{number:04d}.jpg")
        whole.resize(SHAPE, box=(left, top, left + width, top + height)).save(paths[-1], quality=90)
    return paths


def layer(model: str) -> Any:
    """The part of a network up to its pooled vector."""
    network = find_network(model)
    module, _ = network.load()
    return cut(module, network.layers["pooled"])


def in_torch(module: Any, precision: str) -> Compute:
    def compute(batch: np.ndarray) -> np.ndarray:
        form = torch.channels_last if precision == "bfloat16" else torch.contiguous_format
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            return module(torch.from_numpy(batch).contiguous(memory_format=form)).flatten(1).float().numpy()

    return compute


def plain(model: str, precision: str, **_: Any) -> Compute:
    module = layer(model)
    return in_torch(module.to(memory_format=torch.channels_last) if precision == "bfloat16" else module, precision)


def timms(model: str, precision: str, **_: Any) -> Compute:
    import timm

    module = timm.create_model(f"tf_{model.replace('-', '_')}").eval()
    state = find_network(model).load()[0].state_dict()
    module.load_state_dict(dict(zip(module.state_dict(), state.values(), strict=True)))
    module.reset_classifier(0)  # what timm's documentation has for features: the pooled vector
    return in_torch(module.to(memory_format=torch.channels_last) if precision == "bfloat16" else module, precision)


def exported(model: str, batch: int) -> bytes:
    """The layer in ONNX, for one size of batch."""
    side = find_network(model).preprocessing.size
    with tempfile.NamedTemporaryFile(suffix=".onnx") as stream:
        torch.onnx.export(
            layer(model), (torch.zeros(batch, 3, side, side),), stream.name, dynamo=True, external_data=False, verbose=False
        )
        return Path(stream.name).read_bytes()


def onnx_runtime(model: str, precision: str, batch: int, threads: int) -> Compute:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(exported(model, batch), options, providers=["CPUExecutionProvider"])
    (name,) = (one.name for one in session.get_inputs())
    return lambda images: session.run(None, {name: images})[0].reshape(len(images), -1)


def openvino(model: str, precision: str, batch: int, threads: int) -> Compute:
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision]}
    settings |= {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}  # one batch at a time, by all cores
    compiled = core.compile_model(core.read_model(exported(model, batch)), "CPU", settings)
    return lambda images: compiled([images])[0].reshape(len(images), -1)


PEERS: dict[str, Callable[..., Compute]] = {
    "plain PyTorch": plain,
    "timm": timms,
    "ONNX Runtime": onnx_runtime,
    "OpenVINO": openvino,
}
NEEDS = {"timm": ("timm",), "ONNX Runtime": ("onnxruntime", "onnxscript"), "OpenVINO": ("openvino", "onnxscript")}
NEEDS["stresslib, openvino"] = ("openvino",)


def by_peer(name: str, model: str, precision: str, batch: int, threads: int) -> Callable[..., np.ndarray]:
    """From files, or inputs that were made before, to vectors, by a peer."""
    compute = PEERS[name](model, precision, batch=batch, threads=threads)

    def run(paths: list[Path], read: Callable[[Path], np.ndarray]) -> np.ndarray:
        # A short script reads an image when it needs it; who cares for speed reads ahead.
        with ThreadPoolExecutor(threads) as pool:
            images = map(read, paths) if name == "plain PyTorch" else pool.map(read, paths)
            parts = []
            while part := list(itertools.islice(images, batch)):
                parts.append(compute(np.stack(part)))
        return np.concatenate(parts)

    return run


def by_ours(engine: str, model: str, precision: str, batch: int, threads: int) -> Callable[..., np.ndarray]:
    """From files, or inputs that were made before, to vectors, by the extractor."""
    extract = sl.Extractor(model, precision=precision, batch_size=batch, engine=engine)

    def run(paths: list[Path], read: Callable[[Path], np.ndarray]) -> np.ndarray:
        ours.read_input = lambda path, *_: read(path)
        return extract(paths)

    return run


def once(what: dict[str, Any]) -> list[dict[str, Any]]:
    """Images a second of one way, for each size of a batch: from files, and from inputs in memory."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(what["threads"])
    prepare = find_network(what["model"]).preprocessing
    read = functools.partial(read_input, preprocessing=prepare, way="paper")
    paths = sorted(Path(what["folder"]).glob("*.jpg"))
    in_memory = {path: read(path) for path in paths}
    reference = Path(what["folder"], f"{what['model']}.npy")
    rows = []
    for batch in what["batches"]:
        kind, _, engine = what["way"].partition(", ")
        made = by_ours(engine, *settings(what, batch)) if kind == "stresslib" else by_peer(kind, *settings(what, batch))
        made(paths[: 2 * batch], read)
        for source, reading in (("JPEG files", read), ("memory", in_memory.__getitem__)):
            seconds = []
            for _ in range(RUNS):
                begun = time.perf_counter()
                vectors = made(paths, reading)
                seconds.append(time.perf_counter() - begun)
            if not reference.exists():
                np.save(reference, vectors)
            units = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in (vectors.astype(float), np.load(reference))]
            cosine = float((units[0] * units[1]).sum(axis=1).min())
            rows.append({"from": source, "batch": batch, "images/s": len(paths) / min(seconds), "least cosine": cosine})
    return rows


def settings(what: dict[str, Any], batch: int) -> tuple[str, str, int, int]:
    return what["model"], what["precision"], batch, what["threads"]


def ways(model: str) -> list[tuple[str, str]]:
    """Ways and precisions to measure, the reference first; what cannot be measured is said."""
    precisions = list(dict.fromkeys(("float32", best_precision(torch.device("cpu")))))
    found = []
    for way in (*PEERS, "stresslib, torch", "stresslib, openvino"):
        missing = [name for name in NEEDS.get(way, ()) if importlib.util.find_spec(name) is None]
        if missing or (way == "timm" and not model.startswith("efficientnet")):
            print(f"{model}: without {way}: {', '.join(missing) or 'it has no network with these weights'}", flush=True)
            continue
        found += [(way, precision) for precision in precisions if (way, precision) != ("ONNX Runtime", "bfloat16")]
    return found


def peak(threads: int) -> float:
    """Billions of multiplications and additions a second of products of matrices in bfloat16, on all threads."""
    torch.set_num_threads(threads)
    a = torch.randn(4096, 4096, generator=torch.Generator().manual_seed(0)).bfloat16()
    best = math.inf
    for _ in range(5):
        begun = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - begun)
    return 2 * 4096**3 / best / 1e9


def has_amx() -> bool:
    return bool(getattr(torch.cpu, "_is_amx_tile_supported", bool)())


def operations(model: str) -> float:
    """Billions of multiplications and additions for an image."""
    side = find_network(model).preprocessing.size
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        layer(model)(torch.zeros(1, 3, side, side))
    return counter.get_total_flops() / 1e9


def speed(options: Any) -> pd.DataFrame:
    """Images a second of each way, and which share of the peak that is."""
    most, tables = peak(options.threads), []
    print(f"bfloat16 peak {most:.0f} GFLOP/s on {options.threads} threads, AMX: {has_amx()}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        write_photographs(Path(folder), options.images)
        for model in options.models:
            if not find_network(model).present():
                print(f"{model} is left out: its weights are not here", flush=True)
                continue
            work = operations(model)
            for way, precision in ways(model):
                what = {"way": way, "model": model, "precision": precision, "folder": folder}
                what |= {"threads": options.threads, "batches": options.batches}
                command = [sys.executable, __file__, "once", json.dumps(what)]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                table = pd.DataFrame(json.loads(done.stdout.splitlines()[-1]))
                table.insert(0, "precision", precision)
                table.insert(0, "way", way)
                table.insert(0, "model", model)
                table["share of peak"] = np.where(table["from"] == "memory", table["images/s"] * work / most, np.nan)
                print(table.round(5).to_string(index=False, header=way == "plain PyTorch"), flush=True)
                tables.append(table)
    table = pd.concat(tables).assign(threads=options.threads, AMX=has_amx(), **{"peak GFLOP/s": most})
    checked = table[table["way"].str.startswith("stresslib")]
    wrong = checked[checked["least cosine"] < checked["precision"].map(LEAST)]
    if len(wrong):
        raise SystemExit(f"these vectors are not those of the plain loop:\n{wrong}")
    return table


def shares(options: Any) -> pd.DataFrame:
    """Milliseconds of one thread for an image, by what they are spent on, in batches of 4."""
    torch.set_num_threads(1)
    count, rows = min(options.images, 64), []
    precisions = list(dict.fromkeys(("float32", best_precision(torch.device("cpu")))))
    engines = [engine for engine in ("torch", "openvino") if importlib.util.find_spec(engine)]
    with tempfile.TemporaryDirectory() as folder:
        paths = write_photographs(Path(folder), count)
        for model in (name for name in options.models if find_network(name).present()):
            prepare = find_network(model).preprocessing
            decode, images = timed(lambda: [open_image(path) for path in paths], count)
            resize, inputs = timed(lambda images=images, way=prepare: [way(one, "paper") for one in images], count)
            join, _ = timed(lambda x=inputs: [np.stack(x[at : at + 4]) for at in range(0, count, 4)], count)
            in_memory = dict(zip(paths, inputs, strict=True)).__getitem__
            for engine, precision in itertools.product(engines, precisions):
                run = by_ours(engine, model, precision, 4, 1)
                run(paths[:4], in_memory)
                rest, _ = timed(lambda run=run, read=in_memory: run(paths, read), count)
                steps = {"decode": decode, "resize and normalise": resize, "make a batch": join, "network": rest - join}
                rows += [
                    {"model": model, "engine": engine, "precision": precision, "step": k, "ms": v} for k, v in steps.items()
                ]
    table = pd.DataFrame(rows)
    table["share"] = table["ms"] / table.groupby(["model", "engine", "precision"])["ms"].transform("sum")
    return table


def timed(call: Callable[[], Any], count: int) -> tuple[float, Any]:
    """Milliseconds for one of some images, the faster of two runs, and what was made."""
    best = math.inf
    for _ in range(RUNS):
        begun = time.perf_counter()
        made = call()
        best = min(best, time.perf_counter() - begun)
    return 1000 * best / count, made


PARTS = {"speed": speed, "shares": shares}


def main() -> None:
    if sys.argv[1:2] == ["once"]:
        print(json.dumps(once(json.loads(sys.argv[2]))))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="default: all")
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--batches", type=int, nargs="+", default=list(BATCHES))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    if any(options.images % batch for batch in options.batches):
        parser.error(f"--images {options.images} is no multiple of every size of a batch, {options.batches}")
    for name in options.parts or PARTS:
        table = PARTS[name](options)
        print(table.round(3).to_string(index=False), flush=True)
        write_text(
            options.output / f"extraction-{name}.csv", table.to_csv(index=False, lineterminator="\n", float_format="%.6g")
        )


if __name__ == "__main__":
    main()
