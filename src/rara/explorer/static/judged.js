// Pictures that are dropped, pasted or chosen: judged by the server, put on the map, kept in memory.

import * as api from "./api.js";
import { $, say } from "./dom.js";
import { many } from "./words.js";

export class Judged {
  constructor(can) { Object.assign(this, { can, list: [] }); }

  get(row) { return this.list.find((one) => one.row === row); }

  /** Judges files; calls `done` with the first new one. */
  async judge(files, done) {
    if (!this.can) { say("This table has no reference at hand: pictures cannot be judged here.", true); return; }
    if (!files.length) { say("That is no picture.", true); return; }
    say(`Judging ${many(files.length, "picture")} …`);
    document.body.classList.add("judging");
    try {
      const records = await api.judge(files);
      const images = await Promise.all(records.map((record, i) => imageOf(record, files[record.file ?? Math.min(i, files.length - 1)])));
      const start = this.list.length;
      records.forEach((record, i) => this.list.push({ row: start + i, placed: Number.isFinite(record.x), record: { ...record, id: record.id ?? record.name ?? files[i]?.name ?? "picture" }, name: record.name ?? files[i]?.name ?? "picture", image: images[i], x: record.x ?? 0, y: record.y ?? 0 }));
      say(`${many(records.length, "picture")} judged.`);
      if (records.length) done(this.list[start]);
    } catch (error) {
      say(error.message, true);
    } finally {
      document.body.classList.remove("judging");
    }
  }

  /** Listens for files that are dropped, pasted or chosen anywhere on the page. */
  listen(done) {
    const pictures = (files) => [...files].filter((file) => file.type.startsWith("image/"));
    const judge = (files) => this.judge(pictures(files), done);
    let inside = 0;
    const over = (by) => { inside = Math.max(0, inside + by); document.body.classList.toggle("dropping", inside > 0); };
    const carries = (event) => event.dataTransfer?.types.includes("Files");
    addEventListener("dragenter", (event) => { if (carries(event)) { event.preventDefault(); over(1); } });
    addEventListener("dragleave", (event) => { if (carries(event)) over(-1); });
    addEventListener("dragover", (event) => { if (carries(event)) event.preventDefault(); });
    addEventListener("drop", (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      inside = 0;
      over(0);
      judge(event.dataTransfer.files);
    });
    addEventListener("paste", (event) => { if (event.clipboardData?.files.length) judge(event.clipboardData.files); });
    const field = $("file");
    field.addEventListener("change", () => { judge(field.files); field.value = ""; });
    $("judge").addEventListener("click", () => field.click());
    $("judge").hidden = !this.can;
  }
}

/** The picture of a record: the whole file, or its part of a contact sheet. */
async function imageOf(record, file) {
  if (!file) return null;
  try {
    const image = await createImageBitmap(file);
    if (!record.box) return image;
    const [left, top, width, height] = record.box;
    return await createImageBitmap(image, left * image.width, top * image.height, Math.max(1, width * image.width), Math.max(1, height * image.height));
  } catch {
    return null; // a picture that only the server can read
  }
}
