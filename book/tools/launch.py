"""Sphinx extension: buttons on each figure's page that open its template on Binder or Colab.

The pages are executed notebooks that are not committed, so the theme's own buttons would lead nowhere: these lead to the
template under notebooks/. The repository is the one whose workflow builds the book; elsewhere there are no buttons.
"""

import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def links(page: str, repository: str) -> dict[str, str]:
    """Return where a page's template opens, by the service's name; nothing for a page that has none.

    Parameters
    ----------
    page : str
        As Sphinx names it, such as ``"book/generated/figure-4"``.
    repository : str
        ``OWNER/NAME`` on GitHub; empty: unknown.
    """
    template = f"notebooks/{page.rpartition('/')[2]}.ipynb"
    if not repository or not page.startswith("book/generated/") or not (ROOT / template).is_file():
        return {}
    return {
        "Binder": f"https://mybinder.org/v2/gh/{repository}/main?urlpath=lab/tree/{template}",
        "Colab": f"https://colab.research.google.com/github/{repository}/blob/main/{template}",
    }


def add_buttons(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Put the links beside the theme's own buttons."""
    found = links(page, os.environ.get("GITHUB_REPOSITORY", ""))
    look = {"icon": "fas fa-rocket", "label": "launch-buttons"}
    buttons = [
        {"type": "link", "url": url, "text": name, "tooltip": f"Open the template on {name} (untried)", **look}
        for name, url in found.items()
    ]
    if buttons:
        context["header_buttons"].append({"type": "group", "buttons": buttons, "tooltip": "Open the template", **look})


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx, after the theme has made its list of buttons."""
    app.connect("html-page-context", add_buttons, priority=501)
    return {"parallel_read_safe": True}
