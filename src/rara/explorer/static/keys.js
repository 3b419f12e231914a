// The keys of the page, in one list: what they do, and what the overlay says of them.

import { $, make } from "./dom.js";

/** Listens. Each entry: [keys, what they do, function] */
export function keys(entries) {
  const acts = new Map(entries.flatMap(([names, , act]) => names.map((name) => [name, act])));
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const field = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (field && !(event.target.type === "radio" || event.target.type === "checkbox")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const pressed = event.target.closest?.("button, summary, a");
    if (pressed && (event.key === " " || event.key === "Enter")) return;
    if (event.target.type === "radio" && (event.key.startsWith("Arrow") || event.key === " ")) return;
    const act = acts.get(event.key);
    if (!act || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    act();
  });
}

const ALSO = [
  ["On the map", [
    [["←", "→", "↑", "↓"], "move, when the map has the focus"],
    [["wheel", "pinch"], "zoom; a double click zooms in, with shift out"],
    [["shift drag"], "draw a lasso that adds; alt drag takes away"],
    [["ctrl click"], "select or deselect a sample"],
  ]],
  ["In the comparison", [
    [["1", "2", "3", "4"], "side by side, slider, blink, difference"],
    [["m", "t"], "mirror and turn the reference image"],
    [["o", "0"], "outline of the region; fit"],
    [["←", "→"], "the reference image before and after"],
  ]],
];

/** Fills the overlay and opens it. */
export function help(entries) {
  const dialog = $("help");
  const line = ([names, text]) => make("div", {}, make("dt", {}, names.map((name) => make("kbd", {}, { " ": "space", ArrowLeft: "←", ArrowRight: "→", Escape: "esc" }[name] ?? name))), make("dd", {}, text));
  const block = ([title, lines]) => make("section", {}, make("h3", {}, title), make("dl", {}, lines.map(line)));
  dialog.replaceChildren(
    make("header", {}, make("h2", {}, "Keys"), make("button.close", { type: "button", "aria-label": "Close", onclick: () => dialog.close() }, "×")),
    make("div.columns", {}, [["Anywhere", entries.filter(([, text]) => text)], ...ALSO].map(block)));
  dialog.onkeydown = (event) => { if (event.key === "?") dialog.close(); event.stopPropagation(); };
  dialog.showModal();
}
