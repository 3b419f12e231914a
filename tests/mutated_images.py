"""Image files that were damaged at random, decoded in a process of its own under limits.

    python mutated_images.py SEED COUNT

prints JSON: how many became an image, how many a reason, the longest time, and what went wrong.
The process ends where one file takes more than 5 seconds. Memory ends 256 MB above the start.
"""

import io
import json
import resource
import signal
import struct
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from rara.errors import ImageError
from rara.images.decode import FORMATS, decode
from rara.images.screening import screened

SECONDS = 5
BYTES = 256 << 20
MOST_PIXELS = 1_000_000
WORDS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFF_FFFF, 0xFFFF_FFFF)


def seeds():
    """One small file of each format, mode and way to compress that Pillow here writes."""
    waves = np.add.outer(np.arange(37) * 5, np.arange(41) * 3).astype(np.uint8)
    image = Image.fromarray(np.stack([waves, 255 - waves, waves // 2], axis=2))
    options = [{}, {"progressive": True}, {"save_all": True, "append_images": [image] * 2}]
    options += [
        {"compression": kind} for kind in ("tiff_lzw", "jpeg", "packbits", "tiff_adobe_deflate")
    ]
    options += [{"lossless": True}, {"exif": turned()}, {"tile_size": (16, 16)}]
    for kind in FORMATS:
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"):
            made = set()
            for option in options:
                data = encoded(image, mode, kind, option)
                if data and data not in made:
                    made.add(data)
                    yield data


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def encoded(image, mode, kind, options):
    """The file, or None where this format has no such thing."""
    if options.get("compression") == "jpeg" and (kind, mode) != ("TIFF", "RGB"):
        return None  # libtiff would say so on stderr
    if mode in ("LA", "RGBA"):
        image = image.copy()
        image.putalpha(77)
    buffer = io.BytesIO()
    try:
        (image.convert("I") if mode == "I;16" else image).convert(mode).save(
            buffer, kind, **options
        )
    except (OSError, ValueError, KeyError, TypeError, SystemError, RuntimeError):
        return None
    return buffer.getvalue()


# -- damage -----------------------------------------------------------------------------


def mutated(data, others, rng):
    """The file with up to four kinds of damage."""
    for _ in range(rng.integers(1, 5)):
        data = DAMAGES[rng.integers(len(DAMAGES))](data, others, rng)
    return data


def flip(data, _, rng):
    changed = bytearray(data)
    for at in rng.integers(0, max(1, len(data)), rng.integers(1, 20)):
        if at < len(changed):
            changed[at] ^= 1 << rng.integers(8)
    return bytes(changed)


def cut(data, _, rng):
    return data[: rng.integers(0, len(data) + 1)]


def drop(data, _, rng):
    start, size = rng.integers(0, len(data) + 1), rng.integers(1, 64)
    return data[:start] + data[start + size :]


def repeat(data, _, rng):
    start, size = rng.integers(0, len(data) + 1), rng.integers(1, 256)
    return data[:start] + data[start : start + size] * int(rng.integers(2, 200)) + data[start:]


def splice(data, others, rng):
    other = others[rng.integers(len(others))]
    return data[: rng.integers(0, len(data) + 1)] + other[rng.integers(0, len(other) + 1) :]


def word(data, _, rng):
    """A number of a header or a chunk becomes an extreme one."""
    word = WORDS[rng.integers(len(WORDS))]
    form = ("<I", ">I", "<H", ">H", "B")[rng.integers(5)]
    value = struct.pack(form, word % (1 << 8 * struct.calcsize(form)))
    at = rng.integers(0, max(1, min(len(data), 400)))
    return data[:at] + value + data[at + len(value) :]


DAMAGES = (flip, flip, cut, drop, repeat, splice, word, word, word)


# -- judgement --------------------------------------------------------------------------


def judged(data):
    """What became of it; raises AssertionError where that is not one of the two promised."""
    try:
        image = decode(data, max_pixels=MOST_PIXELS)
    except ImageError as error:
        reason = str(error)
        assert reason, "no reason"
        assert len(reason) < 250, reason
        assert len(reason.splitlines()) == 1, reason
        assert "not enough memory" not in reason, reason
        return "reason"
    assert image.mode == "RGB"
    assert 0 < image.width * image.height <= MOST_PIXELS
    assert image.size in declared(data)
    return "image"


def declared(data):
    """The size in the header, upright or turned."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        size = Image.open(io.BytesIO(screened(data)), formats=FORMATS).size
    return size, size[::-1]


def work(seed, count):
    """Judge so many files."""
    originals = list(seeds())
    for data in originals:
        judged(data)  # all codecs are loaded before memory is limited
    limit_memory()
    rng, found, wrong, slowest = np.random.default_rng(seed), Counter(), [], 0.0
    for number in range(count):
        data = mutated(originals[rng.integers(len(originals))], originals, rng)
        signal.alarm(SECONDS)
        begun = time.monotonic()
        try:
            found[judged(data)] += 1
        except Exception as error:  # noqa: BLE001
            wrong.append(f"{number}: {type(error).__name__}: {error}"[:300])
        signal.alarm(0)
        slowest = max(slowest, time.monotonic() - begun)
    return {"found": found, "seeds": len(originals), "slowest": slowest, "wrong": wrong}


def limit_memory():
    with Path("/proc/self/statm").open(encoding="ascii") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + BYTES, now + BYTES))


if __name__ == "__main__":
    print(json.dumps(work(int(sys.argv[1]), int(sys.argv[2]))))  # noqa: T201
