"""Print a built book into one PDF, through Chromium.

    python book/tools/make_pdf.py build/_build/html

The texts of all pages are put behind each other in the order of the contents, links from page to page become links within
the document, and the browser prints it: pictures stay vector graphics, formulas and fonts are those of the pages. Code that
a page folds away is left out. Writes book.pdf beside the pages and names it on the front page, where `MARK` stands. Where no
browser is installed it says so, and the book goes without a PDF.
"""

import posixpath
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from browser import READY, chromium, executable
from bs4 import BeautifulSoup, Tag
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

AUTHOR = "The stresslib authors"
MARK = "<!-- book.pdf -->"
OFFER = re.compile(rf"{MARK}(<p>.*?</p>)?")
LEFT_OUT = "details.hide, .headerlink, script, style, link, [hidden], .noprint, .d-print-none"

# No ligatures: a reader who searches the document for "file" is to find it, whatever the fonts of the machine can join.
STYLE = """
@page { size: A4; margin: 20mm 18mm 22mm; @bottom-center { content: counter(page); font: 9pt Arial, sans-serif; } }
@page :first { @bottom-center { content: none; } }
html { font-size: 10pt; font-variant-ligatures: none; }
html { --pst-font-family-base: "Liberation Sans", Arial, sans-serif; --pst-font-family-heading: inherit; }
.title-page { break-after: page; padding-top: 70mm; text-align: center; }
.title-page p:first-child { font-size: 26pt; line-height: 1.2; }
.book-contents p { margin: .8em 0 .2em; font-weight: 600; }
.book-contents a { display: flex; gap: .5em; color: inherit; text-decoration: none; }
.book-contents a::before { border-bottom: 1px dotted #888; content: ""; flex: 1; margin-bottom: .3em; order: 1; }
.book-contents a::after { content: attr(data-page); order: 2; }
h1, article { break-before: page; }
h1 { border-bottom: 1px solid #888; font-size: 1.2rem; font-weight: 400; margin: 0 0 2rem; }
h1 + article { break-before: avoid; }
"""

NUMBER = """numbers => {
  for (const link of document.querySelectorAll(".book-contents a")) link.dataset.page = numbers[link.hash.slice(1)] ?? "";
}"""
"""Puts the numbers of pages into the contents."""


@dataclass(frozen=True)
class Chapter:
    """A page of the book: its file, from the root, its title in the contents, and the part that it opens (else empty)."""

    page: str
    title: str
    part: str = ""

    @property
    def key(self) -> str:
        """What stands before every anchor of this page in the one document, and is the anchor of its beginning."""
        return self.page.removesuffix(".html").replace("/", "-")


def soup(path: Path) -> BeautifulSoup:
    """Read a page, without the offer of the PDF."""
    return BeautifulSoup(OFFER.sub("", path.read_text(encoding="utf-8")), "html.parser")


def front(root: Path) -> str:
    """Return the front page, to which index.html leads."""
    refresh = re.search(r"url=([^\"']+)", (root / "index.html").read_text(encoding="utf-8"))
    return refresh[1].strip() if refresh else "index.html"


def chapters(root: Path) -> list[Chapter]:
    """Return the pages in the order of the contents that the sidebar of the front page lists."""
    first = front(root)
    sidebar = soup(root / first).select_one("nav.bd-docs-nav")
    if sidebar is None:
        raise ValueError(f"{root / first}: there is no list of contents at its side")
    found, part = [], ""
    for entry in sidebar.select("p.caption, a.reference.internal"):
        if entry.name == "p":
            part = entry.get_text(strip=True)
            continue
        address = str(entry["href"])
        page = first if address == "#" else posixpath.normpath(posixpath.join(posixpath.dirname(first), address))
        found.append(Chapter(page, " ".join(entry.get_text().split()), part))
        part = ""
    return found


