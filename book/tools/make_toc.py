"""Write the book's table of contents, in the form that Jupyter Book reads, from the parts in notebooks/figures.yml.

    python book/tools/make_toc.py book/generated/_toc.yml

A page is the prose book/NAME.md where there is one, else book/generated/NAME, as the figures write it.
"""

import sys
from pathlib import Path

import yaml

from stressbook.reproduce.catalogue import parts, project_root
from stresslib.files import write_text


def table_of_contents(root: Path) -> str:
    """Return the table of contents as YAML."""
    chapters = [
        {"caption": caption, "chapters": [{"file": _page(root, name)} for name in names]}
        for caption, names in parts(root).items()
    ]
    return yaml.safe_dump({"format": "jb-book", "root": "book/generated/intro", "parts": chapters}, sort_keys=False)


def _page(root: Path, name: str) -> str:
    return f"book/{name}" if (root / "book" / f"{name}.md").is_file() else f"book/generated/{name}"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write_text(Path(sys.argv[1]), table_of_contents(project_root()))
