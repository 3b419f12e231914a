"""Folders that somebody damaged or forged: every kind of change, made from a seed.

`damaged` changes bytes and files, so that a digest tells; `forged` changes what the manifest or a
part says and computes digests and seal anew, as anybody can.
"""

import hashlib
import io
import json
import os
import shutil

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from rara.storage.manifest import part_file, sealed_manifest


def manifest_in(folder):
    return json.loads((folder / "manifest.json").read_text())


def seal(folder, manifest):
    content = {k: v for k, v in manifest.items() if k not in ("format", "version", "seal")}
    (folder / "manifest.json").write_bytes(sealed_manifest(content))


def place_part(folder, name, data):
    """Put other bytes in place of a part, with the digest and the seal that belong to them."""
    manifest = manifest_in(folder)
    digest = hashlib.sha256(data).hexdigest()
    (folder / manifest["files"][name]["file"]).unlink(missing_ok=True)
    manifest["files"][name] |= {"file": part_file(name, digest), "sha256": digest}
    (folder / part_file(name, digest)).write_bytes(data)
    seal(folder, manifest)


def part(folder, name):
    return folder / manifest_in(folder)["files"][name]["file"]


# -- damage -----------------------------------------------------------------------------


def flipped(data, rng):
    if not data:
        return b"\0"
    at = int(rng.integers(len(data)))
    return data[:at] + bytes([data[at] ^ (1 << int(rng.integers(8)))]) + data[at + 1 :]


def truncated(data, rng):
    return data[: int(rng.integers(len(data) + 1))]


def longer(data, rng):
    return data + rng.bytes(int(rng.integers(1, 50)))


def emptied(data, rng):
    return b""


def noise(data, rng):
    return rng.bytes(len(data))


def swapped(data, rng):
    half = len(data) // 2
    return data[half:] + data[:half]


BYTES = (flipped, truncated, longer, emptied, noise, swapped)


def as_folder(path, rng):
    path.unlink()
    path.mkdir()


def as_pipe(path, rng):
    path.unlink()
    os.mkfifo(path)


def as_link_to_itself(path, rng):
    path.unlink()
    path.symlink_to(path)


def as_link(path, rng):
    """To the very same bytes, outside."""
    outside = path.parent.parent / f"outside-{path.name}"
    shutil.move(path, outside)
    path.symlink_to(outside)


def as_device(path, rng):
    path.unlink()
    path.symlink_to("/dev/zero")


def gone(path, rng):
    path.unlink()


FILES = (as_folder, as_pipe, as_link_to_itself, as_link, as_device, gone)


def damage(folder, rng):
    """One change to one file; says which."""
    files = sorted(path for path in folder.iterdir() if path.name != ".lock")
    path = files[int(rng.integers(len(files)))]
    if rng.random() < 0.75:
        change = BYTES[int(rng.integers(len(BYTES)))]
        path.write_bytes(change(path.read_bytes(), rng))
    else:
        change = FILES[int(rng.integers(len(FILES)))]
        change(path, rng)
    return f"{change.__name__} {path.name}"


# -- forgery: the manifest --------------------------------------------------------------

VALUES = (
    None, True, -1, 0, 3.5, 10**30, float("nan"), "", "x", "../../etc/passwd", "/etc/passwd",
    "a\0b", "\ud800", [], ["x"], {}, {"x": 1}, [[[]]], "-" * 5000,
)  # fmt: skip


