"""Small networks in MatConvNet's file formats, with drawn weights, and their computation in NumPy.

The fields are those of vl_simplenn.m, vl_simplenn_tidy.m and DagNN's saveobj.m.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

from stresslib.extraction.googlenet import INCEPTIONS, GoogLeNet
from stresslib.extraction.vgg_m import VGGM

Array = NDArray[Any]

VGG_WIDTHS = (4, 6, 5, 7, 6, 9, 8, 10)
"""Of a small VGG-M."""

STEM = (4, 3, 6)
SMALL_INCEPTIONS = dict.fromkeys(INCEPTIONS, (2, 3, 4, 1, 2, 3))
"""Channels of a small GoogLeNet, each branch of another width; one of them 1, a dimension that MATLAB drops."""


def cell(values: list[Any]) -> Array:
    """Return a cell array of one row."""
    made = np.empty((1, len(values)), dtype=object)
    made[0] = [*values, None][:-1]
    return made


def struct_array(rows: list[dict[str, Any]]) -> Array:
    """Return a struct array of one row, all with the fields of the first."""
    made = np.empty((1, len(rows)), dtype=[(field, object) for field in rows[0]])
    for column, row in enumerate(rows):
        for field, value in row.items():
            made[0, column][field] = value
    return made


def draw(generator: np.random.Generator, *shape: int) -> Array:
    """Draw filters that keep the scale of what passes them: rows, columns, inputs, outputs."""
    return generator.normal(0, (2 / np.prod(shape[:3])) ** 0.5, shape).astype(np.float32)


def _meta(generator: np.random.Generator, classes: int) -> tuple[dict[str, Any], dict[str, Any]]:
    average = generator.uniform(90, 140, (224, 224, 3)).astype(np.float32)
    normalization = {
        "imageSize": np.array([[224.0, 224.0, 3.0]]),
        "averageImage": average,
        "interpolation": "bicubic",
        "keepAspect": True,
        "border": np.array([[32.0, 32.0]]),
    }
    names = [f"class {number}" for number in range(classes)]
    return normalization, {"name": cell(names), "description": cell(names)}


def simplenn_layers(widths: tuple[int, ...] = VGG_WIDTHS, layout: str = "beta18", seed: int = 0) -> list[dict[str, Any]]:
    """Return VGG-M's layers, as dicts of the fields that a file has."""
    generator = np.random.default_rng(seed)
    one, two, three, four, five, six, seven, classes = widths

    def conv(name: str, shape: tuple[int, ...], stride: float, pad: float) -> dict[str, Any]:
        # Small at the end, so that the probabilities are not all 0 and 1.
        filters = draw(generator, *shape) * np.float32(0.01 if name == "fc8" else 1)
        biases = generator.normal(0, 0.5, (1, shape[3])).astype(np.float32)
        held = {"weights": cell([filters, biases])} if layout == "beta18" else {"filters": filters, "biases": biases}
        return {"name": name, "type": "conv", **held, "pad": np.full((1, 4), pad), "stride": np.full((1, 2), stride)}

    def pool(name: str, end: float) -> dict[str, Any]:
        return {
            "name": name,
            "type": "pool",
            "method": "max",
            "pool": np.array([[3.0, 3.0]]),
            "pad": np.array([[0.0, end, 0.0, end]]),
            "stride": np.array([[2.0, 2.0]]),
        }

    def relu(number: int) -> dict[str, Any]:
        return {"name": f"relu{number}", "type": "relu"}

    def norm(number: int) -> dict[str, Any]:
        # beta17 renamed the type; the parameters are [N kappa alpha beta].
        kind = "lrn" if layout == "beta18" else "normalize"
        return {"name": f"norm{number}", "type": kind, "param": np.array([[5, 2, 1e-4, 0.75]])}

    return [
        *(conv("conv1", (7, 7, 3, one), 2, 0), relu(1), norm(1), pool("pool1", 0)),
        *(conv("conv2", (5, 5, one, two), 2, 1), relu(2), norm(2), pool("pool2", 1)),
        *(conv("conv3", (3, 3, two, three), 1, 1), relu(3)),
        *(conv("conv4", (3, 3, three, four), 1, 1), relu(4)),
        *(conv("conv5", (3, 3, four, five), 1, 1), relu(5), pool("pool5", 0)),
        *(conv("fc6", (6, 6, five, six), 1, 0), relu(6)),
        *(conv("fc7", (1, 1, six, seven), 1, 0), relu(7)),
        *(conv("fc8", (1, 1, seven, classes), 1, 0), {"name": "prob", "type": "softmax"}),
    ]


