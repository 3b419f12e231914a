"""One plain sentence about one sample: its verdict's reason, or what was measured.

Where there is no verdict, each compares a number with the reference's own images where they
are known, and says the bare number where they are not.
"""

from __future__ import annotations

from rara.report.formatting import at_least, in_sentence, nearest_of, number, shorten, times
from rara.report.records import Record, Standing
from rara.report.rows import Row

REASON_COLUMNS = 400
NOTABLE = 0.01
"""Below this share on both sides, a value is like those of all reference images."""

RARER = (
    "Rarer than {share} the reference's own images that are inside",
    "Less rare than {share} the reference's own images that are inside",
    "As rare as the reference's own images that are inside",
)
CLOSER = (
    "Farther from its {neighbor} reference image than {share} reference images are from theirs",
    "Closer to its {neighbor} reference image than {share} reference images are to theirs",
    "As far from its {neighbor} reference image as reference images are from theirs",
)

IN_SHORT = (
    "farther than {share} reference images are from their own nearest",
    "closer than {share} reference images are to their own nearest",
    "as far as reference images are from their own nearest",
)


def reason(record: Record) -> str | None:
    """The verdict's reason with the reference image's name made fit to be shown."""
    if record.reason is None:
        return None
    image, shown = "reference image {}", record.reason
    names = (record.source, record.nearest, record.pixel_nearest, record.network_nearest)
    for name in filter(None, names):
        shown = shown.replace(image.format(name), image.format(in_sentence(name)), 1)
    return shorten(shown, REASON_COLUMNS)


def rarity_sentence(record: Record) -> str:
    """How rare, and which ball says so."""
    witness, radius = in_sentence(record.rarity_witness or ""), number(record.rarity or 0.0)
    ball = f"the smallest ball that holds it belongs to {witness} (radius {radius})."
    comparison = rarity_comparison(record)
    return f"{comparison}; {ball}" if comparison else _capital(ball)


def typicality_sentence(record: Record, k: int) -> str:
    """How far the k-th nearest reference image is."""
    comparison = _compare(CLOSER, record.standing.get("knn_distance"), nearest_of(k))
    if comparison:
        return f"{comparison}."
    return f"Its {nearest_of(k)} reference image is {number(record.knn_distance)} away."


def nearest_sentence(record: Record) -> str:
    """How near the nearest reference image is."""
    if record.nearest_distance == 0:
        nearest = in_sentence(record.nearest)
        return f"Its features are exactly those of {nearest}: the distance is 0."
    comparison = _compare(CLOSER, record.standing.get("nearest_distance"), nearest_of(1))
    return f"{comparison}." if comparison else _nearest_is(record, "Its")


def outside_sentence(record: Record) -> str:
    """How far outside, in multiples of what is usual within the reference."""
    if record.times_usual is None:
        return _nearest_is(record, "Lies outside every ball: its")
    return (
        f"Lies outside every ball: {times(record.times_usual)} as far from its nearest "
        "reference image as the reference's own images usually are (median)."
    )


def stray_sentence(record: Record) -> str:
    """Its p-value and q-value among real images of its group, and its verdict."""
    row = Row(record.on_request)
    group = in_sentence(row.text("group") or "")
    p, q = row.number("group_off_manifold_p"), row.number("group_off_manifold_q")
    whole = f" Judged by the whole reference: {record.verdict}." if record.verdict else ""
    return f"Too far out for an image of {group} (p = {p:.2g}, q = {q:.2g}).{whole}"


def stability_sentence(record: Record) -> str | None:
    """At how many of the k tried the verdict is the same; None where it is at all."""
    share, tried = record.stability, record.tried
    if share is None or share == 1 or not tried:
        return None
    return f"The same verdict at {round(share * tried)} of {tried} values of k."


def own_sentence(record: Record) -> str:
    """How rare a sample is, or how far outside."""
    return rarity_sentence(record) if record.inside else outside_sentence(record)


def rarity_comparison(record: Record) -> str | None:
    """`Rarer than 97 % of …`, or None where the reference's own rarity is not known."""
    return _compare(RARER, record.standing.get("rarity"), "")


def rarity_in_short(record: Record) -> str | None:
    """The share that the reason of what is called rare begins with, or the comparison."""
    if record.verdict == "rare" and record.reason:
        return record.reason.partition(";")[0]
    if record.verdict == "typical":
        return "Typical: no sample inside is called rare or uncommon"
    return rarity_comparison(record)


def nearest_in_short(record: Record) -> str | None:
    """`closer than 97 % of reference images are to …`, or None where theirs is not known."""
    return _compare(IN_SHORT, record.standing.get("nearest_distance"), "")


def _compare(forms: tuple[str, str, str], standing: Standing | None, neighbor: str) -> str | None:
    if standing is None:
        return None
    greater, smaller, equal = forms
    above, below = standing.above, standing.below
    if max(above, below) < NOTABLE:
        return equal.format(neighbor=neighbor)
    form, share = (greater, above) if above > below else (smaller, below)
    return form.format(share=at_least(share), neighbor=neighbor)


def _nearest_is(record: Record, subject: str) -> str:
    nearest, distance = in_sentence(record.nearest), number(record.nearest_distance)
    return f"{subject} nearest reference image, {nearest}, is {distance} away."


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
