"""Write the book's table of contents, in the form that Jupyter Book reads, from the parts in notebooks/figures.yml.

    python book/tools/make_toc.py book/generated/_toc.yml

A page is the prose book/NAME.md where there is one, else book/generated/NAME, as the figures write it. Where book/NAME/ has
pages too, they stand below it, in the order in which NAME.md links to them. Parts are numbered.
"""

import re
import sys
from pathlib import Path
from typing import Any

import yaml

from stressbook.reproduce.catalogue import parts, project_root
from stresslib.files import write_text

NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")


def table_of_contents(root: Path) -> str:
    """Return the table of contents as YAML."""
    chapters = [
        {"caption": f"{NUMERALS[place]}. {caption}", "chapters": [_entry(root, name) for name in names]}
        for place, (caption, names) in enumerate(parts(root).items())
    ]
    return yaml.safe_dump({"format": "jb-book", "root": "book/generated/intro", "parts": chapters}, sort_keys=False)


def _entry(root: Path, name: str) -> dict[str, Any]:
    prose = root / "book" / f"{name}.md"
    if not prose.is_file():
        return {"file": f"book/generated/{name}"}
    below = re.findall(rf"\{{doc\}}`({name}/[\w-]+)`", prose.read_text(encoding="utf-8"))
    sections = [{"file": f"book/{page}"} for page in below]
    return {"file": f"book/{name}", **({"sections": sections} if sections else {})}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write_text(Path(sys.argv[1]), table_of_contents(project_root()))
