// Elements from descriptions. Text from outside only ever becomes text (textContent), never markup.

const SVG = "http://www.w3.org/2000/svg";
const SHAPES = new Set(["svg", "path", "rect", "line", "circle", "polygon", "g", "text"]);

/** make("button.quiet", {type: "button", onclick: f}, "text", child, …) */
export function make(what, properties = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const node = SHAPES.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  if (classes.length) node.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(properties)) set(node, name, value);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** One attribute, property or listener; null and false take an attribute away. */
export function set(node, name, value) {
  if (name.startsWith("on") || ["value", "checked", "disabled", "hidden", "textContent", "indeterminate"].includes(name)) node[name] = value;
  else if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : String(value));
}

/** A sentence whose lines end beside an option and its value (--alpha 0.4), never inside. */
export const unbroken = (text) => text.split(/(--[a-z][\w-]*(?: \d*\.?\d+)?)/).map((piece, i) => (i % 2 ? make("span.option", {}, piece) : piece));

const PIXEL_ART = 64; // pictures up to this longest side show their pixels, as in the report

/** Says of an image or a canvas whether its pixels are shown as they are, once it is loaded. */
export function pixels(picture) {
  const [width, height] = picture.tagName === "CANVAS" ? [picture.width, picture.height] : [picture.naturalWidth, picture.naturalHeight];
  picture.classList.toggle("pixels", Math.max(width, height) <= PIXEL_ART);
}

export const $ = (id) => document.getElementById(id);

/** A function that runs once, in the next frame, however often it is called. */
export function soon(task) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; task(); });
  };
}

/** A function that runs when it was not called again for some milliseconds. */
export function later(task, wait) {
  let timer = 0;
  return (...values) => { clearTimeout(timer); timer = setTimeout(() => task(...values), wait); };
}

/** Says something to people who listen and shows it for a while. */
export function say(text, trouble = false) {
  const line = $("says");
  line.replaceChildren(...unbroken(text));
  line.classList.toggle("trouble", trouble);
  line.classList.add("shown");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => line.classList.remove("shown"), trouble ? 9000 : 3500);
}
