"""How much one request, and all of them together, may take of the machine.

Ground of the service: bodies, uploads and judging ask it, and the OpenAPI document states it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from rara.arguments import short
from rara.errors import ParameterError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Whatever is beyond them is refused at once, with the status that says so."""

    body_bytes: int = 32 << 20
    """Of one request; more is refused with 413."""
    bytes_at_once: int = 256 << 20
    """Of all bodies that are read or wait; a request that finds no room is refused with 429."""
    images: int = 64
    """Of one request; more is refused with 400."""
    pixels: int = 50_000_000
    """Of one image; a larger one is listed with its reason, and not decoded."""
    pixels_at_once: int = 100_000_000
    """Of all images of a request; more is refused with 413, for it would take minutes."""
    waiting: int = 16
    """Requests that wait for their turn; a further one is refused with 429. Searches, and requests
    whose pictures are compared, have queues of their own, as long as this one."""
    connections: int = 256
    """Open at once. For a further one the longest idle connection is closed; where every one has a
    request, its own is refused with 503."""
    header_seconds: float = 10
    """Until the headers of a request are complete; then the connection is closed."""
    body_seconds: float = 30
    """Until a body is complete; then the request is refused with 408."""
    drain_seconds: float = 1
    """After the signal to stop, new requests are still served for so long."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise ParameterError(f"{each.name} = {short(value)}: give more than 0.")


def binary_amount(size: int) -> str:
    """A number of bytes for people, in the units that options take: powers of 1024.

    >>> binary_amount(32 << 20), binary_amount(200_000), binary_amount(700)
    ('32 MiB', '195.3 KiB', '700 bytes')
    """
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{round(size / unit, 1):g} {name}"
    return f"{size} bytes"
