// One sample in full: picture, verdict and sentence, the image it is compared with, numbers, neighbours,
// and what people decide. A reference image and a dropped picture are shown in the same place.

import * as api from "./api.js";
import { verdictToken } from "./colours.js";
import { Decide } from "./decide.js";
import { $, make, unbroken } from "./dom.js";
import { framed } from "./picture.js";
import { capital, figure } from "./words.js";

const MOST = 12; // numbers that stand open

export class Detail {
  constructor(parts) {
    Object.assign(this, parts, { records: new Map(), present: null });
    this.element = $("detail");
    this.element.addEventListener("pointerover", (event) => {
      const row = event.target.closest(".neighbour")?.dataset.row;
      this.onnear?.(row === undefined ? null : { side: 0, row: Number(row) });
    });
    this.element.addEventListener("pointerleave", () => this.onnear?.(null));
    this.state.on("at", () => this.show());
    this.state.on("beside", () => this.#marked());
  }

  /** Loads and shows the present point; the last one asked for wins. */
  async show() {
    const at = this.state.get("at");
    this.abort?.abort();
    document.body.classList.toggle("detailed", at !== null);
    if (!at) { this.present = null; this.element.replaceChildren(this.#empty()); return; }
    const { signal } = (this.abort = new AbortController());
    this.element.setAttribute("aria-busy", "true");
    try {
      const record = await this.#record(at, signal);
      if (signal.aborted) return;
      this.present = { at, record };
      this.onlinks?.(record.neighbours ?? []);
      this.element.replaceChildren(...this.#body(at, record));
      this.element.scrollTop = 0;
      this.#marked();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.element.replaceChildren(make("p.trouble", {}, error.message));
    }
    this.element.removeAttribute("aria-busy");
  }

  async #record(at, signal) {
    if (at.side === 2) {
      const judged = this.judged.get(at.row);
      if (!judged) throw new Error("This picture was dropped before the page was loaded anew. Drop it again.");
      return judged.record;
    }
    if (at.row >= this.data.points[at.side].length) throw new Error("There is no such image.");
    const key = `${at.side} ${at.row}`;
    if (!this.records.has(key)) {
      const [record, neighbours] = await Promise.all([
        at.side === 1 ? api.record(at.row, signal) : this.data.needReference().then(() => ({ id: this.data.name(0, at.row) })),
        api.neighbours(at.side, at.row, signal),
      ]);
      if (this.records.size > 200) this.records.clear();
      this.records.set(key, { ...record, neighbours });
    }
    return this.records.get(key);
  }

  #empty() {
    return make("div.empty", {},
      make("p.lead", {}, "Choose a sample on the map or in the gallery."),
      make("p.muted", {}, this.data.about.can.judge ? "Or drop or paste any picture: it is judged against the reference at once." : "Its verdict, the evidence and the nearest reference images come here."));
  }

  #body(at, record) {
    const source = record.source ?? null;
    return [
      make("div.hero", {}, this.#hero(at, record, source)),
      this.#head(at, record),
      record.sentence ? make("p.reason", {}, unbroken(record.sentence)) : null,
      ...[record.evidence, record.stability, ...(record.dissents ?? [])].filter(Boolean).map((text) => make("p.remark", {}, unbroken(text))),
      source ? this.#source(source) : null,
      this.#decide(at),
      at.side === 2 ? this.#dropped(at) : null,
      this.#neighbours(record.neighbours ?? []),
      this.#numbers(record),
    ].filter(Boolean);
  }

  #hero(at, record, source) {
    const partner = this.#partner(record);
    const own = make("figure.own", {}, framed(at, { data: this.data, judged: this.judged, edge: 512, region: source?.sample_region, alt: record.id ?? "" }), make("figcaption", {}, make("span.sample-word", {}, at.side === 0 ? "Reference image" : at.side === 2 ? "Dropped picture" : "Sample")));
    if (!partner) return [own];
    this.beside = make("figure.other");
    return [own, this.beside, make("button.compare", { type: "button", onclick: () => this.oncompare?.() }, "Compare ", make("kbd", {}, "c"))];
  }

  /** The reference image that a record is compared with, if the state names no other. */
  #partner(record) {
    const first = record.source ?? record.nearest ?? record.neighbours?.[0] ?? null;
    return first && first.row !== undefined && first.row !== null ? first : record.neighbours?.[0] ?? null;
  }

  /** Whether what is shown is the present point, not the one before. */
  get current() {
    const at = this.state.get("at");
    return this.present !== null && at !== null && this.present.at.side === at.side && this.present.at.row === at.row;
  }

  get partner() {
    if (!this.current) return null;
    const beside = this.state.get("beside");
    const first = this.#partner(this.present.record);
    const inside = beside && beside.side === 0 && beside.row < this.data.about.reference;
    return inside ? beside : (first ? { side: 0, row: first.row } : null);
  }

