// Reads an Arrow IPC stream into columns, without copies where the values need none.
// First in the flow: bytes from the server -> columns (data.js). It reads what the explorer's
// server writes: numbers, booleans, text, dates as numbers, and dictionaries of text.
// The format: https://arrow.apache.org/docs/format/Columnar.html (IPC), and flatbuffers.

const KIND = { null: 1, int: 2, float: 3, utf8: 5, bool: 6, date: 8, time: 9, timestamp: 10, duration: 18, largeUtf8: 20 };
const decoder = new TextDecoder();

/** A table of a flatbuffer: its fields by number. */
class Table {
  constructor(view, at) {
    this.view = view;
    this.at = at;
    this.fields = at - view.getInt32(at, true);
    this.size = view.getUint16(this.fields, true);
  }
  place(field) {
    const offset = 4 + 2 * field < this.size ? this.view.getUint16(this.fields + 4 + 2 * field, true) : 0;
    return offset && this.at + offset;
  }
  byte(field) { const at = this.place(field); return at ? this.view.getUint8(at) : 0; }
  short(field) { const at = this.place(field); return at ? this.view.getInt16(at, true) : 0; }
  int(field) { const at = this.place(field); return at ? this.view.getInt32(at, true) : 0; }
  long(field) { const at = this.place(field); return at ? Number(this.view.getBigInt64(at, true)) : 0; }
  follow(field) { const at = this.place(field); return at && at + this.view.getInt32(at, true); }
  table(field) { const at = this.follow(field); return at ? new Table(this.view, at) : null; }
  text(field) {
    const at = this.follow(field);
    if (!at) return "";
    return decoder.decode(new Uint8Array(this.view.buffer, this.view.byteOffset + at + 4, this.view.getInt32(at, true)));
  }
  /** Places of a vector's entries, each of a size in bytes. */
  entries(field, size) {
    const at = this.follow(field);
    return at ? Array.from({ length: this.view.getInt32(at, true) }, (_, i) => at + 4 + i * size) : [];
  }
  tables(field) {
    return this.entries(field, 4).map((at) => new Table(this.view, at + this.view.getInt32(at, true)));
  }
}

/** Text of each row: bytes and offsets, decoded one at a time. */
export class TextColumn {
  constructor(bytes, offsets, valid) {
    Object.assign(this, { kind: "text", bytes, offsets, valid, length: offsets.length - 1 });
  }
  at(row) {
    if (this.valid && !(this.valid[row >> 3] & (1 << (row & 7)))) return null;
    return decoder.decode(this.bytes.subarray(this.offsets[row], this.offsets[row + 1]));
  }
}

/** Text from a short list: a code of each row, -1 where there is none. */
export class CodeColumn {
  constructor(codes, values) {
    Object.assign(this, { kind: "codes", codes, values, length: codes.length });
  }
  at(row) { return this.codes[row] < 0 ? null : this.values[this.codes[row]]; }
}

/** A number of each row, NaN where there is none; booleans are 0 and 1. */
export class NumberColumn {
  constructor(values, boolean) {
    Object.assign(this, { kind: boolean ? "boolean" : "number", values, length: values.length });
  }
  at(row) { const value = this.values[row]; return Number.isNaN(value) ? null : value; }
}

/** The columns of a stream by name. Throws where it is cut off or holds another type. */
export function read(buffer) {
  const view = new DataView(buffer);
  const [dictionaries, parts] = [new Map(), new Map()];
  let [at, fields] = [0, null];
  while (at + 8 <= buffer.byteLength) {
    const length = view.getInt32(at + 4, true);
    if (view.getUint32(at, true) !== 0xffffffff) throw new Error("No Arrow stream.");
    if (length === 0) break;
    const message = new Table(new DataView(buffer, at + 8, length), new DataView(buffer, at + 8).getInt32(0, true));
    const body = at + 8 + length;
    at = body + message.long(3);
    if (at > buffer.byteLength) throw new Error("The Arrow stream is cut off.");
    const header = message.table(2);
    if (message.byte(1) === 1) fields = header.tables(1).map(fieldOf);
    if (message.byte(1) === 2) readDictionary(header, fields, buffer, body, dictionaries);
    if (message.byte(1) === 3) {
      for (const [name, part] of readBatch(header, fields, buffer, body)) {
        parts.set(name, [...(parts.get(name) ?? []), part]);
      }
    }
  }
  if (!fields) throw new Error("The Arrow stream has no schema.");
  return Object.fromEntries(fields.map((field) => [field.name, columnOf(field, parts.get(field.name) ?? [], dictionaries)]));
}

function fieldOf(table) {
  const type = table.table(3);
  const coded = table.table(4);
  const field = { name: table.text(0), kind: table.byte(2), width: 64, signed: true };
  const shape = coded ? coded.table(1) : field.kind === KIND.int ? type : null;
  if (shape) Object.assign(field, { width: shape.int(0), signed: shape.byte(1) !== 0 });
  if (field.kind === KIND.float) field.width = [16, 32, 64][type.short(0)];
  if (field.kind === KIND.date && type.place(0) && type.short(0) === 0) field.width = 32;
  if (field.kind === KIND.time) field.width = type.place(1) ? type.int(1) : 32;
  return { ...field, dictionary: coded ? coded.long(0) : null };
}

