// Starts the page: loads the points, puts the parts together, and hands events from one to another.
//
//     state (address) <-> panel, map, gallery, detail, compare
//     data (columns)  --> rows (what passes, what is selected, in what order) --> map, gallery
//
// From the ground up, each imports only from those before it:
//
//     words, dom, api, arrow              text, elements, requests, the reader of columns
//     data, shapes, state, marks, judged  what is there, what people chose, decided and dropped
//     search, sort, grid, rows            which samples, in what order, and where on the map
//     colours, camera, splat, shaders     how points look, and from where
//     renderer, thumbnails, overlay, tip, gestures, map, toolbar     the map
//     histogram, panel, gallery           filters and samples
//     picture, decide, detail, compare    one sample
//     exporting, keys                     files, and the keyboard

import { Compare } from "./compare.js";
import { Data } from "./data.js";
import { Detail } from "./detail.js";
import { $, later, make, say } from "./dom.js";
import { exporting } from "./exporting.js";
import { Gallery } from "./gallery.js";
import { Grid } from "./grid.js";
import { Judged } from "./judged.js";
import { help, keys } from "./keys.js";
import { MapView } from "./map.js";
import { Marks } from "./marks.js";
import { Panel } from "./panel.js";
import { Rows } from "./rows.js";
import { State } from "./state.js";
import { Tip } from "./tip.js";
import { toolbar } from "./toolbar.js";
import { capital, count, many } from "./words.js";

const LOUD = new Set(["copy", "near copy", "rare", "off-manifold"]);

async function start() {
  const state = new State();
  state.listen();
  const data = await Data.load();
  title(data);
  const grid = new Grid(data.x, data.y, layers(data));
  const marks = new Marks(data.about.can.decide);
  const judged = new Judged(data.about.can.judge);
  const rows = new Rows(data, grid, state, marks);
  rows.trouble = (error) => say(error.message, true);
  const tip = new Tip(data, state, judged);
  const parts = { data, grid, rows, state, marks, judged, tip };
  const map = mapOf(parts);
  toolbarOf(parts, map);
  if (map) await Promise.race([map.first, new Promise((done) => { setTimeout(done, 4000); })]); // the map comes first
  const panel = new Panel(parts);
  const gallery = new Gallery(parts);
  const detail = new Detail(parts);
  const compare = new Compare({ ...parts, detail });
  wire({ ...parts, map, panel, gallery, detail, compare });
  await rows.update();
  gallery.show();
  await Promise.allSettled([marks.load(), detail.show().then(() => compare.show()), data.names().then(() => gallery.refresh())]);
  document.body.dataset.ready = "true";
}

function layers(data) {
  const verdicts = data.get("verdict");
  const loud = verdicts?.codes ? verdicts.values.map((one) => LOUD.has(one)) : [];
  const layers = new Uint8Array(data.total);
  for (let id = 0; id < layers.length; id++) {
    if (data.side[id] === 1) layers[id] = verdicts && loud[verdicts.codes[data.row[id]]] ? 2 : 1;
  }
  return layers;
}

function title(data) {
  const { about } = data;
  document.title = `${about.title} · rara`;
  $("title").textContent = about.title;
  $("sizes").replaceChildren(make("b.sample-word", {}, count(about.samples)), ` ${about.samples === 1 ? "sample" : "samples"} beside `, make("b.reference-word", {}, count(about.reference)), ` ${about.reference === 1 ? "image" : "images"} of `, make("bdi", {}, about.reference_name || "the reference"));
  $("projection").textContent = about.projection ?? "";
}

/** The map, or null where there is no WebGL2: then the page says so, and the rest works. */
function mapOf(parts) {
  try {
    return new MapView(parts);
  } catch (error) {
    console.warn(`No map: ${error.message}`);
    document.body.classList.add("mapless");
    $("no-map").hidden = false;
    return null;
  }
}

let tools = null;
function toolbarOf(parts, map) { tools = toolbar({ ...parts, map }); }

