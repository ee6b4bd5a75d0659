"""Open every page of a built book in Chromium, from its files and without a network, and say what is wrong with it.

    python book/tools/check_browser.py build/_build/html [--screenshots DIR] [--strict]

Each page is opened on a wide window and on a phone's, light and dark. Wrong are: an error on the console, a request to
another host or one that fails, a page wider than its window, what axe-core finds (names, contrast, order of headings and
much more), a keyboard that does not reach the text by the first stop, and more weight than a page may have. Then the search
must find a word, and the stress explorer must answer to each of its controls, and be a picture where scripts are off.
Prints the weight of each page and one line per fault, and exits 1 if there is one. Where no browser is installed it says so
and exits 0, or 1 with --strict.
"""

import argparse
import base64
import gzip
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from browser import READY, chromium, executable
from playwright.sync_api import Browser, Error, Page, Request, ViewportSize

AXE = Path(__file__).with_name("axe") / "axe.min.js"
WIDTHS = (1280, 390)
HEIGHT = 900
HIGHEST = 8_000  # pixels of a page that a screenshot shows: the API has ten times as many
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SEARCHED = "BossaNova"

KILOBYTE = 1000
OWN_LIMIT = 1_500 * KILOBYTE
SHARED_LIMIT = 2_000 * KILOBYTE
EXPLORER = "book/generated/explorer.html"
OTHER_LIMITS = {EXPLORER: 3_000 * KILOBYTE}

FAULTS = """async rules => {
  const options = {preload: false, resultTypes: ["violations"]};
  if (rules) options.runOnly = rules;
  const {violations} = await axe.run(options);
  return violations.flatMap(({id, help, nodes}) => nodes.map(({target, html}) =>
    `${id}: ${help}: ${target.flat().join(" ")}  ${html.replace(/\\s+/g, " ").slice(0, 120)}`));
}"""

TOO_WIDE = """() => {
  const edge = document.documentElement.clientWidth + 1;
  const scrolls = element => element && element !== document.body &&
    (["auto", "scroll", "hidden"].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
  const wide = [...document.querySelectorAll(".bd-article-container *")].filter(element => {
    const {width, height, left, right} = element.getBoundingClientRect();
    const reaches = Math.max(right, left + element.scrollWidth);
    return width > 1 && height > 1 && reaches > edge && element.checkVisibility() && !scrolls(element);
  });
  if (wide.length) return [`wider than the window: ${wide.at(-1).outerHTML.replace(/\\s+/g, " ").slice(0, 120)}`];
  const {scrollWidth} = document.documentElement;
  return scrollWidth > edge ? [`scrolls sideways: ${scrollWidth} pixels on ${edge - 1}`] : [];
}"""

FORGET = "try { localStorage.clear(); sessionStorage.clear(); } catch {}"
"""Run before a page's own scripts: each is opened as by a reader who comes for the first time."""

STILL = "*, *::before, *::after { transition: none !important; }"
"""The theme's sidebars, buttons and first link slide and fade; what is looked at is where they end."""

ABORTED = "net::ERR_ABORTED"
"""A tab that goes on breaks off what the last page was still loading, its icon say; a missing file fails otherwise."""

STOP = """() => {
  const {activeElement} = document;
  const {top, bottom} = activeElement.getBoundingClientRect();
  return {skips: activeElement.matches("a[href='#main-content']") && top >= 0 && bottom <= innerHeight,
          inside: Boolean(activeElement.closest("main")),
          name: activeElement.outerHTML.replace(/\\s+/g, " ").slice(0, 120),
          ahead: [...document.querySelectorAll("[tabindex]")].filter(element => element.tabIndex > 0).length};
}"""


@dataclass
class Visit:
    """What one page did in the browser: its faults, and the files that it loaded."""

    page: str
    faults: list[str] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)


@cache
def axe() -> str:
    """Return the source of axe-core, which stays out of the book."""
    return AXE.read_text(encoding="utf-8")


