"""Facts: what a score table says, as one plain dict without pictures.

Shared by the terminal's few lines, the page and whatever else shows results:
counts, the share outside beside the reference's own, quantiles, and the picks,
which are the few samples worth a look. Nothing here is NaN or infinite: what has
no value is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypedDict, get_args

import numpy as np
from numpy.typing import NDArray

from rara.arguments import short
from rara.columns import ON_REQUEST, metadata_names
from rara.errors import ParameterError
from rara.provenance.json_format import encoded
from rara.provenance.parts import ReferencePart, SamplesPart
from rara.provenance.provenance import Provenance
from rara.report.calibration import Calibration, calibration
from rara.report.disagreement import Dissent, dissent, dissents
from rara.report.groups import Grouped, grouped, strays
from rara.report.rarest import called, inside, order_of_rarity, ordered
from rara.report.rarest import numbers as _column
from rara.report.reference_quantiles import Spread, own_spreads
from rara.report.repeats import Repeated, repeated
from rara.report.siblings import OddOnes, odd_ones
from rara.report.two_sample import Difference, difference
from rara.report.verdicts import ASTRAY, COPIED, Verdicts, verdicts
from rara.verdict.reasons import speaks_by_pixels
from rara.verdict.rules import Verdict

if TYPE_CHECKING:
    import pyarrow as pa

CARDS = 8
"""Cards that a section of the page shows, unless asked for more."""
MOST_CARDS = 200
"""So many keep the page's size bounded: the lists under the cards hold the others."""
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
OWN_PLACES = ("label", "prompt")
"""Metadata that a record shows in a place of its own."""


class Standing(TypedDict):
    """Shares of the reference's own images that a value is surely above and below."""

    above: float
    below: float


class Neighbor(TypedDict):
    """A reference image and its distance to the sample."""

    id: str
    distance: float


class Record(TypedDict):
    """One sample's row, and where it stands among the reference's own images.

    `by_pixels`: it was called a copy because of its pixels rather than its vector.
    """

    id: str
    label: str | None
    prompt: str | None
    inside: bool
    rarity: float | None
    rarity_witness: str | None
    balls: int
    knn_distance: float
    realism: float | None
    nearest: str
    nearest_distance: float
    neighbors: list[Neighbor]
    pixel_nearest: str | None
    pixel_distance: int | None
    by_pixels: bool
    two_sample_score: float | None
    verdict: str | None
    reason: str | None
    stability: float | None
    dissents: list[str]
    tried: int
    """At how many k its stability was tried."""
    standing: dict[str, Standing]
    times_usual: float | None
    on_request: dict[str, Any]
    """Scores that were asked for beside the usual ones, by their columns."""
    metadata: dict[str, Any]


class Facts(TypedDict):
    """Everything that is said of a table; see `facts`.

    `leave_one_out`: the samples are the reference's own images, each judged without itself.
    """

    samples: dict[str, Any]
    reference: dict[str, Any]
    k: int
    boundary: str
    compat: str | None
    leave_one_out: bool
    calibration: Calibration | None
    two_sample: Difference | None
    verdicts: Verdicts | None
    dissent: Dissent | None
    grouped: Grouped | None
    odd_ones: OddOnes | None
    repeated: Repeated | None
    extractor: dict[str, Any] | None
    versions: dict[str, str]
    quantiles: dict[str, dict[str, list[float] | None]]
    picks: dict[str, list[Record]]


def checked_cards(cards: int | None) -> int:
    """How many cards a section shows; raises ParameterError where it could not."""
    if cards is None:
        return CARDS
    if not isinstance(cards, Integral) or not 1 <= cards <= MOST_CARDS:
        raise ParameterError(
            f"cards = {short(cards)}: give a number from 1 to {MOST_CARDS}. The page lists further "
            "samples by name."
        )
    return int(cards)


