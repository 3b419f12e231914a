"""Decoding: every kind of pixel, every way to be broken, and the one resize."""

import hashlib
import io
import struct
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from make import chunk, encoded
from rara.errors import ImageError, OversizeError, ParameterError, RaraError
from rara.images.decode import SEVERAL, content_digest, decode, decode_noted, resize

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
FORMATS = ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "QOI"]


def noise(width=40, height=30, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def png_header(width, height):
    """A PNG that promises so many pixels and holds none."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


# -- formats ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_rgb_of_the_same_size(kind):
    image = decode(encoded(Image.new("RGB", (12, 7), GREEN), kind))
    assert (image.mode, image.size) == ("RGB", (12, 7))
    assert np.abs(np.asarray(image).astype(int) - GREEN).max() <= 4


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "QOI"])
def test_lossless_formats_keep_every_pixel(kind):
    image = noise()
    assert decode(encoded(image, kind)).tobytes() == image.tobytes()


def test_ghostscript_is_never_run(monkeypatch):
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_, **__: pytest.fail("it ran"))
    with pytest.raises(ImageError, match=r"not an image: starts with b'%!PS"):
        decode(encoded(Image.new("RGB", (4, 4)), "EPS"))


# -- orientation ------------------------------------------------------------------------

# Where the top left pixel of a 3 x 2 image ends up, and the size after.
ORIENTATIONS = {
    1: ((0, 0), (3, 2)),
    2: ((2, 0), (3, 2)),
    3: ((2, 1), (3, 2)),
    4: ((0, 1), (3, 2)),
    5: ((0, 0), (2, 3)),
    6: ((1, 0), (2, 3)),
    7: ((1, 2), (2, 3)),
    8: ((0, 2), (2, 3)),
}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(kind, orientation):
    image = Image.new("RGB", (3, 2))
    image.putpixel((0, 0), RED)
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = decode(
        encoded(image, kind, exif=exif, **{"lossless": True} if kind == "WEBP" else {})
    )
    place, size = ORIENTATIONS[orientation]
    assert upright.size == size
    assert upright.getpixel(place) == RED


def test_a_turned_jpeg_is_turned_once_even_if_decoded_twice():
    exif = Image.Exif()
    exif[0x0112] = 6
    once = decode(encoded(Image.new("RGB", (16, 8)), "JPEG", exif=exif))
    assert once.size == (8, 16)
    assert decode(once).size == (8, 16)


def test_unreadable_exif_is_no_obstacle_and_no_warning():
    tag = struct.pack("<HHII", 0x0112, 3, 9000, 0xFFFF)  # more values than there are bytes
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00" + struct.pack("<H", 1) + tag + bytes(4)
    assert decode(encoded(Image.new("RGB", (16, 8)), "JPEG", exif=exif)).size == (16, 8)


# -- colours ----------------------------------------------------------------------------


def test_cmyk_jpeg():
    ink = Image.new("CMYK", (8, 8), (0, 255, 255, 0))  # magenta and yellow make red
    assert np.abs(np.asarray(decode(encoded(ink, "JPEG"))).astype(int) - RED).max() <= 6


def test_cmyk_and_lab_tiff():
    assert decode(encoded(Image.new("CMYK", (2, 2), (255, 0, 0, 0)), "TIFF")).getpixel((0, 0)) == (
        0,
        255,
        255,
    )
    assert (
        decode(encoded(Image.new("YCbCr", (2, 2), (255, 128, 128)), "TIFF")).getpixel((0, 0))
        == WHITE
    )


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bit_grey_keeps_the_high_byte(kind):
    deep = np.array([[0, 255, 256, 0x1234], [0x7FFF, 0x8000, 0xFF00, 0xFFFF]], dtype=np.uint16)
    image = decode(encoded(Image.fromarray(deep), kind))
    assert np.asarray(image)[..., 0].tolist() == [[0, 0, 1, 0x12], [0x7F, 0x80, 0xFF, 0xFF]]
    assert np.array_equal(np.asarray(image), np.asarray(decode(deep)))


def test_sixteen_bit_rgb_png_agrees_with_grey():
    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    pixels = b"\x00" + struct.pack(">HHH", 0x1234, 0x80FF, 0xFFFF)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels))
    assert decode(png + chunk(b"IEND", b"")).getpixel((0, 0)) == (0x12, 0x80, 0xFF)


def test_float_tiff():
    values = np.array([[0, 0.5, 1]], dtype=np.float32)
    image = decode(encoded(Image.fromarray(values), "TIFF"))
    assert np.asarray(image)[0, :, 0].tolist() == [0, 128, 255]
    with pytest.raises(ImageError, match=r"float pixels from -3 to 812, not from 0 to 1"):
        decode(encoded(Image.fromarray(np.array([[-3, 812]], dtype=np.float32)), "TIFF"))


def test_32_bit_integers_are_sixteen_or_refused():
    image = decode(encoded(Image.fromarray(np.array([[0, 0x8000]], dtype=np.int32)), "TIFF"))
    assert np.asarray(image)[0, :, 0].tolist() == [0, 0x80]
    with pytest.raises(ImageError, match=r"32-bit pixels from 0 to 70000"):
        decode(encoded(Image.fromarray(np.array([[0, 70_000]], dtype=np.int32)), "TIFF"))


def test_one_bit():
    image = Image.fromarray(np.array([[True, False, True]]))
    assert np.asarray(decode(encoded(image)))[0, :, 0].tolist() == [255, 0, 255]


def palette_image():
    image = Image.new("P", (3, 1))
    image.putpalette([*RED, *GREEN, *BLUE])
    image.putdata([0, 1, 2])
    return image


def colours(image):
    return [image.getpixel((x, 0)) for x in range(image.width)]


def test_palette_and_its_transparency():
    assert colours(decode(encoded(palette_image()))) == [RED, GREEN, BLUE]
    assert colours(decode(encoded(palette_image(), transparency=1))) == [RED, WHITE, BLUE]
    half = decode(encoded(palette_image(), transparency=bytes([255, 0, 128])))
    assert colours(half) == [RED, WHITE, (127, 127, 255)]


def test_a_transparent_colour_without_an_alpha_channel():
    image = Image.new("RGB", (2, 1), BLUE)
    image.putpixel((1, 0), GREEN)
    assert colours(decode(encoded(image, transparency=GREEN))) == [BLUE, WHITE]
    assert colours(decode(encoded(Image.new("L", (1, 1), 9), transparency=9))) == [WHITE]


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGBA", (255, 0, 0, 0), WHITE),
        ("RGBA", (255, 0, 0, 255), RED),
        ("RGBA", (0, 0, 0, 51), (204, 204, 204)),
        ("LA", (0, 0), WHITE),
        ("LA", (0, 102), (153, 153, 153)),
    ],
)
def test_alpha_lies_on_white(mode, colour, expected):
    assert decode(encoded(Image.new(mode, (2, 2), colour))).getpixel((1, 1)) == expected


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_an_animation(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    with Image.open(io.BytesIO(data)) as animation:
        assert animation.n_frames == 3
    assert decode(data).getpixel((4, 4)) == RED


def test_the_first_picture_of_a_multi_picture_jpeg():
    second = Image.new("RGB", (16, 16), BLUE)
    data = encoded(Image.new("RGB", (8, 8), RED), "MPO", save_all=True, append_images=[second])
    image = decode(data)
    assert image.size == (8, 8)
    assert np.abs(np.asarray(image).astype(int) - RED).max() <= 6


# -- arrays and PIL images --------------------------------------------------------------


def test_arrays_of_every_shape():
    grey = np.array([[7, 9]], dtype=np.uint8)
    assert colours(decode(grey)) == colours(decode(grey[..., None])) == [(7,) * 3, (9,) * 3]
    assert colours(decode(np.array([[RED, BLUE]], dtype=np.uint8))) == [RED, BLUE]
    assert colours(decode(np.array([[(*RED, 0), (*BLUE, 255)]], dtype=np.uint8))) == [WHITE, BLUE]
    assert colours(decode(np.array([[False, True]]))) == [(0, 0, 0), WHITE]


def test_arrays_need_not_be_contiguous():
    pixels = np.asarray(noise())
    assert decode(pixels[::-2, ::3]).tobytes() == pixels[::-2, ::3].tobytes()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_arrays_are_rounded(dtype):
    values = np.array([[0, 0.25, 0.5, 1]], dtype=dtype)
    assert np.asarray(decode(values))[0, :, 0].tolist() == [0, 64, 128, 255]


def test_rounding_errors_of_floats_are_forgiven():
    values = np.array([[-1e-6, 1 + 1e-6]], dtype=np.float32)
    assert colours(decode(values)) == [(0, 0, 0), WHITE]


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.array([[-1.0, 1.0]]), r"from -1 to 1, not from 0 to 1; scale them with \(x \+ 1\) / 2"),
        (np.array([[0.0, 255.0]]), "from 0 to 255, not from 0 to 1; divide them by 255$"),
        (np.array([[0.5, np.nan]]), "from nan to nan"),
        (np.array([[0.5, np.inf]]), "to inf"),
        (np.zeros((3, 8, 9), np.uint8), r"channels last with .transpose\(1, 2, 0\)"),
        (np.zeros((8, 9, 2), np.uint8), r"array of shape \(8, 9, 2\)"),
        (np.zeros(5, np.uint8), r"array of shape \(5,\)"),
        (np.zeros((2, 2), np.int64), "array of int64: give uint8"),
        (np.zeros((2, 2), object), "array of object"),
        (np.zeros((0, 4), np.uint8), "no pixels: 4 x 0"),
    ],
)
def test_arrays_that_are_no_images(array, reason):
    with pytest.raises(ImageError, match=reason):
        decode(array)


def test_a_pil_image_is_left_as_it_was():
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    assert colours(decode(image)) == [WHITE, WHITE]
    assert image.mode == "RGBA"


# -- broken files -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", r"empty file \(0 bytes\)"),
        (b"hello", "not an image: starts with b'hello'"),
        (b"<!DOCTYPE html><html>", "not an image: starts with b'<!DOCTYPE html><'"),
        (b"\x89PNG\r\n\x1a\n", "damaged or truncated PNG: its header cannot be read"),
        (b"\xff\xd8\xff", "JPEG"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00", "HEIC or JPEG XL.*convert it to PNG"),
    ],
)
def test_what_is_no_image_is_named(data, reason):
    with pytest.raises(ImageError, match=reason):
        decode(data)


@pytest.mark.parametrize("kind", FORMATS)
def test_truncated_files_raise(kind):
    data = encoded(noise(64, 64), kind)
    for share in (0.02, 0.3, 0.6, 0.9):
        with pytest.raises(ImageError):
            decode(data[: int(len(data) * share)])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF"])
def test_truncation_is_called_so(kind):
    data = encoded(noise(64, 64), kind, **({"compression": "raw"} if kind == "TIFF" else {}))
    with pytest.raises(ImageError, match=f"^truncated {kind}$"):
        decode(data[: len(data) * 4 // 5])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FORMATS), st.data())
def test_damage_never_raises_anything_else(kind, data):
    image = bytearray(encoded(noise(16, 16), kind))
    for _ in range(data.draw(st.integers(1, 8))):
        image[data.draw(st.integers(0, len(image) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ImageError):
        assert decode(bytes(image), max_pixels=1_000_000).mode == "RGB"


# -- the limit --------------------------------------------------------------------------


def test_the_limit_is_checked_before_decoding_and_can_be_raised():
    with pytest.raises(OversizeError, match=r"^623 megapixels, over the limit of 128; .*--max-pix"):
        decode(png_header(35_000, 17_800))
    with pytest.raises(ImageError, match=r"truncated PNG") as caught:
        decode(png_header(35_000, 17_800), max_pixels=10**9)
    assert not isinstance(caught.value, OversizeError)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_limit_is_inclusive_for_every_format(kind):
    data = encoded(noise(20, 10), kind)
    assert decode(data, max_pixels=200).size == (20, 10)
    with pytest.raises(OversizeError):
        decode(data, max_pixels=199)
    with pytest.raises(OversizeError):  # more than twice: where Pillow itself would raise
        decode(data, max_pixels=50)


def test_arrays_and_pil_images_are_limited_too():
    with pytest.raises(OversizeError):
        decode(noise(20, 10), max_pixels=199)
    with pytest.raises(OversizeError):
        decode(np.zeros((20, 10), np.uint8), max_pixels=199)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("limit", [1, 120, None])
def test_pillows_own_limit_does_not_matter(kind, limit, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    assert decode(encoded(noise(20, 10), kind)).size == (20, 10)
    assert limit == Image.MAX_IMAGE_PIXELS


def test_the_process_is_left_as_it_was_by_many_threads():
    good, bad = encoded(noise(), "JPEG"), encoded(noise(), "JPEG")[:300]
    limit, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)

    def work(number):
        try:
            decode(bad if number % 3 else good, max_pixels=1000 + number)
        except ImageError:
            return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(400)))
    assert limit == Image.MAX_IMAGE_PIXELS
    assert list(warnings.filters) == filters


def test_warnings_of_others_are_heard_while_a_thread_decodes(monkeypatch):
    decoding, heard = threading.Event(), threading.Event()

    def slow_load(_):
        decoding.set()
        heard.wait(10)
        warnings.warn("from the decoder", stacklevel=1)

    image = noise()
    monkeypatch.setattr(type(image), "load", slow_load)
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(decode, image)
        decoding.wait(10)
        with pytest.warns(UserWarning, match=r"from the main thread"):
            warnings.warn("from the main thread", stacklevel=1)
        heard.set()
        assert result.result().size == image.size


def test_too_little_memory_is_no_fault_of_the_image(monkeypatch):
    def load(_):
        raise MemoryError

    image = noise()
    monkeypatch.setattr(type(image), "load", load)
    with pytest.raises(OversizeError, match="not enough memory"):
        decode(image)


# -- resize and digest ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "fit", "digest"),
    [
        ((16, 16), "stretch", "39d8adfdb5c80d7d512eff5feba0fbdfa93b25927d4f054e40f563894569208c"),
        ((16, 16), "crop", "8364bd272494843a899a06ebf1f37f3e90c33f92767854a7c260bdf72d40b2fd"),
        ((101, 90), "stretch", "fb82f4c9313afdf20c88770fe235be034e2b5cae7eef007c3d3fa57ad4960d19"),
        ((101, 90), "crop", "67099ade2774e0cea4b07f9e34ab301c809f5cbb0ced3e7d9486858f46d36f97"),
    ],
)
def test_resize_gives_these_bytes_everywhere(size, fit, digest):
    image = resize(noise(53, 37, seed=7), size, fit=fit)
    assert image.size == size
    assert hashlib.sha256(image.tobytes()).hexdigest() == digest


def test_resize_is_antialiased():
    stripes = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (64, 32)))
    small = np.asarray(resize(stripes, (8, 8), fit="stretch")).astype(int)
    assert np.abs(small - 128).max() <= 8


def test_crop_keeps_the_middle():
    image = Image.new("RGB", (30, 10), RED)
    image.paste(GREEN, (10, 0, 20, 10))
    assert resize(image, (10, 10), fit="crop").getcolors() == [(100, GREEN)]
    tall = image.transpose(Image.Transpose.ROTATE_90)
    assert resize(tall, (10, 10), fit="crop").getcolors() == [(100, GREEN)]


def test_an_unknown_fit_is_refused():
    with pytest.raises(ParameterError, match=r"fit='pad': give 'stretch' or 'crop'"):
        resize(noise(), (4, 4), fit="pad")


def test_the_digest_of_bytes_is_their_sha256():
    assert content_digest(b"abc") == hashlib.sha256(b"abc").hexdigest()


def test_digests_tell_apart_what_decodes_differently():
    turned = palette_image()
    turned.getexif()[0x0112] = 6
    transparent, recoloured = palette_image(), palette_image()
    transparent.info["transparency"] = 1
    recoloured.putpalette([*GREEN, *GREEN, *BLUE])
    pixels = np.zeros((4, 6), np.uint8)
    payloads = [
        pixels,
        pixels.T,
        pixels[..., None],
        pixels.astype(np.uint16),
        Image.fromarray(pixels),
        Image.fromarray(pixels).convert("RGB"),
        palette_image(),
        turned,
        transparent,
        recoloured,
        pixels.tobytes(),
    ]
    assert len({content_digest(payload) for payload in payloads}) == len(payloads)


def test_digests_do_not_depend_on_layout_in_memory():
    pixels = np.arange(24, dtype=np.uint16).reshape(4, 6)
    expected = content_digest(pixels)
    assert content_digest(np.asfortranarray(pixels)) == expected
    assert content_digest(pixels.astype(">u2")) == expected
    assert content_digest(np.repeat(pixels, 2, axis=0)[::2]) == expected


def test_objects_have_no_digest():
    with pytest.raises(RaraError, match=r"Python objects"):
        content_digest(np.array([[object()]]))


# -- text beside whole pixels, and negatives ----------------------------------------------


@pytest.mark.parametrize("mark", [b"IDAT", b"IEND"])
@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"tEXt"])
def test_long_text_in_a_png_does_not_hide_its_pixels(mark, kind):
    image, text = noise(), bytes(2_000_000)
    head = {b"zTXt": b"workflow\0\0", b"iTXt": b"workflow\0\1\0\0\0", b"tEXt": b"workflow\0"}
    body = head[kind] + (b"x" * len(text) if kind == b"tEXt" else zlib.compress(text))
    data = encoded(image)
    at = data.index(mark) - 4
    assert decode(data[:at] + chunk(kind, body) + data[at:]).tobytes() == image.tobytes()


# Pillow refuses to open the fourth combination
@pytest.mark.parametrize(("order", "photometric"), [("<", 0), ("<", 1), (">", 1)])
def test_a_tiff_of_sixteen_bits_where_white_is_zero_is_no_negative(order, photometric):
    pixels = np.array([[0, 0x1234, 0xFFFF]], dtype=order + "u2")
    tags = [(256, 3), (257, 1), (258, 16), (259, 1), (262, photometric), (273, 122)]
    tags += [(277, 1), (278, 1), (279, 6)]
    packed = b"".join(struct.pack(order + "HHIHH", tag, 3, 1, value, 0) for tag, value in tags)
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HIH", 42, 8, len(tags))
    data = head + packed + bytes(4)
    data = data.ljust(122, b"\0") + pixels.tobytes()
    want = [0, 0x12, 0xFF] if photometric else [0xFF, 0xED, 0]
    assert np.asarray(decode(data))[0, :, 0].tolist() == want
    with Image.open(io.BytesIO(data)) as image:
        assert np.asarray(decode(image))[0, :, 0].tolist() == want


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG", "WEBP"])
def test_it_is_noted_where_only_the_first_frame_is_read(kind):
    frames = [Image.effect_noise((20, 16), 50).convert("RGB") for _ in range(3)]
    whole, one = io.BytesIO(), io.BytesIO()
    frames[0].save(whole, kind, save_all=True, append_images=frames[1:])
    frames[0].save(one, kind)
    assert decode_noted(whole.getvalue()).note == SEVERAL
    assert decode_noted(one.getvalue()).note == ""
