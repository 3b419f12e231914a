// One picture in a frame: from the server, or a dropped one from memory; a region drawn over it.
// Where a picture is gone, the frame says so.

import * as api from "./api.js";
import { make, pixels } from "./dom.js";

/** {side, row} as a frame. `region` is a polygon, or several, in shares of the picture. */
export function framed(point, { data, judged = null, edge = 256, region = null, alt = "" }) {
  if (point.side < 2 && !data.pictured(point.side)) return make("span.frame", {}, make("span.missing", {}, "No picture"));
  const picture = drawn(point, judged, edge, alt);
  const frame = make("span.frame", {}, picture);
  shaped(picture, frame);
  const gone = () => frame.replaceChildren(make("span.missing", {}, "No picture"));
  picture.addEventListener("error", gone);
  if (region?.length) frame.append(outline(region));
  return frame;
}

export function drawn(point, judged, edge, alt) {
  if (point.side === 2) {
    const canvas = make("canvas", { role: "img", "aria-label": alt || "Dropped picture" });
    const image = judged?.get(point.row)?.image;
    if (image) {
      Object.assign(canvas, { width: image.width, height: image.height });
      pixels(canvas);
      canvas.getContext("2d").drawImage(image, 0, 0);
    }
    return canvas;
  }
  const image = make("img", { alt, draggable: "false", decoding: "async" });
  image.addEventListener("load", () => pixels(image));
  image.src = api.picture(point.side, point.row, edge);
  return image;
}

/** Gives a frame the shape of its picture, once that is loaded. */
export function shaped(picture, frame) {
  const shape = (width, height) => { if (width && height) frame.style.setProperty("--shape", width / height); };
  if (picture.tagName === "CANVAS") shape(picture.width, picture.height);
  else picture.addEventListener("load", () => shape(picture.naturalWidth, picture.naturalHeight));
}

/** Polygons over the whole picture: a dark line below a bright one, to be seen on any picture. */
export function outline(region) {
  const shapes = (typeof region[0]?.[0] === "number" ? [region] : region).filter((one) => Array.isArray(one) && one.length > 2).map((one) => one.map(([x, y]) => `${(100 * x).toFixed(2)},${(100 * y).toFixed(2)}`).join(" "));
  return make("svg.region", { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" },
    shapes.flatMap((points) => [make("polygon.under", { points }), make("polygon.line", { points })]));
}
