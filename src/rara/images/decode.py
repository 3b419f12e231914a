"""Encoded bytes, arrays or PIL images -> upright RGB; digests; the one resize.

Second step of the flow: sources -> images -> extractors -> features. What an image
looks like must not depend on the machine, the thread or the settings of the
process, so every decision is taken here: which formats, which frame, which way
up, what lies behind transparency, and how many pixels are too many.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from rara.errors import ImageError, OversizeError, ParameterError
from rara.images.colours import from_deep, is_deep, orientation_of, rgb, upright
from rara.images.depth import declared_bits, deep_colours, depth_of, largest_of, white_is_zero
from rara.images.footprint import bytes_of_array, bytes_to_decode, tile_size
from rara.images.pillow_settings import governed
from rara.images.ranges import UNIT, Ranged
from rara.images.screening import screened
from rara.images.strips import strips
from rara.run import DEFAULT_MAX_PIXELS

Payload: TypeAlias = bytes | NDArray[Any] | Ranged | Image.Image
"""What an item holds before decoding: a file's bytes, an array or a PIL image."""

Admit: TypeAlias = Callable[[int], None]
"""Is asked for so many bytes before they are taken; may wait, or raise OversizeError."""

DECODER = 3
"""Version of what decoding makes of pixels: raised whenever an image comes out differently."""

MOST_SIDE = 1_000_000
"""The longest side: the weights of a resize take 32 bytes for each of its pixels."""

RESIZE = "pillow bicubic antialiased"
"""Name of the one resize; part of every extractor's spec."""

# Everything that Pillow decodes by itself. EPS and PDF are left out because they
# run Ghostscript, and rare formats because they are seldom fuzzed.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "QOI")

_MAGIC = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"RIFF": "WebP",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"\x00\x00\x00\x0cjP": "JPEG 2000",
    b"qoif": "QOI",
}

# HEIC and JPEG XL
_FOREIGN = re.compile(rb".{4}ftyp(hei|hev|mif)|.{4}JXL |\xff\x0a", re.DOTALL)

# How Pillow and its codecs say that data ends too early.
_TRUNCATED = re.compile(r"truncat|\beof\b|not enough|broken data stream|only got", re.IGNORECASE)

SEVERAL = "the first of several frames or pages"
"""The note of an image behind which there are more in the same file."""

ONE_COLOUR, DARK = "a single colour", "nearly black"
"""Notes of images with nothing or hardly anything to see."""

_DARK = 16
"""Images without a value of so much out of 255 are nearly black."""

