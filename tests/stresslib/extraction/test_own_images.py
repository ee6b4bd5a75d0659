"""A user's own folder through the whole of extraction: names that are taken, what is left out, what is there already."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import stresslib as sl
from stresslib.cli.main import main
from stresslib.extraction.network import Network
from stresslib.extraction.registry import NETWORKS
from stresslib.features import embedded_path, features_path
from stresslib.images.preprocessing import Preprocessing


@pytest.fixture(autouse=True)
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network "toy" of one convolution: what follows is about files."""

    def architecture() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 6, 5, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    torch.manual_seed(0)
    weights = tmp_path / "toy.pt"
    torch.save(architecture().state_dict(), weights)
    prepare = Preprocessing(32, 36, Image.Resampling.BICUBIC, (127.0,) * 3, (128.0,) * 3)
    network = Network("toy", architecture, lambda: weights, {"pooled": "3"}, prepare, "for tests")
    monkeypatch.setitem(NETWORKS, "toy", network)


def pictures(root: Path, *classes: str, seed: int = 0, count: int = 4) -> Path:
    random = np.random.default_rng(seed)
    for label in classes or ("cat", "dog"):
        for number in range(count):
            (root / label).mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 256, (24, 24, 3), dtype=np.uint8)).save(root / label / f"{number}.png")
    return root


def extract(*arguments: object) -> int:
    return main(["extract", *map(str, arguments), "--model", "toy", "--precision", "float32"])


def test_the_last_line_says_what_was_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = pictures(tmp_path / "pets")
    for name in ("cat/1.heic", "cat/2.heic", "dog/.DS_Store"):
        (root / name).write_bytes(b"x")
    output = tmp_path / "out.safetensors"
    assert extract(root, "-o", output) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"{output}: 8 x 6, 2 classes (cat, dog), 4 training and 4 test rows, accuracy; split: drawn, half of each class "
        "train, seed 0; left out: 3 files (.heic 2, hidden 1)"
    )
    assert extract(root, "-o", output, "--again", "--quiet") == 0
    assert capsys.readouterr().out == ""
    provenance = sl.load_features(output).provenance
    assert provenance["left_out"] == {".heic": 2, "hidden": 1} and "half" in provenance["split"]
    assert str(tmp_path) not in str(provenance)


