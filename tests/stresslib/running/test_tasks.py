"""The runner of tasks: results in order and the same when they were kept, what an error and an edit cost, no pickles."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from threading import Lock
from typing import Any

import counted_tasks
import numpy as np
import pytest
from counted_tasks import noted, scaled
from killed import Forked, ForkServer
from toy_features import make_features

import stresslib as sl
from stresslib import digests
from stresslib.codec.peers import Projection, Truncation
from stresslib.running import store, tasks
from stresslib.running.identity import identity
from stresslib.running.tasks import run_tasks

RUN = """
import sys
import stresslib as sl
from stresslib.running import tasks
from counted_tasks import note, {loop}
real = tasks._run
def noted(*arguments):
    note(sys.argv[3], "run")
    return real(*arguments)
tasks._run = noted
{loop}(sl.load_features(sys.argv[1]), sys.argv[2]).to_csv(sys.argv[2] + ".csv")
"""
"""Of a long loop; each setting that is run is noted."""

FACTORS = [3.0, 1.0, 0.1, 2.0]


@pytest.fixture
def log(tmp_path: Path) -> str:
    return str(tmp_path / "log")


@pytest.fixture(autouse=True)
def clean_digests() -> Any:
    yield
    digests.module_digest.cache_clear()


def run(features: sl.FeatureSet, log: str, folder: Path | None, factors: list[float] = FACTORS, **options: Any) -> Any:
    options = {"n_jobs": 1, "progress": False, **options}
    settings = [{"log": log, "factor": factor} for factor in factors]
    return run_tasks(scaled, settings, features, name="toy", store=folder, **options)


def same(first: Any, second: Any) -> bool:
    """Whether results have the same order of keys, types and digits."""
    if isinstance(first, np.ndarray):
        return first.dtype == second.dtype and first.tobytes() == second.tobytes()
    if isinstance(first, dict):
        return list(first) == list(second) and same(list(first.values()), list(second.values()))
    if isinstance(first, list):
        return len(first) == len(second) and all(map(same, first, second))
    return type(first) is type(second) and repr(first) == repr(second)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_results_come_in_the_order_of_the_settings_kept_or_new(
    small: sl.FeatureSet, log: str, tmp_path: Path, n_jobs: int
) -> None:
    """Without a store, from a new one, from half of one and from a full one: the same types and digits."""
    plain = run(small, log, None)
    assert [result["row"]["factor"] for result in plain] == FACTORS and plain[0]["pair"] == [1, None]
    assert plain[2]["sums"].tolist() == (0.1 * small.X.sum(axis=1, dtype=np.float64)).tolist()
    noted(log)
    run(small, log, tmp_path / "store", FACTORS[1::2])
    assert noted(log) == ["1.0", "2.0"]
    rest = run(small, log, tmp_path / "store", n_jobs=n_jobs)
    assert noted(log) == ["0.1", "3.0"]
    full = run(small, log, tmp_path / "store", n_jobs=n_jobs)
    assert noted(log) == [] and same(plain, rest) and same(plain, full)


def test_nothing_is_written_without_a_store_and_only_json_with_one(
    small: sl.FeatureSet, log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []
    real = tasks.write_text
    monkeypatch.setattr(tasks, "write_text", lambda path, text: (written.append(path), real(path, text)))
    run(small, log, None)
    assert written == [] and [path.name for path in tmp_path.iterdir()] == ["log"]
    run(small, log, tmp_path / "store")
    assert sorted(written) == sorted((tmp_path / "store").iterdir()) and len(written) == 4
    entry = json.loads(written[0].read_text())
    assert entry["function"] == "scaled" and entry["setting"]["factor"] in FACTORS


def test_an_error_is_reported_and_costs_its_own_setting_only(
    small: sl.FeatureSet, log: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    message = r"^toy: 1 of 5 settings failed, the first with .*'factor': -1\.0}: ValueError: factor=-1\.0 is negative$"
    with pytest.raises(ValueError, match=message):
        run(small, log, tmp_path / "store", [*FACTORS[:2], -1.0, *FACTORS[2:]])
    assert len(noted(log)) == 5
    assert "'factor': -1.0} failed: ValueError: factor=-1.0 is negative" in capfd.readouterr().err
    run(small, log, tmp_path / "store")
    assert noted(log) == []


def test_a_result_that_is_no_json_is_an_error_and_not_a_pickle(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="TypeError: Object of type FeatureSet is not JSON serializable"):
        run_tasks(make_features, [{"n": 30}], name="toy", n_jobs=1, store=tmp_path / "store", progress=False)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("change", ["function", "package", "features", "libraries"])
def test_what_a_result_depends_on_is_computed_anew(
    small: sl.FeatureSet, log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """The function's own module, what it uses of the package, the data, the libraries. The old entries are stale."""
    folder, features = tmp_path / "store", small
    run(small, log, folder)
    noted(log)
    if change == "function":
        source = tmp_path / "edited.py"
        source.write_text(Path(counted_tasks.__file__).read_text() + "EDITED = True\n")
        monkeypatch.setattr(counted_tasks.__spec__, "origin", str(source))
    elif change == "package":
        monkeypatch.setitem(digests.STRESSLIB.texts, "stresslib/features/featureset.py", "EDITED = True")
    elif change == "features":
        features = make_features(seed=1)
    else:
        monkeypatch.setattr(tasks, "library_versions", lambda: ["numpy 0.0"])
        monkeypatch.setattr(store, "library_versions", lambda: ["numpy 0.0"])
    digests.module_digest.cache_clear()
    run(features, log, folder)
    assert len(noted(log)) == 4
    content = store.contents(folder)["toy"]
    assert (content.settings, content.stale) == (8, 0 if change == "features" else 4)