def facts(table: pa.Table, provenance: Provenance, *, cards: int = CARDS) -> Facts:
    """What was judged against what, how much of it lies outside, and the samples to look at.

    `picks` holds at most `cards` samples each of the `copies` (and near copies), the `rarest`
    (inside, in the order of `order_of_rarity`), the most `typical` (smallest distance to the k-th
    nearest reference image), the `nearest` to one reference image, the `farthest` outside, and,
    where a classifier tells samples from reference images, those with the greatest
    `two_sample_score`. The rarest and the typical are no copies, and the rarest are not off the
    manifold, by the verdicts where there are any. Where samples were judged by their groups or
    among siblings, there are `strays` and `odd` ones; `repeats` are samples that others repeat;
    `contested` are those whose verdict others contest. Each is its row, plus `standing`: for each
    number, the share of the reference's own images (leave-one-out) that it is `above` and `below`.
    """
    own = own_spreads(provenance.reference)
    samples = _samples(table, provenance.samples)
    reference = _reference(provenance.reference)
    odd = odd_ones(table, provenance, most=cards)
    repeats = repeated(table, provenance, most=cards)
    whole = samples["count"] >= samples["scored"]  # the test is of all that were scored
    outside = samples["share_outside"] if whole else None
    found = difference(provenance, outside, reference["share_outside"])
    return {
        "samples": samples,
        "reference": reference,
        "k": provenance.k,
        "boundary": provenance.boundary,
        "compat": provenance.compat,
        "leave_one_out": provenance.leave_one_out,
        "calibration": calibration(table, provenance),
        "two_sample": found,
        "verdicts": verdicts(table, provenance),
        "dissent": dissent(table, provenance),
        "grouped": grouped(table, provenance),
        "odd_ones": odd,
        "repeated": repeats,
        "extractor": encoded(provenance.extractor),
        "versions": {"rara": provenance.rara, **provenance.versions},
        "quantiles": {
            "rarity": _quantiles(rarities(table), own.get("rarity")),
            "knn_distance": _quantiles(_column(table, "knn_distance"), own.get("knn_distance")),
            "nearest_distance": _quantiles(
                _column(table, "nearest_distance"), own.get("nearest_distance")
            ),
        },
        "picks": {
            name: records(table, rows[:cards], own)
            for name, rows in {
                **_picks(table, found, cards),
                "odd": _rows(table, odd),
                "repeats": _rows(table, repeats),
            }.items()
            if rows is not None
        },
    }


def rarities(table: pa.Table) -> NDArray[np.float64]:
    """Rarity of the samples that are inside, in the order of the table."""
    return _column(table, "rarity")[inside(table)]


def records(table: pa.Table, rows: NDArray[np.int64], own: Mapping[str, Spread]) -> list[Record]:
    """Rows of the table as plain dicts, each with its standing."""
    return [_record(row, own) for row in table.take(rows).to_pylist()]


def _samples(table: pa.Table, origin: SamplesPart) -> dict[str, Any]:
    outside = int(np.count_nonzero(~inside(table)))
    return {
        "location": origin.location,
        "fingerprint": origin.fingerprint,
        "count": table.num_rows,
        # A table may have been filtered since it was scored.
        "scored": origin.count,
        "remarks": list(origin.remarks),
        "skipped": encoded(origin.skipped),
        "noted": encoded(origin.noted),
        "outside": outside,
        "share_outside": outside / table.num_rows if table.num_rows else None,
    }


def _reference(origin: ReferencePart) -> dict[str, Any]:
    known = origin.leave_one_out
    return {
        "location": origin.location,
        "fingerprint": origin.fingerprint,
        "metric": origin.metric,
        "count": origin.count,
        "remarks": list(origin.remarks),
        "skipped": origin.skipped,
        "noted": encoded(origin.noted),
        "share_outside": None if known is None else 1 - known.inside,
    }


def _quantiles(values: NDArray[np.float64], own: Spread | None) -> dict[str, list[float] | None]:
    return {
        "samples": np.quantile(values, LEVELS).tolist() if len(values) else None,
        "reference": None if own is None else [own.at(level) for level in LEVELS],
    }


def _picks(
    table: pa.Table, found: Difference | None, cards: int
) -> dict[str, NDArray[np.int64] | None]:
    """Row numbers, the most telling first; among equals the table's order decides."""
    copied, astray = called(table, COPIED), called(table, ASTRAY)
    kinds = [ordered(np.flatnonzero(called(table, {one})), *copying(table)) for one in COPIED]
    outside = np.flatnonzero(~inside(table) | astray)
    everything = np.arange(table.num_rows)
    knn, nearest = _column(table, "knn_distance"), _column(table, "nearest_distance")
    return {
        "copies": _of_both(kinds[0], kinds[1], cards),
        "rarest": order_of_rarity(table),
        "typical": ordered(np.flatnonzero(~copied), knn, nearest),
        "nearest": ordered(everything, nearest, knn),
        "farthest": ordered(outside, *far_out(table), -nearest, -knn),
        **_two_sample(table, found),
        **_strays(table),
        **_contested(table),
    }


