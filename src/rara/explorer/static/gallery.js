// The samples that pass, as pictures. Only those in sight are elements, so a million scroll smoothly.
// One list box: the arrow keys move in it, the present sample is its active option.

import * as api from "./api.js";
import { verdictToken } from "./colours.js";
import { $, make, pixels, soon } from "./dom.js";
import { base, count, figure } from "./words.js";

const TALLEST = 12e6; // pixels that browsers can scroll through with ease
const WORDS = 42; // pixels of the lines below a picture

export class Gallery {
  constructor(parts) {
    Object.assign(this, parts, { cells: new Map(), free: [] });
    this.scroller = $("gallery");
    this.sheet = $("sheet");
    this.draw = soon(() => this.#draw());
    this.scroller.addEventListener("scroll", this.draw, { passive: true });
    this.scroller.addEventListener("keydown", (event) => this.#key(event));
    this.sheet.addEventListener("click", (event) => this.#click(event));
    this.sheet.addEventListener("pointerover", (event) => this.#near(event.target.closest(".cell")));
    this.sheet.addEventListener("pointerleave", () => this.#near(null));
    this.sheet.addEventListener("dblclick", () => this.oncompare?.());
    new ResizeObserver(() => { this.#measure(); this.draw(); }).observe(this.scroller);
    this.rows.on(() => this.refresh());
    this.marks.on(() => this.refresh());
    this.state.on("at", () => { this.show(); this.draw(); });
    this.#measure();
  }

  get list() { return this.rows.list; }
  get place() { const at = this.state.get("at"); return at?.side === 1 ? this.list.indexOf(at.row) : -1; }

  /** Says anew what stands in each cell; a picture that stays is not loaded again. */
  refresh() {
    const { list } = this;
    for (const [place, cell] of this.cells) {
      if (place < list.length && list[place] === cell.row) this.#say(cell, place);
      else { this.#drop(cell); this.cells.delete(place); }
    }
    this.#measure();
    this.draw();
  }

  #drop(cell) { cell.element.remove(); cell.image.removeAttribute("src"); this.free.push(cell); }

  #measure() {
    const wide = this.scroller.clientWidth - 24;
    const pictured = this.data.pictured(1);
    const least = !pictured ? 150 : wide < 420 ? 92 : 116;
    this.across = Math.max(2, Math.floor(wide / least));
    this.edge = Math.floor(wide / this.across);
    this.tall = (pictured ? this.edge : 12) + WORDS;
    this.scroller.classList.toggle("bare", !pictured);
    this.lines = Math.ceil(this.list.length / this.across);
    this.whole = this.lines * this.tall;
    this.sheet.style.height = `${Math.min(this.whole, TALLEST)}px`;
  }

  /** What the scroll position is of the whole list; far lists are scrolled in larger steps. */
  get top() {
    const room = this.scroller.clientHeight;
    if (this.whole <= TALLEST) return this.scroller.scrollTop;
    return (this.scroller.scrollTop / Math.max(1, TALLEST - room)) * (this.whole - room);
  }

  /** Scrolls so that the present sample is in sight. */
  show() {
    const place = this.place;
    if (place < 0) return;
    const [from, room] = [Math.floor(place / this.across) * this.tall, this.scroller.clientHeight];
    if (from >= this.top && from + this.tall <= this.top + room) return;
    const wanted = from < this.top ? from - 8 : from + this.tall + 8 - room;
    this.scroller.scrollTop = this.whole <= TALLEST ? wanted : (wanted / (this.whole - room)) * (TALLEST - room);
  }

  #draw() {
    const [room, top] = [this.scroller.clientHeight, this.top];
    const first = Math.max(0, Math.floor(top / this.tall) - 1) * this.across;
    const last = Math.min(this.list.length, (Math.ceil((top + room) / this.tall) + 1) * this.across);
    for (const [place, cell] of this.cells) if (place < first || place >= last) { this.#drop(cell); this.cells.delete(place); }
    const shift = this.scroller.scrollTop - top;
    for (let place = first; place < last; place++) {
      if (!this.cells.has(place)) this.cells.set(place, this.#fill(place));
      this.#put(this.cells.get(place), place, shift);
    }
    const active = this.cells.get(this.place);
    if (active) this.scroller.setAttribute("aria-activedescendant", active.element.id);
    else this.scroller.removeAttribute("aria-activedescendant");
    $("nothing").hidden = this.list.length > 0;
  }

  #put({ element, row }, place, shift) {
    const at = this.state.get("at");
    element.style.transform = `translate(${12 + (place % this.across) * this.edge}px, ${Math.floor(place / this.across) * this.tall + shift}px)`;
    element.style.width = `${this.edge}px`;
    element.style.height = `${this.tall}px`;
    element.classList.toggle("at", at?.side === 1 && at.row === row);
    element.setAttribute("aria-selected", String(this.rows.selected[row] === 1));
  }

  #fill(place) {
    const cell = this.free.pop() ?? this.#made();
    cell.row = this.list[place];
    this.#say(cell, place);
    const pictured = this.data.pictured(1);
    cell.image.hidden = !pictured;
    if (pictured) cell.image.src = api.picture(1, cell.row, this.edge * (devicePixelRatio || 1) > 130 ? 256 : 128);
    this.sheet.append(cell.element);
    return cell;
  }

  #say(cell, place) {
    const { row } = cell;
    const { data, state } = this;
    const verdict = data.get("verdict")?.at(row) ?? "";
    const name = data.name(1, row);
    const sort = state.get("sort").replace(/^-/, "");
    const value = sort && sort !== "id" && data.has(sort) ? data.get(sort).at(row) : null;
    const shown = value === null ? verdict : typeof value === "number" ? figure(value) : String(value);
    cell.element.id = `sample-${row}`;
    cell.element.setAttribute("aria-label", [name, verdict, value === null ? "" : `${data.label(sort)} ${shown}`].filter(Boolean).join(", "));
    cell.element.setAttribute("aria-setsize", this.list.length);
    cell.element.setAttribute("aria-posinset", place + 1);
    cell.name.textContent = base(name);
    cell.value.textContent = shown;
    cell.dot.setAttribute("class", `dot ${verdictToken(verdict)}`);
    cell.star.hidden = !this.marks.starred(row);
  }

  #made() {
    const image = make("img", { alt: "", decoding: "async", draggable: "false" });
    image.onerror = () => { image.hidden = true; };
    image.onload = () => pixels(image);
    const [name, value, dot, star] = [make("span.name"), make("bdi"), make("span.dot"), make("span.star", { "aria-hidden": "true" }, "★")];
    const element = make("div.cell", { role: "option", "aria-selected": "false" }, make("span.frame", {}, image, star), name, make("span.value", {}, dot, value));
    return { element, image, name, value, dot, star };
  }

  /** The map rings the sample under the pointer. */
  #near(element) { this.onnear?.(element ? { side: 1, row: Number(element.id.slice(7)) } : null); }

  #click(event) {
    const element = event.target.closest(".cell");
    if (!element) return;
    const row = Number(element.id.slice(7));
    if (event.shiftKey && this.place >= 0) this.#range(this.list.indexOf(row));
    else if (event.ctrlKey || event.metaKey) this.onpick?.(row);
    else this.state.change({ at: { side: 1, row }, beside: null });
  }

  #range(end) {
    const [from, to] = [Math.min(this.place, end), Math.max(this.place, end)];
    const step = { mode: "add", rows: [...this.list.subarray(from, Math.min(to + 1, from + 2000))] };
    this.state.change({ steps: [...this.state.get("steps"), step] });
  }

  /** The sample that many places on. */
  step(by) { this.to(this.place < 0 ? 0 : this.place + by); }

  to(place) {
    if (!this.list.length) return;
    const row = this.list[Math.max(0, Math.min(this.list.length - 1, place))];
    this.state.change({ at: { side: 1, row }, beside: null });
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const screen = this.across * Math.max(1, Math.floor(this.scroller.clientHeight / this.tall));
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.across, ArrowDown: this.across, PageUp: -screen, PageDown: screen, Home: -this.list.length, End: this.list.length }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Home" || event.key === "End") this.to(event.key === "Home" ? 0 : this.list.length - 1);
    else this.step(by);
  }

  /** Said above the gallery. */
  caption() { return `${count(this.list.length)} of ${count(this.data.samples)}`; }
}