AND_NOTED = "; "
"""Between the notes of one image."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """An image that was decoded, and what to say of it."""

    image: Image.Image
    note: str
    """What a person should know, such as `ONE_COLOUR`; empty where that is nothing."""


def _at_once(_: int) -> None:
    """Memory without a limit."""


def decode(
    payload: Payload, *, max_pixels: int = DEFAULT_MAX_PIXELS, admit: Admit = _at_once
) -> Image.Image:
    """The first frame as an upright RGB image, transparency on white.

    Sixteen bits keep the high byte of those that are used, floats must lie in [0, 1], colour
    profiles are ignored. The size is checked before any pixel is decoded, and `admit` asked for
    the memory that decoding takes. Safe to call from many threads. Raises `OversizeError` above
    `max_pixels`, or where memory ends first, and `ImageError` with a short reason for everything
    else that stands in the way.

    >>> import numpy as np
    >>> decode(np.zeros((2, 3), dtype=np.uint8)).size
    (3, 2)
    """
    return decode_noted(payload, max_pixels=max_pixels, admit=admit).image


def decode_noted(
    payload: Payload, *, max_pixels: int = DEFAULT_MAX_PIXELS, admit: Admit = _at_once
) -> Decoded:
    """The same, with what to say of the image."""
    with _explained(_kind(payload), max_pixels):
        image, orientation, opacity, depth = _in_colour(payload, max_pixels, admit)
        turned = upright(image, orientation)
        colours = opacity or _colours_note(turned)
        return Decoded(turned, AND_NOTED.join(note for note in (colours, depth) if note))


def _colours_note(image: Image.Image) -> str:
    """What to say of the colours; where a few pixels say nothing, all of them do not either."""
    few = image.resize((16, 16), Image.Resampling.NEAREST)
    return _note_of(few) and _note_of(image)


def _note_of(image: Image.Image) -> str:
    ends = cast("Sequence[tuple[int, int]]", image.getextrema())  # of each colour
    if all(low == high for low, high in ends):
        return ONE_COLOUR
    return DARK if max(high for _, high in ends) < _DARK else ""


def _in_colour(
    payload: Payload, max_pixels: int, admit: Admit
) -> tuple[Image.Image, int, str, str]:
    """The image as RGB, its orientation, and notes; what was decoded first is free again."""
    if isinstance(payload, (np.ndarray, Ranged)):
        image, depth = _from_array(payload, max_pixels, admit)
        orientation = 1
    else:
        image, orientation, depth = _loaded(payload, max_pixels, admit)
    colours, opacity = rgb(image)
    return colours, orientation, opacity, depth


def _loaded(
    payload: bytes | Image.Image, max_pixels: int, admit: Admit
) -> tuple[Image.Image, int, str]:
    """The image with eight bits a sample, its orientation, and what to say of its depth."""
    data = screened(payload) if isinstance(payload, bytes) else None
    image = payload if isinstance(payload, Image.Image) else _opened(payload, data or b"")
    check_size(image.size, max_pixels)
    check_size(tile_size(image), max_pixels)
    admit(bytes_to_decode(image, payload if isinstance(payload, bytes) else None))
    frames = SEVERAL if data and getattr(image, "is_animated", False) else ""
    image.load()
    orientation = orientation_of(image)
    note = ""
    if is_deep(image):
        image, note = from_deep(image, data)
    elif data is not None:
        image, note = deep_colours(image, data)
    return image, orientation, AND_NOTED.join(filter(None, (frames, note)))


def declared_pixels(data: bytes) -> int:
    """How many pixels an encoded image says that it has, without decoding one; 0 if it is none."""
    with suppress(ImageError), _explained(_kind(data), DEFAULT_MAX_PIXELS):
        width, height = _opened(data, screened(data)).size
        return width * height
    return 0


def resize(
    image: Image.Image,
    size: tuple[int, int],
    *,
    fit: Literal["stretch", "crop"],
    resampling: Image.Resampling = Image.Resampling.BICUBIC,
) -> Image.Image:
    """With antialiasing, the same bytes on every machine; `size` is (width, height).

    `stretch` ignores proportions; `crop` keeps them and takes the largest centred part. Bicubic,
    unless a network was trained with another resampling.
    """
    if fit == "stretch":
        return image.resize(size, resampling)
    if fit == "crop":
        return image.resize(size, resampling, box=_centred(image.size, size))
    raise ParameterError(f"fit={fit!r}: give 'stretch' or 'crop'.")


def content_digest(payload: Payload, *, admit: Admit = _at_once) -> str:
    """sha256 in hex: of the encoded bytes, or of a header and the pixels.

    Equal digests mean equal decoded images; the opposite need not hold. A PIL image whose pixels
    are still in its file is decoded for that, once `admit` let it.
    """
    if isinstance(payload, bytes):
        return hashlib.sha256(payload).hexdigest()
    with _explained(_kind(payload), DEFAULT_MAX_PIXELS):
        if isinstance(payload, Image.Image):
            admit(bytes_to_decode(payload, None))
        header = json.dumps(_header(payload)).encode()
        digest = hashlib.sha256(header + b"\n")
        for content in _contents(payload):
            digest.update(content)
    return digest.hexdigest()


# -- opening ----------------------------------------------------------------------------


def _opened(payload: bytes, screened: bytes) -> Image.Image:
    if not payload:
        raise ImageError("empty file (0 bytes)")
    try:
        return Image.open(io.BytesIO(screened), formats=FORMATS)
    except UnidentifiedImageError:
        raise ImageError(_unidentified(payload)) from None


def _unidentified(data: bytes) -> str:
    if kind := _magic(data):
        other = "" if kind != "TIFF" else ", or it is of a kind that Pillow cannot open"
        return f"damaged or truncated {kind}: its header cannot be read{other}"
    if _FOREIGN.match(data):
        return "HEIC or JPEG XL, which Pillow alone cannot decode; convert it to PNG"
    return f"not an image: starts with {data[:16]!r}"


def _magic(data: bytes) -> str | None:
    return next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)


def _kind(payload: Payload) -> str:
    if isinstance(payload, bytes):
        return _magic(payload) or "image"
    return "PIL image" if isinstance(payload, Image.Image) else "array"


def check_size(size: tuple[int, int], max_pixels: int) -> None:
    """Raise OversizeError for an image of more pixels, ImageError for one without any."""
    if size[0] * size[1] > max_pixels:
        raise _oversize(size[0] * size[1], max_pixels)
    if 0 in size:
        raise ImageError(f"no pixels: {size[0]} x {size[1]}")
    if max(size) > MOST_SIDE:
        raise ImageError(f"{size[0]} x {size[1]} pixels: a side has at most {MOST_SIDE:,}")


def _oversize(pixels: int, max_pixels: int) -> OversizeError:
    return OversizeError(
        f"{pixels / 1e6:.4g} megapixels, over the limit of {max_pixels / 1e6:.4g}; "
        "raise it with --max-pixels"
    )


# -- arrays -----------------------------------------------------------------------------


def _from_array(
    payload: NDArray[Any] | Ranged, max_pixels: int, admit: Admit
) -> tuple[Image.Image, str]:
    array = payload.pixels if isinstance(payload, Ranged) else payload
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))):
        raise ImageError(_shape_reason(array.shape))
    height, width = array.shape[:2]
    check_size((width, height), max_pixels)
    admit(bytes_of_array(width, height))
    pixels = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    meaning = payload.meaning if isinstance(payload, Ranged) else None
    narrow, note = (
        _eight_bit(pixels) if meaning is None else (meaning.eight_bit(pixels), meaning.note)
    )
    return Image.fromarray(np.ascontiguousarray(narrow)), note


def _shape_reason(shape: tuple[int, ...]) -> str:
    hint = ""
    if len(shape) == 3 and shape[0] in (1, 3, 4):
        hint = "; move the channels last with .transpose(1, 2, 0)"
    return f"array of shape {shape}: height x width, or height x width x 1, 3 or 4{hint}"


def _eight_bit(pixels: NDArray[Any]) -> tuple[NDArray[np.uint8], str]:
    match pixels.dtype.kind, pixels.dtype.itemsize:
        case "u", 1:
            return pixels, ""
        case "u", 2:
            depth = depth_of(*largest_of(pixels))
            return depth.eight_bit(pixels), depth.note
        case "b", _:
            return pixels.astype(np.uint8) * np.uint8(255), ""
        case "f", _:
            return UNIT.eight_bit(pixels), ""
    raise ImageError(f"array of {pixels.dtype}: give uint8, uint16, or floats from 0 to 1")


# -- digest and resize ------------------------------------------------------------------


def _header(payload: NDArray[Any] | Ranged | Image.Image) -> list[Any]:
    """All that decides the decoded image beside its pixels."""
    if isinstance(payload, Image.Image):
        payload.load()
        return _image_header(payload)
    if isinstance(payload, Ranged):
        return [*_header(payload.pixels), payload.meaning.key]
    if payload.dtype.hasobject:
        raise ImageError(f"array of {payload.dtype}: Python objects are no pixels")
    return ["array", payload.dtype.newbyteorder("<").str, payload.shape]


def _contents(payload: NDArray[Any] | Ranged | Image.Image) -> Iterator[Any]:
    """The pixels as buffers of bytes, without a copy of all of them."""
    if isinstance(payload, Image.Image):
        yield from (strip.tobytes() for strip in strips(payload))
        return
    pixels = payload.pixels if isinstance(payload, Ranged) else payload
    ordered = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<"))
    yield ordered.reshape(-1).view(np.uint8)


def _image_header(image: Image.Image) -> list[Any]:
    palette = image.getpalette("RGBA") if image.mode in ("P", "PA") else None
    transparency = repr(image.info.get("transparency"))
    header = ["image", image.mode, image.size, palette, transparency, orientation_of(image)]
    deep = image.mode.startswith("I") and (declared_bits(image, None), white_is_zero(image))
    return [*header, *deep] if deep and deep != (None, False) else header


def _centred(have: tuple[int, int], want: tuple[int, int]) -> tuple[float, float, float, float]:
    """The largest centred box in `have` with the proportions of `want`."""
    scale = min(have[0] / want[0], have[1] / want[1])
    left, top = (have[0] - want[0] * scale) / 2, (have[1] - want[1] * scale) / 2
    return max(left, 0), max(top, 0), min(have[0] - left, have[0]), min(have[1] - top, have[1])


# -- errors -----------------------------------------------------------------------------


@contextmanager
def _explained(kind: str, max_pixels: int) -> Iterator[None]:
    """Let nothing out but `ImageError` with a reason that a person understands."""
    try:
        with governed(max_pixels):
            yield
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        pixels = re.search(r"\d+", str(error))
        raise _oversize(int(pixels[0]) if pixels else 2 * max_pixels, max_pixels) from None
    except MemoryError as error:
        raise OversizeError("not enough memory to decode it") from error
    except Exception as error:
        raise ImageError(_reason(error, kind)) from error


def _reason(error: Exception, kind: str) -> str:
    if isinstance(error, EOFError) or _TRUNCATED.search(str(error)):
        return f"truncated {kind}"
    return f"damaged {kind}: {str(error)[:80] or type(error).__name__}"
