"""Scores that are made on request: other families of k-NN scores.

They share the scan of the pairs with all axes. docs/explanation/trust.md measures what each
is good for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from rara.arguments import listed
from rara.errors import ParameterError
from rara.provenance.parts import FamiliesPart, FamilyPart
from rara.scores.axis import Axis, BallGeometry, Columns
from rara.scores.clipped_rarity import ClippedRarity
from rara.scores.local_outlier_factor import LocalOutlierFactor

Family = Literal["rarity_clipped", "local_outlier_factor"]


class OnRequest(Axis[Columns], Protocol):
    """An axis that not every table has."""

    def check(self) -> None:
        """Raises MissingPackageError where it is unavailable; called before long work."""

    def describe(self, geometry: BallGeometry) -> FamilyPart:
        """Its part of the provenance."""


FAMILIES: Mapping[Family, OnRequest] = {
    "rarity_clipped": ClippedRarity(),
    "local_outlier_factor": LocalOutlierFactor(),
}


@dataclass(frozen=True, slots=True)
class Families:
    """The scores requested, by the names of their columns.

    Raises ParameterError for an unknown name, and MissingPackageError where one is unavailable.
    """

    names: Collection[Family] = ()

    def __post_init__(self) -> None:
        for name in listed(self.names, "also"):
            if name not in FAMILIES:
                raise ParameterError(
                    f"also = {name!r}: give some of {', '.join(FAMILIES)}, in a list."
                )
            FAMILIES[name].check()

    @property
    def axes(self) -> tuple[Axis[Columns], ...]:
        """Their axes, each once."""
        return tuple(FAMILIES[name] for name in dict.fromkeys(self.names))

    def provenance(self, geometry: BallGeometry) -> FamiliesPart | None:
        """Their parts of the provenance; None where no score is requested."""
        return {name: FAMILIES[name].describe(geometry) for name in self.names} or None
