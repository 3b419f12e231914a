// Numbers, counts and names as people read them.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export const count = (value) => whole.format(value);
export const many = (value, one, more = `${one}s`) => `${count(value)} ${value === 1 ? one : more}`;

/** A number in three or four figures: 0.0123, 1,234, 1.2e-7. */
export function figure(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size === Infinity) return value < 0 ? "−∞" : "∞";
  if (Number.isInteger(value) && size < 1e12) return whole.format(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(1).replace("e+", "e");
  return value.toLocaleString("en", { maximumSignificantDigits: size >= 1000 ? 5 : 3 });
}

/** The last part of a path, for narrow places. Only / parts names: a file's own name may hold a backslash. */
export function base(name) {
  const parts = String(name).split("/").filter(Boolean);
  return parts.length ? parts[parts.length - 1] : String(name);
}

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
