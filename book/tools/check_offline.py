"""Find everything in a built book that a browser would fetch from another host, and every link within it that leads nowhere.

    python book/tools/check_offline.py build/_build/html

Hyperlinks may lead to any host; what a page loads by itself (scripts, styles, images, fonts, frames) must lie beside it, and
so must the file, and in it the anchor, that a link without a host names.
Prints one line per violation and exits 1, or prints the number of pages read and exits 0. Standard library only.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ADDRESS = r"""(?:https?:)?//[^"'`)\s;,]+"""
REMOTE = re.compile(rf"\s*{ADDRESS}", re.I)
CSS_LOAD = re.compile(rf"""(?:url\(\s*|@import\s+)["']?\s*({ADDRESS})""", re.I)
SCRIPT_STRING = re.compile(rf"""["'`]({ADDRESS})""", re.I)
SCRIPT_IMPORT = re.compile(rf"""\b(?:import|from|importScripts)\b[\s(]*["'`]({ADDRESS})""", re.I)
IDENTIFIERS = ("http://www.w3.org/", "https://vega.github.io/schema/")  # names in the form of addresses, never fetched
LOADING_ATTRIBUTES = {"src", "srcset", "imagesrcset", "poster", "data", "background"}
LOADING_HREFS = {"image", "use", "feimage", "base"}
LOADING_RELATIONS = {"stylesheet", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch", "icon", "manifest"}


class LoadFinder(HTMLParser):
    """Collects (line, tag, address) of every load from another host in one HTML or SVG text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[tuple[int, str, str]] = []
        self._body: list[str] | None = None  # the text of the script or style element that is open
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        kind = values.get("type", "").lower()
        relations = set(values.get("rel", "").lower().split())
        for name, value in values.items():
            loading_href = tag in LOADING_HREFS or (tag == "link" and relations & LOADING_RELATIONS)
            if name.endswith("srcset"):
                self._add(tag, re.split(r"[,\s]+", re.sub(r"data:\S+", "", value)))
            elif name in LOADING_ATTRIBUTES or (loading_href and name in ("href", "xlink:href")):
                self._add(tag, [value])
            elif name == "style":
                self._add(tag, CSS_LOAD.findall(value))
            elif name == "srcdoc":
                self._add(tag, (address for _, _, address in LoadFinder(value).found))
            elif name == "content" and values.get("http-equiv", "").lower() == "refresh":
                self._add(tag, [value.partition("=")[2].strip("\"' ")])
        if tag == "style" or (tag == "script" and (kind in ("", "module") or "javascript" in kind)):
            self._body = []

    def handle_data(self, data: str) -> None:
        if self._body is not None:
            self._body.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self._body is not None:
            pattern = CSS_LOAD if tag == "style" else SCRIPT_STRING
            self._add(tag, pattern.findall("".join(self._body).replace("\\/", "/")))
        self._body = None

    def _add(self, tag: str, addresses: Iterable[str]) -> None:
        line = self.getpos()[0]
        self.found += [(line, tag, a.strip()) for a in addresses if REMOTE.match(a) and not a.startswith(IDENTIFIERS)]


class LinkFinder(HTMLParser):
    """Collects (line, tag, address) of everything that a page names within the book, and the anchors that the page has."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[tuple[int, str, str]] = []
        self.anchors: set[str] = set()
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value or "")
            elif name in ("href", "xlink:href", "src", "poster") and value:
                self.found.append((self.getpos()[0], tag, value))
            elif tag == "meta" and name == "content" and "url=" in (value or ""):
                self.found.append((self.getpos()[0], tag, (value or "").partition("url=")[2]))


def broken_links(root: Path) -> Iterator[str]:
    """One line, `file:line: tag address`, for each link within the book below `root` that leads nowhere."""
    pages = {path.resolve(): LinkFinder(path.read_text(encoding="utf-8", errors="replace")) for path in root.rglob("*.html")}
    for path, page in sorted(pages.items()):
        if root.resolve() / "_static" in path.parents:
            continue  # parts of the theme, no pages
        for line, tag, address in page.found:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(parts.fragment)
            if not target.is_file():
                yield f"{path}:{line}: {tag} {address} (no such file)"
            elif anchor and target in pages and anchor not in pages[target].anchors:
                yield f"{path}:{line}: {tag} {address} (no such anchor)"


def violations(root: Path) -> Iterator[str]:
    """One line, `file:line: tag address`, for each load from another host below `root`."""
    for path in sorted(root.rglob("*")):
        if path.suffix in (".html", ".svg"):
            found = LoadFinder(path.read_text(encoding="utf-8", errors="replace")).found
        elif path.suffix in (".css", ".js", ".mjs"):
            pattern = CSS_LOAD if path.suffix == ".css" else SCRIPT_IMPORT
            text = path.read_text(encoding="utf-8", errors="replace")
            found = [(text.count("\n", 0, hit.start()) + 1, path.suffix[1:], hit[1]) for hit in pattern.finditer(text)]
        else:
            continue
        yield from (f"{path}:{line}: {tag} {address}" for line, tag, address in found)


def main(arguments: list[str]) -> int:
    """Check the built book in the folder that is the one argument."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print(f"usage: python book/tools/check_offline.py FOLDER (one existing folder, not {arguments})", file=sys.stderr)
        return 2
    root = Path(arguments[0])
    found = [*violations(root), *broken_links(root)]
    pages = len(list(root.rglob("*.html")))
    if found or not pages:
        print("\n".join(found) or f"no HTML page under {root}", file=sys.stderr)
        return 1
    print(f"{pages} pages load nothing from another host, and no link within them leads nowhere")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
