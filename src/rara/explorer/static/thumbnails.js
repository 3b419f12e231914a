// Thumbnails in place of points, where there is room for them. They are thinned so that none covers
// another: the map is cut into cells that are fixed to it, so that moving changes no choice.
// Pictures come from atlas sheets, or one by one where the sheets would be too many.

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
  size(view) {
    const apart = view.scale * Math.sqrt(2.2 / Math.max(1, this.data.total));
    return apart < 9 ? 0 : Math.max(30, Math.min(88, Math.round(apart * 1.7)));
  }

  /** Chooses what is shown in a view. `rank` orders points: the lowest wins a cell; < 0 is hidden. */
  choose(view, grid, rank) {
    const size = this.size(view);
    this.shown = [];
    if (size === 0) return;
    const cell = size / 2 ** Math.floor(Math.log2(view.scale));
    const [half, tall] = [view.width / 2 / view.scale, view.height / 2 / view.scale];
    const best = new Map();
    grid.each(view.x - half, view.y - tall, view.x + half, view.y + tall, (id) => {
      const [x, y] = [this.data.x[id], this.data.y[id]];
      if (Math.abs(x - view.x) > half || Math.abs(y - view.y) > tall) return;
      const place = rank(id);
      if (place < 0) return;
      const key = Math.floor(x / cell) * 1e6 + Math.floor(y / cell);
      const held = best.get(key);
      if (held === undefined || place < held[0] || (place === held[0] && id < held[1])) best.set(key, [place, id]);
    });
    const chosen = [...best.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    this.shown = apart(chosen.map((one) => one[1]), this.data, (size * 1.04) / view.scale).slice(0, MOST);
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

  /** Draws those whose pictures are here; `look` gives red, green, blue and opacity of a frame. */
  draw(view, look, renderer) {
    const { gl, program: { made, places } } = this;
    const here = this.shown.filter((id) => this.slots.has(id));
    if (!here.length) return;
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
  }
}

/** Ids in their order, without those that would cover an earlier one. */
function apart(ids, data, size) {
  const taken = new Map();
  const key = (x, y) => x * 1e6 + y;
  return ids.filter((id) => {
    const [x, y] = [Math.floor(data.x[id] / size), Math.floor(data.y[id] / size)];
    for (let dx = -1; dx <= 1; dx++) for (let dy = -1; dy <= 1; dy++) {
      const other = taken.get(key(x + dx, y + dy));
      if (other !== undefined && Math.abs(data.x[other] - data.x[id]) < size && Math.abs(data.y[other] - data.y[id]) < size) return false;
    }
    taken.set(key(x, y), id);
    return true;
  });
}
