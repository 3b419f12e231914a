r"""Peak memory of decoding one large image of each kind, beside what rara sets aside for it.

    python studies/decoding_memory.py [--megapixels 120] [--kinds "PNG RGB" ...] [--threads 1 2 4] \
        [--into PAGE]

For each kind one image is written. Processes of their own then read, decode, fingerprint and
resize it, in so many threads at once. They report their peak memory above that of an image of
8 x 8 pixels: VmHWM, of Linux alone, as getrusage includes the parent's. The bytes that rara sets
aside (`rara.images.footprint`) must be at least the peak of one.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pages import insert

WORK = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from rara.images.decode import decode_noted, resize
from rara.images.phash import pixel_hash_of

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

def look(path):
    image = decode_noted(Path(path).read_bytes(), max_pixels=1 << 30).image
    pixel_hash_of(image)
    resize(image, (224, 224), fit="stretch")

look(sys.argv[1])
before = peak()
with ThreadPoolExecutor(int(sys.argv[3])) as crew:
    list(crew.map(look, [sys.argv[2]] * int(sys.argv[3])))
print(peak() - before)
"""

SET_ASIDE = """
import io, sys
from pathlib import Path
from PIL import Image
from rara.images.footprint import bytes_to_decode
Image.MAX_IMAGE_PIXELS = None
data = Path(sys.argv[1]).read_bytes()
print(bytes_to_decode(Image.open(io.BytesIO(data)), data))
"""


def main() -> None:
    """Print the table."""
    options = _options()
    table = list(_rows(options))
    if options.into:
        insert(options.into, "\n".join(table), "decoding_memory")


def _rows(options: argparse.Namespace) -> Iterator[str]:
    """The lines of the table, each printed as soon as it is measured."""
    side = math.isqrt(options.megapixels * 1_000_000)
    head = "| kind | file, MB | set aside, MB | " + _heading(options.threads) + " |\n|"
    head += "---|" * (3 + len(options.threads))
    print(head)
    yield head
    with tempfile.TemporaryDirectory() as scratch:
        tiny = Path(scratch) / "tiny.png"
        Image.new("RGB", (8, 8)).save(tiny)
        for kind in options.kinds or KINDS:
            path = _written(kind, side, Path(scratch))
            aside = int(_run(SET_ASIDE, path))
            peaks = [int(_run(WORK, tiny, path, str(n))) for n in options.threads]
            cells = [path.stat().st_size, aside, *peaks]
            row = f"| {kind} | " + " | ".join(f"{cell / 1e6:,.0f}" for cell in cells) + " |"
            print(row, flush=True)
            yield row
            path.unlink()


def _heading(threads: list[int]) -> str:
    return " | ".join(f"peak, MB, {n} at once" for n in threads)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=int, default=120)
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS))
    parser.add_argument("--threads", nargs="*", type=int, default=[1])
    parser.add_argument("--into", type=Path, help="a page whose table is replaced")
    return parser.parse_args()


def _run(code: str, *arguments: str | Path) -> str:
    made = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    return made.stdout.strip() or sys.exit(made.stderr[-500:])


# -- what is decoded --------------------------------------------------------------------


def _written(kind: str, side: int, folder: Path) -> Path:
    """One image of this kind, in a process's memory that ends with this function."""
    format_, make, size, options = KINDS[kind]
    path = folder / f"image.{format_.lower()}"
    image = make(min(side, size))
    image.save(path, format_, **options)
    return path


def _waves(side: int) -> NDArray[np.uint8]:
    """Smooth waves: files stay small, and the pixels of a row differ."""
    one = (np.sin(np.arange(side) / 97) * 60 + 128).astype(np.uint8)
    return one[:, None] // 2 + one[None, :] // 2


def _grey(side: int) -> Image.Image:
    return Image.fromarray(_waves(side))


def _of(mode: str) -> Callable[[int], Image.Image]:
    return lambda side: _grey(side).convert(mode)


def _translucent(side: int) -> Image.Image:
    image = _grey(side).convert("RGB")
    image.putalpha(128)
    return image


def _sixteen(side: int) -> Image.Image:
    return Image.fromarray(_waves(side).astype(np.uint16) << 8)


