// The points of the map and the columns of the table. Columns come when they are first asked for.
// A point id is a place in points.arrow: reference images first, then samples.

import * as api from "./api.js";
import { CodeColumn, NumberColumn, read } from "./arrow.js";

export class Data {
  constructor(about, points) {
    Object.assign(this, { about, x: points.x.values, y: points.y.values, side: points.side.values, row: points.row.values });
    this.total = this.x.length;
    this.samples = about.samples;
    this.points = [new Int32Array(about.reference).fill(-1), new Int32Array(about.samples).fill(-1)];
    for (let id = 0; id < this.total; id++) this.points[this.side[id]][this.row[id]] = id;
    this.columns = new Map();
    this.asked = new Map();
    this.info = new Map(about.columns.map((one) => [one.name, one]));
  }

  static async load() {
    const coming = api.points(); // the largest answer, asked for first
    coming.catch(() => {});
    const about = await api.about();
    const named = about.columns.some((one) => one.name === "verdict");
    const [points, first] = await Promise.all([coming.then(read), named ? api.table(["verdict"]).then(read) : {}]);
    const data = new Data(about, points);
    data.#take(first, Promise.resolve());
    return data;
  }

  /** The id of the point of a row; -1 where it is not on the map. */
  point(side, row) { return this.points[side]?.[row] ?? -1; }

  /** Whether the pictures of a side are at hand. */
  pictured(side) { return this.about.more?.pictures?.[side === 1 ? "samples" : "reference"] !== false; }

  has(name) { return this.columns.has(name); }
  get(name) { return this.columns.get(name); }
  label(name) { return this.info.get(name)?.label ?? name; }
  kind(name) { return this.info.get(name)?.kind; }

  /** Columns that people read or order by: lists, which come as JSON, are neither. */
  get plain() { return this.about.columns.filter((one) => one.kind !== "text" || ["", "text"].includes(one.unit)); }
  get texts() { return this.plain.filter((one) => one.kind === "text").map((one) => one.name); }

  /** Makes sure that columns are here. A server that sends more than was asked for is fine. */
  async need(names) {
    const missing = names.filter((name) => this.info.has(name) && !this.asked.has(name));
    if (missing.length) {
      const answer = api.table(missing).then(read).then((columns) => {
        this.#take(columns, answer);
      });
      for (const name of missing) this.asked.set(name, answer);
      answer.catch(() => missing.forEach((name) => this.asked.delete(name)));
    }
    await Promise.all(names.map((name) => this.asked.get(name)));
  }

  #take(columns, answer) {
    for (const [name, column] of Object.entries(columns)) {
      if (!this.columns.has(name)) this.columns.set(name, this.#shaped(name, column));
      this.asked.set(name, answer);
    }
  }

  /** Categories are codes, whatever the file keeps them as; booleans are two categories. */
  #shaped(name, column) {
    const kind = this.kind(name);
    if (kind === "boolean" && column.values) return new CodeColumn(Int8Array.from(column.values, (v) => (Number.isNaN(v) ? -1 : v)), ["no", "yes"]);
    if (kind === "category" && column.kind !== "codes") return coded(column);
    if (kind === "number" && !(column instanceof NumberColumn)) return new NumberColumn(Float64Array.from({ length: column.length }, (_, row) => Number(column.at(row) ?? NaN)));
    return column;
  }

  async names() {
    await this.need(["id"]);
    return this.get("id");
  }

  name(side, row) {
    if (side === 1) return this.get("id")?.at(row) ?? `sample ${row + 1}`;
    return this.referenceIds?.at(row) ?? `reference image ${row + 1}`;
  }

  async needReference() {
    this.asking ??= api.reference().then(read).then((columns) => { this.referenceIds = columns.id; });
    await this.asking;
  }
}

function coded(column) {
  const values = new Map();
  const codes = Int32Array.from({ length: column.length }, (_, row) => {
    const value = column.at(row);
    if (value === null) return -1;
    if (!values.has(String(value))) values.set(String(value), values.size);
    return values.get(String(value));
  });
  return new CodeColumn(codes, [...values.keys()]);
}
