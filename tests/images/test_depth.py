"""Sixteen-bit files that use few of their bits: the same pixels everywhere, or it is said."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from make import chunk
from rara.errors import ImageError
from rara.images.colours import TRANSPARENT
from rara.images.decode import DARK, ONE_COLOUR, content_digest, decode, decode_noted

RNG = np.random.default_rng(3)
EIGHT = RNG.integers(0, 256, (9, 7, 4), dtype=np.uint16)
EIGHT[0, 0] = 0
EIGHT[0, 1] = 255
TOLD = "16-bit pixels read as {}-bit, as no value needs more"

COLOURS = {"grey": [0], "grey and opacity": [0, 3], "rgb": [0, 1, 2], "rgba": [0, 1, 2, 3]}
KINDS = pytest.mark.parametrize("kind", COLOURS)


ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
ADAM7 += [(1, 0, 2, 1)]


def png(pixels, significant=None, *, interlaced=False):
    """A PNG of sixteen bits, with an sBIT where one is given."""
    height, width, channels = pixels.shape
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, interlaced))
    sbit = b"" if significant is None else chunk(b"sBIT", bytes([significant] * channels))
    passes = [pixels[a::c, b::d] for a, b, c, d in ADAM7] if interlaced else [pixels]
    lines = [line for part in passes if part.size for line in part.astype(">u2")]
    rows = b"".join(b"\0" + line.tobytes() for line in lines)
    data = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + sbit + data


def tiff(pixels, *, order="<", tags=(), compressed=False, negative=False, planes=False):
    """A TIFF of sixteen bits; `tags` are further numbers by their code."""
    height, width, channels = pixels.shape
    strips = np.moveaxis(pixels, 2, 0) if planes else [pixels]
    strips = [strip.astype(f"{order}u2").tobytes() for strip in strips]
    strips = [zlib.compress(strip) for strip in strips] if compressed else strips
    sizes = [len(strip) for strip in strips]
    colour = 2 if channels > 2 else 1 - negative
    entries = {256: [width], 257: [height], 258: [16] * channels, 259: [8 if compressed else 1]}
    entries |= {262: [colour], 273: [0] * len(strips), 277: [channels], 278: [height]}
    entries |= {279: sizes, 284: [1 + planes]}
    entries |= {338: [2]} if channels == 4 else {}
    entries |= {code: [value] * channels for code, value in dict(tags).items()}
    start = 8 + 2 + 12 * len(entries) + 4
    long = [code for code, numbers in entries.items() if len(numbers) > 2]
    places = {code: start + 8 * i for i, code in enumerate(long)}
    first = start + 8 * len(places)
    entries[273] = [first + sum(sizes[:i]) for i in range(len(sizes))]
    directory = struct.pack(f"{order}H", len(entries))
    for code, numbers in sorted(entries.items()):
        directory += struct.pack(f"{order}HHI", code, 3, len(numbers))
        packed = struct.pack(f"{order}{len(numbers)}H", *numbers).ljust(4, b"\0")
        directory += packed if code not in places else struct.pack(f"{order}I", places[code])
    lists = [entries[code] for code in long]
    beside = b"".join(struct.pack(f"{order}{len(v)}H", *v).ljust(8, b"\0") for v in lists)
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    return head + directory + bytes(4) + beside + b"".join(strips)


def on_white(pixels):
    """What eight-bit pixels of any of these kinds look like."""
    kind = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[pixels.shape[2]]
    narrow = np.ascontiguousarray(pixels.astype(np.uint8))
    size = (pixels.shape[1], pixels.shape[0])
    return np.asarray(decode(Image.frombytes(kind, size, narrow.tobytes())))


def read(data):
    made = decode_noted(data)
    return np.asarray(made.image), made.note


@KINDS
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("interlaced", [False, True])
def test_pngs_that_declare_nothing_are_read_by_their_values(kind, bits, interlaced):
    pixels = EIGHT[..., COLOURS[kind]]
    image, note = read(png(pixels << (bits - 8), interlaced=interlaced))
    assert np.array_equal(image, on_white(pixels))
    assert note == (TOLD.format(bits) if bits < 16 else "")


@pytest.mark.parametrize("kind", ["grey", "rgb", "rgba"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_tiffs_that_declare_nothing_are_read_by_their_values(kind, order, compressed, bits):
    pixels = EIGHT[..., COLOURS[kind]]
    image, note = read(tiff(pixels << (bits - 8), order=order, compressed=compressed))
    assert np.array_equal(image, on_white(pixels))
    assert note == (TOLD.format(bits) if bits < 16 else "")


@pytest.mark.parametrize("kind", ["grey", "rgb", "rgba"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_the_largest_value_that_a_tiff_declares_comes_first(kind, bits):
    pixels = EIGHT[..., COLOURS[kind]].copy()
    pixels[..., :3] >>= 4  # dark, whatever the depth
    pixels[0, 1] = 15
    data = tiff(pixels << (bits - 8), tags={281: (1 << bits) - 1})
    image, note = read(data)
    assert np.array_equal(image, on_white(pixels))
    assert TOLD[:11] not in note


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_other_formats_are_scaled_by_what_they_declare(bits):
    pixels = EIGHT[..., 0] >> 2
    head = f"P5 {pixels.shape[1]} {pixels.shape[0]} {(1 << bits) - 1}\n".encode()
    image, note = read(head + (pixels << (bits - 8)).astype(">u2").tobytes())
    assert np.abs(image[..., 0].astype(int) - pixels).max() <= 1  # it is scaled, not shifted
    assert note == ""


def test_the_largest_value_of_one_image_declares_nothing():
    pixels = EIGHT[..., :1] << 4
    largest = int(pixels.max())
    assert read(tiff(pixels, tags={281: largest}))[1] == TOLD.format(12)


def test_a_declaration_that_the_values_contradict_is_named():
    pixels = EIGHT[..., :1] << 8
    image, note = read(tiff(pixels, tags={281: 4095}))
    assert np.array_equal(image, on_white(EIGHT[..., :1]))
    assert note == "declares 12 bits, but uses 16 and is read so"


@KINDS
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("filled", ["zeros", "copies", "scaled"])
def test_a_png_that_declares_its_bits_and_scales_them_keeps_its_high_byte(kind, bits, filled):
    values = EIGHT[..., COLOURS[kind]].astype(np.uint32) << (bits - 8)
    values[..., :3] >>= 4  # a dark photo that is true
    spare = 16 - bits
    deep = {
        "zeros": values << spare,
        "copies": values << spare | values >> (bits - spare),
        "scaled": np.round(values * (65_535 / ((1 << bits) - 1))).astype(np.uint32),
    }[filled].astype(np.uint16)
    image, note = read(png(deep, bits))
    assert np.array_equal(image, on_white(deep >> 8))
    assert TOLD[:11] not in note
    if kind in ("grey", "rgb"):
        assert note == DARK


@KINDS
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_a_png_that_declares_its_bits_and_does_not_scale_them_is_read_and_named(kind, bits):
    pixels = EIGHT[..., COLOURS[kind]]
    low = RNG.integers(0, 1 << (bits - 8), pixels.shape, dtype=np.uint16)
    deep = pixels << (bits - 8) | low
    image, note = read(png(deep, bits))
    assert np.array_equal(image, on_white(pixels))
    assert note == TOLD.format(bits)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_a_negative_of_few_bits_is_no_negative(order, bits):
    pixels = EIGHT[..., :1]
    stored = ((1 << bits) - 1) - (pixels.astype(np.uint32) << (bits - 8))
    data = tiff(stored, order=order, negative=True)
    if order == ">":  # Pillow refuses to open it
        with pytest.raises(ImageError, match="a kind that Pillow cannot open"):
            read(data)
        return
    image, note = read(data)
    assert np.array_equal(image, on_white(pixels))
    assert note == (TOLD.format(bits) if bits < 16 else "")


def test_opacity_may_use_all_bits_where_colours_use_few():
    pixels = EIGHT << 4
    pixels[..., 3] = EIGHT[..., 3] << 8
    for data in (png(pixels), tiff(pixels)):
        image, note = read(data)
        assert np.array_equal(image, on_white(EIGHT))
        assert note == TOLD.format(12)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["rgb", "rgba"])
def test_colours_in_planes_are_read_right_or_refused(kind, order):
    pixels = EIGHT[..., COLOURS[kind]]
    packed = tiff(pixels << 8, order=order, planes=True, compressed=True)
    assert np.array_equal(read(packed)[0], on_white(pixels))
    for shift, compressed in ((8, False), (4, False), (4, True)):
        data = tiff(pixels << shift, order=order, planes=True, compressed=compressed)
        with pytest.raises(ImageError, match=r"in separate planes.*convert the image"):
            read(data)


def test_one_image_gives_the_same_pixels_by_every_way_in():
    grey = EIGHT[..., 0] << 4
    ways = [png(grey[..., None]), tiff(grey[..., None]), grey, Image.fromarray(grey)]
    ways += [Image.open(io.BytesIO(ways[0])), Image.open(io.BytesIO(ways[1]))]
    results = [read(way) for way in ways]
    assert all(np.array_equal(image, results[0][0]) for image, _ in results)
    assert {note for _, note in results} == {TOLD.format(12)}
    assert [content_digest(ways[4]) for _ in range(2)] == [content_digest(ways[4])] * 2


@pytest.mark.parametrize(
    ("payload", "note"),
    [
        (np.zeros((4, 5), np.uint8), ONE_COLOUR),
        (np.zeros((4, 5), np.uint16), ONE_COLOUR),
        (np.full((4, 5, 3), 200, np.uint8), ONE_COLOUR),
        (np.array([[0, 15]], np.uint8), DARK),
        (np.array([[0, 16]], np.uint8), ""),
        (np.zeros((4, 5, 4), np.uint8), TRANSPARENT),
        (Image.new("RGBA", (3, 3), (9, 9, 9, 0)), TRANSPARENT),
        (np.full((4, 5), 4000, np.uint16), f"{ONE_COLOUR}; {TOLD.format(12)}"),
        (np.eye(4, dtype=np.uint8), DARK),
        (np.pad([[200]], ((0, 98), (0, 98))).astype(np.uint8), ""),
        (np.pad([[9]], ((98, 0), (98, 0))).astype(np.uint8), DARK),
        (np.eye(4, dtype=bool), ""),
    ],
)
def test_what_there_is_to_say_of_an_image(payload, note):
    assert read(payload)[1] == note
