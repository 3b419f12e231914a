// The controls on the map: what gives the colour, what a drag does, zoom, and the legend.

import { $, make } from "./dom.js";
import { capital, many } from "./words.js";

export function toolbar({ data, state, map }) {
  const kinds = ["category", "boolean", "number"];
  const by = $("by");
  by.append(make("option", { value: "side" }, "Samples and reference"), ...data.about.columns.filter((one) => kinds.includes(one.kind)).map((one) => make("option", { value: one.name }, capital(one.label))));
  const follow = async () => {
    by.value = state.get("by");
    const wanted = state.get("by");
    await data.need([wanted].filter((name) => data.info.has(name)));
    map?.recolour();
  };
  by.addEventListener("change", () => state.change({ by: by.value }));
  state.on("by", follow);
  follow();

  const tools = [...document.querySelectorAll("[data-tool]")];
  const take = (name) => {
    if (!map) return;
    map.tool = name;
    map.element.dataset.tool = name;
    for (const tool of tools) tool.setAttribute("aria-pressed", String(tool.dataset.tool === name));
  };
  for (const tool of tools) tool.addEventListener("click", () => take(tool.dataset.tool));
  $("zoom-in").addEventListener("click", () => map?.zoom(1));
  $("zoom-out").addEventListener("click", () => map?.zoom(-1));
  $("fit").addEventListener("click", () => map?.reset());
  const sides = [...document.querySelectorAll("[data-side]")];
  for (const side of sides) side.addEventListener("click", () => {
    const hide = new Set(state.get("hide"));
    if (!hide.delete(side.dataset.side)) hide.add(side.dataset.side);
    state.change({ hide: [...hide] });
  });
  const shown = () => sides.forEach((side) => side.setAttribute("aria-pressed", String(!state.get("hide").includes(side.dataset.side))));
  state.on("hide", shown);
  shown();
  if (map) {
    map.legend = (scheme) => legend(scheme, data);
    map.recolour();
  }
  return { take };
}

function legend(scheme, data) {
  const colour = (values) => `rgb(${values.join(" ")})`;
  const element = $("legend");
  const { legend: said, colours } = scheme;
  if (Array.isArray(said)) {
    element.replaceChildren(...said.map(({ label, index }) => {
      const dot = make("span.dot");
      dot.style.background = colour(colours[index]);
      return make("span.entry", {}, dot, make("bdi", {}, label));
    }));
  } else {
    const bar = make("span.ramp");
    bar.style.background = `linear-gradient(90deg, ${colours.slice(0, 64).map(colour).join(", ")})`;
    element.replaceChildren(make("span", {}, said.low), bar, make("span", {}, said.high));
  }
  if (data.about.reference) element.append(make("span.entry", {}, make("span.dot.reference"), many(data.about.reference, "reference image")));
}
