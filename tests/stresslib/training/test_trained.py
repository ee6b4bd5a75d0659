"""Trained networks: addresses, files, recipes, the command, and bad input."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from killed import Forked, ForkServer
from safetensors import safe_open

from stresslib.cli.main import main
from stresslib.stress.on_images import recombine
from stresslib.training import artefacts
from stresslib.training import data as training_data
from stresslib.training import trained as trained_module
from stresslib.training.artefacts import Address, list_trained
from stresslib.training.data import load_arrays
from stresslib.training.fit import predict
from stresslib.training.recipes import RECIPES
from stresslib.training.trained import describe_trained, load_trained, train

NAME = "digits:20/resnet8:4/apr-sp/3"


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two epochs, and no shipped networks."""
    monkeypatch.setattr(artefacts, "SHIPPED", tmp_path / "shipped")
    digits = training_data.LOADERS["digits"]
    monkeypatch.setitem(training_data.LOADERS, "digits", lambda folder: replace(digits(folder), epochs=2))


def test_a_trained_network_is_found_by_its_name() -> None:
    path = train(NAME, precision="float32", progress=False)
    assert path.name == "digits-20--resnet8-4--apr-sp--3.safetensors"
    assert list_trained() == [(NAME, path)]
    assert [file.name for file in path.parent.iterdir()] == [path.name], "what was unfinished is removed"
    provenance = describe_trained(NAME)["provenance"]
    digits = load_arrays("digits")
    module = load_trained(NAME)
    assert (predict(module, digits.test_images).argmax(1) == digits.test_labels).mean() == provenance["test_accuracy"]
    assert predict(module.features, digits.test_images[:2]).shape == (2, 16)
    assert len(provenance["code"]) == 64 and provenance["precision"] == "float32"


def test_the_same_name_gives_the_same_bytes_and_is_not_trained_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    path = train(NAME, precision="float32", progress=False)
    first = path.read_bytes()
    path.unlink()
    assert train(NAME, precision="float32", progress=False).read_bytes() == first
    monkeypatch.setattr(trained_module, "fit", None)
    assert train(NAME, progress=False) == path


def test_a_stop_is_gone_on_from(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = train(NAME, precision="float32", progress=False).read_bytes()
    Address.parse(NAME).kept.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(trained_module, "predict", None)  # after the last epoch
        with pytest.raises(TypeError):
            train(NAME, precision="float32", progress=False)
    assert list_trained() == []
    assert train(NAME, precision="float32", progress=False).read_bytes() == expected


# The command, on fewer epochs than digits have by themselves.
COMMAND = """
import sys
from dataclasses import replace
from stresslib.cli.main import main
from stresslib.training import data
digits = data.LOADERS["digits"]
data.LOADERS["digits"] = lambda folder: replace(digits(folder), epochs=6, shown=0)
sys.exit(main(["train", sys.argv[1], "--precision", "float32"]))
"""


@pytest.mark.slow
def test_a_killed_command_goes_on_from_its_unfinished_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fork_server: ForkServer
) -> None:
    name = "digits:200/resnet8:4/apr-sp/0"

    def start(cache: str) -> tuple[Forked, Path]:
        monkeypatch.setenv("STRESSLIB_CACHE", str(tmp_path / cache))
        return Forked(fork_server, COMMAND, name, folder=tmp_path), Address.parse(name).kept

    run, whole = start("whole")
    assert run.wait() == 0, run.errors
    for enough in (1, 3):
        run, kept = start("killed")
        unfinished = kept.with_suffix(".unfinished")
        ended = run.kill_when(lambda enough=enough, path=unfinished: epochs_done(path) >= enough)  # type: ignore[misc]
        assert ended == signal.SIGKILL and not kept.exists()
        assert enough <= epochs_done(unfinished) < 6
    assert list_trained() == [], "what is unfinished is no trained network"
    run, kept = start("killed")
    assert run.wait() == 0, run.errors
    assert kept.read_bytes() == whole.read_bytes()
    assert [path.name for path in kept.parent.iterdir() if not path.name.startswith(".")] == [kept.name]


def epochs_done(path: Path) -> int:
    """Return how many epochs a checkpoint holds, by its header."""
    if not path.exists():
        return 0
    with safe_open(path, "np") as file:
        return len(json.loads(file.metadata()["description"])["history"])


def test_the_command_trains_and_the_list_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "digits:20/lenet5/plain/0", "--precision", "float32"]) == 0
    assert "% of the test images, trained in float32" in capsys.readouterr().out
    assert main(["list"]) == 0
    assert "networks trained here:\n  digits:20/lenet5/plain/0  (" in capsys.readouterr().out


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_show_each_image_as_often_as_they_say(name: str) -> None:
    torch.manual_seed(0)
    recipe = RECIPES[name]
    images, labels = torch.rand(6, 3, 32, 32), torch.arange(6)
    shown, given = recipe.batch_hook(load_arrays("digits"))(images, labels)
    assert len(shown) == 6 * recipe.views and given.tolist() == list(range(6)) * recipe.views


def test_apr_p_mixes_the_second_copy_of_what_is_shown_first() -> None:
    hook = replace(RECIPES["apr-p"], pairs=recombine_with_the_next).batch_hook(load_arrays("digits"))
    shown, _ = hook(torch.rand(4, 1, 16, 16), torch.arange(4))
    assert torch.allclose(shown[4:], recombine(shown[:4].roll(1, 0), shown[:4]))
    twice, _ = RECIPES["twice"].batch_hook(load_arrays("digits"))(torch.rand(4, 1, 16, 16), torch.arange(4))
    assert torch.equal(twice[:4], twice[4:])


def recombine_with_the_next(images: torch.Tensor) -> torch.Tensor:
    return recombine(images.roll(1, 0), images)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digits", "is not DATA/ARCHITECTURE/RECIPE/SEED, such as digits/lenet5/plain/0"),
        ("digits/lenet5/plain/-1", "is not DATA"),
        ("digits/lenet5/plain/01", "is not DATA"),
        ("digits/lenet/plain/0", "no architecture 'lenet'; the nearest is 'lenet5'"),
        ("digits/lenet5/apr/0", "no recipe 'apr'; the nearest is 'apr-"),
        ("letters/lenet5/plain/0", "no data set 'letters'"),
    ],
)
def test_a_name_that_is_none_is_one_line(name: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", name]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_what_is_missing_or_damaged_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=f"make it with 'stresslib train {NAME}'"):
        load_trained(NAME)
    path = train("digits:20/lenet5/plain/0", precision="float32", progress=False)
    kept = Address.parse(NAME).kept
    kept.write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match="does not hold the weights of digits:20/resnet8:4/apr-sp/3"):
        load_trained(NAME)
    kept.write_bytes(b"")
    with pytest.raises(ValueError, match="is damaged"):
        load_trained(NAME)


@pytest.mark.parametrize(
    "name", ["cifar10:1000/resnet8:16/apr-p/1", "mnist/anchored-vgg-mixed:32/plain/0", "digits/anchored-resnet18/plain/2"]
)
def test_names_are_listed_without_torch(name: str) -> None:
    Address.parse(name).kept.parent.mkdir(parents=True)
    Address.parse(name).kept.touch()
    assert [one for one, _ in list_trained()] == [name]
