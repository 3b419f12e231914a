"""An audit in words: plain lines for a terminal, and a page with the pictures.

AuditFacts --audit_lines--> lines of at most 80 columns
AuditFacts + pictures --audit_html--> one self-contained file
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import wrap

from rara import __version__
from rara.report.audit_facts import AuditFacts, Case, Finding, Kind
from rara.report.formatting import counted, number, percent, shorten, width
from rara.report.gallery import LARGE
from rara.report.score_page import rendered
from rara.report.summary import COLUMNS
from rara.report.thumbnails import Album, PictureKeys, Pictures, Side, Thumbnail
from rara.report.trust import trust_sentence

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A finding as a page shows it."""

    key: str
    wording: Wording
    sentence: str
    cases: tuple[Case, ...]
    more: int
    """How many cases are not shown."""
    keys: PictureKeys
    """Of the pictures of its cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """What the page shows; its fields are the names in the template."""

    facts: AuditFacts
    sections: tuple[Section, ...]
    absent: tuple[str, ...]
    """What was searched and not found."""
    trust: str
    """How far FID and k-NN figures may be believed."""
    pictures: Mapping[str, Thumbnail]
    """By their keys."""
    versions: Mapping[str, str]


WORDINGS: Mapping[Kind, Wording] = {
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
        "--unit folder where each scene has a folder, they hold for new ones.",
        link=" … ",
    ),
    "radius 0": Wording(
        "Radius 0",
        "These images have k or more exact duplicates: their balls hold only these duplicates.",
    ),
    "huge balls": Wording(
        "Huge balls",
        "Images so far from all others that nearly anything lies in their balls. Even junk is "
        "inside them, and ranks as the rarest. Beside each is its nearest other image. If they do "
        "not belong to the reference, remove them, or clip the radii.",
        link=", nearest ",
    ),
    "members": Wording(
        "Samples in it",
        "These samples are images of the reference: they get the scores of copies.",
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


def audit_lines(facts: AuditFacts) -> list[str]:
    """What was found as plain text, worst first, in lines of at most 80 columns."""
    lead = f"{counted(facts.images, 'image')} (k = {facts.k}) from "
    lines = [_line("Audited", lead + shorten(facts.location, TEXT - width(lead)))]
    if facts.samples is not None:
        lines.append(_line("with samples", shorten(facts.samples, TEXT)))
    for finding in facts.findings:
        wording = WORDINGS[finding.kind]
        for label, text in zip((wording.title, ""), _texts(finding, wording), strict=False):
            lines.append(_line(label, text))
    return [*lines, *_rest(facts)]


def sentence(finding: Finding) -> str:
    """One finding in a few words."""
    kind, count, measure = finding.kind, finding.count, finding.measure
    images, share = counted(count, "image"), percent(finding.share)
    match kind:
        case "constant vectors":
            return "all vectors are equal: they carry no information"
        case "exact duplicates" | "near duplicates":
            return f"{images} ({share}) of {counted(measure('groups'), 'group')} can be removed"
        case "bursts":
            groups, largest = counted(measure("groups"), "burst"), measure("largest")
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
            return f"{count:,} of {counted(measure('labels'), 'label')}, with k or fewer images"
        case "skipped":
            return f"{images} ({share}) could not be used"
    return f"{count:,} of {measure('features'):,} ({share}), {measure('zero'):,} of them always 0"


def audit_html(facts: AuditFacts, pictures: Pictures | None) -> str:
    """The audit as one HTML page that needs no other file, no script and no network."""
    album = Album()
    page = AuditPage(
        facts=facts,
        sections=tuple(section_of(finding, pictures, album) for finding in facts.findings),
        absent=tuple(_absent(facts)),
        trust=trust_sentence(facts),
        pictures=album.thumbnails,
        versions={"rara": __version__},
    )
    return rendered("audit.html.j2", page)


def section_of(
    finding: Finding,
    pictures: Pictures | None,
    album: Album,
    *,
    most: int = SHOWN,
    edge: int = LARGE,
) -> Section:
    """At most so many cases of a finding, their pictures put into the album."""
    wording, cases = WORDINGS[finding.kind], finding.cases[:most]
    edges: dict[Side, dict[str, int]] = {"samples": {}, "reference": {}}
    if wording.pictured:
        own, others = wording.sides
        edges[own] |= {case.id: edge for case in cases if case.id}
        edges[others] |= {case.other: edge for case in cases if case.other}
    keys = {side: album.add_all(side, edges[side], pictures) for side in edges}
    return Section(
        key=finding.kind.replace(" ", "-"),
        wording=wording,
        sentence=sentence(finding),
        cases=cases,
        more=len(finding.cases) - len(cases),
        keys=PictureKeys(samples=keys["samples"], reference=keys["reference"]),
    )


def _line(label: str, text: str) -> str:
    return f"{label:<{LABEL}}{text}"


def _texts(finding: Finding, wording: Wording) -> Iterator[str]:
    """The sentence, and as many cases as fit on a line."""
    yield sentence(finding)
    line = ""
    for case in finding.cases[:NAMED]:
        longer = f"{line}; {_case(case, wording)}" if line else _case(case, wording)
        if width(longer) > TEXT:
            break
        line = longer
    if line:
        yield line
    elif finding.cases:
        yield shorten(_case(finding.cases[0], wording), TEXT)


def _case(case: Case, wording: Wording) -> str:
    name = shorten(case.id, NAME)
    if case.other is not None and not case.note:
        away = f" ({number(case.distance)})" if case.distance else ""
        return f"{name}{wording.link}{shorten(case.other, NAME)}{away}"
    return f"{name} ({case.note})" if case.note else name


def _rest(facts: AuditFacts) -> Iterator[str]:
    """What was searched and not found, what can be done, and what to trust."""
    yield from _wrapped("Not found", ", ".join(_absent(facts)))
    kinds = {finding.kind for finding in facts.findings}
    near, exact = "near duplicates" in kinds, "exact duplicates" in kinds
    options = [f"--deduplicate {'near' if near else 'exact'}"] if near or exact else []
    options += ["--unit found"] if "bursts" in kinds else []
    options += ["--clip-radii 0.99"] if "huge balls" in kinds else []
    if options:
        yield _line("What helps", f"rara reference build {' '.join(options)}")
    yield from _wrapped("Trust", trust_sentence(facts))


def _wrapped(label: str, text: str) -> Iterator[str]:
    for part in wrap(text.replace(" %", "\u00a0%"), TEXT):  # a number stays with its unit
        yield _line(label, part.replace("\u00a0", " "))
        label = ""


def _absent(facts: AuditFacts) -> list[str]:
    kinds = {finding.kind for finding in facts.findings}
    if facts.samples is None:
        kinds |= {"members", "near members"}
    return [wording.title.lower() for kind, wording in WORDINGS.items() if kind not in kinds]
