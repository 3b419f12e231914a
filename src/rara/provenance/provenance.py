"""What was judged against what, how, and with which versions.

parts --Provenance--to_json--> the record in a file --from_json--> Provenance

A record of an earlier schema is read by the names of today, with a note that says so.

As a mapping it has the keys and values of its JSON: `table.provenance["k"]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from rara.errors import ParameterError
from rara.extractors.base import Spec
from rara.provenance import parts
from rara.provenance.earlier_names import with_current_names
from rara.provenance.json_format import (
    OMITTED,
    Json,
    JsonObject,
    LacksKeyError,
    WrongKindError,
    decoded,
    encoded,
)
from rara.provenance.sampling import SamplingPart
from rara.provenance.selection import SelectionPart

SCHEMA = 2
"""Of the JSON. It rises when a key changes its meaning; a key that is added has a default."""


class AsJson(Mapping[str, Json]):
    """A record that is written to files, read by keys or by attributes."""

    __slots__ = ()

    def to_json(self) -> JsonObject:
        """Keys and values that JSON can hold."""
        value: JsonObject = encoded(self)
        return value

    @classmethod
    def from_json(cls, value: object, place: str = "") -> Self:
        """The record that `to_json` wrote, in this version or an earlier one.

        `place`: the file that it comes from, for errors. Raises ParameterError where a key is
        missing that has no default, or unknown, or where a value is of another kind. `notes` say
        which keys are read by new names.
        """
        what = f"'{place}'" if place else "The provenance"
        value = _of_this_schema(value, what)
        try:
            return decoded(cls, value, "provenance")
        except LacksKeyError as error:
            by = value.get("rara", UNKNOWN) if isinstance(value, Mapping) else UNKNOWN
            key = str(error).removeprefix("provenance.")
            raise ParameterError(
                f"{what} was written by rara {str(by)[:80]} and lacks '{key}', which this version "
                "needs: score the samples again."
            ) from None
        except WrongKindError as error:
            raise ParameterError(
                f"{what} holds what rara does not write ({error}): score the samples again."
            ) from None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self)})"

    def __getitem__(self, key: str) -> Json:
        return self.to_json()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.to_json())

    def __len__(self) -> int:
        return len(self.to_json())


UNKNOWN = "an unknown version"


def _of_this_schema(value: object, what: str) -> object:
    """A record of an earlier schema by the names of today, with one note where they differ."""
    schema = value.get("schema", 0) if isinstance(value, Mapping) else SCHEMA
    if not isinstance(value, Mapping) or type(schema) is not int or schema == SCHEMA:
        return value
    if schema > SCHEMA:
        raise ParameterError(
            f"{what} has a provenance of schema {str(schema)[:20]}, and this version of rara reads "
            f"up to {SCHEMA}: install a later one."
        )
    current, changed = with_current_names(value)
    if changed:
        by = str(value.get("rara", UNKNOWN))[:80]
        note = f"Written by rara {by} with earlier names: {', '.join(changed)} now."
        current["notes"] = [note]
    return {**current, "schema": SCHEMA}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Provenance(AsJson):
    """What the scores of a table are relative to. Equal where the JSON is."""

    schema: int = SCHEMA
    rara: str = UNKNOWN
    """The version that judged."""
    samples: parts.SamplesPart
    reference: parts.ReferencePart
    calibration: parts.CalibrationPart | None = None
    two_sample: parts.TwoSamplePart | parts.NoTwoSample | None = None
    verdict: parts.VerdictPart | None = None
    leave_one_out: bool = False
    k: int
    boundary: str
    compat: str | None = None
    extractor: Spec | None
    """None for vectors whose extractor is unknown."""
    engine: parts.EnginePart | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] | None = field(default=None, metadata=OMITTED)
    """What was changed when the record of an earlier version was read."""
    repeats: parts.RepeatsPart | None = field(default=None, metadata=OMITTED)
    groups: parts.GroupsPart | None = field(default=None, metadata=OMITTED)
    siblings: parts.SiblingsPart | None = field(default=None, metadata=OMITTED)
    families: parts.FamiliesPart | None = field(default=None, metadata=OMITTED)
    opinions: parts.OpinionsPart | None = field(default=None, metadata=OMITTED)
    decisions: parts.DecisionsPart | None = field(default=None, metadata=OMITTED)
    copy_network: parts.CopyNetworkPart | None = field(default=None, metadata=OMITTED)
    evidence: parts.EvidencePart | None = field(default=None, metadata=OMITTED)
    selection: SelectionPart | None = field(default=None, metadata=OMITTED)
    sampling: SamplingPart | None = field(default=None, metadata=OMITTED)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SiblingsProvenance(AsJson):
    """What a comparison of siblings is relative to: there is no reference."""

    schema: int = SCHEMA
    rara: str = UNKNOWN
    samples: parts.SamplesPart
    k: int
    extractor: Spec | None
    siblings: parts.SiblingsPart


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SearchProvenance(AsJson):
    """What the matches of a search are relative to."""

    schema: int = SCHEMA
    rara: str = UNKNOWN
    samples: parts.SamplesPart
    reference: parts.SearchedPart
    by: Literal["copy", "look", "meaning"]
    top: int
    candidates: tuple[str, ...]
    """What named the images that were compared."""
    index_problem: str | None = None
    """Why an index that is there was not used; a sentence."""
    extractor: Spec | None
    sheets: tuple[parts.SplitSheet, ...] = ()
    """Contact sheets that were split."""
