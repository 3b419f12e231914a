// The label beside the pointer: picture, name, verdict, and the value that gives the colour.

import * as api from "./api.js";
import { $, later, make, pixels } from "./dom.js";
import { verdictToken } from "./colours.js";
import { base, figure } from "./words.js";

export class Tip {
  constructor(data, state, judged) {
    Object.assign(this, { data, state, judged, element: $("tip"), shown: "" });
    this.load = later((point, image) => this.#picture(point, image), 40);
  }

  hide() {
    this.element.hidden = true;
    this.shown = "";
  }

  show(point, [left, top]) {
    const key = `${point.side} ${point.row}`;
    if (key !== this.shown) {
      this.shown = key;
      this.#fill(point);
    }
    this.element.hidden = false;
    const room = this.element.parentElement.getBoundingClientRect();
    const size = this.element.getBoundingClientRect();
    const x = left + 18 + size.width > room.width ? left - 18 - size.width : left + 18;
    const y = Math.max(4, Math.min(room.height - size.height - 4, top - size.height / 2));
    this.element.style.transform = `translate(${Math.max(4, x)}px, ${y}px)`;
  }

  #fill(point) {
    const { data, state } = this;
    const image = make("img", { alt: "", width: 112, height: 112 });
    const lines = [];
    if (point.side === 1) {
      const verdict = data.get("verdict")?.at(point.row);
      lines.push(make("strong", {}, base(data.name(1, point.row))));
      if (verdict) lines.push(make("span.verdict", { class: `verdict ${verdictToken(verdict)}` }, verdict));
      const by = state.get("by");
      if (!["verdict", "side"].includes(by) && data.has(by)) {
        const value = data.get(by).at(point.row);
        lines.push(make("span.muted", {}, `${data.label(by)} ${typeof value === "number" ? figure(value) : value ?? "–"}`));
      }
      if (!data.has("id")) data.names().then(() => { if (this.shown === `1 ${point.row}`) this.#fill(point); }, () => {});
    } else if (point.side === 0) {
      lines.push(make("strong", {}, base(data.name(0, point.row))), make("span.reference-word", {}, "reference image"));
      if (!data.referenceIds) data.needReference().then(() => { if (this.shown === `0 ${point.row}`) this.#fill(point); }, () => {});
    } else {
      lines.push(make("strong", {}, this.judged.get(point.row)?.name ?? ""), make("span.muted", {}, "dropped picture"));
    }
    this.element.replaceChildren(...(point.side === 2 || !data.pictured(point.side) ? [] : [image]), make("span.lines", {}, ...lines));
    this.load(point, image);
  }

  #picture(point, image) {
    if (point.side === 2 || !image.isConnected) return;
    image.onerror = () => image.remove();
    image.onload = () => pixels(image);
    image.src = api.picture(point.side, point.row, 224);
  }
}
