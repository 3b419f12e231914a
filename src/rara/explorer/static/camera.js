// Which part of the map is shown: a middle and a zoom, and how they move.

const [FAR, NEAR] = [-1, 16]; // zoom, in powers of two

export class Camera {
  constructor() {
    Object.assign(this, { x: 0, y: 0, zoom: 0, width: 1, height: 1, ratio: 1, home: { x: 0, y: 0, half: 1, tall: 1 }, pad: { left: 10, top: 48, right: 10, bottom: 48 } });
  }

  /** The middle and the extent of all points. */
  frame(x, y) {
    let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < x.length; i++) {
      if (x[i] < x0) x0 = x[i];
      if (x[i] > x1) x1 = x[i];
      if (y[i] < y0) y0 = y[i];
      if (y[i] > y1) y1 = y[i];
    }
    if (x.length) this.home = { x: (x0 + x1) / 2, y: (y0 + y1) / 2, half: Math.max(0.01, (x1 - x0) / 2), tall: Math.max(0.01, (y1 - y0) / 2) };
  }

  /** CSS pixels of a unit of the map when all of it is shown: in the part of the window that `pad` leaves free. */
  get fit() {
    const { home, pad, width, height } = this;
    const [across, down] = [Math.max(width / 3, width - pad.left - pad.right), Math.max(height / 3, height - pad.top - pad.bottom)];
    return Math.min(across / 2 / home.half, down / 2 / home.tall);
  }

  /** The middle of the window when all of the map is shown. */
  get rest() {
    const { home, pad, fit } = this;
    return [home.x + (pad.right - pad.left) / 2 / fit, home.y + (pad.top - pad.bottom) / 2 / fit];
  }
  get resting() { return this.zoom === 0 && Math.abs(this.x - this.rest[0]) + Math.abs(this.y - this.rest[1]) < 2e-4; }

  get scale() { return this.fit * 2 ** this.zoom; }
  get view() {
    const { x, y, scale, fit, width, height, ratio } = this;
    return { x, y, scale, fit, width, height, ratio };
  }

  /** From the window to the map, and back. */
  toMap(left, top) { return [this.x + (left - this.width / 2) / this.scale, this.y - (top - this.height / 2) / this.scale]; }
  toWindow(x, y) { return [(x - this.x) * this.scale + this.width / 2, (this.y - y) * this.scale + this.height / 2]; }

  pan(right, down) { this.to(this.x - right / this.scale, this.y + down / this.scale); }

  to(x, y, zoom = this.zoom) {
    this.zoom = Math.max(FAR, Math.min(NEAR, zoom));
    this.x = Math.max(-1.2, Math.min(1.2, x));
    this.y = Math.max(-1.2, Math.min(1.2, y));
  }

  /** Zooms so that what lies under a place of the window stays there. */
  zoomAt(left, top, by) {
    const [x, y] = this.toMap(left, top);
    this.to(this.x, this.y, this.zoom + by);
    const [now, up] = this.toMap(left, top);
    this.to(this.x + x - now, this.y + y - up);
  }

  reset() { [this.x, this.y, this.zoom] = [...this.rest, 0]; }
}
