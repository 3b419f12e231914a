// The spread of a column of numbers, before and after filtering, with a brush that filters.

import { later, make, set } from "./dom.js";
import { figure } from "./words.js";

const BINS = 48;
const [WIDE, TALL] = [240, 46];

/** How values go to bins: by their size, or by their magnitude where it spans three decades. */
export function scaleOf(column, whole = column.values) {
  if (column.scale) return column.scale;
  let [low, high, least] = [Infinity, -Infinity, Infinity];
  for (const value of whole) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
    if (value > 0 && value < least) least = value;
  }
  if (low > high) [low, high] = [0, 1];
  const logs = low >= 0 && high / least > 1000 && low !== 0;
  const to = logs ? Math.log10 : (value) => value;
  const back = logs ? (value) => 10 ** value : (value) => value;
  const [from, until] = [to(low), to(high)];
  const width = until - from || 1;
  column.scale = { low, high, logs, share: (value) => (to(value) - from) / width, value: (share) => back(from + share * width) };
  return column.scale;
}

function counted(column, passes) {
  const scale = scaleOf(column);
  const bins = new Float64Array(BINS);
  for (let row = 0; row < column.length; row++) {
    const value = column.values[row];
    if (!Number.isFinite(value) || !passes(row)) continue;
    bins[Math.max(0, Math.min(BINS - 1, Math.floor(scale.share(value) * BINS)))]++;
  }
  return bins;
}

const all = (column) => (column.bins ??= counted(column, () => true));

function area(bins, most) {
  const step = WIDE / BINS;
  const tops = [...bins].map((value, i) => `V${(TALL - (value && Math.max(1.5, (value / most) * (TALL - 2)))).toFixed(1)}H${((i + 1) * step).toFixed(1)}`);
  return `M0 ${TALL}${tops.join("")}V${TALL}Z`;
}

export class Histogram {
  constructor(name, { data, rows, state }) {
    Object.assign(this, { name, data, rows, state });
    this.back = make("path.all");
    this.front = make("path.passing");
    this.brush = make("rect.brush", { y: 0, height: TALL, x: 0, width: 0 });
    this.svg = make("svg.histogram", { viewBox: `0 0 ${WIDE} ${TALL}`, preserveAspectRatio: "none", "aria-hidden": "true" }, this.back, this.front, this.brush);
    const label = data.label(name);
    this.ends = ["from", "to"].map((word) => make("input", { type: "text", inputmode: "decimal", "aria-label": `${label}, ${word}`, autocomplete: "off", onchange: () => this.#typed() }));
    this.note = make("span.muted");
    this.element = make("div.spread", {}, this.svg, make("div.ends", {}, this.ends[0], this.note, this.ends[1]));
    this.send = later((range) => this.#range(range), 60);
    this.#listen();
  }

  get column() { return this.data.get(this.name); }

  /** Draws what passes now. */
  draw() {
    if (!this.column?.values) return;
    const scale = scaleOf(this.column);
    const { rows } = this;
    const own = ~rows.bitOf(this.name);
    const bins = counted(this.column, (row) => (rows.fails[row] & own) === 0);
    set(this.back, "d", area(all(this.column), Math.max(1, ...all(this.column))));
    set(this.front, "d", area(bins, Math.max(1, ...all(this.column))));
    this.note.textContent = scale.logs ? "by magnitude" : "";
    this.#brushed(this.state.get("in")[this.name]);
  }

  #brushed(range) {
    const scale = scaleOf(this.column);
    const [low, high] = range ?? [null, null];
    const [from, to] = [low === null ? 0 : scale.share(Math.max(low, scale.low)), high === null ? 1 : scale.share(Math.min(high, scale.high))];
    this.svg.classList.toggle("brushed", Boolean(range));
    set(this.brush, "x", Math.max(0, from * WIDE));
    set(this.brush, "width", range ? Math.max(1, (to - from) * WIDE) : 0);
    if (document.activeElement !== this.ends[0]) this.ends[0].value = figure(low ?? scale.low);
    if (document.activeElement !== this.ends[1]) this.ends[1].value = figure(high ?? scale.high);
    this.element.classList.toggle("set", Boolean(range));
  }

  #range(range) {
    const ranges = { ...this.state.get("in") };
    if (range) ranges[this.name] = range;
    else delete ranges[this.name];
    this.state.change({ in: ranges });
  }

  #typed() {
    const scale = scaleOf(this.column);
    const values = this.ends.map((end) => parsed(end.value));
    const range = [values[0] <= scale.low || values[0] === null ? null : values[0], values[1] >= scale.high || values[1] === null ? null : values[1]];
    if (values[0] !== null && figure(scale.low) === this.ends[0].value.trim()) range[0] = null;
    if (values[1] !== null && figure(scale.high) === this.ends[1].value.trim()) range[1] = null;
    this.#range(range[0] === null && range[1] === null ? null : range);
  }

  #listen() {
    let start = null;
    const share = (event) => {
      const box = this.svg.getBoundingClientRect();
      return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    };
    this.svg.addEventListener("pointerdown", (event) => {
      if (!this.column?.values || event.button !== 0) return;
      this.svg.setPointerCapture(event.pointerId);
      start = share(event);
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (start === null) return;
      const now = share(event);
      if (Math.abs(now - start) < 0.01) return;
      const [from, to] = [Math.min(start, now), Math.max(start, now)];
      const scale = scaleOf(this.column);
      const range = [from <= 0 ? null : short(scale.value(from)), to >= 1 ? null : short(scale.value(to))];
      this.#brushed(range);
      this.send(range);
    });
    const end = (event) => {
      if (start !== null && Math.abs(share(event) - start) < 0.01) this.#range(null);
      start = null;
    };
    this.svg.addEventListener("pointerup", end);
    this.svg.addEventListener("pointercancel", () => { start = null; });
  }
}

const short = (value) => Number(value.toPrecision(4));

function parsed(text) {
  const plain = text.replace(/,/g, "").replace("−", "-").trim();
  const value = Number(plain);
  return plain === "" || Number.isNaN(value) ? null : value;
}
