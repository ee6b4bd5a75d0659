"""MatConvNet's files: what its formats and operations are by its documentation, computed apart, is what the modules give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matconvnet_files import (
    VGG_WIDTHS,
    Array,
    Dag,
    cell,
    run_dag,
    run_simplenn,
    simplenn_layers,
    small_googlenet,
    small_vgg_m,
    write_dag,
    write_simplenn,
)
from PIL import Image
from scipy.io import savemat
from torch import nn

from stresslib.extraction.graph import cut
from stresslib.extraction.matconvnet import read_dag, read_simplenn
from stresslib.extraction.registry import NETWORKS
from stresslib.extraction.vgg_m import VGGM

IMAGE = np.random.default_rng(5).integers(0, 256, (224, 224, 3)).astype(np.float32)


def ours(module: nn.Module, node: str) -> Array:
    batch = torch.from_numpy(IMAGE.transpose(2, 0, 1).copy())[None]
    with torch.inference_mode():
        return np.asarray(cut(module, node)(batch)[0].numpy())


def assert_close(made: Array, theirs: Array) -> None:
    """Maps are channels first here, and channels last there."""
    theirs = theirs.transpose(2, 0, 1) if made.ndim == 3 else theirs.ravel()
    assert made.shape == theirs.shape
    assert theirs.std() > 0
    assert np.abs(made - theirs).max() < 1e-5 * np.abs(theirs).max()


# --- VGG-M ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["beta16", "beta18"])
def test_vgg_m_computes_what_matconvnet_does(tmp_path: Path, layout: str) -> None:
    """Every layer, from a file in either layout, on an image whose average is subtracted."""
    net = write_simplenn(tmp_path / "small.mat", layout)
    module = small_vgg_m()
    module.load_state_dict(read_simplenn(tmp_path / "small.mat", module))
    theirs = run_simplenn(net, IMAGE)
    assert list(theirs) == [name for name, _ in module.named_children()]
    for name, output in theirs.items():
        assert_close(ours(module, name), output)
    assert theirs["pool5"].shape == (6, 6, VGG_WIDTHS[4])
    assert theirs["prob"].max() < 0.99, "the probabilities tell something"


def test_normalisation_matters_and_alpha_is_not_divided(tmp_path: Path) -> None:
    """With alpha divided by the size, as torch does, the comparison above would fail."""
    net = write_simplenn(tmp_path / "small.mat")
    module = small_vgg_m()
    module.load_state_dict(read_simplenn(tmp_path / "small.mat", module))
    module.norm1 = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0)
    theirs = run_simplenn(net, IMAGE)["norm1"].transpose(2, 0, 1)
    assert np.abs(ours(module, "norm1") - theirs).max() > 0.01 * theirs.max()


def test_average_of_three_values_fills_the_image(tmp_path: Path) -> None:
    colour = np.array([1.0, 2.0, 3.0], dtype=np.float32)
    write_simplenn(tmp_path / "small.mat", averageImage=colour.reshape(1, 1, 3))
    average = read_simplenn(tmp_path / "small.mat", small_vgg_m())["average"]
    assert average.shape == (3, 224, 224)
    assert torch.equal(average, torch.from_numpy(colour)[:, None, None].expand(3, 224, 224))


def test_network_under_one_variable(tmp_path: Path) -> None:
    net = write_simplenn(tmp_path / "small.mat")
    savemat(tmp_path / "net.mat", {"net": net}, oned_as="row")
    expected, made = (read_simplenn(tmp_path / name, small_vgg_m()) for name in ("small.mat", "net.mat"))
    assert expected.keys() == made.keys() and all(torch.equal(expected[key], made[key]) for key in made)


def test_dropout_and_idle_padding_change_nothing(tmp_path: Path) -> None:
    """One importer pads every pooling at its end, also where no window begins there; files for training have dropout."""
    layers = simplenn_layers()
    layers[3]["pad"] = np.array([[0.0, 1.0, 0.0, 1.0]])
    layers.insert(17, {"name": "drop6", "type": "dropout", "rate": 0.5})
    write_simplenn(tmp_path / "small.mat")
    write_simplenn(tmp_path / "other.mat", layers=layers)
    expected, made = (read_simplenn(tmp_path / name, small_vgg_m()) for name in ("small.mat", "other.mat"))
    assert all(torch.equal(expected[key], made[key]) for key in expected)


def change(place: int, **fields: Any) -> Callable[[list[dict[str, Any]]], None]:
    return lambda layers: layers[place].update(fields)


def reshape(place: int, *shape: int) -> Callable[[list[dict[str, Any]]], None]:
    zeros = np.zeros(shape, dtype=np.float32)
    return change(place, weights=cell([zeros, np.zeros((1, shape[-1]), dtype=np.float32)]))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (change(0, stride=np.array([[1.0, 1.0]])), r"layer 1, conv1, is .*stride \(1, 1\).*conv1 is .*stride \(2, 2\)"),
        (change(4, pad=2.0), r"layer 5, conv2, is .*pad \(2, 2, 2, 2\).*pad \(1, 1, 1, 1\)"),
        (change(4, dilate=2.0), "layer 5, conv2, is .*dilated"),
        (change(2, param=np.array([[5, 1, 2e-5, 0.75]])), r"layer 3, norm1, is .*\[5 1 2e-05 0.75\].*\[5 2 0.0001 0.75\]"),
        (change(7, pad=0.0), "layer 8, pool2, is .*to 12 x 12.*to 13 x 13"),
        (change(7, method="avg"), "layer 8, pool2, is avg pooling"),
        (change(1, leak=0.1), "layer 2, relu1, is ReLU with a leak of 0.1"),
        (change(1, type="sigmoid"), "layer 2, relu1, is sigmoid; relu1 is ReLU"),
        (reshape(0, 11, 11, 3, 4), "layer 1, conv1, is convolution of 11 x 11.*7 x 7"),
        (reshape(8, 3, 3, 6, 5, 2), "layer 9, conv3, is convolution of 540 x 1"),
        (reshape(8, 3, 3, 6, 6), "layer 9, conv3, is .* 6 to 6 channels; conv3 is .* 6 to 5"),
        (reshape(15, 6, 6, 5, 9), "layer 16, fc6, is .* 5 to 9 channels; fc6 is .* 6 to 9"),
        (change(8, weights=cell([simplenn_layers()[8]["weights"][0, 0]])), "conv3 has 0 biases"),
        (change(8, weights="weights"), "layer 9, conv3"),
        (change(4, stride=np.array([[1.0, 2.0, 3.0]])), "stride .*neither one number nor 2"),
        (lambda layers: layers.pop(), "ends after 20 layers; prob is missing"),
        (lambda layers: layers.pop(2), "layer 3, pool1, is max pooling.*norm1 is local"),
        (lambda layers: layers.append({"name": "loss", "type": "softmaxloss"}), "has 22 layers, 21 are expected"),
    ],
)
def test_other_geometry_is_refused_by_name(
    tmp_path: Path, spoil: Callable[[list[dict[str, Any]]], Any], message: str
) -> None:
    layers = simplenn_layers()
    spoil(layers)
    write_simplenn(tmp_path / "other.mat", layers=layers)
    with pytest.raises(ValueError, match=rf"other\.mat.*{message}"):
        read_simplenn(tmp_path / "other.mat", small_vgg_m())


def test_other_average_or_classes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.mat"
    for average in (np.zeros((227, 227, 3)), np.zeros((0, 0)), "none"):
        write_simplenn(path, averageImage=average)
        with pytest.raises(ValueError, match=r"other\.mat: its average image is of shape"):
            read_simplenn(path, small_vgg_m())
    net = write_simplenn(path)
    net["meta"]["classes"] = {"description": cell(["cat", "dog"])}
    savemat(path, net, oned_as="row")
    with pytest.raises(ValueError, match=r"other\.mat describes 2 classes, not 10"):
        read_simplenn(path, small_vgg_m())


# --- GoogLeNet -----------------------------------------------------------------------------------------------------------


def test_googlenet_computes_what_matconvnet_does(tmp_path: Path) -> None:
    dag = Dag()
    net = write_dag(tmp_path / "small.mat", dag)
    module = small_googlenet()
    module.load_state_dict(read_dag(tmp_path / "small.mat", module))
    theirs = run_dag(dag, net["meta"]["normalization"]["averageImage"], IMAGE)
    layers = NETWORKS["googlenet"].layers
    nodes = {"norm": "norm1", "norm_1": "norm2", "i3a.relu_2": "icp2_in", "i4e.relu_2": "icp7_out"}
    aliases = {"icp9_out": "icp9_out", "pooled": "cls3_pool", "logits": "cls3_fc", "prob": "softmax"}
    for node, variable in {**nodes, **{layers[alias]: name for alias, name in aliases.items()}}.items():
        assert_close(ours(module, node), theirs[variable])
    assert theirs["icp9_out"].shape == (7, 7, 11)


def test_variable_151_is_the_last_map() -> None:
    """The paper's code takes the 151st variable: with data first and the classifiers for training, that is icp9_out."""
    assert Dag().vars.index("icp9_out") + 1 == 151


