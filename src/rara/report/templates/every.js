// The table of every sample: search by name, orders by a column, and a count of what is shown.
// Without it the page keeps its filters, which are CSS; here the same choices are counted. Rows
// that the page does not hold come from files beside it, which call addRows.
"use strict";
(() => {
  const AT_ONCE = 500;
  document.documentElement.classList.add("scripted");
  const section = document.getElementById("every");
  const [choose, body] = [".choose", "tbody"].map((one) => section.querySelector(one));
  const heads = [...section.querySelectorAll("thead th")];
  const [status, search] = ["output", "[type=search]"].map((one) => section.querySelector(one));
  const chunks = Number(choose.dataset.chunks ?? 0);
  const collator = new Intl.Collator("en", { numeric: true });
  const entries = [...body.rows].map((row) => ({
    row,
    chosen: Object.values(row.dataset),
    cells: [...row.cells].map((cell) => cell.textContent),
    name: (row.cells[0].querySelector("bdi").title || row.cells[0].textContent).toLowerCase(),
  }));
  let [loading, sorted, limit] = [null, null, chunks ? AT_ONCE : Infinity];

  // What a cell says as a number; what is none comes last.
  function value(text) {
    const number = Number(text.replaceAll(",", ""));
    return text === "" || Number.isNaN(number) ? (text === "same" ? -1 : Infinity) : number;
  }

  globalThis.addRows = (first, rows) => {
    rows.forEach(([chosen, cells], at) => {
      if (first + at < entries.length) return; // the page holds it
      const name = cells[0].toLowerCase();
      entries.push({ row: null, chosen: chosen.map(String), cells, name });
    });
  };

  // One file after the other, so that rows keep their order.
  async function load() {
    for (let at = 1; at <= chunks; at += 1) {
      status.value = `loading ${at} of ${chunks}`;
      await new Promise((done, failed) => {
        const script = document.createElement("script");
        script.src = `${choose.dataset.address}/rows-${String(at).padStart(4, "0")}.js`;
        script.onload = done;
        script.onerror = failed;
        document.head.append(script);
      });
    }
  }

  function rowOf(entry) {
    if (entry.row !== null) return entry.row;
    const row = document.createElement("tr");
    entry.chosen.forEach((one, at) => (row.dataset[`f${at}`] = one));
    entry.cells.forEach((text, at) => {
      const cell = document.createElement(at ? "td" : "th");
      const words = document.createElement("bdi");
      words.textContent = text;
      cell.append(words);
      if (at === 0) cell.scope = "row";
      row.append(cell);
    });
    entry.row = row;
    return row;
  }

  function matching() {
    const inputs = [...choose.querySelectorAll("input[type=radio]:checked, select")];
    const choices = inputs.filter((one) => one.value !== "")
      .map((one) => [Number(one.name.slice(1)), one.value]);
    const wanted = search.value.trim().toLowerCase();
    return entries.filter(({ name, chosen }) => name.includes(wanted)
      && choices.every(([at, one]) => chosen[at] === one));
  }

  function inOrder(found) {
    if (sorted === null) return found;
    const { at, sign, plain } = sorted;
    const keys = new Map(found.map((one) => [one, plain ? one.cells[at] : value(one.cells[at])]));
    return found.sort((one, other) => {
      const [a, b] = [keys.get(one), keys.get(other)];
      if (plain) return sign * collator.compare(a, b);
      if (a === b) return 0;
      if (a === Infinity || b === Infinity) return a === Infinity ? 1 : -1;
      return sign * (a - b);
    });
  }

  function draw() {
    const found = inOrder(matching());
    const shown = found.slice(0, limit);
    body.replaceChildren(...shown.map(rowOf));
    const [many, all] = [found.length, entries.length].map((one) => one.toLocaleString("en"));
    status.value = many === all ? "" : `${many} of ${all}`;
    more.hidden = shown.length === found.length && loading !== null;
    more.textContent = `Show ${AT_ONCE} more`;
  }

  async function changed() {
    if (chunks && loading === null) {
      loading = load();
    }
    await loading?.catch(() => {
      if (section.querySelector(".lost") !== null) return;
      const words = document.createElement("p");
      words.className = "note lost";
      words.setAttribute("role", "alert");
      words.textContent = "The files beside this page cannot be read.";
      choose.after(words);
    });
    draw();
  }

  function order(at) {
    const descending = heads[at].getAttribute("aria-sort") === "ascending";
    for (const one of heads) one.removeAttribute("aria-sort");
    heads[at].setAttribute("aria-sort", descending ? "descending" : "ascending");
    sorted = { at, sign: descending ? -1 : 1, plain: heads[at].classList.contains("prose") };
    changed();
  }

  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => order(at));
  });
  const more = document.createElement("button");
  more.type = "button";
  more.className = "more-rows";
  more.textContent = "Show all samples";
  more.hidden = chunks === 0;
  more.addEventListener("click", () => {
    if (loading !== null) limit += AT_ONCE;
    changed();
  });
  section.append(more);
  for (const one of [search.closest("label"), status]) one.hidden = false;
  const started = () => {
    limit = chunks ? AT_ONCE : Infinity;
    changed();
  };
  search.addEventListener("input", started);
  choose.addEventListener("change", started);
})();
