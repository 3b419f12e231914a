"""Encoded bytes, arrays or PIL images -> upright RGB; digests; the one resize.

Second step of the flow: sources -> images -> extractors -> store. What an image
looks like must not depend on the machine, the thread or the settings of the
process, so every decision is taken here: which formats, which frame, which way
up, what lies behind transparency, and how many pixels are too many.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from rara.depth import (
    declared_bits,
    deep_colours,
    depth_in_file,
    depth_of,
    largest_of,
    white_is_zero,
)
from rara.errors import ImageError, OversizeError, ParameterError
from rara.pillow import governed
from rara.ranges import UNIT, Ranged

Payload: TypeAlias = bytes | NDArray[Any] | Ranged | Image.Image
"""What an item holds before decoding: a file's bytes, an array or a PIL image."""

DECODER = 2
"""Version of what decoding makes of pixels: raised whenever an image comes out differently."""

DEFAULT_MAX_PIXELS = 128_000_000
"""The largest image that is decoded unless the caller says otherwise."""

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

# Text of a PNG in which Pillow looks for the orientation.
_ORIENTING = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

ONE_COLOUR, TRANSPARENT, DARK = "a single colour", "wholly transparent", "nearly black"
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


def decode(payload: Payload, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Image.Image:
    """The first frame as an upright RGB image, transparency on white.

    Sixteen bits keep the high byte of those that are used, floats must lie in [0, 1], colour
    profiles are ignored. The size is checked before any pixel is decoded. Safe to call from many
    threads. Raises `OversizeError` above `max_pixels`, or where memory ends first, and
    `ImageError` with a short reason for everything else that stands in the way.

    >>> import numpy as np
    >>> decode(np.zeros((2, 3), dtype=np.uint8)).size
    (3, 2)
    """
    return decode_noted(payload, max_pixels=max_pixels).image


def decode_noted(payload: Payload, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Decoded:
    """The same, with what to say of the image."""
    with _explained(_kind(payload), max_pixels):
        image, depth = _loaded(payload, max_pixels)
        rgb, opacity = _rgb(image)
        upright = _upright(rgb, _orientation(image))
        seen = opacity or _colours_note(upright)
        return Decoded(upright, AND_NOTED.join(note for note in (seen, depth) if note))


def _colours_note(image: Image.Image) -> str:
    """What to say of the colours; where a few pixels say nothing, all of them do not either."""
    few = image.resize((16, 16), Image.Resampling.NEAREST)
    return _note_of(few) and _note_of(image)


def _note_of(image: Image.Image) -> str:
    ends = cast("Sequence[tuple[int, int]]", image.getextrema())  # of each colour
    if all(low == high for low, high in ends):
        return ONE_COLOUR
    return DARK if max(high for _, high in ends) < _DARK else ""


def _loaded(payload: Payload, max_pixels: int) -> tuple[Image.Image, str]:
    """The image with eight bits a sample, and what to say of its depth."""
    if isinstance(payload, (np.ndarray, Ranged)):
        return _from_array(payload, max_pixels)
    image = _opened(payload)
    check_size(image.size, max_pixels)
    image.load()
    data = payload if isinstance(payload, bytes) else None
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _from_deep(image, data)
    return (image, "") if data is None else deep_colours(image, _without_text(data))


def resize(
    image: Image.Image, size: tuple[int, int], *, fit: Literal["stretch", "crop"]
) -> Image.Image:
    """Bicubic with antialiasing, the same bytes on every machine; `size` is (width, height).

    `stretch` ignores proportions; `crop` keeps them and takes the largest centred part.
    """
    if fit == "stretch":
        return image.resize(size, Image.Resampling.BICUBIC)
    if fit == "crop":
        return image.resize(size, Image.Resampling.BICUBIC, box=_centred(image.size, size))
    raise ParameterError(f"fit={fit!r}: give 'stretch' or 'crop'.")


def content_digest(payload: Payload) -> str:
    """sha256 in hex: of the encoded bytes, or of a header and the pixels.

    Equal digests mean equal decoded images; the opposite need not hold.
    """
    if isinstance(payload, bytes):
        return hashlib.sha256(payload).hexdigest()
    with _explained(_kind(payload), DEFAULT_MAX_PIXELS):
        header, pixels = _canonical(payload)
    digest = hashlib.sha256(json.dumps(header).encode() + b"\n")
    digest.update(pixels)
    return digest.hexdigest()


# -- opening ----------------------------------------------------------------------------


def _opened(payload: bytes | Image.Image) -> Image.Image:
    if isinstance(payload, Image.Image):
        return payload
    if not payload:
        raise ImageError("empty file (0 bytes)")
    try:
        return Image.open(io.BytesIO(_without_text(payload)), formats=FORMATS)
    except UnidentifiedImageError:
        raise ImageError(_unidentified(payload)) from None


def _without_text(data: bytes) -> bytes:
    """A PNG without its text, which Pillow refuses above 1 MB though the pixels are whole."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    kept, start, at = [], 0, 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end <= len(data) and _is_text(data[at + 4 : at + 8], data[at + 8 : at + 40]):
            kept.append(data[start:at])
            start = end
        at = end
    return b"".join([*kept, data[start:]]) if start else data


def _is_text(kind: bytes, content: bytes) -> bool:
    return kind in (b"tEXt", b"zTXt", b"iTXt") and not content.startswith(_ORIENTING)


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


def _oversize(pixels: int, max_pixels: int) -> OversizeError:
    return OversizeError(
        f"{pixels / 1e6:.4g} megapixels, over the limit of {max_pixels / 1e6:.4g}; "
        "raise it with --max-pixels"
    )


# -- colours ----------------------------------------------------------------------------


def _rgb(image: Image.Image) -> tuple[Image.Image, str]:
    """The colours on white, and whether there are any."""
    if image.has_transparency_data:
        # convert would copy even what is RGBA already, and large images are mostly that
        return _on_white(image if image.mode == "RGBA" else image.convert("RGBA"))
    return (image if image.mode == "RGB" else image.convert("RGB")), ""


def _on_white(image: Image.Image) -> tuple[Image.Image, str]:
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image)
    return white, "" if image.getbbox() else TRANSPARENT


def _from_deep(image: Image.Image, data: bytes | None) -> tuple[Image.Image, str]:
    """An image of a mode deeper than eight bits, and what to say of its depth."""
    pixels = np.asarray(image)
    if image.mode == "F":
        return _as_turned(UNIT.eight_bit(pixels), image), ""
    if pixels.min() < 0:
        raise ImageError(f"signed pixels from {pixels.min()} to {pixels.max()}: none below 0")
    if pixels.max() > 0xFFFF:
        raise ImageError(f"32-bit pixels from {pixels.min()} to {pixels.max()}: at most 16 bits")
    depth = depth_in_file(image, pixels, data)
    narrow = depth.eight_bit(pixels)
    return _as_turned(~narrow if white_is_zero(image) else narrow, image), depth.note


def _as_turned(pixels: NDArray[np.uint8], image: Image.Image) -> Image.Image:
    """These pixels with the orientation of the image that they come from."""
    made = Image.fromarray(pixels)
    made.getexif()[ExifTags.Base.Orientation] = _orientation(image)
    return made


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 where there is none or it cannot be read, as viewers do."""
    with suppress(Exception):
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    if orientation not in _UPRIGHT:
        return image
    upright = image.transpose(_UPRIGHT[orientation])
    upright.info.clear()  # or decoding the result once more would turn it once more
    return upright


# -- arrays -----------------------------------------------------------------------------


def _from_array(payload: NDArray[Any] | Ranged, max_pixels: int) -> tuple[Image.Image, str]:
    array = payload.pixels if isinstance(payload, Ranged) else payload
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))):
        raise ImageError(_shape_reason(array.shape))
    height, width = array.shape[:2]
    check_size((width, height), max_pixels)
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


def _canonical(payload: NDArray[Any] | Ranged | Image.Image) -> tuple[list[Any], bytes]:
    """All that decides the decoded image: what the pixels mean, and the pixels."""
    if isinstance(payload, Image.Image):
        return _image_header(payload), payload.tobytes()
    if isinstance(payload, Ranged):
        header, content = _canonical(payload.pixels)
        return [*header, payload.meaning.key], content
    if payload.dtype.hasobject:
        raise ImageError(f"array of {payload.dtype}: Python objects are no pixels")
    pixels = np.ascontiguousarray(payload, dtype=payload.dtype.newbyteorder("<"))
    return ["array", pixels.dtype.str, payload.shape], pixels.tobytes()


def _image_header(image: Image.Image) -> list[Any]:
    palette = image.getpalette("RGBA") if image.mode in ("P", "PA") else None
    transparency = repr(image.info.get("transparency"))
    header = ["image", image.mode, image.size, palette, transparency, _orientation(image)]
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
