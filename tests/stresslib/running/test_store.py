"""The store of finished settings: what it is keyed by, what an edit makes stale, its bounds, and many writers at once."""

from __future__ import annotations

import importlib
import linecache
import os
import re
import shutil
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sklearn
from IPython.core.interactiveshell import InteractiveShell
from killed import Forked, ForkServer
from pandas.testing import assert_frame_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import stresslib as sl
from stresslib import digests
from stresslib.cli.main import main
from stresslib.codec.peers import Truncation, measure
from stresslib.running import grid, store
from stresslib.running.identity import identity
from stresslib.stress.registry import FEATURE_STRESSES

PACKAGE = Path(sl.__file__).parent
SPECS = ["none", "DR1:10", "DR2:8", "DR2:8,Q2:4", "Q1:3", "QB:52"]


def sweep(features: sl.FeatureSet, folder: Path, specs: list[str] = SPECS) -> Any:
    return sl.sweep(features, specs, n_jobs=1, progress=False, store=folder)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the settings that are really evaluated."""
    seen: list[str] = []
    evaluate = sl.evaluate

    def counted(features: Any, spec: Any, *arguments: Any, **options: Any) -> Any:
        seen.append(str(spec))
        return evaluate(features, spec, *arguments, **options)

    monkeypatch.setattr(grid, "evaluate", counted)
    return seen


def edit(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Change a module, as the digests see it."""
    texts, path = digests.STRESSLIB.texts, f"stresslib/{name}"
    monkeypatch.setitem(texts, path, texts[path] + "EDITED = True\n")
    forget_digests()


def forget_digests() -> None:
    digests.module_digest.cache_clear()


@pytest.fixture(autouse=True)
def clean_digests() -> Any:
    yield
    forget_digests()


@pytest.mark.parametrize(
    ("name", "again"),
    [
        ("stress/on_features/quantization.py", ["DR2:8,Q2:4", "Q1:3", "QB:52"]),
        ("stress/on_features/allocation.py", []),
        ("stress/registry.py", SPECS),
        ("stress/spec.py", SPECS),
        ("stress/on_features/reduction.py", ["DR1:10", "DR2:8", "DR2:8,Q2:4"]),
        ("evaluation/metrics.py", SPECS),
        ("evaluation/squared_hinge.py", SPECS),
        ("evaluation/conjugate_gradients.py", SPECS),
        ("running/grid.py", SPECS),
        ("evaluation/bootstrap.py", []),
        ("extraction/extractor.py", []),
    ],
)
def test_an_edit_runs_again_what_depends_on_it_and_nothing_else(
    small: sl.FeatureSet, tmp_path: Path, computed: list[str], monkeypatch: pytest.MonkeyPatch, name: str, again: list[str]
) -> None:
    first = sweep(small, tmp_path)
    assert computed == SPECS
    computed.clear()
    edit(monkeypatch, name)
    assert_frame_equal(sweep(small, tmp_path), first, check_exact=True)
    assert computed == again
    assert store.contents(tmp_path)["toy/drawn/only"].stale == len(again), "the old entries stay until they are cleared"


