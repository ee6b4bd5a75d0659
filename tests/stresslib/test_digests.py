"""What a module uses, read from its syntax tree: every form of import, and names that packages hand on."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import stresslib as sl
from stresslib import digests, extraction
from stresslib.digests import STRESSLIB, Code


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with a module that is imported in each way, and one that is not."""
    modules = {
        "__init__.py": (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from mine.late import later as latest\n"
            "else:\n    def __getattr__(name): ...\n"
        ),
        "late.py": "later = 1\n",
        "room/__init__.py": "from mine.room.inner import thing\nfrom mine.room.other import unused\n",
        "room/inner.py": "thing = 1\n",
        "room/other.py": "unused = 1\n",
        "room/same.py": "from . import near\nfrom ..late import later\n",
        "room/near.py": "",
        "elsewhere.py": "",
    }
    for name, text in modules.items():
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "mine"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from mine.late import later", {"late"}),
        ("from mine import latest", {"late"}),
        ("import mine as m\nm.latest()", {"late"}),
        ("import mine.room\nmine.room.thing.of.it", {"room/inner"}),
        ("import mine as m\nm.room.near.x", {"room/near"}),
        ("from mine import room\nroom.thing", {"room/inner"}),
        ("from mine.room import thing, near", {"room/inner", "room/near"}),
        ("def f():\n    from mine.room import thing", {"room/inner"}),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from mine import late", set()),
        (
            "import typing\nif typing.TYPE_CHECKING:\n    import mine.late\nelse:\n    from mine import elsewhere",
            {"elsewhere"},
        ),
        ("import mine.late", {"late"}),
        ("import mine.late as l", {"late"}),
        ("import mine", set()),
        ("import numpy as np\nnp.zeros", set()),
        ("'''from mine import late'''", set()),
    ],
)
def test_every_form_of_import_is_followed(package: Path, text: str, found: set[str]) -> None:
    assert Code(package).found_in(text) == {f"mine/{name}.py" for name in found}


def test_relative_imports_start_from_the_module(package: Path) -> None:
    used = Code(package).modules_used("mine/room/same.py")
    assert used == ("mine/late.py", "mine/room/near.py", "mine/room/same.py")


def test_the_use_of_one_function_is_that_of_its_own_names() -> None:
    text = (
        "from stresslib.files import write_json\nfrom stresslib.results import read_results as read\n"
        "def f(): return read(1)\ndef g(): write_json(2)\n"
    )
    assert STRESSLIB.found_in(text, definition="f") == {"stresslib/results.py"}


def test_public_names_are_found_where_python_finds_them() -> None:
    """Packages that import a name when it is first used say the same to type checkers: what is read here."""
    for name in set(sl.__all__) - {"codec"}:
        assert STRESSLIB.defining(f"stresslib.{name}") == f"{getattr(sl, name).__module__.replace('.', '/')}.py"
    for name, module in extraction._MODULES.items():  # type: ignore[attr-defined]
        assert STRESSLIB.defining(f"stresslib.extraction.{name}") == f"stresslib/extraction/{module}.py"


def test_every_module_can_be_followed() -> None:
    """No import is left unresolved: of a name that nothing defines, a package would be blamed."""
    initials = {name for name in STRESSLIB.texts if name.endswith("__init__.py")}
    used = STRESSLIB.modules_used(*(set(STRESSLIB.texts) - initials))
    assert initials.intersection(used) <= {"stresslib/__init__.py"}, "which defines __version__"


def test_a_digest_is_of_what_is_said_to_the_interpreter() -> None:
    def sha256(text: str) -> str:
        return digests._tree_sha256(text, None)

    plain = sha256("def f(x):\n    return [x, None]\nVALUE = 1\n")
    assert (
        sha256('"""What."""\ndef f(x):  # so\n    """How."""\n\n    return [x,\n      None]\nVALUE = (1)\n"""Why."""\n')
        == plain
    )
    for text in ("return [x, 0]", "return [x]", "return (x, None)", "return [x, None, None]", "pass"):
        assert sha256(f"def f(x):\n    {text}\nVALUE = 1\n") != plain
    assert sha256("VALUE = '1'") != sha256("VALUE = 1") != sha256("VALUE = 1.0")


def test_a_digest_does_not_know_the_version_of_python() -> None:
    """Newer ones have fields more, such as type parameters; an empty one is as none."""
    tree = ast.parse("def f(): pass")
    before = digests._plain(tree)
    function = tree.body[0]
    function._fields = (*function._fields, "more")  # type: ignore[misc]
    function.more = []  # type: ignore[attr-defined]
    assert digests._plain(tree) == before
