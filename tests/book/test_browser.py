"""The book in a real browser: the checks see what is planted on a page, and the PDF keeps links, bookmarks and vectors."""

from __future__ import annotations

import doctest
import io
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from places import ROOT
from pypdf import PdfReader

TOOLS = ROOT / "book" / "tools"
sys.path.insert(0, str(TOOLS))

import browser  # noqa: E402
import check_browser  # noqa: E402
import make_pdf  # noqa: E402
import mend  # noqa: E402

needs_chromium = pytest.mark.skipif(
    browser.executable() is None, reason="no Chromium or Chrome is installed (apt-get install chromium)"
)

PAGE = """<!DOCTYPE html><html lang="en"><head><title>A page</title><link rel="icon" href="data:,">
<style>.skip:not(:focus) {{ position: absolute; top: -99px }}
body {{ background: #fff; color: #000 }} {style}</style></head>
<body><div role="region" aria-label="First"><a class="skip" href="#main-content">Skip to the text</a></div>
<nav class="bd-docs-nav" aria-label="Main"><a class="reference internal" href="{name}">Front &amp; all</a>
<p class="caption">The parts</p><a class="reference internal" href="book/second.html">A second page</a></nav>
<main id="main-content" tabindex="-1"><div class="bd-article-container"><article>
{text}</article></div></main></body></html>"""
CLEAN = '<h1 id="top">Front &amp; all</h1><p><a href="#top">up</a></p>'


def page(text: str, style: str = "", name: str = "index.html") -> str:
    return PAGE.format(text=text, style=style, name=name)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser.chromium() as started:
        yield started


PLANTED = [
    ("<script>console.error('broken')</script>", "1280: console: broken"),
    ("<script>undefined.x</script>", "390: script: Cannot read"),
    ('<img src="https://example.org/x.png" alt="x">', "1280: asks another host: https://example.org/x.png"),
    ('<img src="missing.png" alt="x">', "390: does not load: file:///"),
    ("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>", "1280 light: image-alt"),
    ("<h3>Too deep</h3>", "390 light: heading-order"),
    ('<p class="grey">only in the dark</p>', "1280 dark: color-contrast"),
    (f"<p>{'W' * 200}</p>", "390: wider than the window: <p>WWW"),
    ('<button tabindex="1">first</button>', "1280: keyboard: 1 elements with a positive tabindex"),
]
GREY = "@media (prefers-color-scheme: dark) { .grey { background: #000; color: #333 } }"