function wire({ data, rows, state, marks, judged, map, gallery, detail, compare }) {
  const pick = (row) => {
    const mode = rows.selected[row] ? "take away" : "add";
    state.change({ steps: [...state.get("steps"), { mode, rows: [row] }] });
  };
  const star = (row) => marks.put(row, { star: !marks.starred(row) });
  const present = () => (state.get("at")?.side === 1 ? state.get("at").row : null);
  const withPresent = (act) => () => {
    if (present() !== null) act(present());
    else if (state.get("at")) say("Only samples of the table can be marked.");
    else gallery.step(0);
  };
  gallery.onpick = detail.onpick = pick;
  detail.onstar = star;
  if (map) map.onpick = pick;
  gallery.oncompare = detail.oncompare = () => compare.open();
  detail.onlinks = (links) => { if (map) { map.links = links; map.ask(); } compare.show(); };
  detail.onpartner = () => compare.show();
  compare.onstep = (by) => gallery.step(by);
  gallery.onnear = detail.onnear = (point) => map?.ring(point);
  marks.on(() => detail.refresh());
  rows.on(() => { detail.refresh(); heading({ data, rows, state, marks }); });
  marks.on(() => heading({ data, rows, state, marks }));
  state.on("at", () => reveal(data, state, judged, map));
  judged.listen((one) => { state.change({ at: { side: 2, row: one.row }, beside: null }); map?.ask(); });
  const selection = () => rows.many > 0 && state.get("show") === "all";
  exporting(() => (selection() ? rows.chosen() : [...rows.list]), () => (selection() ? `The ${many(rows.many, "selected sample")}` : `The ${many(rows.list.length, "sample")} shown`));
  controls({ data, rows, state });

  const entries = [
    [["j"], "next sample", () => gallery.step(1)],
    [["k"], "sample before", () => gallery.step(-1)],
    [["ArrowLeft", "ArrowRight"], "reference image before and after", null],
    [[" "], "select or deselect the sample", withPresent(pick)],
    [["c"], "compare", () => compare.open()],
    [["s"], "star", withPresent(star)],
    [["n"], "not a copy", withPresent((row) => marks.put(row, { decision: "not a copy", reference: detail.partner?.row ?? null }))],
    [["y"], "copy", withPresent((row) => marks.put(row, { decision: "copy", reference: detail.partner?.row ?? null }))],
    [["/"], "search", () => $("words").focus()],
    [["p", "l", "r"], "pan, lasso, rectangle", null],
    [["+", "-", "0"], "zoom in, zoom out, show all", null],
    [["Escape"], "close the sample, then clear the selection", () => (state.get("at") ? state.change({ at: null, beside: null }) : state.change({ steps: [], show: "all" }))],
    [["?"], "these keys", () => help(entries)],
  ];
  keys([...entries.filter(([, , act]) => act),
    [["ArrowLeft"], "", () => detail.turn(-1)], [["ArrowRight"], "", () => detail.turn(1)],
    [["p"], "", () => tools.take("pan")], [["l"], "", () => tools.take("lasso")], [["r"], "", () => tools.take("box")],
    [["+", "="], "", () => map?.zoom(1)], [["-"], "", () => map?.zoom(-1)], [["0"], "", () => map?.reset()]]);
  $("keys").addEventListener("click", () => help(entries));
}

function reveal(data, state, judged, map) {
  const at = state.get("at");
  if (!at || !map) return;
  const one = at.side === 2 ? judged.get(at.row) : null;
  const id = at.side === 2 ? -1 : data.point(at.side, at.row);
  if (one?.placed) map.reveal(one.x, one.y);
  else if (id >= 0) map.reveal(data.x[id], data.y[id]);
}

/** Search, sorting and which samples the gallery shows. */
function controls({ data, rows, state }) {
  const words = $("words");
  const search = later(() => state.change({ words: words.value.trim() }), 180);
  words.addEventListener("input", search);
  const sort = $("sort");
  sort.append(make("option", { value: "" }, "As in the table"), ...data.plain.map((one) => make("option", { value: one.name }, capital(one.label))));
  sort.addEventListener("change", () => state.change({ sort: sort.value && (state.get("sort").startsWith("-") ? "-" : "") + sort.value }));
  $("down").addEventListener("click", () => {
    const now = state.get("sort");
    state.change({ sort: now.startsWith("-") ? now.slice(1) : `-${now}` });
  });
  $("clear").addEventListener("click", () => state.change({ is: {}, in: {}, words: "" }));
  $("deselect").addEventListener("click", () => state.change({ steps: [], show: state.get("show") === "selected" ? "all" : state.get("show") }));
  for (const tab of document.querySelectorAll("[data-show]")) tab.addEventListener("click", () => state.change({ show: tab.dataset.show }));
  for (const door of document.querySelectorAll("button[data-pane]")) door.addEventListener("click", () => pane(door.dataset.pane));
  state.on("at", () => pane(state.get("at") ? "detail" : "gallery"));
  if (state.get("at")) pane("detail");
  const follow = () => {
    if (document.activeElement !== words) words.value = state.get("words");
    sort.value = state.get("sort").replace(/^-/, "");
    const down = state.get("sort").startsWith("-");
    $("down").setAttribute("aria-pressed", String(down));
    $("down").textContent = down ? "↓" : "↑";
  };
  state.on("words sort", follow);
  follow();
}

/** Narrow windows show one pane below the map. */
function pane(name) {
  document.body.dataset.pane = name;
  for (const door of document.querySelectorAll("button[data-pane]")) door.setAttribute("aria-pressed", String(door.dataset.pane === name));
}

function heading({ data, rows, state, marks }) {
  const show = state.get("show");
  const counts = { all: rows.passing, selected: rows.many, starred: marks.stars, decided: marks.decisions };
  for (const tab of document.querySelectorAll("[data-show]")) {
    tab.setAttribute("aria-pressed", String(tab.dataset.show === show));
    tab.querySelector("b").textContent = count(counts[tab.dataset.show]);
  }
  $("deselect").hidden = rows.many === 0;
  $("passing").textContent = rows.passing === data.samples ? `All ${many(data.samples, "sample")}` : `${count(rows.passing)} of ${count(data.samples)} pass`;
}

start().catch((error) => {
  console.error(error);
  $("trouble").hidden = false;
  $("trouble-text").textContent = error.message;
});
