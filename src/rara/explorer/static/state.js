// The whole state of the page, and its way into the address and back.
// Whoever changes something calls change(); who shows something listens for the names it depends on.

import { parsed, written } from "./shapes.js";

const EMPTY = { by: "verdict", view: null, is: {}, in: {}, words: "", steps: [], show: "all", sort: "", at: null, beside: null, compare: null, hide: [] };
const PAUSE = 120; // milliseconds between two writes: browsers slow down pages that write more often
const PUSHED = new Set(["by", "is", "in", "words", "steps", "show", "sort", "at", "compare", "hide"]);

export class State {
  constructor() {
    this.values = structuredClone(EMPTY);
    this.listeners = [];
    this.pushed = { time: 0, names: "", written: 0 };
  }

  get(name) { return this.values[name]; }
  on(names, call) { this.listeners.push([new Set(names.split(" ")), call]); }

  /** Takes new values on; what repeats within a second replaces the last entry of the history. */
  change(values) {
    const changed = Object.keys(values).filter((name) => JSON.stringify(values[name]) !== JSON.stringify(this.values[name]));
    if (!changed.length) return;
    Object.assign(this.values, values);
    const names = changed.filter((name) => PUSHED.has(name)).sort().join();
    const now = performance.now();
    const push = names !== "" && !(names === this.pushed.names && now - this.pushed.time < 1000);
    if (names) Object.assign(this.pushed, { time: now, names });
    clearTimeout(this.timer);
    if (push) this.#write("pushState");
    else if (now - this.pushed.written > PAUSE) this.#write("replaceState");
    else this.timer = setTimeout(() => this.#write("replaceState"), PAUSE);
    this.#tell(changed);
  }

  #write(way) {
    this.pushed.written = performance.now();
    history[way](null, "", address(this.values));
  }

  #tell(changed) {
    for (const [names, call] of this.listeners) if (changed.some((name) => names.has(name))) call(changed);
  }

  /** Reads the address, now and when it changes: back, forward, or typed. */
  listen() {
    this.values = { ...structuredClone(EMPTY), ...values(location.hash) };
    const read = () => {
      clearTimeout(this.timer);
      const next = { ...structuredClone(EMPTY), ...values(location.hash) };
      const changed = Object.keys(next).filter((name) => JSON.stringify(next[name]) !== JSON.stringify(this.values[name]));
      this.values = next;
      Object.assign(this.pushed, { time: 0, names: "" });
      this.#tell(changed);
    };
    addEventListener("popstate", read);
  }
}

const point = (at) => (at ? `${at.side === 1 ? "s" : at.side === 0 ? "r" : "j"}${at.row}` : null);
function pointOf(text) {
  const found = /^([srj])(\d{1,9})$/.exec(text ?? "");
  return found ? { side: { s: 1, r: 0, j: 2 }[found[1]], row: Number(found[2]) } : null;
}

function address(values) {
  const pairs = new URLSearchParams();
  const put = (name, value) => { if (value) pairs.append(name, value); };
  if (values.by !== EMPTY.by) put("by", values.by);
  put("q", values.words);
  for (const [name, choices] of Object.entries(values.is)) for (const choice of choices) pairs.append(`is.${name}`, choice);
  for (const [name, [low, high]] of Object.entries(values.in)) put(`in.${name}`, `${low ?? ""}..${high ?? ""}`);
  put("sort", values.sort);
  if (values.show !== "all") put("show", values.show);
  put("at", point(values.at));
  put("beside", point(values.beside));
  put("compare", values.compare);
  put("hide", values.hide.join("."));
  for (const step of written(values.steps)) pairs.append("pick", step);
  if (values.view) put("view", values.view.map((one) => Number(one.toFixed(4))).join(","));
  return `#${pairs}`;
}

const number = (text) => (text === "" || !Number.isFinite(Number(text)) ? null : Number(text));

function values(hash) {
  const pairs = new URLSearchParams(hash.replace(/^#/, ""));
  const found = { is: Object.create(null), in: Object.create(null) }; // names from outside
  for (const [name, value] of pairs) {
    if (name.startsWith("is.")) (found.is[name.slice(3)] ??= []).push(value);
    if (name.startsWith("in.") && value.includes("..")) found.in[name.slice(3)] = value.split("..").map(number);
  }
  const text = (name, key, empty) => { if (pairs.has(key)) found[name] = pairs.get(key) || empty; };
  text("by", "by", "verdict");
  text("words", "q", "");
  text("sort", "sort", "");
  text("show", "show", "all");
  text("compare", "compare", null);
  if (pairs.has("hide")) found.hide = pairs.get("hide").split(".").filter(Boolean);
  found.at = pointOf(pairs.get("at"));
  found.beside = pointOf(pairs.get("beside"));
  found.steps = parsed(pairs.getAll("pick"));
  const view = (pairs.get("view") ?? "").split(",").map(Number);
  if (view.length === 3 && view.every(Number.isFinite)) found.view = view;
  return found;
}