def test_other_libraries_are_computed_anew(
    small: sl.FeatureSet, tmp_path: Path, computed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep(small, tmp_path, ["none"])
    monkeypatch.setattr(digests, "_version", lambda name: "0.0")
    sweep(small, tmp_path, ["none"])
    assert computed == ["none", "none"]
    assert store.contents(tmp_path)["toy/drawn/only"].stale == 1


def test_settings_without_a_quantizer_never_call_one(small: sl.FeatureSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """That the digest of such a setting leaves the module out is right only as long as nothing of it runs."""
    from stresslib.stress.on_features import quantization, reduction

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("this setting was not to depend on it")

    for name in ("fit", "transform", "fit_transform"):
        for stress in (quantization.UniformQuantizer, quantization.BitErasure):
            monkeypatch.setattr(stress, name, refuse, raising=False)
    assert len(sl.sweep(small, ["none", "DR1:10", "DR2:8"], n_jobs=1, progress=False)) == 3
    for name in ("fit", "transform", "fit_transform"):
        for stress in (reduction.RandomSelection, reduction.PrincipalComponents):
            monkeypatch.setattr(stress, name, refuse, raising=False)
    assert len(sl.sweep(small, ["none"], n_jobs=1, progress=False)) == 1
    with pytest.raises(RuntimeError, match="not to depend"):
        sl.sweep(small, ["Q1:3"], n_jobs=1, progress=False)


def test_the_digests_have_every_module_that_a_score_depends_on() -> None:
    """By what is imported: the solver in all its parts, the stresses, and of a setting's stresses only its own."""
    stresses = [f"stress/on_features/{name}" for name in ("reduction", "quantization", "allocation", "base")]
    solver = [f"evaluation/{name}" for name in ("hinge", "squared_hinge", "conjugate_gradients", "newton", "unknowns")]
    protocol = [f"evaluation/{name}" for name in ("protocol", "linear_svm", "metrics", "threads")]
    common = [*solver, *protocol, "stress/spec", "stress/bits", "stress/registry", "running/grid"]

    def used(tokens: Iterable[str] | None) -> list[str]:
        chosen = None if tokens is None else frozenset(tokens)
        within = ("stresslib/evaluation/", "stresslib/stress/")
        paths = digests.STRESSLIB.modules_used("stresslib/running/grid.py", within=within, tokens=chosen)
        return [path.removeprefix("stresslib/").removesuffix(".py") for path in paths]

    assert used(None) == used(FEATURE_STRESSES) == sorted([*stresses, *common])
    assert used([]) == sorted(common)
    assert used(["DR1"]) == sorted([*common, "stress/on_features/reduction"])
    assert used(["QA"]) == sorted([*common, "stress/on_features/allocation", "stress/on_features/base"])


def test_better_words_compute_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docstrings, comments, blank lines and layout of a module that every setting depends on."""
    path, tokens = "stresslib/evaluation/protocol.py", frozenset({"DR2", "Q2"})
    before, text = digests.module_digest("stresslib.running.grid", tokens), digests.STRESSLIB.texts[path]
    better = re.sub(r'"""(?=\S)', '"""In other words: ', text).replace("\n\n", "\n\n\n# What follows is plain.\n", 3)
    assert better != text
    monkeypatch.setitem(digests.STRESSLIB.texts, path, better)
    forget_digests()
    assert digests.module_digest("stresslib.running.grid", tokens) == before


def test_a_classifier_of_ones_own_is_known_by_its_source(
    small: sl.FeatureSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same parameters, and another fit: what the old one scored is not served."""
    monkeypatch.syspath_prepend(tmp_path)
    for wrap in (lambda one: one, lambda one: make_pipeline(one), lambda one: GridSearchCV(one, {"tol": [1e-3]}, cv=2)):
        scores = []
        for sign in ("-", "+"):
            mine = imported(tmp_path / "mine.py", NEAREST_MEAN.replace("SIGN", sign))
            table = sl.sweep(small, ["none"], wrap(mine.Mine()), n_jobs=1, progress=False, store=tmp_path / "store")
            assert table["score"][0] == sl.evaluate(small, "none", wrap(mine.Mine()))["score"][0]
            scores.append(table["score"][0])
        assert scores[0] > scores[1]


NEAREST_MEAN = """
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

class Mine(ClassifierMixin, BaseEstimator):
    def __init__(self, tol=0):
        self.tol = tol

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.means_ = np.array([X[y == one].mean(axis=0) for one in self.classes_])
        return self

    def decision_function(self, X):
        return SIGN ((X[:, None] - self.means_) ** 2).sum(axis=2)

    def predict(self, X):
        return self.classes_[self.decision_function(X).argmax(axis=1)]
"""


def imported(path: Path, source: str) -> Any:
    """Write a module, and import it as a notebook does that loads what was edited."""
    path.write_text(source)
    sys.modules.pop(path.stem, None)
    shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)
    importlib.invalidate_caches()
    linecache.clearcache()
    return importlib.import_module(path.stem)


def test_functions_and_closures_are_known_by_their_source_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function of a step, what it closes over, the base of a class; and libraries by their versions alone."""
    monkeypatch.syspath_prepend(tmp_path)
    source = "def double(x):\n    return 2 * x\n\ndef times(n):\n    return lambda x: n * x\n"
    first = imported(tmp_path / "steps.py", source)
    kept = [identity(make_pipeline(FunctionTransformer(one))) for one in (first.double, first.times(2), first.times(3))]
    digests.module_digest.cache_clear()
    second = imported(tmp_path / "steps.py", source.replace("2 * x", "x + x"))
    assert identity(make_pipeline(FunctionTransformer(first.double))) != kept[0]
    assert len({str(one) for one in (*kept, identity(make_pipeline(FunctionTransformer(second.times(2)))))}) == 4
    assert f"scikit-learn {sklearn.__version__}" in str(identity(StandardScaler()))
    assert identity(StandardScaler()) == identity(StandardScaler()) != identity(StandardScaler(with_std=False))


def test_a_class_of_a_notebook_cell_is_known_by_its_cells(small: sl.FeatureSet, tmp_path: Path) -> None:
    """An edited cell runs again and its old score is not served; what the cell takes from another counts as well."""
    shell = InteractiveShell()
    shell.user_ns |= {"sl": sl, "small": small, "folder": tmp_path, "sign": 1}
    sweep = "table = sl.sweep(small, ['none'], Mine(), n_jobs=1, progress=False, store=folder); score = table['score'][0]"
    scores = []
    for cell in (NEAREST_MEAN.replace("SIGN", "-"), NEAREST_MEAN.replace("SIGN", "sign *"), "sign = -1"):
        for text in (cell, sweep):
            shell.run_cell(text).raise_error()
        scores.append(shell.user_ns["score"])
    assert scores[0] == scores[2] > scores[1] and len(list(tmp_path.iterdir())) == 3


def test_a_class_without_source_is_not_kept(small: sl.FeatureSet, tmp_path: Path) -> None:
    names: dict[str, Any] = {"__name__": "typed"}
    exec(NEAREST_MEAN.replace("SIGN", "-"), names)
    for _ in range(2):
        with pytest.warns(UserWarning, match="not kept for a later run: the source of Mine cannot be read") as caught:
            table = sl.sweep(small, ["none"], make_pipeline(names["Mine"]()), n_jobs=1, progress=False, store=tmp_path)
        assert len(caught) == 1 and table["score"][0] > 60 and not list(tmp_path.iterdir())


def test_further_libraries_of_a_task_count(small: sl.FeatureSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a kept peer, of which a new version has other codes."""
    peers = [Truncation(4)]
    first = measure(small, peers, n_jobs=1, store=tmp_path)
    real = digests._version
    for name, fresh in (("pandas", False), ("faiss-cpu", True), ("zstandard", True)):
        before = len(list(tmp_path.iterdir()))
        monkeypatch.setattr(digests, "_version", lambda one, name=name: "0.0" if one == name else real(one))
        assert measure(small, peers, n_jobs=1, store=tmp_path).equals(first)
        assert len(list(tmp_path.iterdir())) - before == fresh


def test_the_least_recently_used_go_when_the_limit_is_reached(
    small: sl.FeatureSet, tmp_path: Path, computed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep(small, tmp_path)
    size = max(path.stat().st_size for path in tmp_path.iterdir())
    old = time.time() - 1000
    for path in tmp_path.iterdir():
        os.utime(path, (old, old))
    sweep(small, tmp_path, ["none", "Q1:3"])  # used just now
    monkeypatch.setenv(store.VARIABLE, str(3 * size))
    sweep(small, tmp_path, ["Q1:5"])
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3 * size
    computed.clear()
    sweep(small, tmp_path, ["none", "Q1:3", "Q1:5"])
    assert computed == []
    sweep(small, tmp_path, ["DR1:10"])
    assert computed == ["DR1:10"]


def test_a_limit_that_is_not_a_number_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(store.VARIABLE, "2 GB")
    with pytest.raises(ValueError, match="STRESSLIB_STORE_BYTES='2 GB' is not a number of bytes"):
        store.trim(tmp_path)


def test_what_killed_writers_left_goes_after_a_day(tmp_path: Path) -> None:
    """A file that is being written right now stays."""
    fresh, left = tmp_path / ".a.json.0123", tmp_path / ".b.json.4567"
    for path in (fresh, left):
        path.write_text("{}")
    os.utime(left, (0, 0))
    assert store.trim(tmp_path) == 0 and store.clear(tmp_path) == 0
    assert fresh.exists() and not left.exists()


def test_many_writers_of_one_store_leave_whole_entries(small: sl.FeatureSet, tmp_path: Path) -> None:
    """Four threads write, read and remove the same settings: each reads whole rows or computes."""
    first = sweep(small, tmp_path)

    def work(number: int) -> None:
        for _ in range(10):
            assert_frame_equal(sweep(small, tmp_path), first, check_exact=True)
            if number == 0:
                store.trim(tmp_path, most=0)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_store_that_cannot_be_written_costs_a_warning(small: sl.FeatureSet, tmp_path: Path) -> None:
    """The folder's name is taken by a file, as a read-only one would refuse: all settings are computed all the same."""
    blocked = tmp_path / "sweeps"
    blocked.write_text("in the way")
    with pytest.warns(UserWarning, match="not kept for a later run: cannot write") as caught:
        table = sweep(small, blocked)
    assert len(caught) == 1
    assert_frame_equal(table, sl.sweep(small, SPECS, n_jobs=1, progress=False), check_exact=True)


def test_the_command_shows_and_clears(
    small: sl.FeatureSet, own_cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = own_cache / "sweeps"
    assert main(["cache"]) == 0
    assert "0 settings" in capsys.readouterr().out
    sweep(small, folder)
    (folder / "old.json").write_text("[]")
    edit(monkeypatch, "stress/on_features/quantization.py")
    sweep(small, folder, ["none", "Q1:3"])
    assert main(["cache"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"8 settings, [0-9.]+ kB of at most 100 MB", shown)
    assert re.search(r"toy/drawn/only: 7 settings, [0-9.]+ kB, 3 of other code", shown)
    assert "(unreadable): 1 settings" in shown.replace("1 setting,", "1 settings,")
    assert main(["cache", "--stale"]) == 0
    assert "4 settings removed" in capsys.readouterr().out
    assert main(["cache", "--clear"]) == 0
    assert "4 settings removed" in capsys.readouterr().out and not list(folder.glob("*.json"))


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"rows": {}}',
        '{"rows": [[1, 2]]}',
        '{"rows": [{"stress": "none", "score": 1.0}]}',
        '{"spec": null, "code": "", "libraries": [], "rows": [{"score": 1.0}]}',
        '{"spec": "DR9:4", "code": "", "libraries": [], "rows": [{"score": 1.0}]}',
        "\0",
    ],
)
def test_entries_of_another_form_are_not_served(small: sl.FeatureSet, tmp_path: Path, text: str) -> None:
    """What earlier versions left in the folder is listed as stale and can be cleared; a sweep computes on beside it."""
    (tmp_path / f"{'0' * 64}.json").write_text(text)
    assert_frame_equal(sweep(small, tmp_path, ["none"]), sweep(small, tmp_path / "new", ["none"]), check_exact=True)
    assert sum(one.stale for one in store.contents(tmp_path).values()) == 1
    assert store.clear(tmp_path, stale=True) == 1
    assert [one.stale for one in store.contents(tmp_path).values()] == [0]


def test_an_entry_of_another_form_in_the_place_of_a_setting_is_computed_anew(small: sl.FeatureSet, tmp_path: Path) -> None:
    sweep(small, tmp_path, ["none"])
    [path] = tmp_path.iterdir()
    path.write_text('{"rows": [["none", 1.0]]}')
    assert sweep(small, tmp_path, ["none"])["score"][0] > 60
    assert store.recalled(path) is not None


@pytest.mark.slow
def test_a_real_edit_of_a_quantizer(tmp_path: Path, fork_server: ForkServer) -> None:
    """Bin centres are moved in a copy of the package between two processes: new scores where they depend on it."""
    copy = tmp_path / "stresslib"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("embedded", "__pycache__"))
    code = (
        "import sys\n"
        "for name in [name for name in sys.modules if name.partition('.')[0] == 'stresslib']:\n    del sys.modules[name]\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import stresslib as sl\nassert sl.__file__.startswith(sys.argv[1])\n"
        "from toy_features import make_features\n"
        f"table = sl.sweep(make_features(), {SPECS!r}, n_jobs=1, progress=False, store=sys.argv[2])\n"
        "sl.write_results(table, sys.argv[3])\n"
    )

    def run(name: str) -> list[str]:
        process = Forked(fork_server, code, tmp_path, tmp_path / "store", tmp_path / name, folder=tmp_path)
        assert process.wait() == 0, process.errors
        return (tmp_path / name).read_text().splitlines()[1:]

    before = run("before.csv")
    source = (copy / "stress" / "on_features" / "base.py").read_text()
    edited = source.replace("+ np.float64(0.5)", "+ np.float64(0.1)")
    assert edited != source, "the centre of a bin is half a width above its edge"
    (copy / "stress" / "on_features" / "base.py").write_text(edited)
    after = run("after.csv")
    assert before[:3] == after[:3] and before[5] == after[5], "no bins, no change"
    assert before[3] != after[3] and before[4] != after[4]
