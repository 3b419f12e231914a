// Draws points into an array of pixels, a portion at a time. On machines without a GPU this is some
// thirty times faster than to let WebGL draw them, and it stops exactly when its time is up.

const STRIDE = 8192; // points between two looks at the clock

/** A disc as pixels: [right, down, coverage 0..256] for each, from a diameter in pixels. */
function disc(diameter, alpha) {
  const [share, whole] = [256 * alpha, Math.max(1, diameter)];
  if (whole < 1.5) return Int32Array.of(0, 0, Math.round(share));
  const [radius, reach, found] = [whole / 2, Math.ceil(whole / 2), []];
  const middle = Math.round(whole) % 2 ? 0 : 0.5; // even discs lie between pixels
  for (let y = -reach; y <= reach; y++) for (let x = -reach; x <= reach; x++) {
    let inside = 0;
    for (let part = 0; part < 16; part++) {
      const [px, py] = [x - middle + ((part % 4) - 1.5) / 4, y - middle + (Math.floor(part / 4) - 1.5) / 4];
      if (whole < 2.5 ? Math.max(Math.abs(px), Math.abs(py)) <= radius : Math.hypot(px, py) <= radius) inside++;
    }
    if (inside) found.push(x, y, Math.round((share * inside) / 16));
  }
  return Int32Array.from(found);
}

export class Splat {
  /** `styles`: diameter and opacity of each class; a diameter of 0 hides it. */
  constructor({ pixels, width, height, view, styles, ranges }) {
    Object.assign(this, { pixels, width, height, ranges });
    this.discs = styles.map(([diameter, alpha]) => (diameter ? disc(diameter * view.ratio, alpha) : null));
    this.scale = view.scale * view.ratio;
    this.left = width / 2 - view.x * this.scale;
    this.top = height / 2 + view.y * this.scale;
  }

  /** Draws until a time; true once all is drawn. */
  until(time, points) {
    while (this.ranges.length) {
      const range = this.ranges[0];
      const end = Math.min(range[1], range[0] + STRIDE);
      this.#draw(points, range[0], end);
      range[0] = end;
      if (end === range[1]) this.ranges.shift();
      if (performance.now() > time) break;
    }
    return this.ranges.length === 0;
  }

  #draw({ x, y, looks }, from, to) {
    const { pixels, width, height, discs, scale, left, top } = this;
    for (let i = from; i < to; i++) {
      const look = looks[i];
      const spot = discs[look >>> 24];
      if (spot === null) continue;
      const [red, green] = [look & 0xff00ff, look & 0xff00];
      const [px, py] = [Math.floor(left + x[i] * scale), Math.floor(top - y[i] * scale)];
      if (px < -8 || py < -8 || px > width + 8 || py > height + 8) continue;
      for (let k = 0; k < spot.length; k += 3) {
        const [column, line, alpha] = [px + spot[k], py + spot[k + 1], spot[k + 2]];
        if (column < 0 || line < 0 || column >= width || line >= height) continue;
        const at = line * width + column;
        const old = pixels[at];
        const [oldRed, oldGreen] = [old & 0xff00ff, old & 0xff00];
        pixels[at] = 0xff000000
          | ((oldRed + (Math.imul(red - oldRed, alpha) >>> 8)) & 0xff00ff)
          | ((oldGreen + (Math.imul(green - oldGreen, alpha) >>> 8)) & 0xff00);
      }
    }
  }
}
