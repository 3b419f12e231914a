// Draws the points with WebGL2, a million of them at the pace of the screen, also without a GPU.
// Points are drawn in portions into a frame off the screen. What the screen shows is the last whole
// frame, moved and scaled to the present view, so that a movement never waits for the points.
// Below it lies a frame of the whole map, for what comes in from outside.

import { FRAME, POINTS, program } from "./shaders.js";

const MARGIN = 1.3; // of a frame beside the window, each way
const WORLD = 1.04; // half the width of the whole map's frame
const LEAST = 20000; // points in a portion

export class Renderer {
  /** Throws where there is no WebGL2. */
  constructor(canvas) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, powerPreference: "high-performance" });
    if (!gl) throw new Error("no WebGL2");
    Object.assign(this, { gl, canvas, total: 0, portion: 60000, job: null, waited: 0, drawn: 0 });
    this.points = program(gl, POINTS, ["position", "look"]);
    this.frames = program(gl, FRAME, ["corner"]);
    this.corners = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.corners);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
    [this.positions, this.looks] = [gl.createBuffer(), gl.createBuffer()];
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    [this.front, this.back, this.whole] = [this.#frame(), this.#frame(), this.#frame()];
    this.paper = [1, 1, 1];
  }

  #frame() {
    const gl = this.gl;
    const frame = { texture: gl.createTexture(), buffer: gl.createFramebuffer(), width: 0, height: 0, view: null, good: false };
    gl.bindTexture(gl.TEXTURE_2D, frame.texture);
    for (const way of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, way, gl.LINEAR);
    for (const way of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, way, gl.CLAMP_TO_EDGE);
    return frame;
  }

  #size(frame, width, height) {
    if (frame.width === width && frame.height === height) return;
    const gl = this.gl;
    Object.assign(frame, { width, height, good: false });
    gl.bindTexture(gl.TEXTURE_2D, frame.texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, width, height, 0, gl.RGBA, gl.UNSIGNED_BYTE, null);
    gl.bindFramebuffer(gl.FRAMEBUFFER, frame.buffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, frame.texture, 0);
  }

  /** Positions of all points, in the order of a grid. */
  setPoints(grid, x, y) {
    const [gl, places] = [this.gl, new Float32Array(2 * x.length)];
    grid.order.forEach((id, i) => { places[2 * i] = x[id]; places[2 * i + 1] = y[id]; });
    gl.bindBuffer(gl.ARRAY_BUFFER, this.positions);
    gl.bufferData(gl.ARRAY_BUFFER, places, gl.STATIC_DRAW);
    Object.assign(this, { grid, total: x.length });
  }

  /** Red, green, blue and class of all points, in the order of the grid. */
  setLooks(looks, paper) {
    this.paper = paper.map((part) => part / 255);
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.looks);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, looks, this.gl.DYNAMIC_DRAW);
    this.stale();
  }

  /** What is drawn next starts anew; the last frames stay until then. */
  stale() {
    this.job = null;
    this.front.current = this.whole.current = false;
  }

  /** Sizes in pixels of the screen and opacities of the classes, for a view. */
  styles(view) {
    const grown = 2 ** (0.55 * Math.log2(view.scale / view.fit));
    const room = Math.sqrt((view.fit * view.fit * 2.2) / Math.max(1, this.total));
    const size = Math.max(1, Math.min(13, 0.5 * room * grown, 4.2 * grown)) * view.ratio;
    const alpha = Math.max(0.4, Math.min(0.9, 0.42 + 0.5 * Math.log10(Math.max(1, size))));
    const style = (share, opacity) => [Math.max(1, share * size), opacity];
    return new Float32Array([style(0.7, 0.1), style(0.85, 0.55 * alpha), style(1, alpha), style(1.35, Math.min(1, alpha + 0.25)), style(1.7, 1), [0, 0]].flat());
  }

  /** Draws the present view; true while there is more to draw. */
  draw(view) {
    const gl = this.gl;
    this.#go(view);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(...this.paper, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.disable(gl.BLEND);
    if (this.whole.good) this.#show(this.whole, view);
    if (this.front.good) this.#show(this.front, view);
    else if (this.job?.frame === this.back) this.#show(this.back, view);
    gl.enable(gl.BLEND);
    return this.job !== null || !this.#fits(view) || !this.whole.current;
  }

  #fits(view) {
    const made = this.front.view;
    return this.front.current && made && made.x === view.x && made.y === view.y && made.scale === view.scale && made.width === view.width && made.height === view.height;
  }

  /** One portion of the frame under way, if the last one is done. */
  #go(view) {
    if (this.sync && !this.#done()) return;
    this.job ??= !this.#fits(view) ? this.#start(this.back, view) : !this.whole.current ? this.#start(this.whole, wholeView(view)) : null;
    if (!this.job) return;
    this.#portion(this.job);
    if (this.job.ranges.length === 0) this.#finish();
  }

  #done() {
    const gl = this.gl;
    this.waited++;
    if (gl.getSyncParameter(this.sync, gl.SYNC_STATUS) !== gl.SIGNALED && this.waited < 60) return false;
    if (this.waited === 1) this.portion = Math.min(4e6, this.portion * 1.3);
    if (this.waited > 2) this.portion = Math.max(LEAST, this.portion * 0.6);
    gl.deleteSync(this.sync);
    Object.assign(this, { sync: null, waited: 0 });
    return true;
  }

  #start(frame, view) {
    const gl = this.gl;
    const margin = frame === this.whole ? 1 : MARGIN;
    this.#size(frame, Math.round(view.width * view.ratio * margin), Math.round(view.height * view.ratio * margin));
    Object.assign(frame, { view: { ...view }, margin, good: false });
    gl.bindFramebuffer(gl.FRAMEBUFFER, frame.buffer);
    gl.clearColor(...this.paper, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const [half, tall] = [(view.width * margin) / 2 / view.scale, (view.height * margin) / 2 / view.scale];
    const ranges = this.grid ? this.grid.ranges(view.x - half, view.y - tall, view.x + half, view.y + tall) : [];
    return { frame, ranges, half, tall };
  }

  #portion({ frame, ranges, half, tall }) {
    const { gl, points } = this;
    const { view } = frame;
    const styles = this.styles(view);
    gl.bindFramebuffer(gl.FRAMEBUFFER, frame.buffer);
    gl.viewport(0, 0, frame.width, frame.height);
    gl.useProgram(points.made);
    gl.uniform4f(points.places.view, 1 / half, 1 / tall, -view.x / half, -view.y / tall);
    gl.uniform2fv(points.places.classes, styles);
    gl.uniform1f(points.places.round, styles[4] > 2.5 ? Math.min(1, 4 / styles[4]) : 0);
    this.#bind(0, this.positions, 2, gl.FLOAT, false);
    this.#bind(1, this.looks, 4, gl.UNSIGNED_BYTE, true);
    let left = this.portion;
    while (left > 0 && ranges.length) {
      const range = ranges[0];
      const some = Math.min(left, range[1] - range[0]);
      gl.drawArrays(gl.POINTS, range[0], some);
      left -= some;
      range[0] += some;
      if (range[0] >= range[1]) ranges.shift();
    }
    this.sync = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    this.waited = 0;
    gl.flush();
  }

  #finish() {
    const { frame } = this.job;
    Object.assign(frame, { good: true, current: true });
    if (frame === this.back) [this.front, this.back] = [this.back, this.front];
    this.job = null;
    this.drawn++;
  }

  #bind(place, buffer, size, type, share) {
    const gl = this.gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribDivisor(place, 0);
    gl.vertexAttribPointer(place, size, type, share, 0, 0);
  }

  /** The unit square as the first attribute, alone. */
  bindCorners() {
    this.#bind(0, this.corners, 2, this.gl.FLOAT, false);
    this.gl.disableVertexAttribArray(1);
  }

  #show(frame, view) {
    const { gl, frames } = this;
    const made = frame.view;
    const [wide, tall] = [(made.width * frame.margin) / made.scale, (made.height * frame.margin) / made.scale];
    const [sx, sy] = [(2 * view.scale) / view.width, (2 * view.scale) / view.height];
    gl.useProgram(frames.made);
    this.bindCorners();
    gl.bindTexture(gl.TEXTURE_2D, frame.texture);
    gl.uniform4f(frames.places.place, (made.x - wide / 2 - view.x) * sx, (made.y - tall / 2 - view.y) * sy, wide * sx, tall * sy);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }
}

function wholeView(view) {
  const edge = Math.min(1024, Math.max(view.width, view.height));
  return { ...view, x: 0, y: 0, ratio: 1, width: edge, height: edge, scale: edge / (2 * WORLD) };
}
