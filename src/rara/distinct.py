"""Which images of a reference are alike, and the neighbour lists of those that are different.

features, neighbour lists --alike--> exact pairs, different images, near pairs among them

Near duplicates are looked for once exact ones are gone: images at distance 0 tell nothing
about how the others are strewn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rara import neighbourhood
from rara.duplicates import Company, Integers, Pairs, company, exact_pairs, first_alike, near_pairs
from rara.geometry import Nearest
from rara.run import Run
from rara.store import Features


@dataclass(frozen=True, slots=True)
class Alike:
    """What `alike` found; all rows are those of the whole reference but for `nearest`."""

    exact: Pairs
    near: Pairs
    rows: Integers
    """The images that are left where of each group of exact duplicates the first is kept."""
    nearest: Nearest
    """Their neighbour lists among themselves, as rows of `rows`."""
    company: Company
    """The company of each of them."""

    @property
    def dimension(self) -> float:
        """In how many dimensions they are strewn, in the middle; NaN where nobody can tell."""
        known = self.company.dimension[~np.isnan(self.company.dimension)]
        return float(np.median(known)) if known.size else math.nan


def alike(features: Features, found: Nearest, run: Run) -> Alike:
    """Exact and near duplicates of a whole reference, whose neighbour lists are `found`."""
    exact = exact_pairs(features.done["digest"].to_numpy(), found)
    kept = first_alike(len(features), exact) == np.arange(len(features))
    rows = np.flatnonzero(kept)
    nearest = found
    if len(rows) < len(features):
        left = features.take(rows, features.location)
        nearest = neighbourhood.shrink(left, found, kept, run)
    near = company(nearest, nearest)
    pairs = near_pairs(nearest, near)
    return Alike(exact, Pairs(rows[pairs.one], rows[pairs.other], pairs.d2), rows, nearest, near)
