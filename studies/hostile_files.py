"""Small image files made to take memory or time, and what they take of `rara embed`.

    python studies/hostile_files.py [--memory 512MB] [--only NAME ...] [--into PAGE]

Writes each kind of hostile file beside one ordinary image, runs `rara embed` on the two in a
process of its own, and prints a Markdown table: the size of the file, seconds and peak memory
above those of a run on the ordinary image alone, and what became of it. Linux only.
"""

from __future__ import annotations

import argparse
import io
import os
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from pages import insert

RUN = """
import sys
from pathlib import Path
from rara.cli.app import run
code = run(sys.argv[1:])
lines = Path("/proc/self/status").read_text().splitlines()
print(next(line for line in lines if line.startswith("VmHWM")), file=sys.stderr)
sys.exit(code)
"""

WIDE, HIGH = 11_000, 10_900
"""119.9 megapixels, just below what is decoded by default."""

Files = dict[str, bytes]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", default="512MB")
    parser.add_argument("--only", nargs="*", choices=list(KINDS))
    parser.add_argument("--into", type=Path, help="a page whose table is replaced")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        _embedded({}, options.memory, cache)  # the network is made and kept
        table = list(_rows(options.only or list(KINDS), options.memory, cache))
    if options.into:
        insert(options.into, "\n".join(table), "hostile_files")


def _rows(kinds: list[str], memory: str, cache: str) -> Iterator[str]:
    """The lines of the table, each printed as soon as it is measured."""
    seconds, peak, _ = _embedded({}, memory, cache)
    print(f"An ordinary run takes {seconds:.1f} s and {peak / 1e6:.0f} MB.\n")
    head = "| file | MB | seconds more | MB of memory more | outcome |\n|---|---|---|---|---|"
    print(head)
    yield head
    for kind in kinds:
        files = KINDS[kind]()
        took, most, outcome = _embedded(files, memory, cache)
        size = sum(map(len, files.values())) / 1e6
        more = f"{max(0, took - seconds):.1f} | {max(0, most - peak) / 1e6:.0f}"
        row = f"| {kind} | {size:.2f} | {more} | {outcome} |"
        print(row, flush=True)
        yield row


