"""Small files that would take hours or gigabytes are refused before they are decoded."""

import io
import struct
import time
import zlib
from contextlib import suppress

import pytest
from PIL import Image

from make import chunk
from rara.errors import ImageError
from rara.images.decode import decode
from rara.images.screening import MOST_SCANS, MOST_SEGMENTS, scans


def jpeg(size=(40, 30), **options):
    buffer = io.BytesIO()
    Image.effect_noise(size, 50).convert("RGB").save(buffer, "JPEG", **options)
    return buffer.getvalue()


def with_scans(more):
    data = jpeg(progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * more + b"\xff\xd9"


def with_segments(count, body=b"Exif\0\0" + bytes(40)):
    data = jpeg()
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(body)) + body
    return data[:2] + segment * count + data[2:]


def test_scans_are_counted_as_the_encoder_wrote_them():
    assert scans(jpeg()) == 1
    usual = scans(jpeg(progressive=True))
    assert 5 < usual < 20
    assert scans(with_scans(7)) == usual + 7


def test_a_jpeg_of_too_many_scans_is_refused():
    usual = scans(jpeg(progressive=True))
    assert decode(with_scans(MOST_SCANS - usual)).size == (40, 30)
    with pytest.raises(ImageError, match=r"^JPEG with over 100 scans"):
        decode(with_scans(MOST_SCANS - usual + 1))


@pytest.mark.parametrize("where", ["comment", "after the end"])
def test_what_only_looks_like_scans_is_none(where):
    looks = b"\xff\xda" * 1000
    data = jpeg()
    comment = b"\xff\xfe" + struct.pack(">H", 2 + len(looks)) + looks
    data = data[:2] + comment + data[2:] if where == "comment" else data + looks
    assert decode(data).size == (40, 30)


def test_a_jpeg_of_too_many_segments_is_refused_at_once():
    assert decode(with_segments(MOST_SEGMENTS - 20)).size == (40, 30)
    begun = time.process_time()
    with pytest.raises(ImageError, match=r"^JPEG with over 5000 segments"):
        decode(with_segments(90_000, b"Exif\0\0" + bytes(100)))
    assert time.process_time() - begun < 3


def test_pixels_with_many_marks_are_no_segments():
    data = jpeg((2000, 1500), quality=100)
    assert data.count(b"\xff") > MOST_SEGMENTS
    assert decode(data).size == (2000, 1500)


def test_padding_before_a_marker_is_no_segment():
    data = jpeg()
    assert decode(data[:2] + b"\xff" * 30_000 + data[2:]).size == (40, 30)


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_a_bomb_beside_the_pixels_takes_no_memory(kind):
    head = b"x\0\1\0\0\0" if kind == b"iTXt" else b"x\0\0"
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30)).save(buffer, "PNG")
    data = buffer.getvalue()
    bomb = chunk(kind, head + zlib.compress(bytes(50_000_000)))
    begun = time.process_time()
    with suppress(ImageError):  # no other one
        assert decode(data[:33] + bomb + data[33:]).size == (40, 30)
    assert time.process_time() - begun < 3


@pytest.mark.parametrize(
    "start", [b"%!PS-Adobe-3.0 EPSF-3.0", b"%PDF-1.7", b"<svg", b"\xd7\xcd\xc6\x9a"]
)
def test_formats_that_start_programs_are_not_opened(start):
    with pytest.raises(ImageError, match=r"^not an image"):
        decode(start + bytes(200))


# -- files that a copy has cut or zeroed -------------------------------------------------


def noisy_png(mode="RGB"):
    buffer = io.BytesIO()
    Image.effect_noise((48, 48), 50).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_a_png_is_whole_or_refused(mode):
    data = noisy_png(mode)
    assert decode(data).size == (48, 48)
    start = data.index(b"IDAT")
    for at in range(start + 4, len(data) - 16, 97):  # Pillow reads some of these as if whole
        for damaged in (data[:at] + bytes(len(data) - at), data[:at] + b"\xff" + data[at + 1 :]):
            if damaged != data:
                with pytest.raises(ImageError, match=r"PNG"):
                    decode(damaged)
        with pytest.raises(ImageError):
            decode(data[:at])


def test_a_png_whose_text_alone_is_damaged_is_read():
    data = noisy_png()
    text = bytearray(chunk(b"tEXt", b"Comment\0hello"))
    text[-1] ^= 1
    assert decode(data[:33] + bytes(text) + data[33:]).size == (48, 48)


def test_a_png_with_a_huge_colour_profile_is_read():
    """Profiles are ignored, so that the size of one is no reason to skip the image."""
    data = noisy_png()
    profile = chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(40 << 20)))
    image = decode(data[:33] + profile + data[33:])
    assert image.tobytes() == decode(data).tobytes()