@needs_chromium
def test_planted_faults_are_found(chromium: Any, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(page(CLEAN + "".join(text for text, _ in PLANTED), GREY))
    [visit] = check_browser.visit_pages(chromium, tmp_path, [tmp_path / "index.html"], tmp_path)
    found = visit.faults
    assert [fault for _, fault in PLANTED if not any(line.startswith(fault) for line in found)] == []
    assert not any("dark: color" in line and "grey" not in line for line in found)
    assert len(list(tmp_path.glob("index-*.png"))) == 4


@needs_chromium
def test_a_sound_page_has_no_fault(chromium: Any, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(page(CLEAN, GREY))
    [visit] = check_browser.visit_pages(chromium, tmp_path, [tmp_path / "index.html"], None)
    assert visit.faults == []


@needs_chromium
def test_what_a_tab_itself_breaks_off_is_no_fault(chromium: Any, tmp_path: Path) -> None:
    """It goes on to the next page while the icon of the last is still on its way: a file that is there."""
    (tmp_path / "index.html").write_text(page(CLEAN))
    tab, visit = chromium.new_page(), check_browser.Visit("index.html")
    with check_browser.watched(tab, visit, "390"):
        tab.route("**/x.png", lambda route: route.abort("aborted"))
        tab.route("**/y.png", lambda route: route.abort("failed"))
        tab.goto((tmp_path / "index.html").as_uri())
        for name in ("x.png", "y.png"):
            with tab.expect_event("requestfailed"):
                tab.evaluate("source => { new Image().src = source }", name)
    failures = [fault for fault in visit.faults if "does not load" in fault]
    assert [fault.rpartition("/")[2] for fault in failures] == ["y.png (net::ERR_FAILED)"]


@needs_chromium
def test_a_page_is_opened_as_if_there_had_been_none_before(chromium: Any, tmp_path: Path) -> None:
    """Both are opened in one tab: what the first keeps or does wrong is not the second's."""
    kept = "".join(
        f"<script>if ({store}.seen) console.error('{store}'); {store}.seen = 1</script>"
        for store in ("localStorage", "sessionStorage")
    )
    for name, own in (("a", "<p>planted</p><script>console.error('own')</script>"), ("b", "")):
        text = '<p class="grey">in the dark</p><img src="x.png" alt="x"><script src="x.js"></script>' + kept + own
        (tmp_path / f"{name}.html").write_text(page(CLEAN + text, GREY))
    Image.new("RGB", (2, 2)).save(tmp_path / "x.png")
    (tmp_path / "x.js").write_text("")
    first, second = check_browser.visit_pages(chromium, tmp_path, [tmp_path / "a.html", tmp_path / "b.html"], None)
    own = [f"{width}: console: own" for width in check_browser.WIDTHS]
    assert [fault for fault in first.faults if fault not in second.faults] == own
    assert {fault.partition(":")[0] for fault in second.faults} == {"1280 dark", "390 dark"}, "in the light before that"
    files = [{path.name for path in visit.files} for visit in (first, second)]
    assert files == [{"a.html", "x.png", "x.js"}, {"b.html", "x.png", "x.js"}], "those too that the tab has had before"


@needs_chromium
def test_the_keyboard_must_reach_the_text(chromium: Any, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(page(CLEAN, ".skip { display: none }"))
    tab = chromium.new_page()
    tab.goto((tmp_path / "index.html").as_uri())
    [fault] = check_browser.keyboard_faults(tab)
    assert "the first stop is not the link that skips" in fault


def test_weight_is_split_into_own_and_shared(tmp_path: Path) -> None:
    files = {"_static/all.js": 3000, "_static/one.js": 50, "picture.png": 700, "a.html": 20, "b.html": 10}
    for name, size in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * size)
    first = check_browser.Visit("a.html", files={tmp_path / name for name in files if name != "b.html"})
    second = check_browser.Visit("b.html", files={tmp_path / name for name in ("b.html", "_static/all.js", "picture.png")})
    own, shared = check_browser.weights(tmp_path, [first, second])
    assert own == {"a.html": 770, "b.html": 710}, "a picture that two pages show weighs on both"
    assert 0 < shared < 100, "only what two pages load from _static, gzipped"


@pytest.mark.parametrize("check", ["check_browser", "make_pdf"])
def test_without_a_browser_one_line_says_so(
    check: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "index.html").write_text(page(CLEAN))
    module = {"check_browser": check_browser, "make_pdf": make_pdf}[check]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert module.main([str(tmp_path)]) == 0
    assert "no Chromium or Chrome is installed" in capsys.readouterr().out
    assert check_browser.main([str(tmp_path), "--strict"]) == 1


def test_mends_are_made_and_formulas_keep_their_script() -> None:
    assert doctest.testmod(mend).failed == 0
    script = '<script>window.MathJax = {}</script>\n<script defer="defer" src="../_static/mathjax/tex-svg.js"></script>'
    assert "mathjax" not in mend.mended(f"{script}<p>none here</p>")
    assert "mathjax" in mend.mended(f'{script}<span class="math notranslate">x</span>')


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of two pages with the same anchors, printed."""
    root = tmp_path_factory.mktemp("printed")
    (root / "book").mkdir()
    (root / "index.html").write_text('<meta http-equiv="Refresh" content="0; url=front.html" />')
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200"><circle cx="99" cy="99" r="90"/></svg>'
    (root / "drawing.svg").write_text(drawing)
    first = f"""<section id="same"><h1>Front &amp; all<a class="headerlink" href="#same">#</a></h1>{make_pdf.MARK}
        <a href="#same">here</a> <a href="book/second.html#same">there</a> <a href="https://example.org">out</a>
        <img src="drawing.svg" alt="a disc"><details class="hide"><summary>s</summary>import plumbing</details></section>"""
    (root / "front.html").write_text(page(first, name="#"))
    second = """<section><h1>A second page</h1><h2 id="same">{title}</h2><a href="../front.html">back</a>
        <p>Download <a class="download" href="table.csv">the table</a></p><a href="table.csv">a file</a></section>"""
    title = " ".join(["A heading of many words that wraps"] * 4)
    (root / "book" / "second.html").write_text(page(second.format(title=title)))
    subprocess.run([sys.executable, TOOLS / "make_pdf.py", root], check=True)  # in a process of its own, as Playwright wants
    return root


def text_of(sheet: Any) -> str:
    """Text of a page of the PDF, each ligature that a font made as the letters that it joins."""
    return unicodedata.normalize("NFKC", sheet.extract_text())


@needs_chromium
@pytest.mark.parametrize("font", ["DejaVu Sans", "Lato", "serif"])
def test_the_print_joins_no_letters(chromium: Any, font: str) -> None:
    """Fonts that have ligatures, where the machine has them, would make "ﬁle" of a file."""
    tab = chromium.new_page()
    tab.set_content(f"<style>{make_pdf.STYLE}</style><p style='font-family: {font}'>a file of flowers</p>")
    [sheet] = PdfReader(io.BytesIO(tab.pdf())).pages
    assert "a file of flowers" in sheet.extract_text()


@needs_chromium
def test_links_of_the_pdf_lead_to_pages_of_the_pdf(printed: Path) -> None:
    pdf = PdfReader(printed / "book.pdf")
    links = [link.get_object() for sheet in pdf.pages for link in sheet.annotations or ()]
    places = [pdf.named_destinations[str(link["/Dest"])] for link in links if "/Dest" in link]
    on = [pdf.get_destination_page_number(place) for place in places]
    assert on == [2, 3, 2, 3, 2], "two in the contents; to itself, to the other page's same anchor, back"
    assert [str(link["/A"]["/URI"]) for link in links if "/A" in link] == ["https://example.org/"]


@needs_chromium
def test_bookmarks_and_contents_of_the_pdf_are_those_of_the_book(printed: Path) -> None:
    pdf = PdfReader(printed / "book.pdf")
    long = " ".join(["A heading of many words that wraps"] * 4)
    titles = [mark.title for mark in make_pdf.bookmarks(pdf.outline)]
    assert titles == ["Front & all", "The parts", "A second page", long]
    contents = " ".join(text_of(pdf.pages[1]).split())
    assert contents == "2 Contents Front & all 3 The parts A second page 4", "with the numbers of the pages"
    text = "".join(map(text_of, pdf.pages))
    assert "plumbing" not in text and "Download" not in text and "a file" in text
    assert pdf.metadata and pdf.metadata.title == "Front & all"


@needs_chromium
def test_pictures_of_the_pdf_stay_vectors(printed: Path) -> None:
    pdf = PdfReader(printed / "book.pdf")
    assert not any(sheet.images for sheet in pdf.pages)


@needs_chromium
def test_the_front_page_offers_the_pdf(printed: Path) -> None:
    for _ in range(2):  # the offer is replaced, not doubled
        make_pdf.offer(printed, printed / "book.pdf", 4)
    front = (printed / "front.html").read_text()
    assert front.count('<a href="book.pdf">') == 1 and "(4 pages, " in front
    assert sorted(path.name for path in printed.iterdir()) == ["book", "book.pdf", "drawing.svg", "front.html", "index.html"]


@needs_chromium
def test_a_chapter_without_a_bookmark_is_a_fault(printed: Path) -> None:
    book = [*make_pdf.chapters(printed), make_pdf.Chapter("book/third.html", "A third page")]
    assert list(make_pdf.faults(PdfReader(printed / "book.pdf"), book)) == ["no bookmark for A third page"]