def article(root: Path, chapter: Chapter, anchors: dict[str, str]) -> Tag:
    """Return the text of a page, as a part of the one document.

    Parameters
    ----------
    anchors : dict of str to str
        The anchor at which each page of the book begins.
    """
    text = soup(root / chapter.page).select_one("article")
    if text is None:
        raise ValueError(f"{root / chapter.page}: there is no article")
    for tag in text.select(LEFT_OUT):
        tag.decompose()
    for tag in text.select("noscript"):
        tag.unwrap()
    for tag in text.select("details"):
        tag["open"] = ""
    for tag in text.select("p:has(a.download)"):
        if all("download" in link.get_attribute_list("class") for link in tag.select("a")):
            tag.decompose()  # "Download the table": nothing that the one file has
    for name in ("id", "for", "aria-labelledby", "aria-describedby"):
        for tag in text.select(f"[{name}]:not(svg *)"):
            tag[name] = f"{chapter.key}--{tag[name]}"
    here = posixpath.dirname(chapter.page)
    for tag in text.select("[src]"):
        if not urlsplit(str(tag["src"])).scheme:
            tag["src"] = posixpath.normpath(posixpath.join(here, str(tag["src"])))
    for tag in text.select("a[href]"):
        parts = urlsplit(str(tag["href"]))
        if parts.scheme or parts.netloc:
            continue
        page = posixpath.normpath(posixpath.join(here, unquote(parts.path))) if parts.path else chapter.page
        if page not in anchors:  # a file to download: not in the PDF
            del tag["href"]
        else:
            tag["href"] = f"#{anchors[page]}--{parts.fragment}" if parts.fragment else f"#{anchors[page]}"
    for level in range(5, 0, -1):
        for tag in text.select(f"h{level}"):
            tag.name = f"h{level + 1}"
    text["id"] = chapter.key
    return text


def document(root: Path, book: list[Chapter]) -> str:
    """Return the whole book as one HTML page, to be put into `root`; its contents are without numbers of pages."""
    head = soup(root / book[0].page).head
    assert head is not None
    styles = [str(tag["href"]) for tag in head.select("link[rel~=stylesheet]")]
    here = posixpath.dirname(book[0].page)
    links = "".join(f'<link rel="stylesheet" href="{posixpath.normpath(posixpath.join(here, href))}">' for href in styles)
    anchors = {chapter.page: chapter.key for chapter in book}
    contents, texts, formulas = "", "", ""
    for chapter in book:
        if chapter.part:
            contents += f"<p>{escape(chapter.part)}</p>"
            texts += f"<h1>{escape(chapter.part)}</h1>"
        contents += f'<a href="#{chapter.key}">{escape(chapter.title)}</a>'
        texts += str(article(root, chapter, anchors))
        formulas = formulas or mathjax(root, chapter)
    title = escape(book[0].title)
    return (
        '<!DOCTYPE html><html lang="en" data-theme="light" data-mode="light"><head><meta charset="utf-8">'
        f'<title>{title}</title>{links}<style>{STYLE}</style>{formulas}</head><body><div class="bd-content">'
        f'<div class="title-page"><p>{title}</p><p>{AUTHOR}</p><p>{release()}</p></div>'
        f'<nav class="book-contents" aria-label="Contents"><p>Contents</p>{contents}</nav>{texts}</div></body></html>'
    )


def mathjax(root: Path, chapter: Chapter) -> str:
    """Return the scripts that set formulas, from a page that has them; else nothing."""
    page = soup(root / chapter.page)
    found = [
        tag for tag in page.select("script") if "window.MathJax" in tag.get_text() or "/mathjax/" in str(tag.get("src", ""))
    ]
    for tag in found:
        if "src" in tag.attrs:
            tag["src"] = posixpath.normpath(posixpath.join(posixpath.dirname(chapter.page), str(tag["src"])))
    return "".join(map(str, found))


def release() -> str:
    """Return the version of stresslib, and the commit where the book is built from a repository."""
    command = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent).stdout.strip()
    return f"stresslib {version('stresslib')}" + (f", commit {commit}" if commit else "")


def beginnings(pdf: PdfReader) -> dict[str, int]:
    """Return the number of the page on which each anchor stands, from 1 on."""
    numbers = {name: pdf.get_destination_page_number(place) for name, place in pdf.named_destinations.items()}
    return {name.removeprefix("/"): number + 1 for name, number in numbers.items() if number is not None}