@contextmanager
def watched(tab: Page, visit: Visit, where: str) -> Iterator[None]:
    """Note what a tab loads, and as faults what it says on the console and what it does not get."""

    def fault(text: str) -> None:
        visit.faults.append(f"{where}: {text}")

    def requested(address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme == "file":
            visit.files.add(Path(unquote(parts.path)))
        elif parts.scheme not in ("data", "blob", "about"):
            fault(f"asks another host: {address}")

    def failed(request: Request) -> None:
        if request.failure != ABORTED:
            fault(f"does not load: {request.url} ({request.failure})")

    listeners: dict[Any, Callable[[Any], None]] = {
        "console": lambda message: fault(f"console: {message.text}") if message.type == "error" else None,
        "pageerror": lambda error: fault(f"script: {error.message}"),
        "request": lambda request: requested(request.url),
        "requestfailed": failed,
    }
    for event, listener in listeners.items():
        tab.on(event, listener)
    try:
        yield
    finally:
        for event, listener in listeners.items():
            tab.remove_listener(event, listener)


def take_screenshot(tab: Page, path: Path) -> None:
    """Write a picture of a page, which is encoded for speed: Playwright's own takes twice the time for the same pixels."""
    width, height = tab.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    picture = {
        "format": "png",
        "captureBeyondViewport": True,
        "optimizeForSpeed": True,
        "clip": {"x": 0, "y": 0, "width": width, "height": min(height, HIGHEST), "scale": 1},
    }
    session = tab.context.new_cdp_session(tab)
    path.write_bytes(base64.b64decode(session.send("Page.captureScreenshot", picture)["data"]))
    session.detach()


def keyboard_faults(tab: Page) -> Iterator[str]:
    """Press Tab: the first stop must be the link that skips to the text, and the next after it must lie there."""
    tab.keyboard.press("Tab")
    stop = tab.evaluate(STOP)
    if stop["ahead"]:
        yield f"keyboard: {stop['ahead']} elements with a positive tabindex come before all others"
    if not stop["skips"]:
        yield f"keyboard: the first stop is not the link that skips to the text: {stop['name']}"
        return
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    stop = tab.evaluate(STOP)
    if not stop["inside"]:
        yield f"keyboard: the stop after the link that skips lies outside the text: {stop['name']}"


def visit_pages(browser: Browser, root: Path, pages: Sequence[Path], screenshots: Path | None) -> list[Visit]:
    """Open pages on both widths and in both colour schemes, all of a width in one tab, which compiles their scripts once."""
    visits = [Visit(page.relative_to(root).as_posix()) for page in pages]
    for width in WIDTHS:
        context = browser.new_context(
            viewport=ViewportSize(width=width, height=HEIGHT), offline=True, reduced_motion="reduce"
        )
        context.add_init_script(FORGET)
        tab = context.new_page()
        for page, visit in zip(pages, visits, strict=True):
            with watched(tab, visit, str(width)):
                visit_page(tab, width, page, visit, screenshots)
        context.close()
    return visits


def visit_page(tab: Page, width: int, page: Path, visit: Visit, screenshots: Path | None) -> None:
    """Open a page in a tab of a width, in both colour schemes, and note its faults."""
    tab.emulate_media(color_scheme=SCHEMES[0])
    tab.goto(page.as_uri())
    tab.evaluate(READY)
    tab.evaluate(axe())
    tab.add_style_tag(content=STILL)
    for scheme in SCHEMES:
        tab.emulate_media(color_scheme=scheme)
        rules = None if scheme == "light" else ["color-contrast"]  # nothing else depends on the colours
        visit.faults += [f"{width} {scheme}: {fault}" for fault in tab.evaluate(FAULTS, rules)]
        if screenshots:
            name = f"{visit.page.removesuffix('.html').replace('/', '_')}-{width}-{scheme}.png"
            take_screenshot(tab, screenshots / name)
    visit.faults += [f"{width}: {fault}" for fault in tab.evaluate(TOO_WIDE)]
    if width == max(WIDTHS):
        visit.faults += [f"{width}: {fault}" for fault in keyboard_faults(tab)]


def visit_some(root: Path, pages: Sequence[Path], screenshots: Path | None) -> list[Visit]:
    """Open pages one after the other, in a browser of their own."""
    with chromium() as browser:
        return visit_pages(browser, root, pages, screenshots)


def search_faults(browser: Browser, root: Path, word: str) -> list[str]:
    """Search for a word from the front page, by the keyboard alone; a page of the book that has it must be found."""
    visit = Visit("search.html")
    tab = browser.new_context(offline=True).new_page()
    with watched(tab, visit, "search"):
        tab.goto((root / "index.html").as_uri())
        tab.wait_for_selector("#pst-search-dialog", state="attached")
        tab.keyboard.press("Control+k")
        tab.keyboard.type(word)
        tab.keyboard.press("Enter")
        try:
            address = tab.locator("#search-results li a").first.get_attribute("href", timeout=10_000)
        except Error:
            return [*visit.faults, f"search: finds nothing for {word}"]
    found = root / unquote(urlsplit(address or "").path)
    if not found.is_file() or word not in found.read_text(encoding="utf-8"):
        visit.faults.append(f"search: for {word} it leads to {address}")
    return visit.faults


def explorer_faults(browser: Browser, root: Path) -> list[str]:
    """Work the stress explorer by the keyboard on a phone's window: what it says must follow every control."""
    visit = Visit(EXPLORER)
    address = (root / EXPLORER).as_uri()
    phone = ViewportSize(width=min(WIDTHS), height=HEIGHT)
    tab = browser.new_context(viewport=phone, offline=True).new_page()
    with watched(tab, visit, EXPLORER):
        tab.goto(address)
        tab.evaluate(READY)
        said = tab.inner_text("#explorer-best")
        for control, key in [
            ("budget", "PageDown"),
            ("bits", "ArrowUp"),
            ("network", "ArrowDown"),
            ("dataset", "ArrowDown"),
        ]:
            if tab.locator(f"#explorer-{control} option").count() == 1:
                continue  # nothing else to choose
            tab.focus(f"#explorer-{control}")
            for _ in range(3):
                tab.keyboard.press(key)
            try:
                tab.wait_for_function(
                    "before => document.querySelector('#explorer-best').innerText !== before", arg=said, timeout=5000
                )
            except Error:
                visit.faults.append(
                    f"{EXPLORER}: {key} on #explorer-{control} changes nothing of what #explorer-best says: {said}"
                )
            said = tab.inner_text("#explorer-best")
        try:
            # The page writes its address when a quick row of changes has ended.
            tab.evaluate("() => new Promise(done => setTimeout(done, 600))")
            said = tab.inner_text("#explorer-best")
            tab.wait_for_function("location.hash.includes('bits=')", timeout=5000)
            tab.reload()
            tab.evaluate(READY)
            tab.wait_for_function(
                "said => document.querySelector('#explorer-best').innerText === said", arg=said, timeout=5000
            )
        except Error:
            visit.faults.append(f"{EXPLORER}: its address, {tab.url}, does not bring back: {said}")
    still = browser.new_context(viewport=phone, offline=True, java_script_enabled=False).new_page()
    still.goto(address)
    if not still.locator("article img").first.is_visible():
        visit.faults.append(f"{EXPLORER}: without scripts no picture is to be seen")
    return visit.faults


def weights(root: Path, visits: Sequence[Visit]) -> tuple[dict[str, int], int]:
    """Return the bytes of each page beyond what pages share, and the bytes of what they share, gzipped.

    Shared are scripts and styles (and what belongs to them) that more than one page loads.
    """
    uses = Counter(file for visit in visits for file in visit.files)
    shared = {
        file
        for file, count in uses.items()
        if count > 1 and (root / "_static" in file.parents or file == root / "searchindex.js")
    }
    own = {visit.page: sum(file.stat().st_size for file in visit.files - shared if file.is_file()) for visit in visits}
    return own, sum(len(gzip.compress(file.read_bytes(), 9)) for file in shared if file.is_file())


def pages_of(root: Path) -> list[Path]:
    """Return the pages of a book: without the parts of the theme, and without those that only lead to another page."""
    pages = (page for page in sorted(root.rglob("*.html")) if root / "_static" not in page.parents)
    return [page for page in pages if 'http-equiv="refresh"' not in page.read_text(encoding="utf-8")[:500].lower()]


def check(root: Path, screenshots: Path | None) -> list[str]:
    """Visit all pages, print the table, and return the faults."""
    pages = pages_of(root)
    if not pages:
        return [f"no HTML page under {root}"]
    if screenshots:
        screenshots.mkdir(parents=True, exist_ok=True)
    workers = min(os.cpu_count() or 1, 4)
    with ThreadPoolExecutor(workers) as pool:
        parts = pool.map(lambda start: visit_some(root, pages[start::workers], screenshots), range(workers))
        visits = sorted((visit for part in parts for visit in part), key=lambda visit: visit.page)
    own, shared = weights(root, visits)
    print(f"{'page':<45} {'own kB':>7} {'files':>5} {'faults':>6}")
    for visit in visits:
        limit = OTHER_LIMITS.get(visit.page, OWN_LIMIT)
        if own[visit.page] > limit:
            visit.faults.append(f"weighs {own[visit.page]:,} bytes beyond the files that pages share; at most {limit:,}")
        print(f"{visit.page:<45} {own[visit.page] / KILOBYTE:7.0f} {len(visit.files):5} {len(visit.faults):6}")
    print(f"{'shared files, gzipped':<45} {shared / KILOBYTE:7.0f}")
    faults = [f"{visit.page} {fault}" for visit in visits for fault in visit.faults]
    if shared > SHARED_LIMIT:
        faults.append(f"the files that pages share weigh {shared:,} bytes gzipped; at most {SHARED_LIMIT:,}")
    with chromium() as browser:
        faults += search_faults(browser, root, SEARCHED)
        if (root / EXPLORER).is_file():
            faults += explorer_faults(browser, root)
    return faults


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the built book in a folder."""
    parser = argparse.ArgumentParser(
        description="Open every page of a built book in a browser and say what is wrong with it."
    )
    parser.add_argument("folder", type=Path, help="the built book")
    parser.add_argument(
        "--screenshots", type=Path, metavar="DIR", help="keep a picture of each page, width and colour scheme"
    )
    parser.add_argument("--strict", action="store_true", help="fail where no browser is installed")
    options = parser.parse_args(arguments)
    if executable() is None:
        print("check_browser.py: no Chromium or Chrome is installed, so no page was opened (apt-get install chromium)")
        return int(options.strict)
    faults = check(options.folder.resolve(), options.screenshots)
    print("\n".join(faults) or "no fault in a browser", file=sys.stderr if faults else sys.stdout)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