def far_out(table: pa.Table) -> list[NDArray[np.float64]]:
    """How seldom real images are so far out, where that is known."""
    if "off_manifold_p" not in table.column_names or "ball_ratio" not in table.column_names:
        return []
    return [_column(table, "off_manifold_p"), -_column(table, "ball_ratio")]


def _two_sample(table: pa.Table, found: Difference | None) -> dict[str, NDArray[np.int64]]:
    if found is None or not found["detected"] or "two_sample_score" not in table.column_names:
        return {}
    scores = _column(table, "two_sample_score")
    return {"two_sample_score": ordered(np.arange(table.num_rows), -scores)}


def _strays(table: pa.Table) -> dict[str, NDArray[np.int64]]:
    known = "group_off_manifold_q" in table.column_names
    return {"strays": strays(table)} if known else {}


def _contested(table: pa.Table) -> dict[str, NDArray[np.int64]]:
    return {"contested": contested(table)} if "contested" in table.column_names else {}


def _rows(table: pa.Table, found: OddOnes | Repeated | None) -> NDArray[np.int64] | None:
    """The rows of its cases; None where nobody looked for them."""
    if found is None:
        return None
    place = {name: row for row, name in enumerate(table["id"].to_pylist())}
    return np.array([place[case["id"]] for case in found["cases"]], dtype=np.int64)


def contested(table: pa.Table) -> NDArray[np.int64]:
    """Rows whose verdict others contest, the verdicts in the order in which they are decided."""
    place = {verdict: at for at, verdict in enumerate(get_args(Verdict))}
    rows = np.flatnonzero(table["contested"].to_numpy(zero_copy_only=False))
    standing = np.array(
        [place.get(one, len(place)) for one in table["verdict"].take(rows).to_pylist()], np.int64
    )
    found: NDArray[np.int64] = rows[np.argsort(standing, kind="stable")]
    return found


def _of_both(one: NDArray[np.int64], other: NDArray[np.int64], cards: int) -> NDArray[np.int64]:
    """As many of both as fit, so that copies in every pixel do not crowd out the altered ones."""
    half = max(cards // 2, cards - len(other))
    return np.concatenate([one[:half], other])[:cards]


def copying(table: pa.Table) -> list[NDArray[np.float64]]:
    """What tells the likest copy: many share the smallest p-value that there can be."""
    known = [name for name in ("copy_p", "copy_volume") if name in table.column_names]
    return [_column(table, name) for name in known or ["nearest_distance"]]


def _record(row: Mapping[str, Any], own: Mapping[str, Spread]) -> Record:
    usual = own["nearest_distance"].at(0.5) if "nearest_distance" in own else 0.0
    held = row["inside"]
    return {
        "id": row["id"],
        "label": row.get("label"),
        "prompt": row.get("prompt"),
        "inside": held,
        "rarity": row["rarity"] if held else None,
        "rarity_witness": row["rarity_witness"] if held else None,
        "balls": row["balls"],
        "knn_distance": row["knn_distance"],
        "realism": _finite(row["realism"]),
        "nearest": row["nearest"],
        "nearest_distance": row["nearest_distance"],
        "neighbors": row["neighbors"] or [],
        "pixel_nearest": row.get("pixel_nearest"),
        "pixel_distance": row.get("pixel_distance"),
        "by_pixels": row.get("verdict") in COPIED
        and speaks_by_pixels(row.get("pixel_p"), row.get("volume_p")),
        "two_sample_score": row.get("two_sample_score"),
        "verdict": row.get("verdict"),
        "reason": row.get("reason"),
        "stability": _finite(row.get("stability")),
        "dissents": dissents(row),
        "tried": len(row.get("rarity_by_k") or ()),
        "standing": {
            name: {"above": spread.share_below(row[name]), "below": spread.share_above(row[name])}
            for name, spread in own.items()
            if held or name != "rarity"
        },
        "times_usual": row["nearest_distance"] / usual if usual > 0 else None,
        "on_request": {name: _plain(row[name]) for name in ON_REQUEST if name in row},
        "metadata": {
            name: _plain(row[name]) for name in metadata_names(row) if name not in OWN_PLACES
        },
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _plain(value: Any) -> Any:
    """Metadata as JSON can hold it: anything unusual in words."""
    if isinstance(value, float):
        return _finite(value)
    return value if value is None or isinstance(value, str | int) else str(value)
