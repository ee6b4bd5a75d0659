"""The store of finished settings: what it is keyed by, what an edit makes stale, its bounds, and many writers at once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pandas.testing import assert_frame_equal
from places import ROOT

import stresslib as sl
from stresslib import digests
from stresslib.cli.main import main
from stresslib.running import grid, store
from stresslib.stress.registry import FEATURE_STRESSES
from stresslib.stress.spec import parse_spec

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
    store.setting_digest.cache_clear()


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
    monkeypatch.setattr(store, "library_versions", lambda: ["numpy 0.0"])
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
    with pytest.raises(AssertionError, match="not to depend"):
        sl.sweep(small, ["Q1:3"], n_jobs=1, progress=False)


def test_the_digests_have_every_module_that_a_score_depends_on() -> None:
    """By what is imported: the solver in all its parts, the stresses, and of a setting's stresses only its own."""
    stresses = [f"stress/on_features/{name}" for name in ("reduction", "quantization", "allocation", "base")]
    solver = [f"evaluation/{name}" for name in ("hinge", "squared_hinge", "conjugate_gradients", "newton", "unknowns")]
    protocol = [f"evaluation/{name}" for name in ("protocol", "linear_svm", "metrics", "threads")]
    common = [*solver, *protocol, "stress/spec", "stress/registry", "running/grid"]

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
    path, spec = "stresslib/evaluation/protocol.py", parse_spec("DR2:8,Q2:4")
    before, text = store.setting_digest(spec), digests.STRESSLIB.texts[path]
    better = re.sub(r'"""(?=\S)', '"""In other words: ', text).replace("\n\n", "\n\n\n# What follows is plain.\n", 3)
    assert better != text
    monkeypatch.setitem(digests.STRESSLIB.texts, path, better)
    forget_digests()
    assert store.setting_digest(spec) == before


def test_a_classifier_of_ones_own_is_known_by_its_source(
    small: sl.FeatureSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same parameters, and another fit: what the old one scored is not served."""
    source = "from sklearn.linear_model import RidgeClassifier\nclass Mine(RidgeClassifier):\n    answer = {}\n"
    monkeypatch.syspath_prepend(tmp_path)
    spec, places = parse_spec("none"), []
    for answer in (1, 2):
        (tmp_path / "mine.py").write_text(source.format(answer))
        sys.modules.pop("mine", None)
        shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
        import linecache

        linecache.clearcache()
        import mine  # type: ignore[import-not-found]

        places.append(store.Store(tmp_path / "store", small, mine.Mine()).path(spec, 0))
    assert places[0] != places[1]


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
    """Eight threads write, read and remove the same settings: each read finds the whole rows or nothing."""
    one = store.Store(tmp_path, small, sl.LinearSVM())
    rows = [{"dataset": "toy", "score": number / 7} for number in range(500)]
    specs = [parse_spec(text) for text in SPECS]

    def work(number: int) -> None:
        for turn in range(30):
            spec = specs[(number + turn) % len(specs)]
            one.write(spec, 0, rows)
            found = one.read(spec, 0)
            assert found is None or found == rows
            if number == 0:
                store.trim(tmp_path, most=0)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_store_that_cannot_be_written_costs_a_warning(small: sl.FeatureSet, tmp_path: Path) -> None:
    """The folder's name is taken by a file, as a read-only one would refuse: all settings are computed all the same."""
    blocked = tmp_path / "sweeps"
    blocked.write_text("in the way")
    with pytest.warns(UserWarning, match="not kept for a later sweep: cannot write") as caught:
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
    path = store.Store(tmp_path, small, sl.LinearSVM()).path(parse_spec("none"), 0)
    path.write_text('{"rows": [["none", 1.0]]}')
    assert sweep(small, tmp_path, ["none"])["score"][0] > 60
    assert store.Store(tmp_path, small, sl.LinearSVM()).read(parse_spec("none"), 0) is not None


@pytest.mark.slow
def test_a_real_edit_of_a_quantizer(tmp_path: Path) -> None:
    """Bin centres are moved in a copy of the package between two processes: new scores where they depend on it."""
    copy = tmp_path / "stresslib"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("embedded", "__pycache__"))
    script = tmp_path / "run.py"
    script.write_text(
        "import sys, stresslib as sl\n"
        f"sys.path.insert(0, {str(ROOT / 'tests' / 'support')!r})\n"
        "from toy_features import make_features\n"
        f"table = sl.sweep(make_features(), {SPECS!r}, n_jobs=1, progress=False, store=sys.argv[1])\n"
        "sl.write_results(table, sys.argv[2])\n"
    )

    def run(name: str) -> list[str]:
        command = [sys.executable, script, tmp_path / "store", tmp_path / name]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"})
        return (tmp_path / name).read_text().splitlines()[1:]

    before = run("before.csv")
    source = (copy / "stress" / "on_features" / "base.py").read_text()
    edited = source.replace("+ np.float64(0.5)", "+ np.float64(0.1)")
    assert edited != source, "the centre of a bin is half a width above its edge"
    (copy / "stress" / "on_features" / "base.py").write_text(edited)
    after = run("after.csv")
    assert before[:3] == after[:3] and before[5] == after[5], "no bins, no change"
    assert before[3] != after[3] and before[4] != after[4]