def places(value, path=()):
    """Every place in nested dicts and lists."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in inner:
        yield (*path, key)
        if isinstance(one, dict | list):
            yield from places(one, (*path, key))


def forge_value(folder, rng):
    manifest = manifest_in(folder)
    found = [path for path in places(manifest) if path != ("seal",)]
    path = found[int(rng.integers(len(found)))]
    *outer, last = path
    target = manifest
    for key in outer:
        target = target[key]
    value = VALUES[int(rng.integers(len(VALUES)))]
    if rng.random() < 0.2 and isinstance(target, dict):
        del target[last]
        value = "deleted"
    else:
        target[last] = value
    raw_seal(folder, manifest)
    return f"{'.'.join(map(str, path))} = {str(value)[:30]!r}"


def raw_seal(folder, manifest):
    """A seal for any content, with what `json` itself does not write as UTF-8 escaped."""
    manifest = {k: v for k, v in manifest.items() if k != "seal"}
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({**manifest, "seal": digest}))


def forge_name(folder, rng):
    """A part under a name that leaves the folder, with the right digest."""
    manifest = manifest_in(folder)
    name = sorted(manifest["files"])[int(rng.integers(len(manifest["files"])))]
    file = folder / manifest["files"][name]["file"]
    outside = folder.parent / file.name
    shutil.copy(file, outside)
    choice = int(rng.integers(3))
    manifest["files"][name]["file"] = (f"../{file.name}", str(outside), f"./{file.name}")[choice]
    raw_seal(folder, manifest)
    return f"name {choice} of {name}"


# -- forgery: the parts -----------------------------------------------------------------


def npy(array, **header):
    file = io.BytesIO()
    told = {
        "descr": np.lib.format.dtype_to_descr(array.dtype),
        "fortran_order": False,
        "shape": array.shape,
        **header,
    }
    np.lib.format.write_array_header_1_0(file, told)
    return file.getvalue() + np.ascontiguousarray(array).tobytes()


def objects(array, rng):
    file = io.BytesIO()
    np.save(file, np.array([{"a": 1}] * 3, dtype=object), allow_pickle=True)
    return file.getvalue()


def other_kind(array, rng):
    kinds = (
        np.float16,
        np.float32,
        np.float64,
        np.int8,
        np.int64,
        np.complex64,
        ">f4",
        "S4",
        "M8[s]",
    )
    return npy(array.astype(kinds[int(rng.integers(len(kinds)))]))


def other_shape(array, rng):
    shapes = [(0,), (-1,), array.shape[::-1], (*array.shape, 1), (10**12, 10**6), (2**63,), ()]
    return npy(array, shape=shapes[int(rng.integers(len(shapes)))])


def fewer_rows(array, rng):
    return npy(array[:-1])


def in_columns(array, rng):
    return npy(array, fortran_order=True)


def not_finite(array, rng):
    array = array.copy()
    value = (np.nan, np.inf, -np.inf)[int(rng.integers(3))]
    most = value if array.dtype.kind == "f" else np.iinfo(array.dtype).max
    array.flat[int(rng.integers(array.size))] = most
    return npy(array)


def negative(array, rng):
    array = array.copy()
    array.flat[int(rng.integers(array.size))] = -7 if array.dtype.kind != "u" else 255
    return npy(array)


def long_header(array, rng):
    return b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535


ARRAYS = (
    objects, other_kind, other_shape, fewer_rows, in_columns, not_finite, negative, long_header,
)  # fmt: skip


def forge_array(folder, rng):
    names = sorted(n for n in manifest_in(folder)["files"] if n.endswith(".npy"))
    name = names[int(rng.integers(len(names)))]
    change = ARRAYS[int(rng.integers(len(ARRAYS)))]
    place_part(folder, name, change(np.load(part(folder, name)), rng))
    return f"{change.__name__} {name}"


def without_a_column(table, rng):
    return table.drop_columns([table.column_names[int(rng.integers(table.num_columns))]])


def another_column(table, rng):
    return table.append_column("extra", pa.nulls(len(table), pa.int8()))


def another_type(table, rng):
    at = int(rng.integers(table.num_columns))
    values = [pa.array([i] * 1) for i in (1.5, b"x", [1], {"a": 1}, True)]
    value = values[int(rng.integers(len(values)))]
    column = pa.concat_arrays([value] * len(table))
    return table.set_column(at, table.column_names[at], column)


def nulls(table, rng):
    at = int(rng.integers(table.num_columns))
    name = table.column_names[at]
    return table.set_column(at, pa.field(name, table.schema.types[at]), pa.nulls(
        len(table), table.schema.types[at]
    ))  # fmt: skip


def repeated_value(table, rng):
    at = int(rng.integers(table.num_columns))
    return table.set_column(at, table.column_names[at], table[at].take(pa.array([0] * len(table))))


def other_text(table, rng):
    names = [n for n in table.column_names if pa.types.is_string(table.schema.field(n).type)]
    name = names[int(rng.integers(len(names)))]
    texts = ("", "NaN", "[" * 100_000, "[1]", '{"a": {"b": 1}}', "../x", "done", "=x", "\x1b[31m")
    values = table[name].to_pylist()
    values[int(rng.integers(len(values)))] = texts[int(rng.integers(len(texts)))]
    return table.set_column(table.column_names.index(name), name, pa.array(values, pa.string()))


def more_rows(table, rng):
    return pa.concat_tables([table, table.slice(0, 1)])


def dictionary(table, rng):
    return table.set_column(0, table.column_names[0], table[0].dictionary_encode())


def twice(table, rng):
    return table.append_column(table.column_names[0], table[0])


def many_rows(table, rng):
    """A few thousand bytes that stand for millions of rows."""
    rows = 3_000_000
    first = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), pa.array(["x"]))
    return pa.table(dict.fromkeys(table.column_names, first))


TABLES = (
    without_a_column, another_column, another_type, nulls, repeated_value, other_text, more_rows,
    dictionary, twice,
)  # fmt: skip


def forge_table(folder, rng):
    change = TABLES[int(rng.integers(len(TABLES)))]
    forge_items(folder, lambda table: change(table, rng))
    return f"{change.__name__} items"


def forge_items(folder, change):
    table = change(parquet.ParquetFile(part(folder, "items.parquet")).read())
    file = io.BytesIO()
    parquet.write_table(table, file)
    place_part(folder, "items.parquet", file.getvalue())


FORGERIES = (forge_value, forge_value, forge_name, forge_array, forge_array, forge_table)


def forge(folder, rng):
    """One change with the right digests; says which."""
    return FORGERIES[int(rng.integers(len(FORGERIES)))](folder, rng)
