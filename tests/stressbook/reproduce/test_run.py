"""Templates run with other parameters give the numbers that the library gives, and refuse what they cannot take."""

from __future__ import annotations

import base64
import json
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from joblib.externals.loky import get_reusable_executor

import stresslib as sl
from stressbook.chapters.rerun.figure_2 import measure as figure_2_measure
from stressbook.chapters.rerun.figure_4 import measure as figure_4_measure
from stressbook.reproduce import run
from stressbook.reproduce.catalogue import figures, project_root
from stressbook.reproduce.parameters import check_features, check_types, defaults
from stressbook.reproduce.run import plan, reproduce
from stresslib.cli.main import main
from stresslib.results import SETTING

ROOT = project_root()


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps of kernels start no further processes: tiny features are done before these are there."""
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")


@pytest.fixture
def mine(tmp_path: Path, small: sl.FeatureSet) -> str:
    """Features of a user's own, in a file."""
    return str(small.save(tmp_path / "mine.safetensors"))


def test_figure_2_with_own_vectors_has_the_numbers_of_a_sweep(
    tmp_path: Path, mine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the README: the file is named from where the command is given."""
    monkeypatch.chdir(tmp_path)
    parameters = {"dataset": "mine.safetensors", "steps": [2, 10], "repeats": 2}
    executed = reproduce("figure-2", parameters=parameters, output=tmp_path / "out")
    table = sl.read_results(tmp_path / "out" / "figure-2.csv")
    specs = ["none", "DR1:4", "DR1:19", "DR2:4", "DR2:19"]  # the grid rounds down: 40 x 0.4999... = 19
    expected = sl.sweep(sl.load_features(mine), specs, repeats=2, progress=False)
    pd.testing.assert_frame_equal(table[SETTING], expected[SETTING])
    assert table["score"].to_numpy() == pytest.approx(expected["score"].to_numpy(), abs=1e-5)
    for ending in ("svg", "png"):
        assert (tmp_path / "out" / f"figure-2.{ending}").stat().st_size > 5_000
    shown = json.dumps(nbformat.read(executed, 4).cells)
    assert "Line plot of the share" in shown and "rank correlation" in shown and "agree" in shown


def test_figure_4_by_papermill_alone(tmp_path: Path, mine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the page on running again says: the kernel works where the notebook goes, and nothing is left elsewhere."""
    papermill = pytest.importorskip("papermill")
    page = (ROOT / "book" / "rerun.md").read_text(encoding="utf-8")
    assert "papermill notebooks/figure-4.ipynb build/mine/figure-4.ipynb --cwd build/mine" in page
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "build" / "mine"
    folder.mkdir(parents=True)
    papermill.execute_notebook(
        ROOT / "notebooks" / "figure-4.ipynb",
        folder / "figure-4.ipynb",
        {"dataset": mine, "values": [2, 8]},
        cwd=folder,
        progress_bar=False,
    )
    assert {path.name for path in tmp_path.iterdir()} == {"build", "mine.safetensors"}
    assert {path.name for path in folder.iterdir()} == {f"figure-4.{ending}" for ending in ("ipynb", "svg", "png", "csv")}
    table = sl.read_results(folder / "figure-4.csv")
    expected = sl.sweep(sl.load_features(mine), ["none", "Q1:2", "Q1:8", "Q2:2", "Q2:8"], progress=False)
    assert table["score"].to_numpy() == pytest.approx(expected["score"].to_numpy(), abs=1e-5)


def test_a_template_that_stops_says_why_in_one_line(tmp_path: Path, mine: str) -> None:
    with pytest.raises(ValueError, match=r"figure-4 stopped: .*stress 'Q1:1'.*out of range.*figure-4.ipynb") as caught:
        reproduce("figure-4", parameters={"dataset": mine, "values": [1]}, output=tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("figure", "parameters", "says"),
    [
        ("figure-4", {"value": [2]}, "no parameter 'value'.*dataset, model, layer, values.*did you mean 'values'"),
        ("figure-4", {"values": 4}, r"values=4; give a list of whole numbers, such as 'values=\[2, 3\]'"),
        ("figure-4", {"values": [2, "x"]}, "list of whole numbers"),
        ("figure-4", {"values": [2.5]}, "list of whole numbers"),
        ("figure-4", {"values": [True]}, "list of whole numbers"),
        ("figure-2", {"repeats": "two"}, "repeats='two'; give a whole number, such as 'repeats=10'"),
        ("figure-2", {"repeats": True}, "whole number"),
        ("figure-4", {"dataset": False}, "a name or a list of names"),
        ("figure-4", {"dataset": []}, "a name or a list of names"),
        ("figure-4", {"dataset": "scene15"}, "data set 'scene15' is unknown.*did you mean 'scenes15'"),
        ("figure-4", {"dataset": ["digits", "nowhere"]}, "data set 'nowhere' is unknown; there are voc2007"),
        ("figure-4", {"dataset": "scenes15/efficientnet-lite0"}, "neither a feature file nor DATASET/MODEL/LAYER"),
        ("figure-4", {"dataset": "mine.safetensors"}, "mine.safetensors: there is no such file"),
        ("figure-4", {"model": "efficientnet-lite7"}, "network 'efficientnet-lite7' is unknown.*did you mean"),
        ("figure-4", {"model": "bosanova"}, "did you mean 'bossanova'"),
        ("figure-4", {"model": "bossanova", "layer": "maps"}, "bossanova has no layer 'maps'; it has pooled, pyramid"),
        ("figure-4", {"dataset": "caltech101", "layer": "poled"}, "--layer poled'; did you mean 'pooled'"),
        ("live", {"model": "efficientnet-lite7"}, "network 'efficientnet-lite7' is unknown"),
        ("live", {"photographs": "cat.png"}, "photographs='cat.png'; give a list of names"),
        ("claims", {"also": ["nowhere/efficientnet-lite0/pooled"]}, "data set 'nowhere' is unknown"),
    ],
)
@pytest.mark.kernel
def test_what_a_template_cannot_take_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: str, parameters: dict[str, Any], says: str
) -> None:
    monkeypatch.setattr("papermill.execute_notebook", None)
    with pytest.raises((ValueError, FileNotFoundError), match=says) as caught:
        reproduce(figure, parameters=parameters, output=tmp_path / "out")
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


