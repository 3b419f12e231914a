"""The images of a request: parts of a multipart body, in memory and nowhere else.

    body piece by piece --uploads_of--> Upload for each part --UploadedImages--> a source

What a client calls its file is text that comes back as the image's id. Nothing is ever opened by
that name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from rara.images.decode import declared_pixels
from rara.service.limits import Limits
from rara.service.problems import Problem
from rara.sources.base import Item, pick
from rara.sources.names import unique

if TYPE_CHECKING:
    from starlette.requests import Request

FIELD: Final = "image"
MEDIA_TYPE: Final = "multipart/form-data"

_HEADERS: Final = 8
_HEADER_BYTES: Final = 2048
"""Of one part: how many, and the size of each."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One image as it was sent."""

    name: str
    """What the client calls it; several may have one name."""
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class UploadedImages:
    """The images of a request as a source; each name once, from its second time on numbered."""

    uploads: Sequence[Upload]

    @property
    def location(self) -> str:
        """What it is; nothing on disk."""
        return f"{len(self.uploads)} uploaded images"

    def count(self) -> int:
        """Number of images."""
        return len(self.uploads)

    def __iter__(self) -> Iterator[Item]:
        names = unique(upload.name for upload in self.uploads)
        for name, upload in zip(names, self.uploads, strict=True):
            yield Item(name, partial(_content, upload), size=len(upload.content))

    def select(self, ids: Collection[str]) -> Iterator[Item]:
        """The items of these ids."""
        return pick(self, ids)

    def check_pixels(self, limits: Limits) -> None:
        """Raise Problem where they have too many pixels together, without decoding one.

        Images that are too large by themselves are not decoded, and do not count.
        """
        sizes = [declared_pixels(upload.content) for upload in self.uploads]
        total = sum(size for size in sizes if size <= limits.pixels)
        if total > limits.pixels_at_once:
            most = f"{limits.pixels_at_once / 1e6:g}"
            raise Problem(
                "too-large",
                f"The images have {total / 1e6:.4g} megapixels together, and a request has at most "
                f"{most} here: send fewer at once.",
            )

    def each(self) -> list[UploadedImages]:
        """Every image as a source of its own, under the id that it has here."""
        return [
            UploadedImages([Upload(item.id, upload.content)])
            for item, upload in zip(self, self.uploads, strict=True)
        ]


def _content(upload: Upload) -> bytes:
    return upload.content


async def uploads_of(request: Request, limits: Limits) -> UploadedImages:
    """The images in the parts `image` of a multipart body.

    Raises Problem where the body is of another type or damaged, has other parts, no image, or more
    images or pixels than the limits allow. No image is decoded for that.
    """
    from python_multipart.exceptions import FormParserError
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import ClientDisconnect

    parts = _Parts(limits.images)
    parser = parts.parser(_boundary(request))
    try:
        async for piece in request.stream():
            parser.write(piece)
        parser.finalize()
    except FormParserError as error:
        raise Problem("bad-request", f"The multipart body is damaged: {error}.") from error
    except ClientDisconnect:
        raise Problem("bad-request", "The client left before the body was complete.") from None
    if not parts.ended:
        raise Problem("bad-request", "The multipart body ends before its last boundary.")
    if not parts.uploads:
        raise Problem("bad-request", f"Send at least one image, each in a part named '{FIELD}'.")
    images = UploadedImages(parts.uploads)
    await run_in_threadpool(images.check_pixels, limits)
    return images


def _boundary(request: Request) -> bytes:
    from python_multipart.multipart import parse_options_header

    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind.decode("latin-1") != MEDIA_TYPE:
        raise Problem(
            "unsupported-media-type",
            f"Send images as {MEDIA_TYPE}, each in a part named '{FIELD}'.",
            [(b"accept-post", MEDIA_TYPE.encode())],
        )
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= 70:
        raise Problem("bad-request", "The Content-Type needs a boundary of 1 to 70 characters.")
    return boundary


class _Parts:
    """What the parser finds, part by part."""

    def __init__(self, most: int) -> None:
        self.uploads: list[Upload] = []
        self.ended = False
        self._most = most
        self._key, self._value = bytearray(), bytearray()
        self._disposition = b""
        self._content = bytearray()
        self._name = ""

    def parser(self, boundary: bytes) -> _Parser:
        """A parser that tells all it finds to this."""
        from python_multipart.multipart import MultipartParser

        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._key.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._header,
                "on_headers_finished": self._named,
                "on_part_data": lambda data, start, end: self._content.extend(data[start:end]),
                "on_part_end": self._end,
                "on_end": self._finish,
            },
            max_header_count=_HEADERS,
            max_header_size=_HEADER_BYTES,
        )

    def _begin(self) -> None:
        if len(self.uploads) == self._most:
            raise Problem("bad-request", f"A request has at most {self._most} images here.")
        self._disposition, self._content = b"", bytearray()

    def _header(self) -> None:
        if bytes(self._key).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._key.clear()
        self._value.clear()

    def _named(self) -> None:
        from python_multipart.multipart import parse_options_header

        _, options = parse_options_header(self._disposition)
        part = _text(options.get(b"name", b""))
        if part != FIELD:
            raise Problem(
                "bad-request", f"Parts are named '{FIELD}' here, and this one '{part[:60]}'."
            )
        if b"filename" not in options:
            raise Problem("bad-request", "Send each image as a file: its part has a filename.")
        self._name = _text(options.get(b"filename", b"")) or f"image {len(self.uploads) + 1}"

    def _end(self) -> None:
        self.uploads.append(Upload(self._name, bytes(self._content)))
        self._content = bytearray()

    def _finish(self) -> None:
        self.ended = True


def _text(raw: bytes) -> str:
    """A name as text; a byte that is no UTF-8 becomes a visible escape once it is an id."""
    return raw.decode("utf-8", "surrogateescape")


if TYPE_CHECKING:
    from python_multipart.multipart import MultipartParser as _Parser