  #marked() {
    const partner = this.partner;
    if (!this.present || !partner || !this.beside) return;
    const { record } = this.present;
    const found = [record.source, record.nearest, record.owner, ...(record.neighbours ?? [])].find((one) => one?.row === partner.row);
    const caption = make("figcaption", {}, make("span.reference-word", {}, this.#role(partner.row, record)), make("bdi.file", { title: found?.id ?? "" }, found?.id ?? ""));
    this.beside.replaceChildren(framed(partner, { data: this.data, edge: 512, alt: found?.id ?? "", region: record.source?.row === partner.row ? record.source.source_region : null }), caption);
    for (const button of this.element.querySelectorAll(".neighbour[data-row]")) button.setAttribute("aria-pressed", String(Number(button.dataset.row) === partner.row));
    this.onpartner?.(partner);
  }

  #role(row, record) {
    if (record.source?.row === row) return "The source";
    if (record.nearest?.row === row) return "Nearest reference image";
    if (record.owner?.row === row) return "Owner of the ball";
    return "Reference image";
  }

  #head(at, record) {
    const verdict = record.verdict;
    const star = at.side === 1 ? make("button.star", { type: "button", "aria-label": "Star", title: "Star (s)", "aria-pressed": String(this.marks.starred(at.row)), onclick: () => this.onstar?.(at.row) }, "★") : null;
    const pick = at.side === 1 ? make("button.pick", { type: "button", title: "Select (space)", "aria-pressed": String(this.rows.selected[at.row] === 1), onclick: () => this.onpick?.(at.row) }, "Select") : null;
    return make("div.head", {},
      verdict ? make("h2", { class: `verdict ${verdictToken(verdict)}` }, capital(verdict)) : make("h2", {}, at.side === 0 ? "Reference image" : "Picture"),
      make("span.acts", {}, pick, star),
      make("bdi.file", {}, record.id ?? record.name ?? ""));
  }

  #decide(at) {
    this.decide = at.side === 1 ? new Decide(at.row, this.marks, () => this.partner, this.data.about.more?.kept) : null;
    return this.decide?.element;
  }

  #source(source) {
    const parts = [source.edit, source.overlap, source.sample_region?.length ? "outlined in both" : null, source.p === null || source.p === undefined ? null : `p ${figure(source.p)}`].filter(Boolean);
    return make("p.evidence", {}, "Shows the same as ", make("bdi.file", {}, source.id ?? ""), parts.length ? `: ${parts.join("; ")}.` : ".");
  }

  /** The other pictures that were dropped, the panels of a contact sheet among them. */
  #dropped(at) {
    const { list } = this.judged;
    if (list.length < 2) return null;
    const items = list.map((one) => make("li", {}, make("button.neighbour", { type: "button", "aria-pressed": String(one.row === at.row), "aria-label": `${one.name}, ${one.record.verdict ?? "not judged"}`, title: one.name, onclick: () => this.state.change({ at: { side: 2, row: one.row }, beside: null }) },
      framed({ side: 2, row: one.row }, { judged: this.judged }), make("span", { class: `verdict distance ${verdictToken(one.record.verdict)}` }, one.record.verdict ?? "–"))));
    return make("section", { "aria-label": "Dropped pictures" }, make("h3", {}, "Dropped pictures"), make("ol.neighbours", {}, items));
  }

  #neighbours(found) {
    if (!found.length) return null;
    const items = found.map((one) => {
      const label = `${one.id}, distance ${figure(one.distance)}${one.owner ? ", owner of the ball" : ""}`;
      return make("li", {}, make("button.neighbour", { type: "button", "data-row": one.row, "aria-pressed": "false", "aria-label": label, title: label, onclick: () => this.state.change({ beside: { side: 0, row: one.row } }) },
        framed({ side: 0, row: one.row }, { data: this.data, edge: 128, alt: "" }), make("span.below-it", {}, make("span.distance", {}, figure(one.distance)), one.owner ? make("span.owner", {}, "ball") : null)));
    });
    return make("section", { "aria-label": "Nearest reference images" }, make("h3", {}, "Nearest reference images"), make("ol.neighbours", {}, items));
  }

  #numbers(record) {
    if (!record.numbers?.length) return null;
    const line = (one) => make("div", { class: one.text.length > 34 ? "long-text" : null, title: this.data.info.get(one.name)?.sentence ?? "" }, make("dt", {}, capital(one.label)), make("dd", {}, make("bdi", {}, one.text)));
    const [first, rest] = [record.numbers.slice(0, MOST), record.numbers.slice(MOST)];
    const more = rest.length ? make("details.more", {}, make("summary", {}, `${rest.length} more`), make("dl.numbers", {}, rest.map(line))) : null;
    return make("section", { "aria-label": "Numbers" }, make("h3", {}, "Numbers"), make("dl.numbers", {}, first.map(line)), more);
  }

  /** To the neighbour before or after the one beside. */
  turn(by) {
    const found = this.current ? this.present.record.neighbours ?? [] : [];
    if (!found.length) return;
    const place = found.findIndex((one) => one.row === this.partner?.row);
    const next = Math.max(0, Math.min(found.length - 1, place < 0 ? 0 : place + by));
    this.state.change({ beside: { side: 0, row: found[next].row } });
  }

  refresh() {
    const { present } = this;
    if (present?.at.side !== 1) return;
    this.decide?.update();
    this.element.querySelector(".star")?.setAttribute("aria-pressed", String(this.marks.starred(present.at.row)));
    this.element.querySelector(".pick")?.setAttribute("aria-pressed", String(this.rows.selected[present.at.row] === 1));
  }
}