def write_simplenn(
    path: Path,
    layout: str = "beta18",
    width: tuple[int, ...] = VGG_WIDTHS,
    *,
    seed: int = 0,
    layers: list[dict[str, Any]] | None = None,
    **change: Any,
) -> dict[str, Any]:
    """Write a VGG-M in the layout of 1.0-beta16 or of 1.0-beta18; return its top-level variables.

    `layers` replaces the drawn ones, `change` fields of ``normalization``.
    """
    layers = simplenn_layers(width, layout, seed) if layers is None else layers
    normalization, classes = _meta(np.random.default_rng(seed + 1), width[-1])
    normalization |= change
    held = {"normalization": normalization, "classes": classes}
    net = {"layers": cell(layers), **({"meta": held} if layout == "beta18" else held)}
    savemat(path, net, oned_as="row", do_compression=True)
    return net


def small_vgg_m() -> VGGM:
    """Return a module that fits what :func:`write_simplenn` writes."""
    return VGGM(VGG_WIDTHS).eval()


class Dag:
    """A small GoogLeNet as a DagNN: layers, params, and the order of its variables."""

    def __init__(self, seed: int = 0) -> None:
        self.generator = np.random.default_rng(seed)
        self.layers: list[dict[str, Any]] = []
        self.params: list[dict[str, Any]] = []
        self.vars = ["data"]
        self._build()

    def add(self, name: str, kind: str, inputs: list[str], block: dict[str, Any], params: list[str] | None = None) -> str:
        """Add a layer whose output bears its name, but for a ReLU's, which is its input's and an x."""
        output = f"{inputs[0]}x" if kind == "ReLU" else name
        self.layers.append(
            {
                "name": name,
                "type": f"dagnn.{kind}",
                "inputs": cell(inputs),
                "outputs": cell([output]),
                "params": cell(params or []),
                "block": block,
            }
        )
        self.vars.append(output)
        return output

    def conv(self, name: str, source: str, shape: tuple[int, ...], stride: int = 1, relu: bool = True) -> str:
        params = [f"{name}_filter", f"{name}_bias"]
        scale = np.float32(0.01 if name == "cls3_fc" else 1)
        values = (scale * draw(self.generator, *shape), self.generator.normal(0, 0.5, (1, shape[3])).astype(np.float32))
        self.params += [{"name": param, "value": value} for param, value in zip(params, values, strict=True)]
        pad = shape[0] // 2 if shape[0] % 2 else 0
        block = {
            "size": np.array([shape], float),
            "hasBias": True,
            "pad": np.full((1, 4), float(pad)),
            "stride": np.full((1, 2), float(stride)),
            "opts": cell(["cuDNN"]),
        }
        made = self.add(name, "Conv", [source], block, params)
        return self.add(f"relu_{name}", "ReLU", [made], {"useShortCircuit": True, "leak": 0.0}) if relu else made

    def pool(self, name: str, source: str, size: int, stride: int, pad: tuple[int, ...], method: str = "max") -> str:
        block = {
            "method": method,
            "poolSize": np.full((1, 2), float(size)),
            "pad": np.array([pad], float),
            "stride": np.full((1, 2), float(stride)),
        }
        return self.add(name, "Pooling", [source], block)

    def norm(self, name: str, source: str) -> str:
        # Caffe's alpha of 1e-4 divided by the size, in single precision as the importer has it.
        return self.add(name, "LRN", [source], {"param": np.array([[5, 1, np.float32(2e-5), 0.75]])})

    def classifier(self, name: str, source: str, channels: int) -> None:
        """Add one of those that serve the training; nothing of them is read."""
        pooled = self.pool(f"{name}_pool", source, 5, 3, (0, 0, 0, 0), "avg")
        reduced = self.conv(f"{name}_reduction", pooled, (1, 1, channels, 2))
        made = self.conv(f"{name}_fc1", reduced, (4, 4, 2, 3))
        self.conv(f"{name}_fc2", made, (1, 1, 3, 10), relu=False)

    def _build(self) -> None:
        half, same = (0, 1, 0, 1), (1, 1, 1, 1)
        made = self.pool("pool1", self.conv("conv1", "data", (7, 7, 3, STEM[0]), 2), 3, 2, half)
        made = self.conv("reduction2", self.norm("norm1", made), (1, 1, STEM[0], STEM[1]))
        made = self.norm("norm2", self.conv("conv2", made, (3, 3, STEM[1], STEM[2])))
        made, channels = self.pool("pool2", made, 3, 2, half), STEM[2]
        for number, name in enumerate(INCEPTIONS, 1):
            b1, b3r, b3, b5r, b5, pp = SMALL_INCEPTIONS[name]
            icp = f"icp{number}"
            if number in (3, 8):
                made = self.pool(f"{icp}_in", made, 3, 2, half)
            three = self.conv(f"{icp}_out1", self.conv(f"{icp}_reduction1", made, (1, 1, channels, b3r)), (3, 3, b3r, b3))
            five = self.conv(f"{icp}_out2", self.conv(f"{icp}_reduction2", made, (1, 1, channels, b5r)), (5, 5, b5r, b5))
            pooled = self.conv(f"{icp}_out3", self.pool(f"{icp}_pool", made, 3, 1, same), (1, 1, channels, pp))
            one = self.conv(f"{icp}_out0", made, (1, 1, channels, b1))
            made = self.add(
                "icp2_in" if number == 1 else f"{icp}_out",
                "Concat",
                [one, three, five, pooled],
                {"dim": 3.0, "numInputs": 4.0},
            )
            channels = b1 + b3 + b5 + pp
            if number in (3, 6):
                self.classifier(f"cls{number // 3}", made, channels)
        made = self.pool("cls3_pool", made, 7, 1, (0, 0, 0, 0), "avg")
        self.add("softmax", "SoftMax", [self.conv("cls3_fc", made, (1, 1, channels, 10), relu=False)], {})

    def layer(self, name: str) -> dict[str, Any]:
        return next(layer for layer in self.layers if layer["name"] == name)

    def values(self) -> dict[str, Array]:
        return {param["name"]: param["value"] for param in self.params}


