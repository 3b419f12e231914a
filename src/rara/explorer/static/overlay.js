// What lies over the points: the ring of the present point, lines to its neighbours, dropped
// pictures, and the lasso while it is drawn. An SVG of few shapes.

import { make, set } from "./dom.js";

export class Overlay {
  constructor(element, camera, data) {
    Object.assign(this, { camera, data });
    this.lines = make("g");
    this.marks = make("g");
    this.hover = make("circle.hovered", { r: 9 });
    this.ring = make("circle.ring", { r: 13 });
    this.core = make("circle.core", { r: 3.5 });
    this.lasso = make("polygon.lasso");
    this.svg = make("svg.overlay", { "aria-hidden": "true" }, this.lines, this.marks, this.hover, this.ring, this.core, this.lasso);
    element.append(this.svg);
  }

  #place(side, row, judged) {
    if (side === 2) { const one = judged.find((other) => other.row === row); return one && [one.x, one.y]; }
    const id = this.data.point(side, row);
    return id < 0 ? null : [this.data.x[id], this.data.y[id]];
  }

  #put(node, place, extra = 0) {
    node.classList.toggle("off", !place);
    if (!place) return;
    const [left, top] = this.camera.toWindow(...place);
    set(node, "cx", left.toFixed(1));
    set(node, "cy", top.toFixed(1));
    if (extra) set(node, "r", extra);
  }

  draw({ at, links, judged: all, path, near }) {
    const judged = all.filter((one) => one.placed);
    const empty = !at && !path && !near && !judged.length;
    this.svg.classList.toggle("off", empty);
    if (empty) return;
    const place = at && this.#place(at.side, at.row, judged);
    this.#put(this.ring, place);
    this.#put(this.core, place);
    this.#put(this.hover, near && this.#place(near.side, near.row, judged));
    this.#links(place, links, judged);
    this.#judged(judged);
    this.lasso.classList.toggle("off", !path);
    if (path) set(this.lasso, "points", corners(path));
  }

  #links(place, links, judged) {
    const ends = place ? links.map((one) => [this.#place(0, one.row, judged), one.owner]).filter(([end]) => end) : [];
    while (this.lines.childNodes.length > ends.length) this.lines.lastChild.remove();
    while (this.lines.childNodes.length < ends.length) this.lines.append(make("line"));
    const from = place && this.camera.toWindow(...place);
    ends.forEach(([end, owner], i) => {
      const [left, top] = this.camera.toWindow(...end);
      const line = this.lines.childNodes[i];
      line.setAttribute("class", owner ? "link owner" : "link");
      for (const [name, value] of [["x1", from[0]], ["y1", from[1]], ["x2", left], ["y2", top]]) set(line, name, value.toFixed(1));
    });
  }

  #judged(judged) {
    while (this.marks.childNodes.length > judged.length) this.marks.lastChild.remove();
    while (this.marks.childNodes.length < judged.length) this.marks.append(make("path.dropped"));
    judged.forEach((one, i) => {
      const [left, top] = this.camera.toWindow(one.x, one.y);
      set(this.marks.childNodes[i], "d", `M${left.toFixed(1)} ${(top - 9).toFixed(1)}l9 9l-9 9l-9 -9z`);
    });
  }
}

function corners({ kind, points }) {
  if (kind !== "box" || points.length < 2) return points.map((one) => one.map((value) => value.toFixed(1)).join()).join(" ");
  const [[ax, ay], [bx, by]] = points;
  return `${ax},${ay} ${bx},${ay} ${bx},${by} ${ax},${by}`;
}
