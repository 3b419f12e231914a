// What is asked of the server. All addresses are relative: the page asks no one else.

/** An answer that is no success, in the server's words. */
export class Problem extends Error {}

async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The server does not answer. Is rara explore still running?");
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Problem([problem.title, problem.detail].filter(Boolean).join(" ") || `The server answers ${answer.status}.`);
}

const json = async (address, options) => (await ask(address, options)).json();
const post = (value) => ({ method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });

export const about = () => json("data/about.json");
export const points = async () => (await ask("data/points.arrow")).arrayBuffer();
export const table = async (names) => (await ask(`data/table.arrow?columns=${names.map(encodeURIComponent).join(",")}`)).arrayBuffer();
export const reference = async () => (await ask("data/reference.arrow")).arrayBuffer();
/** An atlas sheet; asked for again while the server still makes it. */
export async function sheet(number) {
  for (;;) {
    const answer = await fetch(`atlas/${number}`, { credentials: "same-origin" });
    if (answer.ok) return createImageBitmap(await answer.blob());
    if (answer.status !== 503) throw new Problem(`The server answers ${answer.status}.`);
    await new Promise((done) => { setTimeout(done, 1000 * (Number(answer.headers.get("Retry-After")) || 2)); });
  }
}

export const record = (row, signal) => json(`record/${row}`, { signal });
export const neighbours = async (side, row, signal) => (await json(`neighbours/${side}/${row}?count=12`, { signal })).neighbours;
export const decisions = async () => (await json("decisions")).decisions;
export const decide = (entry) => json("decisions", post(entry));
export const picture = (side, row, edge) => `picture/${side}/${row}?edge=${edge}`;

export async function judge(files) {
  const form = new FormData();
  for (const file of files) form.append("image", file, file.name || "pasted.png");
  return (await json("v1/judge", { method: "POST", body: form })).records;
}

/** The file that an export makes: its name and content. */
export async function exported(rows, format) {
  const answer = await ask("export", post({ rows, format }));
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "");
  const ending = { csv: "csv", parquet: "parquet", folder: "zip", decisions: "json" }[format];
  return { name: name ? name[1] : `selection.${ending}`, blob: await answer.blob() };
}
