/* The stress explorer and the chart of the front page: fills the controls from the data in the page, hands the chosen rows
   to the charts, and says what is best within the budget. Loads nothing; without it the static picture stays. */
(() => {
  "use strict";

  const whole = new Intl.NumberFormat("en");
  const decimals = (value, digits) => value.toFixed(digits);
  const byId = (id) => document.getElementById(id);

  const embed = async (target, spec) => {
    const tooltip = { theme: "custom", sanitize: (value) => String(value).replace(/&/g, "&amp;").replace(/</g, "&lt;") };
    /* Vega warns of the extent of an empty layer: that of the pointer, while it is on nothing. */
    const { view } = await vegaEmbed(target, spec, { renderer: "svg", actions: false, tooltip, logLevel: vega.Error });
    /* What hundreds of marks show is said in words on the container, and in a table. */
    document.querySelector(`${target} svg`).setAttribute("aria-hidden", "true");
    /* The sidebars slide when the window changes, and Vega keeps an intermediate width: ask again once they rest. */
    let resting;
    new ResizeObserver(() => {
      clearTimeout(resting);
      resting = setTimeout(() => dispatchEvent(new Event("resize")), 200);
    }).observe(document.querySelector(target));
    return view;
  };

  const asObjects = (columns, rows) => rows.map((row) => Object.fromEntries(columns.map((name, place) => [name, row[place]])));

  /* The last of the front within the budget; ties go to the first. `front` is sorted by its cost. */
  const bestUnder = (front, cost, budget) =>
    front.filter((row) => row[cost] <= budget).reduce((best, row) => (best && best[cost] >= row[cost] ? best : row), null);

  const options = (select, entries, chosen) => {
    select.replaceChildren(...entries.map(([value, text]) => new Option(text, value, false, value === chosen)));
  };

  const cells = (row, texts) => {
    texts.forEach((text, place) => {
      const cell = document.createElement(place ? "td" : "th");
      if (!place) cell.scope = "row";
      cell.textContent = text;
      row.append(cell);
    });
    return row;
  };

  /* The static picture that the chart replaces: it is shown when scripts are off. */
  const hidePicture = (name) => {
    const picture = document.querySelector(`img[src$="/${name}"]`);
    const block = picture && (picture.closest("figure") || picture.closest("p") || picture);
    if (block) block.style.display = "none";
  };

  async function explorer(root) {
    const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
    const dataset = byId("explorer-dataset"), network = byId("explorer-network"), slider = byId("explorer-budget");
    const typed = byId("explorer-bits"), aligned = byId("explorer-aligned"), enlarged = byId("explorer-enlarged");
    const home = (one) => one.dataset + (one.published ? ", published" : "");
    const inner = (one) => `${one.model}, ${one.layer}`;
    const bitsOf = (row, one) =>
      `${whole.format(row.bits)} of ${whole.format(one.full)} (${decimals((100 * row.bits) / one.full, 2)}%)`;
    const objects = new Map();
    const rowsOf = (one) => {
      if (!objects.has(one)) {
        objects.set(one, asObjects(data.columns, one.rows).map((row) => ({
          ...row,
          front: Boolean(row.front),
          width: one.width,
          full: one.full,
          of: `${home(one)}, ${inner(one)}`,
          dimensions_said: `${row.dimensions === null ? "all" : whole.format(row.dimensions)} of ${whole.format(one.width)}`,
          values_said: row.values !== null ? whole.format(row.values) : row.stress === "bit-erasure" ? "low bits erased" : "float32",
          bits_said: bitsOf(row, one),
        })));
      }
      return objects.get(one);
    };
    const peersOf = (one) =>
      asObjects(data.peer_columns, one.peers).map((row) => ({ ...row, of: `${home(one)}, ${inner(one)}`, bits_said: bitsOf(row, one) }));
    /* The paper's settings beside every feature set: Figure 5, with its own front. */
    const paper = rowsOf(data.sets[data.paper.set])
      .filter((row) => row.stress === data.paper.stress)
      .map((row) => ({ ...row, front: data.paper.front.includes(row.spec) }));

    root.hidden = false;
    hidePicture(data.picture);
    byId("explorer-enlarged-said").textContent = `Enlarge what keeps ${data.enlarged}% or more`;
    const datasets = { settings: rowsOf(data.sets[0]), peers: peersOf(data.sets[0]), paper };
    const views = {
      map: await embed("#explorer-map", { ...data.charts.map, datasets }),
      bits: await embed("#explorer-chart", { ...data.charts.bits, datasets }),
    };
    const set = (name, value) => Object.values(views).forEach((view) => view.signal(name, value));
    const draw = () => Promise.all(Object.values(views).map((view) => view.runAsync()));

    let chosen = data.sets[0], budget = data.first, drawn = null;
    const full = () => chosen.full;
    /* The slider counts on a logarithm, from 4 bits to the full vector. */
    const atPlace = (place) => Math.round(4 * Math.pow(full() / 4, place / slider.max));
    const placeOf = (bits) => Math.round((slider.max * Math.log(Math.max(bits, 4) / 4)) / Math.log(full() / 4));

    /* What was chosen stands in the address, which may be kept or sent: #set=DATASET/MODEL/LAYER&bits=640. */
    const nameOf = (one) => `${one.dataset}/${one.model}/${one.layer}`;
    const pathOf = (one) => (one.published ? "paper/" : "") + nameOf(one);
    const address = () => {
      const state = new URLSearchParams({ set: pathOf(chosen), bits: budget });
      if (aligned.value !== "share") state.set("paper", aligned.value);
      if (!enlarged.checked) state.set("enlarged", "no");
      return `#${String(state).replaceAll("%2F", "/")}`;
    };
    const restore = () => {
      const state = new URLSearchParams(location.hash.slice(1));
      const named = data.sets.find((one) => pathOf(one) === state.get("set"));
      if (!named) return; // the anchor of a heading, or nothing
      chosen = named;
      const bits = Math.round(Number(state.get("bits")));
      budget = Math.min(bits >= 1 ? bits : budget, full());
      aligned.value = state.get("paper") === "bits" ? "bits" : "share";
      enlarged.checked = state.get("enlarged") !== "no";
      dataset.value = home(chosen);
    };
    let writing;
    const keep = () => {
      clearTimeout(writing); // browsers refuse many changes in a row, such as a slider makes
      writing = setTimeout(() => history.replaceState(null, "", address()), 200);
    };

    const homes = [...new Set(data.sets.map(home))];
    options(dataset, homes.map((name) => [name, name]), home(chosen));
    const listNetworks = () =>
      options(network, data.sets.filter((one) => home(one) === dataset.value).map((one) => [inner(one), inner(one)]), inner(chosen));

    const said = (row) =>
      `${whole.format(row.bits)} of ${whole.format(row.full)} bits (${decimals((100 * row.bits) / row.full, 2)}%, ` +
      `${whole.format(Math.ceil(row.bits / 8))} bytes), ${decimals(row.kept, 2)}% of the full score kept`;

    const noteOf = (one) => {
      if (one.published) {
        return "The authors' numbers. Their features are not shipped; “Run it on the paper's own data” says how to make them.";
      }
      const extract = `stresslib extract ${one.dataset} --model ${one.model} --layer ${one.layer}`;
      return one.shipped ? "" : `These features are not shipped; ${extract} makes them.`;
    };

    async function update() {
      const rows = rowsOf(chosen), front = rows.filter((row) => row.front);
      const affordable = rows.filter((row) => row.bits <= budget), best = bestUnder(front, "bits", budget);
      const peers = peersOf(chosen), name = nameOf(chosen), sentence = byId("explorer-best");
      sentence.replaceChildren();
      if (best) {
        const strong = document.createElement("strong");
        strong.textContent = best.spec;
        sentence.append(
          `Best of ${whole.format(affordable.length)} measured ${affordable.length === 1 ? "setting" : "settings"} within ` +
          `${whole.format(budget)} bits: `, strong, `: ${said(best)}, ${decimals(best.score, 2)}% ${chosen.metric}` +
          `${best.draws > 1 ? ` (mean of ${best.draws} draws)` : ""}.`,
        );
        byId("explorer-command").textContent = `stresslib evaluate ${name} ${best.spec}`;
      } else {
        sentence.append(
          `No measured setting costs as little as ${whole.format(budget)} bits. The cheapest costs ${whole.format(rows[0].bits)}.`,
        );
        byId("explorer-command").textContent = "";
      }
      byId("explorer-to-copy").hidden = !best;
      byId("explorer-copied").textContent = "";
      const within = peers.filter((row) => row.bits <= budget);
      const peer = within.reduce((most, row) => (most && most.kept >= row.kept ? most : row), null);
      byId("explorer-peer").textContent = peer
        ? `Of the other libraries ${peer.method} keeps most within that: ${decimals(peer.kept, 2)}% in ${whole.format(peer.bits)} bits.`
        : "";
      byId("explorer-note").textContent = noteOf(chosen);
      /* Near its start several places of the slider are the same number of bits: a slider at any of them stays there. */
      if (atPlace(Number(slider.value)) !== budget) slider.value = placeOf(budget);
      slider.setAttribute("aria-valuetext", `${whole.format(budget)} bits, ${decimals((100 * budget) / full(), 2)}% of the full vector`);
      if (document.activeElement !== typed || Number(typed.value) !== budget) typed.value = budget;
      typed.max = full();
      set("budget", budget);
      set("best", best ? best.spec : "");
      set("full", full());
      set("aligned", aligned.value === "share");
      const least = Math.min(...[...rows, ...peers].map((row) => row.kept));
      set("lowest", enlarged.checked ? data.enlarged : Math.floor(least / 10) * 10);
      set("highest", Math.ceil(Math.max(101, ...[...rows, ...peers, ...paper].map((row) => row.kept))));
      if (drawn !== chosen) {
        drawn = chosen;
        set("pointed", "");
        const onMap = rows.some((row) => data.on_map.includes(row.stress));
        byId("explorer-map").hidden = byId("explorer-classes").hidden = !onMap;
        byId("explorer-empty").hidden = onMap;
        dispatchEvent(new Event("resize")); // a map that was hidden has no width yet
        views.map.data("settings", rows);
        views.bits.data("settings", rows).data("peers", peers).data("paper", data.sets[data.paper.set] === chosen ? [] : paper);
        byId("explorer-front").replaceChildren(...front.map((row) => cells(document.createElement("tr"), [
          row.spec, whole.format(row.bits), decimals((100 * row.bits) / row.full, 2), decimals(row.kept, 2), decimals(row.score, 2),
        ])));
      }
      const about = best ? `Best within ${whole.format(budget)} bits: ${best.spec}, ${said(best)}.` : "No setting is within the budget.";
      const label = (id, what) => byId(id).setAttribute("aria-label", `${what}, ${name}. ${about}`);
      label("explorer-map", "Map of the score kept over principal components and values per dimension");
      label("explorer-chart", "Score kept over bits per vector, beside the paper's settings and other libraries");
      await draw();
    }

    const changed = () => {
      keep();
      return update();
    };
    const choose = () => {
      chosen = data.sets.find((one) => home(one) === dataset.value && inner(one) === network.value);
      budget = Math.min(budget, full());
      return changed();
    };
    dataset.addEventListener("change", () => {
      const there = data.sets.filter((one) => home(one) === dataset.value);
      /* Without that network on this data set: the one with the most settings. */
      const richest = there.reduce((most, one) => (one.rows.length > most.rows.length ? one : most));
      chosen = there.find((one) => inner(one) === network.value) || richest;
      listNetworks();
      choose();
    });
    network.addEventListener("change", choose);
    slider.addEventListener("input", () => { budget = atPlace(Number(slider.value)); changed(); });
    typed.addEventListener("input", () => {
      const bits = Math.round(Number(typed.value));
      if (bits >= 1) { budget = Math.min(bits, full()); changed(); }
    });
    aligned.addEventListener("change", changed);
    enlarged.addEventListener("change", changed);
    root.querySelector("form").addEventListener("submit", (event) => event.preventDefault());

    byId("explorer-copy").addEventListener("click", async () => {
      const command = byId("explorer-command"), told = byId("explorer-copied");
      try {
        await navigator.clipboard.writeText(command.textContent);
        told.textContent = "Copied.";
      } catch {
        getSelection().selectAllChildren(command);
        told.textContent = "Selected: copy it with your keyboard.";
      }
    });

    /* The setting under the pointer is framed in both charts. */
    const point = (spec) => {
      if (views.map.signal("pointed") === spec) return;
      set("pointed", spec);
      draw();
    };
    for (const view of Object.values(views)) {
      view.addEventListener("pointerover", (event, item) => point((item && item.datum && item.datum.spec) || ""));
      view.addEventListener("pointerout", () => point(""));
    }
    addEventListener("hashchange", () => {
      restore();
      listNetworks();
      update();
    });
    restore();
    listNetworks();
    await update();
    root.dataset.ready = "yes";
  }

  async function front(root) {
    const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
    const slider = byId("front-share");
    for (const one of data.series) {
      one.rows = asObjects(data.columns, one.rows).map((row) => ({
        ...row, name: one.name, published: one.published, bits_said: `${whole.format(row.bits)} of ${whole.format(one.full)}`,
      }));
    }
    root.hidden = false;
    hidePicture(data.picture);
    const datasets = { curves: data.series.flatMap((one) => one.rows) };
    const view = await embed("#front-chart", { ...data.chart, datasets });
    const ratio = Math.log(data.highest / data.lowest);
    const place = (share) => (slider.max * Math.log(share / data.lowest)) / ratio;
    async function update(share) {
      const found = data.series.map((one) => [one, bestUnder(one.rows.filter((row) => row.front), "share", share)]);
      const text = `${decimals(share, 2)}%`;
      byId("front-said").textContent = text;
      slider.setAttribute("aria-valuetext", `${text} of the bits`);
      byId("front-best").replaceChildren(...found.map(([one, row]) => cells(document.createElement("tr"), row
        ? [one.name, row.spec, row.bits_said, `${decimals(row.kept, 1)}%`]
        : [one.name, "none costs as little", "", ""])));
      const kept = found.map(([one, row]) => `${one.name} ${row ? `keeps ${decimals(row.kept, 1)}%` : "has no setting"}`);
      const words = `With ${text} of the bits: ${kept.join("; ")}.`;
      byId("front-words").textContent = words;
      byId("front-chart").setAttribute("aria-label", `Score kept over the bits kept, in percent of the full vector's. ${words}`);
      await view.signal("share", share).runAsync();
    }
    slider.value = Math.round(place(data.first));
    slider.addEventListener("input", () => update(data.lowest * Math.exp((ratio * Number(slider.value)) / slider.max)));
    await update(data.first);
    root.dataset.ready = "yes";
  }

  /* If a script is missing, the static picture stays. */
  if (typeof vegaEmbed !== "function") return;
  const charts = { explorer, front };
  for (const root of document.querySelectorAll(".explorer[data-chart]")) charts[root.dataset.chart](root);
})();
