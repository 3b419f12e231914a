"""What a card holds, as typed records: their fields are the keys of its JSON.

    making --CardContent--> JSON --content_of--> CardContent, believed

Every image is named by the sha256 of its content: of a file that of its bytes, of pixels in memory
that of the pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from rara.cards.record import checked_record, is_digest
from rara.errors import CardError
from rara.extractors.base import Spec
from rara.provenance.json_format import JsonObject, LacksKeyError, WrongKindError, decoded, encoded

if TYPE_CHECKING:
    from rara.report.thumbnails import Pictures

KIND: Final = "rara originality card"
SCHEMA: Final = 1
"""It rises when a key changes its meaning, comes or goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardImage:
    """The picture that was judged."""

    sha256: str
    """Of its content."""
    width: int
    """Pixels of the upright picture."""
    height: int
    """The same, from top to bottom."""
    vector: str
    """sha256 of its vector, as distances are taken of it: float32, little-endian."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A reference image near the picture."""

    sha256: str
    """Of its content."""
    distance: float
    """Between the vectors of both."""
    radius: float
    """Of its ball; the picture lies inside where the distance is smaller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardCleaning:
    """How the reference was cleaned."""

    deduplicate: str | None
    """Which repeats were left out: `exact`, `near`, or none."""
    unit: str | None
    """Of which bursts one image was kept; null without."""
    clip_radii: float | None
    """The quantile that no ball counts as larger than; null without."""
    left_out: int
    """Images that were left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardReference:
    """The real images that the picture was judged by."""

    fingerprint: str
    """sha256 over the extractor and the content of every image, in order."""
    count: int
    """How many there are."""
    metric: str
    """How vectors are compared."""
    cleaning: CardCleaning
    """How it was cleaned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardOptions:
    """The options that numbers depend on."""

    k: int
    """A ball reaches to the k-th nearest other reference image."""
    alpha: float
    """The error rate of the verdicts."""
    boundary: Literal["open", "closed"]
    """Whether a ball holds a point exactly on its surface."""
    compat: Literal["official"] | None
    """Whether the numbers are those of the authors' published code."""
    also: tuple[str, ...]
    """Columns that were made on request."""
    evidence: Literal["none", "near", "all"]
    """Whether the picture was compared with reference images picture by picture."""
    copy_network: Spec | None
    """The network of a further test for copies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardThresholds:
    """From where on a picture is called what; null where there is no such verdict."""

    rare: float | None
    """A percentile of rarity."""
    uncommon: float | None
    """A percentile of rarity."""
    shortfall: str | None
    """Why there may be no verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardCalibration:
    """What the p-values rest on: the reference's own images."""

    method: Literal["full conformal", "leave-one-out", "held-out"]
    """How they calibrate the p-values of distances."""
    rarity_method: Literal["full conformal", "leave-one-out", "held-out"]
    """The same of the percentiles of rarity."""
    copy_statistic: str
    """The column that the test for copies by vectors is of."""
    real_images: int
    """Real images that the picture is compared with."""
    real_images_inside: int
    """Those of them inside balls."""
    smallest_off_manifold_p: float
    """The smallest p-value of being off the manifold that there can be."""
    smallest_copy_p: float
    """The same of an exact copy."""
    near_copy_p: float
    """The p-value of any near copy."""
    repeating: int
    """Real images that repeat others as closely as copies do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardEvidence:
    """The comparison of the pictures themselves."""

    images: int
    """Reference images that the picture could have been found in; the p-value counts them all."""
    unavailable: int
    """Pictures that could not be read again, and so were not compared."""
    indexed: bool
    """Whether an index of the reference's local features named candidates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardContent:
    """All of a card but its digest."""

    kind: Literal["rara originality card"] = KIND
    """What the file is."""
    schema: int = SCHEMA
    """The version of these keys."""
    rara: str
    """The version that made it."""
    image: CardImage
    """The picture."""
    record: Mapping[str, object]
    """Columns of a score table by name. Images have digests there, infinity is the word `infinity`,
    and what has no value is null."""
    neighbours: tuple[Neighbour, ...]
    """The nearest reference images, the nearest first."""
    reference: CardReference
    """What the picture was judged by."""
    extractor: Spec
    """What made the vectors, with its preprocessing."""
    options: CardOptions
    """What was asked for."""
    thresholds: CardThresholds | None
    """From where on a picture is called what; null with the authors' code."""
    calibration: CardCalibration | None
    """What the p-values rest on."""
    evidence: CardEvidence | None
    """The comparison of the pictures; null where there was none."""
    versions: Mapping[str, str]
    """Python and the packages that numbers could depend on."""

    def to_json(self) -> JsonObject:
        """Keys and values that JSON can hold, in their order."""
        keys: JsonObject = encoded(self)
        return keys


@dataclass(frozen=True, slots=True)
class Shown:
    """What a card is shown with, and does not hold: names and pictures, where they are at hand."""

    sample: str = ""
    """What the picture is called here."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What reference images are called here, by digest."""
    pictures: Pictures | None = None


def content_of(value: JsonObject) -> CardContent:
    """The typed content. Raises CardError for another schema, and for what rara does not write."""
    if value.get("kind") != KIND:
        raise CardError("it is no originality card")
    schema = value.get("schema")
    if type(schema) is not int or schema < 1:
        raise CardError("it does not say of which schema it is")
    if schema > SCHEMA:
        by = str(value.get("rara"))[:20]
        raise CardError(
            f"it has schema {str(schema)[:20]} of rara {by}, and this version reads up to "
            f"{SCHEMA}: install a later one"
        )
    try:
        content = decoded(CardContent, value, "card")
    except LacksKeyError as error:
        raise CardError(f"it lacks '{error}'") from None
    except WrongKindError as error:
        raise CardError(f"it holds what rara does not write ({error})") from None
    checked_record(content.record)
    digests = [content.image.sha256, content.image.vector, content.reference.fingerprint]
    if not all(map(is_digest, [*digests, *(one.sha256 for one in content.neighbours)])):
        raise CardError("it holds a digest that is none")
    if encoded(content) != value or list(value) != list(content.to_json()):
        raise CardError("its keys have another order, or values of another kind, than rara writes")
    return content
