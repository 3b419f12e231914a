"""Memory while images are read: one budget for all threads, and no whole copies on the way."""

import io
import struct
import threading
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from embedding import Images, Means
from make import chunk, encoded
from rara.errors import ImageError, OversizeError, ParameterError
from rara.features.embed import embed
from rara.images.decode import content_digest, decode, decode_noted
from rara.images.footprint import bytes_to_decode
from rara.images.memory_budget import MemoryBudget
from rara.images.strips import STRIP, arrays, assembled, by_strips, strips
from rara.run import DEFAULT_MAX_PIXELS
from rara.sources.base import Item

MEGABYTE = 10**6


class Watched:
    """An admit that remembers what it was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, wanted):
        self.asked.append(wanted)


# -- the budget -------------------------------------------------------------------------


def test_shares_never_exceed_the_total_and_all_get_their_turn():
    budget = MemoryBudget(1000)  # 250 of them for what waits
    rng = np.random.default_rng(0)
    held, most, lock = 0, 0, threading.Lock()

    def work(wanted):
        nonlocal held, most
        with budget.share() as share:
            share.take(wanted)
            with lock:
                held += wanted
                most = max(most, held)
            time.sleep(0.001)
            with lock:
                held -= wanted

    threads = [threading.Thread(target=work, args=(int(n),)) for n in rng.integers(1, 400, 60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert 400 < most <= 750
    assert held == 0


def test_what_is_larger_than_the_budget_gets_its_turn_alone():
    budget = MemoryBudget(100, most=1000)
    order, begun = [], threading.Event()

    def small():
        with budget.share() as share:
            begun.set()
            share.take(10)
            order.append("small")

    with budget.share() as share:
        share.take(900)
        thread = threading.Thread(target=small)
        thread.start()
        begun.wait(10)
        time.sleep(0.05)
        order.append("large")
    thread.join(10)
    assert order == ["large", "small"]


def test_a_large_one_is_not_overtaken_for_ever():
    budget = MemoryBudget(100, most=1000)
    order = []

    def take(name, wanted):
        with budget.share() as share:
            share.take(wanted)
            order.append(name)

    with budget.share() as first:
        first.take(50)
        threads = []
        for name, wanted in (("large", 500), ("small", 10)):
            threads.append(threading.Thread(target=take, args=(name, wanted)))
            threads[-1].start()
            time.sleep(0.05)
        assert order == []
    for thread in threads:
        thread.join(10)
    assert order == ["large", "small"]


def test_what_the_machine_has_not_is_refused_and_names_the_option():
    budget = MemoryBudget(100, most=10**9)
    with budget.share() as share, pytest.raises(OversizeError, match=r"takes 3 GB .*--memory"):
        share.take(3 * 10**9)
    with budget.share() as share:
        share.take(10)  # a refusal holds nothing up
    assert MemoryBudget(5 * 10**9, most=10).ahead == 5 * 10**9 // 4


def test_a_share_is_given_back_after_an_error():
    budget = MemoryBudget(100, most=100)
    for _ in range(3):
        with pytest.raises(OversizeError), budget.share() as share:
            refusing(share.take(100))


# -- what an image asks for -------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "QOI"])
def test_an_image_asks_once_before_its_pixels_are_decoded(kind):
    data = encoded(Image.effect_noise((50, 40), 50).convert("RGB"), kind)
    watched = Watched()
    decode(data, admit=watched)
    assert len(watched.asked) == 1
    assert watched.asked[0] >= 8 * 50 * 40 + len(data)
    with pytest.raises(OversizeError, match="no room"):
        decode(
            data if kind in ("PNG", "WEBP") else data[:-20], admit=refusing
        )  # no matter what follows


def refusing(_):
    raise OversizeError("no room")


def test_arrays_and_pil_images_ask_too():
    for payload in (np.zeros((40, 50), np.uint8), Image.new("F", (50, 40))):
        watched = Watched()
        decode(payload, admit=watched)
        assert len(watched.asked) == 1
        assert watched.asked[0] >= 8 * 50 * 40


def test_the_digest_of_a_pil_image_asks_before_it_decodes():
    opened = Image.open(io.BytesIO(encoded(Image.new("RGB", (50, 40), "red"))))
    with pytest.raises(OversizeError, match="no room"):
        content_digest(opened, admit=refusing)


def test_several_scans_and_large_tiles_are_counted():
    image = Image.new("RGB", (400, 300), "red")
    plain, progressive = (
        asked_for(encoded(image, "JPEG", progressive=several)) for several in (False, True)
    )
    assert progressive - plain > 400 * 300
    tiff = Image.open(io.BytesIO(encoded(image, "TIFF", compression="tiff_lzw")))
    before = bytes_to_decode(tiff, b"")
    tiff.tag_v2[322], tiff.tag_v2[323] = 20_000, 20_000
    assert bytes_to_decode(tiff, b"") > before + 20_000**2


def asked_for(data):
    watched = Watched()
    decode(data, admit=watched)
    return watched.asked[0]


def test_tiles_larger_than_the_limit_are_refused():
    values = {256: 10, 257: 10, 258: 8, 259: 8, 262: 1, 322: 40_000, 323: 40_000, 324: 8, 325: 9}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in values.items())
    data = struct.pack("<2sHIH", b"II", 42, 8, len(values)) + entries + bytes(20)
    assert Image.open(io.BytesIO(data)).size == (10, 10)
    with pytest.raises(OversizeError, match=r"^1600 megapixels"):
        decode(data)


@pytest.mark.parametrize("size", [(1_000_001, 1), (1, 1_000_001)])
def test_sides_are_limited(size):
    with pytest.raises(ImageError, match=r"pixels: a side has at most 1,000,000"):
        decode(encoded(Image.new("L", size)))
    with pytest.raises(ImageError, match=r"pixels: a side has at most 1,000,000"):
        decode(np.zeros(size[::-1], np.uint8))
    half = (size[0] // 2 or 1, size[1] // 2 or 1)
    assert decode(encoded(Image.new("L", half))).size == half


# -- strips -----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 3), (7, 5), (2000, 1300), (1300, 2000), (STRIP + 5, 2)])
def test_strips_put_together_are_the_image(size):
    pixels = np.arange(size[0] * size[1], dtype=np.uint32).astype(np.uint8).reshape(size[::-1])
    image = Image.fromarray(pixels)
    assert sum(strip.height for strip in strips(image)) == size[1]
    assert assembled("L", size, arrays(image)).tobytes() == image.tobytes()
    assert np.array_equal(by_strips(pixels, lambda part: part + np.uint8(1)), pixels + np.uint8(1))


@pytest.mark.parametrize("mode", ["LA", "PA", "RGBA"])
def test_transparency_in_the_last_strip_alone_is_seen(mode):
    image = Image.new("RGBA", (1500, 1500), (10, 20, 30, 0))
    image.putpixel((1499, 1499), (10, 20, 30, 255))
    decoded = decode_noted(image.convert(mode))
    assert decoded.note != "wholly transparent"
    assert decoded.image.getpixel((0, 0)) == (255, 255, 255)
    assert decoded.image.getpixel((1499, 1499)) != (255, 255, 255)


def test_sixteen_bits_of_many_strips_have_one_depth():
    pixels = np.zeros((1500, 1500), np.uint16)
    pixels[0], pixels[-1] = 200, 1023  # 8 bits at the top, 10 at the bottom
    decoded = decode_noted(encoded(Image.fromarray(pixels)))
    assert "10-bit" in decoded.note
    assert [decoded.image.getpixel((0, row))[0] for row in (0, 1499)] == [200 >> 2, 255]
    floats = np.zeros((1500, 1500), np.float32)
    floats[-1, -1] = 2
    with pytest.raises(ValueError, match=r"0 to 2|up to 2|to 2"):
        decode(Image.fromarray(floats))


def test_conversions_of_arrays_take_no_whole_copies():
    floats = np.zeros((3000, 3000), np.float32)  # 36 MB
    decode(floats)
    tracemalloc.start()
    decode(floats)  # numpy tells tracemalloc what it takes, Pillow does not
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3000 * 3000 * 3


@pytest.mark.parametrize("turned", [1, 6])
def test_dark_colours_of_sixteen_bits_are_upright(turned):
    pixels = np.zeros((3, 5, 3), ">u2")
    pixels[0, 0] = 1000
    image = Image.new("RGB", (5, 3))
    exif = Image.Exif()
    exif[0x0112] = turned
    data = sixteen_bit_png(pixels, encoded(image, exif=exif))
    assert decode(data).size == ((5, 3) if turned == 1 else (3, 5))


def sixteen_bit_png(pixels, like):
    """These pixels in the PNG `like`, with all its other chunks."""
    made, at = [like[:8]], 8
    while at < len(like):
        size, kind = int.from_bytes(like[at : at + 4], "big"), like[at + 4 : at + 8]
        content = like[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            content = content[:8] + b"\x10" + content[9:]
        if kind == b"IDAT":
            content = zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))
        made.append(chunk(kind, content))
        at += 12 + size
    return b"".join(made)


# -- embed ------------------------------------------------------------------------------


class Asking:
    """Stands for `decode_noted`, and remembers how much was being decoded at once."""

    def __init__(self):
        self.lock, self.now, self.most = threading.Lock(), 0, 0

    def __call__(self, payload, **options):
        decoded = decode_noted(payload, **options)
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.02)
        with self.lock:
            self.now -= 1
        return decoded


def large_images(count):
    return {
        f"{i}.png": encoded(Image.new("RGB", (1000, 1000), (i, 100, 200))) for i in range(count)
    }


@pytest.mark.parametrize(("memory", "most"), [(20 * MEGABYTE, 1), (1000 * MEGABYTE, 4)])
def test_few_large_images_are_decoded_at_once(memory, most, tmp_path, monkeypatch):
    asking = Asking()
    monkeypatch.setattr("rara.features.embed.decode_noted", asking)
    features = embed(Images(large_images(24)), Means(), cache=tmp_path, threads=4, memory=memory)
    assert len(features) == 24
    assert asking.most == 1 if most == 1 else asking.most > 1


def test_an_image_beyond_the_machine_is_skipped_and_tried_another_time(tmp_path, monkeypatch):
    payloads = large_images(2) | {"small.png": encoded(Image.new("RGB", (10, 10)))}
    with monkeypatch.context() as patch:
        patch.setattr("rara.images.memory_budget.whole_memory", lambda: 8 * MEGABYTE)
        features = embed(Images(payloads), Means(), cache=tmp_path, memory=MEGABYTE)
    assert [name for name, _ in features.skipped] == ["0.png", "1.png"]
    assert all("--memory" in reason for _, reason in features.skipped)
    assert not embed(Images(payloads), Means(), cache=tmp_path).skipped


def test_memory_that_ends_in_the_resize_skips_the_image(tmp_path, monkeypatch):
    def out_of_memory(image):
        raise MemoryError

    extractor = Means()
    monkeypatch.setattr(extractor, "prepare", out_of_memory, raising=True)
    with pytest.raises(ValueError, match="not enough memory to resize"):
        embed(Images(large_images(1)), extractor, cache=tmp_path)


def test_memory_is_checked(tmp_path):
    with pytest.raises(ParameterError, match="memory = 0"):
        embed(Images({}), Means(), cache=tmp_path, memory=0)


class Carried:
    """A source whose items carry their bytes, and which counts those that are still held."""

    location, remarks = "carried", ()

    def __init__(self, count, size):
        self.number, self.size = count, size
        self.held, self.most, self.lock = 0, 0, threading.Lock()

    def count(self):
        return self.number

    def __iter__(self):
        for i in range(self.number):
            data = encoded(Image.new("RGB", (4, 4), (i, i, i)))
            payload = Counted(data + bytes(self.size - len(data)), self)
            yield Item(str(i), payload, size=self.size)
            del payload


class Counted:
    """Bytes that tell their source when they are let go."""

    def __init__(self, data, source):
        self.data, self.source = data, source
        with source.lock:
            source.held += 1
            source.most = max(source.most, source.held)

    def __call__(self):
        return self.data

    def __del__(self):
        with self.source.lock:
            self.source.held -= 1


@pytest.mark.parametrize(("memory", "most"), [(2 * MEGABYTE, 13), (400 * MEGABYTE, 60)])
def test_encoded_bytes_that_wait_are_bounded(memory, most, tmp_path):
    source = Carried(60, MEGABYTE // 20)
    assert len(embed(source, Means(), cache=tmp_path, threads=2, memory=memory)) == 60
    assert source.most <= most
    if most == 60:
        assert source.most > 13  # or the bound above would say nothing


def test_the_default_limit_of_pixels_fits_a_machine_of_four_gigabytes():
    image = Image.new("RGB", (1, 1))
    image._size = (DEFAULT_MAX_PIXELS // 10_000, 10_000)
    assert bytes_to_decode(image, b"") < 4 * 10**9
