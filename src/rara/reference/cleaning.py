"""What is done to a reference before it is believed: duplicates left out, huge balls clipped.

features, neighbour lists --Cleaning--> fewer of both, and the largest radius that counts

Nothing by default: scores are those published, on the reference as given. What was done is
kept with the reference and is part of every result's provenance.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from types import NoneType
from typing import Any, Literal, get_args

import numpy as np

from rara.arguments import number
from rara.duplicates.find import alike, exact_alike
from rara.duplicates.statistics import Integers, first_alike
from rara.duplicates.units import FOUND, one_a_unit
from rara.errors import ParameterError
from rara.features import neighbours as neighbourhood
from rara.features.features import Features
from rara.geometry import Boundary, Nearest
from rara.provenance.parts import TreatmentPart
from rara.run import Run
from rara.scores import BallGeometry
from rara.storage.folder import StoredFolder

Duplicates = Literal["exact", "near"]


@dataclass(frozen=True, slots=True)
class Cleaning:
    """How a reference is treated."""

    deduplicate: Duplicates | None = None
    """Of images that are alike the first is kept: of those with the same content or vector,
    or of those that are nearer to each other than their neighbourhoods explain, too."""
    unit: str | None = None
    """Of images that share a unit one is kept (`rara.duplicates.units`), before duplicates go."""
    clip_radii: float | None = None
    """No ball counts as larger than the radius at this quantile of all radii."""

    def __post_init__(self) -> None:
        if self.deduplicate not in (None, *get_args(Duplicates)):
            raise ParameterError(
                f"deduplicate = {self.deduplicate!r}: give 'exact' or 'near', or None."
            )
        if self.clip_radii is not None and not 0 < number(self.clip_radii, "clip_radii") <= 1:
            raise ParameterError(
                f"clip_radii = {self.clip_radii:g}: give a quantile of the radii such as 0.99, "
                "above 0 and at most 1."
            )

    @classmethod
    def of(cls, stored: StoredFolder) -> Cleaning:
        """The one that a reference folder tells of; none in folders that tell nothing.

        Raises DamagedStoreError where it is none that there is.
        """
        said = stored.facts.get("treatment", {})
        try:
            treatment = cls(**said)
        except (TypeError, ParameterError):
            raise stored.wrong("an unknown treatment") from None
        if not isinstance(treatment.unit, (str, NoneType)):
            raise stored.wrong("a unit that is no text")
        return treatment

    def facts(self) -> dict[str, Any]:
        """The same for a reference folder."""
        return asdict(self)

    def neighbourhood(self, features: Features, k: int, run: Run) -> tuple[Features, Nearest]:
        """The images that are kept, and their neighbour lists."""
        features = self.one_a_unit(features, k, run)
        return self._deduplicated(features, neighbourhood.find(features, k, run), k, run)

    def one_a_unit(
        self, features: Features, k: int, run: Run, *, side: str = "reference"
    ) -> Features:
        """The features with one image of each unit, where units are asked for."""
        if self.unit is None:
            return features
        return one_a_unit(features, self.unit, k, run, side=side)

    def grown(
        self, features: Features, found: Nearest, k: int, run: Run
    ) -> tuple[Features, Nearest]:
        """The same of a treated reference that more images have joined, whose lists are known."""
        self.check_growth()
        if self.unit is not None:
            return self.neighbourhood(features, k, run)
        return self._deduplicated(features, found, k, run)

    def check_growth(self) -> None:
        """Raise ParameterError where no images can join a reference so treated."""
        if self.unit == FOUND:
            raise ParameterError(
                "Units that are found change as images are added: build the reference anew of all."
            )

    def _deduplicated(
        self, features: Features, found: Nearest, k: int, run: Run
    ) -> tuple[Features, Nearest]:
        """The images that are kept, and their neighbour lists as if there had been no others."""
        reasons = {} if self.deduplicate is None else _reasons(features, found, self, run)
        if not reasons:
            return features, found
        kept = np.ones(len(features), dtype=np.bool_)
        kept[list(reasons)] = False
        if (different := int(kept.sum())) <= k:
            raise ParameterError(
                f"{different:,} of {len(features):,} reference images are left where duplicates "
                f"are left out: k = {k} needs at least {k + 1}."
            )
        left = features.leave_out(reasons)
        return left, neighbourhood.shrink(left, found, kept, run)

    def check(self, boundary: Boundary) -> None:
        """Raises ParameterError where a rule of the balls knows no such treatment."""
        if self.clip_radii is not None and boundary == "official":
            raise ParameterError(
                f"The radii of this reference are clipped at {self.clip_radii:g}, those of the "
                "authors' code are not: make a reference without clip_radii for compat='official'."
            )

    def describe(self, features: Features, geometry: BallGeometry) -> TreatmentPart:
        """What was done, for the provenance of results with this geometry."""
        largest2 = geometry.largest2
        clipped = int(np.count_nonzero(geometry.knn2 > largest2))
        return TreatmentPart(
            deduplicate=self.deduplicate,
            unit=self.unit,
            clip_radii=self.clip_radii,
            left_out=len(features.left_out),
            largest_radius=None if math.isinf(largest2) else math.sqrt(largest2),
            clipped=clipped,
        )


def _reasons(features: Features, found: Nearest, treatment: Cleaning, run: Run) -> dict[int, str]:
    """Why each image goes that is like an earlier one, by row."""
    exact = first_alike(len(features), exact_alike(features, found))
    first = exact
    if treatment.deduplicate == "near":
        pairs = alike(features, found, run)
        first = first_alike(len(features), pairs.exact, pairs.near)
    return _said(features.ids, first, exact)


def _said(ids: list[str], first: Integers, exact: Integers) -> dict[int, str]:
    gone = np.flatnonzero(first != np.arange(len(first))).tolist()
    kind = {row: "exact" if exact[row] == exact[first[row]] else "near" for row in gone}
    return {row: f"{kind[row]} duplicate of '{ids[first[row]]}'" for row in gone}
