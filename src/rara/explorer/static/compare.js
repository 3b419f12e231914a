// Two pictures laid over each other: side by side, a slider, blinking, the difference.
// Zoom and position are the same for both; the reference image can be mirrored and turned.

import { $, make, say } from "./dom.js";
import { apart } from "./gestures.js";
import { drawn, outline, shaped } from "./picture.js";
import { base } from "./words.js";

const MODES = [["side", "Side by side"], ["slider", "Slider"], ["blink", "Blink"], ["difference", "Difference"]];
const PACE = 600; // milliseconds of a blink

export class Compare {
  constructor(parts) {
    Object.assign(this, parts, { zoom: 1, x: 0, y: 0, turn: 0, mirrored: false });
    this.dialog = $("compare");
    this.dialog.addEventListener("close", () => this.#closed());
    this.dialog.addEventListener("keydown", (event) => this.#key(event));
    this.state.on("compare beside at", () => this.show());
  }

  open() {
    if (!this.#pictured()) say("There are no pictures to compare.");
    else if (this.detail.partner) this.state.change({ compare: this.last ?? "slider" });
  }

  #pictured() {
    const side = this.state.get("at")?.side;
    return this.data.pictured(0) && (side === 2 || this.data.pictured(1));
  }

  show() {
    const mode = this.state.get("compare");
    const partner = this.detail.partner;
    if (!mode || !partner || !this.#pictured() || !this.detail.present) { if (this.dialog.open) this.dialog.close(); return; }
    const key = JSON.stringify([this.detail.present.at, partner]);
    if (key !== this.key) this.#build(partner);
    this.key = key;
    this.last = mode;
    if (!this.dialog.open) this.dialog.showModal();
    this.#mode(MODES.some(([name]) => name === mode) ? mode : "slider");
  }

  #build(partner) {
    const { at, record } = this.detail.present;
    const source = record.source?.row === partner.row ? record.source : null;
    Object.assign(this, { zoom: 1, x: 0, y: 0, turn: 0, mirrored: /^mirrored/i.test(source?.edit ?? "") }); // as it lines up
    const found = [record.source, record.nearest, record.owner, ...(record.neighbours ?? [])].find((one) => one?.row === partner.row);
    const layer = (kind, point, region) => {
      const picture = drawn(point, this.judged, 1024, "");
      const fitted = make("div.fitted", {}, picture, region ? outline(region) : null);
      shaped(picture, fitted);
      const moved = make("div.moved", {}, fitted);
      return { kind, element: make("div", { class: `layer ${kind}` }, moved), moved };
    };
    this.layers = [layer("own", at, record.source?.sample_region), layer("other", partner, source?.source_region)];
    this.range = make("input.cut", { type: "range", min: 0, max: 100, step: 0.5, value: 50, "aria-label": "Where the slider stands", oninput: () => this.#place() });
    this.line = make("div.cutline");
    this.stage = make("div.stage", {}, this.layers[0].element, this.layers[1].element, this.line);
    this.tabs = MODES.map(([name, label], i) => make("button", { type: "button", "aria-pressed": "false", "data-mode": name, onclick: () => this.state.change({ compare: name }) }, label, make("kbd", {}, i + 1)));
    const extra = [
      (this.mirrorButton = make("button", { type: "button", "aria-pressed": String(this.mirrored), onclick: () => this.#mirror() }, "Mirror", make("kbd", {}, "m"))),
      make("button", { type: "button", onclick: () => this.#rotate() }, "Turn", make("kbd", {}, "t")),
      record.source?.sample_region ? make("button", { type: "button", "aria-pressed": "true", onclick: (event) => this.#outline(event.currentTarget) }, "Region", make("kbd", {}, "o")) : null,
      make("button", { type: "button", onclick: () => this.#fit() }, "Fit", make("kbd", {}, "0")),
    ];
    this.regionButton = extra[2];
    const names = make("p.names", {}, make("span.sample-word", {}, base(record.id ?? record.name ?? "")), " beside ", make("span.reference-word", {}, base(found?.id ?? `reference image ${partner.row + 1}`)));
    this.dialog.replaceChildren(
      make("header", {}, make("h2", {}, names), make("button.close", { type: "button", "aria-label": "Close", onclick: () => this.dialog.close() }, "×")),
      make("div.bar", { role: "group", "aria-label": "How they are compared" }, this.tabs, make("span.gap"), extra),
      this.stage, make("footer", {}, this.range, make("p.muted", {}, make("span.with-mouse", {}, "Wheel zooms, drag moves, ← → takes another reference image."), make("span.with-fingers", {}, "Pinch zooms, drag moves."))));
    this.#hands();
  }

  #mode(mode) {
    clearInterval(this.blinking);
    this.dialog.dataset.mode = mode;
    for (const tab of this.tabs) tab.setAttribute("aria-pressed", String(tab.dataset.mode === mode));
    this.range.hidden = mode !== "slider";
    this.layers[1].element.classList.remove("away");
    if (mode === "blink") this.blinking = setInterval(() => this.layers[1].element.classList.toggle("away"), PACE);
    this.#place();
  }

  #place() {
    const shift = `translate(${this.x}px, ${this.y}px) scale(${this.zoom})`;
    const flip = `rotate(${this.turn * 90}deg) scaleX(${this.mirrored ? -1 : 1})`;
    this.layers[0].moved.style.transform = shift;
    this.layers[1].moved.style.transform = `${shift} ${flip}`;
    const cut = this.dialog.dataset.mode === "slider" ? Number(this.range.value) : 0;
    this.layers[1].element.style.clipPath = this.dialog.dataset.mode === "slider" ? `inset(0 0 0 ${cut}%)` : "none";
    this.line.style.left = `${cut}%`;
    this.line.hidden = this.dialog.dataset.mode !== "slider";
    const deep = this.zoom > 3;
    for (const one of this.layers) one.element.classList.toggle("deep", deep);
  }

  #mirror() {
    this.mirrored = !this.mirrored;
    this.mirrorButton.setAttribute("aria-pressed", String(this.mirrored));
    this.#place();
  }
  #rotate() { this.turn = (this.turn + 1) % 4; this.#place(); }
  #fit() { Object.assign(this, { zoom: 1, x: 0, y: 0 }); this.#place(); }
  #outline(button) {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    this.stage.classList.toggle("bare", !shown);
  }

  #zoom(by, left = 0, top = 0) {
    const zoom = Math.max(0.5, Math.min(40, this.zoom * by));
    this.x = left - ((left - this.x) * zoom) / this.zoom;
    this.y = top - ((top - this.y) * zoom) / this.zoom;
    this.zoom = zoom;
    this.#place();
  }

  #hands() {
    let [last, cutting, pinch, pane] = [null, false, null, null];
    const fingers = new Map();
    const from = (target) => (this.dialog.dataset.mode === "side" ? target.closest(".layer") : null) ?? this.stage;
    const middle = (x, y, within) => {
      const box = within.getBoundingClientRect();
      return [x - box.left - box.width / 2, y - box.top - box.height / 2];
    };
    const share = (event) => {
      const box = this.stage.getBoundingClientRect();
      return (100 * (event.clientX - box.left)) / box.width;
    };
    this.stage.addEventListener("wheel", (event) => { event.preventDefault(); this.#zoom(2 ** (-event.deltaY * 0.002), ...middle(event.clientX, event.clientY, from(event.target))); }, { passive: false });
    this.stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.stage.setPointerCapture(event.pointerId);
      last = [event.clientX, event.clientY];
      fingers.set(event.pointerId, last);
      if (fingers.size === 2) { pinch = apart(fingers); return; }
      pane = from(event.target);
      const reach = Math.max(4, 2200 / this.stage.clientWidth); // percent: the whole of the handle
      cutting = this.dialog.dataset.mode === "slider" && Math.abs(share(event) - this.range.value) < reach;
    });
    this.stage.addEventListener("pointermove", (event) => {
      if (!fingers.has(event.pointerId)) return;
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
      if (pinch) {
        const other = apart(fingers);
        this.x += other.x - pinch.x;
        this.y += other.y - pinch.y;
        this.#zoom(other.far / pinch.far, ...middle(other.x, other.y, pane));
        pinch = other;
        return;
      }
      if (!last) return; // one of two fingers that stays
      if (cutting) this.range.value = share(event);
      else { this.x += event.clientX - last[0]; this.y += event.clientY - last[1]; }
      last = [event.clientX, event.clientY];
      this.#place();
    });
    for (const name of ["pointerup", "pointercancel"]) this.stage.addEventListener(name, (event) => { if (fingers.delete(event.pointerId)) last = pinch = null; });
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const mode = MODES[Number(event.key) - 1]?.[0];
    const onRange = event.target === this.range;
    const acts = {
      m: () => this.#mirror(), t: () => this.#rotate(), 0: () => this.#fit(), "+": () => this.#zoom(1.4), "=": () => this.#zoom(1.4), "-": () => this.#zoom(1 / 1.4),
      o: () => this.regionButton && this.#outline(this.regionButton), c: () => this.dialog.close(),
      j: () => this.onstep?.(1), k: () => this.onstep?.(-1),
      ...(onRange ? {} : { ArrowLeft: () => this.detail.turn(-1), ArrowRight: () => this.detail.turn(1) }),
    };
    const act = mode ? () => this.state.change({ compare: mode }) : acts[event.key];
    event.stopPropagation();
    if (!act) return;
    event.preventDefault();
    act();
  }

  #closed() {
    clearInterval(this.blinking);
    this.key = null;
    if (this.state.get("compare")) this.state.change({ compare: null });
  }
}