function readDictionary(header, fields, buffer, body, dictionaries) {
  const id = header.long(0);
  const field = { ...fields.find((one) => one.dictionary === id), dictionary: null };
  const [[, part]] = readBatch(header.table(1), [field], buffer, body);
  const column = columnOf(field, [part], dictionaries);
  const values = Array.from({ length: column.length }, (_, row) => String(column.at(row)));
  dictionaries.set(id, header.byte(2) ? [...(dictionaries.get(id) ?? []), ...values] : values);
}

/** For each field its length, null bits and buffers. */
function readBatch(header, fields, buffer, body) {
  if (header.table(3)) throw new Error("The Arrow stream is compressed.");
  const long = (at) => Number(header.view.getBigInt64(at, true));
  const nodes = header.entries(1, 16);
  const spots = header.entries(2, 16).map((at) => [body + long(at), long(at + 8)]);
  let next = 0;
  return fields.map((field, i) => {
    const [length, nulls] = [long(nodes[i]), long(nodes[i] + 8)];
    const wide = field.dictionary === null && (field.kind === KIND.utf8 || field.kind === KIND.largeUtf8);
    const own = field.kind === KIND.null ? [] : spots.slice(next, (next += wide ? 3 : 2));
    const valid = nulls && own.length ? new Uint8Array(buffer, own[0][0], own[0][1]) : null;
    return [field.name, { length, valid, buffer, spots: own.slice(1) }];
  });
}

function columnOf(field, parts, dictionaries) {
  const coded = () => new Int32Array(joined(parts.map((part) => numbers(field, part, -1)), Float64Array));
  if (field.dictionary !== null) return new CodeColumn(coded(), dictionaries.get(field.dictionary) ?? []);
  if (field.kind === KIND.utf8 || field.kind === KIND.largeUtf8) return textOf(field, parts);
  return new NumberColumn(joined(parts.map((part) => numbers(field, part)), Float64Array), field.kind === KIND.bool);
}

function joined(arrays, Empty) {
  if (arrays.length <= 1) return arrays[0] ?? new Empty(0);
  const same = arrays.every((one) => one.constructor === arrays[0].constructor);
  const all = new (same ? arrays[0].constructor : Empty)(arrays.reduce((sum, one) => sum + one.length, 0));
  arrays.reduce((at, one) => { all.set(one, at); return at + one.length; }, 0);
  return all;
}

/** The numbers of a part; a copy where there are gaps, 64-bit integers or bits. */
function numbers(field, { length, valid, buffer, spots }, gap = NaN) {
  if (field.kind === KIND.null) return new Float64Array(length).fill(NaN);
  const raw = field.dictionary === null && field.kind === KIND.bool ? bits(buffer, spots[0], length) : typed(field, buffer, spots[0], length);
  if (!valid && !(raw instanceof BigInt64Array || raw instanceof BigUint64Array)) return raw;
  const values = new Float64Array(length);
  for (let row = 0; row < length; row++) values[row] = valid && !(valid[row >> 3] & (1 << (row & 7))) ? gap : Number(raw[row]);
  return values;
}

function bits(buffer, [at], length) {
  const [bytes, values] = [new Uint8Array(buffer, at, (length + 7) >> 3), new Uint8Array(length)];
  for (let row = 0; row < length; row++) values[row] = (bytes[row >> 3] >> (row & 7)) & 1;
  return values;
}

function typed(field, buffer, [at], length) {
  const real = field.kind === KIND.float && field.dictionary === null;
  if (real && field.width === 16) return Float32Array.from(typed({ kind: KIND.int, width: 16, dictionary: null }, buffer, [at], length), half);
  const Whole = field.signed
    ? { 8: Int8Array, 16: Int16Array, 32: Int32Array, 64: BigInt64Array }
    : { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array, 64: BigUint64Array };
  const Kind = (real ? { 32: Float32Array, 64: Float64Array } : Whole)[field.width];
  const readable = [KIND.int, KIND.float, KIND.date, KIND.time, KIND.timestamp, KIND.duration].includes(field.kind);
  if (!Kind || (!readable && field.dictionary === null)) throw new Error(`The column ${field.name} has a type that is not read here.`);
  const bytes = length * Kind.BYTES_PER_ELEMENT;
  return at % Kind.BYTES_PER_ELEMENT ? new Kind(buffer.slice(at, at + bytes)) : new Kind(buffer, at, length);
}

function half(bits) {
  const [sign, exponent, part] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return part ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + part / 1024) : 2 ** -14 * (part / 1024));
}

function textOf(field, parts) {
  const Offset = { ...field, kind: KIND.int, signed: true, width: field.kind === KIND.utf8 ? 32 : 64 };
  const [bytes, offsets, nulls] = [[], [new Float64Array(1)], []];
  let [start, rows] = [0, 0];
  for (const { length, valid, buffer, spots } of parts) {
    const own = new Float64Array(length + 1);
    if (length) typed(Offset, buffer, spots[0], length + 1).forEach((offset, row) => { own[row] = Number(offset); });
    const first = own[0];
    bytes.push(new Uint8Array(buffer, spots[1][0] + first, own[length] - first));
    offsets.push(own.subarray(1).map((offset) => offset - first + start));
    for (let row = 0; valid && row < length; row++) if (!(valid[row >> 3] & (1 << (row & 7)))) nulls.push(rows + row);
    start += own[length] - first;
    rows += length;
  }
  const valid = nulls.length ? new Uint8Array((rows + 7) >> 3).fill(255) : null;
  for (const row of nulls) valid[row >> 3] &= ~(1 << (row & 7));
  return new TextColumn(joined(bytes, Uint8Array), joined(offsets, Float64Array), valid);
}
