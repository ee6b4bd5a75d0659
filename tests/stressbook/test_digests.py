"""Digests of the results under results/: an edit makes those tables stale whose measure uses it, and no others."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from places import ROOT

import stresslib as sl
from stressbook.digests import result_digest, template_of
from stressbook.reproduce.catalogue import figures
from stressbook.reproduce.manifest import kept_file
from stresslib.digests import Code

KEPT = {name: file for name in figures(ROOT) if (file := kept_file(ROOT, name)) is not None}

# What is so of each figure, written by hand from what its chapter does.
FEWER_DIMENSIONS = {
    "figure-2",
    "figure-3",
    "shrinkage",
    "centring",
    "subsets",
    "intrinsic-dimension",
    "feature-flow",
    "shared-kernels",
    "invariances",
    "context",
}
FEWER_VALUES = {"figure-4", "bias", "bit-erasure", "cliff", "objects"}
BOTH = {"figure-5", "claims", "classical", "selection", "rate", "separation", "data-card", "seeing", "layers", "combination"}
BOTH |= {"ap-definition", "order", "data-size", "networks", "direct", "own-data", "amplitude-phase", "fingerprints"}
BOTH |= {"evolution", "salient-features", "weights-or-features", "components", "signatures"}
PHOTOGRAPHS = {"live", "seeing"}
CORRUPTED = {"amplitude-phase", "objects"}
TRAINED = {*CORRUPTED, "feature-flow", "fingerprints", "salient-features", "shared-kernels", "weights-or-features"}
TRAINED |= {"invariances", "context", "components"}
IMAGES = PHOTOGRAPHS | CORRUPTED
ALL = {*FEWER_DIMENSIONS, *FEWER_VALUES, *BOTH, *PHOTOGRAPHS, *TRAINED}
# Of the others a network's own last layer is the classifier, or a machine with a kernel.
CLASSIFIED = ALL - PHOTOGRAPHS - {"objects", "salient-features", "invariances", "signatures"}
ONE_DICTIONARY = {"figure-4", "bias", "claims", "classical", "data-card", "seeing", "layers", "combination", "ap-definition"}
ONE_DICTIONARY |= {"amplitude-phase", "objects", "fingerprints", "evolution", "signatures"}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the modules of both packages, to be edited."""
    folder = tmp_path_factory.mktemp("packages")
    for package in (ROOT / "stresslib", ROOT / "book" / "stressbook"):
        shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__", "embedded", "*.j2"))
    return folder


Edit = Callable[[str, Callable[[str], str]], None]


@pytest.fixture
def edit(packages: Path) -> Iterator[Edit]:
    """Edit or write a module by a function of its text, for one test."""
    originals: dict[Path, str | None] = {}

    def change(name: str, edited: Callable[[str], str]) -> None:
        path = packages / name
        originals[path] = text = path.read_text() if path.exists() else None
        path.write_text(edited(text or ""))
        assert path.read_text() != text, "the edit is one"

    yield change
    for path, text in originals.items():
        if text is None:
            path.unlink()
        else:
            path.write_text(text)


def planted(text: str) -> str:
    return f"{text}\nEDITED = True\n"


def digests(packages: Path) -> dict[str, str]:
    code = Code(packages / "stresslib", packages / "stressbook")
    return {name: result_digest(template_of(name), ROOT / "results" / file, code) for name, file in KEPT.items()}


@pytest.fixture(scope="module")
def before(packages: Path) -> dict[str, str]:
    made = digests(packages)
    assert set(made) == ALL, "a new figure is to be entered above"
    assert made == {name: result_digest(template_of(name), ROOT / "results" / file) for name, file in KEPT.items()}
    return made


