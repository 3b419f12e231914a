"""An audit in words: plain lines for a terminal, and a page with the pictures.

Audit.to_dict() --audit_lines--> lines of at most 80 columns
Audit.to_dict() + pictures --audit_html--> one self-contained file
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from textwrap import wrap
from typing import Any

from rara.report.cards import LARGE
from rara.report.formatting import counted, number, percent, shorten, width
from rara.report.score_page import rendered
from rara.report.summary import COLUMNS
from rara.report.thumbnails import Album, Pictures, Side

LABEL = 20
TEXT = COLUMNS - LABEL
NAME = 24
NAMED = 3
"""Cases that the terminal names."""
SHOWN = 40
"""Cases that the page shows."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How a kind of finding reads."""

    title: str
    meaning: str
    """What it does to scores, and what helps."""
    link: str = ""
    """Between the two of a pair, in the terminal."""
    sides: tuple[Side, Side] = ("reference", "reference")
    """Where the pictures of the two are from."""
    pictured: bool = True
    """Whether its cases are images."""


WORDINGS = {
    "constant vectors": Wording(
        "Constant vectors",
        "All images have the same vector: these features carry no information. Use another "
        "extractor, or other images.",
    ),
    "exact duplicates": Wording(
        "Exact duplicates",
        "Images with the same content, or the same vector, as an earlier one. Each takes a place "
        "among the k nearest of the others: their balls shrink, fewer samples are inside, and "
        "copies are harder to detect. Deduplicate, so that only different images count.",
        link=" = ",
    ),
    "near duplicates": Wording(
        "Near duplicates",
        "Much nearer to each other than to the next images, unlike the images around them. "
        "They shrink balls as exact duplicates do. How many of them are false is measured on data "
        "without duplicates, not proven. Look at the pairs; deduplicate them if they are alike.",
        link=" ~ ",
    ),
    "bursts": Wording(
        "Bursts",
        "Groups of images far nearer to each other than to all others, such as frames of one film. "
        "Each shows its first image and the one farthest from it. "
        "Error rates hold for images of the same scenes, not for new ones; with --unit found, or "
        "--unit folder where each has its own, they hold for new ones.",
        link=" … ",
    ),
    "radius 0": Wording(
        "Radius 0",
        "These images have k or more exact duplicates: their balls hold nothing but them.",
    ),
    "huge balls": Wording(
        "Huge balls",
        "Images so far from all others that nearly anything lies in their balls. Even junk is "
        "inside there, and the rarest of all. Beside each is its nearest other image. If they do "
        "not belong to the reference, remove them, or clip the radii.",
        link=", nearest ",
    ),
    "members": Wording(
        "Samples in it",
        "These samples are images of the reference: their scores are those of copies.",
        link=" = ",
        sides=("samples", "reference"),
    ),
    "near members": Wording(
        "Samples near it",
        "These samples are as near to an image of the reference as near duplicates are: much "
        "nearer than to the next images. How many of them are false is measured on data without "
        "duplicates, not proven. Look at the pairs.",
        link=" ~ ",
        sides=("samples", "reference"),
    ),
    "small classes": Wording(
        "Small classes",
        "Labels with k or fewer images: their balls reach into other classes.",
        pictured=False,
    ),
    "skipped": Wording(
        "Skipped",
        "Images that could not be used: they are not in the reference.",
        pictured=False,
    ),
    "constant features": Wording(
        "Constant features",
        "The same number for all images: these features carry no information and do no harm.",
        pictured=False,
    ),
}


def audit_lines(facts: Mapping[str, Any]) -> list[str]:
    """What was found as plain text, worst first, in lines of at most 80 columns."""
    lead = f"{counted(facts['images'], 'image')} (k = {facts['k']}) from "
    lines = [_line("Audited", lead + shorten(facts["location"], TEXT - width(lead)))]
    if facts["samples"] is not None:
        lines.append(_line("with samples", shorten(facts["samples"], TEXT)))
    for found in facts["findings"]:
        wording = WORDINGS[found["kind"]]
        for label, text in zip((wording.title, ""), _told(found, wording), strict=False):
            lines.append(_line(label, text))
    return [*lines, *_rest(facts)]


