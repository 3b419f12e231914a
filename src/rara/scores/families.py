"""Other families of k-NN scores, beside the ones that every table has: made where asked for.

They share the pass over the pairs with all axes. Which to trust for what is measured in
docs/explanation/trust.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from rara.arguments import listed
from rara.errors import ParameterError
from rara.provenance.parts import FamiliesPart
from rara.scores.axis import Axis, BallGeometry
from rara.scores.clipped_rarity import ClippedRarity
from rara.scores.local_outlier_factor import LocalOutlierFactor

Family = Literal["rarity_clipped", "local_outlier_factor"]


class OnRequest(Axis, Protocol):
    """An axis that not every table has."""

    def check(self) -> None:
        """Raises where it is unavailable; before long work."""

    def describe(self, geometry: BallGeometry) -> dict[str, Any]:
        """What the provenance says of it."""


FAMILIES: Mapping[Family, OnRequest] = {
    "rarity_clipped": ClippedRarity(),
    "local_outlier_factor": LocalOutlierFactor(),
}


@dataclass(frozen=True, slots=True)
class Families:
    """Which ones are asked for, by the names of their columns."""

    names: Collection[Family] = ()

    def __post_init__(self) -> None:
        for name in listed(self.names, "also"):
            if name not in FAMILIES:
                raise ParameterError(
                    f"also = {name!r}: give some of {', '.join(FAMILIES)}, in a list."
                )
            FAMILIES[name].check()

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Those, each once."""
        return tuple(FAMILIES[name] for name in dict.fromkeys(self.names))

    def provenance(self, geometry: BallGeometry) -> FamiliesPart | None:
        """What is said of them; None where none is asked for."""
        told: dict[str, Mapping[str, Any]] = {
            name: FAMILIES[name].describe(geometry) for name in self.names
        }
        return told or None
