// Shows the points with WebGL2, a million of them at the pace of the screen, also without a GPU.
// Points are drawn in portions into a frame off the screen (splat.js). What the screen shows is the
// last whole frame, moved and scaled to the present view, so that no movement waits for the points.
// Below it lies a frame of the whole map, for what comes in from outside.

import { FRAME, program } from "./shaders.js";
import { Splat } from "./splat.js";

const MARGIN = 0.15; // of a frame beside the window, each way
const WORLD = 1.04; // half the width of the whole map's frame
const [LEAST, MOST] = [3, 9]; // milliseconds of a screen frame that go to points
const PATIENT = 40; // the same before the first view

export class Renderer {
  /** Throws where there is no WebGL2. */
  constructor(canvas) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, powerPreference: "high-performance" });
    if (!gl) throw new Error("no WebGL2");
    Object.assign(this, { gl, canvas, total: 0, job: null, drawn: 0, budget: MOST, last: 0, paper: [255, 255, 255] });
    this.frames = program(gl, FRAME, ["corner"]);
    this.corners = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.corners);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    [this.front, this.whole] = [this.#frame(), this.#frame()];
  }

  #frame() {
    const gl = this.gl;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    for (const way of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, way, gl.LINEAR);
    for (const way of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, way, gl.CLAMP_TO_EDGE);
    return { texture, size: "", pixels: new Uint32Array(0), view: null, good: false, current: false };
  }

  /** Positions of all points, in the order of a grid. */
  setPoints(grid, x, y) {
    this.grid = grid;
    this.total = x.length;
    this.points = { x: new Float32Array(x.length), y: new Float32Array(x.length), looks: new Uint32Array(x.length) };
    for (let i = 0; i < x.length; i++) {
      this.points.x[i] = x[grid.order[i]];
      this.points.y[i] = y[grid.order[i]];
    }
  }

  /** Red, green, blue and class of all points, in the order of the grid. */
  setLooks(looks, paper) {
    Object.assign(this.points, { looks });
    this.paper = paper;
    this.job = null;
    this.front.current = this.whole.current = false;
  }

  /** Diameters in CSS pixels and opacities of the classes, for a view. */
  styles(view) {
    const grown = 2 ** (0.55 * Math.log2(view.scale / view.fit));
    const room = Math.sqrt((view.fit * view.fit * 2.2) / Math.max(1, this.total));
    const few = Math.max(0, Math.min(1, Math.log2(room) / 2)); // 0: points touch; 1: each has four pixels each way
    const size = Math.max(1 / view.ratio, Math.min(13, (0.62 + 0.12 * few) * room * grown, (4.6 + few) * grown));
    const alpha = Math.max(0.4, Math.min(0.92, 0.42 + 0.5 * Math.log10(Math.max(1, size * view.ratio)) + 0.08 * few));
    const style = (share, opacity) => [Math.max(1 / view.ratio, share * size), opacity];
    return [style(0.7, 0.12), style(0.85 + 0.1 * few, (0.6 + 0.2 * few) * alpha), style(1, alpha), style(1.3, Math.min(1, alpha + 0.25)), style(1.7, 1), [0, 0]];
  }

  /** Draws the present view; true while there is more to draw. */
  draw(view) {
    const gl = this.gl;
    this.#go(view);
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(...this.paper.map((part) => part / 255), 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.disable(gl.BLEND);
    if (this.whole.good && !this.#covers(view)) this.#show(this.whole, view);
    if (this.front.good) this.#show(this.front, view);
    gl.enable(gl.BLEND);
    return this.job !== null || !this.#fits(view) || !this.whole.current;
  }

  #fits(view) {
    const made = this.front.view;
    return this.front.current && ["x", "y", "scale", "width", "height", "ratio"].every((name) => made[name] === view[name]);
  }

  /** Whether the last frame fills the window. */
  #covers(view) {
    if (!this.front.good) return false;
    const { view: made, wide, tall } = this.front;
    const reach = (size, own) => size / 2 / made.scale - own / 2 / view.scale;
    return Math.abs(made.x - view.x) <= reach(wide, view.width) && Math.abs(made.y - view.y) <= reach(tall, view.height);
  }

  /** Points for the time of a portion; a frame that is whole goes to the screen. */
  #go(view) {
    this.job ??= !this.#fits(view) ? this.#start(this.front, view) : !this.whole.current ? this.#start(this.whole, wholeView(view)) : null;
    const { job } = this;
    const now = performance.now();
    this.budget = Math.max(LEAST, Math.min(MOST, this.budget * (now - this.last > 28 ? 0.75 : 1.1))); // slow screens get fewer points a frame
    this.last = now;
    if (!job || !job.splat.until(now + (this.drawn ? this.budget : PATIENT), this.points)) return;
    const gl = this.gl;
    gl.bindTexture(gl.TEXTURE_2D, job.frame.texture);
    const bytes = new Uint8Array(job.splat.pixels.buffer);
    if (job.frame.size === job.size) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, job.splat.width, job.splat.height, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    else gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, job.splat.width, job.splat.height, 0, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    Object.assign(job.frame, { size: job.size, view: job.view, wide: job.wide, tall: job.tall, good: true, current: true });
    this.job = null;
    this.drawn++;
  }

  #start(frame, view) {
    const margin = (size) => (frame === this.whole ? 0 : Math.round(size * view.ratio * MARGIN));
    const [width, height] = [view.width, view.height].map((size) => Math.round(size * view.ratio) + 2 * margin(size));
    if (frame.pixels.length !== width * height) frame.pixels = new Uint32Array(width * height);
    const [red, green, blue] = this.paper;
    frame.pixels.fill((0xff000000 | (blue << 16) | (green << 8) | red) >>> 0);
    const [wide, tall] = [width / view.ratio, height / view.ratio];
    const [half, high] = [wide / 2 / view.scale, tall / 2 / view.scale];
    const ranges = this.grid.ranges(view.x - half, view.y - high, view.x + half, view.y + high);
    const splat = new Splat({ pixels: frame.pixels, width, height, view, styles: this.styles(view), ranges });
    return { frame, view: { ...view }, wide, tall, splat, size: `${width} ${height}` };
  }

  /** The unit square as the first attribute, alone. */
  bindCorners() {
    const gl = this.gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.corners);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
  }

  #show({ texture, view: made, wide, tall }, view) {
    const { gl, frames } = this;
    const [right, up] = [wide / made.scale, tall / made.scale];
    const [sx, sy] = [(2 * view.scale) / view.width, (2 * view.scale) / view.height];
    gl.useProgram(frames.made);
    this.bindCorners();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.uniform4f(frames.places.place, (made.x - right / 2 - view.x) * sx, (made.y - up / 2 - view.y) * sy, right * sx, up * sy);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }
}

function wholeView(view) {
  const edge = Math.min(1024, Math.round(Math.max(view.width, view.height)));
  return { ...view, x: 0, y: 0, ratio: 1, width: edge, height: edge, scale: edge / (2 * WORLD) };
}
