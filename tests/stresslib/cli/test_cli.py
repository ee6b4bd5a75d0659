"""The command line: what it prints, what it writes, and one line for what goes wrong."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path

import click
import numpy as np
import pytest

import stresslib as sl
from stresslib.cli.main import COMMANDS, COMPLETION, commands, main, parse


@pytest.fixture
def vectors(tmp_path: Path, small: sl.FeatureSet) -> tuple[Path, Path]:
    """A user's own matrix and labels, as files."""
    np.save(tmp_path / "X.npy", small.X)
    lines = [f"{small.classes[y]},{'train' if t else 'test'}" for y, t in zip(small.y, small.train, strict=True)]
    (tmp_path / "labels.csv").write_text("label,split\n" + "\n".join(lines) + "\n")
    return tmp_path / "X.npy", tmp_path / "labels.csv"


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def error_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line that a failing command writes."""
    assert run(*arguments) == 1
    text = capsys.readouterr().err
    assert text.startswith("stresslib: ") and text.count("\n") == 1
    return text


def test_own_vectors_are_imported_evaluated_and_swept(
    vectors: tuple[Path, Path], tmp_path: Path, small: sl.FeatureSet, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.safetensors"
    assert run("import", *vectors, "-o", mine) == 0
    loaded = sl.load_features(mine, normalize=False)
    np.testing.assert_array_equal(loaded.X, small.X)
    np.testing.assert_array_equal(loaded.train, small.train)
    assert loaded.classes == small.classes and loaded.provenance["dataset"] == "mine"
    capsys.readouterr()
    assert run("evaluate", mine, "DR2:8,Q2:4") == 0
    expected = sl.evaluate(sl.load_features(mine), "DR2:8,Q2:4")["score"][0]
    assert capsys.readouterr().out == f"accuracy {expected:.2f}%, 16 bits per vector, 98.75% compression\n"
    assert run("sweep", mine, "none", "DR1:5", "--repeats", 2, "-o", tmp_path / "out.csv") == 0
    assert len(sl.read_results(tmp_path / "out.csv")) == 3


def test_multi_label_vectors_get_mean_average_precision(tmp_path: Path, small: sl.FeatureSet) -> None:
    np.save(tmp_path / "X.npy", small.X)
    lines = [f"{'a|b' if y == 0 else 'ab'[y - 1]},{'a' if y == 2 and i % 4 == 0 else ''}" for i, y in enumerate(small.y)]
    (tmp_path / "labels.csv").write_text("labels,difficult\n" + "\n".join(lines) + "\n")
    assert run("import", tmp_path / "X.npy", tmp_path / "labels.csv", "-o", tmp_path / "m.safetensors") == 0
    loaded = sl.load_features(tmp_path / "m.safetensors")
    assert loaded.metric == "mAP" and loaded.y.shape == (90, 2) and 0 in loaded.y[:, 0]


def test_bad_input_is_one_line_that_names_it(
    vectors: tuple[Path, Path], tmp_path: Path, small: sl.FeatureSet, capsys: pytest.CaptureFixture[str]
) -> None:
    X, labels = vectors
    out = tmp_path / "out.safetensors"
    broken = small.X.copy()
    broken[3, 5] = np.nan
    np.save(tmp_path / "nan.npy", broken)
    np.save(tmp_path / "short.npy", small.X[:-1])
    (tmp_path / "text.npy").write_text("no matrix")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert "row 3, column 5" in error_of(capsys, "import", tmp_path / "nan.npy", labels, "-o", out)
    assert "89 rows" in error_of(capsys, "import", tmp_path / "short.npy", labels, "-o", out)
    assert "text.npy" in error_of(capsys, "import", tmp_path / "text.npy", labels, "-o", out)
    assert "objects.npy" in error_of(capsys, "import", tmp_path / "objects.npy", labels, "-o", out)
    assert "'labels'" in error_of(capsys, "import", X, _csv(tmp_path, "name\ncat\n"), "-o", out)
    assert not out.exists()
    assert run("import", X, labels, "-o", out) == 0
    capsys.readouterr()
    assert "DR3:4" in error_of(capsys, "evaluate", out, "DR3:4")
    assert "Q1:1" in error_of(capsys, "evaluate", out, "Q1:1")
    assert "41 dimensions" in error_of(capsys, "sweep", out, "none", "DR1:41").replace("DR1:41", "41 dimensions")
    assert "stresslib extract nowhere" in error_of(capsys, "evaluate", "nowhere/net/pooled", "none")
    assert "missing.tar" in error_of(
        capsys, "extract", "scenes15", "--archive", "missing.tar", "--model", "efficientnet-lite0"
    )
    (tmp_path / "empty").mkdir()
    assert "holds no images" in error_of(capsys, "extract", tmp_path / "empty", "--model", "efficientnet-lite0")
    assert "did you mean 'figure-2'" in error_of(capsys, "reproduce", "figur-2")
    assert "did you mean 'repeats'" in error_of(capsys, "reproduce", "figure-2", "-p", "repeat=2")


def _csv(folder: Path, text: str) -> Path:
    (folder / "other.csv").write_text(text)
    return folder / "other.csv"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"examples:\n  stresslib {command}" in capsys.readouterr().out


def test_every_command_is_named_as_in_the_table() -> None:
    """Those of stressbook as well."""
    with click.Context(commands) as context:
        assert [commands.get_command(context, name).name for name in commands.list_commands(context)] == list(COMMANDS)


@pytest.mark.parametrize("option", ["--help", "-h", "--version"])
def test_help_and_version_end_well(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([option])
    shown = capsys.readouterr().out
    assert stop.value.code == 0
    assert shown == f"stresslib {sl.__version__}\n" if option == "--version" else all(name in shown for name in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Missing command"),
        (["evaluat"], "No such command 'evaluat'; there are list, import"),
        (["evaluate", "mine.safetensors"], "Missing argument 'SPEC'"),
        (["sweep", "mine.safetensors"], "Missing argument 'SPEC...'"),
        (["reproduce"], "Missing argument 'FIGURE...'"),
        (["evaluate", "mine.safetensors", "none", "--seed", "one"], "'one' is not a valid integer"),
        (["extract", "digits", "--model", "vgg-m", "--precision", "half"], "'half' is not one of"),
        (["extract", "digits", "--layer", "--model", "vgg-m"], "Option '--layer' requires an argument"),
        (["extract", "digits", "--model", "vgg-m", "--layer"], "Option '--layer' requires an argument"),
        (["extract", "--model", "vgg-m", "--layer", "relu7", "digits"], "Missing argument 'IMAGES'"),
        (["cache", "--clear", "--stale"], "give one of them"),
    ],
)
def test_what_no_command_takes_exits_with_2(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    text = capsys.readouterr().err
    assert text.startswith("Usage: stresslib") and says in text


@pytest.mark.parametrize(
    "words",
    [
        "digits --model vgg-m --layer relu6 relu7 --archive a.tar b.txt",
        "--layer relu6 relu7 --model vgg-m --archive a.tar b.txt -- digits",
        "--archive a.tar --layer relu6 --layer relu7 --archive=b.txt --model=vgg-m digits",
    ],
)
def test_options_take_several_values_after_one_flag(words: str) -> None:
    found = parse(["extract", *words.split()])
    assert found["images"] == "digits" and found["model"] == "vgg-m"
    assert found["layer"] == ("relu6", "relu7") and found["archive"] == ("a.tar", "b.txt")


def test_defaults_of_options_with_several_values() -> None:
    found = parse(["extract", "digits", "--model", "vgg-m"])
    assert found["layer"] == ("pooled",) and found["archive"] == ()


def test_ctrl_c_is_one_line_and_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stopped(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stresslib.features.load_features", stopped)
    assert run("evaluate", "scenes15/efficientnet-lite0/pooled", "none") == 130
    assert capsys.readouterr().err == (
        "stresslib: stopped; what was finished is kept, the same command goes on from there\n"
    )


@pytest.mark.parametrize("command", ["reproduce", "check"])
def test_without_stressbook_its_commands_say_where_they_run(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("stresslib.cli.registered.entry_points", lambda **chosen: ())
    text = error_of(capsys, command, "figure-2")
    assert "run this in a checkout of the project, with stressbook installed (pip install -e book)" in text
    with pytest.raises(SystemExit):
        main(["--help"])
    assert command in capsys.readouterr().out
    assert run("list") == 0
    assert "figures:" not in capsys.readouterr().out


@pytest.mark.parametrize("value", ["no_such_package:command", "stresslib:no_such_name", "stresslib.cli.main:main"])
def test_a_registered_command_that_cannot_be_loaded_is_one_line(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = EntryPoint("check", value, "stresslib.commands")
    monkeypatch.setattr("stresslib.cli.registered.entry_points", lambda **chosen: [entry])
    assert f"'check' cannot be loaded from {value}: " in error_of(capsys, "check")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("stresslib swe", "sweep"),
        ("stresslib evaluate scenes15/efficientnet-lite0/poo", "scenes15/efficientnet-lite0/pooled"),
        ("stresslib reproduce figure-", "figure-2"),
        ("stresslib extract digits --layer relu6 relu7 --pre", "--precision"),
    ],
)
def test_a_shell_completes_commands_features_figures_and_options(
    words: str, offered: str, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setenv(COMPLETION, "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 0
    assert f"plain,{offered}" in capfdbinary.readouterr().out.decode().splitlines()


def test_list_names_shipped_features(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    assert "scenes15/efficientnet-lite0/pooled  (shipped)" in capsys.readouterr().out


def test_list_names_classical_features_and_the_control(capsys: pytest.CaptureFixture[str]) -> None:
    """With the widths of their layers, what sets them, and what is needed for them."""
    assert run("list") == 0
    text = capsys.readouterr().out
    assert "  efficientnet-lite0-untrained  (present, 19 MB)" in text
    part = text.split("classical features, ", 1)[1].split("figures:")[0]
    assert "layers pooled (3,072 values), pyramid (24,576 values)" in part and "layers pooled (1,024 values)" in part
    assert "codewords=1024" in part and "alpha_min=0.4" in part and "weight=0.001" in part
    assert ("OpenCV: present" in part) == (find_spec("cv2") is not None)
    assert "figures: " in text and "figure-2" in text.split("figures: ")[1]