def headings(text: str) -> list[str]:
    """Return the headings of a page, in their order."""
    found = BeautifulSoup(text, "html.parser").find_all(re.compile("^h[1-6]$"))
    return [" ".join(tag.get_text().split()) for tag in found]


def bookmarks(outline: Iterable[Any]) -> Iterator[Any]:
    """Go through the bookmarks of a PDF in the order of its pages."""
    for entry in outline:
        if isinstance(entry, list):
            yield from bookmarks(entry)
        else:
            yield entry


def finish(draft: Path, names: Sequence[str], title: str) -> None:
    """Give the PDF its author, and its bookmarks the headings' words: the browser's lose the space where a line breaks."""
    pdf = PdfWriter(draft, incremental=True)
    found = [mark.node for mark in bookmarks(pdf.outline)]
    if len(found) != len(names):
        raise ValueError(f"{draft}: {len(found)} bookmarks for {len(names)} headings")
    for mark, name in zip(found, names, strict=True):
        mark[NameObject("/Title")] = TextStringObject(name)
    pdf.add_metadata({"/Title": title, "/Author": AUTHOR, "/Creator": "stresslib"})
    pdf.page_mode = "/UseOutlines"
    pdf.write(draft)


def faults(pdf: PdfReader, book: Sequence[Chapter]) -> Iterator[str]:
    """Say what a reader of the PDF would miss: a chapter among the bookmarks, a link that leads nowhere or to a file."""
    names = {mark.title for mark in bookmarks(pdf.outline)}
    yield from (f"no bookmark for {chapter.title}" for chapter in book if chapter.title not in names)
    places = pdf.named_destinations
    for number, page in enumerate(pdf.pages, start=1):
        for annotation in page.annotations or ():
            link = annotation.get_object()
            address = str(link.get("/A", {}).get("/URI", "https:"))
            if "/Dest" in link and str(link["/Dest"]) not in places:
                yield f"page {number}: a link to {link['/Dest']}, which is nowhere"
            if not address.startswith(("http:", "https:", "mailto:")):
                yield f"page {number}: a link to {address}"


def offer(root: Path, pdf: Path, pages: int) -> None:
    """Name the PDF on the front page, where the mark stands."""
    path = root / front(root)
    address = posixpath.relpath(pdf.name, posixpath.dirname(front(root)))
    link = f'<p><a href="{address}">The whole book as a PDF</a> ({pages} pages, {pdf.stat().st_size / 1e6:.1f} MB)</p>'
    path.write_text(OFFER.sub(MARK + link, path.read_text(encoding="utf-8")), encoding="utf-8")


def print_book(root: Path) -> Path:
    """Write book.pdf into the built book; return its path."""
    book = chapters(root)
    source, target, draft = root / "_print.html", root / "book.pdf", root / "_print.pdf"
    text = document(root, book)
    try:
        source.write_text(text, encoding="utf-8")
        with chromium() as browser:
            tab = browser.new_page(color_scheme="light")
            tab.goto(source.as_uri())
            tab.evaluate(READY)
            for _ in range(2):  # the second time with the page numbers of the first in the contents
                tab.pdf(path=draft, prefer_css_page_size=True, print_background=True, outline=True, tagged=True)
                tab.evaluate(NUMBER, beginnings(PdfReader(draft)))
        finish(draft, headings(text), book[0].title)
        if wrong := list(faults(PdfReader(draft), book)):
            raise ValueError("\n".join(wrong))
        draft.replace(target)
    finally:
        source.unlink(missing_ok=True)
        draft.unlink(missing_ok=True)
    return target


def main(arguments: Sequence[str]) -> int:
    """Print the built book in the folder that is the one argument."""
    if len(arguments) != 1 or not (Path(arguments[0]) / "index.html").is_file():
        print(f"usage: python book/tools/make_pdf.py FOLDER (one folder with index.html, not {arguments})", file=sys.stderr)
        return 2
    if executable() is None:
        print("make_pdf.py: no Chromium or Chrome is installed, so there is no PDF (apt-get install chromium)")
        return 0
    root = Path(arguments[0]).resolve()
    try:
        path = print_book(root)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    pdf = PdfReader(path)
    offer(root, path, len(pdf.pages))
    print(f"{path}: {len(pdf.pages)} pages, {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
