"""Which test a sample's p-value of copying comes from: the column `copy_witness`.

columns of all tests --with_witness--> copy_witness
"""

from __future__ import annotations

from typing import Final, Literal

import pyarrow as pa

from rara.retrieval.sources import speaks_by_source
from rara.scores import Columns

Witness = Literal["vectors", "pixels", "copy network", "evidence"]

PIXELS: Final = "pixels"
NETWORK: Final = "copy network"
EVIDENCE: Final = "evidence"

BY_TEST: Final[dict[Witness, str]] = {
    "vectors": "volume_p",
    "pixels": "pixel_p",
    "copy network": "network_p",
}
"""The p-value of each test alone."""

FIGURES: Final = (*BY_TEST.values(), "source_p", "copy_p")
"""The columns that decide."""


def with_witness(columns: Columns) -> Columns:
    """The columns, and which test is the strongest evidence of copying, sample by sample."""
    return {**columns, "copy_witness": pa.array(witnesses(columns), pa.string())}


def witnesses(columns: Columns) -> list[Witness]:
    """The same by the columns of `FIGURES` that there are."""
    nothing = [None] * len(columns["copy_p"])
    values = (columns[name].tolist() if name in columns else nothing for name in FIGURES)
    return [witness_of(*row) for row in zip(*values, strict=True)]


def witness_of(
    volume_p: float | None,
    pixel_p: float | None,
    network_p: float | None,
    source_p: float | None = None,
    copy_p: float | None = None,
) -> Witness:
    """Evidence where it decides the joint p-value, else the test with the smallest one.

    The first of several that are equal, in the order of the arguments. None and NaN are missing.

    >>> witness_of(0.2, 0.01, None)
    'pixels'
    """
    if speaks_by_source(source_p, copy_p):
        return EVIDENCE
    best: Witness = "vectors"
    least = float("inf") if volume_p is None else volume_p
    if pixel_p is not None and pixel_p < least:
        best, least = PIXELS, pixel_p
    if network_p is not None and network_p < least:
        best = NETWORK
    return best
