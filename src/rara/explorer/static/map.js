// The map: points, thumbnails, what lies over them, and what a hand does there.
// It follows the rows (filters, selection) and the state (view, colour, the present point).

import { Camera } from "./camera.js";
import { paper, referenceColour, scheme } from "./colours.js";
import { $, later, soon } from "./dom.js";
import { gestures } from "./gestures.js";
import { Overlay } from "./overlay.js";
import { Renderer } from "./renderer.js";
import { shapeOf } from "./shapes.js";
import { Thumbnails, thumbnailSize } from "./thumbnails.js";

const CLASS = { faint: 0, reference: 1, sample: 2, loud: 3, selected: 4, hidden: 5 };
const REACH = 14; // pixels from a point that still hit it
const EDGE = 10; // pixels that stay free round the whole map
const pack = ([red, green, blue]) => red | (green << 8) | (blue << 16);

export class MapView {
  /** Throws where there is no WebGL2. `judged` are pictures that were dropped. */
  constructor({ data, grid, rows, state, judged, tip }) {
    this.element = $("map");
    Object.assign(this, { data, grid, rows, state, judged, tip, camera: new Camera(), tool: "pan", links: [], settled: true });
    this.first = new Promise((done) => { this.shown = done; });
    this.renderer = new Renderer($("points"));
    this.thumbnails = new Thumbnails(this.renderer.gl, data, () => this.ask());
    this.overlay = new Overlay(this.element, this.camera, data);
    this.looks = new Uint32Array(data.total);
    this.ask = soon(() => this.#frame());
    this.camera.frame(data.x, data.y);
    this.camera.reset();
    this.renderer.setPoints(grid, data.x, data.y);
    this.keep = later(() => state.change({ view: [this.camera.x, this.camera.y, this.camera.zoom] }), 250);
    const sized = new ResizeObserver(() => this.#resize());
    for (const one of [this.element, ...over(this.element)]) sized.observe(one);
    this.#resize();
    this.#listen();
    this.#follow();
    this.recolour();
  }

  #listen() {
    gestures(this.element, this.camera, () => this.tool, {
      moved: () => this.#moved(),
      hover: (place) => this.#hover(place),
      click: (place, event) => this.#click(place, event),
      draw: (path) => { this.path = path; this.ask(); },
      shape: (points, kind, mode) => {
        const step = shapeOf(points, kind, mode);
        const steps = mode === "new" ? [step] : [...this.state.get("steps"), step];
        this.state.change({ steps, show: "selected" });
      },
      zoom: (by, place) => this.zoom(by, place),
    });
  }

  #follow() {
    const { state } = this;
    state.on("by hide", () => this.recolour());
    state.on("at", () => { this.links = []; this.ask(); });
    state.on("view", () => this.#jump());
    this.rows.on(() => this.recolour());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
    this.#jump();
  }

  /** To the view of the address, if it is another one. */
  #jump() {
    const [x, y, zoom] = this.state.get("view") ?? [...this.camera.rest, 0];
    if (Math.abs(x - this.camera.x) + Math.abs(y - this.camera.y) + Math.abs(zoom - this.camera.zoom) < 2e-4) return;
    if (this.state.get("view")) this.camera.to(x, y, zoom);
    else this.camera.reset();
    this.ask();
  }