def stale(packages: Path, before: dict[str, str]) -> set[str]:
    return {name for name, digest in digests(packages).items() if digest != before[name]}


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("stresslib/stress/on_features/reduction.py", FEWER_DIMENSIONS | BOTH),
        ("stresslib/stress/on_features/quantization.py", FEWER_VALUES | BOTH),
        ("stresslib/stress/on_features/allocation.py", {"rate"}),
        ("stresslib/evaluation/metrics.py", CLASSIFIED),
        ("stresslib/evaluation/squared_hinge.py", CLASSIFIED),
        ("stresslib/evaluation/bootstrap.py", {"claims", "ap-definition", "direct", "own-data"}),
        (
            "stresslib/evaluation/separation.py",
            {"separation", "feature-flow", "salient-features", "shared-kernels", "context", "components"},
        ),
        ("stresslib/codec/peers/with_faiss.py", {"rate"}),
        ("stresslib/codec/bins.py", {"rate", "weights-or-features", "signatures"}),
        (
            "stresslib/running/grid.py",
            CLASSIFIED - {"claims", "own-data", "fingerprints", "weights-or-features", "components"},
        ),
        ("stresslib/extraction/graph.py", IMAGES | TRAINED | {"evolution", "signatures"}),
        ("stresslib/images/decode.py", IMAGES | {"invariances", "signatures"}),
        ("stresslib/classical/descriptors.py", (IMAGES - {"objects"}) | {"signatures"}),
        ("stresslib/features/library.py", ALL),
        ("stresslib/stress/on_images/corruptions.py", CORRUPTED),
        ("stresslib/training/recipes.py", TRAINED),
        ("stressbook/chapters/images/amplitude_phase/effects.py", set()),
        ("stresslib/datasets/registry.py", set()),
        ("stresslib/paper/counterparts.py", set()),
        ("stresslib/cli/sweep.py", set()),
        ("stresslib/__init__.py", set()),
        ("stresslib/features/__init__.py", set()),
        ("stressbook/chapters/verdicts/claims/measure.py", {"claims", "ap-definition", "own-data"}),
        ("stressbook/chapters/beyond/separation/small_networks.py", {"separation"}),
        ("stressbook/chapters/beyond/separation/scores.py", set()),
        (
            "stressbook/chapters/rerun/figure_4/measure.py",
            {"figure-4", "figure-5", "bias", "layers", "combination", "separation"},
        ),
        ("stressbook/chapters/stress/seeing/crops.py", IMAGES - {"objects"}),
        ("stressbook/chapters/stress/seeing/measure.py", {"seeing"}),
        ("stressbook/chapters/rerun/figure_4/page.py", set()),
        ("stressbook/drawing/style.py", set()),
        ("stressbook/notebook.py", set()),
        ("stressbook/reproduce/run.py", set()),
    ],
)
def test_an_edit_makes_stale_what_depends_on_it_and_nothing_else(
    packages: Path, before: dict[str, str], edit: Edit, module: str, expected: set[str]
) -> None:
    edit(module, planted)
    assert stale(packages, before) == expected


STRESS = '''"""Rounding: fewer decimals."""

from sklearn.base import BaseEstimator


class Rounding(BaseEstimator):
    def __init__(self, n_decimals: int) -> None:
        self.n_decimals = n_decimals
'''


FUNCTIONS = """def _rounding() -> type[BaseEstimator]:
    from stresslib.stress.on_features.rounding import Rounding

    return Rounding


def _rounded_bits(n_decimals: int) -> int:
    return 4 * n_decimals


"""


def test_a_new_stress_makes_nothing_stale(packages: Path, before: dict[str, str], edit: Edit) -> None:
    """One file and one entry in the registry, with the functions that it needs."""
    entry = """        FeatureStress(
            token="QR",
            role="quantizer",
            number="values",
            lowest=0,
            label="rounding",
            transformer=_rounding,
            bits=_rounded_bits,
        ),
"""

    def register(text: str) -> str:
        text = text.replace("FEATURE_STRESSES: dict", f"{FUNCTIONS}FEATURE_STRESSES: dict")
        return text.replace(
            '        FeatureStress(\n            token="QA"', f'{entry}        FeatureStress(\n            token="QA"'
        )

    edit("stresslib/stress/on_features/rounding.py", lambda _: STRESS)
    edit("stresslib/stress/registry.py", register)
    assert (packages / "stresslib/stress/registry.py").read_text().count("ounding") == 6
    assert stale(packages, before) == set()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"scope": "shared"', '"scope": "common"', ONE_DICTIONARY),
        ("    return MOST_BITS", "    return MOST_BITS - 1", {"rate"}),
        ("n_bits: int) -> int:", "n_bits: float) -> int:", {"rate"}),
        ("number >= self.lowest", "number > self.lowest", ALL),  # whatever reads a results table knows its stresses
    ],
)
def test_of_the_registry_counts_what_a_table_uses_and_what_all_entries_share(
    packages: Path, before: dict[str, str], edit: Edit, old: str, new: str, expected: set[str]
) -> None:
    edit("stresslib/stress/registry.py", lambda text: text.replace(old, new))
    assert stale(packages, before) == expected


