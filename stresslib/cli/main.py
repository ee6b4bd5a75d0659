"""The command line: ``stresslib list | import | extract | evaluate | sweep | compress | decompress | reproduce | check
| cache``.

The top of the chain: reads arguments, calls the library, turns its errors into one line.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from safetensors import safe_open

import stresslib as sl
from stressbook.reproduce.catalogue import chosen_figures, figures, project_root
from stressbook.reproduce.check import check
from stressbook.reproduce.run import plan, reproduce_each
from stresslib.features import list_features, reports
from stresslib.files import cache_dir, file_sha256
from stresslib.paper.published import FEATURES
from stresslib.running import store
from stresslib.running.cluster import connected

_SPECS = "stress, such as none, DR1:64, DR2:64, Q1:8, Q2:8, QB:52 or DR2:64,Q2:27"
_FEATURES = "DATASET/MODEL/LAYER, or the path of a feature file"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Returns
    -------
    int
        Exit code: 0 well, 1 an error, which is one line on standard error, 130 stopped by the user.
    """
    options = _parser().parse_args(arguments)
    try:
        with connected(getattr(options, "backend", "local"), getattr(options, "scheduler", None)):
            return int(options.run(options) or 0)
    except (ValueError, OSError) as error:
        print(f"stresslib: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stresslib: stopped; what was finished is kept, the same command goes on from there", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stresslib", description="Put feature vectors under stress, and measure what is left."
    )
    parser.add_argument("--version", action="version", version=f"stresslib {sl.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Any, about: str, examples: str) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name,
            help=about,
            description=f"{about[0].upper()}{about[1:]}.",
            epilog="examples:\n" + "\n".join(f"  stresslib {line}" for line in examples.splitlines()),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        return command

    add(
        "list",
        _list,
        "list the features at hand, the data sets, the networks, the classical features and the figures",
        "list",
    )

    command = add(
        "import",
        _import,
        "make a feature set of your own vectors",
        "import X.npy labels.csv -o mine.safetensors\nevaluate mine.safetensors DR2:64,Q2:8",
    )
    command.add_argument("vectors", metavar="X.npy", help="a matrix of numbers, one vector a row")
    command.add_argument(
        "labels",
        metavar="labels.csv",
        help="a line for each row: column labels (several joined by |), perhaps split and difficult",
    )
    command.add_argument("--column", default="labels", help="the column that has the labels (default: %(default)s)")
    command.add_argument(
        "--metric",
        choices=("accuracy", "mean-class-accuracy", "mAP"),
        help="default: accuracy, or mAP where rows have several labels",
    )
    command.add_argument("--seed", type=int, default=0, help="of the split, where the CSV has none (default: %(default)s)")
    command.add_argument("-o", "--output", required=True, metavar="PATH", help="file to write, conventionally *.safetensors")

    command = add(
        "extract",
        _extract,
        "turn images into features; the same command goes on after a stop",
        "extract caltech101 --archive caltech101.tar --model efficientnet-lite0\n"
        "extract voc2007 --model vgg-m --layer relu6 relu7 fc8\n"
        "extract photographs/ --model efficientnet-lite2 --on-error skip -o photographs.safetensors\n"
        "extract list.csv --model resnet50 --layer layer3 --preprocessing native -o mine.safetensors\n"
        "extract digits --model efficientnet-lite0 --layer stage4@2",
    )
    command.add_argument(
        "images",
        help="voc2007, mit67, food101, upmc-food101, caltech101, scenes15, coco, digits; a folder of CLASS/IMAGE; or a CSV",
    )
    command.add_argument(
        "--archive",
        nargs="+",
        metavar="FILE",
        help="the parts of a named data set: tar or zip archives, list files, or a folder where they are unpacked",
    )
    command.add_argument("--model", required=True, help="network or classical features; 'stresslib list' names them")
    command.add_argument(
        "--layer",
        nargs="+",
        default=["pooled"],
        help="aliases or nodes of the network, read in one pass; NAME@s: a map averaged over s x s places (default: pooled)",
    )
    command.add_argument(
        "--preprocessing",
        choices=("paper", "native"),
        default="paper",
        help="the paper's square resize, or the network's own (default: %(default)s)",
    )
    command.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="auto: bfloat16 where the processor has it (default)",
    )
    command.add_argument(
        "--batch-size", type=int, help="images that go through the network at once (default: 4 on a CPU, 32 on a GPU)"
    )
    command.add_argument(
        "--on-error",
        choices=("raise", "skip"),
        default="raise",
        help="what to do about an unreadable image (default: %(default)s)",
    )
    command.add_argument(
        "-o", "--output", metavar="PATH", help="default: the user's cache, where DATASET/MODEL/LAYER is found"
    )
    _add_backend(command)

    command = add(
        "evaluate",
        _evaluate,
        "measure what one stress leaves of the score",
        "evaluate scenes15/efficientnet-lite0/pooled DR2:64,Q2:8\nevaluate mine.safetensors Q1:4 --C 10 --bias",
    )
    command.add_argument("features", help=_FEATURES)
    command.add_argument("spec", help=_SPECS)
    _add_protocol(command)

    command = add(
        "sweep",
        _sweep,
        "measure a grid of stresses; the same command goes on after a stop",
        "sweep scenes15/efficientnet-lite0/pooled none DR1:64 DR1:128 --repeats 10 -o random.csv",
    )
    command.add_argument("features", help=_FEATURES)
    command.add_argument("specs", nargs="+", metavar="spec", help=_SPECS)
    command.add_argument("--repeats", type=int, default=1, help="draws of each random stress (default: %(default)s)")
    command.add_argument("-o", "--output", metavar="CSV", help="file for the results table (default: print it)")
    _add_protocol(command)
    _add_backend(command)

    command = add(
        "compress",
        _compress,
        "put vectors under stress and keep them as small as that makes them",
        "compress scenes15/efficientnet-lite0/pooled --spec DR2:128,Q2:27 -o scenes15.stress\n"
        "compress mine.safetensors --spec Q2:4 --packing xz --raw -o mine.stress",
    )
    command.add_argument("features", help=_FEATURES)
    command.add_argument("--spec", required=True, help=_SPECS)
    command.add_argument(
        "--packing",
        choices=sl.codec.PACKINGS,
        default="bits",
        help="exact bits; digits of a 64-bit word; or a compressor, smaller and slower (default: %(default)s)",
    )
    command.add_argument("--raw", action="store_true", help="do not divide rows by their L2 norm first")
    command.add_argument("--seed", type=int, default=0, help="of random selections (default: %(default)s)")
    command.add_argument("-o", "--output", required=True, metavar="PATH", help="file to write, conventionally *.stress")

    command = add(
        "decompress",
        _decompress,
        "turn a compressed file into a feature file of the stressed vectors",
        "decompress scenes15.stress -o stressed.safetensors\nevaluate stressed.safetensors none --raw",
    )
    command.add_argument("file", help="as compress wrote it")
    command.add_argument("-o", "--output", required=True, metavar="PATH", help="file to write, conventionally *.safetensors")

    command = add(
        "reproduce",
        _reproduce,
        "run the notebook of a figure, or of all",
        "reproduce figure-2\nreproduce figure-4 -p dataset=scenes15 -p 'values=[2,4,8]' -o build/mine\n"
        "reproduce figure-4 -p dataset=digits --key digits -o book/generated\n"
        "reproduce all --profile full\nreproduce all --profile paper",
    )
    command.add_argument("figure", nargs="+", help="name in notebooks/figures.yml, or all")
    command.add_argument(
        "--profile",
        default="quick",
        help="quick; full: the committed results; or paper: the paper's own data (default: %(default)s)",
    )
    command.add_argument(
        "-p",
        dest="parameters",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the template; lists as [a,b]",
    )
    command.add_argument(
        "--key", help="put behind the names of all files and labels, so that a second run can stand beside the first"
    )
    command.add_argument("--redraw", action="store_true", help="draw the committed results, compute nothing")
    command.add_argument("-o", "--output", metavar="DIR", help="default: build/PROFILE")
    _add_backend(command)

    command = add(
        "check", _check, "run the quick profile and compare it with the committed results", "check\ncheck figure-4"
    )
    command.add_argument("-o", "--output", metavar="DIR", help="for quick runs and report.html (default: build/check)")
    command.add_argument("figure", nargs="*", default=["all"], help="default: all")

    command = add(
        "cache",
        _cache,
        "show what the user's cache holds; clear the settings that sweeps keep there",
        "cache\ncache --stale\ncache --clear",
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument("--clear", action="store_true", help="remove all settings; features, images and weights stay")
    which.add_argument("--stale", action="store_true", help="remove the settings that were made by other code or libraries")
    return parser


def _add_backend(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--backend",
        choices=("local", "dask"),
        default="local",
        help="the cores of this machine, or the workers of a Dask cluster (default: %(default)s)",
    )
    command.add_argument("--scheduler", metavar="tcp://HOST:8786", help="that cluster's; default: workers on this machine")


def _add_protocol(command: argparse.ArgumentParser) -> None:
    command.add_argument("--C", type=float, default=1.0, help="of the linear SVM (default: %(default)s)")
    command.add_argument("--bias", action="store_true", help="give the linear SVM a bias")
    command.add_argument("--raw", action="store_true", help="do not divide rows by their L2 norm first")
    command.add_argument("--seed", type=int, default=0, help="of random stresses (default: %(default)s)")


def _list(options: argparse.Namespace) -> None:
    from stresslib.classical import LAYERS, METHODS
    from stresslib.classical.methods import options as method_options
    from stresslib.datasets import DATASETS
    from stresslib.extraction import NETWORKS

    print("features at hand:")
    for name, path in list_features():
        print(f"  {name}  ({'shipped' if path.suffix == '.xz' else path})")
    print("data sets:")
    for dataset in DATASETS.values():
        print(f"  {dataset.name}  ({_state(dataset)})\n    {dataset.about}\n    from {dataset.source}")
    print("networks:")
    for network in NETWORKS.values():
        print(f"  {network.name}  ({_state(network)})\n    {network.about}\n    from {network.source}")
        print(f"    layers {', '.join(network.layers)}, or any node of its graph")
    print("  timm:NAME  (any network of timm, such as timm:resnet50.a1_in1k; pip install stresslib[timm])")
    here = "present" if find_spec("cv2") else "not here; pip install stresslib[classical]"
    print(f"classical features, their codebook learnt from the data set  (OpenCV: {here}):")
    for method in METHODS.values():
        print(f"  {method.name}\n    {method.about}")
        print(f"    layers {', '.join(f'{layer} ({method.width(layer):,} values)' for layer in LAYERS)}")
        settings = (f"{name}={getattr(method, name):g}" for name in method_options(method.kind))
        print(f"    set by +NAME=NUMBER behind the name: {', '.join(settings)}")
    with contextlib.suppress(FileNotFoundError):  # outside of a checkout there are none
        print(f"figures: {', '.join(chosen_figures(project_root(), ['all']))}")


def _state(thing: Any) -> str:
    size = "size unknown" if thing.size is None else f"{thing.size / 1e6:,.0f} MB"
    return f"{'present' if thing.present() else 'not here'}, {size}"


def _import(options: argparse.Namespace) -> None:
    from stresslib.datasets import read_labels

    try:
        X = np.load(options.vectors, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{options.vectors} is no .npy matrix of numbers: {error}") from error
    y, train, classes, metric, provenance = read_labels(
        options.labels, labels=options.column, metric=options.metric, seed=options.seed
    )
    if len(X) != len(y):
        raise ValueError(f"{options.vectors} has {len(X)} rows, {options.labels} {len(y)} lines; one line a row is needed")
    # A file named as the cache names its own, DATASET--MODEL--LAYER, is that feature set; any other name is a data set's.
    provenance.update(zip(FEATURES, Path(options.output).name.removesuffix(".safetensors").split("--", 2), strict=False))
    provenance.update(vectors_sha256=file_sha256(options.vectors))
    features = sl.FeatureSet(X, y, train, metric, classes, provenance=provenance)
    print(f"{features.save(options.output)}: {features}")


def _extract(options: argparse.Namespace) -> None:
    images = sl.load_images(options.images, archive=options.archive)
    paths = sl.extract(
        images,
        options.model,
        options.layer,
        preprocessing=options.preprocessing,
        precision=options.precision,
        batch_size=options.batch_size,
        on_error=options.on_error,
        output=options.output,
    )
    for path in paths:
        with safe_open(path, "np") as tensors:  # loading it would read it all
            rows, width = tensors.get_slice("X").get_shape()
        print(f"{path}: {rows} x {width}, {len(images.classes)} classes, {images.metric}")


def _evaluate(options: argparse.Namespace) -> None:
    features, classifier = _protocol(options)
    table = sl.evaluate(features, options.spec, classifier, random_state=options.seed, metrics=features.metrics)
    bits = sl.bits_per_vector(options.spec, features.X.shape[1])
    rate = sl.compression_rate(options.spec, features.X.shape[1])
    for row in table.to_dict("records"):
        print(f"{row['metric']} {row['score']:.2f}%, {bits} bits per vector, {100 * rate:.2f}% compression")


def _sweep(options: argparse.Namespace) -> None:
    features, classifier = _protocol(options)
    table = sl.sweep(
        features, options.specs, classifier, repeats=options.repeats, random_state=options.seed, store=cache_dir() / "sweeps"
    )
    if options.output:
        sl.write_results(table, options.output)
    else:
        print(table.to_string(index=False))


def _protocol(options: argparse.Namespace) -> tuple[sl.FeatureSet, sl.LinearSVM]:
    features = sl.load_features(options.features, normalize=not options.raw)
    return features, sl.LinearSVM(C=options.C, fit_intercept=options.bias)


def _compress(options: argparse.Namespace) -> None:
    # Rows are normalised on the way, block by block: the features may be larger than the memory.
    features = sl.load_features(options.features, normalize=False)
    path = sl.codec.compress(
        features,
        options.spec,
        options.output,
        packing=options.packing,
        normalize=not options.raw,
        random_state=options.seed,
    )
    compressed, size = sl.codec.CompressedFeatures(path), path.stat().st_size
    print(
        f"{path}: {compressed.packed_bytes / len(compressed):.1f} bytes a vector, {compressed.codec.side_bytes} bytes for "
        f"all; {size} bytes with labels and names, {100 * size / (4 * features.X.size):.2f}% of float32"
    )


def _decompress(options: argparse.Namespace) -> None:
    compressed = sl.codec.CompressedFeatures(options.file)
    path = compressed.save(options.output)
    print(f"{path}: {len(compressed)} x {compressed.codec.dimensions}; load it with --raw, nothing is normalised again")


def _reproduce(options: argparse.Namespace) -> None:
    parameters = {}
    for text in options.parameters:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"-p {text}: give a parameter as NAME=VALUE")
        try:
            parameters[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ValueError(f"-p {text}: {value!r} is no value, such as 4, scenes15 or [2,4]") from error
    root = project_root()
    entries, names = figures(root), chosen_figures(root, options.figure)
    if "all" in options.figure:
        names = [name for name in names if options.profile in entries[name]["profiles"]]
    for name in names:  # nothing runs before everything is known to
        plan(name, profile=options.profile, parameters=parameters, redraw=options.redraw)
    settings = {"parameters": parameters, "output": options.output, "key": options.key}
    for _, made in reproduce_each(names, profile=options.profile, redraw=options.redraw, **settings):
        if isinstance(made, Exception):
            raise made
        print(made)


def _check(options: argparse.Namespace) -> int:
    problems = check(options.figure, output=options.output)
    print("\n".join(problems) or "the committed results hold: every setting of the quick profile is within tolerance")
    return 1 if problems else 0


def _cache(options: argparse.Namespace) -> None:
    folder = cache_dir() / "sweeps"
    if options.clear or options.stale:
        print(f"{_counted(store.clear(folder, stale=options.stale))} removed from {folder}")
        return
    found = store.contents(folder)
    settings, size = (sum(getattr(one, name) for one in found.values()) for name in ("settings", "size"))
    print(f"{folder}: {_counted(settings)}, {_bytes(size)} of at most {_bytes(store.limit())} ({store.VARIABLE})")
    for name, one in found.items():
        stale = f", {one.stale} of other code or libraries" if one.stale else ""
        print(f"  {name}: {_counted(one.settings)}, {_bytes(one.size)}{stale}")
    for part in sorted(path for path in cache_dir().glob("*") if path.is_dir() and path != folder):
        print(f"{part}: {_bytes(sum(file.stat().st_size for file in part.rglob('*') if file.is_file()))}, never removed")
    for line in reports():
        print(f"  {line}")


def _counted(settings: int) -> str:
    return f"{settings:,} setting{'' if settings == 1 else 's'}"


def _bytes(size: int) -> str:
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} bytes"


if __name__ == "__main__":
    sys.exit(main())
