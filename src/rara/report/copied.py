"""The pair that a card is about: a sample, and the image that it is called a copy of.

Record --accused_image, decided_image--> the id of that image --evidence_sentence--> what named it
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rara.report.controls import SAME_PIXELS
from rara.report.formatting import p_in_words
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
    by_test = "pixels" if record.by_pixels else "vectors"
    by_test = "the copy network" if record.by_network else by_test
    loudest = "the pictures" if record.source else by_test
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
