"""One sample as the report shows it: its row, and where it stands among real images.

    table, rows --records--> Record: for the picks, the cards and the sentences

Nothing in a record is NaN or infinite: what has no value is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rara.columns.score_tables import ON_REQUEST, metadata_names
from rara.report.disagreement import dissents
from rara.report.found_sources import PictureEvidence, picture_evidence
from rara.report.reference_quantiles import Spread
from rara.report.rows import Plain, Row, rows_of
from rara.report.verdicts import COPIED
from rara.verdict.copy_witness import (
    BY_TEST,
    EVIDENCE,
    FIGURES,
    NETWORK,
    PIXELS,
    Witness,
    witness_of,
)

if TYPE_CHECKING:
    import pyarrow as pa

OWN_PLACES = ("label", "prompt")
"""Metadata that a record shows in a place of its own."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a value stands among the reference's own images, leave-one-out."""

    above: float
    """At least this share of the reference images has a smaller value."""
    below: float
    """At least this share of the reference images has a larger value."""


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A reference image near a sample."""

    id: str
    """Its id."""
    distance: float
    """Its distance to the sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One sample, and where it stands among the reference's own images."""

    id: str
    """Id of the sample."""
    label: str | None
    """Its label in the metadata."""
    prompt: str | None
    """Its prompt in the metadata."""
    inside: bool
    """Whether at least one ball holds it."""
    rarity: float | None
    """Radius of the smallest ball that holds it; null outside."""
    rarity_witness: str | None
    """Id of the reference image that owns this ball; null outside."""
    balls: int
    """How many balls hold it."""
    knn_distance: float
    """Distance to the k-th nearest reference image."""
    realism: float | None
    """Largest ratio of a ball's radius to the distance from its centre; null where infinite."""
    nearest: str
    """Id of the nearest reference image."""
    nearest_distance: float
    """Distance to the nearest reference image."""
    neighbors: tuple[Neighbor, ...]
    """The nearest reference images, nearest first."""
    pixel_nearest: str | None
    """Id of the reference image with the most similar pixels; null where not compared."""
    pixel_distance: int | None
    """Bits of 256 that differ from it; -1 where the pictures are equal; null where not compared."""
    by_pixels: bool
    """Whether it is called a copy because of its pixels, not because of its features."""
    network_nearest: str | None
    """Id of the reference image that the copy network finds most alike; null without one."""
    by_network: bool
    """Whether it is called a copy because of the copy network."""
    copy_witness: str | None
    """What its p-value of copying comes from; null in a table that does not record it."""
    source: str | None
    """The reference image that the pictures show in it, where that is why it is called."""
    found: PictureEvidence | None
    """What a comparison of the pictures found; null where it found nothing."""
    copy_p: float | None
    """How likely a real image is as near, by all evidence; null where not tested."""
    copy_q: float | None
    """The same as a rate of false calls among the samples; null where not tested."""
    pixel_p: float | None
    """How likely a real image is as near by the pixels; null where not compared."""
    volume_p: float | None
    """How likely a real image is as near by the vectors; null where not tested."""
    network_p: float | None
    """How likely a real image is as near by the copy network; null without one."""
    two_sample_score: float | None
    """How much it differs from reference images, by the classifier of the two-sample test."""
    verdict: str | None
    """Its verdict; null where the table has none."""
    reason: str | None
    """Why it has this verdict."""
    decision: str | None
    """What people decided of it: `copy` or `not a copy`; null where nothing is decided."""
    decision_source: str | None
    """The reference image that this decision is about; the first of several."""
    stability: float | None
    """Share of the tried k with the same verdict."""
    dissents: tuple[str, ...]
    """What second opinions say, where they contest the verdict."""
    tried: int
    """At how many k the verdict was tried."""
    standing: Mapping[str, Standing]
    """By column: where its value stands among the reference's own images."""
    times_usual: float | None
    """`nearest_distance` over its median among the reference's own images."""
    on_request: Mapping[str, Plain]
    """Scores that were requested, by column."""
    metadata: Mapping[str, Plain]
    """What the source says of the image, by key; label and prompt stand above."""


def records(table: pa.Table, rows: NDArray[np.int64], own: Mapping[str, Spread]) -> list[Record]:
    """Rows of the table, each with its standing among the reference's `own` values."""
    return [_record(row, own) for row in rows_of(table, rows)]


def _record(row: Row, own: Mapping[str, Spread]) -> Record:
    usual = own["nearest_distance"].at(0.5) if "nearest_distance" in own else 0.0
    inside, nearest_distance = row.true("inside"), row.number("nearest_distance")
    return Record(
        id=row.text("id") or "",
        label=_text(row.plain("label")),
        prompt=_text(row.plain("prompt")),
        inside=inside,
        rarity=row.number("rarity") if inside else None,
        rarity_witness=row.text("rarity_witness") if inside else None,
        balls=row.count("balls") or 0,
        knn_distance=row.number("knn_distance"),
        realism=row.finite("realism"),
        nearest=row.text("nearest") or "",
        nearest_distance=nearest_distance,
        neighbors=tuple(
            Neighbor(one.text("id") or "", one.number("distance")) for one in row.rows("neighbors")
        ),
        pixel_nearest=row.text("pixel_nearest"),
        pixel_distance=row.count("pixel_distance"),
        by_pixels=row.text("verdict") in COPIED and by_test(row) == PIXELS,
        network_nearest=row.text("network_nearest"),
        by_network=row.text("verdict") in COPIED and by_test(row) == NETWORK,
        copy_witness=row.text("copy_witness"),
        source=named_source(row),
        found=picture_evidence(row),
        copy_p=row.finite("copy_p"),
        copy_q=row.finite("copy_q"),
        pixel_p=row.finite("pixel_p"),
        volume_p=row.finite("volume_p"),
        network_p=row.finite("network_p"),
        two_sample_score=row.finite("two_sample_score"),
        verdict=row.text("verdict"),
        reason=row.text("reason"),
        decision=row.text("decision"),
        decision_source=row.text("decision_source"),
        stability=row.finite("stability"),
        dissents=tuple(dissents(row)),
        tried=len(row.values("rarity_by_k")),
        standing={
            name: _standing(spread, row.number(name))
            for name, spread in own.items()
            if inside or name != "rarity"
        },
        times_usual=nearest_distance / usual if usual > 0 else None,
        on_request={name: row.plain(name) for name in ON_REQUEST if name in row.cells},
        metadata={
            name: row.plain(name) for name in metadata_names(row.cells) if name not in OWN_PLACES
        },
    )


def _text(value: Plain) -> str | None:
    return None if value is None else str(value)


def named_source(row: Row) -> str | None:
    """The reference image that the pictures show, where that is why the sample is called."""
    by_source = witness_of(*(row.finite(name) for name in FIGURES)) == EVIDENCE
    return row.text("source") if by_source and row.text("verdict") in COPIED else None


def by_test(row: Row) -> Witness:
    """The test that is the strongest evidence of a copy, without direct evidence."""
    return witness_of(*(row.finite(name) for name in BY_TEST.values()))


def named_by_test(row: Row) -> str | None:
    """The reference image that it names."""
    named = {PIXELS: "pixel_nearest", NETWORK: "network_nearest"}
    return row.text(named.get(by_test(row), "nearest"))


def _standing(spread: Spread, value: float) -> Standing:
    return Standing(above=spread.share_below(value), below=spread.share_above(value))
