"""Direct evidence beside the tests for copies: the columns that name a source.

    copy_p, pixel hashes, nearest images --candidates_near--> what is looked at
    FoundSources --with_sources--> source, source_p, source_region, source_edit, and copy_p

Direct evidence is judged by what unrelated pictures give, so it needs no calibration by real
images: 20 reference images can name a source as well as a million. The smaller of the tests'
p-value and `WEIGHT` times that of the evidence counts. So of real images at most 1.01 times the
level are called: the level by the tests, and a hundredth of it by evidence. Evidence with a p-value
of at most 10^-6 is a fact, and stands as it is.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rara.features.features import Features
from rara.features.made_once import made_once
from rara.geometry.hamming import NONE
from rara.provenance.parts import EvidencePart
from rara.retrieval.finding import (
    NEAR_BITS,
    Candidates,
    FoundSources,
    Looking,
    candidates_by_hash,
    searched,
    small_and_near,
)
from rara.retrieval.sources import CERTAIN, WEIGHT
from rara.run import Run
from rara.scores import BallGeometry, Columns

REGIONS = pa.list_(pa.list_(pa.list_(pa.float64())))

_NEIGHBOURS = 3
"""Of a sample's nearest images, those that are searched for regions."""


def candidates_near(
    columns: Columns,
    samples: Features,
    reference: Features,
    geometry: BallGeometry,
    looking: Looking,
    alpha: float,
    run: Run,
    *,
    indexed: bool,
) -> Candidates:
    """The reference images that each sample is compared with.

    `indexed`: whether an index of the reference can name more.
    """
    bits = NEAR_BITS if looking == "near" else NONE - 1
    own = geometry.own
    by_hash = candidates_by_hash(samples, reference, own=own, at_most=bits, threads=run.threads)
    neighbours: pa.ListArray = columns["neighbors"]
    rows = made_once(
        reference, "rows by id", lambda: {id_: row for row, id_ in enumerate(reference.ids)}
    )
    nearest = [
        {rows[one["id"]] for one in some[:_NEIGHBOURS]} | set(by_hash.get(row, [])[:_NEIGHBOURS])
        for row, some in enumerate(neighbours.to_pylist())
    ]
    regions = searched(columns["copy_p"], looking, nearest, alpha, indexed=indexed)
    never = {} if own is None else {row: [int(one)] for row, one in enumerate(own)}
    aligned = small_and_near(columns["copy_p"], samples, nearest)
    return Candidates(by_hash, regions, never, aligned)


def with_sources(columns: Columns, reference: Features, found: FoundSources | None) -> Columns:
    """The columns with what direct evidence says; null where nothing was found.

    `source`: the reference image. `source_p`: how often the best of all reference images gives as
    much by chance; lower is more like a copy. `source_region`: the polygons of the sample and of
    the source, from 0 to 1 of width and height. `source_edit`: in words.
    """
    count = len(columns["copy_p"])
    sources = {} if found is None else found.sources
    rows = [sources.get(row) for row in range(count)]
    p = np.array([np.nan if one is None else one[1].p for one in rows], np.float64)
    ids = reference.done["id"].combine_chunks()
    named = pa.array([None if one is None else one[0] for one in rows], pa.int64())
    regions = [
        None if one is None else [one[1].sample_region.tolist(), one[1].source_region.tolist()]
        for one in rows
    ]
    edits = [None if one is None else one[1].edit for one in rows]
    certain = certain_copies({"source_p": p})
    return {
        **columns,
        "copy_p": np.fmin(columns["copy_p"], np.where(certain, p, WEIGHT * p)),
        "source": ids.take(named),
        "source_p": p,
        "source_region": pa.array(regions, REGIONS),
        "source_edit": pa.array(edits, pa.string()),
    }


def certain_copies(columns: Columns) -> NDArray[np.bool_]:
    """Samples that are copies as a fact: evidence that one in a million real images gives."""
    certain: NDArray[np.bool_] = columns["source_p"] <= CERTAIN
    return certain


def evidence_part(columns: Columns, found: FoundSources) -> EvidencePart:
    """What the provenance records."""
    looked = found.looked
    return EvidencePart(
        looking=looked.looking, images=looked.images, as_whole=looked.as_whole,
        by_features=looked.by_features, named=len(found.sources),
        certain=int(np.count_nonzero(certain_copies(columns))), unavailable=looked.unavailable,
        indexed=looked.indexed, index_problem=looked.index_problem,
    )  # fmt: skip
