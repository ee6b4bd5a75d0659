"""Catalogue: the figures of notebooks/figures.yml, and the checkout that it lies in.

Where every run begins: names and profiles, before anything is read or computed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from stressbook.reproduce.parameters import near


def project_root() -> Path:
    """Return the folder of the checkout: the nearest one upwards that has notebooks/figures.yml.

    Raises
    ------
    FileNotFoundError
        When neither the current folder nor the package lies in a checkout.
    """
    for start in (Path.cwd(), Path(__file__).parent):
        for folder in (start, *start.parents):
            if (folder / "notebooks" / "figures.yml").is_file():
                return folder
    raise FileNotFoundError("notebooks/figures.yml is not here; run this inside a checkout of the project")


def figures(root: Path) -> dict[str, Any]:
    """Return what notebooks/figures.yml says, by the names of the figures."""
    return dict(yaml.safe_load((root / "notebooks" / "figures.yml").read_text(encoding="utf-8")))


def chosen_figures(root: Path, names: Iterable[str]) -> list[str]:
    """Return the figures that some names mean; ``"all"`` means every one.

    Raises
    ------
    ValueError
        On a name that is none; the message lists those there are.
    """
    known, chosen = figures(root), []
    for name in names:
        if name != "all" and name not in known:
            raise ValueError(f"figure {name!r} is unknown; there are {', '.join(known)}{near(name, known)}")
        chosen += list(known) if name == "all" else [name]
    return list(dict.fromkeys(chosen))
