"""Catalogue: the figures and the parts of the book in notebooks/figures.yml, and the checkout that it lies in.

Where every run begins: names and profiles, before anything is read or computed.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

_PARTS = "parts"


def project_root() -> Path:
    """Return the folder of the checkout: the nearest one upwards that has notebooks/figures.yml.

    The current folder comes first; kernels and workers that run elsewhere find the checkout that this package lies in.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    FileNotFoundError
        When neither the current folder nor the package lies in a checkout.
    """
    for start in (Path.cwd(), Path(__file__).parent):
        for folder in (start, *start.parents):
            if (folder / "notebooks" / "figures.yml").is_file():
                return folder
    raise FileNotFoundError("there is no notebooks/figures.yml here; run this in a checkout of the project")


def figures(root: Path) -> dict[str, Any]:
    """Return what notebooks/figures.yml says of each figure, by name.

    Parameters
    ----------
    root : pathlib.Path
        Folder of the checkout.

    Returns
    -------
    dict
    """
    return {name: entry for name, entry in _catalogue(root).items() if name != _PARTS}


def parts(root: Path) -> dict[str, dict[str, list[str]]]:
    """Return the names of the pages of each part of the book, figures and prose, by the part's caption.

    Parameters
    ----------
    root : pathlib.Path
        Folder of the checkout.

    Returns
    -------
    dict of str to dict of str to list of str
        In the order of the book: below each caption the pages, and with each page those that stand below it.
    """
    listed = dict(_catalogue(root)[_PARTS])
    nested = {caption: [one if isinstance(one, dict) else {one: []} for one in pages] for caption, pages in listed.items()}
    return {caption: {page: below for one in pages for page, below in one.items()} for caption, pages in nested.items()}


def _catalogue(root: Path) -> dict[str, Any]:
    text = (root / "notebooks" / "figures.yml").read_text(encoding="utf-8")
    return dict(yaml.load(text, _Loader))


# Every run asks several times; the loader in C, which wheels of PyYAML have, takes a seventh of the time.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def chosen_figures(root: Path, names: Iterable[str]) -> list[str]:
    """Return the figures that some names mean; ``"all"`` means every one.

    Parameters
    ----------
    root : pathlib.Path
        Folder of the checkout.
    names : iterable of str

    Returns
    -------
    list of str
        Each figure once.

    Raises
    ------
    ValueError
        On a name that is not a figure; the message lists those there are.
    """
    known, chosen = figures(root), []
    for name in names:
        if name != "all" and name not in known:
            raise ValueError(f"figure {name!r} is unknown; there are {', '.join(known)}{did_you_mean(name, known)}")
        chosen += list(known) if name == "all" else [name]
    return list(dict.fromkeys(chosen))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of an error message that asks for the most similar known name; empty where none is similar.

    Parameters
    ----------
    name : str
    known : iterable of str

    Returns
    -------
    str

    Examples
    --------
    >>> did_you_mean("figur-2", ["figure-2", "live"])
    "; did you mean 'figure-2'?"
    """
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""