def _embedded(files: Files, memory: str, cache: str) -> tuple[float, int, str]:
    """Seconds, peak bytes, and what became of the files."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "images"
        folder.mkdir()
        Image.effect_noise((64, 64), 50).save(folder / "ordinary.png")  # another one each time
        for name, data in files.items():
            (folder / name).write_bytes(data)
        command = ["embed", str(folder), "-o", f"{scratch}/out", "--threads", "4"]
        command += ["--memory", memory]
        begun = time.monotonic()
        ended = subprocess.run(
            [sys.executable, "-c", RUN, *command],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "RARA_CACHE": cache},
        )
        seconds = time.monotonic() - begun
    peak = [int(line.split()[1]) for line in ended.stderr.splitlines() if "VmHWM" in line]
    return seconds, peak[0] * 1024 if peak else 0, _outcome(ended, files)


def _outcome(ended: subprocess.CompletedProcess[str], files: Files) -> str:
    if ended.returncode:
        return f"exit {ended.returncode}"
    name = next(iter(files), "ordinary.png")
    reasons = [line.split(": ", 1)[1] for line in ended.stderr.splitlines() if f"{name}: " in line]
    return f"skipped: {reasons[0]}" if reasons else "read"


# -- PNG --------------------------------------------------------------------------------


def _chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def _zeros(count: int) -> bytes:
    """So many zeros, deflated."""
    packer, block = zlib.compressobj(9), bytes(1 << 20)
    parts = [packer.compress(block[: min(1 << 20, count - at)]) for at in range(0, count, 1 << 20)]
    return b"".join([*parts, packer.flush()])


def _png(
    width: int,
    height: int,
    *,
    bits: int = 8,
    colour: int = 2,
    more: bytes = b"",
    after: bytes = b"",
) -> bytes:
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    rows = _zeros(height * (1 + (width * channels * bits + 7) // 8))
    parts = [_chunk(b"IHDR", header), more, _chunk(b"IDAT", rows), after, _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _declared(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", _zeros(9))


def _apng(frames: int) -> bytes:
    control = _chunk(b"acTL", struct.pack(">II", frames, 0))
    frame = struct.pack(">IIIIIHHBB", 0, 8, 8, 0, 0, 1, 10, 0, 0)
    later = b"".join(
        _chunk(b"fcTL", frame) + _chunk(b"fdAT", struct.pack(">I", 1) + _zeros(200))
        for _ in range(frames)
    )
    return _png(8, 8, more=control + _chunk(b"fcTL", frame), after=later)


def _orientation() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return _chunk(b"eXIf", exif.tobytes()[6:])


def _palette() -> bytes:
    return _chunk(b"PLTE", bytes(768)) + _chunk(b"tRNS", bytes(256))


# -- other formats ----------------------------------------------------------------------


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _scans(more: int, size: tuple[int, int]) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    data = _saved(Image.new("RGB", size), "JPEG", progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * more + b"\xff\xd9"


def _segments(count: int) -> bytes:
    data = _saved(Image.new("RGB", (8, 8)), "JPEG")
    return data[:2] + (b"\xff\xe1\x00\x6cExif\0\0" + bytes(100)) * count + data[2:]


def _tiff(width: int, height: int, tile: int, *, copies: int = 0) -> bytes:
    """A TIFF of one tile; with entries of its directory that all point to the same bytes."""
    pixels = _zeros(tile * tile)
    values = [width, height, 8, 8, 1, 1, tile, tile, 8, len(pixels)]
    entries = list(zip((256, 257, 258, 259, 262, 277, 322, 323, 324, 325), values, strict=True))
    packed = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries]
    packed += [struct.pack("<HHII", 40_000 + at, 7, len(pixels), 8) for at in range(copies)]
    directory = struct.pack("<H", len(packed)) + b"".join(packed)
    return struct.pack("<2sHI", b"II", 42, 8 + len(pixels)) + pixels + directory + bytes(4)


def _bmp(width: int, height: int, body: bytes) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(body), 0, 0, 256, 0)
    start = 14 + len(info) + 1024
    return struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start) + info + bytes(1024) + body


def _gif(frames: int) -> bytes:
    data = _saved(Image.new("P", (8, 8)), "GIF")
    at = data.index(b"\x2c")
    return data[:at] + data[at:-1] * frames + b";"


def _qoi(width: int, height: int) -> bytes:
    runs = b"\xfd" * (width * height // 62 + 1)
    return b"qoif" + struct.pack(">IIBB", width, height, 3, 0) + runs + bytes(7) + b"\x01"


def _large(kind: str, mode: str = "RGB", **options: object) -> Callable[[], Files]:
    return lambda: {f"a.{kind.lower()}": _saved(Image.new(mode, (WIDE, HIGH)), kind, **options)}


def _one(name: str, make: Callable[[], bytes]) -> Callable[[], Files]:
    return lambda: {name: make()}


def _several() -> Files:
    png = _png(WIDE, HIGH)
    return {f"{at}.png": png + bytes(at) for at in range(1, 7)}


KINDS: dict[str, Callable[[], Files]] = {
    "PNG, 120 megapixels, six files": _several,
    "PNG, RGBA, turned by EXIF": _one(
        "a.png", lambda: _png(WIDE, HIGH, colour=6, more=_orientation())
    ),
    "PNG, 16-bit colours": _one("a.png", lambda: _png(WIDE, HIGH, bits=16)),
    "PNG, 16-bit grey": _one("a.png", lambda: _png(WIDE, HIGH, bits=16, colour=0)),
    "PNG, transparent palette": _one("a.png", lambda: _png(WIDE, HIGH, colour=3, more=_palette())),
    "PNG, one pixel wide": _one("a.png", lambda: _png(1, 60_000_000)),
    "PNG, one pixel high": _one("a.png", lambda: _png(60_000_000, 1)),
    "PNG that declares 4,000 megapixels": _one("a.png", lambda: _declared(65_000, 62_000)),
    "PNG, text of 1 GB": _one(
        "a.png", lambda: _png(8, 8, more=_chunk(b"zTXt", b"x\0\0" + _zeros(10**9)))
    ),
    "PNG, colour profile of 1 GB": _one(
        "a.png", lambda: _png(8, 8, more=_chunk(b"iCCP", b"x\0\0" + _zeros(10**9)))
    ),
    "PNG, 800,000 chunks": _one("a.png", lambda: _png(8, 8, more=_chunk(b"tIME", b"") * 800_000)),
    "APNG, 100,000 frames": _one("a.png", lambda: _apng(100_000)),
    "GIF, 100,000 frames": _one("a.gif", lambda: _gif(100_000)),
    "JPEG, progressive": _large("JPEG", progressive=True),
    "JPEG, CMYK, progressive": _large("JPEG", "CMYK", progressive=True),
    "JPEG, 90 more scans": _one("a.jpg", lambda: _scans(90, (WIDE, HIGH))),
    "JPEG, 5,000 more scans": _one("a.jpg", lambda: _scans(5000, (WIDE, HIGH))),
    "JPEG, 90,000 EXIF segments": _one("a.jpg", lambda: _segments(90_000)),
    "TIFF, float32": _large("TIFF", "F", compression="tiff_adobe_deflate"),
    "TIFF, a tile of 1,600 megapixels": _one("a.tif", lambda: _tiff(10, 10, 40_000)),
    "TIFF, 25,000 tags of the same bytes": _one(
        "a.tif", lambda: _tiff(10, 10, 20_480, copies=25_000)
    ),
    "GIF, transparent": _large("GIF", "P", transparency=0),
    "WebP": _large("WEBP", lossless=True, quality=0, method=0),
    "JPEG 2000": _one("a.jp2", lambda: _saved(Image.new("RGB", (WIDE, HIGH)), "JPEG2000")),
    "QOI": _one("a.qoi", lambda: _qoi(WIDE, HIGH)),
    "QOI, 9 MB of differences": _one(
        "a.qoi",
        lambda: b"qoif" + struct.pack(">IIBB", 3000, 3000, 3, 0) + b"\x55" * 9_000_000,
    ),
    "BMP, run lengths that jump": _one(
        "a.bmp", lambda: _bmp(119_000_000, 1, b"\0\x02\xff\xff" * 1000)
    ),
    "BMP, lines that end early": _one("a.bmp", lambda: _bmp(WIDE, HIGH, b"\0\0\x01\0" * HIGH)),
    "EPS, named .png": _one("a.png", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n{} loop\n"),
}


if __name__ == "__main__":
    main()
