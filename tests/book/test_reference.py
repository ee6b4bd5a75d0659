"""The pages of reference: public names are on a page of the API with an example, labels have a term, citations agree."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from killed import Forked, ForkServer
from places import ROOT

import stresslib as sl
from stressbook.drawing import words
from stresslib import classical, datasets, extraction, networks
from stresslib.stress import on_images, on_units, on_weights

BOOK = ROOT / "book"
PAGES = {path.relative_to(BOOK).as_posix(): path.read_text(encoding="utf-8") for path in sorted(BOOK.glob("api/*.md"))}
API = "".join(PAGES.values())
SHOWN = set(re.findall(r"^\.\. (?:auto\w+|py:data):: (stresslib\.\S+)$", API, re.M))


@pytest.mark.parametrize("name", sl.__all__)
def test_public_names_are_on_a_page_with_an_example(name: str) -> None:
    """The examples themselves are run as doctests, unless they say that they are not to be."""
    assert f"stresslib.{name}" in SHOWN
    examples = doctest.DocTestParser().get_examples(getattr(sl, name).__doc__ or "")
    assert [example for example in examples if doctest.SKIP not in example.options and "import" not in example.source]


@pytest.mark.parametrize("module", [sl.codec, datasets, extraction, classical, networks, on_images, on_units, on_weights])
def test_names_of_the_submodules_are_on_a_page(module: ModuleType) -> None:
    for name in module.__all__:
        assert {f"stresslib.{name}", f"{module.__name__}.{name}"} & SHOWN


def test_tables_of_the_pages_list_what_is_shown_below() -> None:
    listed = re.findall(r"^   ~(stresslib\.\S+)$", API, re.M)
    assert len(listed) == len(set(listed))
    constants = set(re.findall(r"^\.\. (?:py:data|autoexception|automodule):: (\S+)$", API, re.M))
    assert SHOWN - constants == set(listed)


def test_the_pages_build_without_a_warning(tmp_path: Path, fork_server: ForkServer) -> None:
    """Every type and every name in the docstrings is one that Sphinx finds, or text."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"]
    settings = {key: value for key, value in config["config"].items() if key.startswith(("auto", "napoleon", "nitpick"))}
    source = tmp_path / "source"
    (source / "api").mkdir(parents=True)
    (source / "conf.py").write_text(
        f"import sys; sys.path.insert(0, {str(BOOK / 'tools')!r})\n"
        "extensions = ['sphinx.ext.autodoc', 'sphinx.ext.autosummary', 'sphinx.ext.napoleon', 'myst_parser', 'docstrings']\n"
        "html_theme = 'basic'\nroot_doc = 'api'\nmyst_enable_extensions = ['colon_fence']\n"
        + "".join(f"{key} = {value!r}\n" for key, value in settings.items())
    )
    texts = {**PAGES, "api.md": (BOOK / "api.md").read_text(encoding="utf-8") + "\n```{toctree}\n:glob:\n\napi/*\n```\n"}
    for name, text in texts.items():
        (source / name).write_text(re.sub(r"\{doc\}`[^`]+`", "A page", text))
    options = ["-q", "-W", "-n", "--keep-going", source, tmp_path / "html"]
    code = "import sys; from sphinx.cmd.build import main; sys.exit(main(sys.argv[1:]))"
    run = Forked(fork_server, code, *options, folder=tmp_path)
    assert run.wait() == 0, run.errors
    page = "".join(path.read_text() for path in (tmp_path / "html" / "api").glob("*.html"))
    assert re.search(
        r'<a [^>]*href="#stresslib.stress.spec.parse_spec"[^>]*><code[^>]*><span class="pre">parse_spec\(\)', page
    )
    assert "int or None, default=None" in page
    assert "{&quot;shared&quot;, &quot;per_dimension&quot;}" in page


def test_extensions_of_the_book_are_loaded() -> None:
    """Jupyter Book takes the list of `config` for the whole: what only `local_extensions` has is never loaded."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"]
    assert set(config["local_extensions"]) <= set(config["config"]["extensions"])
    assert all((ROOT / folder / f"{name}.py").is_file() for name, folder in config["local_extensions"].items())


def test_labels_of_the_stresses_are_in_the_glossary() -> None:
    lines = (BOOK / "glossary.md").read_text(encoding="utf-8").splitlines()
    terms = {line for line in lines if line and not line.startswith((" ", "`"))}
    assert {label.split()[0] for label in words.LABELS.values()} | {"QA", "mAP", "relu7", "Objective gap"} <= terms


def entry(text: str, kind: str) -> dict[str, str]:
    """Fields of the one BibTeX entry of a kind, and as `all` the entry as it is written."""
    found = re.search(rf"^@{kind}\{{.*?^\}}$", text, re.M | re.S)
    assert found
    return {"all": found[0], **dict(re.findall(r"(\w+)\s*=\s*\{(.*)\},?$", found[0], re.M))}


def people(authors: list[dict[str, str]]) -> str:
    return " and ".join(f"{one['family-names']}, {one['given-names']}" for one in authors)


def test_citations_agree() -> None:
    cite = (BOOK / "cite.md").read_text(encoding="utf-8")
    cff: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    paper = entry(cite, "inproceedings")
    assert paper["all"] in (BOOK / "references.bib").read_text(encoding="utf-8")
    for cited in (cff["preferred-citation"], cff["references"][0]):
        assert (paper["author"], paper["title"]) == (people(cited["authors"]), cited["title"])
        assert (paper["booktitle"], paper["year"]) == (cited["conference"]["name"], str(cited["year"]))
        assert [one["value"] for one in cited["identifiers"]] == [f"arXiv:{paper['eprint']}"]
    software = entry(cite, "software")
    assert software["author"] == f"{{{cff['authors'][0]['name']}}}" and software["title"] == cff["title"]
    assert software["version"] == str(cff["version"]) == sl.__version__ and software["license"] == cff["license"]
    assert cite.count(f"arXiv:{paper['eprint']}") == 1  # the line of text
