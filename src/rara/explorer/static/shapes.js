// Lassos and boxes on the map: which samples lie in them, and how an address writes them.

/** A shape from what was drawn: few corners, three digits after the point. */
export function shapeOf(points, kind, mode) {
  const corners = kind === "box" ? box(points) : thinned(points, 80);
  return { mode, corners: corners.map(([x, y]) => [round(x), round(y)]) };
}

const round = (value) => Math.round(value * 10000) / 10000;

function box([[x0, y0], [x1, y1]]) { return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]; }

function thinned(points, most) {
  const step = Math.max(1, points.length / most);
  return Array.from({ length: Math.min(most, points.length) }, (_, i) => points[Math.floor(i * step)]);
}

/** Calls with each id in a shape. */
export function within({ corners }, data, grid, call) {
  const [xs, ys] = [corners.map((one) => one[0]), corners.map((one) => one[1])];
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  grid.each(x0, y0, x1, y1, (id) => {
    const [x, y] = [data.x[id], data.y[id]];
    if (x < x0 || x > x1 || y < y0 || y > y1) return;
    let inside = false;
    for (let i = 0, j = xs.length - 1; i < xs.length; j = i++) {
      if (ys[i] > y !== ys[j] > y && x < ((xs[j] - xs[i]) * (y - ys[i])) / (ys[j] - ys[i]) + xs[i]) inside = !inside;
    }
    if (inside) call(id);
  });
}

const MARKS = { new: "=", add: "+", "take away": "-" };
const WORDS = { "=": "new", "+": "add", "-": "take away" };

/** "+0.1,0.2,0.3,…" and rows as "+r12.40.3": short enough for an address. */
export function written(steps) {
  return steps.map((step) => MARKS[step.mode] + (step.rows ? `r${step.rows.map((row) => row.toString(36)).join(".")}` : step.corners.flat().join(",")));
}

export function parsed(texts) {
  return texts.map((text) => {
    const mode = WORDS[text[0]];
    if (!mode) return null;
    if (text[1] === "r") return { mode, rows: text.slice(2).split(".").filter(Boolean).map((row) => parseInt(row, 36)).filter(Number.isInteger) };
    const values = text.slice(1).split(",").map(Number);
    if (values.length < 6 || values.length % 2 || !values.every(Number.isFinite)) return null;
    return { mode, corners: Array.from({ length: values.length / 2 }, (_, i) => [values[2 * i], values[2 * i + 1]]) };
  }).filter(Boolean);
}