def test_absent_features_stop_with_the_commands_that_make_them(tmp_path: Path) -> None:
    """One command a network, all layers in it; with the archive where nothing can be downloaded."""
    known = {"dataset": "", "model": "", "layer": ""}
    with pytest.raises(FileNotFoundError, match="'stresslib extract caltech101 --model vgg-m --layer relu7 pool5'"):
        check_features({**known, "dataset": "caltech101", "model": "vgg-m", "layer": ["relu7", "pool5"]})
    command = "extract scenes15 --archive scenes15.tar --model efficientnet-lite1 --layer pooled"
    with pytest.raises(FileNotFoundError, match=re.escape(f"make them with 'stresslib {command}'")):
        plan("figure-4", parameters={"dataset": "scenes15", "model": ["efficientnet-lite0", "efficientnet-lite1"]})


def test_unknown_profiles_and_keys_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has full, quick.*did you mean 'full'"):
        reproduce("figure-4", profile="ful", output=tmp_path)
    with pytest.raises(ValueError, match="key 'A b'"):
        reproduce("figure-4", key="A b", output=tmp_path)


def test_every_template_takes_its_own_profiles() -> None:
    """The types of figures.yml are those that a caller is held to."""
    for name, entry in figures(ROOT).items():
        known = defaults(ROOT / "notebooks" / entry["template"])
        for values in entry["profiles"].values():
            check_types(name, values, known)


def test_one_bad_figure_of_several_stops_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "figure-2", "figure-4", "-p", "steps=[2]", "-o", str(tmp_path / "out")]) == 1
    assert "figure-4 has no parameter 'steps'" in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert main(["reproduce", "figure-4", "-p", "values=[2,", "-o", str(tmp_path / "out")]) == 1
    assert "'[2,' is not a value" in capsys.readouterr().err


