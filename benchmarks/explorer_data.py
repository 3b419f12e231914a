"""What the explorer's server takes for many points: the map, and every answer that grows with them.

    python benchmarks/explorer_data.py [--points 1000000] [--dimensions 64] [--results FOLDER]

Half of the points are a reference, half samples, both of 40 clusters. Their table is that of 2,000
samples, repeated: the figures are of the server, not of judging. Times of the processor are of all
threads together, so they hold on a busy machine too.
"""

import os
import resource
import tempfile
from pathlib import Path

import numpy as np

from measuring import Row, cost, interleaved, parser, resident, save
from rara import Features, Reference, Run, ScoreTable
from rara.explorer.explored import SAMPLE, Explored
from rara.explorer.maps import map_of
from rara.explorer.nearest import neighbours_of
from rara.explorer.serving import Serving
from rara.explorer.streams import compressed, points_stream
from rara.reference.geometry import ReferenceGeometry

SIZES = {"points": 1_000_000, "dimensions": 64}
JUDGED = 2_000
CLUSTERS = 40


def drawn(rng, centres, count):
    """Points around the centres."""
    noise = rng.normal(size=(count, centres.shape[1])).astype(np.float32)
    return Features.from_arrays(noise + centres[rng.integers(0, len(centres), count)])


def made_up(points, dimensions):
    """A run of so many points; the neighbours within the reference are made up, too."""
    rng = np.random.default_rng(0)
    centres = 3 * rng.normal(size=(CLUSTERS, dimensions)).astype(np.float32)
    real, samples = (drawn(rng, centres, points // 2) for _ in range(2))
    few = Reference.from_features(real.vectors[:JUDGED])
    table = few.score_features(samples.vectors[:JUDGED])
    rows = np.arange(len(samples)) % len(table)
    arrow = table.arrow.take(rows)
    arrow = arrow.set_column(arrow.schema.get_field_index("id"), "id", samples.done["id"])
    d2 = np.sort(rng.random((len(real), 11)), axis=1)
    index = (np.arange(len(real))[:, None] + 1 + np.arange(11)) % len(real)
    geometry = ReferenceGeometry(real, d2, index.astype(np.int32), k=3)
    return Explored.of(ScoreTable(arrow, table.provenance), Reference(geometry), samples)


def megabytes(pieces):
    sizes = [len(piece) for piece in pieces]
    return f"{sum(sizes) / 1e6:.1f} MB, at most {max(sizes) / 1e6:.2f} MB at once"


def works(seen, run):
    """What is measured, by its name; each says what came of it, or nothing."""
    made, serving = [], []

    def map_is_made():
        made.append(map_of(seen, run))
        return made[0].sentence

    def starts():
        serving.append(Serving.of(seen, run=run))

    def described():
        serving[0].about.to_json()

    return {
        "map, the first time": map_is_made,
        "map from the cache, and all else at the start": starts,
        "about.json, the first time": described,
        "about.json": described,
        "points.arrow": lambda: megabytes(points_stream(seen, made[0])),
        "points.arrow, compressed": lambda: megabytes(compressed(points_stream(seen, made[0]))),
        "table.arrow, verdict and rarity": lambda: megabytes(
            serving[0].table(["verdict", "rarity"])
        ),
        "reference.arrow": lambda: megabytes(serving[0].reference()),
        "neighbours of a sample, the first time": lambda: found(seen, 0, run),
        "neighbours of a sample, warm": lambda: found(seen, 5, run),
    }


def found(seen, row, run):
    neighbours_of(seen, SAMPLE, row, 12, run)


def measured(work):
    spent, note = cost(work)
    return spent, note or ""


def main() -> None:
    size = parser(__doc__, SIZES).parse_args()
    seen = made_up(size.points, size.dimensions)
    before = resident()
    with tempfile.TemporaryDirectory() as cache:
        rows = [
            Row.of(lambda work=work: measured(work), what=name)
            for name, work in works(seen, Run(cache=Path(cache))).items()
        ]
        kept = interleaved(rows, 1)
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = {"before": before, "peak": peak}
    save(size.results, "explorer_data", settings=size, rows=kept, memory=memory,
         load=os.getloadavg()[0])  # fmt: skip


if __name__ == "__main__":
    main()
