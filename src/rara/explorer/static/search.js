// Words in the text columns: a row passes where each word stands somewhere in its text.
// Letters of the Latin alphabet are compared without case; others as they are written.

const encoder = new TextEncoder();

/** One byte a row: 1 where all words were found. */
export function matching(columns, words, rows) {
  const all = new Uint8Array(rows).fill(1);
  for (const word of words.toLowerCase().split(/\s+/).filter(Boolean)) {
    const found = new Uint8Array(rows);
    for (const column of columns) {
      if (column.kind === "codes") inCodes(column, word, found);
      else if (column.kind === "text") inText(column, encoder.encode(word), found);
    }
    for (let row = 0; row < rows; row++) all[row] &= found[row];
  }
  return all;
}

function inCodes({ codes, values }, word, found) {
  const hits = values.map((value) => String(value).toLowerCase().includes(word));
  for (let row = 0; row < codes.length; row++) if (codes[row] >= 0 && hits[codes[row]]) found[row] = 1;
}

const low = Uint8Array.from({ length: 256 }, (_, byte) => (byte > 64 && byte < 91 ? byte + 32 : byte));

function inText({ bytes, offsets, length }, word, found) {
  const [first, size] = [word[0], word.length];
  for (let row = 0; row < length; row++) {
    const last = offsets[row + 1] - size;
    next: for (let at = offsets[row]; at <= last; at++) {
      if (low[bytes[at]] !== first) continue;
      for (let i = 1; i < size; i++) if (low[bytes[at + i]] !== word[i]) continue next;
      found[row] = 1;
      break;
    }
  }
}