@pytest.mark.slow
def test_the_examples_of_the_readme_run_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first three commands under "Run it with other parameters", as printed but for the folder and smaller grids."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"## Run it with other parameters.*?```bash\n(.*?)```", text, re.S)
    assert block
    lines = [line for line in block[1].splitlines() if line.startswith("stresslib")][:3]
    small = {"figure-4": ["values=[4]"], "figure-5": ["tenths=[1]", "values=[8]"]}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "project_root", lambda: ROOT)
    monkeypatch.setattr("stressbook.reproduce.commands.project_root", lambda: ROOT)
    monkeypatch.setattr("requests.get", None)
    ran = []
    for words in map(shlex.split, lines):
        extra = [word for parameter in small.get(words[2], []) for word in ("-p", parameter)]
        assert main([*words[1:], *extra]) == 0
        ran += [words[1:3]]
    assert [name for _, name in ran[:2]] == ["figure-4", "figure-5"] and ran[2][0] == "evaluate"
    for name, model in (("figure-4", "efficientnet-lite0"), ("figure-5", "efficientnet-lite2")):
        table = sl.read_results(tmp_path / "build" / "mine" / f"{name}.csv")
        assert set(table["dataset"]) == {"scenes15"} and set(table["model"]) == {model}
        assert {f"{name}.{ending}" for ending in ("ipynb", "html", "svg", "png", "csv")} <= {
            path.name for path in (tmp_path / "build" / "mine").iterdir()
        }


def test_a_page_to_look_at_needs_no_other_file(tmp_path: Path, mine: str) -> None:
    """The figure is inside, the code is not, and what only the book can follow is plain text."""
    executed = reproduce("figure-4", parameters={"dataset": mine, "values": [2, 8]}, output=tmp_path / "out")
    page = executed.with_suffix(".html").read_text(encoding="utf-8")
    picture = base64.b64encode(executed.with_suffix(".svg").read_bytes()).decode()
    assert f"data:image/svg+xml;base64,{picture}" in page and "Line plot of the share" in page
    assert "<h1 class=" in page and "rank correlation" in page and "{doc}" not in page and "{cite" not in page
    assert "import pandas" not in page and "values</span>" in page, "of the code only the parameters"
    # What a browser would fetch by itself.
    assert not re.search(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["'](?!data:)""", page)


LABELLED = "(curve)=\n## Curve\n\n{ref}`here <curve>`, [there](#curve), and {doc}`data-card`.\n\n$$x$$ (sum)\n"


def test_two_runs_of_one_template_stand_in_one_book(tmp_path: Path, mine: str) -> None:
    """Labels, files and title of the second have its key; Sphinx warns of nothing. Without the key it does."""
    book = tmp_path / "book"
    pages = book / "generated"
    reproduce("figure-4", parameters={"dataset": mine, "values": [2]}, output=pages)
    first = {path.name: path.read_bytes() for path in pages.iterdir()}
    second = reproduce("figure-4", parameters={"dataset": mine, "values": [8]}, output=pages, key="eight")
    assert {path.name: path.read_bytes() for path in pages.iterdir() if path.name in first} == first
    new = {path.name for path in pages.iterdir()} - set(first)
    assert new == {f"figure-4-eight.{ending}" for ending in ("ipynb", "html", "svg", "png", "csv")}
    notebook = nbformat.read(second, 4)
    text = json.dumps(notebook)
    assert (
        "# A handful of values per number is enough: eight" in text
        and "](figure-4-eight.csv)" in text
        and "](figure-4.csv)" not in text
    )
    assert "](figure-4-eight.svg)" in text and "stresslib reproduce figure-4 " in text

    for name in ("figure-4.ipynb", "figure-4-eight.ipynb"):
        notebook = nbformat.read(pages / name, 4)
        notebook.cells.append(nbformat.v4.new_markdown_cell(LABELLED))
        if "eight" in name:
            renamed = nbformat.v4.new_notebook(cells=notebook.cells[-1:])
            renamed.cells.insert(0, nbformat.v4.new_markdown_cell("# Title"))
            run.rename(renamed, ["figure-4"], "eight")
        nbformat.write(notebook, pages / name)
    (book / "conf.py").write_text(
        "extensions = ['myst_nb', 'sphinxcontrib.bibtex']\nbibtex_bibfiles = ['references.bib']\n"
        "nb_execution_mode = 'off'\nnb_render_markdown_format = 'myst'\n"
        "myst_enable_extensions = ['colon_fence', 'dollarmath']\nexclude_patterns = ['generated/*.html']\n"
    )
    (book / "references.bib").write_bytes((ROOT / "book" / "references.bib").read_bytes())
    (book / "index.md").write_text(
        "# Book\n\n```{toctree}\ngenerated/figure-4\ngenerated/figure-4-eight\ngenerated/data-card\nrerun\n```\n\n"
        "```{bibliography}\n```\n"
    )
    (book / "rerun.md").write_text("# Again\n")
    (pages / "data-card.md").write_text("# Card\n")

    def build() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sphinx", "-E", "-q", "-n", "-W", "--keep-going", book, tmp_path / "html"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    result = build()
    assert result.returncode == 0, result.stderr
    (pages / "figure-4-eight.ipynb").write_bytes((pages / "figure-4.ipynb").read_bytes())
    result = build()
    assert result.returncode == 1 and "duplicate label curve" in result.stderr


def test_a_second_run_takes_all_its_files_along(tmp_path: Path) -> None:
    """A template may draw more than one figure; each gets the key, in the folder and on the page."""
    folder, final = tmp_path / "run", tmp_path / "final"
    for path in (folder, final):
        path.mkdir()
    text = "# Title\n\n![a](seeing.svg) [b](seeing-vector.svg) [c](other.svg) {doc}`seeing`"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)]), folder / "seeing.ipynb")
    for name in ("seeing.svg", "seeing-vector.svg"):
        (folder / name).write_text(name)
    executed = run._with_key(folder, final, "seeing", "mine")
    assert {path.name for path in final.iterdir()} == {"seeing-mine.ipynb", "seeing-mine.svg", "seeing-vector-mine.svg"}
    [cell] = nbformat.read(executed, 4).cells
    assert cell.source.endswith("![a](seeing-mine.svg) [b](seeing-vector-mine.svg) [c](other.svg) {doc}`seeing`")