def write_dag(path: Path, dag: Dag | None = None, **change: Any) -> dict[str, Any]:
    """Write a GoogLeNet as a DagNN; return its top-level variables. `change` replaces fields of ``normalization``."""
    dag = dag or Dag()
    normalization, classes = _meta(np.random.default_rng(1), 10)
    net = {
        "vars": struct_array([{"name": name, "precious": False} for name in dag.vars]),
        "params": struct_array([{**param, "learningRate": 1.0, "weightDecay": 1.0} for param in dag.params]),
        "layers": struct_array(dag.layers),
        "meta": {"normalization": normalization | change, "classes": classes},
        "conserveMemory": True,
    }
    savemat(path, net, oned_as="row", do_compression=True)
    return net


# --- MatConvNet's operations, slow and plain: maps are rows x columns x channels, in double precision -------------------


def convolve(x: Array, filters: Array, biases: Array, stride: int, pad: int) -> Array:
    """Return y(i, j, d) = b(d) + the sum of filters(:, :, :, d) times the window at (i, j): vl_nnconv."""
    rows, columns, inputs, outputs = (*filters.shape, 1, 1)[:4]
    x = np.pad(x.astype(float), ((pad, pad), (pad, pad), (0, 0)))
    filters = filters.reshape(rows, columns, inputs, outputs).astype(float)
    height, width = ((size - kernel) // stride + 1 for size, kernel in zip(x.shape, (rows, columns), strict=False))
    made = np.zeros((height, width, outputs)) + np.ravel(biases)
    for row in range(rows):
        for column in range(columns):
            part = x[row : row + stride * (height - 1) + 1 : stride, column : column + stride * (width - 1) + 1 : stride]
            made += part @ filters[row, column]
    return made


def pool(x: Array, size: int, stride: int, pad: tuple[int, ...], reduce: Any = np.max) -> Array:
    """Reduce windows, of which only what lies in the map counts: vl_nnpool. Padding is top, bottom, left, right."""
    height, width = (
        (n + before + after - size) // stride + 1 for n, before, after in zip(x.shape, pad[::2], pad[1::2], strict=False)
    )
    made = np.empty((height, width, x.shape[2]))
    for row in range(height):
        for column in range(width):
            top, left = row * stride - pad[0], column * stride - pad[2]
            made[row, column] = reduce(x[max(top, 0) : top + size, max(left, 0) : left + size], axis=(0, 1))
    return made


def normalize(x: Array, size: int, kappa: float, alpha: float, beta: float) -> Array:
    """Divide by (kappa + alpha times the sum of squares over neighbouring channels) ^ beta: vl_nnnormalize."""
    made = np.empty_like(x)
    for channel in range(x.shape[2]):
        near = x[:, :, max(0, channel - (size - 1) // 2) : channel + (size - 1) // 2 + 1]
        made[:, :, channel] = x[:, :, channel] / (kappa + alpha * (near**2).sum(axis=2)) ** beta
    return made


def softmax(x: Array) -> Array:
    """Return exp(x) over its sum along the channels: vl_nnsoftmax."""
    made = np.exp(x - x.max())
    return made / made.sum()


def run_simplenn(net: dict[str, Any], image: Array) -> dict[str, Array]:
    """Compute every layer of a SimpleNN on an RGB image (rows x columns x channels), after its average is subtracted."""
    meta = net.get("meta", net)
    x = image - meta["normalization"]["averageImage"]
    outputs = {}
    for layer in net["layers"][0]:
        if layer["type"] == "conv":
            filters, biases = layer["weights"][0] if "weights" in layer else (layer["filters"], layer["biases"])
            x = convolve(x, filters, biases, int(layer["stride"][0, 0]), int(layer["pad"][0, 0]))
        elif layer["type"] == "pool":
            x = pool(x, 3, 2, tuple(layer["pad"][0].astype(int)))
        elif layer["type"] in ("normalize", "lrn"):
            x = normalize(x, int(layer["param"][0, 0]), *layer["param"][0, 1:])
        else:
            x = {"relu": lambda x: np.maximum(x, 0), "softmax": softmax}[layer["type"]](x)
        outputs[layer["name"]] = x
    return outputs


def run_dag(dag: Dag, average: Array, image: Array) -> dict[str, Array]:
    """Compute every variable of a DagNN on an RGB image, after the average is subtracted."""
    variables, values = {"data": image - average}, dag.values()
    for layer in dag.layers:
        inputs, block = [variables[name] for name in layer["inputs"][0]], layer["block"]
        x = inputs[0]
        if layer["type"] == "dagnn.Conv":
            filters, biases = (values[name] for name in layer["params"][0])
            x = convolve(x, filters, biases, int(block["stride"][0, 0]), int(block["pad"][0, 0]))
        elif layer["type"] == "dagnn.Pooling":
            reduce = {"max": np.max, "avg": np.mean}[block["method"]]
            x = pool(x, int(block["poolSize"][0, 0]), int(block["stride"][0, 0]), tuple(block["pad"][0].astype(int)), reduce)
        elif layer["type"] == "dagnn.LRN":
            x = normalize(x, int(block["param"][0, 0]), *block["param"][0, 1:])
        elif layer["type"] == "dagnn.Concat":
            x = np.concatenate(inputs, axis=2)
        else:
            x = {"dagnn.ReLU": lambda x: np.maximum(x, 0), "dagnn.SoftMax": softmax}[layer["type"]](x)
        variables[layer["outputs"][0, 0]] = x
    return variables


def small_googlenet() -> GoogLeNet:
    return GoogLeNet(average=True, stem=STEM, inceptions=SMALL_INCEPTIONS, classes=10).eval()
