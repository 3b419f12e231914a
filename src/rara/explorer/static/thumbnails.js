// Thumbnails in place of points, where there is room for them. They are thinned so that none covers
// another; what calls for a look comes first. Pictures come from atlas sheets, or one by one where the sheets would be too many.

import * as api from "./api.js";
import { THUMBS, program } from "./shaders.js";

const SLOT = 64; // pixels of a slot
const SLOTS = 32; // a side of the atlas
const MOST = 700; // on the screen
const FEW_SHEETS = 24;
const AT_ONCE = 8;

export class Thumbnails {
  constructor(gl, data, changed) {
    Object.assign(this, { gl, data, changed, slots: new Map(), free: Array.from({ length: SLOTS * SLOTS }, (_, i) => i), asked: new Set(), gone: new Set(), queue: [], running: 0, shown: [], sheets: new Map() });
    this.program = program(gl, THUMBS, ["corner", "centre", "slot", "look"]);
    this.texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, SLOT * SLOTS, SLOT * SLOTS);
    for (const way of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, way, gl.LINEAR);
    this.buffer = gl.createBuffer();
    this.pen = new OffscreenCanvas(SLOT, SLOT).getContext("2d", { willReadFrequently: true });
  }

  /** CSS pixels of a thumbnail in a view; 0 where points are too close for any. */
  size(view) { return thumbnailSize(view.scale, this.data.total); }

  /** Chooses what is shown in a view: by rank, then by a fixed shuffle; `rank` < 0 is hidden. What is
   * chosen stays until the view is another one by half a thumbnail. */
  choose(view, grid, rank, version) {
    const size = this.size(view);
    const old = this.chosen;
    const near = old && old.version === version && old.scale === view.scale && old.width === view.width && old.height === view.height
      && Math.max(Math.abs(old.x - view.x), Math.abs(old.y - view.y)) * view.scale < size / 2;
    if (near) return;
    this.chosen = { ...view, version };
    this.shown = [];
    if (size === 0) return;
    const [half, tall] = [(view.width / 2 + size) / view.scale, (view.height / 2 + size) / view.scale];
    const ranks = [[], [], [], [], []];
    grid.each(view.x - half, view.y - tall, view.x + half, view.y + tall, (id) => {
      if (Math.abs(this.data.x[id] - view.x) > half || Math.abs(this.data.y[id] - view.y) > tall) return;
      const place = rank(id);
      if (place >= 0 && this.data.pictured(this.data.side[id])) ranks[place].push(id);
    });
    for (const one of ranks) one.sort((a, b) => shuffled(a) - shuffled(b));
    this.shown = apart(ranks.flat(), this.data, (size * 1.04) / view.scale, MOST);
    this.#ask();
  }

  #ask() {
    for (const id of this.shown) {
      const slot = this.slots.get(id);
      if (slot !== undefined) { this.slots.delete(id); this.slots.set(id, slot); } // the latest used
      else if (!this.asked.has(id) && !this.gone.has(id)) { this.asked.add(id); this.queue.push(id); }
    }
    const wanted = new Set(this.shown);
    this.queue = this.queue.filter((id) => wanted.has(id) || !this.asked.delete(id));
    while (this.running < AT_ONCE && this.queue.length) this.#next(this.queue.shift());
  }

  async #next(id) {
    this.running++;
    try {
      const atlas = this.data.about.atlas;
      if (atlas && atlas.sheets <= FEW_SHEETS) {
        const image = await this.#sheet(Math.floor(id / atlas.sheet));
        const cell = id % atlas.sheet;
        this.#keep(id, image, (cell % atlas.across) * atlas.cell, Math.floor(cell / atlas.across) * atlas.cell, atlas.cell);
      } else {
        const answer = await fetch(api.picture(this.data.side[id], this.data.row[id], SLOT));
        if (!answer.ok) throw new Error("no picture");
        const image = await createImageBitmap(await answer.blob());
        const edge = Math.min(image.width, image.height);
        this.#keep(id, image, (image.width - edge) / 2, (image.height - edge) / 2, edge);
        image.close();
      }
    } catch {
      this.gone.add(id);
    }
    this.asked.delete(id);
    this.running--;
    this.changed();
    if (this.queue.length) this.#next(this.queue.shift());
  }

  #sheet(number) {
    if (!this.sheets.has(number)) {
      this.sheets.set(number, api.sheet(number));
      this.sheets.get(number).catch(() => this.sheets.delete(number));
    }
    return this.sheets.get(number);
  }

  #keep(id, image, left, top, edge) {
    const { gl, pen } = this;
    pen.clearRect(0, 0, SLOT, SLOT);
    pen.imageSmoothingEnabled = edge > 40;
    pen.drawImage(image, left, top, edge, edge, 0, 0, SLOT, SLOT);
    if (!this.free.length) {
      const [oldest] = this.slots.keys();
      this.free.push(this.slots.get(oldest));
      this.slots.delete(oldest);
    }
    const slot = this.free.pop();
    this.slots.set(id, slot);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, (slot % SLOTS) * SLOT, Math.floor(slot / SLOTS) * SLOT, SLOT, SLOT, gl.RGBA, gl.UNSIGNED_BYTE, pen.getImageData(0, 0, SLOT, SLOT));
  }

  /** Draws those whose pictures are here, and counts them; `look` gives red, green, blue and opacity of a frame. */
  draw(view, look, renderer) {
    const { gl, program: { made, places } } = this;
    const here = this.shown.filter((id) => this.slots.has(id));
    if (!here.length) return 0;
    const size = this.size(view);
    const rows = new Float32Array(here.length * 8);
    here.forEach((id, i) => {
      const slot = this.slots.get(id);
      rows.set([this.data.x[id], this.data.y[id], (slot % SLOTS) / SLOTS, Math.floor(slot / SLOTS) / SLOTS, ...look(id)], 8 * i);
    });
    gl.useProgram(made);
    renderer.bindCorners();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, rows, gl.STREAM_DRAW);
    [[1, 2, 0], [2, 2, 8], [3, 4, 16]].forEach(([place, many, at]) => {
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, many, gl.FLOAT, false, 32, at);
      gl.vertexAttribDivisor(place, 1);
    });
    const [sx, sy] = [(2 * view.scale) / view.width, (2 * view.scale) / view.height];
    gl.uniform4f(places.view, sx, sy, -view.x * sx, -view.y * sy);
    gl.uniform2f(places.size, (2 * size) / view.width, (2 * size) / view.height);
    gl.uniform2f(places.cell, 1 / SLOTS, 2.5 / size);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, here.length);
    for (const place of [1, 2, 3]) { gl.vertexAttribDivisor(place, 0); gl.disableVertexAttribArray(place); }
    return here.length;
  }
}

