"""What the explorer's server takes for many points: the map, and every answer that grows with them.

    python benchmarks/explorer_data.py [POINTS] [DIMENSIONS]      # 1,000,000 and 64 unless given

Half of the points are a reference, half samples, both of 40 clusters. Their table is that of 2,000
samples, repeated: the figures are of the server, not of judging. Times of the processor are of all
threads together, so they hold on a busy machine too.
"""

import resource
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from rara import Features, Reference, Run, ScoreTable
from rara.explorer.explored import SAMPLE, Explored
from rara.explorer.maps import map_of
from rara.explorer.nearest import neighbours_of
from rara.explorer.serving import Serving
from rara.explorer.streams import compressed, points_stream
from rara.reference.geometry import ReferenceGeometry

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


@contextmanager
def timed(what):
    """Prints how long a part takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what:<44} {wall:8.2f} s   {cpu:8.2f} s of the processor")


def megabytes(pieces):
    sizes = [len(piece) for piece in pieces]
    return f"{sum(sizes) / 1e6:.1f} MB, at most {max(sizes) / 1e6:.2f} MB at once"


def resident():
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096 / 1e9


def main():
    points, dimensions = (
        int(one) for one in [*sys.argv[1:], *("1000000", "64")[len(sys.argv) - 1 :]]
    )
    seen = made_up(points, dimensions)
    before = resident()
    with tempfile.TemporaryDirectory() as cache:
        run = Run(cache=Path(cache))
        with timed("map, the first time"):
            made = map_of(seen, run)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"{made.sentence}\nmemory {before:.2f} GB before, {peak:.2f} GB at most")
        with timed("map from the cache, and all else at the start"):
            serving = Serving.of(seen, run=run)
        with timed("about.json, the first time"):
            serving.about.to_json()
        with timed("about.json"):
            serving.about.to_json()
        with timed("points.arrow"):
            print(megabytes(points_stream(seen, made)))
        with timed("points.arrow, compressed"):
            print(megabytes(compressed(points_stream(seen, made))))
        with timed("table.arrow, verdict and rarity"):
            print(megabytes(serving.table(["verdict", "rarity"])))
        with timed("reference.arrow"):
            print(megabytes(serving.reference()))
        neighbours_of(seen, SAMPLE, 0, 12, run)
        neighbours_of(seen, SAMPLE, 0, 12, run)
        with timed("neighbours of a sample, warm"):
            neighbours_of(seen, SAMPLE, 5, 12, run)


if __name__ == "__main__":
    main()
