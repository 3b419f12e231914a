// What colour a point has: by verdict, by a column, or by side. The page's style sheet has the tokens.

import { capital, figure } from "./words.js";

const VERDICTS = { copy: "copy", "near copy": "near", typical: "typical", uncommon: "uncommon", rare: "rare", "off-manifold": "off", "unknown to this reference": "unknown", "no verdict": "none" };
const LOUD = new Set(["copy", "near copy", "rare", "off-manifold"]);
const MOST = 10;

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** [r, g, b] of a colour written as #rrggbb. */
export const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
export const paper = () => rgb(token("ground"));
export const referenceColour = () => rgb(token("dot-reference"));

/** The token of a verdict's colour, such as "v-copy". */
export const verdictToken = (verdict) => `v-${VERDICTS[verdict] ?? "none"}`;

/** {index: of each sample's row, colours: [[r,g,b]], loud: [bool], legend: [{label, index}] or {ramp, low, high}} */
export function scheme(data, by) {
  if (by === "side" || !data.has(by)) return flat(data);
  const column = data.get(by);
  if (column.codes) return categories(data, by, column);
  return column.values ? ramp(column) : flat(data);
}

function flat(data) {
  return { index: new Uint8Array(data.samples), colours: [rgb(token("sample"))], loud: [false], legend: [{ label: "Samples", index: 0 }] };
}

function categories(data, by, column) {
  const verdict = by === "verdict";
  const counts = new Float64Array(column.values.length);
  for (const code of column.codes) if (code >= 0) counts[code]++;
  const order = verdict
    ? data.about.verdicts.map((name) => column.values.indexOf(name)).filter((code) => code >= 0)
    : [...counts.keys()].sort((a, b) => counts[b] - counts[a]);
  const places = new Int32Array(column.values.length).fill(MOST);
  order.slice(0, verdict ? 99 : MOST).forEach((code, place) => { places[code] = place; });
  const shown = order.slice(0, verdict ? 99 : MOST);
  const colours = shown.map((code, place) => rgb(token(verdict ? verdictToken(column.values[code]) : `c-${place}`)));
  while (colours.length <= MOST) colours.push(rgb(token("v-none")));
  const legend = shown.map((code, index) => ({ label: capital(column.values[code]) || "(empty)", index }));
  if (order.length > shown.length) legend.push({ label: `${order.length - shown.length} more`, index: MOST });
  const loud = shown.map((code) => verdict && LOUD.has(column.values[code]));
  const index = new Uint8Array(column.length);
  for (let row = 0; row < index.length; row++) index[row] = column.codes[row] < 0 ? MOST : places[column.codes[row]];
  return { index, colours, loud, legend };
}

function ramp(column) {
  const [low, high] = span(column.values);
  const stops = [0, 1, 2, 3, 4].map((at) => rgb(token(`r-${at}`)));
  const colours = Array.from({ length: 64 }, (_, i) => {
    const at = (i / 63) * 4;
    const from = Math.min(3, Math.floor(at));
    return stops[from].map((value, part) => Math.round(value + (stops[from + 1][part] - value) * (at - from)));
  });
  colours.push(rgb(token("v-none")));
  const scale = 63 / (high - low || 1);
  const index = new Uint8Array(column.length);
  for (let row = 0; row < index.length; row++) {
    const value = column.values[row];
    index[row] = Number.isNaN(value) ? 64 : Math.max(0, Math.min(63, Math.round((value - low) * scale)));
  }
  return { index, colours, loud: [], legend: { low: figure(low), high: figure(high) } };
}

/** Where most values lie: the 1st and the 99th percentile of a part of them. */
function span(values) {
  const step = Math.max(1, Math.floor(values.length / 20000));
  const some = [];
  for (let row = 0; row < values.length; row += step) if (Number.isFinite(values[row])) some.push(values[row]);
  some.sort((a, b) => a - b);
  return some.length ? [some[Math.floor(some.length * 0.01)], some[Math.ceil((some.length - 1) * 0.99)]] : [0, 1];
}