def sentence(found: Mapping[str, Any]) -> str:
    """One finding in a few words."""
    kind, count, measures = found["kind"], found["count"], found["measures"]
    images, share = counted(count, "image"), percent(found["share"])
    match kind:
        case "constant vectors":
            return "all vectors are equal: they carry no information"
        case "exact duplicates" | "near duplicates":
            return f"{images} ({share}) of {counted(measures['groups'], 'group')} can go"
        case "bursts":
            groups, largest = counted(measures["groups"], "burst"), measures["largest"]
            return f"{images} ({share}) in {groups}, of up to {largest:,}"
        case "radius 0":
            return f"{images} ({share}) with k or more exact duplicates"
        case "huge balls":
            return f"{images}, with {share} of the space in all balls"
        case "members":
            return f"{counted(count, 'sample')} ({share}): images of the reference"
        case "near members":
            return f"{counted(count, 'sample')} ({share}): near duplicates of its images"
        case "small classes":
            return f"{count:,} of {counted(measures['labels'], 'label')}, with k or fewer images"
        case "skipped":
            return f"{images} ({share}) could not be used"
    return f"{count:,} of {measures['features']:,} ({share}), {measures['zero']:,} of them always 0"


def audit_html(facts: Mapping[str, Any], pictures: Pictures | None) -> str:
    """The audit as one HTML page that needs no other file, no script and no network."""
    album = Album()
    sections = [hung(found, pictures, album) for found in facts["findings"]]
    return rendered(
        "audit.html.j2",
        {
            **facts,
            "sections": sections,
            "nothing": _not_found(facts),
            "pictures": album.thumbnails,
            "versions": {"rara": version("rara")},
        },
    )


def _line(label: str, text: str) -> str:
    return f"{label:<{LABEL}}{text}"


def _told(found: Mapping[str, Any], wording: Wording) -> Iterator[str]:
    yield sentence(found)
    named = ""
    for case in found["cases"][:NAMED]:
        longer = f"{named}; {_named(case, wording)}" if named else _named(case, wording)
        if width(longer) > TEXT:
            break
        named = longer
    if named:
        yield named
    elif found["cases"]:
        yield shorten(_named(found["cases"][0], wording), TEXT)


def _named(case: Mapping[str, Any], wording: Wording) -> str:
    name = shorten(case["id"], NAME)
    if case["beside"] is not None and not case["note"]:
        away = f" ({number(case['distance'])})" if case["distance"] else ""
        return f"{name}{wording.link}{shorten(case['beside'], NAME)}{away}"
    return f"{name} ({case['note']})" if case["note"] else name


def _rest(facts: Mapping[str, Any]) -> Iterator[str]:
    """What was looked for and not found, and what can be done."""
    nothing = wrap(", ".join(_not_found(facts)), TEXT)
    for label, text in zip(("Not found", *[""] * len(nothing)), nothing, strict=False):
        yield _line(label, text)
    kinds = {found["kind"] for found in facts["findings"]}
    near, exact = "near duplicates" in kinds, "exact duplicates" in kinds
    options = [f"--deduplicate {'near' if near else 'exact'}"] if near or exact else []
    options += ["--unit found"] if "bursts" in kinds else []
    options += ["--clip-radii 0.99"] if "huge balls" in kinds else []
    if options:
        yield _line("What helps", f"rara reference build {' '.join(options)}")


def _not_found(facts: Mapping[str, Any]) -> list[str]:
    said = {found["kind"] for found in facts["findings"]}
    if facts["samples"] is None:
        said |= {"members", "near members"}
    return [wording.title.lower() for kind, wording in WORDINGS.items() if kind not in said]


def hung(
    found: Mapping[str, Any],
    pictures: Pictures | None,
    album: Album,
    *,
    most: int = SHOWN,
    edge: int = LARGE,
) -> dict[str, Any]:
    """A finding as a page shows it: at most so many pairs, each picture by its key in the album."""
    wording = WORDINGS[found["kind"]]
    cases = [dict(case) for case in found["cases"][:most]]
    places = dict(zip(("id", "beside"), wording.sides, strict=True))
    edges: dict[Side, dict[str, int]] = {side: {} for side in wording.sides}
    for name, side in places.items() if wording.pictured else ():
        edges[side] |= {case[name]: edge for case in cases if case[name]}
    keys = {side: album.add_all(side, wanted, pictures) for side, wanted in edges.items()}
    for case in cases:
        case |= {f"{name}_picture": keys[side].get(case[name]) for name, side in places.items()}
    return {
        "key": found["kind"].replace(" ", "-"),
        "wording": wording,
        "sentence": sentence(found),
        "cases": cases,
        "more": len(found["cases"]) - len(cases),
    }