def spoiled(name: str, **block: Any) -> Callable[[Dag], None]:
    return lambda dag: dag.layer(name)["block"].update(block)


def fed(name: str, *inputs: str) -> Callable[[Dag], None]:
    return lambda dag: dag.layer(name).update(inputs=cell([*inputs]))


def replace_value(name: str, value: Array) -> Callable[[Dag], None]:
    return lambda dag: next(param for param in dag.params if param["name"] == name).update(value=value)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoiled("conv1", stride=np.array([[1.0, 1.0]])), r"conv1 is .*stride \(1, 1\).*should be .*stride \(2, 2\)"),
        (spoiled("icp4_out2", pad=np.array([[1.0, 1.0, 1.0, 1.0]])), r"icp4_out2 is .*pad \(1, 1, 1, 1\).*\(2, 2, 2, 2\)"),
        (spoiled("norm2", param=np.array([[5, 2, 1e-4, 0.75]])), r"before icp1_.* come .*\[5 2 0.0001 0.75\].*\[5 1 2e-05"),
        (spoiled("pool1", pad=np.zeros((1, 4))), "before reduction2 come .*to 55 x 55.*to 56 x 56"),
        (spoiled("icp5_pool", method="avg"), "before icp5_out3 come avg pooling"),
        (spoiled("cls3_pool", poolSize=np.array([[5.0, 5.0]])), "before cls3_fc come avg pooling of 5 x 5"),
        (fed("icp5_reduction1", "icp3_out"), "before icp5_reduction1 come concatenation, icp3_out0"),
        (fed("icp6_out", "icp6_out1x", "icp6_out0x", "icp6_out2x", "icp6_out3x"), "icp7_.* icp6_out1, icp6_out0"),
        (
            fed("icp6_out", "icp6_out0", "icp6_out1x", "icp6_out2x", "icp6_out3x"),
            "icp6_out0, which is not a rectified",
        ),
        (fed("relu_conv1", "conv1x"), "has a cycle"),
        (fed("pool1", "norm1"), "has a cycle"),
        (lambda dag: dag.layer("relu_conv1").update(type="dagnn.DropOut", inputs=cell(["conv1x"])), "has a cycle"),
        (fed("conv1", "cls3_fc"), "has a cycle|before conv1 come"),
        (lambda dag: dag.layers.remove(dag.layer("icp9_out3")), "has no layer icp9_out3"),
        (replace_value("icp2_out0_filter", np.zeros((1, 1, 11, 5), np.float32)), "icp2_out0 is .*11 to 5 channels.*11 to 2"),
        (replace_value("icp2_out0_bias", np.zeros((1, 5), np.float32)), r"i3b.b1 has 5 biases \(float32\) and 2 filters"),
        (lambda dag: dag.params.pop(0), "conv1 is convolution"),
    ],
)
def test_other_graphs_are_refused_by_name(tmp_path: Path, spoil: Callable[[Dag], None], message: str) -> None:
    dag = Dag()
    spoil(dag)
    write_dag(tmp_path / "other.mat", dag)
    with pytest.raises(ValueError, match=rf"other\.mat.*({message})"):
        read_dag(tmp_path / "other.mat", small_googlenet())


