// What people decided of samples: copy or not a copy, a star, a note. The server keeps it.

import * as api from "./api.js";
import { say } from "./dom.js";

export class Marks {
  constructor(can) { Object.assign(this, { can, entries: new Map(), calls: [] }); }

  on(call) { this.calls.push(call); }
  get(row) { return this.entries.get(row); }
  starred(row) { return this.entries.get(row)?.star === true; }
  decided(row) { return Boolean(this.entries.get(row)?.decision); }

  get stars() { return [...this.entries.values()].filter((one) => one.star).length; }
  get decisions() { return [...this.entries.values()].filter((one) => one.decision).length; }

  async load() {
    if (!this.can) return;
    for (const entry of await api.decisions()) this.entries.set(entry.sample, entry);
    this.#tell();
  }

  /** Keeps a change at once, and takes it back where the server refuses it. */
  async put(row, values) {
    if (!this.can) { say("Start rara explore with --decisions FILE to keep decisions.", true); return; }
    const old = this.entries.get(row);
    this.entries.set(row, { ...old, sample: row, ...values });
    this.#tell();
    try {
      const { same = [], ...kept } = await api.decide({ sample: row, ...values });
      const others = same.filter((other) => other !== row); // the same picture under other names
      for (const other of others) this.entries.set(other, { ...kept, sample: other });
      if (others.length) this.#tell();
    } catch (error) {
      if (old) this.entries.set(row, old); else this.entries.delete(row);
      this.#tell();
      say(error.message, true);
    }
  }

  #tell() { for (const call of this.calls) call(); }
}
