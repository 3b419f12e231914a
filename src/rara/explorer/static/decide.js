// What people decide of one sample: copy, not a copy, and a note. One form, kept at once.

import { later, make, unbroken } from "./dom.js";

const CHOICES = [["", "Undecided"], ["copy", "Copy"], ["not a copy", "Not a copy"]];

export class Decide {
  /** `partner()` is the reference image that stands beside the sample when something is decided. */
  constructor(row, marks, partner, kept) {
    Object.assign(this, { row, marks });
    const name = `decision-${row}`;
    const choose = (decision) => marks.put(row, { decision: decision || null, reference: partner()?.row ?? null });
    this.radios = CHOICES.map(([value, label]) => make("label", {}, make("input", { type: "radio", name, value, onchange: () => choose(value) }), make("span", {}, label)));
    const keep = later((note) => marks.put(row, { note, reference: partner()?.row ?? null }), 500);
    const note = (this.note = make("textarea", { rows: 1, maxlength: 1000, placeholder: "Note", "aria-label": "Note", oninput: () => keep(note.value) }));
    this.element = make("fieldset.decide", { disabled: !marks.can, title: marks.can ? null : "Start rara explore with --decisions FILE to keep decisions." },
      make("legend.spoken", {}, "Is it a copy of the reference image beside it?"), make("div.choices", {}, this.radios), note,
      marks.can && kept ? make("p.kept", {}, unbroken(kept)) : null);
    this.update();
  }

  /** Shows what is kept now; a note that is being written stays. */
  update() {
    const { decision, note } = this.marks.get(this.row) ?? {};
    for (const label of this.radios) label.firstChild.checked = label.firstChild.value === (decision ?? "");
    if (document.activeElement !== this.note) this.note.value = note ?? "";
  }
}
