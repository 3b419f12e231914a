"""How a reference is cleaned before samples are judged: duplicates left out, balls clipped.

features, neighbour lists --Cleaning--> fewer of both, and the largest radius that counts

Nothing by default: scores are those published, on the reference as given. The cleaning is
kept with the reference and is part of every result's provenance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Literal, TypedDict, get_args

import numpy as np

from rara.arguments import number
from rara.duplicates.find import alike, exact_alike
from rara.duplicates.statistics import Integers, first_alike
from rara.duplicates.units import FOUND, one_a_unit
from rara.errors import ParameterError
from rara.features import neighbours as neighbourhood
from rara.features.features import Features
from rara.geometry import Boundary, Nearest
from rara.provenance.parts import CleaningPart
from rara.run import Run
from rara.scores import BallGeometry
from rara.storage.folder import StoredFolder

Duplicates = Literal["exact", "near"]


class CleaningOptions(TypedDict):
    """The keywords of `Reference.fit` that clean it, and what its folder says of them."""

    deduplicate: Duplicates | None
    unit: str | None
    clip_radii: float | None


@dataclass(frozen=True, slots=True)
class Cleaning:
    """How a reference is cleaned."""

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
        """The one in a reference folder; none where the folder has no such fact.

        Folders of earlier versions call it `treatment`. Raises DamagedStoreError where it is not
        one that `facts` gives.
        """
        facts = stored.facts.get("cleaning", stored.facts.get("treatment", {}))
        if not isinstance(facts, Mapping):
            raise stored.wrong("an unknown cleaning")
        try:
            cleaning = cls(**facts)
        except (TypeError, ParameterError):
            raise stored.wrong("an unknown cleaning") from None
        if not isinstance(cleaning.unit, (str, NoneType)):
            raise stored.wrong("a unit that is no text")
        return cleaning

    def facts(self) -> CleaningOptions:
        """The same for a reference folder, and for `Reference.fit`."""
        return {"deduplicate": self.deduplicate, "unit": self.unit, "clip_radii": self.clip_radii}

    def neighbourhood(
        self, features: Features, k: int, run: Run, depth: int = 0
    ) -> tuple[Features, Nearest]:
        """The images that are kept, and their neighbour lists.

        `depth`: how long lists are at least, where there are so many and duplicates stay.
        """
        features = self.one_a_unit(features, k, run)
        depth = depth if self.deduplicate is None else 0
        nearest = neighbourhood.find(features, k, run, depth=depth)
        return self._deduplicated(features, nearest, k, run)

    def one_a_unit(
        self, features: Features, k: int, run: Run, *, side: str = "reference"
    ) -> Features:
        """The features with one image of each unit, where units are asked for."""
        if self.unit is None:
            return features
        return one_a_unit(features, self.unit, k, run, side=side)

    def grown(
        self, features: Features, nearest: Nearest, k: int, run: Run
    ) -> tuple[Features, Nearest]:
        """The same of a cleaned reference that more images have joined, with its lists at hand."""
        self.check_growth()
        if self.unit is not None:
            return self.neighbourhood(features, k, run)
        return self._deduplicated(features, nearest, k, run)

    def check_growth(self) -> None:
        """Raise ParameterError where no images can join a reference cleaned in this way."""
        if self.unit == FOUND:
            raise ParameterError(
                "Units that are found change as images are added: build the reference anew of all."
            )

    def _deduplicated(
        self, features: Features, nearest: Nearest, k: int, run: Run
    ) -> tuple[Features, Nearest]:
        """The images that are kept, and their neighbour lists as if there had been no others."""
        reasons = {} if self.deduplicate is None else _reasons(features, nearest, self, run)
        if not reasons:
            return features, nearest
        kept = np.ones(len(features), dtype=np.bool_)
        kept[list(reasons)] = False
        if (different := int(kept.sum())) <= k:
            raise ParameterError(
                f"{different:,} of {len(features):,} reference images are left where duplicates "
                f"are left out: k = {k} needs at least {k + 1}."
            )
        left = features.leave_out(reasons)
        return left, neighbourhood.shrink(left, nearest, kept, run)

    def check(self, boundary: Boundary) -> None:
        """Raises ParameterError where a rule of the balls has no such cleaning."""
        if self.clip_radii is not None and boundary == "official":
            raise ParameterError(
                f"The radii of this reference are clipped at {self.clip_radii:g}, those of the "
                "authors' code are not: make a reference without clip_radii for compat='official'."
            )

    def describe(self, features: Features, geometry: BallGeometry) -> CleaningPart:
        """What was done, for the provenance of results with this geometry."""
        largest2 = geometry.largest2
        clipped = int(np.count_nonzero(geometry.knn2 > largest2))
        return CleaningPart(
            deduplicate=self.deduplicate,
            unit=self.unit,
            clip_radii=self.clip_radii,
            left_out=len(features.left_out),
            largest_radius=None if math.isinf(largest2) else math.sqrt(largest2),
            clipped=clipped,
        )


def _reasons(features: Features, nearest: Nearest, cleaning: Cleaning, run: Run) -> dict[int, str]:
    """Why each image goes that is like an earlier one, by row."""
    exact = first_alike(len(features), exact_alike(features, nearest))
    first = exact
    if cleaning.deduplicate == "near":
        pairs = alike(features, nearest, run)
        first = first_alike(len(features), pairs.exact, pairs.near)
    return _why(features.ids, first, exact)


def _why(ids: list[str], first: Integers, exact: Integers) -> dict[int, str]:
    gone = np.flatnonzero(first != np.arange(len(first))).tolist()
    kind = {row: "exact" if exact[row] == exact[first[row]] else "near" for row in gone}
    return {row: f"{kind[row]} duplicate of '{ids[first[row]]}'" for row in gone}
