// The filters: a list of values with counts for each category, a histogram for each column of numbers.
// Every column of the table is here; those that are closed are not loaded.

import { verdictToken } from "./colours.js";
import { $, make, soon } from "./dom.js";
import { Histogram } from "./histogram.js";
import { capital, count } from "./words.js";

const OPEN = ["rarity", "nearest_distance", "copy_p", "realism"];
const FIRST = 8; // values shown before "all"

export class Panel {
  constructor(parts) {
    Object.assign(this, parts, { blocks: [] });
    const columns = this.data.about.columns.filter((one) => ["category", "boolean", "number"].includes(one.kind));
    const rank = (one) => (one.name === "verdict" ? 0 : ["label", "group"].includes(one.name) ? 1 : OPEN.includes(one.name) ? 2 : one.kind === "category" ? 3 : 4);
    columns.sort((a, b) => rank(a) - rank(b));
    for (const one of columns) this.#block(one, rank(one) < 3);
    this.draw = soon(() => this.blocks.forEach((block) => block.open && block.draw?.()));
    this.rows.on(() => { this.draw(); this.#active(); });
    this.state.on("by", () => this.#active());
    this.#active();
  }

  #block(info, open) {
    const { data, state } = this;
    const body = make("div.body");
    const paint = make("button.paint", { type: "button", "aria-label": `Colour by ${info.label}`, "aria-pressed": "false", title: "Colour the map by this", onclick: (event) => { event.preventDefault(); state.change({ by: info.name }); } });
    const clear = make("button.clear", { type: "button", "aria-label": `Clear the filter of ${info.label}`, hidden: true, onclick: (event) => { event.preventDefault(); this.#clear(info.name); } }, "Clear");
    const head = make("summary", {}, make("span", { title: info.sentence }, capital(info.label)));
    const element = make("details.block", { open }, head, body);
    const block = { info, element, body, paint, clear, get open() { return element.open; } };
    const whole = make("div.column", {}, element, make("div.tools", {}, clear, paint));
    element.addEventListener("toggle", () => { if (element.open) this.#load(block); });
    this.blocks.push(block);
    $("filters").append(whole);
    if (open) this.#load(block, data.has(info.name));
  }

  async #load(block) {
    if (block.draw) { block.draw(); return; }
    const { info, body } = block;
    try {
      await this.data.need([info.name]);
    } catch (error) {
      body.replaceChildren(make("p.muted", {}, error.message));
      return;
    }
    if (block.draw) return;
    const column = this.data.get(info.name);
    if (column?.codes) {
      const values = new Values(info, this);
      body.replaceChildren(values.element);
      block.draw = () => values.draw();
    } else if (column?.values) {
      const histogram = new Histogram(info.name, this);
      body.replaceChildren(histogram.element);
      block.draw = () => histogram.draw();
    } else {
      body.replaceChildren(make("p.muted", {}, "The table has no such column."));
      block.draw = () => {};
    }
    if (info.sentence) body.append(make("p.sentence", {}, info.sentence + (info.direction ? ` Higher means ${info.direction}.` : "")));
    block.draw();
  }

  #clear(name) {
    const [is, ranges] = [{ ...this.state.get("is") }, { ...this.state.get("in") }];
    delete is[name];
    delete ranges[name];
    this.state.change({ is, in: ranges });
  }

  #active() {
    const { state } = this;
    let any = state.get("words") !== "";
    for (const { info, paint, clear, element } of this.blocks) {
      const filtered = info.name in state.get("is") || info.name in state.get("in");
      any ||= filtered;
      clear.hidden = !filtered;
      element.classList.toggle("filtered", filtered);
      paint.setAttribute("aria-pressed", String(state.get("by") === info.name));
    }
    $("clear").hidden = !any;
  }
}

/** The values of a category, the most frequent first; verdicts in their own order. */
class Values {
  constructor(info, { data, rows, state }) {
    Object.assign(this, { info, data, rows, state, whole: false });
    const column = data.get(info.name);
    this.column = column;
    const totals = this.#counts(() => true);
    const order = [...column.values.keys()].sort((a, b) => totals[b] - totals[a]);
    this.codes = info.name === "verdict" ? data.about.verdicts.map((one) => column.values.indexOf(one)).filter((code) => code >= 0 && totals[code]) : order;
    if (totals[column.values.length]) this.codes.push(column.values.length);
    this.list = make("ul.values");
    this.buttons = new Map();
    this.more = make("button.quiet", { type: "button", onclick: () => { this.whole = !this.whole; this.draw(); } });
    this.element = make("div", {}, this.list, this.more);
  }

  #counts(passes) {
    const { codes, values } = this.column;
    const counts = new Float64Array(values.length + 1);
    for (let row = 0; row < codes.length; row++) if (passes(row)) counts[codes[row] < 0 ? values.length : codes[row]]++;
    return counts;
  }

  #value(code) { return this.column.values[code] ?? ""; }

  #toggle(code) {
    const is = { ...this.state.get("is") };
    const chosen = new Set(is[this.info.name] ?? []);
    const value = this.#value(code);
    if (!chosen.delete(value)) chosen.add(value);
    if (chosen.size) is[this.info.name] = [...chosen];
    else delete is[this.info.name];
    this.state.change({ is });
  }

  draw() {
    const own = ~this.rows.bitOf(this.info.name);
    const counts = this.#counts((row) => (this.rows.fails[row] & own) === 0);
    const most = Math.max(1, ...counts);
    const chosen = new Set(this.state.get("is")[this.info.name] ?? []);
    const shown = this.whole ? this.codes : this.codes.filter((code, place) => place < FIRST || chosen.has(this.#value(code)));
    this.list.replaceChildren(...shown.map((code) => this.#line(code, counts[code], most, chosen)));
    this.more.hidden = this.codes.length <= FIRST;
    this.more.textContent = this.whole ? "Fewer" : `All ${count(this.codes.length)}`;
  }

  #line(code, number, most, chosen) {
    let line = this.buttons.get(code);
    if (!line) {
      const value = this.#value(code);
      const dot = this.info.name === "verdict" ? make("span", { class: `dot ${verdictToken(value)}` }) : null;
      const [bar, figure] = [make("span.bar"), make("span.count")];
      const button = make("button.value", { type: "button", onclick: () => this.#toggle(code) }, dot, make("bdi", {}, capital(value) || "(none)"), figure, bar);
      line = { item: make("li", {}, button), button, bar, figure };
      this.buttons.set(code, line);
    }
    line.button.setAttribute("aria-pressed", String(chosen.has(this.#value(code))));
    line.button.classList.toggle("out", chosen.size > 0 && !chosen.has(this.#value(code)));
    line.figure.textContent = count(number);
    line.bar.style.width = `${(100 * number) / most}%`;
    return line.item;
  }
}
