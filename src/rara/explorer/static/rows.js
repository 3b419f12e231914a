// Which samples pass the filters, which are selected, and in what order the gallery shows them.
// Each filter has a bit; a row keeps the bits of the filters it fails. So a histogram can count the
// rows that pass every filter but its own.

import { matching } from "./search.js";
import { within } from "./shapes.js";
import { arranged, ordered } from "./sort.js";

export class Rows {
  constructor(data, grid, state, marks) {
    Object.assign(this, { data, grid, state, marks, fails: new Uint32Array(data.samples), bits: new Map(), orders: new Map(), calls: [], turn: 0, dirty: new Set() });
    this.selected = new Uint8Array(data.samples);
    this.list = new Uint32Array(0);
    this.passing = data.samples;
    this.many = 0;
    state.on("is in words steps show sort", (changed) => this.update(changed));
    marks.on(() => { if (["starred", "decided"].includes(state.get("show"))) this.update(["show"]); });
  }

  on(call) { this.calls.push(call); }
  passes(row) { return this.fails[row] === 0; }

  /** The rows that pass all filters but one. */
  bitOf(key) { return this.bits.get(key) ?? 0; }

  async update(changed = ["is", "in", "words", "steps", "show", "sort"]) {
    const turn = ++this.turn;
    for (const name of changed) this.dirty.add(name);
    const { is, in: ranges, words, sort } = this.state.values;
    const column = sort.replace(/^-/, "");
    const texts = words ? this.data.texts : [];
    try {
      await this.data.need([...Object.keys(is), ...Object.keys(ranges), ...texts, column].filter((name) => this.data.info.has(name)));
    } catch (error) {
      this.trouble?.(error);
      return;
    }
    if (turn !== this.turn) return; // a later call does this too
    const dirty = this.dirty;
    this.dirty = new Set();
    const filtered = ["is", "in", "words"].some((name) => dirty.has(name));
    if (filtered) this.#filter(is, ranges, words, texts);
    if (filtered || dirty.has("steps")) this.#select();
    this.#arrange(column, sort.startsWith("-"));
    for (const call of this.calls) call();
  }

  #filter(is, ranges, words, texts) {
    const { data, fails } = this;
    fails.fill(0);
    this.bits = new Map();
    const bit = (key) => { const one = 1 << Math.min(31, this.bits.size); this.bits.set(key, one); return one; };
    for (const [name, choices] of Object.entries(is)) {
      const column = data.get(name);
      if (!column?.codes) continue;
      const [one, wanted] = [bit(name), new Set(choices)];
      const passing = column.values.map((value) => wanted.has(value));
      const none = wanted.has("");
      for (let row = 0; row < fails.length; row++) if (!(column.codes[row] < 0 ? none : passing[column.codes[row]])) fails[row] |= one;
    }
    for (const [name, [low, high]] of Object.entries(ranges)) {
      const values = data.get(name)?.values;
      if (!values || data.get(name).codes) continue;
      const [one, from, to] = [bit(name), low ?? -Infinity, high ?? Infinity];
      for (let row = 0; row < fails.length; row++) if (!(values[row] >= from && values[row] <= to)) fails[row] |= one;
    }
    if (words.trim()) {
      const one = bit("words");
      const found = matching(texts.map((name) => data.get(name)).filter(Boolean), words, fails.length);
      for (let row = 0; row < fails.length; row++) if (!found[row]) fails[row] |= one;
    }
    this.passing = 0;
    for (let row = 0; row < fails.length; row++) if (fails[row] === 0) this.passing++;
  }

  /** Replays what was drawn and clicked. A shape takes the samples that pass the filters. */
  #select() {
    const { data, selected } = this;
    selected.fill(0);
    for (const step of this.state.get("steps")) {
      if (step.mode === "new") selected.fill(0);
      const value = step.mode === "take away" ? 0 : 1;
      for (const row of step.rows ?? []) if (row < selected.length) selected[row] = value;
      if (step.corners) within(step, data, this.grid, (id) => { if (data.side[id] === 1 && this.fails[data.row[id]] === 0) selected[data.row[id]] = value; });
    }
    this.many = selected.reduce((sum, one) => sum + one, 0);
  }

  #arrange(name, down) {
    const show = this.state.get("show");
    const test = {
      selected: (row) => this.selected[row] === 1,
      starred: (row) => this.marks.starred(row),
      decided: (row) => this.marks.decided(row),
    }[show] ?? ((row) => this.fails[row] === 0);
    const column = this.data.get(name);
    if (column) {
      if (!this.orders.has(name)) this.orders.set(name, ordered(column));
      this.list = arranged(this.orders.get(name), down, test);
      return;
    }
    const found = new Uint32Array(this.data.samples);
    let many = 0;
    for (let row = 0; row < found.length; row++) if (test(row)) found[many++] = row;
    this.list = found.subarray(0, many);
    if (down) this.list.reverse();
  }

  /** Rows of the selection, from the first. */
  chosen() {
    const found = [];
    this.selected.forEach((one, row) => { if (one) found.push(row); });
    return found;
  }
}
