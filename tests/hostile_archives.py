"""Archives that damage, accident or malice made, from a seed; used by the tests of archives.

Each holds images of random bytes, so that every wrong byte shows. Left out is only what nobody
can see: other bytes of an image where the format has no checksum of them.
"""

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import warnings
import zipfile
from dataclasses import dataclass

import pyarrow as pa

BLOCK = tarfile.BLOCKSIZE
COMPRESSIONS = ("", ".gz", ".bz2", ".xz", ".zst")
SIZES = (0, 1, 10**6, 2**31 - 1, 2**31, 2**33, 10**14, 2**63, 10**19)
SHAPELESS = (b"5", b"12 path", b"8 path=x\n", b"0 =\n", b"99999999 size=1\n", b"\xff" * 9)
ODD_SIZES = ("", "-1", "1e3", "0x10", "1_000", "٣", "9" * 5000, " 5", "nan")


@dataclass(frozen=True)
class Hostile:
    """A file, what was done to it, and the images that were put in."""

    what: str
    suffix: str
    data: bytes
    images: tuple


def hostile(seed):
    """One archive; as many seeds in a row as there are kinds bring each kind once."""
    dice = random.Random(seed)
    kinds = (*tar_kinds(), *zip_kinds())
    what, make = kinds[seed % len(kinds)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # zipfile on repeated names
        suffix, data, images = make(dice)
    return Hostile(f"{what} (seed {seed})", suffix, data, tuple(images))


def tar_kinds():
    """Name and maker of each kind of tar, plain or compressed by what the dice say."""
    inside = {
        "a flipped bit in a header": flipped_header,
        "a cut anywhere": cut_inside,
        "a cut at a member's edge": cut_at_edge,
        "a size in a header": wrong_size,
        "a size in a pax header": wrong_pax_size,
        "a long name of any claimed size": claimed_text,
        "a pax header without form": shapeless_pax,
        "two tars": two_tars,
        "a tar and a cut one": tar_and_cut,
        "a tar and a damaged one": tar_and_damaged,
        "junk behind": junk_behind,
        "junk in front": junk_in_front,
        "zeros in front and behind": zeros_around,
        "sparse claims": sparse,
    }
    outside = {
        "a cut of the compressed file": cut_outside,
        "a flipped bit of the compressed file": flipped_outside,
        "two compressed files": two_compressed,
        "a compressed file and junk": compressed_and_junk,
    }
    return [
        *((what, packed(make)) for what, make in inside.items()),
        *outside.items(),
    ]


def zip_kinds():
    """The same for zips."""
    kinds = {
        "a flipped bit of a zip": flipped_zip,
        "a flipped bit in a zip's directory": flipped_directory,
        "a cut of a zip": cut_zip,
        "two zips": two_zips,
        "a zip and half of another": zip_and_half,
        "junk around a zip": junk_around_zip,
        "a wrong number in a zip's headers": wrong_zip_number,
        "a member that the directory leaves out": left_out_of_zip,
        "members over one another": overlapping,
        "a wrong number in a zip64 record": wrong_zip64,
    }
    return list(kinds.items())


# -- whole archives ---------------------------------------------------------------------


def pictures(dice, count=None):
    """Random bytes under the names of images."""
    count = dice.randint(1, 6) if count is None else count
    return [
        (f"{dice.choice(['', 'a/', 'b/c/'])}{number}.png", dice.randbytes(dice.randint(1, 3000)))
        for number in range(count)
    ]


def tar_of(members, dice=None):
    """A tar, and where each of its members begins."""
    dice = dice or random.Random(0)
    file = io.BytesIO()
    edges = []
    style = dice.choice([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    with tarfile.open(fileobj=file, mode="w", format=style) as tar:
        for name, data in members:
            edges.append(tar.offset)
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        edges.append(tar.offset)
    return file.getvalue(), edges


def zip_of(members, dice):
    """A zip of any of the four compressions."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members:
            archive.writestr(name, data, dice.choice([0, 8, 12, 14]))
    return file.getvalue()


def compressed(data, suffix):
    match suffix:
        case ".gz":
            return gzip.compress(data, 1)
        case ".bz2":
            return bz2.compress(data, 1)
        case ".xz":
            return lzma.compress(data, preset=0)
        case ".zst":
            sink = pa.BufferOutputStream()
            with pa.CompressedOutputStream(sink, "zstd") as stream:
                stream.write(data)
            return sink.getvalue().to_pybytes()
        case _:
            return data


def packed(make):
    """A maker of a damaged tar that is then compressed, so that no checksum shows it."""

    def both(dice):
        suffix = dice.choice(COMPRESSIONS)
        data, images = make(dice)
        return f".tar{suffix}", compressed(data, suffix), images

    return both


# -- damage inside a tar ----------------------------------------------------------------


def header(name, size, *, kind=tarfile.REGTYPE, number=None):
    """One block with a right checksum, whatever else it claims."""
    member = tarfile.TarInfo(name)
    member.type = kind
    member.size = size if size < 2**62 else 0
    block = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    if number is not None:
        block[124:136] = number
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data):
    return data + bytes(-len(data) % BLOCK)


def pax(records):
    text = b""
    for keyword, value in records:
        body = f" {keyword}={value}\n".encode()
        length = next(n for n in range(len(body), len(body) + 9) if n == len(body) + len(str(n)))
        text += str(length).encode() + body
    return header("pax", len(text), kind=tarfile.XHDTYPE) + padded(text)


def flip(dice, data, first, last):
    at = dice.randrange(first, last)
    return data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]


def flipped_header(dice):
    images = pictures(dice)
    data, edges = tar_of(images, dice)
    edge = dice.choice(edges[:-1])
    return flip(dice, data, edge, edge + BLOCK), images


def cut_inside(dice):
    images = pictures(dice)
    data, _ = tar_of(images, dice)
    return data[: dice.randrange(len(data))], images


def cut_at_edge(dice):
    images = pictures(dice)
    data, edges = tar_of(images, dice)
    return data[: dice.choice(edges)], images


def spoiled(dice, spoil):
    """A tar whose images one header spoils; it stands before one of them."""
    images = pictures(dice, 4)
    at = dice.randrange(4)
    before, edges = tar_of(images[:at])
    name, content = images[at]
    after, _ = tar_of(images[at + 1 :])
    return before[: edges[-1]] + spoil(name, content) + after, images


def wrong_size(dice):
    size, sign = dice.choice(SIZES), dice.choice([0x80, 0xFF])

    def spoil(name, data):
        number = struct.pack(">BxxxQ", sign, seen(size, data) % 2**64)
        return header(name, 0, number=number) + padded(data)

    return spoiled(dice, spoil)


def seen(size, data):
    """The size, or one that shows: within the same blocks nobody can tell a wrong one."""
    return size if len(padded(bytes(min(size, 9999)))) != len(padded(data)) else 10**14


def wrong_pax_size(dice):
    size = dice.choice([*SIZES, *ODD_SIZES])

    def spoil(name, data):
        claim = seen(size, data) if isinstance(size, int) else size
        return pax([("path", "pax.png"), ("size", claim)]) + header(name, len(data)) + padded(data)

    return spoiled(dice, spoil)


def claimed_text(dice):
    size = dice.choice([5, 600, 2**20 + 1, 2**31, 8 * 2**30 - 1])
    kind = dice.choice([tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE])
    claim = header("long", size, kind=kind)
    return spoiled(dice, lambda name, data: claim + header(name, len(data)) + padded(data))


def shapeless_pax(dice):
    text = dice.choice(SHAPELESS)
    block = header("pax", len(text), kind=tarfile.XHDTYPE) + padded(text)
    return spoiled(dice, lambda name, data: block + header(name, len(data)) + padded(data))


def two_tars(dice):
    first, second = pictures(dice), pictures(dice)
    return tar_of(first, dice)[0] + tar_of(second, dice)[0], first + second


def tar_and_cut(dice):
    first, second = pictures(dice), pictures(dice)
    data, _ = tar_of(second, dice)
    return tar_of(first, dice)[0] + data[: dice.randrange(1, len(data))], first + second


def tar_and_damaged(dice):
    first, second = pictures(dice), pictures(dice)
    data, edges = tar_of(second, dice)
    edge = dice.choice(edges[:-1])
    return tar_of(first, dice)[0] + flip(dice, data, edge, edge + BLOCK), first + second


def junk_behind(dice):
    images = pictures(dice)
    return tar_of(images, dice)[0] + dice.randbytes(dice.randint(1, 2000)), images


def junk_in_front(dice):
    images = pictures(dice)
    return dice.randbytes(dice.choice([1, 100, 512, 1024])) + tar_of(images, dice)[0], images


def zeros_around(dice):
    images = pictures(dice)
    around = bytes(dice.choice([1, 511, 512, 5120]))
    return around + tar_of(images, dice)[0] + around, images


def sparse(dice):
    size = dice.choice(SIZES)
    if dice.random() < 0.5:
        records = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0")]
        records.append(("GNU.sparse.realsize", str(size)))
        claim = pax(records)
        return spoiled(dice, lambda name, data: claim + header(name, len(data)) + padded(data))
    kind = tarfile.GNUTYPE_SPARSE
    return spoiled(dice, lambda name, data: header(name, len(data), kind=kind) + padded(data))


# -- damage of a compressed file --------------------------------------------------------


def whole_compressed(dice, suffixes=COMPRESSIONS[1:]):
    suffix = dice.choice(suffixes)
    images = pictures(dice)
    return f".tar{suffix}", compressed(tar_of(images, dice)[0], suffix), images


def cut_outside(dice):
    suffix, data, images = whole_compressed(dice)
    return suffix, data[: dice.randrange(len(data))], images


def flipped_outside(dice):
    suffix, data, images = whole_compressed(dice, COMPRESSIONS[1:4])  # pyarrow's zstd sums nothing
    return suffix, flip(dice, data, 0, len(data)), images


def two_compressed(dice):
    suffix, data, images = whole_compressed(dice)
    second = pictures(dice)
    return suffix, data + compressed(tar_of(second, dice)[0], suffix[4:]), images + second


def compressed_and_junk(dice):
    suffix, data, images = whole_compressed(dice)
    second = pictures(dice)
    other = compressed(tar_of(second, dice)[0], suffix[4:])
    broken = dice.choice([other[1:], other[: len(other) // 2], dice.randbytes(50)])
    return suffix, data + broken, images + second


# -- zips -------------------------------------------------------------------------------


def whole_zip(dice, count=None):
    images = pictures(dice, count)
    return zip_of(images, dice), images


def flipped_zip(dice):
    data, images = whole_zip(dice)
    return ".zip", flip(dice, data, 0, len(data)), images


def flipped_directory(dice):
    data, images = whole_zip(dice)
    return ".zip", flip(dice, data, data.index(b"PK\x01\x02"), len(data)), images


def cut_zip(dice):
    data, images = whole_zip(dice)
    return ".zip", data[: dice.randrange(len(data))], images


def two_zips(dice):
    (first, images), (second, more) = whole_zip(dice), whole_zip(dice)
    return ".zip", first + second, images + more


def zip_and_half(dice):
    (first, images), (second, more) = whole_zip(dice), whole_zip(dice)
    return ".zip", first + second[: dice.randrange(1, len(second))], images + more


def junk_around_zip(dice):
    data, images = whole_zip(dice)
    junk = dice.randbytes(dice.choice([1, 100, 70_000]))
    return ".zip", dice.choice([junk + data, data + junk, junk + data + junk]), images


ZIP_NUMBERS = (0, 1, 9, 97, 2**16 - 1, 2**31, 2**32 - 1)
LOCAL_FIELDS = ((4, "H"), (6, "H"), (8, "H"), (14, "I"), (18, "I"), (22, "I"), (26, "H"), (28, "H"))
LISTED_FIELDS = (
    *((6, "H"), (8, "H"), (10, "H"), (16, "I"), (20, "I"), (24, "I")),
    *((28, "H"), (30, "H"), (32, "H"), (34, "H"), (42, "I")),
)
END_FIELDS = ((4, "H"), (6, "H"), (8, "H"), (10, "H"), (12, "I"), (16, "I"), (20, "H"))


def wrong_zip_number(dice):
    data, images = whole_zip(dice)
    magic, fields = dice.choice(
        [(b"PK\x03\x04", LOCAL_FIELDS), (b"PK\x01\x02", LISTED_FIELDS), (b"PK\x05\x06", END_FIELDS)]
    )
    at, (offset, form) = data.index(magic), dice.choice(fields)
    number = dice.choice(ZIP_NUMBERS) % 2 ** (8 * struct.calcsize(form))
    spoiled_data = bytearray(data)
    struct.pack_into(f"<{form}", spoiled_data, at + offset, number)
    return ".zip", bytes(spoiled_data), images


def left_out_of_zip(dice):
    data, images = whole_zip(dice, 4)
    listed = data.index(b"PK\x01\x02")
    end = data.rindex(b"PK\x05\x06")
    entries = [b"PK\x01\x02" + entry for entry in data[listed:end].split(b"PK\x01\x02")[1:]]
    del entries[dice.randrange(4)]
    directory = b"".join(entries)
    count = dice.choice([3, 4])
    record = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(directory), listed, 0)
    return ".zip", data[:listed] + directory + record, images


def overlapping(dice):
    """The first member's packed bytes hold all other members."""
    images = [(f"{number}.png", dice.randbytes(500)) for number in range(4)]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in images:
            archive.writestr(name, content)
    data = bytearray(file.getvalue())
    size = data.index(b"PK\x01\x02") - 35
    for at in (18, 22, data.index(b"PK\x01\x02") + 20, data.index(b"PK\x01\x02") + 24):
        struct.pack_into("<I", data, at, size)
    return ".zip", bytes(data), images


def wrong_zip64(dice):
    images = pictures(dice, 3)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in images:
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(content)
    data = bytearray(file.getvalue())
    listed, end = data.index(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
    size = dice.choice([0, 3, 2**40, 2**63, 2**64 - 1])
    counts = dice.choice([(3, 3), (3, 9), (2**40, 2**40)])
    record = struct.pack(
        *("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, *counts),
        *(dice.choice([end - listed, size]), dice.choice([listed, size])),
    )
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, dice.choice([end, size]), 1)
    return ".zip", bytes(data[:end]) + record + locator + bytes(data[end:]), images