ARCHITECTURE = """    "larger": Architecture(
        "a larger one",
        lambda channels, classes, size, width: _larger(width),
        width=16,
        learning_rate=0.1,
    ),
    "vgg": Architecture("""


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("stresslib/networks/registry.py", '    "vgg": Architecture(', ARCHITECTURE),
        ("stresslib/networks/signet.py", "", "EDITED = True"),
        (
            "stresslib/training/recipes.py",
            "RECIPES = {",
            'RECIPES = {\n    "thrice": Recipe("the same batch thrice", views=3),',
        ),
        ("stresslib/training/data.py", '"mnist": _mnist', '"mnist": _mnist, "more": _mnist'),
    ],
)
def test_another_architecture_recipe_or_data_set_makes_no_trained_networks_stale(
    packages: Path, before: dict[str, str], edit: Edit, module: str, old: str, new: str
) -> None:
    edit(module, lambda text: text.replace(old, new) if old else f"{text}\n{new}\n")
    assert stale(packages, before) == ({"signatures"} if "signet" in module else set())


def test_the_architecture_that_was_trained_counts(packages: Path, before: dict[str, str], edit: Edit) -> None:
    edit("stresslib/networks/registry.py", lambda text: text.replace("CifarResNet(8, width,", "CifarResNet(8, 2 * width,"))
    assert stale(packages, before) == TRAINED - {"salient-features", "shared-kernels", "components"} | {"evolution"}


@pytest.mark.parametrize(
    "module",
    [
        "stresslib/evaluation/squared_hinge.py",
        "stresslib/stress/registry.py",
        "stressbook/chapters/rerun/figure_4/measure.py",
    ],
)
def test_better_english_makes_nothing_stale(packages: Path, before: dict[str, str], edit: Edit, module: str) -> None:
    """Docstrings of modules, functions and constants, comments, blank lines."""
    edit(module, lambda text: re.sub(r'"""(?=\S)', '"""Plainly: ', text).replace("\n\n\n", "\n\n\n\n# A word of comment.\n"))
    assert stale(packages, before) == set()


def test_what_only_type_checkers_import_makes_nothing_stale(packages: Path, before: dict[str, str], edit: Edit) -> None:
    module = "stressbook/chapters/rerun/figure_4/measure.py"
    lines = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from stresslib.codec.bits import pack_bits\n"
    edit(module, lambda text: f"{text}\n{lines}")
    once = digests(packages)
    edit("stresslib/codec/bits.py", planted)
    assert {name for name, digest in digests(packages).items() if digest != once[name]} == {
        "rate",
        "weights-or-features",
        "signatures",
    }


def test_the_stresses_of_a_table_are_those_of_its_rows(tmp_path: Path, before: dict[str, str]) -> None:
    """The same figure with another stress depends on more; a table that was edited by hand can be read all the same."""
    table = tmp_path / "figure-4.csv"
    shutil.copy(ROOT / "results" / "figure-4.csv", table)
    assert result_digest(template_of("figure-4"), table) == before["figure-4"]
    rows = sl.read_results(table)
    rows.loc[0, "stress"] = "pca+allocated-64-bits"
    sl.write_results(rows, table)
    assert result_digest(template_of("figure-4"), table) != before["figure-4"]
    table.write_text("no,table\n1,2\n")
    assert result_digest(template_of("figure-4"), table) != before["figure-4"]
