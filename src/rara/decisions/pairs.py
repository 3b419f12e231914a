"""The decisions that bear on samples and a reference: contents become rows and ids.

decisions, samples, reference --judged_pairs--> JudgedPairs
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rara.decisions.decision import Decision
from rara.features.features import Features

_Places = Mapping[str, Sequence[tuple[int, str]]]
"""The rows and ids of the images with a content."""


@dataclass(frozen=True, slots=True)
class JudgedPairs:
    """The decisions on pairs of a sample and a reference image, by the row of the sample."""

    held: int
    """All decisions, also those on other pictures."""
    fingerprint: str
    """sha256 of all of them: contents and what was decided, in no order."""
    copies: Mapping[int, Mapping[str, Decision]]
    """Pairs decided to be copies, by the id of the reference image."""
    others: Mapping[int, Mapping[str, Decision]]
    """Pairs decided to be none."""
    looked_past: Mapping[int, NDArray[np.int32]]
    """The rows of the reference images in `others`, without images that were left out."""


def judged_pairs(
    decisions: Sequence[Decision],
    samples: Features,
    reference: Features,
    own: NDArray[np.int32] | None = None,
) -> JudgedPairs:
    """Which of these pairs are decided, in either order of the two contents.

    A decision holds for every image of the same content, also for one that was left out of the
    reference. `own`: the reference image that each sample is, and is not compared with.
    """
    partners: defaultdict[str, dict[str, Decision]] = defaultdict(dict)
    for one in decisions:
        partners[one.sample][one.source] = partners[one.source][one.sample] = one
    images = reference.done if own is not None else reference.embedded
    places = _places(images, partners)
    copies: dict[int, Mapping[str, Decision]] = {}
    others: dict[int, Mapping[str, Decision]] = {}
    past: dict[int, NDArray[np.int32]] = {}
    for content, rows in _places(samples.done, partners).items():
        decided = _decided(partners[content], places, len(reference))
        for row, _ in rows:
            itself = None if own is None else images["id"][int(own[row])].as_py()
            if mine := _without(decided.copies, itself):
                copies[row] = mine
            if mine := _without(decided.others, itself):
                others[row] = mine
                past[row] = decided.past
    return JudgedPairs(len(decisions), fingerprint_of(decisions), copies, others, past)


class _Decided(NamedTuple):
    """The decisions on one content, which all samples of that content share."""

    copies: Mapping[str, Decision]
    others: Mapping[str, Decision]
    past: NDArray[np.int32]


def _decided(partners: Mapping[str, Decision], places: _Places, images: int) -> _Decided:
    """`images`: those behind these are left out."""
    copies: dict[str, Decision] = {}
    others: dict[str, Decision] = {}
    past: list[int] = []
    for partner, decision in partners.items():
        for place, name in places.get(partner, ()):
            (copies if decision.copy else others)[name] = decision
            if not decision.copy and place < images:
                past.append(place)
    return _Decided(copies, others, np.array(past, np.int32))


def _without(decided: Mapping[str, Decision], itself: str | None) -> Mapping[str, Decision]:
    if itself is None or itself not in decided:
        return decided
    return {name: decision for name, decision in decided.items() if name != itself}


def fingerprint_of(decisions: Sequence[Decision]) -> str:
    """sha256 of the contents and what was decided of them; notes and dates do not count."""
    lines = sorted(f"{' '.join(one.pair)} {one.word}" for one in decisions)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _places(images: pa.Table, contents: Mapping[str, object]) -> _Places:
    """The rows and ids of the images that have one of these contents."""
    wanted = pc.is_in(images["digest"], value_set=pa.array(list(contents), pa.string()))
    rows = np.flatnonzero(wanted.to_numpy(zero_copy_only=False))
    some = images.take(pa.array(rows))
    places: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    triples = zip(rows.tolist(), some["digest"].to_pylist(), some["id"].to_pylist(), strict=True)
    for row, content, name in triples:
        places[content].append((row, name))
    return places