def _float(side: int) -> Image.Image:
    return Image.fromarray(_waves(side).astype(np.float32) / np.float32(255))


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


_ANY = 1 << 30
_WEBP = 11_000

KINDS: dict[str, tuple[str, Callable[[int], Image.Image], int, dict[str, object]]] = {
    "PNG RGB": ("PNG", _of("RGB"), _ANY, {"compress_level": 1}),
    "PNG RGBA": ("PNG", _translucent, _ANY, {"compress_level": 1}),
    "PNG grey": ("PNG", _of("L"), _ANY, {"compress_level": 1}),
    "PNG grey and alpha": ("PNG", _of("LA"), _ANY, {"compress_level": 1}),
    "PNG 16-bit grey": ("PNG", _sixteen, _ANY, {"compress_level": 1}),
    "PNG palette": ("PNG", _of("P"), _ANY, {"compress_level": 1}),
    "PNG palette, transparent": ("PNG", _of("P"), _ANY, {"compress_level": 1, "transparency": 0}),
    "PNG RGB, turned": ("PNG", _of("RGB"), _ANY, {"compress_level": 1, "exif": _exif(6)}),
    "PNG RGBA, turned": ("PNG", _translucent, _ANY, {"compress_level": 1, "exif": _exif(6)}),
    "JPEG RGB": ("JPEG", _of("RGB"), _ANY, {}),
    "JPEG grey": ("JPEG", _of("L"), _ANY, {}),
    "JPEG RGB, progressive": ("JPEG", _of("RGB"), _ANY, {"progressive": True}),
    "JPEG RGB, progressive, 4:4:4": (
        "JPEG",
        _of("RGB"),
        _ANY,
        {"progressive": True, "subsampling": 0},
    ),
    "JPEG CMYK": ("JPEG", _of("CMYK"), _ANY, {}),
    "JPEG CMYK, progressive": ("JPEG", _of("CMYK"), _ANY, {"progressive": True}),
    "TIFF RGB": ("TIFF", _of("RGB"), _ANY, {}),
    "TIFF RGB, LZW": ("TIFF", _of("RGB"), _ANY, {"compression": "tiff_lzw"}),
    "TIFF RGB, JPEG": ("TIFF", _of("RGB"), _ANY, {"compression": "jpeg"}),
    "TIFF RGB, LZW, one strip": (
        "TIFF",
        _of("RGB"),
        _ANY,
        {"compression": "tiff_lzw", "strip_size": _ANY},
    ),
    "TIFF float32": ("TIFF", _float, _ANY, {}),
    "TIFF float32, deflated": ("TIFF", _float, _ANY, {"compression": "tiff_adobe_deflate"}),
    "TIFF 16-bit grey": ("TIFF", _sixteen, _ANY, {}),
    "WebP RGB": ("WEBP", _of("RGB"), _WEBP, {"method": 0}),
    "WebP RGBA": ("WEBP", _translucent, _WEBP, {"method": 0}),
    "WebP RGB, lossless": (
        "WEBP",
        _of("RGB"),
        _WEBP,
        {"lossless": True, "method": 0, "quality": 0},
    ),
    "GIF": ("GIF", _of("P"), _ANY, {}),
    "GIF, transparent": ("GIF", _of("P"), _ANY, {"transparency": 0}),
    "JPEG 2000 RGB": ("JPEG2000", _of("RGB"), _ANY, {}),
    "JPEG 2000 RGBA": ("JPEG2000", _translucent, _ANY, {}),
    "JPEG 2000 grey": ("JPEG2000", _of("L"), _ANY, {}),
    "JPEG 2000 RGB, tiles of 1024": ("JPEG2000", _of("RGB"), _ANY, {"tile_size": (1024, 1024)}),
    "AVIF RGB": ("AVIF", _of("RGB"), _ANY, {"speed": 10}),
    "AVIF RGBA": ("AVIF", _translucent, _ANY, {"speed": 10}),
    "BMP RGB": ("BMP", _of("RGB"), _ANY, {}),
    "PPM RGB": ("PPM", _of("RGB"), _ANY, {}),
    "QOI RGB": ("QOI", lambda side: Image.new("RGB", (side, side), "navy"), _ANY, {}),
}


if __name__ == "__main__":
    main()