# --- files that are none -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("read", "module"), [(read_simplenn, small_vgg_m), (read_dag, small_googlenet)])
def test_files_that_are_not_a_network_are_named(
    tmp_path: Path, read: Callable[[Path, Any], Any], module: Callable[[], nn.Module]
) -> None:
    path = tmp_path / "wrong.mat"

    def refused(message: str) -> None:
        with pytest.raises(ValueError, match=rf"wrong\.mat.*{message}"):
            read(path, module())

    savemat(path, {"x": np.eye(3)})
    refused("has no layers")
    savemat(path, {"layers": np.eye(3)})
    refused("has no layers")
    Image.new("RGB", (40, 30), "red").save(path, "PNG")
    refused("damaged, or not a MATLAB file")
    path.write_bytes(b"<html>404</html>")
    refused("damaged, or not a MATLAB file")
    path.write_bytes(b"")
    refused("damaged, or not a MATLAB file")
    # The header of a MATLAB 7.3 file, which is HDF5 behind it.
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + bytes([0, 2]) + b"IM" + b"\x89HDF\r\n\x1a\n" + bytes(500))
    refused("MATLAB 7.3 file.*-v7")
    (write_simplenn if read is read_simplenn else write_dag)(path)
    whole = path.read_bytes()
    for share in (0.3, 0.9, 0.999):
        path.write_bytes(whole[: int(share * len(whole))])
        refused("")


def test_the_other_kind_of_file_is_refused(tmp_path: Path) -> None:
    write_simplenn(tmp_path / "vgg.mat")
    write_dag(tmp_path / "googlenet.mat")
    with pytest.raises(ValueError, match=r"vgg\.mat has no params: it is not a DagNN file"):
        read_dag(tmp_path / "vgg.mat", small_googlenet())
    with pytest.raises(ValueError, match=r"googlenet\.mat: layer 1, conv1, is dagnn\.Conv"):
        read_simplenn(tmp_path / "googlenet.mat", small_vgg_m())


def test_small_file_is_refused_for_the_whole_network(tmp_path: Path) -> None:
    write_simplenn(tmp_path / "small.mat")
    with torch.device("meta"):
        whole = VGGM()
    with pytest.raises(ValueError, match=r"small\.mat: layer 1, conv1, is .* 3 to 4 channels; conv1 is .* 3 to 96"):
        read_simplenn(tmp_path / "small.mat", whole)