@pytest.mark.kernel
def test_only_a_full_run_as_the_profile_says_writes_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mine: str
) -> None:
    """With a folder of the caller's, or parameters, results/ stays as it is."""
    profiles = {name: {"dataset": mine, "values": [2]} for name in ("full", "quick")}
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "figure-4.ipynb").write_bytes((ROOT / "notebooks" / "figure-4.ipynb").read_bytes())
    entry = {"figure-4": {"template": "figure-4.ipynb", "title": "t", "profiles": profiles}}
    (tmp_path / "notebooks" / "figures.yml").write_text(json.dumps(entry))
    monkeypatch.setattr(run, "project_root", lambda: tmp_path)
    written: list[str] = []
    monkeypatch.setattr(run, "keep_results", lambda root, name, *rest: written.append(name))
    monkeypatch.setattr(
        "papermill.execute_notebook",
        lambda template, path, *rest, **more: Path(path).write_bytes(Path(template).read_bytes()),
    )
    reproduce("figure-4", profile="full", output=tmp_path / "mine")
    reproduce("figure-4", profile="full", parameters={"values": [3]})
    reproduce("figure-4", profile="full", key="again")
    reproduce("figure-4")
    assert written == []
    reproduce("figure-4", profile="full")
    assert written == ["figure-4"]


def test_quick_is_a_subset_of_the_committed_results() -> None:
    """Every setting of the quick profile stands in the committed table, so that none escapes the check."""
    for name, specs in (("figure-2", figure_2_measure.specs), ("figure-4", figure_4_measure.specs)):
        profiles = figures(ROOT)[name]["profiles"]
        key = "steps" if name == "figure-2" else "values"
        assert set(profiles["quick"][key]) <= set(profiles["full"][key])
        table = sl.read_results(ROOT / "results" / f"{name}.csv")
        quick = specs(1280, profiles["quick"][key]) if name == "figure-2" else specs(profiles["quick"][key])
        assert len(quick) == len(set(quick)) and len(table) > len(quick)


def test_templates_hold_no_outputs() -> None:
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = nbformat.read(path, 4).cells
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells if cell.cell_type == "code")
        assert any("parameters" in cell.metadata.get("tags", []) for cell in cells)


