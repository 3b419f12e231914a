// The selection as a file: CSV, Parquet, a folder of pictures, or a decisions file.

import * as api from "./api.js";
import { $, make, say } from "./dom.js";
import { many } from "./words.js";

const FORMATS = [["csv", "CSV"], ["parquet", "Parquet"], ["folder", "Folder of pictures"], ["decisions", "Decisions"]];

/** Fills the export menu. `rows()` gives what is exported, `said()` says what that is. */
export function exporting(rows, said) {
  const menu = $("export");
  const save = async (format) => {
    menu.open = false;
    const chosen = rows();
    if (!chosen.length) { say("Nothing is shown or selected.", true); return; }
    try {
      const { name, blob } = await api.exported(chosen, format);
      const link = make("a", { download: name, href: URL.createObjectURL(blob) });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
      say(`${many(chosen.length, "sample")} exported: ${name}`);
    } catch (error) {
      say(error.message, true);
    }
  };
  menu.querySelector("ul").replaceChildren(...FORMATS.map(([format, label]) => make("li", {}, make("button", { type: "button", "data-format": format, onclick: () => save(format) }, label))));
  menu.addEventListener("toggle", () => { $("exports").textContent = said(); });
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
  menu.addEventListener("keydown", (event) => { if (event.key === "Escape") { menu.open = false; menu.querySelector("summary").focus(); } });
}
