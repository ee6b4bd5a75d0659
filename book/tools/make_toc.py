"""Write the book's table of contents, in the form that Jupyter Book reads, from the parts in notebooks/figures.yml.

    python book/tools/make_toc.py book/generated/_toc.yml

A page is the prose book/NAME.md where there is one, else book/generated/NAME, as the figures write it. Below a page stand
those that its part lists with it; where book/NAME/ has pages, they stand below NAME.md in the order of its links. Parts are
numbered, and the last one, the appendices, is not.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from stressbook.reproduce.catalogue import parts, project_root
from stresslib.files import write_text

NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")


def table_of_contents(root: Path) -> str:
    """Return the table of contents as YAML."""
    listed = parts(root)
    numerals = [f"{numeral}. " for numeral in NUMERALS[: len(listed) - 1]] + [""]
    chapters = [
        {"caption": f"{numeral}{caption}", "chapters": [_entry(root, *page) for page in pages.items()]}
        for numeral, (caption, pages) in zip(numerals, listed.items(), strict=True)
    ]
    return yaml.safe_dump({"format": "jb-book", "root": "book/generated/intro", "parts": chapters}, sort_keys=False)


def _entry(root: Path, name: str, below: Sequence[str] = ()) -> dict[str, Any]:
    prose = root / "book" / f"{name}.md"
    sections = [_entry(root, page) for page in below]
    if prose.is_file():
        linked = re.findall(rf"\{{doc\}}`({name}/[\w-]+)`", prose.read_text(encoding="utf-8"))
        sections += [{"file": f"book/{page}"} for page in linked]
    place = f"book/{name}" if prose.is_file() else f"book/generated/{name}"
    return {"file": place, **({"sections": sections} if sections else {})}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write_text(Path(sys.argv[1]), table_of_contents(project_root()))