  #moved() {
    this.tip.hide();
    this.keep();
    this.ask();
  }

  #resize() {
    const { camera, element, renderer } = this;
    const ratio = Math.min(2, devicePixelRatio || 1);
    const [width, height] = [element.clientWidth || 1, element.clientHeight || 1];
    const [resting, same] = [camera.resting, camera.width === width && camera.height === height && camera.ratio === ratio];
    if (!same) {
      Object.assign(camera, { width, height, ratio });
      Object.assign(renderer.canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    }
    if (resting || !same || !this.roomy) leaveRoom(camera, element, this.data.total); // a new legend scales no view that someone chose
    this.roomy = $("legend").childElementCount > 0;
    if (resting) camera.reset();
    this.ask();
  }

  /** A zoom by some powers of two, in a fifth of a second. */
  zoom(by, place = [this.camera.width / 2, this.camera.height / 2]) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const [start, time] = [performance.now(), still ? 0 : 200];
    let done = 0;
    const step = (now) => {
      const share = time ? Math.min(1, Math.max(0, (now - start) / time)) : 1;
      const eased = share * (2 - share);
      this.camera.zoomAt(...place, by * (eased - done));
      done = eased;
      this.#moved();
      if (share < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  /** Rings a point that is pointed at elsewhere. */
  ring(point) { this.near = point; this.ask(); }

  reset() { this.camera.reset(); this.state.change({ view: null }); this.ask(); }

  /** Moves so that a point is in sight. */
  reveal(x, y) {
    const [left, top] = this.camera.toWindow(x, y);
    const { pad, width, height } = this.camera;
    if (left > pad.left - 2 && left < width - pad.right + 2 && top > pad.top - 2 && top < height - pad.bottom + 2) return;
    this.camera.to(x, y);
    this.#moved();
  }

  /** Colours and classes of all points, once a frame at most, and what the legend says of them. */
  recolour() {
    this.stale = true;
    this.ask();
  }

  #recolour() {
    this.stale = false;
    this.version = (this.version ?? 0) + 1;
    const { data, rows, looks, state } = this;
    const by = state.get("by");
    const made = (this.scheme = scheme(data, by));
    const hide = new Set(state.get("hide"));
    const packed = made.colours.map(pack);
    const plain = pack(referenceColour()) | ((hide.has("reference") ? CLASS.hidden : CLASS.reference) << 24);
    const own = new Uint32Array(data.samples);
    for (let row = 0; row < own.length; row++) {
      const index = made.index[row];
      own[row] = packed[index] | (this.#class(true, row, made.loud[index], hide) << 24);
    }
    const { order } = this.grid;
    for (let i = 0; i < order.length; i++) looks[i] = data.side[order[i]] === 1 ? own[data.row[order[i]]] : plain;
    this.renderer.setLooks(looks, paper());
    this.legend?.(made);
    rows.coloured = by;
  }

  #class(sample, row, loud, hide) {
    if (!sample) return hide.has("reference") ? CLASS.hidden : CLASS.reference;
    if (hide.has("samples")) return CLASS.hidden;
    if (this.rows.fails[row] !== 0) return CLASS.faint;
    if (this.rows.selected[row]) return CLASS.selected;
    return loud ? CLASS.loud : CLASS.sample;
  }

  #classOf(id) {
    const sample = this.data.side[id] === 1;
    const loud = sample && this.scheme.loud[this.scheme.index[this.data.row[id]]];
    return this.#class(sample, this.data.row[id], loud, new Set(this.state.get("hide")));
  }

  colourOf(id) { return this.data.side[id] === 1 ? this.scheme.colours[this.scheme.index[this.data.row[id]]] : referenceColour(); }

  #frame() {
    const view = this.camera.view;
    if (this.stale) this.#recolour();
    const more = this.renderer.draw(view);
    if (this.renderer.drawn && !this.seen) { this.seen = true; performance.mark("rara: first view"); this.shown(); }
    this.#thumbs(view);
    this.overlay.draw({ at: this.state.get("at"), links: this.links, judged: this.judged.list, path: this.path, near: this.near });
    if (more === this.settled) this.element.dataset.settled = String(!more);
    this.settled = !more;
    if (more) this.ask();
  }

  #thumbs(view) {
    const ranks = [-1, 4, 3, 1, 0, -1];
    const hide = new Set(this.state.get("hide"));
    const { data, rows, scheme: made } = this;
    const rank = (id) => {
      if (data.side[id] === 0) return hide.has("reference") ? -1 : ranks[CLASS.reference];
      return ranks[this.#class(true, data.row[id], made.loud[made.index[data.row[id]]], hide)];
    };
    this.thumbnails.choose(view, this.grid, rank, this.version);
    const plain = referenceColour();
    const drawn = this.thumbnails.draw(view, (id) => {
      const colour = data.side[id] === 1 ? made.colours[made.index[data.row[id]]] : plain;
      return [colour[0] / 255, colour[1] / 255, colour[2] / 255, 1];
    }, this.renderer);
    if (drawn !== this.pictures) this.element.dataset.pictures = drawn;
    this.pictures = drawn;
  }

  /** The point at a place of the window: {side, row}, side 2 for a dropped picture. */
  hit([left, top]) {
    const { camera, data } = this;
    for (const one of this.judged.list) {
      if (!one.placed) continue;
      const [x, y] = camera.toWindow(one.x, one.y);
      if (Math.hypot(x - left, y - top) < REACH) return { side: 2, row: one.row };
    }
    const [x, y] = camera.toMap(left, top);
    const half = this.thumbnails.size(camera.view) / 2 / camera.scale;
    const over = this.thumbnails.shown.find((id) => this.thumbnails.slots.has(id) && Math.abs(data.x[id] - x) < half && Math.abs(data.y[id] - y) < half);
    if (over !== undefined) return { side: data.side[over], row: data.row[over] };
    const reach = REACH / camera.scale;
    let [best, nearest] = [Infinity, -1];
    this.grid.each(x - reach, y - reach, x + reach, y + reach, (id) => {
      const away = Math.hypot(data.x[id] - x, data.y[id] - y) * (data.side[id] === 1 ? 1 : 1.6);
      if (away < best && away < reach && ![CLASS.faint, CLASS.hidden].includes(this.#classOf(id))) [best, nearest] = [away, id];
    });
    return nearest < 0 ? null : { side: data.side[nearest], row: data.row[nearest] };
  }

  #hover(place) {
    this.place = place;
    if (!this.hovering) this.hovering = soon(() => {
      this.near = this.place && this.tool === "pan" ? this.hit(this.place) : null;
      this.element.classList.toggle("over", this.near !== null);
      if (this.near) this.tip.show(this.near, this.place);
      else this.tip.hide();
      this.ask();
    });
    this.hovering();
  }

  #click(place, event) {
    const found = this.hit(place);
    if (!found) { if (this.tool === "pan" && !event.shiftKey) this.state.change({ at: null, beside: null }); return; }
    if (found.side === 1 && (event.shiftKey || event.ctrlKey || event.metaKey)) this.onpick?.(found.row);
    else this.state.change({ at: found, beside: null });
  }
}

/** What lies over the map: the controls, the tools and the legend. */
const over = (element) => [".controls", ".tools", "#legend"].map((one) => element.parentElement.querySelector(one));

/** Keeps the whole map clear of what lies over it, with half a thumbnail at the edges. */
export function leaveRoom(camera, element, total) {
  const box = element.getBoundingClientRect();
  const [controls, tools, legend] = over(element).map((one) => one.getBoundingClientRect());
  const pad = (edge) => ({ left: edge, right: edge + box.right - tools.left, top: edge + controls.bottom - box.top, bottom: edge + box.bottom - legend.top });
  camera.pad = pad(EDGE);
  camera.pad = pad(Math.max(EDGE, thumbnailSize(camera.fit, total) / 2 + 4));
}
