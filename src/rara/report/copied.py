"""The pair that a card is about: a sample, and the image that it is called a copy of.

Record --accused_image, decided_image--> the id of that image --evidence_sentence--> what named it
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rara.report.controls import SAME_PIXELS
from rara.report.formatting import number, p_in_words
from rara.report.records import Record
from rara.report.verdicts import COPIED

SAME = -1
"""Bits by which the same picture in another file differs."""


def accused_image(record: Record) -> str | None:
    """The reference image that a sample is called a copy of; None where it is called none.

    The reason names it. After a decision it can be another image than the columns name.
    """
    if record.verdict not in COPIED:
        return None
    names = [*_named(record), *(one.id for one in record.neighbors)]
    told = [name for name in dict.fromkeys(names) if _names(record.reason or "", name)]
    if told:
        return max(told, key=len)  # `1` is also the beginning of `1 2`
    if record.decision == "copy" and record.decision_source is not None:
        return record.decision_source
    return next(_named(record))


def decided_image(record: Record) -> str | None:
    """The reference image that people decided about; None where nothing is decided."""
    return record.decision_source if record.decision is not None else None


def asked_image(record: Record) -> str | None:
    """The image that people may decide about: the accused one, or else one decided before."""
    return accused_image(record) or decided_image(record)


def fact(record: Record, image: str) -> str:
    """Why no decision changes the verdict on the pair; empty where one does."""
    same = record.pixel_distance == SAME and record.pixel_nearest == image
    return SAME_PIXELS if same else ""


def in_words(record: Record) -> str:
    """What was done to the source, in a few words; else what the sample has in common with it."""
    if record.source is not None and record.found is not None:
        return record.found.edit or "the same picture"
    if record.pixel_distance == SAME and record.by_pixels:
        return "the same picture"
    if record.nearest_distance == 0 and not record.by_pixels and not record.by_network:
        return "the same features"
    p = "" if record.copy_p is None else f" ({p_in_words(record.copy_p)})"
    return f"{EVIDENCE_OF.get(_loudest(record), 'nearer than real images are')}{p}"


def copy_numbers(record: Record, image: str) -> list[tuple[str, str]]:
    """What names the image a source, in words first, then the numbers."""
    numbers = [("what was done", in_words(record))]
    if record.copy_p is not None:
        numbers.append(("copy_p", p_in_words(record.copy_p)))
    if record.pixel_distance is not None and record.pixel_nearest == image:
        bits = "none, the same picture" if record.pixel_distance < 0 else f"{record.pixel_distance}"
        numbers.append(("bits of 256 that differ", bits))
    if record.nearest == image:
        numbers.append(("distance", number(record.nearest_distance)))
    if record.copy_q is not None:
        numbers.append(("copy_q", f"{record.copy_q:.2g}"))
    if record.stability is not None and record.tried:
        same = round(record.stability * record.tried)
        numbers.append(("the same verdict", f"at {same} of {record.tried} values of k"))
    return numbers


EVIDENCE_OF = {
    "pixels": "pixels nearer than real images have",
    "vectors": "features nearer than real images have",
    "the copy network": "nearer than real images are, by the copy network",
}


def _loudest(record: Record) -> str:
    """The test that is the strongest evidence."""
    if record.by_network:
        return "the copy network"
    return "pixels" if record.by_pixels else "vectors"


def evidence_sentence(record: Record) -> str:
    """Which comparison named the image, and the p-values of the others; empty without one.

    `Named by the pictures (p = 2e-10); by pixels p = 0.04, by vectors p = 0.31.`
    """
    if record.verdict not in COPIED or record.decision == "copy" or record.pixel_distance == SAME:
        return ""
    values = {
        "the pictures": None if record.found is None else record.found.p,
        "pixels": record.pixel_p,
        "vectors": record.volume_p,
        "the copy network": record.network_p,
    }
    loudest = "the pictures" if record.source else _loudest(record)
    first = values.pop(loudest)
    if first is None or first == 0:
        return ""
    rest = [f"by {name} {p_in_words(p)}" for name, p in values.items() if p is not None]
    end = f"; {', '.join(rest)}" if rest else ""
    return f"Named by {loudest} ({p_in_words(first)}){end}."


def _named(record: Record) -> Iterator[str]:
    """The images that the columns name, what speaks first."""
    if record.source is not None:
        yield record.source
    if record.by_network and record.network_nearest is not None:
        yield record.network_nearest
    if record.by_pixels and record.pixel_nearest is not None:
        yield record.pixel_nearest
    yield record.nearest
    if record.pixel_nearest is not None:
        yield record.pixel_nearest


def _names(reason: str, name: str) -> bool:
    """Whether a verdict's reason names a reference image."""
    return re.search(rf"reference image {re.escape(name)}(?=[ ,.;]|$)", reason) is not None
