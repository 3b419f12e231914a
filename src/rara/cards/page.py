"""Cards as a page: the picture, its verdict, and the nearest reference images beside it.

cards --page_html--> one self-contained file

A card holds no names and no pictures; where they are not at hand, digests stand in their places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from rara import __version__
from rara.cards.canonical import digest_of
from rara.cards.content import CardContent, Shown
from rara.cards.record import IMAGES
from rara.cards.sentences import (
    Figure,
    Names,
    figures_of,
    image_name,
    nearness,
    options_of,
    reason_of,
    reference_of,
    value_in_words,
    verdict_of,
)
from rara.report.formatting import counted
from rara.report.found_sources import PictureEvidence, overlap, picture_evidence
from rara.report.rows import Row
from rara.report.score_page import rendered
from rara.report.thumbnails import Album, Thumbnail
from rara.storage.atomic import write_text

SHOWN: Final = 100
"""Cards that a page shows."""
LARGE: Final = 420
"""Pixels of the longest side of the picture, and of its source."""
SMALL: Final = 160
"""The same of the images near it."""
IN_NOTEBOOK: Final = 128
"""The same in a notebook."""


WithImages: TypeAlias = tuple[CardContent, Shown]
"""A card, and the names and pictures of its images where these are at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownImage:
    """A reference image as the page shows it."""

    name: str
    digest: str
    key: str | None
    """Of its picture; None where there is none."""
    text: str
    """How near it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSource:
    """The reference image that was found in the picture."""

    image: ShownImage
    evidence: PictureEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCard:
    """A card as the page shows it."""

    name: str
    key: str | None
    """Of its picture; None where there is none."""
    verdict: str
    reason: str
    size: str
    judged_by: str
    """How many reference images."""
    figures: tuple[Figure, ...]
    source: ShownSource | None
    nearest: tuple[ShownImage, ...]
    basis: tuple[Figure, ...]
    """What the judgement rests on."""
    numbers: tuple[Figure, ...]
    """Every column of the record."""
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardsPage:
    """What the page shows; its fields are the names in the template."""

    cards: tuple[ShownCard, ...]
    title: str
    more: int
    """Cards for which the page has no room."""
    pictures: Mapping[str, Thumbnail]
    """By their keys."""
    versions: Mapping[str, str] = field(default_factory=lambda: {"rara": __version__})


def page_html(cards: Sequence[WithImages]) -> str:
    """The page of the first cards; every text is escaped."""
    return rendered("originality.html.j2", _page(cards, LARGE, SMALL))


def save_page(cards: Sequence[WithImages], path: Path) -> None:
    """Write the page, one HTML file that needs nothing else."""
    write_text(path, page_html(cards))


def notebook_html(content: CardContent, shown: Shown) -> str:
    """A card as a notebook shows it: small pictures, the verdict, and what it rests on."""
    return rendered(
        "notebook_originality.html.j2", _page([(content, shown)], IN_NOTEBOOK, IN_NOTEBOOK // 2)
    )


def _page(cards: Sequence[WithImages], large: int, small: int) -> CardsPage:
    album = Album()
    shown = tuple(_shown(*card, album, large, small) for card in cards[:SHOWN])
    title = f"{shown[0].verdict.capitalize()}" if len(cards) == 1 else (
        f"Cards of {counted(len(cards), 'picture')}"
    )  # fmt: skip
    return CardsPage(
        cards=shown, title=title, more=len(cards) - len(shown), pictures=album.thumbnails
    )


def _shown(content: CardContent, shown: Shown, album: Album, large: int, small: int) -> ShownCard:
    row, names = Row(content.record), shown.names
    source = row.text("source")
    edges = {names[one.sha256]: small for one in content.neighbours if one.sha256 in names}
    if source is not None and source in names:
        edges[names[source]] = large
    keys = album.add_all("reference", edges, shown.pictures)
    own = album.add_all("samples", {shown.sample: large}, shown.pictures)
    return ShownCard(
        name=shown.sample or image_name(content.image.sha256, {}),
        key=own.get(shown.sample),
        verdict=verdict_of(content),
        reason=reason_of(content, names),
        size=f"{content.image.width:,} × {content.image.height:,} pixels",
        judged_by=counted(content.reference.count, "reference image"),
        figures=tuple(figures_of(content, names)),
        source=_source(row, source, names, keys),
        nearest=tuple(_image(one.sha256, names, keys, nearness(one)) for one in content.neighbours),
        basis=tuple(_basis(content)),
        numbers=tuple(_numbers(content, names)),
        digest=digest_of(content.to_json()),
    )


def _image(digest: str, names: Names, keys: Mapping[str, str], text: str) -> ShownImage:
    name = names.get(digest)
    return ShownImage(
        name=image_name(digest, names), digest=digest, text=text,
        key=None if name is None else keys.get(name),
    )  # fmt: skip


def _source(
    row: Row, source: str | None, names: Names, keys: Mapping[str, str]
) -> ShownSource | None:
    evidence = picture_evidence(row)
    if source is None or evidence is None:
        return None
    text = overlap(evidence.sample_region, evidence.source_region)
    return ShownSource(image=_image(source, names, keys, text), evidence=evidence)


def _basis(content: CardContent) -> list[Figure]:
    options, network = options_of(content), content.extractor
    rows = {
        "Reference": reference_of(content),
        "Its fingerprint": content.reference.fingerprint,
        "Options": options,
        "Extractor": f"{network.name}, {network.preprocessing}, {network.precision}",
        "Its weights": network.weights,
        "Picture": content.image.sha256,
        "Its vector": content.image.vector,
        "Made with": ", ".join(
            f"{name} {version}"
            for name, version in {"rara": content.rara, **content.versions}.items()
        ),
    }
    return [Figure(label=label, text=text) for label, text in rows.items()]


def _numbers(content: CardContent, names: Names) -> list[Figure]:
    """Every column of the record, its images by the names that they have here."""
    return [
        Figure(
            label=name,
            text=image_name(str(value), names)
            if name in IMAGES and value is not None
            else value_in_words(value),
        )
        for name, value in content.record.items()
        if name not in ("reason", "source_region", "rarity_by_k")
    ]