/** CSS pixels of a thumbnail, where a unit of the map has a scale and the map a number of points. */
export function thumbnailSize(scale, total) {
  const apart = scale * Math.sqrt(2.2 / Math.max(1, total));
  return apart < 9 ? 0 : Math.max(30, Math.min(88, Math.round(apart * 1.7)));
}

/** A number of an id that has no order. */
const shuffled = (id) => Math.imul(id + 1, 0x9e3779b1) >>> 0;

/** Ids in their order, without those that would cover an earlier one. */
export function apart(ids, data, size, most) {
  const taken = new Map();
  const kept = [];
  for (const id of ids) {
    const [x, y] = [Math.floor(data.x[id] / size), Math.floor(data.y[id] / size)];
    if (covered(taken, id, x, y, data, size)) continue;
    taken.set(x * 1e6 + y, id);
    kept.push(id);
    if (kept.length === most) break;
  }
  return kept;
}

function covered(taken, id, x, y, data, size) {
  for (let dx = -1; dx <= 1; dx++) for (let dy = -1; dy <= 1; dy++) {
    const other = taken.get((x + dx) * 1e6 + y + dy);
    if (other !== undefined && Math.abs(data.x[other] - data.x[id]) < size && Math.abs(data.y[other] - data.y[id]) < size) return true;
  }
  return false;
}
