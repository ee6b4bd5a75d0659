// Mends in the browser what cannot be mended in the pages.

// From files, a search may not read the pages that it found: it would list them and report an error for each.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// A formula that is wider than the page scrolls: let the keyboard reach it too.
window.addEventListener("load", async () => {
  if (window.MathJax?.startup) await MathJax.startup.promise;
  for (const box of document.querySelectorAll("mjx-container[display]"))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
});
