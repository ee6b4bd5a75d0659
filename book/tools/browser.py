"""The browser that checks and prints the book: the machine's own Chromium or Chrome, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

READY = """async () => {
  for (const picture of document.images) picture.loading = "eager";
  const drawn = async () => {
    while (document.querySelector(".explorer .chart:not(:has(svg))")) await new Promise(resolve => setTimeout(resolve, 50));
  };
  const settled = Promise.all([
    drawn(), window.MathJax?.startup?.promise, document.fonts.ready,
    ...[...document.images].map(picture => picture.decode().catch(() => null))]);
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("not ready after 20 s")), 20_000));
  await Promise.race([settled, late]);
}"""
"""Returns once charts are drawn, formulas are set and pictures are there, those too that wait to be scrolled to."""


def executable() -> str | None:
    """Return the path of the browser that is installed; None where there is none."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser that `executable` finds."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable())
        try:
            yield browser
        finally:
            browser.close()
