// Sorts and filters tables that are whole without it. Each heading becomes a button: numbers begin with the
// largest, words with the first; a third press brings the first order back.
for (const box of document.querySelectorAll(".sortable:not([data-ready])")) {
  box.dataset.ready = "";
  const body = box.querySelector("tbody");
  const rows = [...body.rows];
  const heads = [...box.querySelectorAll("thead th")];
  const [field, status] = [box.querySelector("input"), box.querySelector("[role=status]")];

  const value = (row, place) => {
    const cell = row.cells[place];
    return "value" in cell.dataset ? parseFloat(cell.dataset.value) : cell.textContent;
  };

  // What was not measured stays last, either way.
  const compare = (place, sign) => (one, other) => {
    const [a, b] = [value(one, place), value(other, place)];
    if (typeof a === "string") return sign * a.localeCompare(b);
    if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b);
    return sign * (a - b);
  };

  heads.forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const [first, second] = "value" in rows[0].cells[place].dataset ? ["descending", "ascending"] : ["ascending", "descending"];
      const next = { none: first, [first]: second, [second]: "none" }[head.getAttribute("aria-sort")];
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", next);
      const sign = next === "descending" ? -1 : 1;
      body.append(...(next === "none" ? rows : [...rows].sort(compare(place, sign))));
    });
  });

  const filter = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const text = [...row.cells].map((cell) => cell.textContent + " " + cell.title).join(" ").toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
    status.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} shown`;
  };
  field.addEventListener("input", filter);
  box.querySelector(".filter").hidden = false;
  filter();
}
