// A grid over the map: which points lie in a part of it, in an order that suits drawing.
// Points stand by layer (reference lowest, what calls for a look on top), then by cell; within a cell they are shuffled, so
// that none hides another by its place in a file.

const SIDE = 64;
export const LAYERS = 3;

export class Grid {
  /** Sorts ids by layer and cell. `layer` is 0 to 2 for each point. */
  constructor(x, y, layer) {
    const total = x.length;
    this.cell = 2 / SIDE;
    const cells = SIDE * SIDE;
    const places = new Uint16Array(total);
    this.starts = new Uint32Array(LAYERS * cells + 1);
    for (let id = 0; id < total; id++) {
      places[id] = layer[id] * cells + this.#index(y[id]) * SIDE + this.#index(x[id]);
      this.starts[places[id] + 1]++;
    }
    for (let i = 1; i < this.starts.length; i++) this.starts[i] += this.starts[i - 1];
    const next = this.starts.slice();
    this.order = new Uint32Array(total);
    const [step, start] = [stride(total), total >> 1];
    for (let i = 0, id = start; i < total; i++, id = (id + step) % total) this.order[next[places[id]]++] = id;
  }

  #index(value) { return Math.max(0, Math.min(SIDE - 1, Math.floor((value + 1) / this.cell))); }

  /** Ranges of `order` in a box, joined where they touch; the lower layer first. */
  ranges(x0, y0, x1, y1) {
    const found = [];
    const [left, right, bottom, top] = [this.#index(x0), this.#index(x1), this.#index(y0), this.#index(y1)];
    for (let layer = 0; layer < LAYERS; layer++) {
      for (let row = bottom; row <= top; row++) {
        const base = layer * SIDE * SIDE + row * SIDE;
        const [from, to] = [this.starts[base + left], this.starts[base + right + 1]];
        if (from === to) continue;
        const last = found[found.length - 1];
        if (last && last[1] === from) last[1] = to;
        else found.push([from, to]);
      }
    }
    return found;
  }

  /** Calls for each id in a box. */
  each(x0, y0, x1, y1, call) {
    for (const [from, to] of this.ranges(x0, y0, x1, y1)) {
      for (let i = from; i < to; i++) call(this.order[i]);
    }
  }
}

/** A step that has no divisor in common with a length: it visits each place once. */
function stride(total) {
  const common = (a, b) => (b ? common(b, a % b) : a);
  let step = Math.max(1, Math.floor(total * 0.6180339887));
  while (common(step, total || 1) !== 1) step++;
  return step;
}