def test_levels_of_the_set_are_said_and_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, deep = tmp_path / "plain", tmp_path / "deep"
    grey = np.random.default_rng(0).integers(0, 256, (8, 24, 24), dtype=np.uint8)
    grey[:, 0, 0] = 255
    for number, levels in enumerate(grey):
        for root, values in ((plain, levels), (deep, (levels / 255).astype(np.float32))):
            (root / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(root / "ab"[number % 2] / f"{number}.tif")
    for root in (plain, deep):
        assert extract(root, "-o", tmp_path / f"{root.name}.safetensors") == 0
    first, second = [line for line in capsys.readouterr().out.splitlines() if ".safetensors: " in line]
    assert "; levels" not in first and "; levels: floating-point, white at 1" in second
    one, other = (sl.load_features(tmp_path / f"{name}.safetensors").X for name in ("plain", "deep"))
    assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "message"), [("", "is a folder; give a file, such as .*/pets.safetensors"), ("file/x", "cannot write .*file/x")]
)
def test_an_output_that_cannot_be_written_is_refused_at_once(
    tmp_path: Path, name: str, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    root = pictures(tmp_path / "pets")
    monkeypatch.setattr("stresslib.extraction.job.Extractor", None)  # not even the network is loaded
    with pytest.raises(OSError, match=message):
        sl.extract(sl.load_images(root), "toy", output=f"{tmp_path}/{name}")
    assert not list(tmp_path.rglob("*.shards"))


def test_the_name_of_shipped_features_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would be found instead, without a word."""
    assert embedded_path("digits", "efficientnet-lite0", "pooled").is_file()
    images = sl.load_images(pictures(tmp_path / "digits"))
    with pytest.raises(ValueError, match=r"is shipped with stresslib.*-o digits--efficientnet-lite0--pooled\.safetensors"):
        sl.extract(images, "efficientnet-lite0")


def test_two_folders_of_one_name_do_not_overwrite_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (pictures(tmp_path / place / "pics", seed=seed) for seed, place in enumerate("AB"))
    path = features_path("pics", "toy", "pooled")
    assert extract(first) == 0
    before = path.read_bytes()
    assert extract(second) == 1
    assert "pics/toy/pooled is in the cache, from other images; keep both with -o" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert extract(first, "--preprocessing", "native") == 1
    assert "from another preprocessing" in capsys.readouterr().err
    Image.new("RGB", (24, 24)).save(first / "cat" / "more.png")
    monkeypatch.chdir(first.parent)
    assert extract("pics") == 0, "the same folder, by another path and with one more image, is replaced"
    assert len(sl.load_features(path).X) == 9
    assert extract(second, "--again") == 0 and len(sl.load_features(path).X) == 8


def test_what_is_there_already_is_not_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, output = pictures(tmp_path / "pets"), tmp_path / "out.safetensors"
    assert extract(root, "-o", output) == 0
    written = output.stat().st_mtime_ns
    capsys.readouterr()
    assert extract(root, "-o", output) == 0
    assert output.stat().st_mtime_ns == written
    said = capsys.readouterr()
    assert "nothing to do" in said.out + said.err and "8 x 6" in said.out
    for change in (["--again"], ["--preprocessing", "native"], []):
        before = output.stat().st_mtime_ns
        assert extract(root, "-o", output, *change) == 0
        assert output.stat().st_mtime_ns > before
    before = output.stat().st_mtime_ns
    os.utime(root / "cat" / "1.png")
    assert extract(root, "-o", output) == 0 and output.stat().st_mtime_ns == before, "the same bytes"
    (root / "cat" / "1.png").write_bytes((root / "cat" / "2.png").read_bytes())
    assert extract(root, "-o", output) == 0 and output.stat().st_mtime_ns > before


def test_a_class_that_skipping_empties_is_left_out_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = pictures(tmp_path / "birds", "auk", "emu", "owl")
    images = sl.load_images(root)
    lost = [name for name, train in zip(images.files, images.train, strict=True) if name.startswith("emu") and not train]
    for name in lost:
        (root / name).write_bytes(b"no image")
    output = tmp_path / "out.safetensors"
    assert extract(root, "--on-error", "skip", "-o", output) == 0
    assert capsys.readouterr().out.endswith(
        "left out: 2 files that could not be read; left out: class emu (no test image)\n"
    )
    features = sl.load_features(output, normalize=False)
    assert features.classes == ("auk", "owl") and len(features.X) == 8
    assert [features.classes[number] for number in features.y] == [name.split("/")[0] for name in features.files]
    expected = sl.Extractor("toy", precision="float32")([root / name for name in features.files])
    np.testing.assert_allclose(features.X, expected, rtol=1e-5, atol=1e-6)


def test_too_few_classes_after_skipping_name_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = pictures(tmp_path / "pets")
    for number in range(4):
        (root / "cat" / f"{number}.png").write_bytes(b"no image")
    assert extract(root, "--on-error", "skip", "-o", tmp_path / "out.safetensors") == 1
    assert "cat: no training image), without those skipped: " in capsys.readouterr().err


def test_shards_of_a_stopped_extraction_are_listed_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = pictures(tmp_path / "pets")
    (root / "cat" / "0.png").write_bytes(b"no image")
    output = tmp_path / "elsewhere" / "out.safetensors"
    assert extract(root, "-o", output) == 1
    (folder,) = output.parent.glob("*.shards")
    capsys.readouterr()
    assert main(["cache"]) == 0
    assert f"{folder.name}: 0 shards of an extraction that did not end, in {output.parent}" in capsys.readouterr().out
    assert main(["cache", "--shards"]) == 0
    assert capsys.readouterr().out == f"removed: {folder}\n" and not folder.exists()
    assert main(["cache"]) == 0 and "did not end" not in capsys.readouterr().out
    assert extract(root, "-o", output, "--on-error", "skip") == 0
    assert not list(tmp_path.rglob("*.shards"))


def test_list_tells_own_features_from_shipped_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert extract(pictures(tmp_path / "pets")) == 0
    older = features_path("digits", "efficientnet-lite0", "pooled")
    older.write_bytes(features_path("pets", "toy", "pooled").read_bytes())
    capsys.readouterr()
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    assert f"pets/toy/pooled  (yours, {features_path('pets', 'toy', 'pooled')})" in said
    assert "digits/efficientnet-lite0/pooled  (shipped)" in said
    assert (
        f"not found by its name, which is that of shipped features: digits/efficientnet-lite0/pooled  (yours, {older})"
        in said
    )
