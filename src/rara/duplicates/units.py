"""One image a unit: where images come in bursts, such as frames of one film, the unit is the burst.

features, key --one_a_unit--> features in which one image of each unit has a vector

Images of one burst are near to each other and to nothing else, so that a reference of bursts has
tiny balls: every image of a new scene lies outside all of them, and copies are nothing unusual.
What is exchangeable are scenes, not images. With one image drawn from each, an image of a new scene
is one more of them, and all p-values hold as exactly as they do where images are on their own; the
smallest is 1 / (scenes + 1). Equal content and equal pictures are found among all images
nonetheless. Compare the hierarchical calibration of Lee, Barber and Willett (arXiv 2306.06342),
which weights every image of a scene: for distances it holds too, for copies it does not.
"""

from __future__ import annotations

import posixpath

import numpy as np

from rara.duplicates.bursts import units_of
from rara.duplicates.statistics import Integers
from rara.errors import ParameterError
from rara.features import neighbours as neighbourhood
from rara.features.features import Features
from rara.features.metadata_groups import check_key, first_by_content, groups_of, named
from rara.run import Run
from rara.sources import Source

FOLDER, FOUND = "folder", "found"
"""In place of a key: the folder of each image, and the bursts that the audit finds."""


def check_unit(unit: str | None, **side: Features | Source) -> None:
    """Raise ParameterError where a unit is a key that no image of a side has."""
    if unit not in {None, FOLDER, FOUND}:
        check_key(unit, **side)


def one_a_unit(
    features: Features, by: str, k: int, run: Run, *, side: str = "reference"
) -> Features:
    """The features with the vector of one image of each unit; the others are left out and listed.

    `by`: a key of the images' metadata, `folder` or `found`. An image without that key is a unit
    of its own. Which image stays depends on the content of the unit's images alone: the one whose
    digest is the smallest, which is as good as drawn. Raises ParameterError where no image has the
    key, or too few units are left for k.
    """
    stays = first_by_content(features, _units(features, by, run, side))
    ids = features.ids
    gone = np.flatnonzero(stays != np.arange(len(ids)))
    reasons = {row: f"of the same unit as '{ids[stays[row]]}'" for row in gone.tolist()}
    if (units := len(ids) - len(reasons)) <= k:
        raise ParameterError(
            f"The {len(ids):,} images of the {side} are of {units:,} units by '{by}': k = {k} "
            f"needs at least {k + 1}."
        )
    return features.leave_out(reasons) if reasons else features


def _units(features: Features, by: str, run: Run, side: str) -> Integers:
    """(n,) the first image of the unit of each."""
    if by == FOUND:
        return units_of(features, neighbourhood.find(features, 1, run), run)
    if by == FOLDER:
        groups = named([posixpath.dirname(name) for name in features.ids])
    else:
        check_key(by, **{side: features})
        groups = groups_of(by, features)
    unit = np.arange(len(features))
    for rows in groups.rows.values():
        unit[rows] = rows[0]
    return unit