def test_the_digest_of_a_module_has_what_it_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its own package, by way of others too; of this one what it names, also as ``sl.NAME``."""
    package = tmp_path / "outside"
    package.mkdir()
    texts = {
        "__init__": "",
        "first": "from outside.second import VALUE\nfrom stresslib.evaluation.metrics import SCORES\n",
        "second": "from outside import third\nVALUE = third.VALUE\n",
        "third": "VALUE = 1\n",
        "other": "import stresslib as sl\nVALUE = sl.sweep\n",
    }
    monkeypatch.syspath_prepend(tmp_path)

    def after(edit: str, module: str = "outside.first") -> str:
        for name, text in texts.items():
            (package / f"{name}.py").write_text(text + "EDITED = True\n" * (name == edit))
        with monkeypatch.context() as patch:
            if edit in digests.STRESSLIB.texts:
                patch.setitem(digests.STRESSLIB.texts, edit, digests.STRESSLIB.texts[edit] + "EDITED = True\n")
            digests.module_digest.cache_clear()
            return digests.module_digest(module)

    used = ["first", "second", "third", "stresslib/evaluation/metrics.py"]
    assert len({after("nothing"), *map(after, used)}) == 5
    assert after("other") == after("stresslib/images/preprocessing.py") == after("nothing")
    assert after("stresslib/running/grid.py", "outside.other") != after("nothing", "outside.other")
    assert after("stresslib/images/preprocessing.py", "outside.other") == after("nothing", "outside.other")
    with pytest.raises(ValueError, match=r"the code of outside\.absent is in no file"):
        digests.module_digest("outside.absent")


def test_the_commands_list_and_clear_results_too(small: sl.FeatureSet, log: str, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    run(small, log, folder)
    sl.sweep(small, ["none"], n_jobs=1, progress=False, store=folder)
    assert {name: one.settings for name, one in store.contents(folder).items()} == {"toy": 4, "toy/drawn/only": 1}
    assert store.clear(folder, stale=True) == 0 and store.trim(folder) == 0
    assert store.trim(folder, most=0) == 5
    run(small, log, folder)
    assert len(noted(log)) == 8, "what was trimmed is computed anew"


def test_a_damaged_entry_is_computed_anew(small: sl.FeatureSet, log: str, tmp_path: Path) -> None:
    run(small, log, tmp_path, FACTORS[:1])
    [path] = tmp_path.glob("*.json")
    for text in ("", "[]", '{"module": "counted_tasks"}', '{"rows": []}'):
        noted(log)
        path.write_text(text)
        run(small, log, tmp_path, FACTORS[:1])
        assert noted(log) == ["3.0"], text


def test_a_store_that_cannot_be_written_costs_one_warning(small: sl.FeatureSet, log: str, tmp_path: Path) -> None:
    blocked = tmp_path / "store"
    blocked.write_text("in the way")
    with pytest.warns(UserWarning, match="not kept for a later run: cannot write") as caught:
        results = run(small, log, blocked)
    assert len(caught) == 1 and same(results, run(small, log, None))


def test_values_that_cannot_be_told_apart_are_refused(small: sl.FeatureSet, tmp_path: Path) -> None:
    """An object is known by its class, its class's code and its attributes; what no other process could make is not."""
    first, second = (identity(peer) for peer in (Truncation(2), Truncation(3)))
    assert first != second and first == identity(Truncation(2))
    assert identity(Projection(4, "float16")) != identity(Projection(4, "float32"))
    assert identity(np.zeros(2)) != identity(np.zeros((2, 1)))
    options: dict[str, Any] = {"name": "toy", "n_jobs": 1, "store": tmp_path, "progress": False}
    for value in (Lock(), (one for one in "ab")):
        with pytest.raises(ValueError, match="cannot be told from other values"):
            run_tasks(scaled, [{"factor": value}], small, **options)
    with pytest.raises(ValueError, match="is not a function of a module"):
        run_tasks(lambda: 1, [{}], **options)


@pytest.mark.slow
@pytest.mark.parametrize(("loop", "enough"), [(counted_tasks.claims, 15), (counted_tasks.peers, 8)])
def test_after_a_kill_only_the_rest_is_run_and_the_table_has_the_same_bytes(
    tmp_path: Path, log: str, fork_server: ForkServer, loop: Any, enough: int
) -> None:
    """The kill comes among the last settings: of the claims they are those of the bootstrap."""
    mine = make_features(120, 64, multilabel=True).save(tmp_path / "mine.safetensors")

    def kept(folder: str) -> int:
        return len(list((tmp_path / folder).glob("[!.]*.json")))

    loop(sl.load_features(mine), tmp_path / "whole").to_csv(tmp_path / "whole.csv")

    def start() -> Forked:
        return Forked(fork_server, RUN.format(loop=loop.__name__), mine, tmp_path / "killed", log, folder=tmp_path)

    assert start().kill_when(lambda: kept("killed") >= enough) == signal.SIGKILL
    done = kept("killed")
    assert enough <= done < kept("whole") and len(noted(log)) - done <= 1, "what was in progress is lost, no more"
    assert start().wait() == 0
    assert len(noted(log)) == kept("whole") - done
    assert (tmp_path / "killed.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