def test_two_runs_give_the_same_bytes(tmp_path: Path, mine: str) -> None:
    for folder in ("one", "two"):
        reproduce("figure-4", parameters={"dataset": mine, "values": [2, 4]}, output=tmp_path / folder, store=False)
    for ending in ("csv", "svg", "png"):
        one, two = (tmp_path / folder / f"figure-4.{ending}" for folder in ("one", "two"))
        assert one.read_bytes() == two.read_bytes(), ending


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("values = list(range(2, 5))", [2, 3, 4]),
        ("bits = [*range(0, 10, 5), 7]", [0, 5, 7]),
        ("share = -0.5  # of all", -0.5),
        ("names = ['a', \"b\"]", ["a", "b"]),
    ],
)
def test_defaults_are_read(tmp_path: Path, line: str, expected: object) -> None:
    assert list(defaults(_template(tmp_path, line)).values()) == [expected]


@pytest.mark.parametrize(
    "line", ["seed = open('touched', 'w')", "seed = __import__('os').getpid()", "import os", "a, b = 1, 2", "seed = other"]
)
def test_no_code_runs_to_know_a_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """The template is named, and the line."""
    monkeypatch.chdir(tmp_path)
    template = _template(tmp_path, line)
    with pytest.raises(ValueError, match=re.escape(line.split(" ")[0])) as caught:
        defaults(template)
    assert str(template) in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "touched").exists()


def _template(folder: Path, line: str) -> Path:
    cell = nbformat.v4.new_code_cell(line, metadata={"tags": ["parameters"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "template.ipynb")
    return folder / "template.ipynb"


def _only_template(root: Path, entries: dict[str, dict[str, Any]]) -> None:
    """Make a project of one template, which writes its process's number of cores; entries are added to its own."""
    template = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": ""}}
    )
    template.cells = [
        nbformat.v4.new_code_cell('output = "."\nstops = False', metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(
            "import os\nfrom pathlib import Path\nif stops:\n    raise OSError('no room')\n"
            "path = Path(output, f'{os.getpid()}.txt')\n"
            "path.write_text(os.environ.get('LOKY_MAX_CPU_COUNT', 'all'))"
        ),
    ]
    (root / "notebooks").mkdir()
    nbformat.write(template, root / "notebooks" / "one.ipynb")
    common = {"template": "one.ipynb", "title": "t", "keeps": None, "profiles": {"quick": {}}}
    text = json.dumps({name: {**common, **entry} for name, entry in entries.items()})
    (root / "notebooks" / "figures.yml").write_text(text)


def test_several_templates_run_beside_each_other_on_one_core_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each writes into its own folder, a stop keeps no other from running, and what measures speed is last and has all."""
    entries: dict[str, Any] = {"speed": {"last": True}, "a": {}, "stops": {"profiles": {"quick": {"stops": True}}}, "b": {}}
    _only_template(tmp_path, entries)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("LOKY_MAX_CPU_COUNT")
    monkeypatch.chdir(tmp_path)
    get_reusable_executor().shutdown()  # its processes have the folder of an earlier test
    made = list(run.reproduce_each(entries, output="out"))
    get_reusable_executor().shutdown()
    assert [name for name, _ in made] == ["a", "stops", "b", "speed"]
    assert str(made[1][1]).startswith("stops stopped: no room")
    assert sorted(path.read_text() for path in (tmp_path / "out").glob("*.txt")) == ["1", "1", "all"]
    assert not list(tmp_path.glob("*.txt"))


@pytest.mark.kernel
def test_a_kernel_whose_port_was_taken_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports are chosen before the kernel has them: with several at a time, two may choose the same."""
    _only_template(tmp_path, {"one": {}})
    monkeypatch.setattr(run, "project_root", lambda: tmp_path)
    provisioner = pytest.importorskip("jupyter_client.provisioning.local_provisioner")
    find, asked = provisioner.LocalPortCache.find_available_port, []
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()

        def taken(self: Any, ip: str) -> int:
            asked.append(ip)
            number: int = busy.getsockname()[1] if len(asked) in unlucky else find(self, ip)
            return number

        monkeypatch.setattr(provisioner.LocalPortCache, "find_available_port", taken)
        unlucky = [1]
        reproduce("one", output=tmp_path / "out", progress=False)
        assert len(asked) == 10 and len(list((tmp_path / "out").glob("*.txt"))) == 1
        unlucky = [11, 16]
        with pytest.raises(ValueError, match="one stopped: Kernel died before replying"):
            reproduce("one", output=tmp_path / "out", progress=False)
